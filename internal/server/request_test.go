package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tidemill/tidemill/internal/telemetry"
)

func TestOnlyTrustedProxiesNameTheClient(t *testing.T) {
	t.Parallel()
	proxies := []string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"}
	for _, tc := range []struct {
		peer    string
		forward []string
		want    string
	}{
		{"203.0.113.5:99", []string{"198.51.100.1"}, "203.0.113.5:99"}, // a stranger says he is somebody else
		{"10.1.2.3:99", nil, "10.1.2.3:0"},
		{"10.1.2.3:99", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"10.1.2.3:99", []string{"127.0.0.1, 198.51.100.1, 192.0.2.7"}, "198.51.100.1:0"}, // the client wrote the first
		{"10.1.2.3:99", []string{"127.0.0.1", "198.51.100.1"}, "198.51.100.1:0"},
		{"10.1.2.3:99", []string{"198.51.100.1, nonsense"}, "10.1.2.3:0"},
		{"[fd00::1]:99", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"[::ffff:10.0.0.1]:99", []string{"::ffff:198.51.100.1"}, "198.51.100.1:0"},
	} {
		got := ""
		h := behind(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = tc.peer
		r.Header["X-Forwarded-For"] = tc.forward
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != tc.want {
			t.Errorf("%s %q: got %s, want %s", tc.peer, tc.forward, got, tc.want)
		}
	}
}

func TestEveryRequestHasAnId(t *testing.T) {
	t.Parallel()
	for given, kept := range map[string]bool{"abc-1": true, "": false, "a b\n": false} {
		var inside, below string
		h := named(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			inside, below = telemetry.Request(r.Context()), r.Header.Get("X-Request-Id")
		}))
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("X-Request-Id", given)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header().Get("X-Request-Id")
		if got == "" || got != inside || got != below || (got == given) != kept {
			t.Errorf("%q: %q, %q, %q", given, got, inside, below)
		}
	}
}
