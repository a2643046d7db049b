package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// hot are the statements of the queue, made for many claimers at once.
type hot struct{}

// levels walks from one priority of a tag to the next by the index, so that jobs which are scheduled for later are passed
// by instead of read, however many there are.
const levels = `WITH RECURSIVE level (tag, priority) AS (
	SELECT t.tag, (SELECT q.priority FROM queue q WHERE q.status = 'queued' AND q.tag = t.tag ORDER BY q.priority DESC LIMIT 1)
	FROM unnest(CAST(? AS text[])) AS t (tag)
	UNION ALL
	SELECT l.tag, (SELECT q.priority FROM queue q WHERE q.status = 'queued' AND q.tag = l.tag AND q.priority < l.priority
		ORDER BY q.priority DESC LIMIT 1)
	FROM level l WHERE l.priority IS NOT NULL
)`

// claimTries bounds how often a claim looks again after others took all that it saw.
const claimTries = 8

// Claim implements sqldb.Hot. It first looks at candidates without locking them, a few more than it needs for the sake of
// others who look at the same moment, then takes what nobody else has locked. That step is written so that the planner can
// only go by the ids (ANY, COALESCE): without statistics it would rather read the whole queue.
func (hot) Claim(ctx context.Context, c *sqldb.Conn, p store.JobClaimParams) ([]domain.Job, error) {
	for try := 1; ; try++ {
		jobs, err := c.Jobs(ctx, levels+`, candidate AS MATERIALIZED (
				SELECT d.id FROM level l CROSS JOIN LATERAL (
					SELECT q.id FROM queue q WHERE q.status = 'queued' AND q.tag = l.tag AND q.priority = l.priority AND q.scheduled_for <= @now
					ORDER BY q.scheduled_for, q.id LIMIT ?) d
				WHERE l.priority IS NOT NULL
			), picked AS MATERIALIZED (
				SELECT q.id AS picked_id FROM queue q
				WHERE q.id = ANY (ARRAY(SELECT c.id FROM candidate c)) AND COALESCE(q.status, '') = 'queued'
				ORDER BY q.priority DESC, q.scheduled_for, q.id LIMIT ? FOR UPDATE OF q SKIP LOCKED
			)
			UPDATE queue SET status = 'running', attempt = attempt + 1, worker = ?, started_at = @now,
				lease_until = @now + @us * CAST(? AS bigint), reason = '' FROM picked WHERE id = picked_id RETURNING `+sqldb.LiveColumns,
			p.Tags, 2*p.Limit+32*try, p.Limit, p.Worker, p.Lease.Microseconds())
		if err != nil {
			return nil, err
		}
		if len(jobs) > 0 {
			slices.SortFunc(jobs, func(a, b domain.Job) int {
				return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.ScheduledFor.Compare(b.ScheduledFor), cmp.Compare(a.ID, b.ID))
			})
			return jobs, nil
		}
		if try == claimTries {
			return nil, nil
		}
		// Nothing: because nothing is due, or because others have it all in their hands at this moment?
		due := false
		if _, err := c.One(ctx, levels+` SELECT EXISTS (SELECT 1 FROM level l JOIN queue q
			ON q.status = 'queued' AND q.tag = l.tag AND q.priority = l.priority AND q.scheduled_for <= @now)`, []any{p.Tags}, &due); err != nil {
			return nil, err
		}
		if !due {
			return nil, nil
		}
	}
}

// Renew implements sqldb.Hot.
func (hot) Renew(ctx context.Context, c *sqldb.Conn, leases []domain.Lease, lease time.Duration) ([]domain.Job, error) {
	var ids, workers []string
	var attempts []int64
	for _, l := range leases {
		ids, workers, attempts = append(ids, l.JobID), append(workers, l.Worker), append(attempts, int64(l.Attempt))
	}
	// In the order of ids, as everybody does who locks several rows.
	return c.Jobs(ctx, `WITH held AS MATERIALIZED (
			SELECT q.id AS held_id FROM queue q
			JOIN unnest(CAST(? AS uuid[]), CAST(? AS bigint[]), CAST(? AS text[])) AS l (job_id, attempt, worker)
				ON q.id = l.job_id AND q.attempt = l.attempt AND q.worker = l.worker
			WHERE q.status = 'running' ORDER BY q.id FOR UPDATE OF q
		)
		UPDATE queue SET lease_until = now() + @us * CAST(? AS bigint) FROM held WHERE id = held_id RETURNING `+sqldb.LiveColumns,
		ids, attempts, workers, lease.Microseconds())
}

// Expired implements sqldb.Hot.
func (hot) Expired(ctx context.Context, c *sqldb.Conn, limit int) ([]domain.Job, error) {
	return c.Jobs(ctx, `SELECT `+sqldb.LiveColumns+` FROM queue WHERE status = 'running' AND lease_until <= @now
		ORDER BY lease_until LIMIT ? FOR UPDATE SKIP LOCKED`, limit)
}

// NextDue implements sqldb.Hot.
func (hot) NextDue(ctx context.Context, c *sqldb.Conn, tags []string) (due time.Time, err error) {
	_, err = c.One(ctx, levels+` SELECT min((SELECT d.scheduled_for FROM queue d
			WHERE d.status = 'queued' AND d.tag = l.tag AND d.priority = l.priority ORDER BY d.scheduled_for LIMIT 1))
		FROM level l WHERE l.priority IS NOT NULL`, []any{tags}, sqldb.Time{T: &due})
	return due, err
}
