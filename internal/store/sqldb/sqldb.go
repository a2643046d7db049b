// Package sqldb is the one portable implementation of the nouns of package store, a file per noun, over a small Dialect.
//
// Each statement is written once. Its text uses '?' for parameters and a few words that the dialect spells:
//
//	@now        the time of the transaction: the database's clock or the process's
//	@us         one microsecond, to multiply with: @now + @us * CAST(? AS bigint)
//	@strpos     the function (haystack, needle) that finds a text, case-sensitively; 0 when it is not there
//	@forupdate  locks the selected rows until the end of the transaction, where that is needed
//
// The hot statements of the queue are the exception: each database has its own, behind Hot.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// Dialect is what differs between two databases.
type Dialect struct {
	Name      string            // "sqlite" or "postgres"
	Numbered  bool              // parameters are written $1, $2, …
	Param     string            // how a parameter is written otherwise
	Words     map[string]string // spelling of the words above, but @now on a database without a clock of its own
	Now       func() time.Time  // the clock when the database has none; nil: Words has "now"
	Time      func(time.Time) any
	Translate func(error) error // driver error to *errs.Error, by code; never nil for an error
	Hot       Hot
}

// Hot are the statements of the queue that decide its speed.
type Hot interface {
	// Claim gives due jobs to a worker, in order, each to one worker only.
	Claim(ctx context.Context, c *Conn, p store.JobClaimParams) ([]domain.Job, error)
	// Renew extends the leases that are current and returns their jobs.
	Renew(ctx context.Context, c *Conn, leases []domain.Lease, lease time.Duration) ([]domain.Job, error)
	// Expired selects running jobs whose lease is over and locks them, passing by those that others have locked.
	Expired(ctx context.Context, c *Conn, limit int) ([]domain.Job, error)
	// NextDue is when the next queued job of the tags can be claimed; zero when there is none.
	NextDue(ctx context.Context, c *Conn, tags []string) (time.Time, error)
}

// Queryer runs statements: a connection, a pool or a transaction of database/sql.
type Queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Runner gives connections. A fn may run again after a failure that changed nothing, so it must not act outside.
type Runner interface {
	// Read runs fn, which only reads.
	Read(ctx context.Context, fn func(ctx context.Context, q Queryer) error) error
	// Single runs fn, which executes exactly one statement, as a transaction of its own.
	Single(ctx context.Context, fn func(ctx context.Context, q Queryer) error) error
	// Write runs fn in a transaction and commits when it returns nil.
	Write(ctx context.Context, fn func(ctx context.Context, q Queryer) error) error
}

// DB is a whole database: the nouns outside transactions, and Tx.
type DB struct {
	Nouns
	run Runner
}

// New makes a DB.
func New(d *Dialect, run Runner) *DB {
	return &DB{Nouns: Nouns{d: d, run: run}, run: run}
}

// Nouns implements store.Nouns, outside or inside a transaction.
type Nouns struct {
	d   *Dialect
	run Runner
	tx  *Conn // nil outside
}

var _ store.Nouns = (*Nouns)(nil)

// inTx marks the context of a transaction's fn.
type inTx struct{}

// Tx implements store.Store.
func (db *DB) Tx(ctx context.Context, fn func(ctx context.Context, tx store.Nouns) error) error {
	if err := notInside(ctx, db.run); err != nil {
		return err
	}
	return db.run.Write(ctx, func(ctx context.Context, q Queryer) error {
		c := &Conn{q: q, d: db.d}
		if err := fn(context.WithValue(ctx, inTx{}, db.run), &Nouns{d: db.d, run: db.run, tx: c}); err != nil {
			return err
		}
		if c.broken != nil {
			// PostgreSQL refuses to commit after a failed statement; so that both behave the same, SQLite does too.
			return errs.Wrap(errs.Internal, c.broken, "a transaction went on after a failed statement")
		}
		return nil
	})
}

// notInside refuses to leave a transaction: with a single writer that would wait for itself forever.
func notInside(ctx context.Context, run Runner) error {
	if ctx.Value(inTx{}) == run {
		return errs.New(errs.Internal, "a transaction used the store instead of what it was given")
	}
	return nil
}

