// Package server is the wiring: it builds everything in order, for each role of the binary, and stops it in reverse. It
// also holds the commands that run on the server's own host.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/api"
	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/blob/fs"
	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/deploy"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/all"
	"github.com/tidemill/tidemill/internal/lifecycle"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/sandbox"
	"github.com/tidemill/tidemill/internal/sandbox/process"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/worker"
	"github.com/tidemill/tidemill/web"
)

// Role is what a process does.
type Role string

// The roles. AllInOne is server and worker in one.
const (
	AllInOne   Role = "start"
	ServerOnly Role = "server"
	WorkerOnly Role = "worker"
)

func (r Role) serves() bool { return r != WorkerOnly }
func (r Role) works() bool  { return r != ServerOnly }

// Options say what to build.
type Options struct {
	Config  config.Config
	Role    Role
	Version string
	Log     *slog.Logger
}

// Server is a running process. Start and Stop may be called from any goroutine, each any number of times.
type Server struct {
	o     Options
	log   *slog.Logger
	group lifecycle.Group

	folder    *folder
	listener  net.Listener
	url       string
	store     store.Store
	sandbox   sandbox.Runner
	languages lang.Registry
	kit       lang.Kit
	accounts  *account.Service
	hub       *events.Hub
	queue     *queue.Queue
	engine    *engine.Engine
	deploy    *deploy.Service
	worker    *worker.Worker
	audit     *audit.Service
	work      *os.File // holds the worker's folder
	http      *http.Server
	streams   context.CancelFunc // ends what requests still wait for
	failed    chan error         // of serving

	ready atomic.Bool
}

// New plans a process; Start builds it.
func New(o Options) *Server {
	s := &Server{o: o, log: o.Log, failed: make(chan error, 1)}
	part := func(name string, start func(context.Context) error, stop func(context.Context) error) {
		s.group.Add(name, lifecycle.Funcs{OnStart: start, OnStop: stop})
	}
	part("data folder", s.openFolder, func(context.Context) error { return s.folder.close() })
	if o.Role.serves() {
		part("listener", s.listen, s.unlisten)
	}
	part("database", s.openStore, func(context.Context) error { return s.store.Close() })
	part("services", s.build, nil)
	part("accounts", func(ctx context.Context) error { return s.accounts.Start(ctx) }, func(ctx context.Context) error { return s.accounts.Stop(ctx) })
	part("events", func(ctx context.Context) error { return s.hub.Start(ctx) }, func(ctx context.Context) error { s.hub.Stop(ctx); return nil })
	if o.Role.serves() {
		part("queue", func(ctx context.Context) error { return s.queue.Start(ctx) }, func(ctx context.Context) error { s.queue.Stop(ctx); return nil })
		part("first administrator", s.guardSetup, nil)
		part("audit log", func(ctx context.Context) error { return s.audit.Start(ctx) }, func(ctx context.Context) error { return s.audit.Stop(ctx) })
		part("http", s.serve, s.shutdown)
	}
	// The worker stops first: its jobs may call the API until they end.
	if o.Role.works() {
		part("worker", s.startWorker, s.stopWorker)
	}
	part("readiness", s.open, s.closing)
	return s
}

// Start brings everything up; when it returns, requests are served and jobs run.
func (s *Server) Start(ctx context.Context) error { return s.group.Start(ctx) }

// Stop brings everything down: the worker claims nothing more and drains for the configured grace, open requests end, and
// what has not finished goes back to the queue.
func (s *Server) Stop(ctx context.Context) error { return s.group.Stop(ctx) }

// URL is where the server is reached, once it has started.
func (s *Server) URL() string { return s.url }

// Failed delivers the error when serving ends without Stop.
func (s *Server) Failed() <-chan error { return s.failed }

// Setup makes the link for the first administrator; "" when there are users.
func (s *Server) Setup(ctx context.Context) (string, error) { return s.accounts.Setup(ctx) }

func (s *Server) openFolder(context.Context) (err error) {
	s.folder, err = openFolder(s.o.Config.Data, !s.o.Config.SQLite())
	return err
}

func (s *Server) listen(ctx context.Context) (err error) {
	s.listener, err = listen(ctx, s.o.Config.Listen)
	return err
}

func (s *Server) unlisten(context.Context) error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (s *Server) openStore(ctx context.Context) (err error) {
	s.store, err = openStore(ctx, s.o.Config, s.log, false)
	return err
}

