package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/blob"
	"github.com/tidemill/tidemill/internal/blob/fs"
	"github.com/tidemill/tidemill/internal/deploy"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/bash"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/sandbox/process"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/pgtest"
	"github.com/tidemill/tidemill/internal/store/postgres"
	"github.com/tidemill/tidemill/internal/store/sqlite"
	"github.com/tidemill/tidemill/internal/worker"
)

// env is a whole server: the real database, services and worker, behind the real handler.
type env struct {
	t        *testing.T
	store    store.Store
	accounts *account.Service
	engine   *engine.Engine
	hub      *events.Hub
	deps     Deps
	blobs    blob.Store
	server   *httptest.Server

	numbers *atomic.Int64

	admin, dev, operator, other, outsider string // tokens: admin manages everything, other is a second developer
}

type envOption func(*Deps, *queue.Options)

// newEnv makes a server over SQLite, or over PostgreSQL for tests whose name ends in /postgres.
func newEnv(t *testing.T, options ...envOption) *env {
	t.Helper()
	ctx := context.Background()
	dir := t.TempDir()
	db := openDatabase(t, dir)
	t.Cleanup(func() { _ = db.Close() })
	blobs, err := fs.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	languages := lang.Registry{bash.New()}
	e := &env{t: t, store: db, blobs: blobs, numbers: new(atomic.Int64)}
	e.hub = events.New(db, log)
	qo := queue.Options{Store: db, Blobs: blobs, Hub: e.hub, Log: log, MaxArgs: 4 << 20}
	d := Deps{Store: db, Hub: e.hub, Languages: languages, Version: "v0.0.0-test", Log: log, MaxBody: 8 << 20}
	for _, option := range options {
		option(&d, &qo)
	}
	// A store that an option put in front serves the API; the services and the worker keep the real one.
	e.accounts = account.New(account.Options{Store: d.Store, Log: log, BaseURL: "http://localhost", Cost: account.Cost{Memory: 64, Passes: 1, Threads: 1}})
	qo.Store = d.Store
	q := queue.New(qo)
	e.engine = engine.New(engine.Options{Store: d.Store, Queue: q, Hub: e.hub, Languages: languages, Tokens: e.accounts, Log: log})
	d.Accounts, d.Engine = e.accounts, e.engine
	d.Deploy = deploy.New(deploy.Options{Store: d.Store, Languages: languages, Engine: e.engine, Hub: e.hub, Log: log})
	for _, start := range []func(context.Context) error{e.accounts.Start, e.hub.Start, q.Start} {
		if err := start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { e.hub.Stop(context.Background()) })
	t.Cleanup(func() { q.Stop(context.Background()) })
	e.deps = d
	e.server = httptest.NewServer(New(d))
	t.Cleanup(e.server.Close)
	t.Cleanup(e.server.CloseClientConnections)
	e.people(ctx)
	return e
}

func openDatabase(t *testing.T, dir string) store.Store {
	t.Helper()
	var db store.Store
	var err error
	if strings.HasSuffix(t.Name(), "/postgres") {
		db, err = postgres.Open(t.Context(), postgres.Options{URL: pgtest.URL(t), MaxConns: 4})
	} else {
		db, err = sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "tidemill.db")})
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// onBoth runs a test over each database.
func onBoth(t *testing.T, test func(t *testing.T)) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// withWorker starts a worker for the jobs of the server.
func (e *env) withWorker() *env {
	e.t.Helper()
	dir := e.t.TempDir()
	runner := process.New()
	w := worker.New(worker.Options{
		Source: e.engine.Source(), Languages: e.deps.Languages, Sandbox: runner,
		Kit:     lang.Kit{CacheDir: filepath.Join(dir, "cache"), ToolsDir: filepath.Join(dir, "tools"), Sandbox: runner, Log: io.Discard},
		WorkDir: filepath.Join(dir, "work"), Slots: 4, BaseURL: e.server.URL, Log: e.deps.Log,
	})
	if err := w.Start(context.Background()); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		w.Stop(ctx)
	})
	return e
}

const password = "correct horse battery"

func (e *env) people(ctx context.Context) {
	link, err := e.accounts.Setup(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		e.t.Fatal(err)
	}
	session, err := e.accounts.AcceptInvite(ctx, u.Query().Get("token"), "ada@example.com", "Ada", password)
	if err != nil {
		e.t.Fatal(err)
	}
	e.admin = session.Secret
	root, err := e.accounts.Authenticate(ctx, e.admin, "main")
	if err != nil {
		e.t.Fatal(err)
	}
	join := func(email, workspace string, role domain.Role) string {
		secret, err := e.accounts.Invite(ctx, root, domain.Invite{Email: email, Workspace: workspace, Role: role})
		if err != nil {
			e.t.Fatal(err)
		}
		session, err := e.accounts.AcceptInvite(ctx, secret, "", "", password)
		if err != nil {
			e.t.Fatal(err)
		}
		return session.Secret
	}
	if err := e.accounts.CreateWorkspace(ctx, root, "elsewhere", "Elsewhere"); err != nil {
		e.t.Fatal(err)
	}
	e.dev = join("dev@example.com", "main", domain.RoleDeveloper)
	e.other = join("other@example.com", "main", domain.RoleDeveloper)
	e.operator = join("op@example.com", "main", domain.RoleOperator)
	e.outsider = join("out@example.com", "elsewhere", domain.RoleDeveloper)
}

// reply is an answer of the server, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request. A body that is no string, reader or nil is sent as JSON.
func (e *env) ask(token, method, path string, body any, headers ...string) reply {
	e.t.Helper()
	r := e.request(token, method, path, body, headers...)
	res, err := e.server.Client().Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	if res.StatusCode >= 400 && res.Header.Get("Content-Type") != problemType {
		e.t.Errorf("%s %s: %d is not told as a problem but as %q: %.300s", method, path, res.StatusCode, res.Header.Get("Content-Type"), data)
	}
	return reply{res.StatusCode, res.Header, string(data)}
}

func (e *env) request(token, method, path string, body any, headers ...string) *http.Request {
	e.t.Helper()
	var r io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		r, kind = strings.NewReader(b), "application/json"
	case io.Reader:
		r, kind = b, "application/json"
	default:
		data, err := json.Marshal(b)
		if err != nil {
			e.t.Fatal(err)
		}
		r, kind = bytes.NewReader(data), "application/json"
	}
	req, err := http.NewRequest(method, e.server.URL+path, r)
	if err != nil {
		e.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// must asks and wants a status.
func (e *env) must(status int, token, method, path string, body any, headers ...string) reply {
	e.t.Helper()
	r := e.ask(token, method, path, body, headers...)
	if r.status != status {
		e.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r
}

func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%v in %.300s", err, r.body)
	}
	return v
}

// script deploys a script and returns its hash.
func (e *env) script(token, path, content string, more ...map[string]any) string {
	e.t.Helper()
	body := map[string]any{"path": path, "content": content, "language": "bash", "summary": path}
	for _, m := range more {
		for k, v := range m {
			body[k] = v
		}
	}
	return e.must(201, token, "POST", "/api/w/main/scripts/create", body).body
}
