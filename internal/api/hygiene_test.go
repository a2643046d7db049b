package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/perm"
)

func TestAPanicIsAnAnswerAndALogEntry(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := &server{Deps: Deps{Log: slog.New(slog.NewTextHandler(&log, nil)), MaxBody: 1 << 20}, mux: http.NewServeMux()}
	s.mount([]operation{op("GET", "/api/x", "x", perm.Open, "x", func(*server, context.Context, *none) (*yes, error) { panic("ouch") })})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/api/x", nil)
	r.Header.Set("X-Request-Id", "abc-123")
	s.ServeHTTP(w, r)
	if w.Code != 500 || w.Header().Get("Content-Type") != problemType || strings.Contains(w.Body.String(), "ouch") || !strings.Contains(w.Body.String(), "abc-123") {
		t.Errorf("the answer is %d %v %s", w.Code, w.Header(), w.Body)
	}
	if !strings.Contains(log.String(), "ouch") || !strings.Contains(log.String(), "abc-123") || !strings.Contains(log.String(), "hygiene_test.go") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestTheAccessLogHasNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := build(Deps{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", "/api/version?token=tmpat_secret1&payload=secret2", nil),
		httptest.NewRequest("POST", "/api/auth/logout", strings.NewReader("secret3")),
	} {
		r.Header.Set("Authorization", "Basic secret4")
		r.Header.Set("Cookie", "token=secret5")
		r.Header.Set("X-Request-Id", "bad\nid secret6")
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "/api/version") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestEveryAnswerHasTheHeadersThatProtectIt(t *testing.T) {
	t.Parallel()
	ui := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("ui " + r.URL.Path)) })
	s := build(Deps{UI: ui})
	for path, status := range map[string]int{"/api/version": 200, "/api/none": 404, "/api/users/whoami": 401, "/": 200, "/w/main/x": 200, "/apix": 200} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		h := w.Header()
		if w.Code != status || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") == "" || h.Get("X-Request-Id") == "" {
			t.Errorf("GET %s: %d %v", path, w.Code, h)
		}
		if strings.HasPrefix(path, "/api/") && !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("GET %s may be framed", path)
		}
	}
	w := httptest.NewRecorder()
	build(Deps{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 404 {
		t.Errorf("without a UI, GET /: %d", w.Code)
	}
}

func TestStrangersSendLittle(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	big := `{"email":"` + strings.Repeat("x", 100<<10) + `","password":"x"}`
	e.must(http.StatusRequestEntityTooLarge, "", "POST", "/api/auth/login", big)
	e.must(http.StatusRequestEntityTooLarge, "", "POST", "/api/auth/login", gzipped(t, big), "Content-Encoding", "gzip")
}