type body func(ctx context.Context, c *Conn) error

func (n *Nouns) read(ctx context.Context, fn body) error   { return n.with(ctx, n.run.Read, fn) }
func (n *Nouns) single(ctx context.Context, fn body) error { return n.with(ctx, n.run.Single, fn) }
func (n *Nouns) write(ctx context.Context, fn body) error  { return n.with(ctx, n.run.Write, fn) }

func (n *Nouns) with(ctx context.Context, run func(context.Context, func(context.Context, Queryer) error) error, fn body) error {
	if n.tx != nil {
		return fn(ctx, n.tx)
	}
	if err := notInside(ctx, n.run); err != nil {
		return err
	}
	return run(ctx, func(ctx context.Context, q Queryer) error { return fn(ctx, &Conn{q: q, d: n.d}) })
}

// exec runs one statement that changes something and returns how many rows it touched.
func (n *Nouns) exec(ctx context.Context, query string, args ...any) (rows int64, err error) {
	err = n.single(ctx, func(ctx context.Context, c *Conn) error {
		rows, err = c.Exec(ctx, query, args...)
		return err
	})
	return rows, err
}

// Conn runs the portable statements on one connection.
type Conn struct {
	q      Queryer
	d      *Dialect
	broken error // the first failure of a statement
	now    any   // the time of the transaction, once it was needed
}

// Exec runs a statement and returns how many rows it touched.
func (c *Conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	query, args, err := c.expand(query, args)
	if err != nil {
		return 0, err
	}
	res, err := c.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, c.fail(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, c.fail(err)
	}
	return n, nil
}

// Query runs a statement and calls each for every row.
func (c *Conn) Query(ctx context.Context, query string, args []any, each func(scan func(dest ...any) error) error) error {
	query, args, err := c.expand(query, args)
	if err != nil {
		return err
	}
	rows, err := c.q.QueryContext(ctx, query, args...)
	if err != nil {
		return c.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return c.fail(err)
		}
	}
	if err := rows.Err(); err != nil {
		return c.fail(err)
	}
	if err := rows.Close(); err != nil {
		return c.fail(err)
	}
	return nil
}

// One runs a statement that gives at most one row and scans it. It reports whether there was one.
func (c *Conn) One(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = c.Query(ctx, query, args, func(scan func(dest ...any) error) error {
		found = true
		return scan(dest...)
	})
	return found && err == nil, err
}

func (c *Conn) fail(err error) error {
	err = c.d.Translate(err)
	if c.broken == nil {
		c.broken = err
	}
	return err
}

// expand turns the portable text of a statement into the dialect's and encodes its arguments.
func (c *Conn) expand(query string, in []any) (string, []any, error) {
	d := c.d
	var b strings.Builder
	b.Grow(len(query) + 32)
	args := make([]any, 0, len(in)+2)
	next := 0
	param := func(v any) {
		args = append(args, v)
		if d.Numbered {
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(len(args)))
		} else {
			b.WriteString(d.Param)
		}
	}
	for i := 0; i < len(query); {
		at := strings.IndexAny(query[i:], "?@")
		if at < 0 {
			b.WriteString(query[i:])
			break
		}
		b.WriteString(query[i : i+at])
		i += at
		if query[i] == '?' {
			if next >= len(in) {
				return "", nil, errs.New(errs.Internal, "a statement lacks an argument")
			}
			v, err := d.encode(in[next])
			if err != nil {
				return "", nil, err
			}
			param(v)
			next++
			i++
			continue
		}
		end := i + 1
		for end < len(query) && query[end] >= 'a' && query[end] <= 'z' {
			end++
		}
		word := query[i+1 : end]
		if word == "now" && d.Now != nil {
			if c.now == nil {
				c.now = d.Time(d.Now())
			}
			param(c.now)
		} else if text, ok := d.Words[word]; ok {
			b.WriteString(text)
		} else {
			return "", nil, errs.New(errs.Internal, "a statement has the unknown word @%s", word)
		}
		i = end
	}
	if next != len(in) {
		return "", nil, errs.New(errs.Internal, "a statement has arguments to spare")
	}
	return b.String(), args, nil
}

