package sqldb

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
)

// DraftPut implements store.Drafts.
func (n *Nouns) DraftPut(ctx context.Context, d domain.Draft) error {
	_, err := n.exec(ctx, `INSERT INTO draft (workspace, email, kind, path, value_json, updated_at) VALUES (?, ?, ?, ?, ?, @now)
		ON CONFLICT (workspace, email, kind, path) DO UPDATE SET value_json = excluded.value_json, updated_at = excluded.updated_at`,
		d.Workspace, d.Email, d.Kind, d.Path, string(d.Value))
	if errs.Is(err, errs.NotFound) {
		return errs.Wrap(errs.NotFound, err, "there is no workspace %s", d.Workspace)
	}
	return err
}

// DraftGet implements store.Drafts.
func (n *Nouns) DraftGet(ctx context.Context, workspace, email, kind, path string) (domain.Draft, error) {
	return one(n.drafts(ctx, `value_json`, ` AND kind = ? AND path = ?`, workspace, email, kind, path))(
		"there is no draft of %s", path)
}

// DraftList implements store.Drafts.
func (n *Nouns) DraftList(ctx context.Context, workspace, email string) ([]domain.Draft, error) {
	return n.drafts(ctx, `''`, ` ORDER BY updated_at DESC, kind, path`, workspace, email)
}

func (n *Nouns) drafts(ctx context.Context, value, tail string, args ...any) (out []domain.Draft, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT workspace, email, kind, path, `+value+`, updated_at FROM draft WHERE workspace = ? AND email = ?`+tail,
			args, func(scan func(...any) error) error {
				var d domain.Draft
				var value string
				err := scan(&d.Workspace, &d.Email, &d.Kind, &d.Path, &value, Time{&d.UpdatedAt})
				if value != "" {
					d.Value = domain.JSON(value)
				}
				out = append(out, d)
				return err
			})
	})
	return out, err
}

// DraftDelete implements store.Drafts.
func (n *Nouns) DraftDelete(ctx context.Context, workspace, email, kind, path string) error {
	_, err := n.exec(ctx, `DELETE FROM draft WHERE workspace = ? AND email = ? AND kind = ? AND path = ?`, workspace, email, kind, path)
	return err
}
