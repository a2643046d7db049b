package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tidemill/tidemill/internal/errs"
)

// SignIn trades e-mail and password for a session's secret.
func (c *Client) SignIn(ctx context.Context, email, password string) (string, error) {
	var secret string
	err := c.call(ctx, http.MethodPost, "/api/auth/login", nil, map[string]string{"email": email, "password": password}, &secret)
	return secret, err
}

// SignOut ends the session of the client's token.
func (c *Client) SignOut(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/api/auth/logout", nil, nil, nil)
}

// CreateToken makes a personal token of the caller.
func (c *Client) CreateToken(ctx context.Context, label string) (string, error) {
	var secret string
	err := c.call(ctx, http.MethodPost, "/api/users/tokens/create", nil, map[string]string{"label": label}, &secret)
	return secret, err
}

// Whoami is who the client's token acts for.
func (c *Client) Whoami(ctx context.Context) (Identity, error) {
	var who Identity
	return who, c.call(ctx, http.MethodGet, "/api/users/whoami", nil, nil, &who)
}

// Workspaces lists those that the caller is a member of.
func (c *Client) Workspaces(ctx context.Context) ([]Workspace, error) {
	var out struct {
		Workspaces []Workspace `json:"workspaces"`
	}
	return out.Workspaces, c.call(ctx, http.MethodGet, "/api/workspaces/users", nil, nil, &out)
}

// Languages is the catalogue of script languages.
func (c *Client) Languages(ctx context.Context) ([]Language, error) {
	var out []Language
	return out, c.call(ctx, http.MethodGet, "/api/languages", nil, nil, &out)
}

// ScriptCreate deploys a version and returns its hash. With skipNoop a version that changes nothing is not made, and the
// hash is that of the newest one.
func (c *Client) ScriptCreate(ctx context.Context, s NewScript, skipNoop bool) (string, error) {
	q := url.Values{}
	if skipNoop {
		q.Set("skip_if_noop", "true")
	}
	var hash string
	return hash, c.call(ctx, http.MethodPost, c.w("scripts", "create"), q, s, &hash)
}

// ScriptGet is the newest version at a path.
func (c *Client) ScriptGet(ctx context.Context, path string) (Script, error) {
	var s Script
	return s, c.call(ctx, http.MethodGet, c.w("scripts", "get", "p", path), nil, nil, &s)
}

// ScriptList lists scripts, at most limit of them.
func (c *Client) ScriptList(ctx context.Context, prefix string, limit int) ([]Script, error) {
	q := url.Values{"per_page": {strconv.Itoa(limit)}}
	if prefix != "" {
		q.Set("path_start", prefix)
	}
	var out []Script
	return out, c.call(ctx, http.MethodGet, c.w("scripts", "list"), q, nil, &out)
}

// Run starts the newest version at a path and returns the job's id.
func (c *Client) Run(ctx context.Context, path string, args json.RawMessage, scheduledFor time.Time, tag string) (string, error) {
	q := url.Values{}
	if !scheduledFor.IsZero() {
		q.Set("scheduled_for", scheduledFor.UTC().Format(time.RFC3339Nano))
	}
	if tag != "" {
		q.Set("tag", tag)
	}
	var id string
	return id, c.call(ctx, http.MethodPost, c.w("jobs", "run", "p", path), q, args, &id)
}

// Preview runs code that is not deployed and returns the job's id.
func (c *Client) Preview(ctx context.Context, path, language, content string, args json.RawMessage) (string, error) {
	body := map[string]any{"content": content, "language": language, "args": args}
	if path != "" {
		body["path"] = path
	}
	var id string
	return id, c.call(ctx, http.MethodPost, c.w("jobs", "run", "preview"), nil, body, &id)
}

// Job is a job without its logs.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	var j Job
	return j, c.call(ctx, http.MethodGet, c.w("jobs_u", "get", id), url.Values{"no_logs": {"true"}}, nil, &j)
}

