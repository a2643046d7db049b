package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tidwall/gjson"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
)

func runOperations() []operation {
	const jobs = "/api/w/{workspace}/jobs/"
	result := anyJSON("the result, byte for byte; of a run that failed, {\"error\": …}")
	job := text("the job's id")
	sse := eventStream("updates of the job until it is final", jobUpdateType)
	return []operation{
		op("POST", jobs+"run/p/{path}", "runScriptByPath", perm.JobsRun, "Run a script, without waiting", (*server).runPath, created, job, tokenQuery, takesArgs),
		op("POST", jobs+"run/h/{hash}", "runScriptByHash", perm.JobsRun, "Run a version, without waiting", (*server).runHash, created, job, tokenQuery, takesArgs, late),
		op("POST", jobs+"run_wait_result/p/{path}", "runWaitResultScriptByPath", perm.JobsRun, "Run a script and wait for its result", (*server).waitPath, result, tokenQuery, takesArgs),
		op("GET", jobs+"run_wait_result/p/{path}", "runWaitResultScriptByPathGet", perm.JobsRun, "Run a script and wait for its result", (*server).waitPathGet, result, tokenQuery, changes),
		op("POST", jobs+"run_wait_result/h/{hash}", "runWaitResultScriptByHash", perm.JobsRun, "Run a version and wait for its result", (*server).waitHash, result, tokenQuery, takesArgs, late),
		op("GET", jobs+"run_wait_result/h/{hash}", "runWaitResultScriptByHashGet", perm.JobsRun, "Run a version and wait for its result", (*server).waitHashGet, result, tokenQuery, late, changes),
		op("POST", jobs+"run_and_stream/p/{path}", "runAndStreamScriptByPath", perm.JobsRun, "Run a script and follow it", (*server).streamPath, sse, tokenQuery, takesArgs),
		op("GET", jobs+"run_and_stream/p/{path}", "runAndStreamScriptByPathGet", perm.JobsRun, "Run a script and follow it", (*server).streamPathGet, sse, tokenQuery, changes),
		op("POST", jobs+"run_and_stream/h/{hash}", "runAndStreamScriptByHash", perm.JobsRun, "Run a version and follow it", (*server).streamHash, sse, tokenQuery, takesArgs, late),
		op("GET", jobs+"run_and_stream/h/{hash}", "runAndStreamScriptByHashGet", perm.JobsRun, "Run a version and follow it", (*server).streamHashGet, sse, tokenQuery, late, changes),
		op("POST", jobs+"run/preview", "runScriptPreview", perm.JobsPreview, "Run code that is not deployed, without waiting", (*server).preview, created, job, late),
		op("POST", jobs+"run_wait_result/preview", "runScriptPreviewAndWaitResult", perm.JobsPreview, "Run code that is not deployed and wait for its result", (*server).previewWait, result, late),
		op("POST", jobs+"rerun/{id}", "rerunJob", perm.JobsRun, "Run again what a job ran, with the same or other arguments", (*server).rerun, created, job, late),
	}
}

// RunIn is what every run takes besides its arguments, in Windmill's words.
type RunIn struct {
	InWorkspace
	ScheduledFor     time.Time `query:"scheduled_for" doc:"not before this time"`
	ScheduledInSecs  int64     `query:"scheduled_in_secs" minimum:"0" maximum:"315360000" doc:"not before so many seconds from now"`
	ParentJob        string    `query:"parent_job" doc:"the job that asks"`
	RootJob          string    `query:"root_job" doc:"accepted"`
	JobID            string    `query:"job_id" doc:"a UUID to give the job, so that a request can be repeated safely"`
	Tag              string    `query:"tag" maxLength:"100" doc:"the workers that run it"`
	Timeout          int64     `query:"timeout" minimum:"0" maximum:"31536000" doc:"seconds"`
	InvisibleToOwner bool      `query:"invisible_to_owner" doc:"accepted"`
	SkipPreprocessor bool      `query:"skip_preprocessor" doc:"accepted"`
	CacheTTL         string    `query:"cache_ttl" doc:"accepted"`
	QueueLimit       string    `query:"queue_limit" doc:"accepted"`
	IncludeHeader    string    `query:"include_header" doc:"headers to pass as arguments, separated by commas; - becomes _"`
	IncludeQuery     string    `query:"include_query" doc:"query parameters to pass as arguments, separated by commas"`
	WrapBody         bool      `query:"wrap_body" doc:"pass the whole body as the argument body"`
	Raw              bool      `query:"raw" doc:"pass the text of the body as the argument raw_string too"`
	Payload          string    `query:"payload" doc:"the arguments as base64url of JSON, for GET"`
	Token            string    `query:"token" doc:"a token, for senders that cannot set headers"`
}

