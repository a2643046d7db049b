// Package worker claims jobs, prepares and runs them in the sandbox, streams their logs and reports how they ended.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// tagDependency is the tag of jobs that resolve dependencies.
const tagDependency = "dependency"

// Options is what a worker needs. Zero values take the defaults that are named here.
type Options struct {
	Source    Source
	Languages lang.Registry
	Sandbox   sandbox.Runner
	Kit       lang.Kit // its Log is set per job
	WorkDir   string   // job directories are made below it; several workers may share it
	Name      string   // unique; host-pid-random
	Group     string   // "default"
	Slots     int      // jobs at a time; the number of CPUs
	Tags      []string // nil: the ids of its languages and "dependency"
	BaseURL   string   // of the API, for jobs
	Version   string
	Log       *slog.Logger
	MaxLog    int64         // bytes of a job's log that are kept: the head live, the tail at the end; 8 MB
	MaxResult int64         // bytes; 256 MB
	Memory    int64         // bytes that one job's processes may use together; 0: no limit
	Grace     time.Duration // between asking a job to end and killing it; 3 s
	Renew     time.Duration // how often leases are renewed; 5 s
	GiveUp    time.Duration // after how long without renewal its jobs are killed; 10 s
	Ping      time.Duration // how often the worker tells that it lives; 5 s
}

// Worker runs jobs.
type Worker struct {
	o       Options
	host    string
	started time.Time
	dir     string // WorkDir/<name>, locked
	lock    *os.File
	dirs    folders
	cache   caches

	done     atomic.Int64 // jobs
	draining atomic.Bool

	mu   sync.Mutex
	held map[domain.Lease]*attempt
	free *sync.Cond // signalled when held shrinks or the worker stops

	renewNow chan struct{}
	lastWake atomic.Int64 // unix nanoseconds

	lifeMu     sync.Mutex
	running    bool
	stopClaims context.CancelFunc
	stopRest   context.CancelFunc
	claims     sync.WaitGroup
	attempts   sync.WaitGroup
	rest       sync.WaitGroup
}

// New makes a worker.
func New(o Options) *Worker {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Grace, 3*time.Second)
	def(&o.Renew, 5*time.Second)
	def(&o.GiveUp, 10*time.Second)
	def(&o.Ping, 5*time.Second)
	if o.Name == "" {
		o.Name = fmt.Sprintf("%s-%d-%s", host, os.Getpid(), id.Secret(4))
	}
	if o.Group == "" {
		o.Group = "default"
	}
	if o.Slots <= 0 {
		o.Slots = runtime.NumCPU()
	}
	if o.MaxLog <= 0 {
		o.MaxLog = 8 << 20
	}
	if o.MaxResult <= 0 {
		o.MaxResult = 256 << 20
	}
	if o.Tags == nil {
		for _, l := range o.Languages {
			o.Tags = append(o.Tags, string(l.Manifest().ID))
		}
		o.Tags = append(o.Tags, tagDependency)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Kit.Sandbox = o.Sandbox
	w := &Worker{o: o, host: host, held: map[domain.Lease]*attempt{}, renewNow: make(chan struct{}, 1)}
	w.free = sync.NewCond(&w.mu)
	return w
}

// Name is the worker's unique name.
func (w *Worker) Name() string { return w.o.Name }

// Start begins to claim. It fails when the work directory cannot be used. A second Start is the same as one.
func (w *Worker) Start(context.Context) error {
	w.lifeMu.Lock()
	defer w.lifeMu.Unlock()
	if w.running {
		return nil
	}
	if err := w.openDir(); err != nil {
		return err
	}
	w.running, w.started = true, time.Now()
	w.draining.Store(false)
	claimCtx, stopClaims := context.WithCancel(context.Background())
	restCtx, stopRest := context.WithCancel(context.Background())
	w.stopClaims, w.stopRest = stopClaims, stopRest
	w.rest.Go(func() { w.renewLoop(restCtx) })
	w.rest.Go(func() { w.pingLoop(restCtx) })
	w.claims.Go(func() { w.claimLoop(claimCtx) })
	return nil
}

