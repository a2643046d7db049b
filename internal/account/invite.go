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

// Welcome is what a one-time link is for, told to whoever holds it before using it.
type Welcome struct {
	Email     string // of the user it signs in; empty: the holder chooses (the first administrator)
	Name      string // of an existing user
	Exists    bool   // the user exists: the link signs in, and sets a password only when one is given
	First     bool   // makes the first administrator
	Workspace string
	ExpiresAt time.Time
}

// Session is what using a link opens.
type Session struct {
	Secret    string
	Token     domain.Token
	Workspace string // to go to: that of the link, else the person's first; may be empty
}

// Setup makes the link for the first administrator when there is no user yet: 24 hours, once. Otherwise it is "".
func (s *Service) Setup(ctx context.Context) (link string, err error) {
	n, err := s.store.UserCount(ctx)
	if err != nil || n > 0 {
		return "", err
	}
	secret, err := s.invite(ctx, domain.Identity{}, domain.Invite{Superadmin: true, Workspace: FirstWorkspace, Role: domain.RoleAdmin})
	if err != nil {
		return "", err
	}
	return s.Link(secret), nil
}

// Link is the page at which the secret of an invite is used. The secret is in the fragment-free query because it works
// once and the page sends no referrer.
func (s *Service) Link(secret string) string { return s.base + "/welcome?token=" + secret }

// Invite makes a one-time link's secret for a new or an existing user. by must be an administrator of the workspace
// that it leads to, or of the instance; making administrators of the instance, and links for people who have an account,
// takes the latter. Email, Workspace, Role and Superadmin are read from i; ExpiresAt when it is set.
func (s *Service) Invite(ctx context.Context, by domain.Identity, i domain.Invite) (string, error) {
	email, err := normalEmail("email", i.Email)
	if err != nil {
		return "", err
	}
	i.Email = email
	switch i.Role {
	case domain.RoleOperator, domain.RoleDeveloper, domain.RoleAdmin:
	case "":
		i.Role = domain.RoleDeveloper
	default:
		return "", errs.New(errs.Invalid, "the invite is not valid").WithField("role", "must be operator, developer or admin")
	}
	if !i.ExpiresAt.IsZero() && !i.ExpiresAt.After(s.now()) {
		return "", errs.New(errs.Invalid, "the invite is not valid").WithField("expires", "is in the past")
	}
	if by.JobID != "" {
		return "", errs.New(errs.Forbidden, "a job may not invite people")
	}
	if !by.Superadmin {
		if i.Superadmin || i.Workspace == "" || by.Workspace != i.Workspace || !by.Admin() {
			return "", errs.New(errs.Forbidden, "only administrators of the workspace may invite people to it")
		}
		// The link signs in: for an existing user it would hand that person's account to whoever invites.
		if _, err := s.store.UserGet(ctx, email); err == nil {
			return "", errs.New(errs.Conflict, "%s has an account already", email).WithHint("add the user to the workspace instead")
		} else if !errs.Is(err, errs.NotFound) {
			return "", err
		}
	}
	if i.Workspace != "" {
		if _, err := s.store.WorkspaceGet(ctx, i.Workspace); err != nil {
			if errs.Is(err, errs.NotFound) {
				return "", errs.New(errs.Invalid, "the invite is not valid").
					WithField("workspace", "there is no workspace %q", i.Workspace)
			}
			return "", err
		}
	}
	i.CreatedBy = by.Email
	return s.invite(ctx, by, i)
}

// ResetPassword makes a one-time link's secret with which an existing user sets a new password. by must be an
// administrator of the instance.
func (s *Service) ResetPassword(ctx context.Context, by domain.Identity, email string) (string, error) {
	email, err := normalEmail("email", email)
	if err != nil {
		return "", err
	}
	if _, err := s.store.UserGet(ctx, email); err != nil {
		if errs.Is(err, errs.NotFound) {
			return "", errs.New(errs.NotFound, "there is no user %s", email)
		}
		return "", err
	}
	if !by.Superadmin {
		return "", errs.New(errs.Forbidden, "only administrators of the instance may reset passwords")
	}
	return s.Invite(ctx, by, domain.Invite{Email: email})
}