type runPathIn struct {
	RunIn
	Path string `path:"path" doc:"u/<user>/<name> or f/<folder>/<name>, slashes as they are"`
}

type runHashIn struct {
	RunIn
	Hash string `path:"hash" doc:"16 hexadecimal digits"`
}

// run makes the request of a run; args are added by whoever knows where they are.
func (in *RunIn) run(c *call) (engine.Run, error) {
	r := engine.Run{
		Who: c.who, Tag: in.Tag, Timeout: time.Duration(in.Timeout) * time.Second, Parent: in.ParentJob, ID: in.JobID,
		Trigger: trigger(c),
	}
	e := errs.New(errs.Invalid, "the request is not valid")
	if in.ParentJob != "" && checkID("", in.ParentJob) != nil {
		e.WithField("query.parent_job", "must be a job's id: a UUID in lower case")
	}
	if in.JobID != "" && checkID("", in.JobID) != nil {
		e.WithField("query.job_id", "must be a UUID in lower case")
	}
	if strings.ContainsAny(in.Tag, " \t\r\n,\x00") {
		e.WithField("query.tag", "must have no spaces, commas or control characters")
	}
	checkTimes(e, map[string]time.Time{"scheduled_for": in.ScheduledFor})
	if len(e.Fields) > 0 {
		return r, e
	}
	r.ScheduledFor = in.ScheduledFor
	if in.ScheduledInSecs > 0 {
		r.ScheduledFor = time.Now().Add(time.Duration(in.ScheduledInSecs) * time.Second)
	}
	return r, nil
}

// trigger is what started a run, as far as the request tells.
func trigger(c *call) string {
	switch {
	case c.who.JobID != "":
		return "api"
	case c.r.Header.Get(csrfHeader) != "":
		return "ui"
	case c.r.Header.Get("X-Windmill-Client") == "cli" || strings.HasPrefix(c.r.UserAgent(), "tidemill-cli"):
		return "cli"
	case c.r.URL.Query().Has("token"):
		return "webhook"
	}
	return "api"
}

// args are the arguments of a run: the bytes of a JSON object as they came. Other JSON becomes the argument body, a form
// its fields; what include_header, include_query and raw ask for is added in front.
func (in *RunIn) args(c *call) (domain.JSON, error) {
	body, err := c.readBody()
	if err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	args, err := argsOf(kind, body, in.WrapBody)
	if err != nil {
		return nil, err
	}
	return in.extend(c, args, body)
}

// argsFromQuery are the arguments of a run by GET.
func (in *RunIn) argsFromQuery(c *call) (domain.JSON, error) {
	if in.Payload == "" {
		return in.extend(c, domain.JSON("{}"), nil)
	}
	text := strings.NewReplacer("+", "-", "/", "_", " ", "-").Replace(strings.TrimRight(in.Payload, "="))
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the arguments are not valid").WithField("query.payload", "must be base64url of JSON")
	}
	args, err := argsOf("application/json", body, in.WrapBody)
	if err != nil {
		return nil, err
	}
	return in.extend(c, args, body)
}

