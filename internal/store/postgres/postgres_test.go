package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/pgtest"
	"github.com/tidemill/tidemill/internal/store/postgres"
	"github.com/tidemill/tidemill/internal/store/storetest"
)

func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, func() store.Store) {
		url := pgtest.URL(t)
		s := open(t, url)
		return s, func() store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, url)
		}
	})
}

// direct runs a statement beside the store.
func direct(t *testing.T, address, query string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// TestNumbers: both databases have the same numbered migrations, so that "version 7" means one thing.
func TestNumbers(t *testing.T) {
	names := func(dir string) (out []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			out = append(out, e.Name())
		}
		return out
	}
	mine, other := names("migrations"), names("../sqlite/migrations")
	if len(mine) == 0 || !slices.Equal(mine, other) {
		t.Errorf("PostgreSQL has %v, SQLite has %v", mine, other)
	}
	for i, name := range mine {
		if want := fmt.Sprintf("%05d_", i+1); !strings.HasPrefix(name, want) {
			t.Errorf("%s: want number %s", name, want)
		}
	}
}

// TestManyOpen: several processes may start at once on a new database; the tables are made once.
func TestManyOpen(t *testing.T) {
	address := pgtest.URL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), postgres.Options{URL: address})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestFoldersThatWereOpenStayOpen: a database from before there were grants.
