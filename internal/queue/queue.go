// Package queue is the run queue: push, claim, lease, renew, complete, cancel, reap, and waiting for results. It knows
// jobs, not what they run. Payloads above a threshold go to the blob store here, so that nobody else sees the difference.
//
// Nothing polls on the way of a job: who waits for work or for a result waits for a note of the hub, for the next
// scheduled time, and, because notes may be lost, for a slow scan.
package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/blob"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/store"
)

// Options is what a queue needs. Zero limits take the defaults that are named here.
type Options struct {
	Store     store.Store
	Blobs     blob.Store
	Hub       *events.Hub
	Log       *slog.Logger
	Inline    int64         // payloads up to this many bytes live in the database; 256 KB
	Lease     time.Duration // how long a worker may write without renewing; 15 s. Negative in tests: over at once
	MaxArgs   int64         // bytes; 64 MB
	MaxResult int64         // bytes; 256 MB
	Scan      time.Duration // how often who waits looks although no note came; 5 s
}

// Queue is the run queue on a database. All methods may be called at once.
type Queue struct {
	o Options

	waitMu  sync.Mutex
	waiting []*waiter // idle claims, the one that waits longest first

	mu     sync.Mutex
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New makes a queue. Start runs its reaper; everything else works without.
func New(o Options) *Queue {
	if o.Inline <= 0 {
		o.Inline = 256 << 10
	}
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	if o.MaxArgs <= 0 {
		o.MaxArgs = 64 << 20
	}
	if o.MaxResult <= 0 {
		o.MaxResult = 256 << 20
	}
	if o.Scan <= 0 {
		o.Scan = 5 * time.Second
	}
	return &Queue{o: o}
}

// Lease is how long a claim or a renewal lasts.
func (q *Queue) Lease() time.Duration { return q.o.Lease }

// MaxArgs is the largest size of a job's arguments, in bytes.
func (q *Queue) MaxArgs() int64 { return q.o.MaxArgs }

// MaxResult is the largest size of a job's result, in bytes.
func (q *Queue) MaxResult() int64 { return q.o.MaxResult }

// NewJob is a job to be pushed with its values.
type NewJob struct {
	Job  domain.Job
	Args domain.JSON // nil: {}
	Code *domain.Code
}

// Push accepts jobs: when it returns nil they are durable and workers are told. Of several jobs all are accepted or none.
func (q *Queue) Push(ctx context.Context, jobs ...NewJob) error {
	rows := make([]store.NewJob, len(jobs))
	var spilled spill
	err := func() error {
		for i, n := range jobs {
			args := n.Args
			if len(args) == 0 {
				args = domain.JSON("{}")
			}
			if size := int64(len(args)); size > q.o.MaxArgs {
				return errs.New(errs.TooLarge, "the arguments are %s; at most %s are allowed", bytesText(size), bytesText(q.o.MaxArgs)).
					WithHint("pass large data as a file or an object in storage, or raise the setting max_args")
			}
			p, err := q.store(ctx, &spilled, n.Job, string(domain.PayloadArgs), args)
			if err != nil {
				return err
			}
			rows[i] = store.NewJob{Job: n.Job, Args: p}
			if n.Code == nil {
				continue
			}
			text, err := json.Marshal(n.Code)
			if err != nil {
				return errs.Wrap(errs.Internal, err, "the code could not be written down")
			}
			p, err = q.store(ctx, &spilled, n.Job, string(domain.PayloadCode), text)
			if err != nil {
				return err
			}
			rows[i].Code = &p
		}
		if len(jobs) == 1 && jobs[0].Job.ScheduledFor.IsZero() {
			if w := q.reserve(jobs[0].Job.Tag); w != nil {
				return q.pushTo(ctx, w, jobs[0], rows[0])
			}
		}
		if err := q.o.Store.JobPush(ctx, rows...); err != nil {
			if _, ok := q.readBack(ctx, err, jobs[0].Job); !ok {
				return err
			}
		}
		notes := make([]domain.Event, len(jobs))
		for i, n := range jobs {
			notes[i] = queued(n.Job)
		}
		q.o.Hub.Publish(ctx, notes...)
		return nil
	}()
	if err != nil {
		q.drop(ctx, err, spilled)
	}
	return err
}

func queued(j domain.Job) domain.Event {
	return domain.Event{Kind: domain.EventQueued, Workspace: j.Workspace, JobID: j.ID, Status: domain.StatusQueued, Tag: j.Tag}
}

func started(j domain.Job) domain.Event {
	return domain.Event{Kind: domain.EventStarted, Workspace: j.Workspace, JobID: j.ID, Status: j.Status, Tag: j.Tag}
}

// waiter is a claim of this process that found nothing and waits.
type waiter struct {
	worker string
	tags   map[string]bool
	c      chan []Claimed // gets exactly one value once the waiter is reserved; nil: look yourself
}

// reserve takes the longest waiting claim that serves a tag. Whoever reserves it must send to it.
func (q *Queue) reserve(tag string) *waiter {
	q.waitMu.Lock()
	defer q.waitMu.Unlock()
	for i, w := range q.waiting {
		if w.tags[tag] {
			q.waiting = slices.Delete(q.waiting, i, i+1)
			return w
		}
	}
	return nil
}

// pushTo accepts a job and claims for an idle worker in one transaction: one wait for the disk less. What is claimed is
// what the worker would have got anyway, which need not be this job.
func (q *Queue) pushTo(ctx context.Context, w *waiter, n NewJob, row store.NewJob) error {
	var given []Claimed
	defer func() { w.c <- given }()
	var claimed []domain.Job
	err := q.o.Store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		err := tx.JobPush(ctx, row)
		if err == nil {
			claimed, err = tx.JobClaim(ctx, store.JobClaimParams{Worker: w.worker, Tags: []string{n.Job.Tag}, Limit: 1, Lease: q.o.Lease})
		}
		return err
	})
	if err != nil {
		job, ok := q.readBack(ctx, err, n.Job)
		if !ok {
			return err
		}
		if claimed = nil; job.Status == domain.StatusRunning && job.Worker == w.worker {
			claimed = []domain.Job{job}
		}
	}
	notes := []domain.Event{queued(n.Job)}
	for _, j := range claimed {
		c := Claimed{Job: j}
		if j.ID == n.Job.ID {
			notes = notes[:0] // nobody else need look for it
			c.Args, c.Code = n.Args, n.Code
			if len(c.Args) == 0 {
				c.Args = domain.JSON("{}")
			}
		}
		given = append(given, c)
		notes = append(notes, started(j))
	}
	q.o.Hub.Publish(ctx, notes...)
	return nil
}

