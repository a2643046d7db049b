package sqldb

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// GroupCreate implements store.Groups.
func (n *Nouns) GroupCreate(ctx context.Context, g domain.Group) error {
	err := n.write(ctx, func(ctx context.Context, c *Conn) error {
		if _, err := c.Exec(ctx, `INSERT INTO member_group (workspace, name, summary, created_by, created_at) VALUES (?, ?, ?, ?, @now)`,
			g.Workspace, g.Name, g.Summary, g.CreatedBy); err != nil {
			return err
		}
		// Somebody may have granted something to a group of this name while it was being deleted.
		if _, err := c.Exec(ctx, `DELETE FROM access_grant WHERE workspace = ? AND principal = ?`, g.Workspace, "g/"+g.Name); err != nil {
			return err
		}
		for _, admin := range g.Admins {
			if err := putMember(ctx, c, g.Workspace, g.Name, admin, true); err != nil {
				return err
			}
		}
		for _, member := range g.Members {
			if _, err := c.Exec(ctx, insertMember+` ON CONFLICT DO NOTHING`, g.Workspace, g.Name, member, false); err != nil {
				return err
			}
		}
		return nil
	})
	if errs.Is(err, errs.NotFound) {
		return errs.Wrap(errs.NotFound, err, "there is no workspace %s", g.Workspace)
	}
	return taken(err, "the group %s exists already", g.Name)
}

// GroupGet implements store.Groups.
func (n *Nouns) GroupGet(ctx context.Context, workspace, name string) (domain.Group, error) {
	return one(n.groups(ctx, workspace, ` AND name = ?`, ` AND group_name = ?`, name))("there is no group %s", name)
}

// GroupList implements store.Groups.
func (n *Nouns) GroupList(ctx context.Context, workspace, username string) ([]domain.Group, error) {
	if username == "" {
		return n.groups(ctx, workspace, ``, ``)
	}
	his := `IN (SELECT group_name FROM group_member WHERE workspace = ? AND username = ?)`
	return n.groups(ctx, workspace, ` AND name `+his, ` AND group_name `+his, workspace, username)
}

func (n *Nouns) groups(ctx context.Context, workspace, which, whose string, args ...any) (out []domain.Group, err error) {
	args = append([]any{workspace}, args...)
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		at := map[string]int{}
		if err := c.Query(ctx, `SELECT workspace, name, summary, created_by, created_at FROM member_group WHERE workspace = ?`+which+` ORDER BY name`,
			args, func(scan func(...any) error) error {
				var g domain.Group
				err := scan(&g.Workspace, &g.Name, &g.Summary, &g.CreatedBy, Time{&g.CreatedAt})
				at[g.Name] = len(out)
				out = append(out, g)
				return err
			}); err != nil {
			return err
		}
		return c.Query(ctx, `SELECT group_name, username, admin FROM group_member WHERE workspace = ?`+whose+` ORDER BY group_name, username`,
			args, func(scan func(...any) error) error {
				var group, user string
				var admin bool
				if err := scan(&group, &user, &admin); err != nil {
					return err
				}
				i, ok := at[group]
				if !ok { // made between the two statements
					return nil
				}
				out[i].Members = append(out[i].Members, user)
				if admin {
					out[i].Admins = append(out[i].Admins, user)
				}
				return nil
			})
	})
	return out, err
}

// GroupUpdate implements store.Groups.
func (n *Nouns) GroupUpdate(ctx context.Context, workspace, name, summary string) error {
	rows, err := n.exec(ctx, `UPDATE member_group SET summary = ? WHERE workspace = ? AND name = ?`, summary, workspace, name)
	if err == nil && rows == 0 {
		return missing("there is no group %s", name)
	}
	return err
}

