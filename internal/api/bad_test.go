package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
)

func viewerOf(who domain.Identity) store.Viewer {
	return store.Viewer{Workspace: who.Workspace, Username: who.Username, All: who.Admin()}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, text string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestBadInputIsTold(t *testing.T) { onBoth(t, badInputIsTold) }

func badInputIsTold(t *testing.T) {
	e := newEnv(t)
	e.script(e.dev, "f/a/b", "n=\"$1\"\necho $n")
	const create, run, preview = "/api/w/main/scripts/create", "/api/w/main/jobs/run/p/f/a/b", "/api/w/main/jobs/run/preview"
	for _, c := range []struct {
		name, path, body string
		status           int
		place            string // of the error that must be told
	}{
		{"no body", create, "", 400, ""},
		{"no JSON", create, "{", 400, "body"},
		{"no UTF-8 in code", create, "{\"path\":\"f/a/c\",\"content\":\"\xff\",\"language\":\"bash\"}", 400, "body"},
		{"no UTF-8 in a preview", preview, "{\"content\":\"echo \xff\",\"language\":\"bash\"}", 400, "body"},
		{"no UTF-8 in arguments", run, "{\"n\":\"\xff\"}", 400, "body"},
		{"an array", create, "[]", 400, "body"},
		{"null", create, "null", 400, "body"},
		{"missing fields", create, `{"path":"f/a/c"}`, 400, "body"},
		{"a wrong type", create, `{"path":"f/a/c","content":1,"language":"bash"}`, 400, "content"},
		{"a wrong inner type", create, `{"path":"f/a/c","content":"","language":"bash","envs":[1]}`, 400, "envs[0]"},
		{"an unknown field", create, `{"path":"f/a/c","content":"","language":"bash","colour":"red"}`, 400, "colour"},
		{"a fraction", create, `{"path":"f/a/c","content":"","language":"bash","timeout":1.5}`, 400, "timeout"},
		{"a huge number", create, `{"path":"f/a/c","content":"","language":"bash","timeout":1e300}`, 400, ""},
		{"a negative timeout", create, `{"path":"f/a/c","content":"","language":"bash","timeout":-1}`, 400, "timeout"},
		{"an unknown language", create, `{"path":"f/a/c","content":"","language":"cobol"}`, 400, "language"},
		{"an unknown kind", create, `{"path":"f/a/c","content":"","language":"bash","kind":"poem"}`, 400, "kind"},
		{"a syntax error", create, `{"path":"f/a/c","content":"if true; then","language":"bash"}`, 400, "content"},
		{"a path without folder", create, `{"path":"x","content":"","language":"bash"}`, 400, "path"},
		{"a path that leaves", create, `{"path":"f/../x","content":"","language":"bash"}`, 400, "path"},
		{"a path with NUL", create, "{\"path\":\"f/a/\\u0000\",\"content\":\"\",\"language\":\"bash\"}", 400, "path"},
		{"a long path", create, `{"path":"f/a/` + strings.Repeat("x", 300) + `","content":"","language":"bash"}`, 400, "path"},
		{"a duplicate", create, `{"path":"f/a/b","content":"echo 2","language":"bash"}`, 409, ""},
		{"a bad parent", create, `{"path":"f/a/b","content":"echo 2","language":"bash","parent_hash":"zz"}`, 400, "parent_hash"},
		{"a schema that is none", create, `{"path":"f/a/c","content":"","language":"bash","schema":"x"}`, 400, "schema"},
		{"a bad environment", create, `{"path":"f/a/c","content":"","language":"bash","envs":["x"]}`, 400, "envs[0]"},
		{"code that is too long", create, `{"path":"f/a/c","language":"bash","content":"` + strings.Repeat("x", 5<<20) + `"}`, 400, "content"},
		{"deep JSON", create, strings.Repeat("[", 100_000), 400, ""},
		{"another type of body", create, `{}`, 400, ""},

		{"a missing argument", run, `{}`, 400, "args.n"},
		{"arguments that are no JSON", run, `{"n":`, 400, "body"},
		{"two values", run, `{"n":"1"} {"n":"2"}`, 400, "body"},
		{"an impossible time", run + "?scheduled_for=yesterday", `{"n":"1"}`, 400, "query.scheduled_for"},
		{"a time far away", run + "?scheduled_for=9999-01-01T00:00:00Z", `{"n":"1"}`, 400, "query.scheduled_for"},
		{"a negative wait", run + "?scheduled_in_secs=-5", `{"n":"1"}`, 400, "query.scheduled_in_secs"},
		{"a bad job id", run + "?job_id=7", `{"n":"1"}`, 400, "query.job_id"},
		{"a bad parent job", run + "?parent_job=7", `{"n":"1"}`, 400, "query.parent_job"},
		{"a bad tag", run + "?tag=a,b", `{"n":"1"}`, 400, "query.tag"},
		{"no such script", "/api/w/main/jobs/run/p/f/a/nothing", `{}`, 404, ""},
		{"no such version", "/api/w/main/jobs/run/h/0123456789abcdef", `{}`, 404, ""},
		{"a bad hash", "/api/w/main/jobs/run/h/xyz", `{}`, 400, "hash"},
		{"a bad path", "/api/w/main/jobs/run/p/nothing", `{}`, 400, "path"},

		{"a preview of nothing", preview, `{"args":{}}`, 400, "content"},
		{"a preview without language", preview, `{"content":"echo","args":{}}`, 400, "language"},
		{"a preview of an unknown language", preview, `{"content":"echo","args":{},"language":"cobol"}`, 400, "language"},
		{"a preview with arguments that are none", preview, `{"content":"echo","args":[],"language":"bash"}`, 400, "args"},
		{"a preview with a bad path", preview, `{"content":"echo","args":{},"language":"bash","path":"../x"}`, 400, "path"},
		{"a preview with an unknown field", preview, `{"content":"echo","args":{},"language":"bash","x":1}`, 400, "x"},
	} {
		headers := []string{}
		if c.name == "another type of body" {
			headers = []string{"Content-Type", "application/xml"}
		}
		r := e.ask(e.dev, "POST", c.path, c.body, headers...)
		if r.status != c.status {
			t.Errorf("%s: %d, want %d: %.300s", c.name, r.status, c.status, r.body)
			continue
		}
		p := decode[Problem](t, r)
		if p.Detail == "" || p.RequestID == "" || p.Title == "" || p.Code == "" || p.Status != r.status {
			t.Errorf("%s: the problem says too little: %+v", c.name, p)
		}
		if len(r.body) > 4000 {
			t.Errorf("%s: the problem gives the input back: %d bytes", c.name, len(r.body))
		}
		if c.place != "" && !slices.ContainsFunc(p.Errors, func(f ProblemField) bool { return f.Location == c.place }) {
			t.Errorf("%s: no error at %s: %+v", c.name, c.place, p.Errors)
		}
	}
	if h := decode[[]ScriptHistory](t, e.must(200, e.dev, "GET", "/api/w/main/scripts/history/p/f/a/b", nil)); len(h) != 1 {
		t.Errorf("something was written: %+v", h)
	}
	if paths := decode[[]string](t, e.must(200, e.dev, "GET", "/api/w/main/scripts/list_paths", nil)); len(paths) != 1 {
		t.Errorf("something was written: %v", paths)
	}
	for _, id := range []string{"x", "0193a5b0-0000-7000-8000-00000000000", "0193A5B0-0000-7000-8000-000000000000"} {
		e.must(400, e.dev, "GET", "/api/w/main/jobs_u/get/"+id, nil)
	}
	e.must(404, e.dev, "GET", "/api/w/main/jobs_u/get/0193a5b0-0000-7000-8000-000000000000", nil)
	for _, query := range []string{
		"status=done", "job_kinds=poem", "before=x", "limit=0.5", "created_after=now", "created_after=0000-01-01T00:00:00Z", "success=maybe",
		"parent_job=x", "script_hash=x", "args={}", "parent_job=0193a5b0-0000-7000-8000-000000000000&has_null_parent=true", "worker=" + strings.Repeat("x", 2000),
	} {
		e.must(400, e.dev, "GET", "/api/w/main/jobs/list?"+query, nil)
	}
	for _, query := range []string{"job_kinds=flow,singlestepflow", "is_skipped=true", "status=skipped"} {
		if r := e.must(200, e.dev, "GET", "/api/w/main/jobs/list?"+query, nil); strings.TrimSpace(r.body) != "[]" {
			t.Errorf("?%s lists %s", query, r.body)
		}
	}
}

// TestNothingBreaksTheServer mutates every parameter and every field of every operation of the document.
func TestNothingBreaksTheServer(t *testing.T) { onBoth(t, nothingBreaksTheServer) }

func nothingBreaksTheServer(t *testing.T) {
	e := newEnv(t)
	hash := e.script(e.dev, "f/x/y", "n=\"$1\"\necho $n")
	job := e.must(201, e.dev, "POST", "/api/w/main/jobs/run/p/f/x/y", `{"n":"1"}`).body
	doc := readDocument(t)
	values := []any{
		nil, true, 1, -1, 1.5, 1e18, "", "x", "\x00", "\u202e", "../..", strings.Repeat("a", 3000),
		[]any{},
		[]any{nil, 1},
		map[string]any{},
		map[string]any{"a": map[string]any{"b": []any{}}},
		"2026-01-01T00:00:00Z", "true", "'; drop table job; --",
	}
	texts := []string{
		"", "x", "-1", "0", "1", "1.5", "99999999999999999999", "true", "%00", "%ff", "%0d%0aX:%201", "..%2f..", "%F0%9F%98%80", "a,b,,c",
		url.QueryEscape(strings.Repeat("a", 3000)), "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "'%20or%201=1", job, hash,
	}
	asked := 0
	try := func(method, path string, body any, headers ...string) {
		t.Helper()
		asked++
		if strings.Contains(path, "/events") || strings.Contains(path, "_sse") || strings.Contains(path, "run_and_stream") || strings.Contains(path, "wait_result") {
			return // these wait; what they read is read by their sisters in the same way
		}
		r := e.ask(e.dev, method, path, body, headers...)
		if r.status >= 500 {
			t.Errorf("%s %.200s with %.200v: %d %s", method, path, body, r.status, r.body)
		}
	}
	for _, o := range doc {
		if o.path == "/api/auth/logout" || strings.Contains(o.path, "setpassword") {
			continue // would end the session that asks
		}
		good := strings.NewReplacer("{workspace}", "main", "{path}", "f/x/y", "{hash}", hash, "{id}", job, "{token_prefix}", "tmses_nobo").Replace(o.path)
		for _, p := range o.parameters {
			for _, v := range texts {
				switch p.In {
				case "query":
					try(o.method, good+"?"+p.Name+"="+v, o.sample())
				case "path":
					at := strings.NewReplacer("{"+p.Name+"}", v, "{workspace}", "main", "{path}", "f/x/y", "{hash}", hash, "{id}", job, "{token_prefix}", "tmses_nobo").Replace(o.path)
					if p.Name == "token_prefix" && len(v) < 10 || v == "" {
						continue
					}
					try(o.method, at, o.sample())
				case "header":
					if !strings.Contains(v, "%") {
						try(o.method, good, o.sample(), p.Name, v)
					}
				}
			}
		}
		if o.body == nil {
			continue
		}
		for _, raw := range []string{"", "{", "null", "[]", "\"x\"", "1", "{}", "\xff", strings.Repeat("{\"a\":", 20000), `{"a":1,"a":2}`} {
			try(o.method, good, raw)
			try(o.method, good, raw, "Content-Type", "text/plain")
			try(o.method, good, raw, "Content-Type", "multipart/form-data; boundary=x")
			try(o.method, good, raw, "Content-Type", "application/x-www-form-urlencoded")
			try(o.method, good, raw, "Content-Type", ";;;")
			try(o.method, good, raw, "Content-Encoding", "zstd")
		}
		for name := range o.body {
			for _, v := range values {
				sample := o.sample()
				sample[name] = v
				if fmt.Sprint(v) == "\x00" && name == "content" {
					sample[name] = "echo \x00"
				}
				try(o.method, good, sample)
			}
		}
	}
	t.Logf("%d requests", asked)
	e.must(200, e.dev, "GET", "/api/users/whoami", nil)
}

// documented is an operation as the document tells it.
type documented struct {
	method, path string
	parameters   []struct{ Name, In string }
	body         map[string]any // fields of a JSON body
}

// sample is a body that is almost right.
func (o documented) sample() map[string]any {
	if o.body == nil {
		return nil
	}
	out := map[string]any{}
	for name, v := range map[string]any{
		"path": "f/x/new", "content": "echo", "language": "bash", "email": "x@example.com", "password": "p", "id": "w",
		"name": "w", "token": "x", "args": map[string]any{}, "old_password": "x",
	} {
		if _, ok := o.body[name]; ok {
			out[name] = v
		}
	}
	return out
}

func readDocument(t *testing.T) (out []documented) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref        string `json:"$ref"`
						Properties map[string]any
						Type       any
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths {
		for method, o := range item {
			d := documented{method: strings.ToUpper(method), path: path, parameters: o.Parameters}
			if content, ok := o.RequestBody.Content["application/json"]; ok {
				d.body = content.Schema.Properties
				if name := strings.TrimPrefix(content.Schema.Ref, "#/components/schemas/"); name != "" {
					d.body = doc.Components.Schemas[name].Properties
				}
				if d.body == nil {
					d.body = map[string]any{}
				}
			}
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b documented) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	if len(out) < 50 {
		t.Fatalf("the document has %d operations", len(out))
	}
	return out
}

func TestAForeignWorkspaceIsNotThere(t *testing.T) { onBoth(t, aForeignWorkspaceIsNotThere) }

func aForeignWorkspaceIsNotThere(t *testing.T) {
	e := newEnv(t)
	hash := e.script(e.dev, "f/x/y", "echo")
	job := e.must(201, e.dev, "POST", "/api/w/main/jobs/run/p/f/x/y", nil).body
	for _, o := range readDocument(t) {
		if !strings.Contains(o.path, "{workspace}") {
			continue
		}
		fill := func(workspace string) string {
			return strings.NewReplacer("{workspace}", workspace, "{path}", "f/x/y", "{hash}", hash, "{id}", job).Replace(o.path)
		}
		if r := e.ask(e.outsider, o.method, fill("main"), o.sample()); r.status != 404 && r.status != 403 {
			t.Errorf("%s %s by an outsider: %d %s", o.method, o.path, r.status, r.body)
		}
		// The objects of another workspace are not found through one's own. The audit log is closed before anything is looked up.
		if strings.Contains(o.path, "{id}") || strings.Contains(o.path, "{hash}") {
			if r := e.ask(e.outsider, o.method, fill("elsewhere"), o.sample()); r.status != 404 && (r.status != 403 || !strings.Contains(o.path, "/audit/")) {
				t.Errorf("%s %s by its id from elsewhere: %d %s", o.method, o.path, r.status, r.body)
			}
		}
	}
}
