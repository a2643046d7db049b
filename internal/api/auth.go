package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/perm"
)

func authOperations() []operation {
	return []operation{
		op("POST", "/api/auth/login", "login", perm.Open, "Sign in with a password; the answer is a session's token, also set as a cookie",
			(*server).login, text("the session's token")),
		op("POST", "/api/auth/logout", "logout", perm.Self, "End the session", (*server).logout, text("a sentence")),
		op("GET", "/api/auth/welcome", "welcomeInfo", perm.Open, "What a one-time link is for, without using it", (*server).welcome),
		op("POST", "/api/auth/welcome", "welcome", perm.Open, "Use a one-time link: set a password and open a session", (*server).acceptWelcome),
	}
}

type loginIn struct {
	Body Login
}

// Login is what somebody signs in with.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

func (s *server) login(ctx context.Context, in *loginIn) (*plain, error) {
	secret, token, err := s.Accounts.SignIn(ctx, in.Body.Email, in.Body.Password, callOf(ctx).r.RemoteAddr)
	if err != nil {
		return nil, err
	}
	out := plainText(secret)
	out.Cookie = s.cookie(secret, token.ExpiresAt)
	return out, nil
}

func (s *server) logout(ctx context.Context, _ *none) (*plain, error) {
	if err := s.Accounts.SignOut(ctx, callOf(ctx).who); err != nil {
		return nil, err
	}
	out := plainText("signed out")
	out.Cookie = s.cookie("", time.Unix(1, 0))
	return out, nil
}

// cookie holds a session in a browser: not readable by scripts, not sent along from other sites' forms.
func (s *server) cookie(secret string, expires time.Time) string {
	k := http.Cookie{
		Name: sessionCookie, Value: secret, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.BaseURL, "https://"),
	}
	if secret == "" {
		k.MaxAge = -1
	}
	return k.String()
}

type welcomeIn struct {
	Token string `query:"token" required:"true" doc:"the secret of the link"`
}

// Welcome is what a one-time link is for.
type Welcome struct {
	Email     string    `json:"email" doc:"of the user it signs in; empty when the holder chooses: the first administrator"`
	Name      string    `json:"name"`
	Exists    bool      `json:"exists" doc:"the user exists: the link signs in, and sets a password only when one is given"`
	First     bool      `json:"first" doc:"makes the first administrator"`
	Workspace string    `json:"workspace"`
	ExpiresAt time.Time `json:"expires_at"`
}

type welcomeOut struct {
	Body Welcome
}

func (s *server) welcome(ctx context.Context, in *welcomeIn) (*welcomeOut, error) {
	w, err := s.Accounts.Welcome(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	return &welcomeOut{Body: Welcome{w.Email, w.Name, w.Exists, w.First, w.Workspace, w.ExpiresAt}}, nil
}

type acceptWelcomeIn struct {
	Body AcceptWelcome
}

// AcceptWelcome is what the holder of a one-time link chooses.
type AcceptWelcome struct {
	Token    string `json:"token"`
	Email    string `json:"email,omitempty" doc:"only read from the first administrator"`
	Name     string `json:"name,omitempty"`
	Password string `json:"password,omitempty" doc:"may be left out by a user who exists"`
}

type acceptWelcomeOut struct {
	Cookie string `header:"Set-Cookie" hidden:"true"`
	Body   Welcomed
}

// Welcomed is where to go after a one-time link was used.
type Welcomed struct {
	Workspace string `json:"workspace" doc:"to go to; may be empty"`
	Token     string `json:"token" doc:"of the session, also set as a cookie"`
}

func (s *server) acceptWelcome(ctx context.Context, in *acceptWelcomeIn) (*acceptWelcomeOut, error) {
	var session account.Session
	session, err := s.Accounts.AcceptInvite(ctx, in.Body.Token, in.Body.Email, in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return &acceptWelcomeOut{
		Cookie: s.cookie(session.Secret, session.Token.ExpiresAt),
		Body:   Welcomed{Workspace: session.Workspace, Token: session.Secret},
	}, nil
}
