package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// hot are the statements of the queue. Only the writer runs those that change something, so nothing needs a lock.
type hot struct{}

// levels walks from one priority of a tag to the next by the index, so that jobs which are scheduled for later are passed
// by instead of read, however many there are.
const levels = `WITH RECURSIVE level (tag, priority) AS (
	SELECT t.value, (SELECT q.priority FROM queue q WHERE q.status = 'queued' AND q.tag = t.value ORDER BY q.priority DESC LIMIT 1)
	FROM json_each(?) t
	UNION ALL
	SELECT l.tag, (SELECT q.priority FROM queue q WHERE q.status = 'queued' AND q.tag = l.tag AND q.priority < l.priority
		ORDER BY q.priority DESC LIMIT 1)
	FROM level l WHERE l.priority IS NOT NULL
) `

func tagsJSON(tags []string) string {
	b, _ := json.Marshal(tags) // texts always marshal
	return string(b)
}

// Claim implements sqldb.Hot.
func (hot) Claim(ctx context.Context, c *sqldb.Conn, p store.JobClaimParams) ([]domain.Job, error) {
	var ids []any
	err := c.Query(ctx, levels+`SELECT q.id FROM level l JOIN queue q ON q.id IN (
			SELECT d.id FROM queue d WHERE d.status = 'queued' AND d.tag = l.tag AND d.priority = l.priority AND d.scheduled_for <= @now
			ORDER BY d.scheduled_for, d.id LIMIT ?)
		WHERE l.priority IS NOT NULL ORDER BY q.priority DESC, q.scheduled_for, q.id LIMIT ?`,
		[]any{tagsJSON(p.Tags), p.Limit, p.Limit}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	args := append([]any{p.Worker, p.Lease.Microseconds()}, ids...)
	jobs, err := c.Jobs(ctx, `UPDATE queue SET status = 'running', attempt = attempt + 1, worker = ?, started_at = @now,
		lease_until = @now + ?, reason = '' WHERE id IN (?`+strings.Repeat(`, ?`, len(ids)-1)+`) RETURNING `+sqldb.LiveColumns, args...)
	slices.SortFunc(jobs, func(a, b domain.Job) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.ScheduledFor.Compare(b.ScheduledFor), cmp.Compare(a.ID, b.ID))
	})
	return jobs, err
}

// Renew implements sqldb.Hot.
func (hot) Renew(ctx context.Context, c *sqldb.Conn, leases []domain.Lease, lease time.Duration) ([]domain.Job, error) {
	var held []domain.Job
	for _, l := range leases {
		jobs, err := c.Jobs(ctx, `UPDATE queue SET lease_until = @now + ? WHERE id = ? AND attempt = ? AND worker = ? AND status = 'running'
			RETURNING `+sqldb.LiveColumns, lease.Microseconds(), l.JobID, l.Attempt, l.Worker)
		if err != nil {
			return nil, err
		}
		held = append(held, jobs...)
	}
	return held, nil
}

// Expired implements sqldb.Hot.
func (hot) Expired(ctx context.Context, c *sqldb.Conn, limit int) ([]domain.Job, error) {
	return c.Jobs(ctx, `SELECT `+sqldb.LiveColumns+` FROM queue WHERE status = 'running' AND lease_until <= @now
		ORDER BY lease_until LIMIT ?`, limit)
}

// NextDue implements sqldb.Hot.
func (hot) NextDue(ctx context.Context, c *sqldb.Conn, tags []string) (due time.Time, err error) {
	_, err = c.One(ctx, levels+`SELECT min((SELECT d.scheduled_for FROM queue d
			WHERE d.status = 'queued' AND d.tag = l.tag AND d.priority = l.priority ORDER BY d.scheduled_for LIMIT 1))
		FROM level l WHERE l.priority IS NOT NULL`, []any{tagsJSON(tags)}, sqldb.Time{T: &due})
	return due, err
}
