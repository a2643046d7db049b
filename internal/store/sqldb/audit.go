package sqldb

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
)

const auditColumns = `workspace, seq, at, email, username, token_id, job_id, action, kind, resource, changes_json, address, request_id, prev_hash, hash`

func scanAudit(scan func(...any) error) (e domain.AuditEvent, err error) {
	var changes string
	err = scan(&e.Workspace, &e.Seq, Time{&e.At}, &e.Email, &e.Username, &e.TokenID, &e.JobID, &e.Action, &e.Kind, &e.Resource,
		&changes, &e.Address, &e.RequestID, &e.PrevHash, &e.Hash)
	if changes != "" {
		e.Changes = domain.JSON(changes)
	}
	return e, err
}

// AuditAppend implements store.Audit.
func (n *Nouns) AuditAppend(ctx context.Context, e domain.AuditEvent) (domain.AuditEvent, error) {
	err := n.write(ctx, func(ctx context.Context, c *Conn) error {
		// The row must be there to be locked; where it is, this touches nothing and waits for nobody.
		if _, err := c.Exec(ctx, `INSERT INTO audit_chain (workspace, seq, hash, anchor_seq, anchor_hash) VALUES (?, 0, '', 0, '')
			ON CONFLICT (workspace) DO NOTHING`, e.Workspace); err != nil {
			return err
		}
		var last int64
		var at time.Time
		// The clock is read under the lock where it is the process's; on PostgreSQL it is that of the transaction's beginning.
		if _, err := c.One(ctx, `SELECT seq, hash, @now FROM audit_chain WHERE workspace = ? @forupdate`, []any{e.Workspace},
			&last, &e.PrevHash, Time{&at}); err != nil {
			return err
		}
		e.Seq, e.At = last+1, at
		e.Hash = e.Sum()
		if _, err := c.Exec(ctx, `INSERT INTO audit_event (`+auditColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			e.Workspace, e.Seq, e.At, e.Email, e.Username, e.TokenID, e.JobID, e.Action, string(e.Kind), e.Resource, string(e.Changes),
			e.Address, e.RequestID, e.PrevHash, e.Hash); err != nil {
			return err
		}
		_, err := c.Exec(ctx, `UPDATE audit_chain SET seq = ?, hash = ? WHERE workspace = ?`, e.Seq, e.Hash, e.Workspace)
		return err
	})
	if err != nil {
		return domain.AuditEvent{}, err
	}
	return e, nil
}

// AuditGet implements store.Audit.
func (n *Nouns) AuditGet(ctx context.Context, workspace string, seq int64) (e domain.AuditEvent, err error) {
	found := false
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		found = false
		return c.Query(ctx, `SELECT `+auditColumns+` FROM audit_event WHERE workspace = ? AND seq = ?`, []any{workspace, seq},
			func(scan func(...any) error) (err error) {
				e, err = scanAudit(scan)
				found = true
				return err
			})
	})
	if err == nil && !found {
		err = missing("there is no line %d in the audit log", seq)
	}
	return e, err
}

// AuditList implements store.Audit.
func (n *Nouns) AuditList(ctx context.Context, p store.AuditListParams) (out []domain.AuditEvent, err error) {
	var w clause
	w.add("workspace = ?", p.Workspace)
	if p.User != "" {
		column := "username"
		if strings.Contains(p.User, "@") {
			column = "email"
		}
		w.eq(column, p.User)
	}
	w.walked("action", p.ActionPrefix)
	in(&w, "action", p.Actions)
	if len(p.NotActions) > 0 {
		var not clause
		in(&not, "action", p.NotActions)
		w.add("NOT ("+not.sql[0]+")", not.args...)
	}
	w.eq("kind", string(p.Kind))
	if len(p.ResourcePrefix) < 5 {
		w.walked("resource", p.ResourcePrefix) // f/ and the like
	} else {
		w.prefix("resource", p.ResourcePrefix)
	}
	if !p.After.IsZero() {
		w.add("at > ?", p.After)
	}
	if !p.Before.IsZero() {
		w.add("at <= ?", p.Before)
	}
	order := "DESC"
	if p.OldestFirst {
		order = "ASC"
		w.add("seq > ?", p.From)
	} else if p.From > 0 {
		w.add("seq < ?", p.From)
	}
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+auditColumns+` FROM audit_event`+w.String()+` ORDER BY seq `+order+` LIMIT ? OFFSET ?`,
			append(w.args[:len(w.args):len(w.args)], limited(p.Limit), max(p.Offset, 0)), func(scan func(...any) error) error {
				e, err := scanAudit(scan)
				out = append(out, e)
				return err
			})
	})
	return out, err
}

// walked adds "column starts with prefix" in words that no index serves: where many rows match, walking them in the order
// of the answer until a page is full costs less than sorting all of them.
func (w *clause) walked(column, prefix string) {
	if prefix != "" {
		w.add("substr("+column+", 1, CAST(? AS integer)) = ?", utf8.RuneCountInString(prefix), prefix)
	}
}

const chainColumns = `workspace, seq, hash, anchor_seq, anchor_hash`

func scanChain(scan func(...any) error) (c domain.AuditChain, err error) {
	err = scan(&c.Workspace, &c.Seq, &c.Hash, &c.AnchorSeq, &c.AnchorHash)
	return c, err
}

// AuditChains implements store.Audit.
func (n *Nouns) AuditChains(ctx context.Context) (out []domain.AuditChain, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+chainColumns+` FROM audit_chain
			UNION ALL SELECT DISTINCT workspace, CAST(0 AS bigint), '', CAST(0 AS bigint), '' FROM audit_event e
				WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.workspace = e.workspace)
			ORDER BY 1`, nil, func(scan func(...any) error) error {
			chain, err := scanChain(scan)
			out = append(out, chain)
			return err
		})
	})
	return out, err
}

// AuditTrim implements store.Audit.
func (n *Nouns) AuditTrim(ctx context.Context, workspace string, before time.Time, limit int) (removed int, err error) {
	err = n.write(ctx, func(ctx context.Context, c *Conn) error {
		removed = 0
		var anchor int64
		found, err := c.One(ctx, `SELECT anchor_seq FROM audit_chain WHERE workspace = ? @forupdate`, []any{workspace}, &anchor)
		if err != nil || !found {
			return err
		}
		// Only what stands in front of the oldest line to keep: the rest must stay a chain, also when a clock once jumped.
		last, hash, young := anchor, "", false
		err = c.Query(ctx, `SELECT seq, hash, CASE WHEN at < ? THEN 0 ELSE 1 END FROM audit_event WHERE workspace = ? ORDER BY seq LIMIT ?`,
			[]any{before, workspace, limited(limit)}, func(scan func(...any) error) error {
				var seq int64
				var sum string
				var keep int
				if err := scan(&seq, &sum, &keep); err != nil {
					return err
				}
				if young = young || keep == 1; !young {
					last, hash = seq, sum
					removed++
				}
				return nil
			})
		if err != nil || removed == 0 {
			return err
		}
		if _, err := c.Exec(ctx, `DELETE FROM audit_event WHERE workspace = ? AND seq <= ?`, workspace, last); err != nil {
			return err
		}
		_, err = c.Exec(ctx, `UPDATE audit_chain SET anchor_seq = ?, anchor_hash = ? WHERE workspace = ?`, last, hash, workspace)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}
