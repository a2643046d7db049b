package sqldb

import (
	"context"
	"encoding/json"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

// JobList implements store.Jobs.
func (n *Nouns) JobList(ctx context.Context, p store.JobListParams) ([]domain.Job, error) {
	var w clause
	w.viewer(p.Viewer, "script_path", "created_by")
	direction := "DESC"
	if p.OldestFirst {
		direction = "ASC"
	}
	if p.Before != "" {
		if err := checkID("before", p.Before); err != nil {
			return nil, err
		}
		if p.OldestFirst {
			w.add("id > ?", p.Before)
		} else {
			w.add("id < ?", p.Before)
		}
	}
	in(&w, "kind", p.Kinds)
	w.prefix("script_path", p.PathPrefix)
	w.eq("script_path", p.PathExact)
	w.eq("script_hash", p.Hash)
	w.eq("created_by", p.CreatedBy)
	w.eq("tag", p.Tag)
	w.eq("worker", p.Worker)
	w.eq("trigger_by", p.Trigger)
	if p.Label != "" {
		// Labels are stored as a JSON list of texts; the quotes make the match that of a whole label.
		quoted, err := json.Marshal(p.Label)
		if err != nil {
			return nil, err
		}
		w.add("@strpos(labels, ?) > 0", string(quoted))
	}
	if p.Parent != "" {
		if !id.Valid(p.Parent) {
			return nil, nil
		}
		w.add("parent = ?", p.Parent)
	}
	if p.NoParent {
		w.add("parent IS NULL")
	}
	if !p.CreatedAfter.IsZero() {
		w.add("created_at > ?", p.CreatedAfter)
	}
	if !p.CreatedBefore.IsZero() {
		w.add("created_at < ?", p.CreatedBefore)
	}

	liveStatus, finalStatus := split(p.Statuses)
	limit, offset := limited(p.Limit), max(p.Offset, 0)
	var query string
	var args []any
	half := func(columns, table string, statuses []domain.JobStatus) {
		w := clause{sql: w.sql[:len(w.sql):len(w.sql)], args: w.args[:len(w.args):len(w.args)]}
		in(&w, "status", statuses)
		if query != "" {
			query += ` UNION ALL `
		}
		query += `SELECT * FROM (SELECT ` + columns + ` FROM ` + table + w.String() + ` ORDER BY id ` + direction + ` LIMIT ?) AS ` + table
		args = append(append(args, w.args...), limit+offset)
	}
	if len(p.Statuses) == 0 || len(liveStatus) > 0 {
		half(LiveColumns, "queue", liveStatus)
	}
	if len(p.Statuses) == 0 || len(finalStatus) > 0 {
		half(finalColumns, "history", finalStatus)
	}
	return n.jobs(ctx, `SELECT * FROM (`+query+`) AS jobs ORDER BY id `+direction+` LIMIT ? OFFSET ?`, append(args, limit, offset)...)
}

func split(statuses []domain.JobStatus) (live, final []domain.JobStatus) {
	for _, s := range statuses {
		if s.Final() {
			final = append(final, s)
		} else {
			live = append(live, s)
		}
	}
	return live, final
}