// Claimed is a job that a worker holds, with its values when they are at hand.
type Claimed struct {
	Job  domain.Job
	Args domain.JSON  // nil: read them
	Code *domain.Code // nil: read it, when the job has one
}

// Claim waits until the worker can have at least one job with one of the tags, and returns up to limit of them, leased.
// Its only other end is ctx's or the database's error.
func (q *Queue) Claim(ctx context.Context, worker string, tags []string, limit int) ([]Claimed, error) {
	watch := q.o.Hub.Watch(events.Filter{Kinds: []domain.EventKind{domain.EventQueued}})
	defer watch.Close()
	w := &waiter{worker: worker, tags: make(map[string]bool, len(tags))}
	for _, t := range tags {
		w.tags[t] = true
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// Not broken off by ctx: jobs claimed without anybody knowing would wait for the end of their lease.
		jobs, err := q.o.Store.JobClaim(context.WithoutCancel(ctx), store.JobClaimParams{Worker: worker, Tags: tags, Limit: limit, Lease: q.o.Lease})
		if err != nil {
			return nil, err
		}
		if len(jobs) > 0 {
			out, notes := make([]Claimed, len(jobs)), make([]domain.Event, len(jobs))
			for i, j := range jobs {
				out[i], notes[i] = Claimed{Job: j}, started(j)
			}
			q.o.Hub.Publish(ctx, notes...)
			return out, nil
		}
		due, err := q.o.Store.JobNextDue(ctx, tags)
		if err != nil {
			return nil, err
		}
		if given, err := q.idle(ctx, watch, w, due); len(given) > 0 || err != nil {
			return given, err
		}
	}
}

// idle returns when there may be something to claim, or with what was claimed for the waiter.
func (q *Queue) idle(ctx context.Context, watch *events.Watch, w *waiter, due time.Time) (given []Claimed, err error) {
	wait := jitter(q.o.Scan)
	if !due.IsZero() {
		// A job that is due and yet was not claimed is about to be claimed by somebody else, or is due within the clocks'
		// difference: a millisecond keeps that from being a busy loop.
		wait = min(wait, max(time.Until(due), time.Millisecond))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	w.c = make(chan []Claimed, 1)
	q.waitMu.Lock()
	q.waiting = append(q.waiting, w)
	q.waitMu.Unlock()
	defer func() {
		q.waitMu.Lock()
		i := slices.Index(q.waiting, w)
		if i >= 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
		}
		q.waitMu.Unlock()
		if i < 0 && given == nil { // reserved at the last moment: take what comes
			if given = <-w.c; len(given) > 0 {
				err = nil
			}
		}
	}()
	for {
		select {
		case given = <-w.c:
			if given == nil {
				given = []Claimed{} // the reservation is answered
			}
			return given, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, nil
		case e := <-watch.C:
			if e.Kind == "" || w.tags[e.Tag] {
				return nil, nil
			}
		}
	}
}

