package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/perm"
)

// How streams behave.
const (
	pingEvery     = 15 * time.Second      // keeps proxies from closing an idle stream
	lookEvery     = 4 * time.Second       // the token and the database are asked again: a dead token ends a stream within 5 s
	spacing       = 25 * time.Millisecond // between two updates: many notes become one
	writeLimit    = 15 * time.Second      // a reader that takes longer for one write is dropped
	seenJobs      = 2000                  // jobs of which a stream remembers whether its reader may know of them
	jobUpdateType = "#/components/schemas/JobUpdate"
)

func streamOperations() []operation {
	return []operation{
		op("GET", "/api/w/{workspace}/jobs_u/getupdate_sse/{id}", "getJobUpdatesSSE", perm.JobsRead, "Follow a job until it is final",
			(*server).followJob, eventStream("updates of the job until it is final", jobUpdateType), late),
		op("GET", "/api/w/{workspace}/events", "watchWorkspace", perm.JobsRead, "Notes on what changes in the workspace, to look again at what is shown",
			(*server).watchWorkspace, eventStream("an endless stream of notes", "")),
	}
}

// eventStream documents server-sent events.
func eventStream(description, ref string) func(*operation) {
	schema := &huma.Schema{Ref: ref}
	if ref == "" {
		note := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
		schema = &huma.Schema{
			Type: huma.TypeObject, Description: "a note; without k: notes were lost, look at everything again",
			Properties: map[string]*huma.Schema{
				"k": note("queued, started, log, done, cancel or deployed"), "w": note("the workspace"),
				"j": note("a job's id"), "s": note("the job's state"), "t": note("the job's tag"),
			},
		}
	}
	return answers("text/event-stream", description, schema)
}

// stream is an answer that is written bit by bit.
type stream struct {
	Body func(huma.Context)
}

// payload is an answer of bytes that may be large.
type payload = stream

// readAll reads a value whose size is known.
func readAll(r io.Reader, size int64) ([]byte, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "a stored value cannot be read")
	}
	return data, nil
}

// payload answers with a value of a job, byte for byte.
func (s *server) payload(ctx context.Context, j domain.Job, kind domain.PayloadKind) (*payload, error) {
	r, size, err := s.Engine.Queue().Open(ctx, j.Workspace, j.ID, kind)
	if errs.Is(err, errs.NotFound) {
		return nil, errs.New(errs.NotFound, "the job %s has no %s any more", j.ID, kind)
	}
	if err != nil {
		return nil, err
	}
	c := callOf(ctx)
	return &payload{Body: func(huma.Context) {
		defer r.Close()
		s.copyJSON(c, r, size)
	}}, nil
}

func (s *server) copyJSON(c *call, r io.Reader, size int64) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(c.w, r); err != nil && c.r.Context().Err() == nil {
		s.Log.Warn("a value could not be sent whole", "request", c.id, "error", err)
		panic(http.ErrAbortHandler) // the length was promised: the reader must see that it is not whole
	}
}