// encode prepares one argument: times in the dialect's form, texts only when both databases can hold them.
func (d *Dialect) encode(v any) (any, error) {
	switch v := v.(type) {
	case time.Time:
		if v.IsZero() {
			return nil, nil
		}
		return d.Time(v.UTC()), nil
	case string:
		return v, checkText(v)
	case *string:
		if v == nil {
			return nil, nil
		}
		return d.encode(*v)
	case []string:
		for _, s := range v {
			if err := checkText(s); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	return v, nil
}

// checkText refuses what PostgreSQL cannot hold as text, on every database.
func checkText(s string) error {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return errs.New(errs.Invalid, "a text is not valid UTF-8 or contains a zero byte").
			WithHint("remove the byte, or encode the value, for example as base64")
	}
	return nil
}

// ErrClosed is the answer of a database that was closed.
func ErrClosed() error { return errs.New(errs.Unavailable, "the database is closed") }

// A Time scans a time of either database; NULL is the zero time.
type Time struct{ T *time.Time }

// Scan implements sql.Scanner.
func (t Time) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t.T = time.Time{}
	case time.Time:
		*t.T = v.UTC()
	case int64:
		*t.T = time.UnixMicro(v).UTC()
	default:
		return errors.New("sqldb: not a time")
	}
	return nil
}

// text scans a text; NULL is empty.
type text struct{ s *string }

func (t text) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t.s = ""
	case string:
		*t.s = v
	case []byte:
		*t.s = string(v)
	default:
		return errors.New("sqldb: not a text")
	}
	return nil
}

// clause makes the WHERE clause of a list.
type clause struct {
	sql  []string
	args []any
}

func (w *clause) add(sql string, args ...any) {
	w.sql = append(w.sql, sql)
	w.args = append(w.args, args...)
}

// eq adds column = value unless value is empty.
func (w *clause) eq(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

// prefix adds "column starts with prefix" as a range, which an index serves.
func (w *clause) prefix(column, prefix string) {
	if prefix != "" {
		w.add("("+column+" >= ? AND "+column+" < ?)", prefix, prefix+maxRune)
	}
}

// maxRune sorts after every text that goes on from a prefix.
const maxRune = "\U0010FFFF"

func in[T ~string](w *clause, column string, values []T) {
	if len(values) == 0 {
		return
	}
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = "?"
		w.args = append(w.args, string(v))
	}
	w.sql = append(w.sql, column+" IN ("+strings.Join(marks, ", ")+")")
}

// viewer adds what v may see of the rows with a path, and with creator, whose own rows v sees wherever they are.
func (w *clause) viewer(v store.Viewer, path, creator string) {
	w.add("workspace = ?", v.Workspace)
	switch {
	case v.All:
	case v.Username == "":
		w.add("1 = 0")
	default:
		own := "u/" + v.Username + "/"
		folders, folderArgs := grantedTo(v, domain.GrantFolder)
		items, itemArgs := grantedTo(v, domain.GrantScript)
		// The slash that is added keeps the length above zero, which substr demands, for texts that are no path.
		folder := "substr(" + path + ", 3, @strpos(substr(" + path + ", 3) || '/', '/') - 1)"
		sql := "(" + path + " >= ? AND " + path + " < ?) OR (" + path + " >= 'f/' AND " + path + " < 'f0' AND " + folder + " IN (" + folders +
			")) OR " + path + " IN (" + items + ")"
		args := append(append([]any{own, own + maxRune}, folderArgs...), itemArgs...)
		if creator != "" {
			sql += " OR " + creator + " = ?"
			args = append(args, v.Username)
		}
		w.add("("+sql+")", args...)
	}
}

func (w *clause) String() string {
	if len(w.sql) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.sql, " AND ")
}

func limited(n int) int {
	switch {
	case n < 1:
		return 100
	case n > 1000:
		return 1000
	}
	return n
}

func missing(format string, args ...any) error { return errs.New(errs.NotFound, format, args...) }

// taken gives a conflict a sentence of its own.
func taken(err error, format string, args ...any) error {
	if errs.Is(err, errs.Conflict) {
		return errs.Wrap(errs.Conflict, err, format, args...)
	}
	return err
}
