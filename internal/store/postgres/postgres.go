// Package postgres keeps a store in a PostgreSQL database, for more than one machine. Time is the database's.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// Options say where the database is. Zero values are the defaults.
type Options struct {
	URL              string // postgres://user:password@host:port/database?…
	Log              *slog.Logger
	MaxConns         int           // of the pool; 20
	ConnectTimeout   time.Duration // of one attempt; 3 s
	StatementTimeout time.Duration // 30 s
	LockTimeout      time.Duration // 10 s
}

// Store is a store.Store in PostgreSQL.
type Store struct {
	*sqldb.DB
	opts   Options
	pool   *pgxpool.Pool
	db     *sql.DB
	notes  *notifier
	fanout sqldb.Fanout
	closed atomic.Bool
	close  func() error
}

var _ store.Store = (*Store)(nil)

// Open connects and brings the tables up to date. It fails with errs.Invalid for a URL that is none, with errs.Unavailable
// when the server does not answer or the database is of a newer version.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	config, err := pgxpool.ParseConfig(o.URL)
	if scheme, _, ok := strings.Cut(o.URL, "://"); err != nil || ok && scheme != "postgres" && scheme != "postgresql" {
		// The inner error may quote the URL and so the password: it is left out.
		return nil, errs.New(errs.Invalid, "the database URL is not valid").
			WithHint("write it like postgres://user:password@host:5432/database")
	}
	config.MaxConns = int32(or(o.MaxConns, 20))
	config.MaxConnIdleTime = 5 * time.Minute
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 10 * time.Minute
	config.ConnConfig.ConnectTimeout = or(o.ConnectTimeout, 3*time.Second)
	set := config.ConnConfig.RuntimeParams
	if set["application_name"] == "" {
		set["application_name"] = "tidemill"
	}
	set["timezone"] = "UTC"
	set["default_transaction_isolation"] = "read committed"
	session := map[string]time.Duration{
		"statement_timeout":                   or(o.StatementTimeout, 30*time.Second),
		"lock_timeout":                        or(o.LockTimeout, 10*time.Second),
		"idle_in_transaction_session_timeout": time.Minute,
	}

	s := &Store{opts: o}
	s.close = sync.OnceValue(s.shut)
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := migrate(ctx, config.ConnConfig.Copy(), o.Log); err != nil {
		return nil, err
	}
	for name, d := range session {
		set[name] = milliseconds(d)
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, translate(err)
	}
	s.db = stdlib.OpenDBFromPool(s.pool)
	s.notes = startNotifier(config.ConnConfig.Copy(), s.pool, &s.fanout, o.Log)
	s.DB = sqldb.New(dialect(), s)
	return s, nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func dialect() *sqldb.Dialect {
	return &sqldb.Dialect{
		Name:     "postgres",
		Numbered: true,
		Words: map[string]string{
			"now": "now()", "us": "interval '1 microsecond'", "strpos": "strpos",
			"forupdate": "FOR UPDATE",
		},
		Time:      func(t time.Time) any { return t.Truncate(time.Microsecond) },
		Translate: translate,
		Hot:       hot{},
	}
}

// tries bounds how often a transaction starts anew after a failure that changed nothing.
const tries = 5

// run runs fn on an open store.
func (s *Store) run(ctx context.Context, again func(error) bool, fn func() error) error {
	if s.closed.Load() {
		return sqldb.ErrClosed()
	}
	return retry(ctx, again, func() error {
		err := fn()
		if err != nil && dropped(err) && !refused(err) {
			s.pool.Reset() // the other idle connections are most likely as dead as this one
		}
		return err
	})
}

// retry runs fn until it succeeds, fails for good, or has failed too often. again says whether a failure changed nothing.
func retry(ctx context.Context, again func(error) bool, fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil || try == tries || !again(err) {
			return translate(err)
		}
		pause := time.NewTimer(time.Duration(rand.Int64N(int64(5*time.Millisecond) << try)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// Read implements sqldb.Runner.
func (s *Store) Read(ctx context.Context, fn func(ctx context.Context, q sqldb.Queryer) error) error {
	return s.run(ctx, readable, func() error { return fn(ctx, s.db) })
}

// Single implements sqldb.Runner.
func (s *Store) Single(ctx context.Context, fn func(ctx context.Context, q sqldb.Queryer) error) error {
	return s.run(ctx, unchanged, func() error { return fn(ctx, s.db) })
}

// Write implements sqldb.Runner.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, q sqldb.Queryer) error) error {
	return s.run(ctx, unchanged, func() error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return before{err}
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back; otherwise the server does it alone
		if err := fn(ctx, tx); err != nil {
			if dropped(err) {
				return before{err} // without COMMIT nothing has happened
			}
			return err
		}
		if err := tx.Commit(); err != nil {
			var refused *pgconn.PgError
			if errors.As(err, &refused) {
				return err // the server said no: rolled back
			}
			return unknown{errs.Wrap(errs.Unavailable, err, "the connection to the database broke while it was saving; the change may or may not be there").
				WithHint("look whether it happened before you try again")}
		}
		return nil
	})
}

// Notify implements store.Store: it hands the events to the notifier and does not wait.
func (s *Store) Notify(_ context.Context, events ...domain.Event) error {
	s.notes.send(events)
	return nil
}

// Listen implements store.Store.
func (s *Store) Listen(ctx context.Context) (<-chan domain.Event, error) {
	if err := s.notes.listen(ctx); err != nil {
		return nil, err
	}
	return s.fanout.Listen(ctx), nil
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	return s.run(ctx, readable, func() error { return s.pool.Ping(ctx) })
}

// Kind implements store.Store.
func (s *Store) Kind() string { return "postgres" }

// Close implements store.Store.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	s.closed.Store(true)
	s.fanout.Close()
	if s.notes != nil {
		s.notes.stop()
	}
	if s.db != nil {
		_ = s.db.Close() // it has nothing of its own: the pool has the connections
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return nil
}

// Redacted is the URL without its password, for logs and messages.
func Redacted(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "(a database URL)"
	}
	return u.Redacted()
}
