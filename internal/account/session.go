package account

import (
	"context"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

func nobody() *errs.Error {
	return errs.New(errs.Unauthenticated, "you are not signed in").
		WithHint("sign in, or send a token that is still valid as 'Authorization: Bearer <token>'")
}

// Authenticate says who holds the secret of a session, a personal token or a running job, and what that person is in
// the workspace ("" when the request names none). It answers errs.Unauthenticated for everything that is not valid now,
// without telling why. Somebody who is no member gets an identity with an empty Workspace, for package perm to judge.
func (s *Service) Authenticate(ctx context.Context, secret, workspace string) (domain.Identity, error) {
	if secret == "" || len(secret) > 256 {
		return domain.Identity{}, nobody()
	}
	if strings.HasPrefix(secret, PrefixJob) {
		return s.authenticateJob(ctx, secret, workspace)
	}
	t, err := s.store.TokenUse(ctx, id.Digest(secret))
	if err != nil {
		return domain.Identity{}, unlessMissing(err)
	}
	u, err := s.store.UserGet(ctx, t.Email)
	if err != nil {
		return domain.Identity{}, unlessMissing(err)
	}
	if u.Disabled {
		return domain.Identity{}, nobody()
	}
	who := domain.Identity{Email: u.Email, Superadmin: u.Superadmin, TokenID: t.ID, Scopes: t.Scopes}
	if t.Workspace != "" && workspace != t.Workspace {
		// Outside its workspace a limited token is nobody's: not an administrator of the instance either.
		who.Superadmin = false
		return who, nil
	}
	if err := s.place(ctx, &who, workspace); err != nil {
		return domain.Identity{}, err
	}
	if t.Workspace != "" && who.Superadmin {
		who.Superadmin, who.Role = false, domain.RoleAdmin
	}
	return who, nil
}

// place fills in what the identity is in the workspace; nothing when it is nothing there.
func (s *Service) place(ctx context.Context, who *domain.Identity, workspace string) error {
	if workspace == "" {
		return nil
	}
	m, err := s.store.MemberGet(ctx, workspace, who.Email)
	switch {
	case err == nil && !m.Disabled:
		who.Workspace, who.Username, who.Role = workspace, m.Username, m.Role
		return nil
	case err != nil && !errs.Is(err, errs.NotFound):
		return err
	case !who.Superadmin:
		return nil
	}
	// Instance administrators act in every workspace that exists, under a name that is nobody else's there.
	if _, err := s.store.WorkspaceGet(ctx, workspace); err != nil {
		if errs.Is(err, errs.NotFound) {
			return nil
		}
		return err
	}
	name, err := freeUsername(ctx, s.store, workspace, who.Email)
	if err != nil {
		return err
	}
	who.Workspace, who.Username, who.Role = workspace, name, domain.RoleAdmin
	return nil
}

func unlessMissing(err error) error {
	if errs.Is(err, errs.NotFound) {
		return nobody()
	}
	return err
}

// SignIn checks a password and opens a session. address is where the request came from, for the rate limit
// (errs.RateLimited). A wrong password, an unknown address and a disabled user are the same errs.Unauthenticated and take
// the same time.
func (s *Service) SignIn(ctx context.Context, email, password, address string) (secret string, t domain.Token, err error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if len(email) > 254 || len(password) > MaxPassword {
		return "", domain.Token{}, wrongPassword()
	}
	if err := s.gate.check(email, address); err != nil {
		return "", domain.Token{}, err
	}
	u, err := s.store.UserGet(ctx, email)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", domain.Token{}, err
	}
	known := err == nil && u.PasswordHash != ""
	if !known {
		u.PasswordHash = ""
	}
	ok, cost, err := s.verify(ctx, password, u.PasswordHash)
	if err != nil {
		return "", domain.Token{}, err
	}
	if !known || !ok || u.Disabled {
		s.gate.failed(email, address)
		s.log.InfoContext(ctx, "sign-in refused", "address", address)
		if err := s.record(ctx, domain.Identity{Email: tried(email)}, audit.Entry{Action: audit.SignInFailed, Kind: domain.AuditExecute}); err != nil {
			return "", domain.Token{}, err
		}
		return "", domain.Token{}, wrongPassword()
	}
	s.gate.passed(email, address)

	renewed := ""
	if cost != s.cost {
		if renewed, err = s.hash(ctx, password); err != nil {
			return "", domain.Token{}, err
		}
	}
	secret, t = s.newSession(email)
	err = s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		now, err := tx.UserGet(ctx, email)
		if err != nil {
			return err
		}
		if now.Disabled || now.PasswordHash != u.PasswordHash { // changed while we were hashing
			return wrongPassword()
		}
		if renewed != "" {
			now.PasswordHash = renewed
		}
		now.LastSeenAt = s.now().UTC().Truncate(time.Minute)
		if err := tx.UserUpdate(ctx, now); err != nil {
			return err
		}
		if err := tx.TokenCreate(ctx, t); err != nil {
			return err
		}
		return audit.Record(ctx, tx, domain.Identity{Email: email, TokenID: t.ID}, audit.Entry{Action: audit.SignIn, Kind: domain.AuditExecute})
	})
	if err != nil {
		return "", domain.Token{}, err
	}
	return secret, t, nil
}

