package api

import (
	"context"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
)

func userOperations() []operation {
	return []operation{
		op("GET", "/api/users/whoami", "globalWhoami", perm.Self, "Who is signed in", (*server).globalWhoami),
		op("GET", "/api/users/email", "getCurrentEmail", perm.Self, "The e-mail address of who is signed in", (*server).email, text("an e-mail address")),
		op("POST", "/api/users/setpassword", "setPassword", perm.SelfWrite, "Change one's password; ends all other sessions and tokens",
			(*server).setPassword, text("a sentence")),
		op("POST", "/api/users/tokens/create", "createToken", perm.SelfWrite, "Make a personal token; its secret is shown only now",
			(*server).createToken, created, text("the secret")),
		op("GET", "/api/users/tokens/list", "listTokens", perm.Self, "One's sessions and tokens, newest first", (*server).listTokens, strict),
		op("DELETE", "/api/users/tokens/delete/{token_prefix}", "deleteToken", perm.SelfWrite, "End a session or a token of one's own",
			(*server).deleteToken, text("a sentence")),
		op("GET", "/api/w/{workspace}/users/whoami", "whoami", perm.MembersRead, "Who is signed in, in the workspace", (*server).whoami),
		op("GET", "/api/w/{workspace}/users/list", "listUsers", perm.MembersRead, "The members of the workspace", (*server).listUsers),
		op("GET", "/api/w/{workspace}/users/list_usernames", "listUsernames", perm.MembersRead, "The user names of the workspace", (*server).listUsernames),
	}
}

// InWorkspace is the input of operations that need no more than the workspace.
type InWorkspace struct {
	Workspace string `path:"workspace"`
}

// GlobalWhoami is a user of the instance in Windmill's words.
type GlobalWhoami struct {
	Email         string  `json:"email"`
	LoginType     string  `json:"login_type" enum:"password"`
	SuperAdmin    bool    `json:"super_admin"`
	Verified      bool    `json:"verified"`
	Name          string  `json:"name,omitempty"`
	FirstTimeUser bool    `json:"first_time_user"`
	RoleSource    string  `json:"role_source" enum:"manual"`
	Disabled      bool    `json:"disabled"`
	WorkspaceID   *string `json:"workspace_id,omitempty"`
}

type globalWhoamiOut struct {
	Body GlobalWhoami
}

func (s *server) globalWhoami(ctx context.Context, _ *none) (*globalWhoamiOut, error) {
	who := callOf(ctx).who
	u, err := s.Store.UserGet(ctx, who.Email)
	if err != nil {
		return nil, err
	}
	return &globalWhoamiOut{Body: GlobalWhoami{
		Email: u.Email, LoginType: "password", SuperAdmin: who.Superadmin, Verified: true,
		Name: u.Name, FirstTimeUser: u.LastSeenAt.IsZero(), RoleSource: "manual", Disabled: u.Disabled,
	}}, nil
}

func (s *server) email(ctx context.Context, _ *none) (*plain, error) {
	return plainText(callOf(ctx).who.Email), nil
}

type setPasswordIn struct {
	Body SetPassword
}

// SetPassword changes a password.
type SetPassword struct {
	Password string `json:"password" doc:"the new one"`
	Old      string `json:"old_password" doc:"the present one"`
}

func (s *server) setPassword(ctx context.Context, in *setPasswordIn) (*plain, error) {
	err := s.Accounts.ChangePassword(ctx, callOf(ctx).who, in.Body.Old, in.Body.Password)
	if errs.Is(err, errs.Invalid) {
		return nil, renamed(errs.As(err), map[string]string{"password": "old_password", "new_password": "password"})
	}
	if err != nil {
		return nil, err
	}
	return plainText("the password is changed"), nil
}

