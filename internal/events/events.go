// Package events tells whoever watches that something changed: lists, run pages, waiting requests and idle workers. A note
// is a hint, never the truth: who gets one looks at the store. Notes of this process arrive at once; those of other
// processes on the same database by its notifications.
package events

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
)

// buffer is how many undelivered notes a watcher may have before the rest collapses into one "look again".
const buffer = 64

// Filter selects events. Empty fields select all.
type Filter struct {
	Workspace string
	JobID     string
	Kinds     []domain.EventKind
}

func (f *Filter) match(e domain.Event) bool {
	return (f.Workspace == "" || f.Workspace == e.Workspace) &&
		(f.JobID == "" || f.JobID == e.JobID) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind))
}

// Hub distributes events. Start it before use; Watch and Publish work before Start and after Stop too, but then only
// within this process.
type Hub struct {
	store store.Store
	log   *slog.Logger

	mu     sync.Mutex
	byJob  map[string]map[*Watch]struct{} // watchers of one job, so that many waiting requests cost nothing to others
	others map[*Watch]struct{}

	outMu sync.Mutex
	out   []domain.Event // to be told to other processes
	kick  chan struct{}

	lifeMu sync.Mutex
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New makes a hub on a database.
func New(s store.Store, log *slog.Logger) *Hub {
	return &Hub{
		store: s, log: log,
		byJob: map[string]map[*Watch]struct{}{}, others: map[*Watch]struct{}{},
		kick: make(chan struct{}, 1),
	}
}

// Start begins to listen to other processes. A second Start is the same as one.
func (h *Hub) Start(context.Context) error {
	h.lifeMu.Lock()
	defer h.lifeMu.Unlock()
	if h.cancel != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	h.done.Go(func() { h.listen(ctx) })
	if h.remote() {
		h.done.Go(func() { h.tell(ctx) })
	}
	return nil
}

// Stop ends listening. Watchers stay until they are closed.
func (h *Hub) Stop(context.Context) {
	h.lifeMu.Lock()
	defer h.lifeMu.Unlock()
	if h.cancel == nil {
		return
	}
	h.cancel()
	h.done.Wait()
	h.cancel = nil
}

// remote reports whether other processes may serve the same database. SQLite has exactly one.
func (h *Hub) remote() bool { return h.store.Kind() != "sqlite" }

// Watch is a subscription. Read C until Close; a zero Event means that events may have been lost: look for yourself.
type Watch struct {
	C <-chan domain.Event

	c      chan domain.Event
	filter Filter
	hub    *Hub
	lost   bool // a zero Event is the last in c: what comes is covered by it
	last   domain.Event
}

// Watch subscribes to the events that f selects.
func (h *Hub) Watch(f Filter) *Watch {
	c := make(chan domain.Event, buffer+1)
	w := &Watch{C: c, c: c, filter: f, hub: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.JobID == "" {
		h.others[w] = struct{}{}
		return w
	}
	set := h.byJob[f.JobID]
	if set == nil {
		set = map[*Watch]struct{}{}
		h.byJob[f.JobID] = set
	}
	set[w] = struct{}{}
	return w
}

// Close ends the subscription. C is not closed; nothing more arrives on it. Idempotent.
func (w *Watch) Close() {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.others, w)
	if set := h.byJob[w.filter.JobID]; set != nil {
		delete(set, w)
		if len(set) == 0 {
			delete(h.byJob, w.filter.JobID)
		}
	}
}

// put is called under the hub's lock, so that the only other party is the reader, who can only make room.
func (w *Watch) put(e domain.Event) {
	n := len(w.c)
	if n == 0 {
		w.lost = false
	}
	switch {
	case w.lost || n > 0 && e == w.last:
		return // the undelivered tail says the same
	case n >= buffer:
		w.lost, e = true, domain.Event{}
	}
	w.last = e
	w.c <- e
}

func (h *Hub) deliver(events []domain.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		if e == (domain.Event{}) {
			for w := range h.others {
				w.put(e)
			}
			for _, set := range h.byJob {
				for w := range set {
					w.put(e)
				}
			}
			continue
		}
		for w := range h.others {
			if w.filter.match(e) {
				w.put(e)
			}
		}
		for w := range h.byJob[e.JobID] {
			if w.filter.match(e) {
				w.put(e)
			}
		}
	}
}

// Publish tells this process at once and the others soon. Call it after the commit of what it tells of. It never waits
// for the database.
func (h *Hub) Publish(_ context.Context, events ...domain.Event) {
	if len(events) == 0 {
		return
	}
	h.deliver(events)
	if !h.remote() {
		return
	}
	h.outMu.Lock()
	if len(h.out) < 10_000 { // beyond, the others' slow scans have to do
		h.out = append(h.out, events...)
	}
	h.outMu.Unlock()
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// tell sends what was published to the other processes, everything waiting in one note.
func (h *Hub) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.kick:
		}
		h.outMu.Lock()
		batch := h.out
		h.out = nil
		h.outMu.Unlock()
		seen := make(map[domain.Event]struct{}, len(batch))
		batch = slices.DeleteFunc(batch, func(e domain.Event) bool {
			_, dup := seen[e]
			seen[e] = struct{}{}
			return dup
		})
		if err := h.store.Notify(ctx, batch...); err != nil && ctx.Err() == nil {
			h.log.Warn("events could not be told to other servers; they will notice by their slow scan", "events", len(batch), "error", err)
		}
	}
}

func (h *Hub) listen(ctx context.Context) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		c, err := h.store.Listen(ctx)
		if err == nil {
			pause = 100 * time.Millisecond
			h.forward(ctx, c)
		}
		if ctx.Err() != nil {
			return
		}
		h.log.Warn("listening to the database broke off; trying again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		h.deliver([]domain.Event{{}}) // whatever happened meanwhile was not heard
	}
}

func (h *Hub) forward(ctx context.Context, c <-chan domain.Event) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-c:
			if !ok {
				return
			}
			batch := []domain.Event{e}
		more:
			for len(batch) < 256 {
				select {
				case e, ok := <-c:
					if !ok {
						break more
					}
					batch = append(batch, e)
				default:
					break more
				}
			}
			h.deliver(batch)
		}
	}
}