// Result is the result of a final job, its bytes unchanged.
func (c *Client) Result(ctx context.Context, id string) (json.RawMessage, error) {
	var r json.RawMessage
	return r, c.call(ctx, http.MethodGet, c.w("jobs_u", "completed", "get_result", id), nil, nil, &r)
}

// JobsFilter selects jobs for a list.
type JobsFilter struct {
	Path    string // prefix
	Success *bool
	Running *bool
	Limit   int
}

// Jobs lists jobs, newest first.
func (c *Client) Jobs(ctx context.Context, f JobsFilter) ([]Job, error) {
	q := url.Values{"per_page": {strconv.Itoa(f.Limit)}}
	if f.Path != "" {
		q.Set("script_path_start", f.Path)
	}
	if f.Success != nil {
		q.Set("success", strconv.FormatBool(*f.Success))
	}
	if f.Running != nil {
		q.Set("running", strconv.FormatBool(*f.Running))
	}
	var out []Job
	return out, c.call(ctx, http.MethodGet, c.w("jobs", "list"), q, nil, &out)
}

// Cancel ends a job and its process tree.
func (c *Client) Cancel(ctx context.Context, id, reason string) error {
	return c.call(ctx, http.MethodPost, c.w("jobs_u", "queue", "cancel", id), nil, map[string]string{"reason": reason}, nil)
}

// Why is the sentence that says what a job waits for, or how it ended.
func (c *Client) Why(ctx context.Context, id string) (string, error) {
	var out struct {
		Reason string `json:"reason"`
	}
	return out.Reason, c.call(ctx, http.MethodGet, c.w("jobs_u", "why", id), nil, nil, &out)
}

// Logs is the whole log of a job as it is stored.
func (c *Client) Logs(ctx context.Context, id string) (string, error) {
	var raw json.RawMessage
	err := c.call(ctx, http.MethodGet, c.w("jobs_u", "get_logs", id), nil, nil, &raw)
	return string(raw), err
}

// Follow calls fn with each update of a job until it is final. A stream that breaks is taken up where it ended.
func (c *Client) Follow(ctx context.Context, id string, fn func(Update) error) error {
	var logs, stream int64
	stop := errors.New("final")
	for tries := 0; ; {
		q := url.Values{"log_offset": {strconv.FormatInt(logs, 10)}, "stream_offset": {strconv.FormatInt(stream, 10)}}
		err := c.sse(ctx, c.w("jobs_u", "getupdate_sse", id), q, func(_ string, data []byte) error {
			var u Update
			if err := json.Unmarshal(data, &u); err != nil {
				return errs.Wrap(errs.Internal, err, "the server's stream cannot be read")
			}
			tries = 0
			switch u.Type {
			case "ping", "timeout":
				return nil
			case "notfound":
				return errs.New(errs.NotFound, "there is no job %s", id)
			case "error":
				return errs.New(errs.Internal, "%s", u.Error)
			}
			if u.LogOffset > 0 {
				logs = u.LogOffset
			}
			if u.StreamOffset > 0 {
				stream = u.StreamOffset
			}
			if err := fn(u); err != nil {
				return err
			}
			if u.Completed {
				return stop
			}
			return nil
		})
		switch {
		case errors.Is(err, stop):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errs.Is(err, errs.Unavailable) && !errs.Is(err, errs.Timeout):
			var e *errs.Error
			if errors.As(err, &e) {
				return err
			}
		}
		if tries++; tries > 10 {
			return errs.Wrap(errs.Unavailable, errors.Join(ErrUnreachable, err), "lost the server while following %s", id)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(tries) * 200 * time.Millisecond):
		}
	}
}

// Explain says whether user ("": the caller) may do the action (read, run, write or own) with the path, and why.
func (c *Client) Explain(ctx context.Context, path, action, user string) (Explanation, error) {
	var e Explanation
	q := url.Values{"path": {path}, "action": {action}}
	if user != "" {
		q.Set("user", user)
	}
	return e, c.call(ctx, http.MethodGet, c.w("access", "explain"), q, nil, &e)
}
