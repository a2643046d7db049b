// Package client calls a Tidemill server: the operations of package api, with the same types, over HTTP. Errors come back
// as they left the server: *errs.Error with kind, hint and fields.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/errs"
)

// ErrUnreachable is in the chain of errors of calls that got no answer at all.
var ErrUnreachable = errors.New("no answer")

// Options say whom to call and as whom.
type Options struct {
	URL       string // of the server: http://127.0.0.1:8000
	Token     string
	Workspace string
	Agent     string       // User-Agent
	HTTP      *http.Client // nil: one without a total timeout, because runs may take long
}

// Client calls one server as one identity, by default in one workspace. Safe for concurrent use.
type Client struct {
	base      *url.URL
	token     string
	workspace string
	agent     string
	http      *http.Client
}

// New checks the options and makes a client; it does not call anybody.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errs.New(errs.Invalid, "%q is not the address of a server", o.URL).WithHint("use one like http://127.0.0.1:8000")
	}
	if strings.ContainsAny(o.Token, " \r\n\t") {
		return nil, errs.New(errs.Invalid, "the token contains white space").WithHint("copy it again, in one piece")
	}
	c := &Client{base: base, token: o.Token, workspace: o.Workspace, agent: o.Agent, http: o.HTTP}
	if c.http == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = 0
		c.http = &http.Client{Transport: t}
	}
	return c, nil
}

// URL is the address of the server.
func (c *Client) URL() string { return c.base.String() }

// Workspace is the default workspace; "" when none was chosen.
func (c *Client) Workspace() string { return c.workspace }

// WithToken is the same client as somebody else.
func (c *Client) WithToken(token string) *Client {
	d := *c
	d.token = token
	return &d
}

// InWorkspace is the same client in another workspace.
func (c *Client) InWorkspace(id string) *Client {
	d := *c
	d.workspace = id
	return &d
}

// problem is an RFC 9457 answer as package api writes it.
type problem struct {
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	Hint      string `json:"hint"`
	RequestID string `json:"request_id"`
	Errors    []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
	} `json:"errors"`
}

// w is a path of the workspace: w("scripts", "get", "p", path).
func (c *Client) w(parts ...string) string {
	return "/api/w/" + url.PathEscape(c.workspace) + "/" + strings.Join(parts, "/")
}

// send makes a call and returns the answer when its status is 2xx.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	u := *c.base
	u.Path = strings.TrimRight(u.Path, "/") + path
	u.RawPath = ""
	u.RawQuery = query.Encode()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case json.RawMessage:
		r = bytes.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), r)
	if err != nil {
		return nil, err
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("User-Agent", c.agent)
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errs.Wrap(errs.Unavailable, errors.Join(ErrUnreachable, err), "the server at %s does not answer", c.base).
			WithHint("is it running? start one with: tidemill start")
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, readProblem(res)
}

// readProblem turns an answer that is not 2xx into an error.
func readProblem(res *http.Response) error {
	data, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	var p problem
	if json.Unmarshal(data, &p) != nil || p.Code == "" {
		kind := errs.Internal
		switch res.StatusCode {
		case http.StatusUnauthorized:
			kind = errs.Unauthenticated
		case http.StatusForbidden:
			kind = errs.Forbidden
		case http.StatusNotFound:
			kind = errs.NotFound
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			kind = errs.Unavailable
		}
		text := strings.TrimSpace(string(data))
		if len(text) > 300 || strings.HasPrefix(text, "<") {
			text = "no Tidemill answered at this address"
		}
		return errs.New(kind, "%s: %s", res.Status, text)
	}
	e := errs.New(errs.Kind(p.Code), "%s", firstOf(p.Detail, p.Title))
	e.Hint = p.Hint
	for _, f := range p.Errors {
		e.WithField(f.Location, "%s", f.Message)
	}
	if e.Kind == errs.Internal && p.RequestID != "" {
		e.Hint = "the server's log has more under request id " + p.RequestID
	}
	if e.Kind == errs.Unauthenticated && e.Hint == "" {
		e.Hint = "sign in with: tidemill login"
	}
	return e
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// get, post and the rest decode the answer into out: a *string takes plain text, a *json.RawMessage the bytes, anything
// else JSON; nil throws it away.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, out any) error {
	res, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return errs.Wrap(errs.Unavailable, errors.Join(ErrUnreachable, err), "the answer of the server broke off")
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *json.RawMessage:
		*out = data
		return nil
	case *string:
		if text, err := unquote(data); err == nil {
			*out = text
			return nil
		}
		*out = strings.TrimSpace(string(data))
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return errs.Wrap(errs.Internal, err, "the server's answer to %s %s cannot be read", method, path).
			WithHint("is the server of another version? compare tidemill --version with %s/api/version", c.base)
	}
	return nil
}

func unquote(data []byte) (string, error) {
	var s string
	err := json.Unmarshal(data, &s)
	return s, err
}

// sse reads a stream of server-sent events until fn returns an error (returned as it is), the server ends it (nil), or ctx
// ends. Comments are skipped.
func (c *Client) sse(ctx context.Context, path string, query url.Values, fn func(event string, data []byte) error) error {
	res, err := c.send(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return readSSE(res.Body, fn)
}

const version = "/api/version"

// Version asks the server for its version; the cheapest call there is.
func (c *Client) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var v string
	if err := c.call(ctx, http.MethodGet, version, nil, nil, &v); err != nil {
		return "", err
	}
	if v == "" || strings.HasPrefix(v, "<") {
		return "", fmt.Errorf("%s%s did not answer as Tidemill does", c.base, version)
	}
	return v, nil
}
