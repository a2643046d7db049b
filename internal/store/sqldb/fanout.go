package sqldb

import (
	"context"
	"sync"

	"github.com/tidemill/tidemill/internal/domain"
)

// listenBuffer is how many events a slow listener may be behind before it loses some.
const listenBuffer = 1024

// Fanout hands events to the listeners of this process. The zero value is ready.
type Fanout struct {
	mu     sync.Mutex
	closed bool
	subs   map[chan domain.Event]bool // true: lost events, owed a zero Event
}

// Listen subscribes until ctx ends or Close; then the channel is closed.
func (f *Fanout) Listen(ctx context.Context) <-chan domain.Event {
	ch := make(chan domain.Event, listenBuffer)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || ctx.Err() != nil {
		close(ch)
		return ch
	}
	if f.subs == nil {
		f.subs = map[chan domain.Event]bool{}
	}
	f.subs[ch] = false
	context.AfterFunc(ctx, func() { f.drop(ch) })
	return ch
}

func (f *Fanout) drop(ch chan domain.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.subs[ch]; ok {
		delete(f.subs, ch)
		close(ch)
	}
}

// Send delivers without waiting. Who is too slow loses events and gets one zero Event as soon as there is room.
func (f *Fanout) Send(events ...domain.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch, owed := range f.subs {
		for _, e := range events {
			if owed {
				e = domain.Event{}
			}
			select {
			case ch <- e:
				owed = false
			default:
				owed = true
			}
		}
		f.subs[ch] = owed
	}
}

// Close ends all subscriptions. Idempotent.
func (f *Fanout) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for ch := range f.subs {
		close(ch)
	}
	f.subs = nil
}