// Stop claims nothing more, waits for the running jobs until ctx ends, and then kills what still runs and gives it back to
// the queue. Idempotent.
func (w *Worker) Stop(ctx context.Context) {
	w.lifeMu.Lock()
	defer w.lifeMu.Unlock()
	if !w.running {
		return
	}
	w.draining.Store(true)
	w.stopClaims()
	w.mu.Lock()
	w.free.Broadcast()
	w.mu.Unlock()
	w.claims.Wait()

	drained := make(chan struct{})
	go func() { w.attempts.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-ctx.Done():
		w.mu.Lock()
		for _, a := range w.held {
			a.end(ending{release: true, kill: sandbox.KillFenced})
		}
		w.mu.Unlock()
		<-drained
	}
	w.stopRest()
	w.rest.Wait()

	bye, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := w.o.Source.Leave(bye, w.o.Name); err != nil {
		w.o.Log.Warn("could not sign off; the list of workers will show it for a while", "error", err)
	}
	w.closeDir()
	w.running = false
}

// claimLoop keeps the slots filled.
func (w *Worker) claimLoop(ctx context.Context) {
	pause := 100 * time.Millisecond
	for {
		n := w.waitFree(ctx)
		if n == 0 {
			return
		}
		jobs, err := w.o.Source.Claim(ctx, w.o.Name, w.o.Tags, n)
		for _, a := range jobs {
			w.begin(a)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			pause = 100 * time.Millisecond
			continue
		}
		w.o.Log.Warn("no jobs can be had now; trying again", "error", err, "in", pause)
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// waitFree waits for a free slot and returns how many there are; 0 when ctx ends.
func (w *Worker) waitFree(ctx context.Context) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return 0
		}
		if n := w.o.Slots - len(w.held); n > 0 {
			return n
		}
		w.free.Wait()
	}
}

func (w *Worker) begin(job domain.Assignment) {
	a := newAttempt(w, job)
	w.mu.Lock()
	w.held[job.Lease] = a
	w.mu.Unlock()
	if w.draining.Load() {
		a.end(ending{release: true, kill: sandbox.KillFenced})
	}
	// Cancel may have been asked for while the job was on its way to us: then its note found nobody.
	if time.Now().UnixNano()-w.lastWake.Load() < int64(time.Second) {
		w.kickRenew()
	}
	w.attempts.Go(func() {
		defer func() {
			w.mu.Lock()
			delete(w.held, job.Lease)
			w.free.Broadcast()
			w.mu.Unlock()
			w.done.Add(1)
		}()
		a.run()
	})
}

func (w *Worker) kickRenew() {
	select {
	case w.renewNow <- struct{}{}:
	default:
	}
}

// renewLoop keeps the leases, on a goroutine of its own that no job can hold up.
func (w *Worker) renewLoop(ctx context.Context) {
	wakeCtx, cancel := context.WithCancel(ctx)
	wake := w.o.Source.Wake(wakeCtx)
	defer func() {
		cancel()
		for range wake { // until it is closed
		}
	}()
	every := w.o.Renew
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.renewNow:
		case _, ok := <-wake:
			if !ok {
				wake = nil // the source stops; the timer goes on
				continue
			}
			w.lastWake.Store(time.Now().UnixNano())
		}
		next := every
		if !w.renew(ctx) {
			next = min(every, time.Second)
		}
		timer.Reset(next)
	}
}

