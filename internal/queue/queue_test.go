package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/blob"
	"github.com/tidemill/tidemill/internal/blob/fs"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/pgtest"
	"github.com/tidemill/tidemill/internal/store/postgres"
	"github.com/tidemill/tidemill/internal/store/sqlite"
)

const (
	workspace = "main"
	tag       = "tag"
)

var everything = store.Viewer{Workspace: workspace, All: true}

type bundle struct {
	*queue.Queue
	store store.Store
	blobs blob.Store
	hub   *events.Hub
}

// databases runs a test on each.
func databases(t *testing.T, o queue.Options, test func(t *testing.T, b *bundle)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(t.TempDir(), "tidemill.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, newBundle(t, s, o))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s, err := postgres.Open(context.Background(), postgres.Options{URL: pgtest.URL(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, newBundle(t, s, o))
	})
}

func newBundle(t *testing.T, s store.Store, o queue.Options) *bundle {
	t.Helper()
	ctx := context.Background()
	if err := s.WorkspaceCreate(ctx, domain.Workspace{ID: workspace, Name: "Main", CreatedBy: "a@example.com"}); err != nil {
		t.Fatal(err)
	}
	blobs, err := fs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return join(t, s, blobs, o)
}

// join is a further server on the same database.
func join(t *testing.T, s store.Store, blobs blob.Store, o queue.Options) *bundle {
	t.Helper()
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	b := &bundle{store: s, blobs: blobs, hub: events.New(s, log)}
	if err := b.hub.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.hub.Stop(ctx) })
	o.Store, o.Blobs, o.Hub, o.Log = s, blobs, b.hub, log
	b.Queue = queue.New(o)
	return b
}

func newJob(change ...func(*domain.Job)) queue.NewJob {
	j := domain.Job{
		ID: id.New(), Workspace: workspace, Kind: domain.JobPreview, Language: "shell", Tag: tag,
		CreatedBy: "ada", Email: "a@example.com", PermissionedAs: "u/ada", Trigger: "api", Status: domain.StatusQueued,
	}
	for _, c := range change {
		c(&j)
	}
	return queue.NewJob{Job: j, Args: domain.JSON(`{}`)}
}

