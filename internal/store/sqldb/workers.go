package sqldb

import (
	"context"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
)

const workerColumns = `name, host, worker_group, tags, slots, running, version, languages, started_at, seen_at, jobs_done, tier`

// WorkerPing implements store.Workers.
func (n *Nouns) WorkerPing(ctx context.Context, w domain.Worker) error {
	_, err := n.exec(ctx, `INSERT INTO worker (`+workerColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, @now, ?, ?)
		ON CONFLICT (name) DO UPDATE SET host = excluded.host, worker_group = excluded.worker_group, tags = excluded.tags,
			slots = excluded.slots, running = excluded.running, version = excluded.version, languages = excluded.languages,
			started_at = excluded.started_at, seen_at = excluded.seen_at, jobs_done = excluded.jobs_done, tier = excluded.tier`,
		w.Name, w.Host, w.Group, encodeList(w.Tags), w.Slots, w.Running, w.Version, encodeList(w.Languages), w.StartedAt,
		w.JobsDone, w.Tier)
	return err
}

// WorkerList implements store.Workers.
func (n *Nouns) WorkerList(ctx context.Context, since time.Duration) (out []domain.Worker, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+workerColumns+` FROM worker WHERE seen_at >= @now - @us * CAST(? AS bigint) ORDER BY name`,
			[]any{since.Microseconds()}, func(scan func(...any) error) error {
				var w domain.Worker
				var tags, languages string
				if err := scan(&w.Name, &w.Host, &w.Group, &tags, &w.Slots, &w.Running, &w.Version, &languages, Time{&w.StartedAt},
					Time{&w.SeenAt}, &w.JobsDone, &w.Tier); err != nil {
					return err
				}
				if err := decodeList(tags, &w.Tags); err != nil {
					return err
				}
				if err := decodeList(languages, &w.Languages); err != nil {
					return err
				}
				out = append(out, w)
				return nil
			})
	})
	return out, err
}

// WorkerDelete implements store.Workers.
func (n *Nouns) WorkerDelete(ctx context.Context, name string) error {
	rows, err := n.exec(ctx, `DELETE FROM worker WHERE name = ?`, name)
	if err == nil && rows == 0 {
		return missing("there is no worker %s", name)
	}
	return err
}