func (s *Service) invite(ctx context.Context, by domain.Identity, i domain.Invite) (string, error) {
	secret := PrefixInvite + id.Secret(secretLength)
	i.Digest = id.Digest(secret)
	if i.ExpiresAt.IsZero() {
		i.ExpiresAt = s.now().UTC().Add(InviteLife)
	}
	err := s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		if err := tx.InviteCreate(ctx, i); err != nil {
			return err
		}
		workspace := i.Workspace
		if i.Email == "" { // the first administrator's link: its workspace is not there yet
			workspace = ""
		}
		return audit.Record(ctx, tx, by, audit.Entry{
			Workspace: workspace, Action: audit.InviteCreate, Kind: domain.AuditCreated, Resource: i.Email,
			Changes: audit.Diff(nil, map[string]any{"role": string(i.Role), "superadmin": i.Superadmin, "expires": i.ExpiresAt}),
		})
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func deadLink() *errs.Error {
	return errs.New(errs.NotFound, "this link is not valid any more").
		WithHint("links work once and for a day; ask for a new one, or run 'tidemill admin invite' on the server's host")
}

// Welcome tells what a link is for, without using it. errs.NotFound when it was used or is too old.
func (s *Service) Welcome(ctx context.Context, secret string) (Welcome, error) {
	i, err := s.store.InviteGet(ctx, id.Digest(secret))
	if err != nil {
		if errs.Is(err, errs.NotFound) {
			return Welcome{}, deadLink()
		}
		return Welcome{}, err
	}
	if !i.ExpiresAt.After(s.now()) {
		return Welcome{}, deadLink()
	}
	w := Welcome{Email: i.Email, First: i.Email == "", Workspace: i.Workspace, ExpiresAt: i.ExpiresAt}
	if w.First {
		n, err := s.store.UserCount(ctx)
		if err != nil {
			return Welcome{}, err
		}
		if n > 0 {
			return Welcome{}, deadLink()
		}
		return w, nil
	}
	u, err := s.store.UserGet(ctx, i.Email)
	switch {
	case err == nil && u.Disabled:
		return Welcome{}, deadLink()
	case err == nil:
		w.Exists, w.Name = true, u.Name
	case !errs.Is(err, errs.NotFound):
		return Welcome{}, err
	}
	return w, nil
}

// AcceptInvite uses a link: of two at once exactly one succeeds, the other gets errs.NotFound. A new user needs a
// password; for an existing one it is optional, and setting it ends that user's other sessions and tokens. email is read
// only from the holder of the first-administrator link, which also creates the workspace "main". When the input is
// wrong, the link stays valid.
func (s *Service) AcceptInvite(ctx context.Context, secret, email, name, password string) (Session, error) {
	w, err := s.Welcome(ctx, secret)
	if err != nil {
		return Session{}, err
	}
	if w.Email != "" {
		email = w.Email
	}
	if email, err = normalEmail("email", email); err != nil {
		return Session{}, err
	}
	name = strings.TrimSpace(name)
	if len(name) > 200 {
		return Session{}, errs.New(errs.Invalid, "the name is not valid").WithField("name", "must have at most 200 bytes")
	}
	hash := ""
	if password != "" || !w.Exists {
		if err := CheckPassword("password", password); err != nil {
			return Session{}, err
		}
		if hash, err = s.hash(ctx, password); err != nil {
			return Session{}, err
		}
	}
	session, token := s.newSession(email)
	workspace := ""
	err = s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		i, err := tx.InviteTake(ctx, id.Digest(secret))
		if err != nil {
			if errs.Is(err, errs.NotFound) {
				return deadLink()
			}
			return err
		}
		if workspace, err = s.accept(ctx, tx, i, email, name, hash); err != nil {
			return err
		}
		if err := tx.TokenCreate(ctx, token); err != nil {
			return err
		}
		who := domain.Identity{Email: email, TokenID: token.ID}
		return audit.Record(ctx, tx, who, audit.Entry{
			Workspace: i.Workspace, Action: audit.InviteAccept, Kind: domain.AuditExecute, Resource: email,
			Changes: audit.Diff(nil, map[string]any{"role": string(i.Role), "superadmin": i.Superadmin, "password_set": hash != "", "new_user": !w.Exists}),
		})
	})
	if err != nil {
		return Session{}, err
	}
	return Session{Secret: session, Token: token, Workspace: workspace}, nil
}