func TestFoldersThatWereOpenStayOpen(t *testing.T) {
	address := pgtest.URL(t)
	if err := open(t, address).Close(); err != nil {
		t.Fatal(err)
	}
	direct(t, address, `DROP TABLE access_grant; DROP TABLE folder; DROP TABLE group_member; DROP TABLE member_group;
		DROP TABLE audit_event; DROP TABLE audit_chain; DELETE FROM goose_db_version WHERE version_id >= 2;
		INSERT INTO workspace VALUES ('w', 'W', 'root@x', now(), false);
		INSERT INTO script VALUES ('w', 'h1', 'f/old/a/b', 1, '', '', '', 'l', 'script', false, '{}', '', '', 'ann@x', now(), true, false, '', '', NULL, NULL),
			('w', 'h2', 'f/old/c', 1, '', '', '', 'l', 'script', false, '{}', '', '', 'ann@x', now(), false, false, '', '', NULL, NULL),
			('w', 'h3', 'u/ann/x', 1, '', '', '', 'l', 'script', false, '{}', '', '', 'ann@x', now(), false, false, '', '', NULL, NULL)`)
	s := open(t, address)
	defer s.Close()
	bob := store.Viewer{Workspace: "w", Username: "bob"}
	folders, err := s.FolderList(t.Context(), store.FolderListParams{Viewer: bob})
	if err != nil || len(folders) != 1 || folders[0].Name != "old" {
		t.Fatalf("%+v, %v", folders, err)
	}
	if _, err := s.ScriptByHash(t.Context(), bob, "h1"); err != nil {
		t.Errorf("what everybody could see before: %v", err)
	}
	a, err := s.AccessTo(t.Context(), "w", "bob", "f/old/a/b")
	if err != nil || len(a.Grants) != 1 || a.Grants[0].Level != domain.GrantWrite {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestNewerVersion(t *testing.T) {
	address := pgtest.URL(t)
	if err := open(t, address).Close(); err != nil {
		t.Fatal(err)
	}
	direct(t, address, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`)
	_, err := postgres.Open(t.Context(), postgres.Options{URL: address})
	if !errs.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), "9999") || errs.As(err).Hint == "" {
		t.Errorf("got %v", err)
	}
}

// TestDown: a server that is not there is said to be so, quickly, and the password is not said at all.
func TestDown(t *testing.T) {
	for address, kind := range map[string]errs.Kind{
		"postgres://ann:hunter2@" + closedPort(t) + "/db":                               errs.Unavailable,
		"postgres:///db?user=ann&password=hunter2&host=" + url.QueryEscape(t.TempDir()): errs.Unavailable,
		"postgres://ann:hunter2@host:port/db":                                           errs.Invalid,
		"mysql://ann:hunter2@host/db?sslmode=hunter2":                                   errs.Invalid,
	} {
		began := time.Now()
		_, err := postgres.Open(t.Context(), postgres.Options{URL: address})
		if !errs.Is(err, kind) || errs.As(err).Hint == "" {
			t.Errorf("%s: got %v (%s)", address, err, errs.KindOf(err))
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", address, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %v", address, took)
		}
	}
	if s := postgres.Redacted("postgres://ann:hunter2@host/db"); strings.Contains(s, "hunter2") {
		t.Error(s)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestReconnect: when the server drops all connections, the next calls succeed all the same, and a listener is told that
// it may have missed something.
func TestReconnect(t *testing.T) {
	address := pgtest.URL(t)
	s := open(t, address)
	ctx := t.Context()
	events, err := s.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 { // so that the pool has several connections
		wg.Go(func() { _ = s.SettingPut(ctx, fmt.Sprint(i), domain.JSON(`1`)) })
	}
	wg.Wait()
	direct(t, address, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	for i := range 8 {
		if err := s.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
			return tx.SettingPut(ctx, fmt.Sprint("again", i), domain.JSON(`1`))
		}); err != nil {
			t.Errorf("after the connections broke: %v", err)
		}
		if _, err := s.SettingGet(ctx, "0"); err != nil {
			t.Errorf("after the connections broke: %v", err)
		}
	}
	if e := <-events; e != (domain.Event{}) {
		t.Errorf("got %+v, want the zero event", e)
	}
	want := domain.Event{Kind: domain.EventDone, JobID: "x"}
	if err := s.Notify(ctx, want); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e != want {
		t.Errorf("got %+v, want %+v", e, want)
	}
}

// proxy stands between a store and its server. Once armed, it lets one message through to the server and breaks the
// connection instead of handing back the answer; cut breaks everything and refuses what comes.
type proxy struct {
	dir, to string
	armed   atomic.Pointer[string] // what the message contains
	mu      sync.Mutex
	conns   map[net.Conn]bool
	refuse  bool
	wg      sync.WaitGroup
}

func startProxy(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	dir, err := os.MkdirTemp("/tmp", "pgproxy") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{dir: dir, to: filepath.Join(q.Get("host"), ".s.PGSQL.5432"), conns: map[net.Conn]bool{}}
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut(true)
		p.wg.Wait()
		_ = os.RemoveAll(dir)
	})
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return p, u.String()
}

func (p *proxy) arm(text string) { p.armed.Store(&text) }

func (p *proxy) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.refuse {
		p.mu.Unlock()
		return
	}
	p.conns[client] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, client)
	}()
	var broken atomic.Bool
	answered := make(chan struct{}, 1)
	p.wg.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 && !broken.Load() {
				_, _ = client.Write(buf[:n])
			} else if n > 0 {
				select {
				case answered <- struct{}{}:
				default:
				}
			}
			if err != nil {
				_ = client.Close()
				return
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if n > 0 {
			text := p.armed.Load()
			last := text != nil && bytes.Contains(buf[:n], []byte(*text)) && p.armed.CompareAndSwap(text, nil)
			if last {
				broken.Store(true)
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
			if last {
				<-answered
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// TestCommitUnknown: when the answer to a commit is lost, nobody is told that it happened or that it did not, and it is not
// simply done a second time.
func TestCommitUnknown(t *testing.T) {
	address := pgtest.URL(t)
	p, through := startProxy(t, address)
	s := open(t, through)
	ctx := t.Context()
	runs := 0
	p.arm("commit\x00")
	err := s.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		runs++
		return tx.SettingPut(ctx, "k", domain.JSON(`1`))
	})
	if !errs.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), "may or may not") || errs.As(err).Hint == "" {
		t.Errorf("got %v (%s)", err, errs.KindOf(err))
	}
	if runs != 1 {
		t.Errorf("the transaction ran %d times", runs)
	}
	if v, err := s.SettingGet(ctx, "k"); err != nil || string(v) != "1" {
		t.Errorf("%s, %v", v, err)
	}
}

// TestStatementUnknown: the same for a statement that is a transaction of its own. A second try would report that the link
// was used by somebody else.
func TestStatementUnknown(t *testing.T) {
	address := pgtest.URL(t)
	p, through := startProxy(t, address)
	s, beside := open(t, through), open(t, address)
	ctx := t.Context()
	for _, prepared := range []bool{false, true} {
		if err := s.InviteCreate(ctx, domain.Invite{Digest: "needle", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if prepared {
			_, _ = s.InviteTake(ctx, "other")
		}
		p.arm("needle")
		if _, err := s.InviteTake(ctx, "needle"); !errs.Is(err, errs.Unavailable) {
			t.Errorf("prepared %v: got %v (%s)", prepared, err, errs.KindOf(err))
		}
		if _, err := beside.InviteGet(ctx, "needle"); !errs.Is(err, errs.NotFound) {
			t.Errorf("the server did not do it, so nothing was shown: %v", err)
		}
		p.arm("needle2")
		if err := s.InviteCreate(ctx, domain.Invite{Digest: "needle2", ExpiresAt: time.Now().Add(time.Hour)}); !errs.Is(err, errs.Unavailable) {
			t.Errorf("prepared %v: got %v (%s)", prepared, err, errs.KindOf(err))
		}
		if _, err := beside.InviteTake(ctx, "needle2"); err != nil {
			t.Errorf("the server did not do it, so nothing was shown: %v", err)
		}
	}
}

// TestOutage: while the server is away every call says so quickly; afterwards all goes on.
func TestOutage(t *testing.T) {
	p, through := startProxy(t, pgtest.URL(t))
	s := open(t, through)
	ctx := t.Context()
	p.cut(true)
	began := time.Now()
	for name, err := range map[string]error{
		"put":  s.SettingPut(ctx, "k", domain.JSON(`1`)),
		"ping": s.Ping(ctx),
		"tx":   s.Tx(ctx, func(context.Context, store.Nouns) error { return nil }),
		"read": func() error { _, err := s.UserCount(ctx); return err }(),
	} {
		if !errs.Is(err, errs.Unavailable) || errs.As(err).Hint == "" {
			t.Errorf("%s: got %v (%s)", name, err, errs.KindOf(err))
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("four calls took %v", took)
	}
	p.cut(false)
	if err := s.SettingPut(ctx, "k", domain.JSON(`2`)); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

// TestDeadlock: of two transactions that wait for each other one is run again, and both succeed.
func TestDeadlock(t *testing.T) {
	s := open(t, pgtest.URL(t))
	ctx := t.Context()
	var both sync.WaitGroup
	both.Add(2)
	var runs atomic.Int64
	cross := func(first, second string) error {
		met := false
		return s.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
			runs.Add(1)
			if err := tx.SettingPut(ctx, first, domain.JSON(`1`)); err != nil {
				return err
			}
			if !met { // only the first time: the other one may be over when this one runs again
				met = true
				both.Done()
				both.Wait()
			}
			return tx.SettingPut(ctx, second, domain.JSON(`1`))
		})
	}
	var wg sync.WaitGroup
	for _, keys := range [][2]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			if err := cross(keys[0], keys[1]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() < 3 {
		t.Errorf("%d runs: no deadlock happened, so nothing was shown", runs.Load())
	}
}

// TestTimeouts: a statement that takes too long, and a lock that others hold, end with an answer.
func TestTimeouts(t *testing.T) {
	address := pgtest.URL(t)
	s, err := postgres.Open(t.Context(), postgres.Options{URL: address, LockTimeout: 100 * time.Millisecond, StatementTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	if err := s.SettingPut(ctx, "k", domain.JSON(`1`)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `UPDATE setting SET value_json = '2'`); err != nil {
		t.Fatal(err)
	}
	if err := s.SettingPut(ctx, "k", domain.JSON(`3`)); !errs.Is(err, errs.Unavailable) {
		t.Errorf("got %v (%s)", err, errs.KindOf(err))
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.SettingPut(ctx, "k", domain.JSON(`3`)); err != nil {
		t.Error(err)
	}
}

// TestAcrossProcesses: two stores of one database stand for two processes: events and work go across.
func TestAcrossProcesses(t *testing.T) {
	address := pgtest.URL(t)
	a, b := open(t, address), open(t, address)
	ctx := t.Context()
	events, err := b.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := domain.Event{Kind: domain.EventQueued, Tag: "x"}
	if err := a.Notify(ctx, want, want, want); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e != want {
		t.Errorf("got %+v", e)
	}
}
