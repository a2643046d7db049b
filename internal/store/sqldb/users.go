package sqldb

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
)

// The table of users is named person, because user is a word of SQL.
const personColumns = `email, name, password_hash, superadmin, disabled, created_at, last_seen_at`

// UserCreate implements store.Users.
func (n *Nouns) UserCreate(ctx context.Context, u domain.User) error {
	_, err := n.exec(ctx, `INSERT INTO person (email, name, password_hash, superadmin, disabled, created_at, last_seen_at)
		VALUES (?, ?, ?, ?, ?, @now, ?)`, u.Email, u.Name, u.PasswordHash, u.Superadmin, u.Disabled, u.LastSeenAt)
	return taken(err, "the user %s exists already", u.Email)
}

// UserGet implements store.Users.
func (n *Nouns) UserGet(ctx context.Context, email string) (domain.User, error) {
	us, err := n.persons(ctx, ` WHERE email = ?`, email)
	if err != nil {
		return domain.User{}, err
	}
	if len(us) == 0 {
		return domain.User{}, missing("there is no user %s", email)
	}
	return us[0], nil
}

// UserUpdate implements store.Users.
func (n *Nouns) UserUpdate(ctx context.Context, u domain.User) error {
	rows, err := n.exec(ctx, `UPDATE person SET name = ?, password_hash = ?, superadmin = ?, disabled = ?, last_seen_at = ?
		WHERE email = ?`, u.Name, u.PasswordHash, u.Superadmin, u.Disabled, u.LastSeenAt, u.Email)
	if err == nil && rows == 0 {
		return missing("there is no user %s", u.Email)
	}
	return err
}

// UserList implements store.Users.
func (n *Nouns) UserList(ctx context.Context) ([]domain.User, error) {
	return n.persons(ctx, ` ORDER BY email`)
}

func (n *Nouns) persons(ctx context.Context, tail string, args ...any) (out []domain.User, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+personColumns+` FROM person`+tail, args, func(scan func(...any) error) error {
			var u domain.User
			err := scan(&u.Email, &u.Name, &u.PasswordHash, &u.Superadmin, &u.Disabled, Time{&u.CreatedAt}, Time{&u.LastSeenAt})
			out = append(out, u)
			return err
		})
	})
	return out, err
}

// UserCount implements store.Users.
func (n *Nouns) UserCount(ctx context.Context) (count int, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		_, err := c.One(ctx, `SELECT count(*) FROM person`, nil, &count)
		return err
	})
	return count, err
}

const inviteColumns = `digest, email, superadmin, workspace, role, created_by, created_at, expires_at`

func inviteDest(i *domain.Invite) []any {
	return []any{&i.Digest, &i.Email, &i.Superadmin, &i.Workspace, &i.Role, &i.CreatedBy, Time{&i.CreatedAt}, Time{&i.ExpiresAt}}
}

// InviteCreate implements store.Users.
func (n *Nouns) InviteCreate(ctx context.Context, i domain.Invite) error {
	_, err := n.exec(ctx, `INSERT INTO invite (digest, email, superadmin, workspace, role, created_by, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, @now, ?)`, i.Digest, i.Email, i.Superadmin, i.Workspace, string(i.Role), i.CreatedBy, i.ExpiresAt)
	return taken(err, "this link exists already")
}

// InviteTake implements store.Users.
func (n *Nouns) InviteTake(ctx context.Context, digest string) (domain.Invite, error) {
	return n.invite(ctx, n.single, `DELETE FROM invite WHERE digest = ? AND expires_at > @now RETURNING `+inviteColumns, digest)
}

// InviteGet implements store.Users.
func (n *Nouns) InviteGet(ctx context.Context, digest string) (domain.Invite, error) {
	return n.invite(ctx, n.read, `SELECT `+inviteColumns+` FROM invite WHERE digest = ? AND expires_at > @now`, digest)
}

func (n *Nouns) invite(ctx context.Context, run func(context.Context, body) error, query, digest string) (domain.Invite, error) {
	var i domain.Invite
	var found bool
	err := run(ctx, func(ctx context.Context, c *Conn) (err error) {
		found, err = c.One(ctx, query, []any{digest}, inviteDest(&i)...)
		return err
	})
	if err == nil && !found {
		err = missing("this link was used already, or it is too old")
	}
	if err != nil {
		return domain.Invite{}, err
	}
	return i, nil
}

// InviteDeleteExpired implements store.Users.
func (n *Nouns) InviteDeleteExpired(ctx context.Context) error {
	_, err := n.exec(ctx, `DELETE FROM invite WHERE expires_at <= @now`)
	return err
}
