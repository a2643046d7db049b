// Package sqlite keeps a store in one SQLite file: WAL, synchronous=FULL, one writer that groups commits, a pool of readers.
//
// An acknowledged change survives a power cut. Several processes of one host may share the file (Options.Shared); only one
// of them is the server, which holds the lock of the folder.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// Options say where the file is.
type Options struct {
	Path  string           // of the database file; its folder is made when it is missing
	Log   *slog.Logger     // nil: discard
	Clock func() time.Time // nil: time.Now
	// Shared opens the file beside the process that holds the lock of the folder: for administration on the same host.
	Shared bool
}

// Store is a store.Store in a file.
type Store struct {
	*sqldb.DB
	opts    Options
	writer  *writer
	writeDB *sql.DB
	readers *readers
	lock    *os.File // nil when shared
	fanout  sqldb.Fanout
	closed  atomic.Bool
	close   func() error
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database and brings its tables up to date. It fails with errs.Unavailable when another process
// holds the folder, when the file is of a newer version, or when it cannot be read.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, folderError(err, o.Path)
	}
	o.Path = path
	s := &Store{opts: o}
	s.close = sync.OnceValue(s.shut)
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := prepareFiles(path); err != nil {
		return nil, err
	}
	if !o.Shared {
		if s.lock, err = lockFolder(filepath.Dir(path)); err != nil {
			return nil, err
		}
	}
	s.writeDB = open(path, false)
	s.writeDB.SetMaxOpenConns(1)
	s.readers = newReaders(open(path, true))
	count := max(4, 2*runtime.GOMAXPROCS(0))
	s.readers.db.SetMaxOpenConns(count)
	s.readers.db.SetMaxIdleConns(count)

	if err := migrate(ctx, s.writeDB, path, o.Log); err != nil {
		return nil, err
	}
	conn, err := s.writeDB.Conn(ctx)
	if err != nil {
		return nil, openError(err, path)
	}
	s.writer = startWriter(conn, o.Log)
	s.DB = sqldb.New(s.dialect(), s)
	return s, nil
}

// open makes a pool. Every connection waits for locks of other processes and checks references.
func open(path string, readOnly bool) *sql.DB {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "temp_store(memory)"}}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
		q.Add("_pragma", "cache_size(-4000)")
	} else {
		for _, p := range []string{"journal_mode(wal)", "synchronous(full)", "cache_size(-16000)", "journal_size_limit(67108864)"} {
			q.Add("_pragma", p)
		}
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
	return sql.OpenDB(connector{dsn: dsn})
}

func (s *Store) dialect() *sqldb.Dialect {
	now := s.opts.Clock
	return &sqldb.Dialect{
		Name: "sqlite",
		// With a bare "?" SQLite plans many statements anew for each value, in the hope of a better plan from its statistics.
		// That costs several times what running them does; the plus, which changes nothing else, hides the value from it.
		Param:     "+?",
		Words:     map[string]string{"us": "1", "strpos": "instr", "forupdate": ""},
		Now:       now,
		Time:      func(t time.Time) any { return t.UnixMicro() },
		Translate: translate,
		Hot:       hot{},
	}
}

// Read implements sqldb.Runner.
func (s *Store) Read(ctx context.Context, fn func(ctx context.Context, q sqldb.Queryer) error) error {
	if s.closed.Load() {
		return sqldb.ErrClosed()
	}
	return fn(ctx, s.readers)
}

// Single implements sqldb.Runner.
func (s *Store) Single(ctx context.Context, fn func(ctx context.Context, q sqldb.Queryer) error) error {
	return s.writer.do(ctx, fn)
}

// Write implements sqldb.Runner.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, q sqldb.Queryer) error) error {
	return s.writer.do(ctx, fn)
}

// Notify implements store.Store, for the listeners of this process.
func (s *Store) Notify(_ context.Context, events ...domain.Event) error {
	s.fanout.Send(events...)
	return nil
}

// Listen implements store.Store.
func (s *Store) Listen(ctx context.Context) (<-chan domain.Event, error) {
	return s.fanout.Listen(ctx), nil
}

// Ping implements store.Store: it asks a reader and the writer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.Read(ctx, func(ctx context.Context, _ sqldb.Queryer) error { return translate(s.readers.db.PingContext(ctx)) }); err != nil {
		return err
	}
	return s.writer.do(ctx, func(context.Context, sqldb.Queryer) error { return nil })
}

// Kind implements store.Store.
func (s *Store) Kind() string { return "sqlite" }

// Close implements store.Store.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	s.closed.Store(true)
	var all []error
	s.fanout.Close()
	if s.writer != nil {
		all = append(all, s.writer.stop())
	}
	// The writer closes last: the last connection tidies the write-ahead log into the file.
	if s.readers != nil {
		all = append(all, s.readers.close())
	}
	if s.writeDB != nil {
		all = append(all, s.writeDB.Close())
	}
	if s.lock != nil {
		all = append(all, s.lock.Close())
	}
	if err := errors.Join(all...); err != nil {
		return errs.Wrap(errs.Internal, err, "the database did not close cleanly")
	}
	return nil
}

func openError(err error, path string) error {
	e := errs.As(translate(err))
	if e.Kind == errs.StorageFull {
		return e
	}
	return errs.Wrap(errs.Unavailable, err, "the database %s cannot be opened", path).
		WithHint("check that the file is a Tidemill database and that this user may write to it")
}

func folderError(err error, path string) error {
	return errs.Wrap(errs.Unavailable, err, "the data folder %s cannot be used", filepath.Dir(path)).
		WithHint("check its owner and permissions, or choose another folder")
}