// renamed is an error whose fields have the names that the operation's body has.
func renamed(e *errs.Error, names map[string]string) *errs.Error {
	out := *e
	out.Fields = nil
	for _, f := range e.Fields {
		if n, ok := names[f.Path]; ok {
			f.Path = n
		}
		out.Fields = append(out.Fields, f)
	}
	return &out
}

type createTokenIn struct {
	Body NewToken
}

// NewToken describes a personal token to make.
type NewToken struct {
	Label       *string    `json:"label,omitempty" nullable:"true"`
	Expiration  *time.Time `json:"expiration,omitempty" nullable:"true" doc:"never, when left out"`
	Scopes      []string   `json:"scopes,omitempty" doc:"domain:action[:paths]; all, when left out"`
	WorkspaceID *string    `json:"workspace_id,omitempty" nullable:"true" doc:"all of one's workspaces, when left out"`
	ReadOnly    *bool      `json:"read_only,omitempty" nullable:"true"`
}

// readOnlyScopes are what a token may do that was asked to be read-only.
func readOnlyScopes(given []string) ([]string, error) {
	if len(given) > 0 {
		return nil, errs.New(errs.Invalid, "the token is not valid").WithField("read_only", "cannot be combined with scopes; give only scopes that end in :read")
	}
	return []string{"*:read"}, nil
}

func (s *server) createToken(ctx context.Context, in *createTokenIn) (*plain, error) {
	b := in.Body
	scopes := b.Scopes
	if value(b.ReadOnly) {
		var err error
		if scopes, err = readOnlyScopes(scopes); err != nil {
			return nil, err
		}
	}
	secret, err := s.Accounts.CreateToken(ctx, callOf(ctx).who, value(b.Label), value(b.WorkspaceID), scopes, value(b.Expiration))
	if err != nil {
		return nil, err
	}
	return plainText(secret), nil
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// some points to v, or is nil when v is the zero value: the field is then left out of the answer.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// moment is a time for an optional field.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type listTokensIn struct {
	PageIn
	ExcludeEphemeral bool `query:"exclude_ephemeral" doc:"leave out the sessions of browsers"`
}

// Token is a token without its secret.
type Token struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind" enum:"session,personal"`
	Current     bool       `json:"current" doc:"this request was made with it"`
	Label       *string    `json:"label,omitempty"`
	Expiration  *time.Time `json:"expiration,omitempty"`
	Prefix      string     `json:"token_prefix"`
	CreatedAt   time.Time  `json:"created_at"`
	LastUsedAt  time.Time  `json:"last_used_at"`
	Scopes      []string   `json:"scopes,omitempty" nullable:"false"`
	Email       *string    `json:"email,omitempty"`
	WorkspaceID *string    `json:"workspace_id,omitempty"`
	ReadOnly    bool       `json:"read_only"`
}

type listTokensOut struct {
	Body []Token `nullable:"false"`
}

func (s *server) listTokens(ctx context.Context, in *listTokensIn) (*listTokensOut, error) {
	limit, offset, err := in.window()
	if err != nil {
		return nil, err
	}
	who := callOf(ctx).who
	tokens, err := s.Accounts.ListTokens(ctx, who)
	if err != nil {
		return nil, err
	}
	out := &listTokensOut{Body: []Token{}}
	for _, t := range tokens {
		if in.ExcludeEphemeral && t.Kind == domain.TokenSession {
			continue
		}
		used := t.LastUsedAt
		if used.IsZero() {
			used = t.CreatedAt
		}
		out.Body = append(out.Body, Token{
			ID: t.ID, Kind: string(t.Kind), Current: t.ID == who.TokenID, Label: some(t.Label),
			Expiration: moment(t.ExpiresAt), Prefix: t.Prefix, CreatedAt: t.CreatedAt, LastUsedAt: used, Scopes: t.Scopes,
			Email: some(t.Email), WorkspaceID: some(t.Workspace), ReadOnly: len(t.Scopes) == 1 && t.Scopes[0] == "*:read",
		})
	}
	out.Body = cut(out.Body, limit, offset)
	return out, nil
}