// GroupDelete implements store.Groups.
func (n *Nouns) GroupDelete(ctx context.Context, workspace, name string) error {
	return n.write(ctx, func(ctx context.Context, c *Conn) error {
		if _, err := c.Exec(ctx, `DELETE FROM group_member WHERE workspace = ? AND group_name = ?`, workspace, name); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, `DELETE FROM access_grant WHERE workspace = ? AND principal = ?`, workspace, "g/"+name); err != nil {
			return err
		}
		rows, err := c.Exec(ctx, `DELETE FROM member_group WHERE workspace = ? AND name = ?`, workspace, name)
		if err == nil && rows == 0 {
			return missing("there is no group %s", name)
		}
		return err
	})
}

const insertMember = `INSERT INTO group_member (workspace, group_name, username, admin) VALUES (?, ?, ?, ?)`

func putMember(ctx context.Context, c *Conn, workspace, group, username string, admin bool) error {
	_, err := c.Exec(ctx, insertMember+` ON CONFLICT (workspace, username, group_name) DO UPDATE SET admin = excluded.admin`,
		workspace, group, username, admin)
	return err
}

// GroupMemberPut implements store.Groups.
func (n *Nouns) GroupMemberPut(ctx context.Context, workspace, group, username string, admin bool) error {
	err := n.write(ctx, func(ctx context.Context, c *Conn) error {
		return putMember(ctx, c, workspace, group, username, admin)
	})
	if errs.Is(err, errs.NotFound) {
		return errs.Wrap(errs.NotFound, err, "there is no group %s", group)
	}
	return err
}

// GroupMemberDelete implements store.Groups.
func (n *Nouns) GroupMemberDelete(ctx context.Context, workspace, group, username string) error {
	rows, err := n.exec(ctx, `DELETE FROM group_member WHERE workspace = ? AND group_name = ? AND username = ?`, workspace, group, username)
	if err == nil && rows == 0 {
		return missing("%s is not in the group %s", username, group)
	}
	return err
}

const folderColumns = `workspace, name, display_name, summary, created_by, created_at`

// FolderCreate implements store.Folders.
func (n *Nouns) FolderCreate(ctx context.Context, f domain.Folder) error {
	err := n.write(ctx, func(ctx context.Context, c *Conn) error {
		if _, err := c.Exec(ctx, `INSERT INTO folder (`+folderColumns+`) VALUES (?, ?, ?, ?, ?, @now)`,
			f.Workspace, f.Name, f.DisplayName, f.Summary, f.CreatedBy); err != nil {
			return err
		}
		for _, g := range f.Grants {
			g.Kind, g.Object = domain.GrantFolder, f.Name
			if err := putGrant(ctx, c, f.Workspace, g); err != nil {
				return err
			}
		}
		return nil
	})
	if errs.Is(err, errs.NotFound) {
		return errs.Wrap(errs.NotFound, err, "there is no workspace %s", f.Workspace)
	}
	return taken(err, "the folder %s exists already", f.Name)
}

// claimFolder makes the folder of a path that is about to hold something, when there is none: its owner is who puts the
// first thing there, and every member may write.
func claimFolder(ctx context.Context, c *Conn, workspace, path, email string) error {
	name := domain.FolderOf(path)
	if name == "" {
		return nil
	}
	rows, err := c.Exec(ctx, `INSERT INTO folder (`+folderColumns+`)
		VALUES (?, ?, '', '', coalesce((SELECT username FROM member WHERE workspace = ? AND email = ?), ''), @now) ON CONFLICT DO NOTHING`,
		workspace, name, workspace, email)
	if err != nil || rows == 0 {
		return err
	}
	if _, err := c.Exec(ctx, `INSERT INTO access_grant (workspace, kind, object, principal, level)
		SELECT workspace, ?, ?, 'u/' || username, CAST(? AS integer) FROM member WHERE workspace = ? AND email = ?`,
		string(domain.GrantFolder), name, int(domain.GrantOwn), workspace, email); err != nil {
		return err
	}
	return putGrant(ctx, c, workspace, domain.Grant{Kind: domain.GrantFolder, Object: name, Principal: "g/" + domain.Everybody, Level: domain.GrantWrite})
}

