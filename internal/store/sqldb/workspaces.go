package sqldb

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

const workspaceColumns = `id, name, created_by, created_at, archived`

func scanWorkspace(scan func(...any) error) (w domain.Workspace, err error) {
	err = scan(&w.ID, &w.Name, &w.CreatedBy, Time{&w.CreatedAt}, &w.Archived)
	return w, err
}

// WorkspaceCreate implements store.Workspaces.
func (n *Nouns) WorkspaceCreate(ctx context.Context, w domain.Workspace) error {
	_, err := n.exec(ctx, `INSERT INTO workspace (id, name, created_by, created_at, archived) VALUES (?, ?, ?, @now, ?)`,
		w.ID, w.Name, w.CreatedBy, w.Archived)
	return taken(err, "the workspace %s exists already", w.ID)
}

// WorkspaceGet implements store.Workspaces.
func (n *Nouns) WorkspaceGet(ctx context.Context, id string) (domain.Workspace, error) {
	ws, err := n.workspaces(ctx, ` WHERE id = ?`, id)
	if err != nil {
		return domain.Workspace{}, err
	}
	if len(ws) == 0 {
		return domain.Workspace{}, missing("there is no workspace %s", id)
	}
	return ws[0], nil
}

// WorkspaceList implements store.Workspaces.
func (n *Nouns) WorkspaceList(ctx context.Context, p store.WorkspaceListParams) ([]domain.Workspace, error) {
	var w clause
	if p.Email != "" {
		w.add(`id IN (SELECT workspace FROM member WHERE email = ? AND NOT disabled)`, p.Email)
	}
	if !p.IncludeArchived {
		w.add(`NOT archived`)
	}
	return n.workspaces(ctx, w.String()+` ORDER BY id`, w.args...)
}

func (n *Nouns) workspaces(ctx context.Context, tail string, args ...any) (out []domain.Workspace, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+workspaceColumns+` FROM workspace`+tail, args, func(scan func(...any) error) error {
			w, err := scanWorkspace(scan)
			out = append(out, w)
			return err
		})
	})
	return out, err
}

const memberColumns = `workspace, email, username, role, disabled, created_at`

// MemberPut implements store.Workspaces.
func (n *Nouns) MemberPut(ctx context.Context, m domain.Member) error {
	_, err := n.exec(ctx, `INSERT INTO member (workspace, email, username, role, disabled, created_at)
		VALUES (?, ?, ?, ?, ?, @now)
		ON CONFLICT (workspace, email) DO UPDATE SET
			username = excluded.username, role = excluded.role, disabled = excluded.disabled`,
		m.Workspace, m.Email, m.Username, string(m.Role), m.Disabled)
	if errs.Is(err, errs.NotFound) {
		return errs.Wrap(errs.NotFound, err, "there is no workspace %s or no user %s", m.Workspace, m.Email)
	}
	return taken(err, "the user name %s is taken in the workspace %s", m.Username, m.Workspace)
}

// MemberGet implements store.Workspaces.
func (n *Nouns) MemberGet(ctx context.Context, workspace, email string) (domain.Member, error) {
	ms, err := n.members(ctx, ` WHERE workspace = ? AND email = ?`, workspace, email)
	if err != nil {
		return domain.Member{}, err
	}
	if len(ms) == 0 {
		return domain.Member{}, missing("%s is no member of the workspace %s", email, workspace)
	}
	return ms[0], nil
}

// MemberList implements store.Workspaces.
func (n *Nouns) MemberList(ctx context.Context, workspace string) ([]domain.Member, error) {
	return n.members(ctx, ` WHERE workspace = ? ORDER BY username`, workspace)
}

func (n *Nouns) members(ctx context.Context, tail string, args ...any) (out []domain.Member, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+memberColumns+` FROM member`+tail, args, func(scan func(...any) error) error {
			var m domain.Member
			err := scan(&m.Workspace, &m.Email, &m.Username, &m.Role, &m.Disabled, Time{&m.CreatedAt})
			out = append(out, m)
			return err
		})
	})
	return out, err
}

// MemberDelete implements store.Workspaces.
func (n *Nouns) MemberDelete(ctx context.Context, workspace, email string) error {
	return n.write(ctx, func(ctx context.Context, c *Conn) error {
		var username string
		found, err := c.One(ctx, `DELETE FROM member WHERE workspace = ? AND email = ? RETURNING username`, []any{workspace, email}, &username)
		if err != nil {
			return err
		}
		if !found {
			return missing("%s is no member of the workspace %s", email, workspace)
		}
		// The name may be somebody else's one day: nothing granted to it stays.
		if _, err := c.Exec(ctx, `DELETE FROM group_member WHERE workspace = ? AND username = ?`, workspace, username); err != nil {
			return err
		}
		_, err = c.Exec(ctx, `DELETE FROM access_grant WHERE workspace = ? AND principal = ?`, workspace, "u/"+username)
		return err
	})
}