type deleteTokenIn struct {
	Prefix string `path:"token_prefix" doc:"the first 10 characters, or the id"`
}

func (s *server) deleteToken(ctx context.Context, in *deleteTokenIn) (*plain, error) {
	if err := s.Accounts.DeleteToken(ctx, callOf(ctx).who, in.Prefix); err != nil {
		return nil, err
	}
	return plainText("the token is deleted"), nil
}

// User is a member of a workspace in Windmill's words.
type User struct {
	WorkspaceID  string    `json:"workspace_id"`
	Email        string    `json:"email"`
	Username     string    `json:"username"`
	Name         string    `json:"name,omitempty"`
	IsAdmin      bool      `json:"is_admin"`
	IsSuperAdmin bool      `json:"is_super_admin"`
	Operator     bool      `json:"operator"`
	Disabled     bool      `json:"disabled"`
	CreatedAt    time.Time `json:"created_at"`
	NonMember    bool      `json:"non_member" doc:"an administrator of the instance who looks from outside"`
	Role         string    `json:"role" enum:"operator,developer,admin"`
	Groups       []string  `json:"groups" nullable:"false"`
	Folders      []string  `json:"folders" nullable:"false"`
	FoldersRead  []string  `json:"folders_read" nullable:"false"`
	FoldersOwner []string  `json:"folders_owners" nullable:"false"`
}

func userOf(m domain.Member, u domain.User) User {
	return User{
		WorkspaceID: m.Workspace, Email: m.Email, Username: m.Username, Name: u.Name,
		IsAdmin: m.Role == domain.RoleAdmin || u.Superadmin, IsSuperAdmin: u.Superadmin, Operator: m.Role == domain.RoleOperator,
		Disabled: m.Disabled || u.Disabled, CreatedAt: m.CreatedAt, Role: string(m.Role),
		Groups: []string{}, Folders: []string{}, FoldersRead: []string{}, FoldersOwner: []string{},
	}
}

type userOut struct {
	Body User
}

func (s *server) whoami(ctx context.Context, in *InWorkspace) (*userOut, error) {
	who := callOf(ctx).who
	u, err := s.Store.UserGet(ctx, who.Email)
	if err != nil {
		return nil, err
	}
	m, err := s.Store.MemberGet(ctx, in.Workspace, who.Email)
	outside := errs.Is(err, errs.NotFound) || err == nil && m.Disabled
	if err != nil && !outside {
		return nil, err
	}
	if outside { // an administrator of the instance: authenticated, and placed in the workspace from outside
		m = domain.Member{Workspace: in.Workspace, Email: who.Email, CreatedAt: u.CreatedAt}
	}
	m.Username, m.Role = who.Username, who.Role
	u.Superadmin = who.Superadmin
	body := userOf(m, u)
	body.NonMember = outside
	if err := s.fillAccess(ctx, &body); err != nil {
		return nil, err
	}
	return &userOut{Body: body}, nil
}

type usersOut struct {
	Body []User `nullable:"false"`
}

func (s *server) listUsers(ctx context.Context, in *InWorkspace) (*usersOut, error) {
	members, err := s.Store.MemberList(ctx, in.Workspace)
	if err != nil {
		return nil, err
	}
	out := &usersOut{Body: []User{}}
	for _, m := range members {
		u, err := s.Store.UserGet(ctx, m.Email)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Body = append(out.Body, userOf(m, u))
	}
	return out, nil
}

type namesOut struct {
	Body []string `nullable:"false"`
}

func (s *server) listUsernames(ctx context.Context, in *InWorkspace) (*namesOut, error) {
	members, err := s.Store.MemberList(ctx, in.Workspace)
	if err != nil {
		return nil, err
	}
	out := &namesOut{Body: []string{}}
	for _, m := range members {
		out.Body = append(out.Body, m.Username)
	}
	return out, nil
}
