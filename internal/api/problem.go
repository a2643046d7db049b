package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/errs"
)

const problemType = "application/problem+json"

// Problem is how every error is answered: RFC 9457 with our kind, a hint and the wrong places.
type Problem struct {
	Title     string         `json:"title" doc:"the status in words"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"what happened and why, one sentence"`
	Code      string         `json:"code" doc:"the kind of error" enum:"invalid,unauthenticated,forbidden,not_found,conflict,too_large,rate_limited,fenced,canceled,internal,unavailable,timeout,storage_full"`
	Hint      string         `json:"hint,omitempty" doc:"what to do next"`
	Errors    []ProblemField `json:"errors,omitempty" nullable:"false" doc:"each wrong place of the input"`
	RequestID string         `json:"request_id" doc:"finds the request in the server's log"`
}

// ProblemField is one wrong place of the input.
type ProblemField struct {
	Location string `json:"location" doc:"a path from the root of the body, or query.<name>"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus lets huma answer with the problem's status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType marks the JSON as a problem.
func (p *Problem) ContentType(string) string { return problemType }

func problemSchema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[Problem](), true, "Problem")
}

// problem converts any error of a handler, and logs those that are our fault.
func (s *server) problem(ctx context.Context, err error) *Problem {
	c := callOf(ctx)
	e := errs.As(err)
	if ctx.Err() != nil && e.Kind == errs.Internal {
		e = errs.As(ctx.Err())
	}
	if e.Kind == errs.Canceled {
		// Nobody reads this when the caller went away; when the server stops, somebody does.
		e = errs.Wrap(errs.Unavailable, err, "the request ended before its answer: the server is stopping, or the caller left").
			WithHint("try again in a moment; a job that was accepted goes on and keeps its id")
	}
	switch e.Kind {
	case errs.Internal:
		s.Log.ErrorContext(ctx, "request failed", "request", c.id, "operation", c.name(), "error", err)
	case errs.Unavailable, errs.StorageFull:
		s.Log.WarnContext(ctx, "request failed", "request", c.id, "operation", c.name(), "error", err)
	}
	p := &Problem{Status: e.HTTPStatus(), Detail: e.Message, Code: string(e.Kind), Hint: e.Hint, RequestID: c.id}
	p.Title = http.StatusText(p.Status)
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, ProblemField{Location: f.Path, Message: f.Message})
	}
	return p
}

// writeProblem answers with an error outside of huma.
func (s *server) writeProblem(c *call, err error) { s.send(c, s.problem(c.r.Context(), err)) }

func (s *server) send(c *call, p *Problem) {
	h := c.w.Header()
	h.Set("Content-Type", problemType)
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="tidemill"`)
	}
	c.w.WriteHeader(p.Status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(marshal(p)) // the client is gone when this fails
	}
}

// problemFromHuma turns what huma says about a body or a parameter into a problem: always 400 but for bodies that are too
// large or too slow.
func problemFromHuma(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	c := callOf(ctx.Context())
	p := &Problem{Status: http.StatusBadRequest, Code: string(errs.Invalid), Detail: "the request is not valid", RequestID: c.id}
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		e := errs.As(c.tooLarge())
		p.Status, p.Code, p.Detail, p.Hint = m.Status, string(e.Kind), e.Message, e.Hint
	case http.StatusRequestTimeout:
		p.Status, p.Code, p.Detail = m.Status, string(errs.Timeout), "the body of the request did not arrive in time"
	case http.StatusUnsupportedMediaType:
		p.Detail, p.Hint = "the body has a content type that this operation does not read", "send JSON as application/json"
	case http.StatusInternalServerError:
		p.Detail = "the body of the request cannot be read"
	}
	if p.Status == http.StatusBadRequest && len(m.Errors) == 0 && m.Detail != "" && m.Status != http.StatusInternalServerError {
		p.Detail = m.Detail
	}
	p.Title = http.StatusText(p.Status)
	for _, e := range m.Errors {
		if e == nil || m.Status == http.StatusInternalServerError {
			continue
		}
		location := strings.TrimPrefix(strings.TrimPrefix(e.Location, "body."), "path.")
		p.Errors = append(p.Errors, ProblemField{Location: location, Message: e.Message})
	}
	c.status = p.Status
	return p, nil
}