// Renew extends leases and tells which are lost and for which cancel was asked.
func (q *Queue) Renew(ctx context.Context, leases []domain.Lease) (store.JobRenewal, error) {
	return q.o.Store.JobRenew(ctx, leases, q.o.Lease)
}

// Complete ends a job, with the rest of its logs. also, when it is not nil, runs in the same transaction. A second Complete of the same attempt is
// errs.Fenced.
func (q *Queue) Complete(ctx context.Context, l domain.Lease, job domain.Job, o domain.Outcome, also func(context.Context, store.Nouns) error) (domain.Job, error) {
	if size := int64(len(o.Result)); size > q.o.MaxResult {
		return domain.Job{}, errs.New(errs.TooLarge, "the result is %s; at most %s are allowed", bytesText(size), bytesText(q.o.MaxResult)).
			WithHint("store large data as a file or an object and return its name, or raise the setting max_result")
	}
	var spilled spill
	done, err := func() (domain.Job, error) {
		var result *domain.Payload
		if o.Result != nil {
			p, err := q.store(ctx, &spilled, job, fmt.Sprintf("%s-%d", domain.PayloadResult, l.Attempt), o.Result)
			if err != nil {
				return domain.Job{}, err
			}
			result = &p
		}
		if also == nil && o.Log == "" && o.Stream == "" {
			return q.o.Store.JobComplete(ctx, l, o, result)
		}
		var done domain.Job
		err := q.o.Store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
			for kind, text := range map[domain.LogKind]string{domain.LogOutput: o.Log, domain.LogStream: o.Stream} {
				if text == "" {
					continue
				}
				if err := tx.LogAppend(ctx, l, kind, text); err != nil {
					return err
				}
			}
			var err error
			if done, err = tx.JobComplete(ctx, l, o, result); err != nil || also == nil {
				return err
			}
			return also(ctx, tx)
		})
		return done, err
	}()
	if err != nil {
		// Only this attempt could have brought the job to this state.
		found, ok := q.readBack(ctx, err, job)
		if !ok || found.Status != o.Status || found.Attempt != l.Attempt || found.Worker != l.Worker {
			q.drop(ctx, err, spilled)
			return domain.Job{}, err
		}
		done = found
	}
	q.ended(ctx, done)
	return done, nil
}

// unknown reports whether a change that failed with err may have been committed all the same.
func unknown(err error) bool {
	switch errs.KindOf(err) {
	case errs.Unavailable, errs.Timeout, errs.Canceled, errs.Internal:
		return true
	}
	return false
}

// readBack looks whether a change of a job that failed with cause was committed all the same: a connection can break
// between the commit and its answer.
func (q *Queue) readBack(ctx context.Context, cause error, job domain.Job) (domain.Job, bool) {
	if !unknown(cause) {
		return domain.Job{}, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	found, err := q.o.Store.JobGet(ctx, store.Viewer{Workspace: job.Workspace, All: true}, job.ID)
	return found, err == nil
}

// Release gives a claimed job back unharmed.
func (q *Queue) Release(ctx context.Context, l domain.Lease, job domain.Job) error {
	if err := q.o.Store.JobRelease(ctx, l); err != nil {
		return err
	}
	q.o.Hub.Publish(ctx, queued(job))
	return nil
}

// Cancel ends a queued job at once and asks the worker of a running one to end it; a final job stays as it is. also, when
// it is not nil, runs in the same transaction unless the job was final before.
func (q *Queue) Cancel(ctx context.Context, v store.Viewer, id, by, reason string, also func(context.Context, store.Nouns, domain.Job) error) (domain.Job, error) {
	var job domain.Job
	err := q.o.Store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		before, err := tx.JobGet(ctx, v, id)
		if err != nil {
			return err
		}
		if job, err = tx.JobCancel(ctx, v, id, by, reason, Inline(domain.CanceledResult(by, reason))); err != nil || also == nil || before.Status.Final() {
			return err
		}
		return also(ctx, tx, job)
	})
	if err != nil {
		return job, err
	}
	switch job.Status {
	case domain.StatusRunning:
		q.o.Hub.Publish(ctx, domain.Event{Kind: domain.EventCancel, Workspace: job.Workspace, JobID: job.ID, Status: job.Status, Tag: job.Tag})
	case domain.StatusCanceled:
		q.ended(ctx, job)
	}
	return job, nil
}

