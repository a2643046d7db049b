package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

const (
	sessionCookie = "token"
	csrfHeader    = "X-Tidemill-CSRF"
	requestHeader = "X-Request-Id"

	openBody = 64 << 10        // bytes of a body from somebody who is not signed in
	bodyTime = 5 * time.Minute // for a body to arrive
)

// call is one request on its way through the server.
type call struct {
	r         *http.Request
	w         *recorder
	id        string
	maxBody   int64
	operation *operation // nil until one matched
	who       domain.Identity
	secret    string // the credential that was used, to look again during a stream
	status    int    // replaces huma's when it is not 0
}

type callKey struct{}

// callOf is the request that ctx belongs to.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return &call{}
	}
	return c
}

func (c *call) name() string {
	if c.operation == nil {
		return ""
	}
	return c.operation.ID
}

func (c *call) tooLarge() error {
	e := errs.New(errs.TooLarge, "the body of the request is larger than %d bytes", c.maxBody)
	if c.maxBody == openBody {
		return e.WithHint("nothing that this operation takes is that large")
	}
	return e.WithHint("send less, or raise the setting max-body of the server (--max-body, TIDEMILL_MAX_BODY)")
}

// viewer is on whose behalf the store filters.
func (c *call) viewer() store.Viewer {
	return store.Viewer{Workspace: c.who.Workspace, Username: c.who.Username, All: c.who.Admin()}
}

// ServeHTTP is the way of every request: an id, a log line, a safe path, the operation or the UI.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	c := &call{id: requestID(r), maxBody: s.MaxBody, w: &recorder{ResponseWriter: w}}
	r = r.WithContext(origin(context.WithValue(r.Context(), callKey{}, c), c, r))
	c.r = r
	h := c.w.Header()
	h.Set(requestHeader, c.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	defer func() {
		if v := recover(); v != nil {
			s.panicked(c, v)
		}
		s.logRequest(c, began)
	}()
	if !isAPI(r.URL.Path) {
		if s.UI == nil {
			s.writeProblem(c, errs.New(errs.NotFound, "this server has no user interface").WithHint("the API is under /api"))
			return
		}
		s.UI.ServeHTTP(c.w, r)
		return
	}
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	if err := checkURL(r); err != nil {
		s.writeProblem(c, err)
		return
	}
	if err := decompress(r); err != nil {
		s.writeProblem(c, err)
		return
	}
	if _, matched := s.mux.Handler(r); matched == "" {
		s.unmatched(c)
		return
	}
	s.mux.ServeHTTP(c.w, r)
}

func isAPI(path string) bool {
	return path == "/api" || strings.HasPrefix(path, "/api/") || path == "/healthz" || path == "/readyz"
}

// requestID takes the caller's id when it is harmless, so that a proxy's log and ours agree.
func requestID(r *http.Request) string {
	given := r.Header.Get(requestHeader)
	if given == "" || len(given) > 64 {
		return id.New()
	}
	for _, b := range []byte(given) {
		if b != '-' && b != '_' && b != '.' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			return id.New()
		}
	}
	return given
}

// checkURL refuses paths that different readers could read differently. The mux would redirect some of them, and a
// redirected POST is lost.
func checkURL(r *http.Request) error {
	bad := func(why string) error {
		return errs.New(errs.Invalid, "the path of the URL is not valid: it %s", why)
	}
	path := r.URL.Path
	if !utf8.ValidString(path) {
		return bad("is not UTF-8")
	}
	for _, c := range path {
		if c < 0x20 || c == 0x7f {
			return bad("has a control character")
		}
	}
	for i, part := range strings.Split(path, "/") {
		if part == "." || part == ".." {
			return bad("has a part " + part)
		}
		if part == "" && i > 0 && i < strings.Count(path, "/") {
			return bad("has an empty part")
		}
	}
	return nil
}

// unmatched answers for what is no operation, in our words rather than the mux's.
func (s *server) unmatched(c *call) {
	probe := &probe{header: http.Header{}}
	handler, _ := s.mux.Handler(c.r)
	handler.ServeHTTP(probe, c.r)
	if probe.status == http.StatusMethodNotAllowed {
		allow := probe.header.Get("Allow")
		c.w.Header().Set("Allow", allow)
		p := s.problem(c.r.Context(), errs.New(errs.Invalid, "%s is not a method of this path", c.r.Method).WithHint("use %s", allow))
		p.Status, p.Title = http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed)
		s.send(c, p)
		return
	}
	s.writeProblem(c, errs.New(errs.NotFound, "there is no operation at this path").WithHint("see /api/openapi.json"))
}

// probe asks the mux what it would answer.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