// FolderGet implements store.Folders.
func (n *Nouns) FolderGet(ctx context.Context, workspace, name string) (domain.Folder, error) {
	return one(n.folders(ctx, ` WHERE workspace = ? AND name = ?`, ` WHERE workspace = ? AND object = ?`, []any{workspace, name}, []any{workspace, name}))(
		"there is no folder %s", name)
}

// FolderList implements store.Folders.
func (n *Nouns) FolderList(ctx context.Context, p store.FolderListParams) ([]domain.Folder, error) {
	var w clause
	w.add("workspace = ?", p.Viewer.Workspace)
	if !p.Viewer.All {
		if p.Viewer.Username == "" {
			return nil, nil
		}
		granted, args := grantedTo(p.Viewer, domain.GrantFolder)
		w.add("name IN ("+granted+")", args...)
	}
	if p.After != "" {
		w.add("name > ?", p.After)
	}
	page := w.String() + ` ORDER BY name LIMIT ? OFFSET ?`
	args := append(w.args, limited(p.Limit), max(p.Offset, 0))
	return n.folders(ctx, page, ` WHERE workspace = ? AND object IN (SELECT name FROM (SELECT name FROM folder`+page+`) AS page)`,
		args, append([]any{p.Viewer.Workspace}, args...))
}

// folders reads folders by one clause and their grants by another.
func (n *Nouns) folders(ctx context.Context, tail, grants string, args, grantArgs []any) (out []domain.Folder, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		at := map[string]int{}
		if err := c.Query(ctx, `SELECT `+folderColumns+` FROM folder`+tail, args, func(scan func(...any) error) error {
			var f domain.Folder
			err := scan(&f.Workspace, &f.Name, &f.DisplayName, &f.Summary, &f.CreatedBy, Time{&f.CreatedAt})
			at[f.Name] = len(out)
			out = append(out, f)
			return err
		}); err != nil {
			return err
		}
		return c.grants(ctx, grants+` AND kind = 'folder'`, grantArgs, func(g domain.Grant) {
			if i, ok := at[g.Object]; ok {
				out[i].Grants = append(out[i].Grants, g)
			}
		})
	})
	return out, err
}

// FolderUpdate implements store.Folders.
func (n *Nouns) FolderUpdate(ctx context.Context, f domain.Folder) error {
	rows, err := n.exec(ctx, `UPDATE folder SET display_name = ?, summary = ? WHERE workspace = ? AND name = ?`,
		f.DisplayName, f.Summary, f.Workspace, f.Name)
	if err == nil && rows == 0 {
		return missing("there is no folder %s", f.Name)
	}
	return err
}

// FolderDelete implements store.Folders.
func (n *Nouns) FolderDelete(ctx context.Context, workspace, name string) error {
	return n.write(ctx, func(ctx context.Context, c *Conn) error {
		var used string
		var w clause
		w.add("workspace = ?", workspace)
		w.prefix("path", "f/"+name+"/")
		w.add("NOT deleted")
		found, err := c.One(ctx, `SELECT path FROM script`+w.String()+` LIMIT 1`, w.args, &used)
		if err != nil {
			return err
		}
		if found {
			return errs.New(errs.Conflict, "the folder %s is not empty: it holds %s", name, used).
				WithHint("delete what lies in it first; archived scripts count too")
		}
		if _, err := c.Exec(ctx, `DELETE FROM access_grant WHERE workspace = ? AND kind = 'folder' AND object = ?`, workspace, name); err != nil {
			return err
		}
		rows, err := c.Exec(ctx, `DELETE FROM folder WHERE workspace = ? AND name = ?`, workspace, name)
		if err == nil && rows == 0 {
			return missing("there is no folder %s", name)
		}
		return err
	})
}

func putGrant(ctx context.Context, c *Conn, workspace string, g domain.Grant) error {
	_, err := c.Exec(ctx, `INSERT INTO access_grant (workspace, kind, object, principal, level) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (workspace, kind, object, principal) DO UPDATE SET level = excluded.level`,
		workspace, string(g.Kind), g.Object, g.Principal, int(g.Level))
	return err
}