// wholeLog answers with all of a log, however long.
func (s *server) wholeLog(ctx context.Context, j domain.Job) (*stream, error) {
	c := callOf(ctx)
	text, at, err := s.logText(ctx, j.Workspace, j.ID, domain.LogOutput, 0, maxWindow)
	if err != nil {
		return nil, err
	}
	return &stream{Body: func(huma.Context) {
		c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		c.w.WriteHeader(http.StatusOK)
		for text != "" && c.r.Method != http.MethodHead {
			if _, err := io.WriteString(c.w, text); err != nil {
				return
			}
			if len(text) < maxWindow-8 {
				return
			}
			if text, at, err = s.logText(ctx, j.Workspace, j.ID, domain.LogOutput, at, maxWindow); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	}}, nil
}

func (s *server) followJob(ctx context.Context, in *struct {
	InJob
	FollowIn
	OnlyResult bool   `query:"only_result" doc:"tell the result at the end instead of the whole job"`
	Fast       bool   `query:"fast" doc:"accepted; updates always come at once"`
	LastEvent  string `header:"Last-Event-ID" doc:"where a broken stream ended"`
},
) (*stream, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	at := in.FollowIn
	if logs, items, ok := strings.Cut(in.LastEvent, ":"); ok {
		l, err1 := strconv.ParseInt(logs, 10, 64)
		i, err2 := strconv.ParseInt(items, 10, 64)
		if err1 == nil && err2 == nil && l >= 0 && i >= 0 {
			at.LogOffset, at.StreamOffset = l, i
		}
	}
	return s.follow(ctx, j, at, in.OnlyResult), nil
}

// follow streams the updates of a job until it is final.
func (s *server) follow(ctx context.Context, j domain.Job, at FollowIn, onlyResult bool) *stream {
	c := callOf(ctx)
	return &stream{Body: func(huma.Context) {
		watch := s.Hub.Watch(events.Filter{Workspace: j.Workspace, JobID: j.ID})
		defer watch.Close()
		out := s.openStream(c)
		defer out.close()
		for first := true; ; first = false {
			j, err := s.Engine.Get(ctx, c.viewer(), j.ID)
			if err != nil {
				out.fail(s.problem(ctx, err))
				return
			}
			before := at
			u, full, err := s.update(ctx, j, &at, maxUpdate)
			if err != nil {
				out.fail(s.problem(ctx, err))
				return
			}
			u.Type = "update"
			moved := at != before
			if value(u.Completed) {
				if err := s.complete(ctx, j, &u, onlyResult); err != nil {
					out.fail(s.problem(ctx, err))
					return
				}
			}
			if first || moved || value(u.Completed) || value(u.Running) != at.Running || value(u.Reason) != out.reason {
				at.Running, out.reason = value(u.Running), value(u.Reason)
				if !out.send(fmt.Sprintf("%d:%d", at.LogOffset, at.StreamOffset), marshal(u)) {
					return
				}
			}
			if value(u.Completed) {
				return
			}
			if full && moved {
				continue // more is waiting than fits one update
			}
			if !out.wait(ctx, watch.C, nil) {
				return
			}
		}
	}}
}

// complete adds the end of a job to its last update.
func (s *server) complete(ctx context.Context, j domain.Job, u *JobUpdate, onlyResult bool) error {
	if onlyResult {
		result, _, err := s.shown(ctx, j, domain.PayloadResult, tooBig)
		if u.OnlyResult = result; result == nil {
			u.OnlyResult = domain.JSON("null")
		}
		return err
	}
	whole, err := s.wholeJob(ctx, j, true, true)
	u.Job = &whole
	return err
}

// sse writes server-sent events to one reader.
type sse struct {
	s       *server
	c       *call
	control *http.ResponseController
	ping    *time.Ticker
	look    *time.Ticker
	reason  string
}

func (s *server) openStream(c *call) *sse {
	out := &sse{s: s, c: c, control: http.NewResponseController(c.w), ping: time.NewTicker(pingEvery), look: time.NewTicker(lookEvery)}
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	_ = out.control.SetReadDeadline(time.Time{}) // a server's limit for reading requests must not end a stream
	c.w.WriteHeader(http.StatusOK)
	out.write(": connected\n\n")
	return out
}

func (o *sse) close() {
	o.ping.Stop()
	o.look.Stop()
	_ = o.control.SetWriteDeadline(time.Time{})
}

// write sends at once. It is false when the reader is gone or too slow.
func (o *sse) write(text string) bool {
	_ = o.control.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := io.WriteString(o.c.w, text); err != nil {
		return false
	}
	return o.control.Flush() == nil
}

func (o *sse) send(id string, data []byte) bool {
	var b strings.Builder
	b.Grow(len(data) + len(id) + 16)
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	return o.write(b.String())
}

// fail tells the reader why the stream ends.
func (o *sse) fail(p *Problem) {
	kind := "error"
	if p.Code == string(errs.NotFound) {
		kind = "notfound"
	}
	o.send("", marshal(JobUpdate{Type: kind, Error: &p.Detail}))
}

// wait returns true when it is time to look: a note came (given to note, if that is not nil), or some time passed. It is
// false when the stream is to end: the reader left, the server stops, or the token died.
func (o *sse) wait(ctx context.Context, notes <-chan domain.Event, note func(domain.Event)) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-o.s.Stopping:
			return false
		case <-o.ping.C:
			if !o.write(": ping\n\n") {
				return false
			}
		case <-o.look.C:
			return o.s.still(ctx, o.c)
		case e := <-notes:
			return o.gather(ctx, e, notes, note)
		}
	}
}

// gather takes the notes of a short moment together.
func (o *sse) gather(ctx context.Context, e domain.Event, notes <-chan domain.Event, note func(domain.Event)) bool {
	pause := time.NewTimer(spacing)
	defer pause.Stop()
	for {
		if note != nil {
			note(e)
		}
		select {
		case <-ctx.Done():
			return false
		case <-o.s.Stopping:
			return false
		case <-pause.C:
			return true
		case e = <-notes:
		}
	}
}

// still asks again whether the reader may read. A database that does not answer now ends no stream.
func (s *server) still(ctx context.Context, c *call) bool {
	who, err := s.Accounts.Authenticate(ctx, c.secret, c.who.Workspace)
	if err != nil {
		return errs.Is(err, errs.Unavailable) || errs.Is(err, errs.Timeout)
	}
	if who.Workspace != c.who.Workspace || who.Email != c.who.Email {
		return false
	}
	c.who = who
	asked := who
	if c.operation.late {
		asked.Scopes = withoutPaths(asked.Scopes)
	}
	return perm.Decide(asked, c.operation.Permission, "", domain.Access{}).Allowed
}

func (s *server) watchWorkspace(ctx context.Context, in *InWorkspace) (*stream, error) {
	c := callOf(ctx)
	return &stream{Body: func(huma.Context) {
		watch := s.Hub.Watch(events.Filter{Workspace: in.Workspace})
		defer watch.Close()
		out := s.openStream(c)
		defer out.close()
		seen := map[string]bool{}
		for {
			var batch []domain.Event
			ok := out.wait(ctx, watch.C, func(e domain.Event) {
				for _, old := range batch {
					if old == e {
						return
					}
				}
				batch = append(batch, e)
			})
			if !ok {
				return
			}
			for _, e := range batch {
				if e.JobID != "" && !s.mayKnow(ctx, c, seen, e) {
					continue
				}
				if !out.send("", marshal(e)) {
					return
				}
			}
		}
	}}, nil
}

// mayKnow says whether the reader may see the job that a note is about.
func (s *server) mayKnow(ctx context.Context, c *call, seen map[string]bool, e domain.Event) bool {
	if c.viewer().All && len(c.who.Scopes) == 0 {
		return true
	}
	if may, ok := seen[e.JobID]; ok {
		return may
	}
	if len(seen) >= seenJobs {
		clear(seen)
	}
	j, err := s.Store.JobGet(ctx, c.viewer(), e.JobID)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return false
	}
	may := err == nil && c.mayJob(j) == nil
	seen[e.JobID] = may
	return may
}
