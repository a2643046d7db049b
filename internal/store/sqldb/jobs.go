package sqldb

import (
	"context"
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

// Columns of a job, in the order of scanJob. The queue has no outcome and the history no lease.
const (
	jobDefinition = `id, workspace, kind, script_path, script_hash, language, tag, priority, timeout_us, created_by, email,
		permissioned_as, token_scopes, created_at, scheduled_for, parent, trigger_by, labels`
	jobState   = `status, attempt, deaths, worker, started_at, cancel_by, cancel_reason, reason`
	jobOutcome = `ended_at, mem_peak, cpu_us, user_start, user_end, tier, error_name, log_bytes, result_size`

	// LiveColumns selects from the queue what ScanJob reads.
	LiveColumns = jobDefinition + `, ` + jobState + `, lease_until, CAST(NULL AS timestamptz) AS ended_at, 0 AS mem_peak,
		0 AS cpu_us, CAST(NULL AS timestamptz) AS user_start, CAST(NULL AS timestamptz) AS user_end, '' AS tier,
		'' AS error_name, 0 AS log_bytes, 0 AS result_size`
	finalColumns = jobDefinition + `, ` + jobState + `, CAST(NULL AS timestamptz) AS lease_until, ` + jobOutcome
)

// payloadCancel holds the result of a running job for which cancel was asked, in case its worker dies before it answers.
const payloadCancel domain.PayloadKind = "cancel"

// ScanJob reads a row of LiveColumns.
func ScanJob(scan func(...any) error) (j domain.Job, err error) {
	var timeout, cpu int64
	var scopes, labels string
	err = scan(&j.ID, &j.Workspace, &j.Kind, &j.ScriptPath, &j.ScriptHash, &j.Language, &j.Tag, &j.Priority, &timeout,
		&j.CreatedBy, &j.Email, &j.PermissionedAs, &scopes, Time{&j.CreatedAt}, Time{&j.ScheduledFor}, text{&j.Parent},
		&j.Trigger, &labels,
		&j.Status, &j.Attempt, &j.Deaths, &j.Worker, Time{&j.StartedAt}, &j.CancelBy, &j.CancelReason, &j.Reason,
		Time{&j.LeaseUntil},
		Time{&j.EndedAt}, &j.MemPeak, &cpu, Time{&j.UserStart}, Time{&j.UserEnd}, &j.Tier, &j.ErrorName, &j.LogBytes, &j.ResultSize)
	if err != nil {
		return j, err
	}
	j.Timeout, j.CPUTime = time.Duration(timeout)*time.Microsecond, time.Duration(cpu)*time.Microsecond
	if err := decodeList(scopes, &j.TokenScopes); err != nil {
		return j, err
	}
	return j, decodeList(labels, &j.Labels)
}

// Jobs runs a statement that gives rows of LiveColumns.
func (c *Conn) Jobs(ctx context.Context, query string, args ...any) (out []domain.Job, err error) {
	err = c.Query(ctx, query, args, func(scan func(...any) error) error {
		j, err := ScanJob(scan)
		out = append(out, j)
		return err
	})
	return out, err
}

func (c *Conn) job(ctx context.Context, query string, args ...any) (j domain.Job, found bool, err error) {
	js, err := c.Jobs(ctx, query, args...)
	if err != nil || len(js) == 0 {
		return j, false, err
	}
	return js[0], true, nil
}

func checkID(field, value string) error {
	if !id.Valid(value) {
		return errs.New(errs.Invalid, "the id is not valid").
			WithField(field, "must be a UUID like 0190f3a4-7b1c-7000-8000-000000000000")
	}
	return nil
}

// pushRows is how many jobs one statement inserts: with 20 parameters each it stays far below every limit.
const pushRows = 100

// JobPush implements store.Jobs.
func (n *Nouns) JobPush(ctx context.Context, jobs ...store.NewJob) error {
	for i := range jobs {
		if err := checkID("id", jobs[i].Job.ID); err != nil {
			return err
		}
		if p := jobs[i].Job.Parent; p != "" {
			if err := checkID("parent", p); err != nil {
				return err
			}
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	err := n.write(ctx, func(ctx context.Context, c *Conn) error {
		for rest := jobs; len(rest) > 0; {
			some := rest[:min(len(rest), pushRows)]
			rest = rest[len(some):]
			if err := pushSome(ctx, c, some); err != nil {
				return err
			}
		}
		return nil
	})
	return taken(err, "a job with this id exists already")
}

func pushSome(ctx context.Context, c *Conn, jobs []store.NewJob) error {
	rows := newRows(len(jobs), `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, @now, COALESCE(?, @now), ?, ?, ?, 'queued', 0, 0, '', '', '', ?)`)
	for i := range jobs {
		j := &jobs[i].Job
		rows.add(j.ID, j.Workspace, string(j.Kind), j.ScriptPath, j.ScriptHash, string(j.Language), j.Tag, j.Priority,
			j.Timeout.Microseconds(), j.CreatedBy, j.Email, j.PermissionedAs, encodeList(j.TokenScopes), j.ScheduledFor,
			nullable(j.Parent), j.Trigger, encodeList(j.Labels), j.Reason)
	}
	if _, err := c.Exec(ctx, `INSERT INTO queue (`+jobDefinition+`, status, attempt, deaths, worker, cancel_by, cancel_reason, reason)
		VALUES `+rows.String(), rows.args...); err != nil {
		return err
	}
	rows = newRows(2*len(jobs), payloadRow)
	for i := range jobs {
		rows.addPayload(&jobs[i].Job, domain.PayloadArgs, jobs[i].Args)
		if jobs[i].Code != nil {
			rows.addPayload(&jobs[i].Job, domain.PayloadCode, *jobs[i].Code)
		}
	}
	_, err := c.Exec(ctx, insertPayload+rows.String(), rows.args...)
	return err
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

const (
	insertPayload = `INSERT INTO payload (job_id, kind, workspace, data, blob_key, size) VALUES `
	payloadRow    = `(?, ?, ?, ?, ?, ?)`
)

// rows makes the VALUES of one INSERT of several rows.
type rows struct {
	row  string
	text []byte
	args []any
}

func newRows(n int, row string) *rows { return &rows{row: row, text: make([]byte, 0, n*(len(row)+2))} }

func (r *rows) add(args ...any) {
	if len(r.text) > 0 {
		r.text = append(r.text, ", "...)
	}
	r.text = append(r.text, r.row...)
	r.args = append(r.args, args...)
}

func (r *rows) addPayload(j *domain.Job, kind domain.PayloadKind, p domain.Payload) {
	data, size := any(p.Inline), p.Size
	switch {
	case p.Blob != "":
		data = nil
	case p.Inline == nil:
		data, size = []byte{}, 0
	default:
		size = int64(len(p.Inline))
	}
	r.add(j.ID, string(kind), j.Workspace, data, p.Blob, size)
}

func (r *rows) String() string { return string(r.text) }

// JobClaim implements store.Jobs.
func (n *Nouns) JobClaim(ctx context.Context, p store.JobClaimParams) (out []domain.Job, err error) {
	if len(p.Tags) == 0 || p.Limit < 1 {
		return nil, nil
	}
	for _, tag := range p.Tags {
		if err := checkText(tag); err != nil { // here, because not every database gets the tags as texts
			return nil, err
		}
	}
	p.Tags = slices.Compact(slices.Sorted(slices.Values(p.Tags)))
	err = n.single(ctx, func(ctx context.Context, c *Conn) error {
		out, err = n.d.Hot.Claim(ctx, c, p)
		return err
	})
	return out, err
}

// current is the fence: only the holder of the lease matches.
const current = ` id = ? AND attempt = ? AND worker = ? AND status = 'running'`

func fenced(l domain.Lease) error {
	return errs.New(errs.Fenced, "attempt %d of job %s is no longer held by the worker %s", l.Attempt, l.JobID, l.Worker)
}

// JobRenew implements store.Jobs.
func (n *Nouns) JobRenew(ctx context.Context, leases []domain.Lease, lease time.Duration) (store.JobRenewal, error) {
	if len(leases) == 0 {
		return store.JobRenewal{}, nil
	}
	valid := make([]domain.Lease, 0, len(leases))
	for _, l := range leases {
		if id.Valid(l.JobID) {
			valid = append(valid, l)
		}
	}
	var held []domain.Job
	err := n.write(ctx, func(ctx context.Context, c *Conn) (err error) {
		held, err = n.d.Hot.Renew(ctx, c, valid, lease)
		return err
	})
	if err != nil {
		return store.JobRenewal{}, err
	}
	byID := make(map[string]domain.Job, len(held))
	for _, j := range held {
		byID[j.ID] = j
	}
	var out store.JobRenewal
	for _, l := range leases {
		j, ok := byID[l.JobID]
		switch {
		case !ok || j.Attempt != l.Attempt || j.Worker != l.Worker:
			out.Lost = append(out.Lost, l)
		case j.CancelBy != "":
			out.Canceled = append(out.Canceled, j)
		}
	}
	return out, nil
}

// JobComplete implements store.Jobs.
func (n *Nouns) JobComplete(ctx context.Context, l domain.Lease, o domain.Outcome, result *domain.Payload) (out domain.Job, err error) {
	switch o.Status {
	case domain.StatusSuccess, domain.StatusFailure, domain.StatusCanceled:
	default:
		return out, errs.New(errs.Invalid, "a job cannot end as %q", o.Status)
	}
	if !id.Valid(l.JobID) {
		return out, fenced(l)
	}
	err = n.write(ctx, func(ctx context.Context, c *Conn) error {
		j, ok, err := c.job(ctx, `DELETE FROM queue WHERE`+current+` RETURNING `+LiveColumns, l.JobID, l.Attempt, l.Worker)
		if err != nil {
			return err
		}
		if !ok {
			return fenced(l)
		}
		j.Status, j.ErrorName = o.Status, o.ErrorName
		j.MemPeak, j.CPUTime, j.UserStart, j.UserEnd, j.Tier = o.MemPeak, o.CPUTime, o.UserStart, o.UserEnd, o.Tier
		out, err = finish(ctx, c, j, result)
		return err
	})
	return out, err
}

// finish writes the history row and the result of a job that has just left the queue. Without a result, the one that came
// with a request to cancel it is taken.
func finish(ctx context.Context, c *Conn, j domain.Job, result *domain.Payload) (domain.Job, error) {
	if j.CancelBy != "" {
		if err := settleCancel(ctx, c, &j, result == nil && j.Status == domain.StatusCanceled); err != nil {
			return j, err
		}
	}
	if result != nil {
		rows := newRows(1, payloadRow)
		rows.addPayload(&j, domain.PayloadResult, *result)
		if _, err := c.Exec(ctx, insertPayload+rows.String(), rows.args...); err != nil {
			return j, err
		}
		j.ResultSize = rows.args[5].(int64)
	}
	j.LeaseUntil = time.Time{}
	_, err := c.One(ctx, `INSERT INTO history (`+jobDefinition+`, `+jobState+`, `+jobOutcome+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, @now, ?, ?, ?, ?, ?, ?,
			COALESCE((SELECT start_at + size FROM log_chunk WHERE job_id = ? AND kind = 'log' ORDER BY start_at DESC LIMIT 1), 0), ?)
		RETURNING ended_at, log_bytes`,
		[]any{
			j.ID, j.Workspace, string(j.Kind), j.ScriptPath, j.ScriptHash, string(j.Language), j.Tag, j.Priority,
			j.Timeout.Microseconds(), j.CreatedBy, j.Email, j.PermissionedAs, encodeList(j.TokenScopes), j.CreatedAt, j.ScheduledFor,
			nullable(j.Parent), j.Trigger, encodeList(j.Labels),
			string(j.Status), j.Attempt, j.Deaths, j.Worker, j.StartedAt, j.CancelBy, j.CancelReason, j.Reason,
			j.MemPeak, j.CPUTime.Microseconds(), j.UserStart, j.UserEnd, j.Tier, j.ErrorName, j.ID, j.ResultSize,
		},
		Time{&j.EndedAt}, &j.LogBytes)
	return j, err
}

// settleCancel makes the payload of a cancel request the result, or drops it.
func settleCancel(ctx context.Context, c *Conn, j *domain.Job, use bool) error {
	if !use {
		_, err := c.Exec(ctx, `DELETE FROM payload WHERE job_id = ? AND kind = ?`, j.ID, string(payloadCancel))
		return err
	}
	_, err := c.One(ctx, `UPDATE payload SET kind = ? WHERE job_id = ? AND kind = ? RETURNING size`,
		[]any{string(domain.PayloadResult), j.ID, string(payloadCancel)}, &j.ResultSize)
	return err
}

// JobRelease implements store.Jobs.
func (n *Nouns) JobRelease(ctx context.Context, l domain.Lease) error {
	if !id.Valid(l.JobID) {
		return fenced(l)
	}
	return n.write(ctx, func(ctx context.Context, c *Conn) error {
		j, ok, err := c.job(ctx, `SELECT `+LiveColumns+` FROM queue WHERE`+current+` @forupdate`, l.JobID, l.Attempt, l.Worker)
		if err != nil {
			return err
		}
		if !ok {
			return fenced(l)
		}
		_, err = giveBack(ctx, c, j, nil, "")
		return err
	})
}

// giveBack ends an attempt without an outcome. The job, whose row is locked, is queued again; it is final instead when
// cancel was asked for, or when poison is given.
func giveBack(ctx context.Context, c *Conn, j domain.Job, poison *domain.Payload, reason string) (domain.Job, error) {
	j.Reason, j.LeaseUntil = reason, time.Time{}
	switch {
	case j.CancelBy != "":
		j.Status, poison = domain.StatusCanceled, nil
	case poison != nil:
		j.Status = domain.StatusPoisoned
	default:
		j.Status = domain.StatusQueued
		_, err := c.Exec(ctx, `UPDATE queue SET status = 'queued', lease_until = NULL, deaths = ?, reason = ? WHERE id = ?`,
			j.Deaths, j.Reason, j.ID)
		return j, err
	}
	if _, err := c.Exec(ctx, `DELETE FROM queue WHERE id = ?`, j.ID); err != nil {
		return j, err
	}
	return finish(ctx, c, j, poison)
}

// JobReap implements store.Jobs.
func (n *Nouns) JobReap(ctx context.Context, limit int, poison domain.Payload) (out []domain.Job, err error) {
	err = n.write(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		dead, err := n.d.Hot.Expired(ctx, c, limited(limit))
		if err != nil {
			return err
		}
		for _, j := range dead {
			j.Deaths++
			var result *domain.Payload
			if j.Deaths >= domain.MaxDeaths {
				result = &poison
			}
			j, err := giveBack(ctx, c, j, result, "the worker "+j.Worker+" stopped answering")
			if err != nil {
				return err
			}
			out = append(out, j)
		}
		return nil
	})
	return out, err
}

// JobCancel implements store.Jobs.
func (n *Nouns) JobCancel(ctx context.Context, v store.Viewer, jobID, by, reason string, result domain.Payload) (out domain.Job, err error) {
	if !id.Valid(jobID) {
		return out, missing("there is no job %s", jobID)
	}
	var w clause
	w.viewer(v, "script_path", "created_by")
	w.add("id = ?", jobID)
	err = n.write(ctx, func(ctx context.Context, c *Conn) error {
		j, ok, err := c.job(ctx, `SELECT `+LiveColumns+` FROM queue`+w.String()+` @forupdate`, w.args...)
		if err != nil {
			return err
		}
		if !ok {
			if out, ok, err = c.job(ctx, `SELECT `+finalColumns+` FROM history`+w.String(), w.args...); err == nil && !ok {
				err = missing("there is no job %s", jobID)
			}
			return err
		}
		if j.CancelBy != "" {
			out = j
			return nil
		}
		if j.Status == domain.StatusQueued {
			j.CancelBy, j.CancelReason, j.Status, j.Reason = by, reason, domain.StatusCanceled, ""
			if _, err := c.Exec(ctx, `DELETE FROM queue WHERE id = ?`, j.ID); err != nil {
				return err
			}
			out, err = finish(ctx, c, j, &result)
			return err
		}
		if _, err := c.Exec(ctx, `UPDATE queue SET cancel_by = ?, cancel_reason = ? WHERE id = ?`, by, reason, j.ID); err != nil {
			return err
		}
		rows := newRows(1, payloadRow)
		rows.addPayload(&j, payloadCancel, result)
		if _, err := c.Exec(ctx, insertPayload+rows.String(), rows.args...); err != nil {
			return err
		}
		j.CancelBy, j.CancelReason = by, reason
		out = j
		return nil
	})
	return out, err
}

// JobNextDue implements store.Jobs.
func (n *Nouns) JobNextDue(ctx context.Context, tags []string) (due time.Time, err error) {
	if len(tags) == 0 {
		return due, nil
	}
	for _, tag := range tags {
		if err := checkText(tag); err != nil {
			return due, err
		}
	}
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		due, err = n.d.Hot.NextDue(ctx, c, tags)
		return err
	})
	return due, err
}

// JobGet implements store.Jobs.
func (n *Nouns) JobGet(ctx context.Context, v store.Viewer, jobID string) (domain.Job, error) {
	if !id.Valid(jobID) {
		return domain.Job{}, missing("there is no job %s", jobID)
	}
	var w clause
	w.viewer(v, "script_path", "created_by")
	w.add("id = ?", jobID)
	// One statement, so that a job which is just moving is seen in one of the two.
	query := `SELECT ` + LiveColumns + ` FROM queue` + w.String() + ` UNION ALL SELECT ` + finalColumns + ` FROM history` + w.String()
	return one(n.jobs(ctx, query, append(w.args, w.args...)...))("there is no job %s", jobID)
}

// JobLease implements store.Jobs.
func (n *Nouns) JobLease(ctx context.Context, jobID string) (domain.Job, error) {
	if !id.Valid(jobID) {
		return domain.Job{}, missing("the job %s is not in the queue", jobID)
	}
	return one(n.jobs(ctx, `SELECT `+LiveColumns+` FROM queue WHERE id = ?`, jobID))("the job %s is not in the queue", jobID)
}

func (n *Nouns) jobs(ctx context.Context, query string, args ...any) (out []domain.Job, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out, err = c.Jobs(ctx, query, args...)
		return err
	})
	return out, err
}

// JobPayload implements store.Jobs.
func (n *Nouns) JobPayload(ctx context.Context, workspace, jobID string, kind domain.PayloadKind) (p domain.Payload, err error) {
	found := false
	if id.Valid(jobID) {
		err = n.read(ctx, func(ctx context.Context, c *Conn) error {
			found, err = c.One(ctx, `SELECT data, blob_key, size FROM payload
				WHERE job_id = ? AND kind = ? AND workspace = ? AND (data IS NOT NULL OR blob_key <> '')`,
				[]any{jobID, string(kind), workspace}, &p.Inline, &p.Blob, &p.Size)
			return err
		})
	}
	if err == nil && !found {
		err = missing("the job %s has no %s", jobID, kind)
	}
	if found && p.Blob == "" && p.Inline == nil {
		p.Inline = []byte{} // a driver may tell nothing from nothing at all
	}
	return p, err
}

// JobBlobs implements store.Jobs.
func (n *Nouns) JobBlobs(ctx context.Context, jobID string) (blobs []string, err error) {
	if !id.Valid(jobID) {
		return nil, nil
	}
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		blobs, err = jobBlobs(ctx, c, jobID)
		return err
	})
	return blobs, err
}

func jobBlobs(ctx context.Context, c *Conn, jobID string) (blobs []string, err error) {
	err = c.Query(ctx, `SELECT blob_key FROM payload WHERE job_id = ? AND blob_key <> ''`, []any{jobID}, func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		blobs = append(blobs, key)
		return err
	})
	return blobs, err
}

// JobCount implements store.Jobs.
func (n *Nouns) JobCount(ctx context.Context, workspace string) (out map[domain.JobStatus]int, err error) {
	var w clause
	w.eq("workspace", workspace)
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = map[domain.JobStatus]int{}
		return c.Query(ctx, `SELECT status, count(*) FROM queue`+w.String()+` GROUP BY status`, w.args, func(scan func(...any) error) error {
			var s domain.JobStatus
			var count int
			err := scan(&s, &count)
			out[s] = count
			return err
		})
	})
	return out, err
}

// JobDelete implements store.Jobs.
func (n *Nouns) JobDelete(ctx context.Context, workspace, jobID string) (blobs []string, err error) {
	if !id.Valid(jobID) {
		return nil, missing("there is no job %s", jobID)
	}
	err = n.write(ctx, func(ctx context.Context, c *Conn) error {
		blobs = nil
		var status string
		final, err := c.One(ctx, `SELECT status FROM history WHERE workspace = ? AND id = ?`, []any{workspace, jobID}, &status)
		if err != nil {
			return err
		}
		if !final {
			live, err := c.One(ctx, `SELECT status FROM queue WHERE workspace = ? AND id = ?`, []any{workspace, jobID}, &status)
			if err != nil {
				return err
			}
			if live {
				return errs.New(errs.Conflict, "the job %s is %s", jobID, status).WithHint("cancel it first, then delete it")
			}
			return missing("there is no job %s", jobID)
		}
		if blobs, err = jobBlobs(ctx, c, jobID); err != nil {
			return err
		}
		// The row of the arguments stays, empty, so that the id cannot be used again.
		if _, err := c.Exec(ctx, `UPDATE payload SET data = NULL, blob_key = '' WHERE job_id = ? AND kind = 'args'`, jobID); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, `DELETE FROM payload WHERE job_id = ? AND kind <> 'args'`, jobID); err != nil {
			return err
		}
		_, err = c.Exec(ctx, `DELETE FROM log_chunk WHERE job_id = ?`, jobID)
		return err
	})
	return blobs, err
}
