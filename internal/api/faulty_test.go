package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/deploy"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/faulty"
)

// over serves the same data through another store, which may be a failing one. Authentication goes through auth.
func (e *env) over(s, auth store.Store) *env {
	e.t.Helper()
	d := e.deps
	d.Store = s
	d.Accounts = account.New(account.Options{Store: auth, Log: d.Log, BaseURL: "http://localhost"})
	q := queue.New(queue.Options{Store: s, Blobs: e.blobs, Hub: e.hub, Log: d.Log})
	d.Engine = engine.New(engine.Options{Store: s, Queue: q, Hub: e.hub, Languages: d.Languages, Tokens: d.Accounts, Log: d.Log})
	d.Deploy = deploy.New(deploy.Options{Store: s, Languages: d.Languages, Engine: d.Engine, Hub: e.hub, Log: d.Log})
	other := *e
	other.deps, other.accounts, other.engine = d, d.Accounts, d.Engine
	other.server = httptest.NewServer(New(d))
	e.t.Cleanup(other.server.Close)
	return &other
}

// every asks every operation that answers by itself once, rightly.
func (e *env) every(hash, job string, each func(o documented, r reply)) {
	for _, o := range readDocument(e.t) {
		if strings.HasSuffix(o.path, "/events") || strings.Contains(o.path, "_sse") || strings.Contains(o.path, "run_and_stream") || strings.Contains(o.path, "wait_result") ||
			strings.HasSuffix(o.path, "/logout") {
			continue
		}
		path := strings.NewReplacer("{workspace}", "main", "{path}", "f/x/y", "{hash}", hash, "{id}", job, "{token_prefix}", "tmses_nobo").Replace(o.path)
		switch {
		case strings.HasSuffix(path, "/diff"):
			path += "?from=" + hash + "&to=" + hash
		case strings.HasSuffix(path, "_with_tag"):
			path += "?tag=x"
		case strings.HasSuffix(path, "_with_tags"):
			path += "?tags=x"
		case strings.HasSuffix(path, "auth/welcome") && o.method == "GET":
			path += "?token=x"
		}
		sample := o.sample()
		if o.path == "/api/w/{workspace}/jobs/run/p/{path}" || strings.HasSuffix(o.path, "/run/h/{hash}") {
			sample = map[string]any{}
		}
		each(o, e.ask(e.dev, o.method, path, sample))
	}
}

func TestADatabaseThatIsDown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	hash := e.script(e.dev, "f/x/y", "echo")
	job := e.must(201, e.dev, "POST", "/api/w/main/jobs/run/p/f/x/y", nil).body
	down := faulty.New(1, faulty.Rule{Mode: faulty.Fail, Rate: 1}).Wrap(e.store)

	dead := e.over(down, down)
	for path, want := range map[string]int{
		"/healthz": 200, "/api/version": 200, "/readyz": 503, "/api/health/status": 200, "/api/users/whoami": 503,
		"/api/w/main/jobs/list": 503,
	} {
		r := dead.ask(e.dev, "GET", path, nil)
		if r.status != want {
			t.Errorf("GET %s: %d, want %d: %s", path, r.status, want, r.body)
		}
		if want == 503 && decode[Problem](t, r).Code != "unavailable" {
			t.Errorf("GET %s: %s", path, r.body)
		}
	}
	if r := dead.ask("", "POST", "/api/auth/login", Login{Email: "dev@example.com", Password: password}); r.status != http.StatusServiceUnavailable {
		t.Errorf("signing in: %d %s", r.status, r.body)
	}

	// The caller is known, and everything after fails.
	half := e.over(down, e.store)
	half.every(hash, job, func(o documented, r reply) {
		if r.status >= 500 && r.status != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d %s", o.method, o.path, r.status, r.body)
		}
		if r.status == 503 && strings.Contains(r.body, "faulty") {
			t.Errorf("%s %s tells of the inside: %s", o.method, o.path, r.body)
		}
	})
}

func TestADatabaseThatFailsNowAndThen(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	hash := e.script(e.dev, "f/x/y", "echo")
	job := e.must(201, e.dev, "POST", "/api/w/main/jobs/run/p/f/x/y", nil).body
	for seed := range uint64(8) {
		mode := faulty.Fail
		if seed%2 == 1 {
			mode = faulty.After
		}
		faults := faulty.New(seed, faulty.Rule{Mode: mode, Rate: 0.3})
		shaky := e.over(faults.Wrap(e.store), e.store)
		shaky.every(hash, job, func(o documented, r reply) {
			if r.status >= 500 && r.status != http.StatusServiceUnavailable {
				t.Errorf("%s: %s %s: %d %s", faults, o.method, o.path, r.status, r.body)
			}
		})
	}
	e.must(200, e.dev, "GET", "/api/w/main/jobs_u/get/"+job, nil)
}
