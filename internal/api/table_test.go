package api

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/perm"
)

var update = flag.Bool("update", false, "write docs/openapi.json")

const committed = "../../docs/openapi.json"

func TestTheDocumentIsCommitted(t *testing.T) {
	got := OpenAPI()
	if *update {
		if err := os.WriteFile(committed, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/openapi.json is not what the operations say: run go test ./internal/api -update")
	}
	if again := OpenAPI(); !bytes.Equal(got, again) {
		t.Error("the document differs from one time to the next")
	}
}

// open are the operations that anybody may call.
var open = []string{
	"GET /api/version", "GET /api/openapi.json", "GET /api/health/status", "GET /healthz", "GET /readyz",
	"POST /api/auth/login", "GET /api/auth/welcome", "POST /api/auth/welcome",
}

func TestEveryOperationNamesAPermission(t *testing.T) {
	ids := map[string]bool{}
	for _, o := range operations() {
		name := o.Method + " " + o.Path
		if o.Permission.Level < perm.Public {
			t.Errorf("%s names no permission", name)
		}
		if public := o.Permission.Level == perm.Public; public != slices.Contains(open, name) {
			t.Errorf("%s: open to everybody is %t, the list says otherwise", name, public)
		}
		if o.Permission.Level > perm.Public && (o.Permission.Domain == "" || o.Permission.Action == "") {
			t.Errorf("%s: its permission names no domain and action, so that no token can be limited to it", name)
		}
		if strings.Contains(o.Path, "{workspace}") != (o.Permission.Level >= perm.Member && o.Permission.Level < perm.Superadmin) {
			t.Errorf("%s: its permission and its path disagree on whether it is in a workspace", name)
		}
		if ids[o.ID] || o.ID == "" || o.Summary == "" {
			t.Errorf("%s: the id %q is empty or not unique, or the summary is missing", name, o.ID)
		}
		ids[o.ID] = true
	}
}

func TestAnOperationWithoutPermissionDoesNotStart(t *testing.T) {
	defer func() {
		if v := recover(); v == nil || !strings.Contains(v.(string), "names no permission") {
			t.Errorf("mounting it gave %v", v)
		}
	}()
	s := &server{mux: http.NewServeMux()}
	s.mount([]operation{op("GET", "/api/x", "x", perm.Permission{}, "x", func(*server, context.Context, *none) (*yes, error) { return &yes{}, nil })})
}

func TestEveryRouteIsAnOperation(t *testing.T) {
	s := build(Deps{})
	known := map[string]bool{}
	for _, o := range operations() {
		known[o.Method+" "+pattern(o.Path)] = true
		r := httptest.NewRequest(o.Method, example(o.Path), nil)
		if _, got := s.mux.Handler(r); got != o.Method+" "+pattern(o.Path) {
			t.Errorf("%s %s is served by %q", o.Method, example(o.Path), got)
		}
	}
	api := s.mount0(t)
	for path, item := range api.OpenAPI().Paths {
		for method, o := range map[string]*huma.Operation{
			"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete,
			"PATCH": item.Patch, "HEAD": item.Head, "OPTIONS": item.Options, "TRACE": item.Trace,
		} {
			if o != nil && !known[method+" "+pattern(path)] {
				t.Errorf("%s %s is in the document and no operation", method, path)
			}
		}
	}
	for _, path := range []string{"/docs", "/api/docs", "/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/schemas/Job.json", "/api/schemas/Job.json"} {
		if _, got := s.mux.Handler(httptest.NewRequest("GET", path, nil)); got != "" {
			t.Errorf("GET %s is served by %q and no operation", path, got)
		}
	}
}

// mount0 mounts the table once more, on a mux of its own.
func (s *server) mount0(*testing.T) huma.API {
	other := &server{Deps: s.Deps, mux: http.NewServeMux()}
	return other.mount(operations())
}

// example fills the parameters of a path.
func example(path string) string {
	return strings.NewReplacer("{workspace}", "main", "{path}", "f/x/y", "{hash}", "0123456789abcdef",
		"{id}", "0193a5b0-0000-7000-8000-000000000000", "{token_prefix}", "tmpat_abcd", "{name}", "x", "{kind}", "script").Replace(path)
}

func TestNothingIsServedToNobody(t *testing.T) {
	s := build(Deps{})
	for _, o := range operations() {
		if slices.Contains(open, o.Method+" "+o.Path) {
			continue
		}
		for _, body := range []string{"", "{}", "[", strings.Repeat("x", 100)} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(o.Method, example(o.Path), strings.NewReader(body)))
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s without credentials and with the body %.10q: %d %s", o.Method, o.Path, body, w.Code, w.Body)
			}
			if w.Header().Get("Content-Type") != problemType || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s: the refusal is not a problem: %v", o.Method, o.Path, w.Header())
			}
		}
	}
}

func TestURLsThatCanBeReadTwoWaysAreRefused(t *testing.T) {
	s := build(Deps{})
	for path, want := range map[string]int{
		"/api/w/main/scripts/get/p/f/../x":         400,
		"/api/w/main/scripts/get/p/f/%2e%2e/x":     400,
		"/api/w/main/scripts/get/p/f%2F..%2Fx":     400,
		"/api/w/main/scripts/get/p/f//x":           400,
		"/api/w/main/scripts/get/p/f/a%00b/c":      400,
		"/api/w/main/scripts/get/p/f/a%0ab/c":      400,
		"/api/w/main/scripts/get/p/f/%ff/c":        400,
		"/api/./version":                           400,
		"/api/nothing":                             404,
		"/api":                                     404,
		"/api/version/":                            404,
		"/api/version":                             200,
		"/api/w/main/scripts/get/p/f%2Ffolder%2Fx": 401,
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		if err := setURL(r, path); err != nil {
			t.Fatal(err)
		}
		s.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("GET %s: %d, want %d: %s", path, w.Code, want, w.Body)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("DELETE", "/api/version", nil))
	if w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Header().Get("Allow"), "GET") || w.Header().Get("Content-Type") != problemType {
		t.Errorf("DELETE /api/version: %d %v %s", w.Code, w.Header(), w.Body)
	}
}

func setURL(r *http.Request, path string) (err error) {
	r.URL, err = r.URL.Parse(path)
	if err == nil { // Parse resolves dots, which a hostile client does not
		r.URL.RawPath = path
		r.URL.Path, err = unescape(path)
	}
	return err
}

func unescape(path string) (string, error) { return url.PathUnescape(path) }