// renew renews all leases once and acts on the answer. It reports whether there was one.
func (w *Worker) renew(ctx context.Context) bool {
	w.mu.Lock()
	leases := make([]domain.Lease, 0, len(w.held))
	for l := range w.held {
		leases = append(leases, l)
	}
	w.mu.Unlock()
	if len(leases) == 0 {
		return true
	}
	asked := time.Now()
	callCtx, cancel := context.WithTimeout(ctx, w.o.Renew)
	ended, err := w.o.Source.Renew(callCtx, leases)
	cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			w.o.Log.Warn("leases could not be renewed; trying again", "jobs", len(leases), "error", err)
		}
		for _, l := range leases {
			if a := w.held[l]; a != nil && time.Since(a.renewed) > w.o.GiveUp {
				w.o.Log.Warn("a job is killed: its lease could not be renewed in time, another worker will take it", "job", l.JobID)
				a.end(ending{fenced: true, kill: sandbox.KillFenced})
			}
		}
		return false
	}
	for _, l := range leases {
		if a := w.held[l]; a != nil {
			a.renewed = asked
		}
	}
	for _, e := range ended {
		a := w.held[e.Lease]
		switch {
		case a == nil:
		case e.Canceled:
			a.end(ending{canceled: true, by: e.By, reason: e.Reason, kill: sandbox.KillCanceled})
		default:
			w.o.Log.Info("a job was given to another worker and is killed here", "job", e.Lease.JobID, "attempt", e.Lease.Attempt)
			a.end(ending{fenced: true, kill: sandbox.KillFenced})
		}
	}
	return true
}

func (w *Worker) pingLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		callCtx, cancel := context.WithTimeout(ctx, w.o.Ping)
		err := w.o.Source.Ping(callCtx, w.describe())
		cancel()
		if err != nil && ctx.Err() == nil {
			w.o.Log.Warn("could not tell that the worker lives; trying again", "error", err)
		}
		timer.Reset(w.o.Ping)
	}
}

// describe is the worker as lists show it.
func (w *Worker) describe() domain.Worker {
	w.mu.Lock()
	running := len(w.held)
	w.mu.Unlock()
	out := domain.Worker{
		Name: w.o.Name, Host: w.host, Group: w.o.Group, Tags: w.o.Tags, Slots: w.o.Slots, Running: running, Version: w.o.Version,
		StartedAt: w.started.UTC(), SeenAt: time.Now().UTC(), JobsDone: w.done.Load(), Tier: w.o.Sandbox.Tier(),
	}
	for _, l := range w.o.Languages {
		if m := l.Manifest(); w.present(m) {
			out.Languages = append(out.Languages, m.ID)
		}
	}
	return out
}

// present reports whether the runtime of a language is installed here.
func (w *Worker) present(m lang.Manifest) bool {
	for _, t := range m.Runtime.Tools {
		if _, ok := w.o.Kit.FindTool(t); !ok {
			return false
		}
	}
	return true
}

// openDir makes and locks our folder below WorkDir and removes those of workers that are gone.
func (w *Worker) openDir() error {
	fail := func(err error) error {
		kind := errs.Unavailable
		if errors.Is(err, unix.ENOSPC) {
			kind = errs.StorageFull
		}
		return errs.Wrap(kind, err, "the work directory %s cannot be used", w.o.WorkDir).WithHint("check that it exists, is writable and has space")
	}
	root, err := filepath.Abs(w.o.WorkDir)
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return fail(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return fail(err)
	}
	for _, e := range entries {
		old := filepath.Join(root, e.Name())
		if f, err := lockDir(old); err == nil {
			if err := removeAll(old); err != nil {
				w.o.Log.Warn("files of an earlier worker could not be removed", "folder", old, "error", err)
			}
			f.Close()
		}
	}
	w.dir = filepath.Join(root, w.o.Name)
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return fail(err)
	}
	if w.lock, err = lockDir(w.dir); err != nil {
		return fail(err)
	}
	w.dirs.open(w.dir, w.o.Slots)
	return nil
}

// lockDir takes the lock of a directory for as long as the file stays open; an error when somebody else has it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		f.Close()
		return nil, errs.New(errs.Invalid, "%s is not a folder", dir)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (w *Worker) closeDir() {
	if err := removeAll(w.dir); err != nil {
		w.o.Log.Warn("the work directory could not be removed", "folder", w.dir, "error", err)
	}
	w.lock.Close()
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
