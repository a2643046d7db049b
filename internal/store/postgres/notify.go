package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store/sqldb"
)

const (
	channel = "tidemill_events"
	// maxNote keeps a payload below the 8000 bytes that PostgreSQL allows.
	maxNote = 7500
	// maxPending bounds what waits to be sent while the database is slow; more is dropped, as the contract allows.
	maxPending = 20_000
	// checkEvery is how often a listener without news asks whether its connection still lives.
	checkEvery = time.Minute
)

// notifier sends events and receives them: one goroutine for each direction. The listener starts with the first Listen.
type notifier struct {
	config *pgx.ConnConfig
	pool   *pgxpool.Pool
	out    *sqldb.Fanout
	log    *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	pending []domain.Event
	dropped int
	wake    chan struct{} // of capacity 1: something is pending

	start     sync.Once
	listening chan struct{} // closed when the first LISTEN stands
}

func startNotifier(config *pgx.ConnConfig, pool *pgxpool.Pool, out *sqldb.Fanout, log *slog.Logger) *notifier {
	n := &notifier{config: config, pool: pool, out: out, log: log, wake: make(chan struct{}, 1), listening: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.wg.Go(n.sendLoop)
	return n
}

func (n *notifier) stop() {
	n.cancel()
	n.start.Do(func() {}) // no listener may start any more
	n.wg.Wait()
}

func (n *notifier) send(events []domain.Event) {
	n.mu.Lock()
	if room := maxPending - len(n.pending); len(events) > room {
		n.dropped += len(events) - room
		events = events[:room]
	}
	n.pending = append(n.pending, events...)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// sendLoop takes everything that waits and sends it in as few notes as possible, each event once.
func (n *notifier) sendLoop() {
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-n.wake:
		}
		n.mu.Lock()
		events, dropped := n.pending, n.dropped
		n.pending, n.dropped = nil, 0
		n.mu.Unlock()
		if dropped > 0 {
			n.log.Warn("events were dropped", "count", dropped)
		}
		notes := pack(events)
		if len(notes) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(n.ctx, 10*time.Second)
		_, err := n.pool.Exec(ctx, `SELECT pg_notify($1, note) FROM unnest($2::text[]) AS note`, channel, notes)
		cancel()
		if err != nil && n.ctx.Err() == nil {
			n.log.Warn("events could not be sent", "count", len(events), "err", err)
		}
	}
}

// pack writes events as JSON lists that each fit into one note.
func pack(events []domain.Event) []string {
	seen := make(map[domain.Event]bool, len(events))
	var notes []string
	note := []byte{'['}
	for _, e := range events {
		if seen[e] {
			continue
		}
		seen[e] = true
		b, err := json.Marshal(e)
		if err != nil || len(b)+2 > maxNote {
			continue // cannot be: events are short texts
		}
		if len(note)+len(b)+2 > maxNote {
			notes = append(notes, string(append(note, ']')))
			note = []byte{'['}
		}
		if len(note) > 1 {
			note = append(note, ',')
		}
		note = append(note, b...)
	}
	if len(note) > 1 {
		notes = append(notes, string(append(note, ']')))
	}
	return notes
}

// listen makes sure that the listener runs and waits until the first LISTEN stands.
func (n *notifier) listen(ctx context.Context) error {
	n.start.Do(func() { n.wg.Go(n.listenLoop) })
	select {
	case <-n.listening:
		return nil
	case <-n.ctx.Done():
		return nil // the store is closed; the caller gets a closed channel
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listenLoop keeps a connection of its own listening. Whenever it had to connect anew, notes may be lost, and listeners
// are told so by a zero Event.
func (n *notifier) listenLoop() {
	pause := 50 * time.Millisecond
	for first := true; n.ctx.Err() == nil; {
		stood, err := n.listenOnce(first)
		if stood {
			first, pause = false, 50*time.Millisecond
		}
		if n.ctx.Err() != nil {
			return
		}
		n.log.Warn("the connection for events broke; connecting anew", "err", err)
		timer := time.NewTimer(pause)
		select {
		case <-n.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		pause = min(2*pause, 5*time.Second)
	}
}

func (n *notifier) listenOnce(first bool) (stood bool, err error) {
	conn, err := pgx.ConnectConfig(n.ctx, n.config)
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(n.ctx, `LISTEN `+channel); err != nil {
		return false, err
	}
	if first {
		close(n.listening)
	} else {
		n.out.Send(domain.Event{})
	}
	for {
		ctx, cancel := context.WithTimeout(n.ctx, checkEvery)
		note, err := conn.WaitForNotification(ctx)
		cancel()
		switch {
		case err == nil:
			var events []domain.Event
			if err := json.Unmarshal([]byte(note.Payload), &events); err != nil {
				n.log.Warn("a note is not of this version", "err", err)
				events = []domain.Event{{}}
			}
			n.out.Send(events...)
		case n.ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			ctx, cancel := context.WithTimeout(n.ctx, 10*time.Second)
			err := conn.Ping(ctx)
			cancel()
			if err != nil {
				return true, err
			}
		default:
			return true, err
		}
	}
}