func argsOf(kind string, body []byte, wrap bool) (domain.JSON, error) {
	switch {
	case kind == "application/x-www-form-urlencoded" && !gjson.ValidBytes(body):
		return formArgs(body)
	case kind == "multipart/form-data":
		return nil, errs.New(errs.Invalid, "forms with files cannot be taken as arguments yet").WithHint("send JSON, or a form without files")
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return domain.JSON("{}"), nil
	}
	if kind != "" && kind != "application/json" && !strings.HasSuffix(kind, "+json") && kind != "text/plain" && kind != "application/octet-stream" &&
		kind != "application/x-www-form-urlencoded" {
		return nil, errs.New(errs.Invalid, "a body of type %.60q cannot be taken as arguments", kind).WithHint("send JSON, or a form")
	}
	if err := validJSON(body); err != nil {
		return nil, err
	}
	if body[0] == '{' && !wrap {
		return body, nil
	}
	out := make([]byte, 0, len(body)+len(`{"body":}`))
	out = append(append(append(out, `{"body":`...), body...), '}')
	return out, nil
}

// validJSON says where the body stops being JSON.
func validJSON(body []byte) error {
	if !utf8.Valid(body) {
		return errs.New(errs.Invalid, "the body of the request is not JSON").WithField("body", "%s", notUTF8(body)).
			WithHint("send text as UTF-8, and bytes as base64")
	}
	if json.Valid(body) {
		return nil
	}
	e := errs.New(errs.Invalid, "the body of the request is not JSON")
	if wrong, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, new(any))); ok {
		return e.WithField("body", "%s, at byte %d", wrong.Error(), wrong.Offset)
	}
	return e
}