// build makes the services; none of them does anything yet.
func (s *Server) build(context.Context) error {
	c := s.o.Config
	listening := ""
	if s.listener != nil {
		listening = s.listener.Addr().String()
	}
	s.url = c.URL(listening)
	blobs, err := fs.Open(s.folder.blobs())
	if err != nil {
		return err
	}
	s.sandbox = process.New()
	s.languages = all.Languages()
	s.kit = lang.Kit{CacheDir: s.folder.cache(), ToolsDir: s.folder.tools(), Sandbox: s.sandbox, Log: io.Discard}
	s.accounts = account.New(account.Options{Store: s.store, Log: s.log, BaseURL: s.url, Cost: cost(c)})
	s.hub = events.New(s.store, s.log)
	s.queue = queue.New(queue.Options{
		Store: s.store, Blobs: blobs, Hub: s.hub, Log: s.log, Inline: inline(c), Lease: c.Lease,
		MaxArgs: int64(c.MaxArgs), MaxResult: int64(c.MaxResult),
	})
	s.engine = engine.New(engine.Options{Store: s.store, Queue: s.queue, Hub: s.hub, Languages: s.languages, Tokens: s.accounts, Log: s.log})
	s.deploy = deploy.New(deploy.Options{Store: s.store, Languages: s.languages, Engine: s.engine, Hub: s.hub, Log: s.log})
	s.audit = audit.New(audit.Options{Store: s.store, Log: s.log, Retention: c.AuditRetention})
	return nil
}

// inline is up to which size values live in the database. Files in the data folder cannot be seen from other machines,
// so with PostgreSQL everything does.
func inline(c config.Config) int64 {
	if c.SQLite() {
		return 0 // the queue's default
	}
	return 1 << 30
}

func cost(c config.Config) account.Cost {
	return account.Cost{Memory: uint32(c.PasswordMemory >> 10), Passes: uint32(c.PasswordPasses), Threads: 1}
}

// guardSetup refuses to be open to the network as long as the first one to come would become the administrator.
func (s *Server) guardSetup(ctx context.Context) error {
	if s.o.Config.Loopback() || s.o.Config.AllowRemoteSetup {
		return nil
	}
	n, err := s.store.UserCount(ctx)
	if err != nil || n > 0 {
		return err
	}
	return errs.New(errs.Invalid, "there is no user yet, and %s can be reached from other machines", s.o.Config.Listen).
		WithHint("start once on 127.0.0.1 and make the administrator's account, or add --allow-remote-setup")
}

func (s *Server) serve(context.Context) error {
	streams, cancel := context.WithCancel(context.Background())
	s.streams = cancel
	handler := api.New(api.Deps{
		Store: s.store, Accounts: s.accounts, Engine: s.engine, Deploy: s.deploy, Hub: s.hub, Languages: s.languages, Kit: s.kit,
		Version: s.o.Version, Log: s.log, MaxBody: int64(s.o.Config.MaxBody), Ready: s.isReady, BaseURL: s.url, UI: web.Handler(),
		Audit: s.audit,
	})
	s.http = &http.Server{
		Handler:           behind(s.o.Config.TrustedProxies, named(handler)),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return streams },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // broken connections and the like
	}
	go func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- errs.Wrap(errs.Internal, err, "serving ended")
		}
	}()
	return nil
}

// shutdown lets requests finish for a moment, then ends those that only wait: streams and waits for results.
func (s *Server) shutdown(context.Context) error {
	const moment, last = time.Second, 3 * time.Second
	defer s.streams()
	ctx, cancel := context.WithTimeout(context.Background(), last)
	defer cancel()
	end := time.AfterFunc(moment, s.streams)
	defer end.Stop()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

func (s *Server) startWorker(ctx context.Context) error {
	c := s.o.Config
	url, err := s.workerURL(ctx)
	if err != nil {
		return err
	}
	dir, hold, err := s.folder.workspace()
	if err != nil {
		return err
	}
	s.work = hold
	s.worker = worker.New(worker.Options{
		Source: s.engine.Source(), Languages: s.languages, Sandbox: s.sandbox, Kit: s.kit, WorkDir: dir,
		Group: c.WorkerGroup, Slots: c.Slots(), Tags: c.Tags, BaseURL: url, Version: s.o.Version, Log: s.log,
		MaxLog: int64(c.MaxLog), MaxResult: int64(c.MaxResult), Memory: int64(c.MaxMemory),
	})
	if err := s.worker.Start(ctx); err != nil {
		_ = hold.Close()
		return err
	}
	return nil
}

// workerURL is where jobs reach the API. A process without one of its own learns from the database where the servers are;
// before the very first server has started there is nothing to run, and so it waits for that one.
func (s *Server) workerURL(ctx context.Context) (string, error) {
	if s.o.Role.serves() || s.o.Config.BaseURL != "" {
		return s.url, nil
	}
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for told := false; ; told = true {
		url, err := knownURL(ctx, s.store)
		if err != nil || url != "" {
			return url, err
		}
		if !told {
			s.log.Info("waiting for a server to start on this database (--base-url says where it will be)")
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (s *Server) stopWorker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Config.ShutdownGrace)
	defer cancel()
	s.worker.Stop(ctx)
	return s.work.Close()
}

func (s *Server) open(ctx context.Context) error {
	if s.o.Role.serves() {
		if err := rememberURL(ctx, s.store, s.url); err != nil {
			return err
		}
	}
	s.ready.Store(true)
	return nil
}

func (s *Server) closing(context.Context) error {
	s.ready.Store(false)
	return nil
}

// isReady is for those who send requests here: everything has started, nothing is stopping, the database answers.
func (s *Server) isReady(ctx context.Context) error {
	if !s.ready.Load() {
		return errs.New(errs.Unavailable, "the server is starting or stopping").WithHint("try again in a moment")
	}
	return s.store.Ping(ctx)
}
