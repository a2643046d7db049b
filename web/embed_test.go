package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func build(t *testing.T) fs.FS {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("console.log(1)"))
	_ = z.Close()
	return fstest.MapFS{
		"index.html":          {Data: []byte(`<meta property="csp-nonce" nonce="__CSP_NONCE__"><div id="root"></div>`)},
		".keep":               {},
		"theme.js":            {Data: []byte("0")},
		"assets/a-1234.js":    {Data: []byte("console.log(1)")},
		"assets/a-1234.js.gz": {Data: packed.Bytes()},
	}
}

func get(t *testing.T, h http.Handler, method, address string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, address, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPagesOfTheBrowserGetTheIndexWithTheirOwnNonce(t *testing.T) {
	h := handler(build(t))
	nonceOf := regexp.MustCompile(`nonce="([^"]+)"`)
	seen := map[string]bool{}
	for _, address := range []string{"/", "/w/main/runs", "/welcome?token=x", "/../../etc/passwd"} {
		r := get(t, h, "GET", address)
		text := body(t, r)
		m := nonceOf.FindStringSubmatch(text)
		if r.StatusCode != 200 || m == nil || m[1] == noncePlaceholder {
			t.Fatalf("%s: status %d, body %q", address, r.StatusCode, text)
		}
		policy := r.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "'nonce-"+m[1]+"'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q does not go with nonce %q", address, policy, m[1])
		}
		if !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'self'") {
			t.Errorf("%s: policy %q", address, policy)
		}
		if seen[m[1]] {
			t.Errorf("%s: the nonce was used before", address)
		}
		seen[m[1]] = true
	}
}

func TestAKnownIndexIsNotSentAgainAndKeepsItsPolicy(t *testing.T) {
	h := handler(build(t))
	tag := get(t, h, "GET", "/").Header.Get("ETag")
	r := get(t, h, "GET", "/w/main", "If-None-Match", `"other", W/`+tag)
	if r.StatusCode != http.StatusNotModified || body(t, r) != "" {
		t.Fatalf("status %d", r.StatusCode)
	}
	if p := r.Header.Get("Content-Security-Policy"); p != "" {
		t.Errorf("a new policy %q would not fit the nonce in the browser's copy", p)
	}
}

func TestHashedFilesAreImmutableAndSentCompressed(t *testing.T) {
	h := handler(build(t))
	r := get(t, h, "GET", "/assets/a-1234.js", "Accept-Encoding", "br;q=0, gzip;q=0.5")
	if r.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
		t.Fatalf("headers %v", r.Header)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(z); string(b) != "console.log(1)" {
		t.Errorf("got %q", b)
	}
	plain := get(t, h, "GET", "/assets/a-1234.js", "Accept-Encoding", "gzip;q=0")
	if plain.Header.Get("Content-Encoding") != "" || body(t, plain) != "console.log(1)" {
		t.Errorf("a client that refuses gzip got %v", plain.Header)
	}
	if plain.Header.Get("ETag") == r.Header.Get("ETag") {
		t.Error("two encodings share an ETag")
	}
	if c := get(t, h, "GET", "/theme.js").Header.Get("Cache-Control"); c != "no-cache" {
		t.Errorf("a file without a hash has Cache-Control %q", c)
	}
}

func TestMissingAssetsAndTheAPIAreNotAnsweredWithAPage(t *testing.T) {
	h := handler(build(t))
	for _, address := range []string{"/assets/gone.js", "/assets/a-1234.js.gz", "/api/nothing", "/api"} {
		if r := get(t, h, "GET", address); r.StatusCode != 404 || strings.Contains(body(t, r), "root") {
			t.Errorf("%s: status %d", address, r.StatusCode)
		}
	}
}

func TestOnlyReadingIsAnswered(t *testing.T) {
	h := handler(build(t))
	if r := get(t, h, "POST", "/"); r.StatusCode != 405 || r.Header.Get("Allow") == "" {
		t.Errorf("status %d", r.StatusCode)
	}
	if r := get(t, h, "HEAD", "/"); r.StatusCode != 200 || body(t, r) != "" || r.Header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: status %d", r.StatusCode)
	}
}

func TestWithoutABuildAPageSaysHowToGetOne(t *testing.T) {
	h := handler(fstest.MapFS{".keep": {}})
	r := get(t, h, "GET", "/w/main")
	if text := body(t, r); r.StatusCode != 503 || !strings.Contains(text, "make build") {
		t.Errorf("status %d, %q", r.StatusCode, text)
	}
}

func TestTheEmbeddedFilesLoad(t *testing.T) {
	if r := get(t, Handler(), "GET", "/"); r.StatusCode != 200 && r.StatusCode != 503 {
		t.Errorf("status %d", r.StatusCode)
	}
}