// GrantPut implements store.Grants.
func (n *Nouns) GrantPut(ctx context.Context, workspace string, g domain.Grant) error {
	err := n.write(ctx, func(ctx context.Context, c *Conn) error {
		if g.Kind == domain.GrantFolder {
			var name string
			found, err := c.One(ctx, `SELECT name FROM folder WHERE workspace = ? AND name = ? @forupdate`, []any{workspace, g.Object}, &name)
			if err != nil {
				return err
			}
			if !found {
				return missing("there is no folder %s", g.Object)
			}
		}
		return putGrant(ctx, c, workspace, g)
	})
	if e := errs.As(err); errs.Is(err, errs.NotFound) && e != nil && e.Unwrap() != nil {
		return errs.Wrap(errs.NotFound, err, "there is no workspace %s", workspace)
	}
	return err
}

// GrantDelete implements store.Grants.
func (n *Nouns) GrantDelete(ctx context.Context, workspace string, kind domain.GrantKind, object, principal string) error {
	rows, err := n.exec(ctx, `DELETE FROM access_grant WHERE workspace = ? AND kind = ? AND object = ? AND principal = ?`,
		workspace, string(kind), object, principal)
	if err == nil && rows == 0 {
		return missing("%s has no grant there", principal)
	}
	return err
}

// GrantList implements store.Grants.
func (n *Nouns) GrantList(ctx context.Context, workspace string, kind domain.GrantKind, object string) (out []domain.Grant, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.grants(ctx, ` WHERE workspace = ? AND kind = ? AND object = ?`, []any{workspace, string(kind), object},
			func(g domain.Grant) { out = append(out, g) })
	})
	return out, err
}

func (c *Conn) grants(ctx context.Context, where string, args []any, each func(domain.Grant)) error {
	return c.Query(ctx, `SELECT kind, object, principal, level FROM access_grant`+where+` ORDER BY object, principal`, args,
		func(scan func(...any) error) error {
			var g domain.Grant
			if err := scan(&g.Kind, &g.Object, &g.Principal, &g.Level); err != nil {
				return err
			}
			each(g)
			return nil
		})
}

// principals is the condition that a principal is the viewer or a group of his.
func principals(v store.Viewer) (sql string, args []any) {
	return `(principal = ? OR principal = 'g/all' OR principal IN (SELECT 'g/' || group_name FROM group_member WHERE workspace = ? AND username = ?))`,
		[]any{"u/" + v.Username, v.Workspace, v.Username}
}

// grantedTo selects the objects of a kind that the viewer was granted anything on. It does not depend on the row that is
// being filtered, so both databases evaluate it once for a list.
func grantedTo(v store.Viewer, kind domain.GrantKind) (sql string, args []any) {
	who, args := principals(v)
	return `SELECT object FROM access_grant WHERE workspace = ? AND kind = '` + string(kind) + `' AND ` + who,
		append([]any{v.Workspace}, args...)
}

// AccessTo implements store.Grants.
func (n *Nouns) AccessTo(ctx context.Context, workspace, username, path string) (a domain.Access, err error) {
	folder := domain.FolderOf(path)
	who, whoArgs := principals(store.Viewer{Workspace: workspace, Username: username})
	where := ` WHERE workspace = ? AND kind = ? AND object = ? AND ` + who
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		a = domain.Access{}
		// One statement for each, so that each is a search by the primary key, however much the member was granted elsewhere.
		of := func(kind domain.GrantKind, object string) error {
			return c.grants(ctx, where, append([]any{workspace, string(kind), object}, whoArgs...), func(g domain.Grant) { a.Grants = append(a.Grants, g) })
		}
		if folder != "" {
			if err := of(domain.GrantFolder, folder); err != nil {
				return err
			}
		}
		if err := of(domain.GrantScript, path); err != nil {
			return err
		}
		if folder == "" || len(a.Grants) > 0 {
			return nil
		}
		var name string
		found, err := c.One(ctx, `SELECT name FROM folder WHERE workspace = ? AND name = ?`, []any{workspace, folder}, &name)
		a.Unclaimed = err == nil && !found
		return err
	})
	return a, err
}
