package engine

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/store"
)

// Source gives the jobs of this database to workers in this process; it is a worker.Source.
type Source struct {
	e *Engine

	mu   sync.Mutex
	jobs map[domain.Lease]domain.Job // what its workers hold
}

// Source makes a source. Each worker may have its own, or all share one.
func (e *Engine) Source() *Source {
	return &Source{e: e, jobs: map[domain.Lease]domain.Job{}}
}

func (s *Source) job(l domain.Lease) (domain.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	job, ok := s.jobs[l]
	if !ok {
		return job, errs.New(errs.Fenced, "attempt %d of job %s is not held here", l.Attempt, l.JobID)
	}
	return job, nil
}

func (s *Source) forget(l domain.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, l)
}

// Claim waits for jobs and returns them with all that a worker needs. A job whose parts are gone for good fails here.
func (s *Source) Claim(ctx context.Context, worker string, tags []string, limit int) ([]domain.Assignment, error) {
	for {
		jobs, err := s.e.o.Queue.Claim(ctx, worker, tags, limit)
		if err != nil {
			return nil, err
		}
		out := make([]domain.Assignment, 0, len(jobs))
		for _, c := range jobs {
			l := domain.Lease{JobID: c.Job.ID, Attempt: c.Job.Attempt, Worker: worker}
			a, err := s.assemble(context.WithoutCancel(ctx), c, l) // the job is ours, whatever becomes of the claim
			if err != nil {
				s.giveUp(ctx, c.Job, l, err)
				continue
			}
			s.mu.Lock()
			s.jobs[l] = c.Job
			s.mu.Unlock()
			out = append(out, a)
		}
		if len(out) > 0 {
			return out, nil
		}
	}
}

func (s *Source) assemble(ctx context.Context, c queue.Claimed, l domain.Lease) (domain.Assignment, error) {
	job := c.Job
	a := domain.Assignment{Job: job, Lease: l, Args: c.Args}
	var err error
	switch {
	case job.Kind == domain.JobScript:
		a.Code, err = s.e.version(ctx, job)
	case c.Code != nil:
		a.Code = *c.Code
	default:
		a.Code, err = s.e.o.Queue.Code(ctx, job.Workspace, job.ID)
	}
	if err != nil {
		return a, err
	}
	if a.Args == nil {
		if a.Args, err = s.e.o.Queue.Args(ctx, job.Workspace, job.ID); err != nil {
			return a, err
		}
	}
	if s.e.o.Tokens != nil {
		a.Token = s.e.o.Tokens.JobToken(l)
		a.Masks = []string{a.Token}
	}
	return a, nil
}

// version reads the program of a job's version. Versions are immutable once their lock is known, so that they are kept.
func (e *Engine) version(ctx context.Context, job domain.Job) (domain.Code, error) {
	key := job.Workspace + "/" + job.ScriptHash
	if code, ok := e.versions.get(key); ok {
		return code, nil
	}
	script, err := e.o.Store.ScriptByHash(ctx, store.Viewer{Workspace: job.Workspace, All: true}, job.ScriptHash)
	if err == nil && script.Deleted {
		err = errs.New(errs.NotFound, "the version %s of %s was deleted before the job ran", job.ScriptHash, job.ScriptPath)
	}
	if err != nil {
		return domain.Code{}, err
	}
	code := domain.Code{Path: script.Path, Language: script.Language, Content: script.Content, Lock: script.Lock, Envs: script.Settings.Envs}
	if code.Lock != nil {
		e.versions.put(key, code)
	}
	return code, nil
}

// versionCache keeps the programs that ran last, up to maxVersionBytes.
type versionCache struct {
	mu    sync.Mutex
	byKey map[string]domain.Code
	order []string // oldest first
	bytes int
}

const maxVersionBytes = 16 << 20

func (c *versionCache) get(key string) (domain.Code, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	code, ok := c.byKey[key]
	return code, ok
}

func (c *versionCache) put(key string, code domain.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[string]domain.Code{}
	}
	if _, ok := c.byKey[key]; ok {
		return
	}
	weight := func(code domain.Code) int { return len(code.Content) + len(*code.Lock) + 500 }
	c.byKey[key] = code
	c.order = append(c.order, key)
	c.bytes += weight(code)
	for c.bytes > maxVersionBytes && len(c.order) > 1 {
		c.bytes -= weight(c.byKey[c.order[0]])
		delete(c.byKey, c.order[0])
		c.order = c.order[1:]
	}
}

// giveUp ends a claimed job that can never be assembled, and returns one that might be later.
func (s *Source) giveUp(ctx context.Context, job domain.Job, l domain.Lease, cause error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var err error
	if errs.Is(cause, errs.NotFound) || errs.Is(cause, errs.Internal) {
		s.e.o.Log.Warn("a job cannot run", "job", job.ID, "error", cause)
		o := domain.Outcome{
			Status: domain.StatusFailure, ErrorName: "JobIncomplete",
			Result: domain.ErrorResult("JobIncomplete", "a part of the job is gone: "+errs.As(cause).Message),
		}
		_, err = s.e.o.Queue.Complete(ctx, l, job, o, nil)
	} else {
		s.e.o.Log.Warn("a job could not be read and goes back to the queue", "job", job.ID, "error", cause)
		err = s.e.o.Queue.Release(ctx, l, job)
	}
	if err != nil {
		s.e.o.Log.Warn("a job is left to the end of its lease", "job", job.ID, "error", err)
	}
}