// accept does what the invite promises, inside the transaction that took it.
func (s *Service) accept(ctx context.Context, tx store.Nouns, i domain.Invite, email, name, hash string) (workspace string, err error) {
	if i.Email == "" {
		n, err := tx.UserCount(ctx)
		if err != nil {
			return "", err
		}
		if n > 0 {
			return "", deadLink()
		}
		u := domain.User{Email: email, Name: name, PasswordHash: hash, Superadmin: true}
		if err := s.firstAdmin(ctx, tx, u); err != nil {
			if errs.Is(err, errs.Conflict) { // somebody with another link was faster
				return "", deadLink()
			}
			return "", err
		}
		return FirstWorkspace, nil
	}
	u, err := tx.UserGet(ctx, email)
	switch {
	case errs.Is(err, errs.NotFound):
		if hash == "" { // deleted between Welcome and now
			return "", deadLink()
		}
		u = domain.User{Email: email, Name: name, PasswordHash: hash, Superadmin: i.Superadmin}
		if err := tx.UserCreate(ctx, u); err != nil {
			return "", err
		}
	case err != nil:
		return "", err
	case u.Disabled:
		return "", deadLink()
	default:
		if name != "" {
			u.Name = name
		}
		u.Superadmin = u.Superadmin || i.Superadmin
		if hash != "" {
			u.PasswordHash = hash
			if err := tx.TokenDeleteAll(ctx, email, ""); err != nil {
				return "", err
			}
		}
		if err := tx.UserUpdate(ctx, u); err != nil {
			return "", err
		}
	}
	if i.Workspace != "" {
		_, err := join(ctx, tx, i.Workspace, email, i.Role)
		return i.Workspace, err
	}
	list, err := tx.WorkspaceList(ctx, store.WorkspaceListParams{Email: email})
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0].ID, nil
}

// firstAdmin creates the first user with the first workspace. errs.Conflict when somebody else did.
func (s *Service) firstAdmin(ctx context.Context, tx store.Nouns, u domain.User) error {
	w := domain.Workspace{ID: FirstWorkspace, Name: "Main", CreatedBy: u.Email}
	if err := tx.WorkspaceCreate(ctx, w); err != nil {
		return err
	}
	if err := tx.UserCreate(ctx, u); err != nil {
		return err
	}
	_, err := join(ctx, tx, FirstWorkspace, u.Email, domain.RoleAdmin)
	return err
}

// FirstAdmin creates the first administrator without a password, for commands on the server's own host.
// errs.Conflict when there is a user already.
func (s *Service) FirstAdmin(ctx context.Context, email, name string) error {
	email, err := normalEmail("email", email)
	if err != nil {
		return err
	}
	return s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		n, err := tx.UserCount(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			return errs.New(errs.Conflict, "there are users already")
		}
		if err := s.firstAdmin(ctx, tx, domain.User{Email: email, Name: name, Superadmin: true}); err != nil {
			return err
		}
		return audit.Record(ctx, tx, domain.Identity{}, audit.Entry{
			Workspace: FirstWorkspace, Action: audit.UserCreate, Kind: domain.AuditCreated, Resource: email,
			Changes: audit.Diff(nil, map[string]any{"superadmin": true}),
		})
	})
}

// CreateWorkspace makes a workspace with who as its administrator. errs.Conflict when the id is taken.
func (s *Service) CreateWorkspace(ctx context.Context, who domain.Identity, workspace, name string) error {
	if err := domain.CheckWorkspaceID("id", workspace); err != nil {
		return err
	}
	if name = strings.TrimSpace(name); name == "" {
		name = workspace
	}
	if len(name) > 200 {
		return errs.New(errs.Invalid, "the workspace is not valid").WithField("name", "must have at most 200 bytes")
	}
	return s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		err := tx.WorkspaceCreate(ctx, domain.Workspace{ID: workspace, Name: name, CreatedBy: who.Email})
		if errs.Is(err, errs.Conflict) {
			return errs.New(errs.Conflict, "there is a workspace %q already", workspace).WithHint("choose another id")
		}
		if err != nil {
			return err
		}
		if _, err = join(ctx, tx, workspace, who.Email, domain.RoleAdmin); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, audit.Entry{
			Workspace: workspace, Action: audit.WorkspaceMake, Kind: domain.AuditCreated, Resource: workspace,
			Changes: audit.Diff(nil, map[string]any{"name": name}),
		})
	})
}