func (b *bundle) push(t *testing.T, n queue.NewJob) domain.Job {
	t.Helper()
	if err := b.Push(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n.Job
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (b *bundle) claim(t *testing.T, worker string) (domain.Job, domain.Lease) {
	t.Helper()
	got, err := b.Claim(limited(t), worker, []string{tag}, 1)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	j := got[0].Job
	return j, domain.Lease{JobID: j.ID, Attempt: j.Attempt, Worker: worker}
}

func (b *bundle) blobCount(t *testing.T) int {
	t.Helper()
	n := 0
	if err := b.blobs.List(t.Context(), "", func(string, int64) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func ok(result string) domain.Outcome {
	return domain.Outcome{Status: domain.StatusSuccess, Result: domain.JSON(result)}
}

func TestAJobGoesThrough(t *testing.T) {
	databases(t, queue.Options{}, func(t *testing.T, b *bundle) {
		job := b.push(t, newJob())
		claimed, l := b.claim(t, "w1")
		if claimed.ID != job.ID || claimed.Status != domain.StatusRunning || claimed.Attempt != 1 || claimed.Worker != "w1" {
			t.Fatalf("%+v", claimed)
		}
		if _, err := b.Result(t.Context(), workspace, job.ID); !errs.Is(err, errs.NotFound) {
			t.Fatal(err)
		}
		o := ok(`{"b": 1,  "a":12345678901234567890}`)
		o.Log, o.Stream = "the end\n", "item"
		if err := b.AppendLog(t.Context(), l, workspace, domain.LogOutput, "begin\n"); err != nil {
			t.Fatal(err)
		}
		done, err := b.Complete(t.Context(), l, claimed, o, nil)
		if err != nil || done.Status != domain.StatusSuccess {
			t.Fatal(done, err)
		}
		got, err := b.Wait(limited(t), everything, job.ID)
		if err != nil || got.Status != domain.StatusSuccess || got.EndedAt.IsZero() {
			t.Fatal(got, err)
		}
		if result, err := b.Result(t.Context(), workspace, job.ID); err != nil || string(result) != string(o.Result) {
			t.Fatal(string(result), err)
		}
		text := ""
		chunks, err := b.Logs(t.Context(), workspace, job.ID, domain.LogOutput, 0, 1000)
		for _, c := range chunks {
			text += c.Text
		}
		if err != nil || text != "begin\nthe end\n" {
			t.Fatal(text, err)
		}
		if n, err := b.LogSize(t.Context(), workspace, job.ID, domain.LogStream); err != nil || n != 4 {
			t.Fatal(n, err)
		}
		// The second report of an attempt changes nothing.
		if _, err := b.Complete(t.Context(), l, claimed, ok(`2`), nil); !errs.Is(err, errs.Fenced) {
			t.Fatal(err)
		}
		if err := b.AppendLog(t.Context(), l, workspace, domain.LogOutput, "late"); !errs.Is(err, errs.Fenced) {
			t.Fatal(err)
		}
	})
}

func TestWhoWaitsIsWoken(t *testing.T) {
	// A scan this slow would fail the test: only notes are fast enough.
	databases(t, queue.Options{Scan: time.Hour}, func(t *testing.T, b *bundle) {
		type got struct {
			c   []queue.Claimed
			err error
		}
		claims := make(chan got, 1)
		go func() {
			c, err := b.Claim(limited(t), "w1", []string{"other", tag}, 1)
			claims <- got{c, err}
		}()
		n := newJob()
		n.Args = domain.JSON(`{"x":1}`)
		job := b.push(t, n)
		c := <-claims
		if c.err != nil || len(c.c) != 1 || c.c[0].Job.ID != job.ID || c.c[0].Job.Status != domain.StatusRunning {
			t.Fatal(c)
		}
		if c.c[0].Args != nil && string(c.c[0].Args) != `{"x":1}` {
			t.Fatal(string(c.c[0].Args))
		}
		waits := make(chan error, 1)
		go func() {
			j, err := b.Wait(limited(t), everything, job.ID)
			if err == nil && j.Status != domain.StatusSuccess {
				err = errors.New(string(j.Status))
			}
			waits <- err
		}()
		l := domain.Lease{JobID: job.ID, Attempt: 1, Worker: "w1"}
		if _, err := b.Complete(t.Context(), l, job, ok(`1`), nil); err != nil {
			t.Fatal(err)
		}
		if err := <-waits; err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnotherServerIsWoken(t *testing.T) {
	s, err := postgres.Open(context.Background(), postgres.Options{URL: pgtest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	here := newBundle(t, s, queue.Options{Scan: time.Hour})
	there := join(t, s, here.blobs, queue.Options{Scan: time.Hour})
	claims := make(chan error, 1)
	go func() {
		got, err := there.Claim(limited(t), "w", []string{tag}, 1)
		if err == nil {
			l := domain.Lease{JobID: got[0].Job.ID, Attempt: 1, Worker: "w"}
			_, err = there.Complete(t.Context(), l, got[0].Job, ok(`1`), nil)
		}
		claims <- err
	}()
	job := here.push(t, newJob())
	if got, err := here.Wait(limited(t), everything, job.ID); err != nil || got.Status != domain.StatusSuccess {
		t.Fatal(got, err)
	}
	if err := <-claims; err != nil {
		t.Fatal(err)
	}
}

func TestScheduledJobsWaitForTheirTime(t *testing.T) {
	databases(t, queue.Options{Scan: time.Hour}, func(t *testing.T, b *bundle) {
		due := time.Now().Add(300 * time.Millisecond)
		b.push(t, newJob(func(j *domain.Job) { j.ScheduledFor = due }))
		b.claim(t, "w")
		if late := time.Since(due); late < -5*time.Millisecond || late > 3*time.Second {
			t.Fatalf("claimed %v after its time", late)
		}
	})
}

func TestEachJobGoesToOneWorker(t *testing.T) {
	databases(t, queue.Options{}, func(t *testing.T, b *bundle) {
		const jobs, workers = 60, 4
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(limited(t))
		defer cancel()
		for w := range workers {
			wg.Go(func() {
				for {
					got, err := b.Claim(ctx, fmt.Sprint("w", w), []string{tag}, 3)
					for _, c := range got {
						mu.Lock()
						seen[c.Job.ID]++
						if len(seen) == jobs {
							cancel()
						}
						mu.Unlock()
					}
					if err != nil {
						if !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		var pushers sync.WaitGroup
		for range 6 {
			pushers.Go(func() {
				for range jobs / 6 {
					if err := b.Push(t.Context(), newJob()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		pushers.Wait()
		wg.Wait()
		for job, n := range seen {
			if n != 1 {
				t.Errorf("job %s was claimed %d times", job, n)
			}
		}
		if len(seen) != jobs {
			t.Errorf("%d of %d jobs were claimed", len(seen), jobs)
		}
	})
}

func TestLargeValuesComeBackUnchanged(t *testing.T) {
	databases(t, queue.Options{Inline: 1000, MaxArgs: 100_000, MaxResult: 200_000}, func(t *testing.T, b *bundle) {
		n := newJob()
		n.Args = domain.JSON(`{"x": "` + strings.Repeat("é\\u0041 ", 5000) + `"}`)
		n.Code = &domain.Code{Language: "shell", Content: strings.Repeat("echo <&>\n", 1000)}
		job := b.push(t, n)
		if got, err := b.Args(t.Context(), workspace, job.ID); err != nil || !bytes.Equal(got, n.Args) {
			t.Fatal(len(got), err)
		}
		if got, err := b.Code(t.Context(), workspace, job.ID); err != nil || got.Content != n.Code.Content {
			t.Fatal(len(got.Content), err)
		}
		_, l := b.claim(t, "w")
		result := `[` + strings.Repeat(" 1.10,", 10000) + `2]`
		if _, err := b.Complete(t.Context(), l, job, ok(result), nil); err != nil {
			t.Fatal(err)
		}
		r, size, err := b.Open(t.Context(), workspace, job.ID, domain.PayloadResult)
		if err != nil || size != int64(len(result)) {
			t.Fatal(size, err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || string(got) != result {
			t.Fatal(len(got), err)
		}
		if b.blobCount(t) != 3 {
			t.Fatalf("%d blobs", b.blobCount(t))
		}
		done, err := b.Get(t.Context(), everything, job.ID)
		if err != nil || done.ResultSize != int64(len(result)) {
			t.Fatal(done, err)
		}

		// Over the limit: refused by the name of the setting, and nothing is left.
		n = newJob()
		n.Args = domain.JSON(`{"x":"` + strings.Repeat("x", 100_000) + `"}`)
		if err := b.Push(t.Context(), n); !errs.Is(err, errs.TooLarge) || !strings.Contains(errs.As(err).Hint, "max_args") {
			t.Fatal(err)
		}
		job = b.push(t, newJob())
		_, l = b.claim(t, "w")
		if _, err := b.Complete(t.Context(), l, job, ok(`"`+strings.Repeat("x", 200_000)+`"`), nil); !errs.Is(err, errs.TooLarge) {
			t.Fatal(err)
		}
		if b.blobCount(t) != 3 {
			t.Fatalf("%d blobs", b.blobCount(t))
		}
	})
}

func TestValuesOfWhatWasNotCommittedAreDeleted(t *testing.T) {
	databases(t, queue.Options{Inline: 10}, func(t *testing.T, b *bundle) {
		n := newJob()
		n.Args = domain.JSON(`{"x":"0123456789"}`)
		job := b.push(t, n)
		if err := b.Push(t.Context(), n); !errs.Is(err, errs.Conflict) {
			t.Fatal(err)
		}
		if got, err := b.Args(t.Context(), workspace, job.ID); err != nil || !bytes.Equal(got, n.Args) {
			t.Fatal(string(got), err)
		}
		_, l := b.claim(t, "w")
		late := l
		late.Attempt++
		if _, err := b.Complete(t.Context(), late, job, ok(`"0123456789"`), nil); !errs.Is(err, errs.Fenced) {
			t.Fatal(err)
		}
		fault := errors.New("the lock cannot be stored")
		if _, err := b.Complete(t.Context(), l, job, ok(`"0123456789"`), func(context.Context, store.Nouns) error { return fault }); !errors.Is(err, fault) {
			t.Fatal(err)
		}
		if b.blobCount(t) != 1 {
			t.Fatalf("%d blobs", b.blobCount(t))
		}
		if got, err := b.Get(t.Context(), everything, job.ID); err != nil || got.Status != domain.StatusRunning {
			t.Fatal(got, err)
		}
	})
}

func TestValuesThatACrashLeftAreDeleted(t *testing.T) {
	databases(t, queue.Options{Inline: 100}, func(t *testing.T, b *bundle) {
		ctx := t.Context()
		n := newJob()
		n.Args = domain.JSON(`{"x":"` + strings.Repeat("a", 200) + `"}`)
		job := b.push(t, n)
		lost := []string{
			"jobs/2026-01-01/" + id.New() + "/args-0123456789abcdef", // of a job whose row was never written
			"jobs/2026-01-01/" + job.ID + "/result-0123456789abcdef", // of a result whose row was never written
		}
		for _, key := range append(lost, "other/2026-01-01/kept/x", "jobs/kept") {
			if _, err := b.blobs.Put(ctx, key, strings.NewReader("value")); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Tidy(ctx, 0); err != nil {
			t.Fatal(err)
		}
		for _, key := range lost {
			if _, err := b.blobs.Size(ctx, key); !errs.Is(err, errs.NotFound) {
				t.Errorf("%s: %v", key, err)
			}
		}
		if n := b.blobCount(t); n != 3 {
			t.Errorf("%d values are left", n)
		}
		if args, err := b.Args(ctx, workspace, job.ID); err != nil || string(args) != string(n.Args) {
			t.Errorf("the arguments are %s, %v", args, err)
		}
	})
}

func TestALostLeaseIsTakenOver(t *testing.T) {
	// Every lease is over the moment it is given.
	databases(t, queue.Options{Lease: -time.Second}, func(t *testing.T, b *bundle) {
		job := b.push(t, newJob())
		_, first := b.claim(t, "w1")
		if err := b.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Get(t.Context(), everything, job.ID); err != nil || got.Status != domain.StatusQueued || got.Deaths != 1 {
			t.Fatal(got, err)
		}
		again, second := b.claim(t, "w2")
		if again.ID != job.ID || second.Attempt != 2 {
			t.Fatal(again)
		}
		// The first worker was only slow: it is fenced, in everything it says.
		if _, err := b.Complete(t.Context(), first, job, ok(`1`), nil); !errs.Is(err, errs.Fenced) {
			t.Fatal(err)
		}
		if err := b.AppendLog(t.Context(), first, workspace, domain.LogOutput, "x"); !errs.Is(err, errs.Fenced) {
			t.Fatal(err)
		}
		if err := b.Release(t.Context(), first, job); !errs.Is(err, errs.Fenced) {
			t.Fatal(err)
		}
		if r, err := b.Renew(t.Context(), []domain.Lease{first}); err != nil || len(r.Lost) != 1 {
			t.Fatal(r, err)
		}
	})
}

func TestAPoisonousJobIsParked(t *testing.T) {
	databases(t, queue.Options{Lease: -time.Second}, func(t *testing.T, b *bundle) {
		job := b.push(t, newJob())
		for range domain.MaxDeaths {
			b.claim(t, "w")
			if err := b.Reap(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got, err := b.Wait(limited(t), everything, job.ID)
		if err != nil || got.Status != domain.StatusPoisoned || got.Deaths != domain.MaxDeaths {
			t.Fatalf("%+v %v", got, err)
		}
		result, err := b.Result(t.Context(), workspace, job.ID)
		if err != nil || !strings.Contains(string(result), `"name":"Poisoned"`) {
			t.Fatal(string(result), err)
		}
	})
}

func TestCancelOfAJobWhoseWorkerDied(t *testing.T) {
	databases(t, queue.Options{Lease: -time.Second}, func(t *testing.T, b *bundle) {
		job := b.push(t, newJob())
		b.claim(t, "w")
		if got, err := b.Cancel(t.Context(), everything, job.ID, "ada", "enough", nil); err != nil || got.Status != domain.StatusRunning {
			t.Fatal(got, err)
		}
		if err := b.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := b.Get(t.Context(), everything, job.ID)
		if err != nil || got.Status != domain.StatusCanceled || got.CancelBy != "ada" {
			t.Fatalf("%+v %v", got, err)
		}
		if result, err := b.Result(t.Context(), workspace, job.ID); err != nil || string(result) != `{"error":{"name":"Canceled","message":"canceled by ada: enough"}}` {
			t.Fatal(string(result), err)
		}
	})
}

func TestTheReaperRuns(t *testing.T) {
	databases(t, queue.Options{Lease: -time.Second}, func(t *testing.T, b *bundle) {
		watch := b.hub.Watch(events.Filter{Kinds: []domain.EventKind{domain.EventDone}})
		defer watch.Close()
		for range 2 {
			if err := b.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		defer b.Stop(t.Context())
		defer b.Stop(t.Context())
		job := b.push(t, newJob())
		ctx, cancel := context.WithCancel(limited(t))
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				b.Claim(ctx, "w", []string{tag}, 1) //nolint:errcheck // the job's end is what counts
			}
		}()
		if got, err := b.Wait(ctx, everything, job.ID); err != nil || got.Status != domain.StatusPoisoned {
			t.Fatal(got, err)
		}
	})
}

func TestCancelRunning(t *testing.T) {
	databases(t, queue.Options{}, func(t *testing.T, b *bundle) {
		job := b.push(t, newJob())
		_, l := b.claim(t, "w")
		watch := b.hub.Watch(events.Filter{JobID: job.ID, Kinds: []domain.EventKind{domain.EventCancel}})
		defer watch.Close()
		if got, err := b.Cancel(t.Context(), everything, job.ID, "ada", "why not", nil); err != nil || got.Status != domain.StatusRunning {
			t.Fatal(got, err)
		}
		if e := <-watch.C; e.JobID != job.ID {
			t.Fatal(e)
		}
		r, err := b.Renew(t.Context(), []domain.Lease{l})
		if err != nil || len(r.Lost) != 0 || len(r.Canceled) != 1 || r.Canceled[0].CancelBy != "ada" || r.Canceled[0].CancelReason != "why not" {
			t.Fatal(r, err)
		}
		if _, err := b.Cancel(t.Context(), store.Viewer{Workspace: "elsewhere", All: true}, job.ID, "eve", "", nil); !errs.Is(err, errs.NotFound) {
			t.Fatal(err)
		}
	})
}

func TestReleasedJobsKeepTheirAttempt(t *testing.T) {
	databases(t, queue.Options{Scan: time.Hour}, func(t *testing.T, b *bundle) {
		job := b.push(t, newJob())
		_, l := b.claim(t, "w1")
		claims := make(chan queue.Claimed, 1)
		go func() {
			got, err := b.Claim(limited(t), "w2", []string{tag}, 1)
			if err != nil {
				t.Error(err)
				got = make([]queue.Claimed, 1)
			}
			claims <- got[0]
		}()
		if err := b.Release(t.Context(), l, job); err != nil {
			t.Fatal(err)
		}
		if c := <-claims; c.Job.ID != job.ID || c.Job.Attempt != 2 || c.Job.Deaths != 0 {
			t.Fatalf("%+v", c)
		}
	})
}