// panicked answers 500 for a bug of ours; the log has the stack, the answer has the id to find it by.
func (s *server) panicked(c *call, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	s.Log.Error("panic in a request", "request", c.id, "operation", c.name(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if c.w.status == 0 {
		s.writeProblem(c, errs.New(errs.Internal, "something went wrong on our side").
			WithHint("tell an administrator of the server the request id %s", c.id))
	}
}

// logRequest writes the access log: never a query, a header or a body, which may hold secrets.
func (s *server) logRequest(c *call, began time.Time) {
	s.Log.Debug("request", "request", c.id, "method", c.r.Method, "path", c.r.URL.Path, "operation", c.name(),
		"status", c.w.status, "bytes", c.w.written, "took", time.Since(began), "by", c.who.Email, "address", c.r.RemoteAddr)
}

// decompress puts a reader in front of a compressed body. How much may come out is bounded where bodies are read, by the
// same limit as for plain ones, so a bomb costs no more than a large request.
func decompress(r *http.Request) error {
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return nil
	case "gzip":
		r.Body = &lazyReader{under: r.Body, open: func(under io.Reader) (io.Reader, error) { return gzip.NewReader(under) }}
	case "zstd":
		r.Body = &lazyReader{under: r.Body, open: func(under io.Reader) (io.Reader, error) {
			return zstd.NewReader(under, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		}}
	default:
		return errs.New(errs.Invalid, "bodies encoded as %.40q cannot be read", encoding).WithHint("use gzip, zstd or none")
	}
	r.Header.Del("Content-Encoding")
	r.ContentLength = -1
	return nil
}

// lazyReader opens the decompressor with the first read, after the caller has been admitted.
type lazyReader struct {
	under  io.ReadCloser
	open   func(io.Reader) (io.Reader, error)
	reader io.Reader
	err    error
}

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.reader == nil && l.err == nil {
		l.reader, l.err = l.open(l.under)
	}
	if l.err != nil {
		return 0, l.err
	}
	return l.reader.Read(p)
}

func (l *lazyReader) Close() error {
	if d, ok := l.reader.(*zstd.Decoder); ok {
		d.Close()
	}
	return l.under.Close()
}

// authenticate finds out who calls: a bearer token, else the session cookie, else ?token= where that is allowed.
func (s *server) authenticate(c *call, workspace string) error {
	secret, cookie := credential(c.r, c.operation.tokenQuery)
	if secret == "" {
		return errs.New(errs.Unauthenticated, "nobody is signed in").
			WithHint("sign in, or send a token as 'Authorization: Bearer …'")
	}
	if cookie && !s.mayUseCookie(c) {
		return errs.New(errs.Forbidden, "a request that changes something with a cookie needs the header %s: 1", csrfHeader).
			WithHint("send the header, or a token as 'Authorization: Bearer …'")
	}
	who, err := s.Accounts.Authenticate(c.r.Context(), secret, workspace)
	if err != nil {
		return err
	}
	c.who, c.secret = who, secret
	return nil
}

// credential finds the secret of a request and whether the browser sent it by itself.
func credential(r *http.Request, query bool) (secret string, cookie bool) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "bearer") {
			return strings.TrimSpace(token), false
		}
		return "", false
	}
	if query {
		if token := r.URL.Query().Get("token"); token != "" {
			return token, false
		}
	}
	if k, err := r.Cookie(sessionCookie); err == nil {
		return k.Value, true
	}
	return "", false
}

// mayUseCookie says whether a cookie is enough: for reading always; for changing only from our own pages, because a
// browser sends the cookie along with what other sites make it ask.
func (s *server) mayUseCookie(c *call) bool {
	if c.operation.changes { // a link on another site is enough to make a browser send a GET
		return c.r.Header.Get(csrfHeader) == "1" || c.r.Header.Get("Sec-Fetch-Site") == "same-origin"
	}
	return readOnly(c.r.Method) || fromOurPage(c.r)
}

func readOnly(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// fromOurPage says whether a cookie came from our own pages: a page of another site cannot set a header without asking
// first. Programs that carry the cookie themselves, as Windmill's CLI does, are no browsers and send neither Origin nor
// Sec-Fetch-Site, which every browser sends with a request that changes something.
func fromOurPage(r *http.Request) bool {
	if r.Header.Get(csrfHeader) == "1" || r.Header.Get("X-Windmill-Client") != "" {
		return true
	}
	return r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == ""
}

// readUntil limits how long the body may take. The limit must be lifted before the handler waits for anything else: when
// it passes, the server takes the caller for gone.
func (c *call) readUntil(deadline time.Time) {
	_ = http.NewResponseController(c.w).SetReadDeadline(deadline) // recorders of tests have none
}

// readBody reads the body of an operation that does so itself.
func (c *call) readBody() ([]byte, error) {
	if c.r.ContentLength > c.maxBody {
		return nil, c.tooLarge()
	}
	c.readUntil(time.Now().Add(bodyTime))
	defer c.readUntil(time.Time{})
	// One read more than the limit tells a body that is too long from one that is just as long.
	body := io.LimitReader(c.r.Body, c.maxBody+1)
	var data []byte
	var err error
	if n := c.r.ContentLength; n >= 0 {
		data = make([]byte, n)
		_, err = io.ReadFull(body, data)
	} else {
		data, err = io.ReadAll(body)
	}
	if err != nil {
		if c.r.Context().Err() != nil {
			return nil, errs.New(errs.Canceled, "the request was canceled")
		}
		if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
			return nil, errs.Wrap(errs.Timeout, err, "the body of the request did not arrive in time")
		}
		return nil, errs.Wrap(errs.Invalid, err, "the body of the request cannot be read")
	}
	if int64(len(data)) > c.maxBody {
		return nil, c.tooLarge()
	}
	return data, nil
}

// recorder notes what is answered. It passes on what streams need.
type recorder struct {
	http.ResponseWriter
	status  int
	written int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find Flush and the deadlines.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush and Hijack are for handlers of the UI that ask for the interfaces, such as a development proxy.
func (w *recorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}
