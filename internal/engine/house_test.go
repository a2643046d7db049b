package engine_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/internal/blob"
	"github.com/tidemill/tidemill/internal/blob/fs"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/bash"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/sandbox/process"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/sqlite"
	"github.com/tidemill/tidemill/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const workspace = "main"

var (
	admin    = domain.Identity{Email: "ada@example.com", Workspace: workspace, Username: "ada", Role: domain.RoleAdmin}
	dev      = domain.Identity{Email: "dev@example.com", Workspace: workspace, Username: "dev", Role: domain.RoleDeveloper}
	operator = domain.Identity{Email: "op@example.com", Workspace: workspace, Username: "op", Role: domain.RoleOperator}
)

// house is an engine on a database of its own, with a worker when asked for.
type house struct {
	store  store.Store
	blobs  blob.Store
	hub    *events.Hub
	queue  *queue.Queue
	engine *engine.Engine
	source *engine.Source
}

type minter struct{}

func (minter) JobToken(l domain.Lease) string { return "secret-token-of-" + l.JobID }

func newHouse(t testing.TB) *house {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(t.TempDir(), "tidemill.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return newHouseOn(t, s, queue.Options{})
}

func newHouseOn(t testing.TB, s store.Store, o queue.Options) *house {
	t.Helper()
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	blobs, err := fs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{store: s, hub: events.New(s, log)}
	if err := h.hub.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.hub.Stop(ctx) })
	o.Store, o.Blobs, o.Hub, o.Log = s, blobs, h.hub, log
	h.queue, h.blobs = queue.New(o), blobs
	if err := h.queue.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.queue.Stop(ctx) })
	h.engine = engine.New(engine.Options{Store: s, Queue: h.queue, Hub: h.hub, Languages: lang.Registry{bash.New()}, Tokens: minter{}, Log: log})
	h.source = h.engine.Source()
	if err := s.WorkspaceCreate(ctx, domain.Workspace{ID: workspace, Name: "Main", CreatedBy: admin.Email}); err != nil {
		t.Fatal(err)
	}
	for _, who := range []domain.Identity{admin, dev, operator} {
		if err := s.UserCreate(ctx, domain.User{Email: who.Email, Name: who.Username}); err != nil {
			t.Fatal(err)
		}
		if err := s.MemberPut(ctx, domain.Member{Workspace: workspace, Email: who.Email, Username: who.Username, Role: who.Role}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// work starts a worker that stops with the test.
func (h *house) work(t testing.TB, change ...func(*worker.Options)) *worker.Worker {
	t.Helper()
	o := worker.Options{
		Source: h.source, Languages: lang.Registry{bash.New()}, Sandbox: process.New(),
		Kit: lang.Kit{CacheDir: t.TempDir(), ToolsDir: t.TempDir()}, WorkDir: t.TempDir(), Slots: 2,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), BaseURL: "http://127.0.0.1:1",
	}
	for _, c := range change {
		c(&o)
	}
	w := worker.New(o)
	if err := w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, w, 10*time.Second) })
	return w
}

func stop(t testing.TB, w *worker.Worker, patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.Stop(ctx)
}

// deploy stores a version of a script.
func (h *house) deploy(t testing.TB, s domain.Script) domain.Script {
	t.Helper()
	lock := ""
	s.Workspace, s.Language, s.CreatedBy, s.Kind = workspace, bash.ID, admin.Email, domain.KindScript
	if s.Lock == nil && s.LockError == "" {
		s.Lock = &lock
	}
	if old, err := h.store.ScriptLatest(t.Context(), everything, s.Path); err == nil {
		s.ParentHashes = []string{old.Hash}
	}
	s.Hash = id.Hash64([]byte(s.Path), []byte(s.Content), []byte(id.New()))
	if err := h.store.ScriptCreate(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

var everything = store.Viewer{Workspace: workspace, All: true}

func (h *house) wait(t testing.TB, jobID string) (domain.Job, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	job, err := h.queue.Wait(ctx, everything, jobID)
	if err != nil {
		t.Fatal(err)
	}
	result, err := h.queue.Result(ctx, workspace, jobID)
	if err != nil {
		t.Fatal(err)
	}
	return job, string(result)
}

func (h *house) logs(t testing.TB, jobID string) string {
	t.Helper()
	chunks, err := h.queue.Logs(t.Context(), workspace, jobID, domain.LogOutput, 0, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, c := range chunks {
		text += c.Text
	}
	return text
}
