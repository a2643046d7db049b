package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

// CreateToken makes a personal token and returns its secret, which cannot be read again. It can do no more than what
// asked for it: a token with scopes, a workspace or an end makes only narrower ones, and a job makes none. workspace ""
// means all of the person's, scopes nil means all, expires zero means never.
func (s *Service) CreateToken(ctx context.Context, who domain.Identity, label, workspace string, scopes []string, expires time.Time) (string, error) {
	switch {
	case who.Email == "":
		return "", nobody()
	case who.JobID != "":
		return "", errs.New(errs.Forbidden, "a job may not make tokens").WithHint("a job has a token already, in WM_TOKEN")
	}
	bad := errs.New(errs.Invalid, "the token is not valid")
	label = strings.TrimSpace(label)
	if len(label) > 200 {
		bad.WithField("label", "must have at most 200 bytes")
	}
	if err := perm.CheckScopes(scopes); err != nil {
		bad.WithField("scopes", "%s", err.Error())
	}
	if !expires.IsZero() && !expires.After(s.now()) {
		bad.WithField("expiration", "is in the past")
	}
	if len(bad.Fields) > 0 {
		return "", bad
	}
	if err := s.narrower(ctx, who, workspace, scopes, expires); err != nil {
		return "", err
	}
	if workspace != "" {
		in := domain.Identity{Email: who.Email, Superadmin: who.Superadmin}
		if err := s.place(ctx, &in, workspace); err != nil {
			return "", err
		}
		if in.Workspace == "" {
			return "", errs.New(errs.Invalid, "the token is not valid").
				WithField("workspace_id", "there is no workspace %q that you are a member of", workspace)
		}
	}
	secret := PrefixPersonal + id.Secret(secretLength)
	t := domain.Token{
		ID: id.New(), Digest: id.Digest(secret), Prefix: secret[:10], Kind: domain.TokenPersonal, Email: who.Email,
		Label: label, Workspace: workspace, Scopes: scopes, ExpiresAt: expires.UTC(),
	}
	err := s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		if err := tx.TokenCreate(ctx, t); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, audit.Entry{Action: audit.TokenCreate, Kind: domain.AuditCreated, Resource: t.ID, Changes: audit.Diff(nil,
			map[string]any{"label": t.Label, "workspace": t.Workspace, "scopes": t.Scopes, "expires": t.ExpiresAt})})
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// narrower refuses a token that could do more than the one that asks for it.
func (s *Service) narrower(ctx context.Context, who domain.Identity, workspace string, scopes []string, expires time.Time) error {
	more := func(what string) error {
		return errs.New(errs.Forbidden, "a token cannot make one that %s", what).WithHint("sign in and make it there")
	}
	if len(who.Scopes) > 0 {
		if len(scopes) == 0 {
			return more("has more scopes than itself")
		}
		for _, sc := range scopes {
			if !slices.Contains(who.Scopes, sc) {
				return more("has more scopes than itself")
			}
		}
	}
	if who.TokenID == "" {
		return nil // the server itself, for tidemill admin
	}
	list, err := s.store.TokenList(ctx, who.Email)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(t domain.Token) bool { return t.ID == who.TokenID })
	if at < 0 {
		return nobody()
	}
	own := list[at]
	if own.Workspace != "" && own.Workspace != workspace {
		return more("works in other workspaces than itself")
	}
	if own.Kind == domain.TokenPersonal && !own.ExpiresAt.IsZero() && (expires.IsZero() || expires.After(own.ExpiresAt)) {
		return more("lives longer than itself")
	}
	return nil
}

// ListTokens lists the sessions and personal tokens of who is asking, newest first, without their secrets.
func (s *Service) ListTokens(ctx context.Context, who domain.Identity) ([]domain.Token, error) {
	if who.Email == "" {
		return nil, nobody()
	}
	return s.store.TokenList(ctx, who.Email)
}

// DeleteToken ends a session or a token of who is asking, named by its id or, as Windmill's clients do, by its prefix of
// 10 characters. It acts on the next request. errs.NotFound when that person has no such token.
func (s *Service) DeleteToken(ctx context.Context, who domain.Identity, idOrPrefix string) error {
	if who.Email == "" {
		return nobody()
	}
	if who.JobID != "" {
		return errs.New(errs.Forbidden, "a job may not delete tokens")
	}
	if id.Valid(idOrPrefix) {
		return s.endToken(ctx, who, idOrPrefix)
	}
	list, err := s.store.TokenList(ctx, who.Email)
	if err != nil {
		return err
	}
	var found []domain.Token
	for _, t := range list {
		if t.Prefix == idOrPrefix {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return errs.New(errs.NotFound, "you have no token %q", idOrPrefix)
	case 1:
		return s.endToken(ctx, who, found[0].ID)
	}
	return errs.New(errs.Conflict, "%d of your tokens begin with %q", len(found), idOrPrefix).WithHint("name the token by its id")
}

func (s *Service) endToken(ctx context.Context, who domain.Identity, tokenID string) error {
	return s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		if err := tx.TokenDelete(ctx, who.Email, tokenID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, audit.Entry{Action: audit.TokenDelete, Kind: domain.AuditDeleted, Resource: tokenID})
	})
}