// notUTF8 says where a body stops being text. Decoders of JSON replace such bytes without a word, and that would change what
// somebody sent.
func notUTF8(body []byte) string {
	at := 0
	for at < len(body) {
		r, n := utf8.DecodeRune(body[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return fmt.Sprintf("is not UTF-8 at byte %d", at+1)
}

// jsonFormat reads and writes the JSON bodies of operations.
func jsonFormat() huma.Format {
	f := huma.DefaultJSONFormat
	f.Unmarshal = func(data []byte, v any) error {
		if !utf8.Valid(data) {
			return errors.New(notUTF8(data))
		}
		return huma.DefaultJSONFormat.Unmarshal(data, v)
	}
	return f
}

func formArgs(body []byte) (domain.JSON, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errs.New(errs.Invalid, "the body of the request is not a form")
	}
	args := map[string]any{}
	for name, values := range form {
		if len(values) == 1 {
			args[name] = values[0]
		} else {
			args[name] = values
		}
	}
	return marshal(args), nil
}

// extend adds what the request asked to be told of itself. Keys of the body win.
func (in *RunIn) extend(c *call, args domain.JSON, body []byte) (domain.JSON, error) {
	if in.IncludeHeader == "" && in.IncludeQuery == "" && !in.Raw {
		return args, nil
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(args, &given); err != nil {
		return nil, errs.New(errs.Invalid, "the arguments are not valid").WithField("args", "must be a JSON object")
	}
	add := map[string]any{}
	for _, name := range strings.Split(in.IncludeHeader, ",") {
		if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "Cookie") {
			add[strings.ReplaceAll(strings.ToLower(name), "-", "_")] = c.r.Header.Get(name)
		}
	}
	query := c.r.URL.Query()
	for _, name := range strings.Split(in.IncludeQuery, ",") {
		if name = strings.TrimSpace(name); name != "" && name != "token" {
			add[name] = query.Get(name)
		}
	}
	if in.Raw {
		add["raw_string"] = string(body)
	}
	for name := range given {
		delete(add, name)
	}
	if len(add) == 0 {
		return args, nil
	}
	head := marshal(add)
	if len(given) == 0 {
		return head, nil
	}
	// The given object stays as it is, byte for byte: {"added":…,<given>}.
	args = bytes.TrimSpace(args)
	out := append(head[:len(head)-1:len(head)-1], ',')
	return append(out, args[1:]...), nil
}

// start runs a script by path or hash with the arguments that the request carries.
func (s *server) start(ctx context.Context, in *RunIn, path, hash string, get bool) (domain.Job, error) {
	c := callOf(ctx)
	r, err := in.run(c)
	if err != nil {
		return domain.Job{}, err
	}
	if hash != "" {
		if err := checkHash("hash", hash); err != nil {
			return domain.Job{}, err
		}
	}
	r.Path, r.Hash = path, hash
	if get {
		r.Args, err = in.argsFromQuery(c)
	} else {
		r.Args, err = in.args(c)
	}
	if err != nil {
		return domain.Job{}, err
	}
	return s.Engine.Run(ctx, r)
}

func (s *server) startAsync(ctx context.Context, in *RunIn, path, hash string) (*plain, error) {
	j, err := s.start(ctx, in, path, hash, false)
	if err != nil {
		return nil, err
	}
	return plainText(j.ID), nil
}

func (s *server) startAndWait(ctx context.Context, in *RunIn, path, hash string, get bool) (*answer, error) {
	j, err := s.start(ctx, in, path, hash, get)
	if err != nil {
		return nil, err
	}
	return s.waitResult(ctx, j)
}

func (s *server) startAndStream(ctx context.Context, in *RunIn, path, hash string, get bool) (*stream, error) {
	j, err := s.start(ctx, in, path, hash, get)
	if err != nil {
		return nil, err
	}
	return s.follow(ctx, j, FollowIn{}, false), nil
}

func (s *server) runPath(ctx context.Context, in *runPathIn) (*plain, error) {
	return s.startAsync(ctx, &in.RunIn, in.Path, "")
}

func (s *server) runHash(ctx context.Context, in *runHashIn) (*plain, error) {
	return s.startAsync(ctx, &in.RunIn, "", in.Hash)
}

func (s *server) waitPath(ctx context.Context, in *runPathIn) (*answer, error) {
	return s.startAndWait(ctx, &in.RunIn, in.Path, "", false)
}

func (s *server) waitPathGet(ctx context.Context, in *runPathIn) (*answer, error) {
	return s.startAndWait(ctx, &in.RunIn, in.Path, "", true)
}

func (s *server) waitHash(ctx context.Context, in *runHashIn) (*answer, error) {
	return s.startAndWait(ctx, &in.RunIn, "", in.Hash, false)
}

func (s *server) waitHashGet(ctx context.Context, in *runHashIn) (*answer, error) {
	return s.startAndWait(ctx, &in.RunIn, "", in.Hash, true)
}

func (s *server) streamPath(ctx context.Context, in *runPathIn) (*stream, error) {
	return s.startAndStream(ctx, &in.RunIn, in.Path, "", false)
}

func (s *server) streamPathGet(ctx context.Context, in *runPathIn) (*stream, error) {
	return s.startAndStream(ctx, &in.RunIn, in.Path, "", true)
}

func (s *server) streamHash(ctx context.Context, in *runHashIn) (*stream, error) {
	return s.startAndStream(ctx, &in.RunIn, "", in.Hash, false)
}

func (s *server) streamHashGet(ctx context.Context, in *runHashIn) (*stream, error) {
	return s.startAndStream(ctx, &in.RunIn, "", in.Hash, true)
}

// Preview is code to run that is not deployed.
type Preview struct {
	Content         *string     `json:"content,omitempty" nullable:"true" doc:"the code; left out to run what is deployed at path or script_hash"`
	Path            *string     `json:"path,omitempty" nullable:"true" doc:"where relative imports start"`
	ScriptHash      *string     `json:"script_hash,omitempty" nullable:"true"`
	Args            objectJSON  `json:"args,omitempty"`
	Language        *string     `json:"language,omitempty" nullable:"true"`
	Tag             *string     `json:"tag,omitempty" nullable:"true"`
	Kind            *string     `json:"kind,omitempty" nullable:"true" doc:"code"`
	DedicatedWorker *bool       `json:"dedicated_worker,omitempty" nullable:"true" doc:"accepted"`
	Lock            *string     `json:"lock,omitempty" nullable:"true" doc:"dependencies that are resolved already"`
	Envs            []string    `json:"envs,omitempty" doc:"NAME=value"`
	FlowPath        *string     `json:"flow_path,omitempty" nullable:"true" doc:"accepted"`
	Modules         domain.JSON `json:"modules,omitempty" doc:"must be absent or null: modules cannot be run yet"`
	TempScriptRefs  domain.JSON `json:"temp_script_refs,omitempty" doc:"accepted"`
}

type previewIn struct {
	InWorkspace
	JobID            string `query:"job_id"`
	Timeout          int64  `query:"timeout" minimum:"0" maximum:"31536000" doc:"seconds"`
	Tag              string `query:"tag" maxLength:"100" doc:"the workers that run it; the body's tag wins"`
	IncludeHeader    string `query:"include_header" doc:"accepted"`
	InvisibleToOwner bool   `query:"invisible_to_owner" doc:"accepted"`
	Body             Preview
}

func (s *server) startPreview(ctx context.Context, in *previewIn) (domain.Job, error) {
	c := callOf(ctx)
	b := &in.Body
	e := errs.New(errs.Invalid, "the request is not valid")
	if in.JobID != "" && checkID("", in.JobID) != nil {
		e.WithField("query.job_id", "must be a UUID in lower case")
	}
	if kind := value(b.Kind); kind != "" && kind != "code" {
		e.WithField("kind", "%q previews cannot be run; use code", kind)
	}
	if m := string(bytes.TrimSpace(b.Modules)); m != "" && m != "null" && m != "{}" {
		e.WithField("modules", "cannot be run yet")
	}
	if strings.ContainsAny(in.Tag, " \t\r\n,\x00") {
		e.WithField("query.tag", "must have no spaces, commas or control characters")
	}
	if strings.ContainsAny(value(b.Tag), " \t\r\n,\x00") || len(value(b.Tag)) > 100 {
		e.WithField("tag", "must have at most 100 characters, without spaces or commas")
	}
	path := value(b.Path)
	if path != "" {
		if err := domain.CheckPath("path", path); err != nil {
			e.Fields = append(e.Fields, errs.As(err).Fields...)
		}
	}
	r := engine.Run{Who: c.who, Args: domain.JSON(b.Args), Tag: cmp.Or(value(b.Tag), in.Tag), Timeout: time.Duration(in.Timeout) * time.Second, Trigger: trigger(c), ID: in.JobID}
	switch {
	case b.Content != nil:
		if value(b.Language) == "" {
			e.WithField("language", "must name the language of the code")
		}
		r.Code = &domain.Code{Path: path, Language: domain.Language(value(b.Language)), Content: *b.Content, Lock: b.Lock, Envs: b.Envs}
	case value(b.ScriptHash) != "":
		if err := checkHash("script_hash", *b.ScriptHash); err != nil {
			e.Fields = append(e.Fields, errs.As(err).Fields...)
		}
		r.Hash = *b.ScriptHash
	case path != "":
		r.Path = path
	default:
		e.WithField("content", "must be the code to run, unless path or script_hash names a script")
	}
	if len(e.Fields) > 0 {
		return domain.Job{}, e
	}
	return s.Engine.Run(ctx, r)
}

func (s *server) preview(ctx context.Context, in *previewIn) (*plain, error) {
	j, err := s.startPreview(ctx, in)
	if err != nil {
		return nil, err
	}
	return plainText(j.ID), nil
}

func (s *server) previewWait(ctx context.Context, in *previewIn) (*answer, error) {
	j, err := s.startPreview(ctx, in)
	if err != nil {
		return nil, err
	}
	return s.waitResult(ctx, j)
}

type rerunIn struct {
	InJob
	Body *Rerun `required:"false"`
}

// Rerun says with which arguments.
type Rerun struct {
	Args objectJSON `json:"args,omitempty" doc:"the same as before, when left out"`
}

func (s *server) rerun(ctx context.Context, in *rerunIn) (*plain, error) {
	if _, err := s.job(ctx, in.ID); err != nil {
		return nil, err
	}
	var args domain.JSON
	if in.Body != nil && len(in.Body.Args) > 0 {
		args = domain.JSON(in.Body.Args)
	}
	j, err := s.Engine.Rerun(ctx, callOf(ctx).who, in.ID, args)
	if err != nil {
		return nil, err
	}
	return plainText(j.ID), nil
}

// answer is what a webhook's caller gets: the result, in the form that the script asked for.
type answer struct {
	Body func(huma.Context)
}

// waitResult answers with the result once the job is final. When the caller goes away the job goes on.
func (s *server) waitResult(ctx context.Context, j domain.Job) (*answer, error) {
	c := callOf(ctx)
	j, err := s.Engine.Queue().Wait(ctx, c.viewer(), j.ID)
	if err != nil {
		return nil, err
	}
	r, size, err := s.Engine.Queue().Open(ctx, j.Workspace, j.ID, domain.PayloadResult)
	if errs.Is(err, errs.NotFound) {
		r, size, err = io.NopCloser(strings.NewReader("null")), 4, nil
	}
	if err != nil {
		return nil, err
	}
	return &answer{Body: func(h huma.Context) {
		defer r.Close()
		c.w.Header().Set("X-Job-Id", j.ID)
		if size > maxShown { // too large to be an envelope of headers
			s.copyJSON(c, r, size)
			return
		}
		data, err := readAll(r, size)
		if err != nil {
			s.writeProblem(c, err)
			return
		}
		s.respond(c, data)
	}}, nil
}

// respond writes a result. A script may choose status, type and headers of the answer by the keys windmill_status_code,
// windmill_content_type and windmill_headers, with the body in result; without them the result is the answer.
func (s *server) respond(c *call, data []byte) {
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	if !bytes.Contains(data, []byte(`"windmill_`)) || data[0] != '{' {
		writeBody(c, http.StatusOK, data)
		return
	}
	var e struct {
		Status  *int              `json:"windmill_status_code"`
		Type    *string           `json:"windmill_content_type"`
		Headers map[string]string `json:"windmill_headers"`
		Result  json.RawMessage   `json:"result"`
	}
	if err := json.Unmarshal(data, &e); err != nil || e.Status == nil && e.Type == nil && e.Headers == nil {
		writeBody(c, http.StatusOK, data)
		return
	}
	status := http.StatusOK
	if e.Status != nil && *e.Status >= 200 && *e.Status <= 599 {
		status = *e.Status
	}
	for name, v := range e.Headers {
		if settable(name) && !strings.ContainsAny(v, "\r\n\x00") {
			h.Set(name, v)
		}
	}
	body := []byte(e.Result)
	if len(body) == 0 {
		body = []byte("null")
	}
	if e.Type != nil && !strings.ContainsAny(*e.Type, "\r\n\x00") {
		h.Set("Content-Type", *e.Type)
		var text string
		if !isJSON(*e.Type) && json.Unmarshal(body, &text) == nil {
			body = []byte(text)
		}
	}
	if !isJSON(h.Get("Content-Type")) {
		// The answer comes from our own origin: what a script writes must not act there as one of our pages.
		h.Set("Content-Security-Policy", "sandbox allow-forms allow-scripts allow-popups; frame-ancestors 'none'")
	}
	writeBody(c, status, body)
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// settable keeps headers that are the connection's or protect our origin out of a script's hands.
func settable(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Set-Cookie", "Content-Security-Policy",
		"X-Content-Type-Options", "X-Frame-Options", "Clear-Site-Data", "Service-Worker-Allowed", "Strict-Transport-Security":
		return false
	}
	for _, r := range name {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) {
			return false
		}
	}
	return true
}

func writeBody(c *call, status int, body []byte) {
	if status == http.StatusNoContent || status == http.StatusNotModified {
		c.w.WriteHeader(status)
		return
	}
	c.w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body) // the caller is gone when this fails; the job is done anyway
	}
}
