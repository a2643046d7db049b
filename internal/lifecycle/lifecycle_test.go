package lifecycle_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder notes the order of calls.
type recorder struct {
	mu    sync.Mutex
	calls []string
}

func (r *recorder) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, s)
}

func (r *recorder) part(name string, fail error) lifecycle.Part {
	return lifecycle.Funcs{
		OnStart: func(context.Context) error { r.note("start " + name); return fail },
		OnStop:  func(context.Context) error { r.note("stop " + name); return nil },
	}
}

func (r *recorder) want(t *testing.T, calls ...string) {
	t.Helper()
	if !slices.Equal(r.calls, calls) {
		t.Fatalf("calls %q, want %q", r.calls, calls)
	}
}

func TestPartsStartInOrderAndStopInReverse(t *testing.T) {
	var r recorder
	var g lifecycle.Group
	g.Add("a", r.part("a", nil))
	g.Add("b", r.part("b", nil))
	for range 2 {
		if err := g.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.want(t, "start a", "start b", "stop b", "stop a")
}

func TestAFailedStartStopsWhatRuns(t *testing.T) {
	var r recorder
	var g lifecycle.Group
	broken := errors.New("no disk")
	g.Add("a", r.part("a", nil))
	g.Add("b", r.part("b", broken))
	g.Add("c", r.part("c", nil))
	if err := g.Start(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	r.want(t, "start a", "start b", "stop a")
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want(t, "start a", "start b", "stop a")
}

func TestStopBeforeStartMakesStartRefuse(t *testing.T) {
	var r recorder
	var g lifecycle.Group
	g.Add("a", r.part("a", nil))
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); !errors.Is(err, lifecycle.ErrStopped) {
		t.Fatalf("got %v", err)
	}
	r.want(t)
}

func TestStopInterruptsAStartThatWaits(t *testing.T) {
	var g lifecycle.Group
	entered := make(chan struct{})
	g.Add("slow", lifecycle.Funcs{OnStart: func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}})
	result := make(chan error, 1)
	go func() { result <- g.Start(context.Background()) }()
	<-entered
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestThePartsContextOutlivesTheStartAndEndsAfterTheStop(t *testing.T) {
	var g lifecycle.Group
	var run context.Context
	g.Add("a", lifecycle.Funcs{
		OnStart: func(ctx context.Context) error { run = ctx; return nil },
		OnStop:  func(context.Context) error { return run.Err() },
	})
	ctx, cancel := context.WithCancel(context.Background())
	if err := g.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if run.Err() != nil {
		t.Fatal("the part's context ended with the context of the start")
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if run.Err() == nil {
		t.Fatal("the part's context did not end with the group")
	}
}

func TestStartAndStopFromManyGoroutines(t *testing.T) {
	for range 500 {
		var running, most atomic.Int32
		var g lifecycle.Group
		for range 3 {
			g.Add("x", lifecycle.Funcs{
				OnStart: func(context.Context) error {
					if n := running.Add(1); n > most.Load() {
						most.Store(n)
					}
					return nil
				},
				OnStop: func(context.Context) error { running.Add(-1); return nil },
			})
		}
		var all sync.WaitGroup
		for range 8 {
			start := rand.IntN(2) == 0
			all.Go(func() {
				if start {
					_ = g.Start(context.Background())
				} else {
					_ = g.Stop(context.Background())
				}
			})
		}
		all.Wait()
		if err := g.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if running.Load() != 0 || most.Load() > 3 {
			t.Fatalf("%d parts still run, at most %d ran", running.Load(), most.Load())
		}
	}
}
