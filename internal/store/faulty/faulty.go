// Package faulty wraps a store so that its methods fail: to show that callers lose nothing when the database does.
//
// Which calls fail follows from a seed and the order of the calls, so a failure can be seen again. A test prints
// Faults.String when it fails.
package faulty

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// Mode is what happens to a call.
type Mode string

// The modes.
const (
	Fail  Mode = "fail"  // the call does nothing and returns the error
	After Mode = "after" // the call does its work and returns the error all the same: the outcome is unknown to the caller
	Delay Mode = "delay" // the call waits in Faults.Wait first, then does its work
)

// Rule makes calls of some methods fail.
type Rule struct {
	Methods []string // names like "JobComplete", "Tx", "Notify", or prefixes like "Job*"; none: all
	Mode    Mode
	Rate    float64 // 0 to 1: the share of the calls
	Skip    int     // so many calls are left alone first
	Limit   int     // at most so many calls fail; 0: no limit
	Err     error   // nil: errs.Unavailable
}

// Faults decides which calls fail. Make it with New.
type Faults struct {
	seed uint64
	// Wait is called by Delay. It returns when the call may go on; its error ends the call. A test gives a function that
	// waits for a signal; nil does not wait.
	Wait func(ctx context.Context, method string) error

	mu    sync.Mutex
	rand  *rand.Rand
	rules []*rule
	off   bool
	hits  []string
}

type rule struct {
	Rule
	seen, hit int
}

// New makes faults that follow from the seed. The first rule that matches a call and whose turn it is decides.
func New(seed uint64, rules ...Rule) *Faults {
	f := &Faults{seed: seed, rand: rand.New(rand.NewPCG(seed, seed))}
	for _, r := range rules {
		f.rules = append(f.rules, &rule{Rule: r})
	}
	return f
}

// Wrap gives the store whose calls fail. Inside Tx the methods fail too, under their own names; "Tx" itself stands for the
// beginning (Fail) and the commit (After).
func (f *Faults) Wrap(s store.Store) store.Store {
	return &faulty{nouns: nouns{in: s, f: f}, in: s}
}

// Stop lets all calls through from now on, so that a test can look at what is left.
func (f *Faults) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = true
}

// Hits are the calls that failed so far: "after JobComplete".
func (f *Faults) Hits() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.hits)
}

// String tells how to see the same again.
func (f *Faults) String() string {
	hits := f.Hits()
	return fmt.Sprintf("faults of seed %d: %d hits: %s", f.seed, len(hits), strings.Join(hits, ", "))
}

// decide gives the mode of a call, "" for none.
func (f *Faults) decide(method string) (Mode, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return "", nil
	}
	for _, r := range f.rules {
		if !r.matches(method) {
			continue
		}
		r.seen++
		if r.seen <= r.Skip || r.Limit > 0 && r.hit >= r.Limit || f.rand.Float64() >= r.Rate {
			continue
		}
		r.hit++
		f.hits = append(f.hits, string(r.Mode)+" "+method)
		err := r.Err
		if err == nil {
			err = errs.New(errs.Unavailable, "injected: %s of %s, hit %d of seed %d", r.Mode, method, len(f.hits), f.seed)
		}
		return r.Mode, err
	}
	return "", nil
}

func (r *rule) matches(method string) bool {
	return len(r.Methods) == 0 || slices.ContainsFunc(r.Methods, func(m string) bool {
		prefix, ok := strings.CutSuffix(m, "*")
		return m == method || ok && strings.HasPrefix(method, prefix)
	})
}

func (f *Faults) do(ctx context.Context, method string, call func() error) error {
	mode, fault := f.decide(method)
	switch mode {
	case Fail:
		return fault
	case After:
		if err := call(); err != nil {
			return err
		}
		return fault
	case Delay:
		if f.Wait != nil {
			if err := f.Wait(ctx, method); err != nil {
				return err
			}
		}
	}
	return call()
}

func get[T any](f *Faults, ctx context.Context, method string, call func() (T, error)) (out T, err error) {
	err = f.do(ctx, method, func() error {
		out, err = call()
		return err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return out, nil
}

// faulty is the whole store.
type faulty struct {
	nouns
	in store.Store
}

func (s *faulty) Tx(ctx context.Context, fn func(ctx context.Context, tx store.Nouns) error) error {
	return s.f.do(ctx, "Tx", func() error {
		return s.in.Tx(ctx, func(ctx context.Context, tx store.Nouns) error { return fn(ctx, &nouns{in: tx, f: s.f}) })
	})
}

// Notify fails like a real one: the notes are lost. "After" makes no sense for it and counts as a loss too.
func (s *faulty) Notify(ctx context.Context, events ...domain.Event) error {
	return s.f.do(ctx, "Notify", func() error { return s.in.Notify(ctx, events...) })
}

func (s *faulty) Listen(ctx context.Context) (<-chan domain.Event, error) {
	return get(s.f, ctx, "Listen", func() (<-chan domain.Event, error) { return s.in.Listen(ctx) })
}

func (s *faulty) Ping(ctx context.Context) error {
	return s.f.do(ctx, "Ping", func() error { return s.in.Ping(ctx) })
}

func (s *faulty) Kind() string { return s.in.Kind() }
func (s *faulty) Close() error { return s.in.Close() }