func (q *Queue) ended(ctx context.Context, job domain.Job) {
	q.o.Hub.Publish(ctx, domain.Event{Kind: domain.EventDone, Workspace: job.Workspace, JobID: job.ID, Status: job.Status, Tag: job.Tag})
}

// Get reads a job that v may see.
func (q *Queue) Get(ctx context.Context, v store.Viewer, id string) (domain.Job, error) {
	return q.o.Store.JobGet(ctx, v, id)
}

// List reads a page of jobs.
func (q *Queue) List(ctx context.Context, p store.JobListParams) ([]domain.Job, error) {
	return q.o.Store.JobList(ctx, p)
}

// Wait returns the job as soon as it is final, or ctx's error.
func (q *Queue) Wait(ctx context.Context, v store.Viewer, id string) (domain.Job, error) {
	watch := q.o.Hub.Watch(events.Filter{JobID: id, Kinds: []domain.EventKind{domain.EventDone}})
	defer watch.Close()
	for {
		job, err := q.o.Store.JobGet(ctx, v, id)
		if err != nil || job.Status.Final() {
			return job, err
		}
		timer := time.NewTimer(jitter(q.o.Scan))
		select {
		case <-ctx.Done():
			timer.Stop()
			return job, ctx.Err()
		case <-watch.C:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// AppendLog adds to the log of an attempt; errs.Fenced when its lease is over.
func (q *Queue) AppendLog(ctx context.Context, l domain.Lease, workspace string, kind domain.LogKind, text string) error {
	if err := q.o.Store.LogAppend(ctx, l, kind, text); err != nil {
		return err
	}
	q.o.Hub.Publish(ctx, domain.Event{Kind: domain.EventLog, Workspace: workspace, JobID: l.JobID})
	return nil
}

// Logs reads a window of a job's log, from a byte offset on and up to about limit bytes.
func (q *Queue) Logs(ctx context.Context, workspace, id string, kind domain.LogKind, offset int64, limit int) ([]domain.LogChunk, error) {
	return q.o.Store.LogRead(ctx, workspace, id, kind, offset, limit)
}

// LogSize is the length of a job's log in bytes.
func (q *Queue) LogSize(ctx context.Context, workspace, id string, kind domain.LogKind) (int64, error) {
	return q.o.Store.LogSize(ctx, workspace, id, kind)
}

// Start runs the reaper. A second Start is the same as one.
func (q *Queue) Start(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cancel != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	q.cancel = cancel
	q.done.Go(func() { q.reap(ctx) })
	q.done.Go(func() { q.tidy(ctx) })
	return nil
}

// Stop ends the reaper.
func (q *Queue) Stop(context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cancel != nil {
		q.cancel()
		q.done.Wait()
		q.cancel = nil
	}
}

// reap looks for leases that are over, a few times per lease.
func (q *Queue) reap(ctx context.Context) {
	every := max(q.o.Lease/3, 100*time.Millisecond)
	for {
		if err := q.Reap(ctx); err != nil && ctx.Err() == nil {
			q.o.Log.Warn("could not look for jobs of dead workers; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(jitter(every)):
		}
	}
}

// Reap takes back all jobs whose lease is over. The reaper calls it; tests may.
func (q *Queue) Reap(ctx context.Context) error {
	const batch = 100
	poison := Inline(domain.ErrorResult("Poisoned", fmt.Sprintf("parked after %d attempts that each ended with the death of their worker; "+
		"look at what the script does to its machine before running it again", domain.MaxDeaths)))
	for {
		jobs, err := q.o.Store.JobReap(ctx, batch, poison)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			q.o.Log.Warn("a worker did not renew its lease", "job", j.ID, "worker", j.Worker, "attempt", j.Attempt, "deaths", j.Deaths, "status", j.Status)
			switch {
			case j.Status.Final():
				q.ended(ctx, j)
			case j.CancelBy != "": // nobody is left to obey: it ends here
				if _, err := q.Cancel(ctx, store.Viewer{Workspace: j.Workspace, All: true}, j.ID, j.CancelBy, j.CancelReason, nil); err != nil {
					return err
				}
			default:
				q.o.Hub.Publish(ctx, queued(j))
			}
		}
		if len(jobs) < batch {
			return nil
		}
	}
}

// jitter spreads d by a tenth, so that many waiters do not look at the same moment.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return d
	}
	return d - time.Duration(rand.Int64N(int64(d)/10+1))
}