func wrongPassword() *errs.Error {
	return errs.New(errs.Unauthenticated, "the e-mail address or the password is wrong").
		WithHint("an administrator can reset the password: tidemill admin reset-password --email <address>")
}

func (s *Service) newSession(email string) (string, domain.Token) {
	secret := PrefixSession + id.Secret(secretLength)
	return secret, domain.Token{
		ID: id.New(), Digest: id.Digest(secret), Prefix: secret[:10], Kind: domain.TokenSession, Email: email,
		Label: "session", ExpiresAt: s.now().UTC().Add(SessionLife),
	}
}

// SignOut ends the session that is asking; a second time is fine. Jobs' tokens end with their job.
func (s *Service) SignOut(ctx context.Context, who domain.Identity) error {
	if who.TokenID == "" {
		return nil
	}
	err := s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		if err := tx.TokenDelete(ctx, who.Email, who.TokenID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, audit.Entry{Action: audit.SignOut, Kind: domain.AuditExecute})
	})
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// ChangePassword sets a new password for somebody who knows the old one, and ends all other sessions and tokens of that
// person: whoever else knew the password is out.
func (s *Service) ChangePassword(ctx context.Context, who domain.Identity, old, password string) error {
	if who.Email == "" {
		return nobody()
	}
	if who.JobID != "" {
		return errs.New(errs.Forbidden, "a job may not change passwords")
	}
	if err := CheckPassword("new_password", password); err != nil {
		return err
	}
	if err := s.gate.check(who.Email, "token "+who.TokenID); err != nil {
		return err
	}
	u, err := s.store.UserGet(ctx, who.Email)
	if err != nil {
		return unlessMissing(err)
	}
	ok, _, err := s.verify(ctx, old, u.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		s.gate.failed(who.Email, "token "+who.TokenID)
		if err := s.record(ctx, who, audit.Entry{Action: audit.SignInFailed, Kind: domain.AuditExecute, Resource: "change of the password"}); err != nil {
			return err
		}
		return errs.New(errs.Invalid, "the password was not changed").WithField("password", "is not your present password")
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		now, err := tx.UserGet(ctx, who.Email)
		if err != nil {
			return err
		}
		if now.PasswordHash != u.PasswordHash {
			return errs.New(errs.Conflict, "the password was changed meanwhile").WithHint("sign in again")
		}
		now.PasswordHash = hash
		if err := tx.UserUpdate(ctx, now); err != nil {
			return err
		}
		if err := tx.TokenDeleteAll(ctx, who.Email, who.TokenID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, audit.Entry{Action: audit.PasswordSet, Kind: domain.AuditUpdated, Resource: who.Email})
	})
}

// record writes an audit line about something that changes nothing else.
func (s *Service) record(ctx context.Context, who domain.Identity, e audit.Entry) error {
	return s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error { return audit.Record(ctx, tx, who, e) })
}

// tried is the address of a sign-in that failed, for the audit log: only what looks like one, because people type their
// password into the wrong field.
func tried(email string) string {
	if _, err := normalEmail("email", email); err != nil {
		return ""
	}
	return email
}

// SetDisabled closes or reopens an account, as by, who may do so. Closing ends its sessions and tokens at once.
func (s *Service) SetDisabled(ctx context.Context, by domain.Identity, email string, disabled bool) error {
	return s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		u, err := tx.UserGet(ctx, email)
		if err != nil {
			return err
		}
		was := u.Disabled
		u.Disabled = disabled
		if err := tx.UserUpdate(ctx, u); err != nil {
			return err
		}
		if disabled {
			if err := tx.TokenDeleteAll(ctx, email, ""); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, by, audit.Entry{Action: audit.UserUpdate, Kind: domain.AuditUpdated, Resource: email, Changes: audit.Diff(
			map[string]any{"disabled": was}, map[string]any{"disabled": disabled})})
	})
}
