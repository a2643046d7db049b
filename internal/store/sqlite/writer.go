package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// maxGroup bounds how many changes share a commit, so that the first of them does not wait for ever.
const maxGroup = 512

// writer owns the only connection that writes. It takes whatever waits, runs it in one transaction, each change in a
// savepoint of its own, commits once and answers all. There is no timer: a lone change is committed at once, and while a
// commit waits for the disk the next group gathers.
type writer struct {
	queue chan *change
	quit  chan struct{} // closed to stop
	done  chan struct{} // closed when the last change is answered
	conn  *cachedConn
	log   *slog.Logger

	commits atomic.Int64
}

type change struct {
	ctx   context.Context
	fn    func(ctx context.Context, q sqldb.Queryer) error
	reply chan error // buffered
	err   error      // of fn; the group's commit may still fail
	ran   bool
}

func startWriter(conn *sql.Conn, log *slog.Logger) *writer {
	w := &writer{
		queue: make(chan *change, maxGroup), quit: make(chan struct{}), done: make(chan struct{}),
		conn: newCachedConn(conn), log: log,
	}
	go w.loop()
	return w
}

// do hands fn to the writer and waits for its commit. A ctx that ends before fn starts skips it; after that the answer is
// awaited, so that nil and errors are always true.
func (w *writer) do(ctx context.Context, fn func(ctx context.Context, q sqldb.Queryer) error) error {
	c := &change{ctx: ctx, fn: fn, reply: make(chan error, 1)}
	select {
	case <-w.quit:
		return sqldb.ErrClosed()
	case <-ctx.Done():
		return ctx.Err()
	case w.queue <- c:
	}
	select {
	case err := <-c.reply:
		return err
	case <-w.done:
		// It was sent while the writer stopped: either answered at the end, or never seen.
		select {
		case err := <-c.reply:
			return err
		default:
			return sqldb.ErrClosed()
		}
	}
}

// stop answers what waits and closes the connection.
func (w *writer) stop() error {
	close(w.quit)
	<-w.done
	return w.conn.close()
}

func (w *writer) loop() {
	defer close(w.done)
	group := make([]*change, 0, maxGroup)
	for {
		group = group[:0]
		select {
		case c := <-w.queue:
			group = append(group, c)
		case <-w.quit:
			select {
			case c := <-w.queue:
				group = append(group, c)
			default:
				return
			}
		}
	gather:
		for len(group) < maxGroup {
			select {
			case c := <-w.queue:
				group = append(group, c)
			default:
				break gather
			}
		}
		w.commit(group)
		clear(group)
	}
}

// commit runs a group and answers every change of it.
func (w *writer) commit(group []*change) {
	ctx := context.Background() // an interrupted statement would roll the whole group back
	begun := false
	var lost error // why everything since BEGIN is gone
	for _, c := range group {
		if c.err = c.ctx.Err(); c.err != nil {
			continue
		}
		if !begun {
			if c.err = w.exec(ctx, "BEGIN IMMEDIATE"); c.err != nil {
				continue
			}
			begun = true
		}
		if c.err = w.exec(ctx, "SAVEPOINT change"); c.err == nil {
			if c.err = w.run(c); c.err == nil {
				c.err = w.exec(ctx, "RELEASE change")
				c.ran = c.err == nil
			} else if err := w.exec(ctx, "ROLLBACK TO change"); err == nil {
				if err := w.exec(ctx, "RELEASE change"); err != nil {
					lost = err
				}
			} else {
				lost = c.err // a full disk, for one, makes SQLite roll everything back by itself
			}
		} else {
			lost = c.err
		}
		if lost != nil {
			_ = w.exec(ctx, "ROLLBACK")
			w.fail(group, lost)
			begun, lost = false, nil
		}
	}
	if begun {
		if err := w.exec(ctx, "COMMIT"); err != nil {
			_ = w.exec(ctx, "ROLLBACK")
			w.fail(group, err)
		}
		w.commits.Add(1)
	}
	for _, c := range group {
		c.reply <- c.err
	}
}

// fail takes back what ran since BEGIN.
func (w *writer) fail(group []*change, err error) {
	w.log.Error("a group of changes was rolled back", "err", err)
	for _, c := range group {
		if c.ran {
			c.ran, c.err = false, err
		}
	}
}

// run calls the change. Its panic is its own failure, not the writer's.
func (w *writer) run(c *change) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errs.Wrap(errs.Internal, fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "a change of the database failed")
			w.log.Error("a change panicked", "err", err)
		}
	}()
	return c.fn(context.WithoutCancel(c.ctx), w.conn)
}

func (w *writer) exec(ctx context.Context, query string) error {
	_, err := w.conn.ExecContext(ctx, query)
	return translate(err)
}

// maxStatements bounds the prepared statements; lists with many filters would otherwise fill the memory.
const maxStatements = 200

// cachedConn keeps the statements of a connection prepared.
type cachedConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newCachedConn(conn *sql.Conn) *cachedConn {
	return &cachedConn{conn: conn, stmts: map[string]*sql.Stmt{}}
}

func (c *cachedConn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		for q, s := range c.stmts { // any half of them: which one hardly matters
			if len(c.stmts) <= maxStatements/2 {
				break
			}
			_ = s.Close()
			delete(c.stmts, q)
		}
	}
	s, err := c.conn.PrepareContext(ctx, query)
	if err == nil {
		c.stmts[query] = s
	}
	return s, err
}

// ExecContext implements sqldb.Queryer.
func (c *cachedConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext implements sqldb.Queryer.
func (c *cachedConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (c *cachedConn) close() error {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	return c.conn.Close()
}