// Renew extends leases.
func (s *Source) Renew(ctx context.Context, leases []domain.Lease) ([]domain.Ended, error) {
	r, err := s.e.o.Queue.Renew(ctx, leases)
	if err != nil {
		return nil, err
	}
	var out []domain.Ended
	for _, l := range r.Lost {
		s.forget(l)
		out = append(out, domain.Ended{Lease: l})
	}
	for _, job := range r.Canceled {
		out = append(out, domain.Ended{
			Lease:    domain.Lease{JobID: job.ID, Attempt: job.Attempt, Worker: job.Worker},
			Canceled: true, By: job.CancelBy, Reason: job.CancelReason,
		})
	}
	return out, nil
}

// Wake gives a signal when cancel was asked for a running job, until ctx ends. It does not look whose: a job that is being
// claimed at this moment is held by nobody yet, and a renewal too many costs one small statement.
func (s *Source) Wake(ctx context.Context) <-chan struct{} {
	wake := make(chan struct{}, 1)
	watch := s.e.o.Hub.Watch(events.Filter{Kinds: []domain.EventKind{domain.EventCancel}})
	go func() {
		defer close(wake)
		defer watch.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case <-watch.C:
				select {
				case wake <- struct{}{}:
				default:
				}
			}
		}
	}()
	return wake
}

// Log appends to a job's output or stream.
func (s *Source) Log(ctx context.Context, l domain.Lease, kind domain.LogKind, text string) error {
	job, err := s.job(l)
	if err != nil {
		return err
	}
	return s.e.o.Queue.AppendLog(ctx, l, job.Workspace, kind, text)
}

// Script reads the newest version of a workspace script with the rights of the job, as its identity stands now.
func (s *Source) Script(ctx context.Context, l domain.Lease, path string) (domain.Code, error) {
	job, err := s.job(l)
	if err != nil {
		return domain.Code{}, err
	}
	who, err := s.e.identity(ctx, job)
	if err != nil {
		return domain.Code{}, err
	}
	if err := s.e.allowed(ctx, who, perm.ScriptsRead, path); err != nil {
		return domain.Code{}, err
	}
	script, err := s.e.o.Store.ScriptLatest(ctx, Viewer(who), path)
	if errs.Is(err, errs.NotFound) {
		return domain.Code{}, notFound(path)
	}
	if err != nil {
		return domain.Code{}, err
	}
	return domain.Code{Path: script.Path, Language: script.Language, Content: script.Content, Lock: script.Lock}, nil
}

// identity is who a job acts as: roles are those of now, not of when it was pushed.
func (e *Engine) identity(ctx context.Context, job domain.Job) (domain.Identity, error) {
	who := domain.Identity{Email: job.Email, Scopes: job.TokenScopes, JobID: job.ID}
	user, err := e.o.Store.UserGet(ctx, job.Email)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return who, err
	}
	if err != nil || user.Disabled {
		return who, errs.New(errs.Forbidden, "the user %s that the job runs as is gone", job.Email)
	}
	who.Superadmin = user.Superadmin
	m, err := e.o.Store.MemberGet(ctx, job.Workspace, job.Email)
	switch {
	case err == nil && !m.Disabled:
		who.Workspace, who.Username, who.Role = m.Workspace, m.Username, m.Role
	case err != nil && !errs.Is(err, errs.NotFound):
		return who, err
	case user.Superadmin:
		who.Workspace, who.Username = job.Workspace, strings.TrimPrefix(job.PermissionedAs, "u/")
	}
	return who, nil
}

// Finish reports how an attempt ended. The lock of a dependency job is stored with its version in the same transaction.
func (s *Source) Finish(ctx context.Context, l domain.Lease, o domain.Outcome) error {
	job, err := s.job(l)
	if err != nil {
		return err
	}
	var also func(context.Context, store.Nouns) error
	if job.Kind == domain.JobDependencies {
		also = func(ctx context.Context, tx store.Nouns) error { return setLock(ctx, tx, job, o) }
	}
	_, err = s.e.o.Queue.Complete(ctx, l, job, o, also)
	if err == nil || errs.Is(err, errs.Fenced) {
		s.forget(l)
	}
	if err == nil && job.Kind == domain.JobDependencies {
		s.e.o.Hub.Publish(ctx, domain.Event{Kind: domain.EventDeployed, Workspace: job.Workspace, JobID: job.ID, Status: o.Status})
	}
	return err
}

func setLock(ctx context.Context, tx store.Nouns, job domain.Job, o domain.Outcome) error {
	lock, message := o.Lock, ""
	if o.Status != domain.StatusSuccess || lock == nil {
		lock, message = nil, errorMessage(o.Result)
	}
	err := tx.ScriptSetLock(ctx, job.Workspace, job.ScriptHash, lock, message)
	if errs.Is(err, errs.NotFound) {
		return nil // deleted meanwhile: the job ends all the same
	}
	return err
}

// Release gives a job back unharmed.
func (s *Source) Release(ctx context.Context, l domain.Lease) error {
	job, err := s.job(l)
	if err != nil {
		return err
	}
	err = s.e.o.Queue.Release(ctx, l, job)
	if err == nil || errs.Is(err, errs.Fenced) {
		s.forget(l)
	}
	return err
}

// Ping tells that a worker lives.
func (s *Source) Ping(ctx context.Context, w domain.Worker) error {
	return s.e.o.Store.WorkerPing(ctx, w)
}

// Leave tells that a worker is gone.
func (s *Source) Leave(ctx context.Context, name string) error {
	return s.e.o.Store.WorkerDelete(ctx, name)
}
