// Package web hands the built UI to the server: the files of dist, which the build compressed beforehand, under a strict
// content policy. Without a build it serves one plain page that says how to get one.
package web

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// noncePlaceholder stands in the built index.html (vite.config.ts) where the page's own nonce goes.
const noncePlaceholder = "__CSP_NONCE__"

// Handler serves the UI: files of the build under their names, and index.html for every other address, because the pages
// are routes of the browser. Files with a hash in their name are immutable; the rest is asked for anew by its ETag.
// It answers GET and HEAD only, and never an address under /api/.
func Handler() http.Handler {
	sub, err := fs.Sub(dist, "dist")
	if err != nil { // not possible: the folder is embedded above
		return unbuilt()
	}
	return handler(sub)
}

func handler(files fs.FS) http.Handler {
	u, err := load(files)
	if err != nil {
		return unbuilt()
	}
	return u
}

// ui is a build in memory, ready to be sent.
type ui struct {
	index     []byte
	indexETag string
	files     map[string]file // by address, "/assets/x.js"
}

type file struct {
	kind      string // content type
	etag      string
	immutable bool
	plain     []byte
	packed    map[string][]byte // by content encoding
}

// encodings in the order of preference, with the suffix the build gives each.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

func load(files fs.FS) (*ui, error) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("web: the build has no index.html: %w", err)
	}
	u := &ui{index: index, indexETag: etag(index), files: map[string]file{}}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if name == "index.html" || name == ".keep" || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			return nil
		}
		plain, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		f := file{kind: contentType(name), etag: etag(plain), immutable: strings.HasPrefix(name, "assets/"), plain: plain}
		for _, e := range encodings {
			if packed, err := fs.ReadFile(files, name+e.suffix); err == nil {
				if f.packed == nil {
					f.packed = map[string][]byte{}
				}
				f.packed[e.name] = packed
			}
		}
		u.files["/"+name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: the build cannot be read: %w", err)
	}
	return u, nil
}

func (u *ui) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !readOnly(w, r) {
		return
	}
	address := path.Clean("/" + r.URL.Path)
	if f, ok := u.files[address]; ok {
		f.serve(w, r)
		return
	}
	// A missing asset of an older build must not be answered with a page: the browser would run it as a script.
	if strings.HasPrefix(address, "/assets/") || address == "/api" || strings.HasPrefix(address, "/api/") {
		harden(w.Header())
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	u.serveIndex(w, r)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	harden(h)
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, tag := f.plain, f.etag
	for _, e := range encodings {
		if packed, ok := f.packed[e.name]; ok && accepts(r.Header.Get("Accept-Encoding"), e.name) {
			body, tag = packed, strings.TrimSuffix(f.etag, `"`)+"-"+e.name+`"`
			h.Set("Content-Encoding", e.name)
			break
		}
	}
	h.Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// serveIndex sends the page that starts the UI, each time with a new nonce. A browser that has it already keeps its copy
// together with the policy and nonce it came with, so 304 must not name another policy.
func (u *ui) serveIndex(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", u.indexETag)
	if matches(r.Header.Get("If-None-Match"), u.indexETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	nonce := newNonce()
	harden(h)
	h.Set("Content-Security-Policy", policy(nonce))
	h.Set("Content-Type", "text/html; charset=utf-8")
	body := bytes.ReplaceAll(u.index, []byte(noncePlaceholder), []byte(nonce))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// policy allows only what comes from this server. Style elements that parts make at run time bear the page's nonce; blob:
// and data: are results shown as images, and results shown as HTML in a frame without any right.
func policy(nonce string) string {
	return strings.Join([]string{
		"default-src 'self'",
		"script-src 'self'",
		"style-src 'self' 'nonce-" + nonce + "'",
		"img-src 'self' data: blob:",
		"font-src 'self'",
		"connect-src 'self'",
		"frame-src 'self' blob:",
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
}

// harden sets what every answer of the UI carries; pages replace the policy by their own.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// unbuilt answers when the binary was made without the UI.
func unbuilt() http.Handler {
	const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tidemill</title></head>
<body><h1>Tidemill runs, without its pages</h1>
<p>This binary was built without the web UI. In the source folder, run <code>make build</code> and start it again.
The API under <a href="/api/openapi.json">/api</a> and the command line work as they are.</p></body></html>
`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !readOnly(w, r) {
			return
		}
		harden(w.Header())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		if r.Method != http.MethodHead {
			_, _ = w.Write([]byte(page))
		}
	})
}

func readOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
	return false
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return base64.StdEncoding.EncodeToString(b[:])
}

func etag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// matches says whether an If-None-Match header names the tag, in the weak comparison of RFC 9110 13.1.2.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == tag || part == "*" {
			return true
		}
	}
	return false
}

// accepts says whether an Accept-Encoding header allows the encoding.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if !ok {
			return true
		}
		weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return err == nil && weight > 0
	}
	return false
}

// contentType is by suffix from a list of our own: the system's table differs between machines.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".json", ".map":
		return "application/json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
