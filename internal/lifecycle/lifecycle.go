// Package lifecycle starts the parts of a process in order and stops them in reverse. Whatever runs has Start and Stop.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Part is something that runs. Start returns when it is ready; its context lives until the part was stopped and is not
// the part's to outlive. Stop returns when nothing of it runs any more, or with an error when ctx ends before that; the
// group calls it once, and only after Start returned nil.
type Part interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// Funcs is a Part of two functions; nil ones do nothing.
type Funcs struct {
	OnStart func(ctx context.Context) error
	OnStop  func(ctx context.Context) error
}

// Start calls OnStart.
func (f Funcs) Start(ctx context.Context) error {
	if f.OnStart == nil {
		return nil
	}
	return f.OnStart(ctx)
}

// Stop calls OnStop.
func (f Funcs) Stop(ctx context.Context) error {
	if f.OnStop == nil {
		return nil
	}
	return f.OnStop(ctx)
}

// ErrStopped is what Start returns when Stop came first.
var ErrStopped = errors.New("stopped before it was started")

// Group is a list of named parts that start and stop together. Its methods may be called from any goroutine, in any
// order and any number of times: a second Start or Stop waits for the first and returns the same. A group runs once.
type Group struct {
	mu      sync.Mutex // held while starting and while stopping
	parts   []named
	started int // how many parts have been started
	begun   bool
	stopped bool
	err     error // of the start
	stopErr error
	cancel  context.CancelFunc // of the parts' context

	quitOnce sync.Once
	quit     chan struct{} // closed by Stop: a start in progress ends
	initOnce sync.Once
}

type named struct {
	name string
	Part
}

func (g *Group) init() { g.initOnce.Do(func() { g.quit = make(chan struct{}) }) }

// Add appends a part, before Start. The name is for error messages.
func (g *Group) Add(name string, p Part) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.begun || g.stopped {
		panic("lifecycle: Add after Start")
	}
	g.parts = append(g.parts, named{name, p})
}

// Start starts the parts one after the other. When one fails, or ctx ends, or Stop is called meanwhile, those that run are
// stopped in reverse and the error is returned.
func (g *Group) Start(ctx context.Context) error {
	g.init()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.begun {
		return g.err
	}
	g.begun = true
	if g.stopped {
		g.err = ErrStopped
		return g.err
	}
	// The parts' context has the values of ctx but ends with the group; while starting, ctx ends it too.
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g.cancel = cancel
	unhook := context.AfterFunc(ctx, cancel)
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-g.quit:
			cancel()
		case <-done:
		}
	}()
	for _, p := range g.parts {
		if g.err = run.Err(); g.err == nil {
			g.err = p.Start(run)
		}
		if g.err != nil {
			g.err = fmt.Errorf("starting %s: %w", p.name, g.err)
			break
		}
		g.started++
	}
	close(done)
	<-watched
	if !unhook() && g.err == nil {
		g.err = context.Cause(ctx) // ended after the last part had started
	}
	if g.err != nil {
		// What was started must be stopped also when it was ctx that ended.
		g.stopErr = g.stopAll(context.WithoutCancel(ctx))
		g.stopped = true
	}
	return g.err
}

// Stop stops the parts that run, last started first, and returns their errors joined. Before Start it makes Start refuse.
func (g *Group) Stop(ctx context.Context) error {
	g.init()
	g.quitOnce.Do(func() { close(g.quit) })
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return g.stopErr
	}
	g.stopped = true
	g.stopErr = g.stopAll(ctx)
	return g.stopErr
}

func (g *Group) stopAll(ctx context.Context) error {
	var all []error
	for ; g.started > 0; g.started-- {
		p := g.parts[g.started-1]
		if err := p.Stop(ctx); err != nil {
			all = append(all, fmt.Errorf("stopping %s: %w", p.name, err))
		}
	}
	if g.cancel != nil {
		g.cancel()
	}
	return errors.Join(all...)
}
