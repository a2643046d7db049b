package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/perm"
)

// What one answer carries of a job's large values; beyond, the operations for results, arguments and logs have them whole.
const (
	maxShown    = 1 << 20   // bytes of arguments or result in a job
	maxShownLog = 256 << 10 // bytes of log in a job
	maxUpdate   = 256 << 10 // bytes of log in one update
	maxWindow   = 1 << 20   // bytes of a window of a log
	tooBig      = `"WINDMILL_TOO_BIG"`
)

func jobOperations() []operation {
	const jobs, public = "/api/w/{workspace}/jobs/", "/api/w/{workspace}/jobs_u/"
	return []operation{
		op("GET", public+"get/{id}", "getJob", perm.JobsRead, "A job with its arguments, result and log", (*server).getJob, late),
		op("GET", public+"get_args/{id}", "getJobArgs", perm.JobsRead, "The arguments of a job", (*server).jobArgs, anyJSON("the arguments, as they were sent"), late),
		op("GET", public+"get_logs/{id}", "getJobLogs", perm.JobsRead, "The log of a job, whole", (*server).jobLogs, text("the log, with ANSI colours"), late),
		op("GET", public+"logs/{id}", "getJobLogWindow", perm.JobsRead, "A window of the log of a job", (*server).logWindow, late),
		op("GET", public+"why/{id}", "whyJob", perm.JobsRead, "Why a job is where it is", (*server).whyJob, late),
		op("GET", public+"get_root_job_id/{id}", "getRootJobId", perm.JobsRead, "The job at the top of a job's parents", (*server).rootJob, text("a job's id"), late),
		op("GET", public+"completed/get/{id}", "getCompletedJob", perm.JobsRead, "A final job; 404 before", (*server).completedJob, late),
		op("GET", public+"completed/get_result/{id}", "getCompletedJobResult", perm.JobsRead, "The result of a final job; 404 before",
			(*server).jobResult, anyJSON("the result, byte for byte"), late),
		op("GET", public+"completed/get_result_maybe/{id}", "getCompletedJobResultMaybe", perm.JobsRead, "Whether a job is final, and its result",
			(*server).jobResultMaybe, answers("application/json", "whether the job is final, and its result", resultMaybeSchema()), late),
		op("GET", public+"getupdate/{id}", "getJobUpdates", perm.JobsRead, "What is new of a job", (*server).jobUpdate, late),
		op("POST", public+"queue/cancel/{id}", "cancelQueuedJob", perm.JobsWrite, "Cancel a job and all its processes", (*server).cancelJob, text("the job's id"), late),
		op("POST", jobs+"queue/cancel_selection", "cancelSelection", perm.JobsWrite, "Cancel several jobs", (*server).cancelSelection),
		op("GET", jobs+"list", "listJobs", perm.JobsRead, "Jobs, newest first", (*server).listJobs, strict),
		op("GET", jobs+"queue/list", "listQueue", perm.JobsRead, "Jobs that are not final", (*server).listQueue, strict),
		op("GET", jobs+"completed/list", "listCompletedJobs", perm.JobsRead, "Jobs that are final, newest first", (*server).listCompleted, strict),
		op("GET", jobs+"queue/count", "getQueueCount", perm.JobsRead, "How many jobs are not final", (*server).queueCount),
	}
}

// Job is a job in Windmill's words, queued or final by its type, with our own fields at the end.
type Job struct {
	Type            string      `json:"type" enum:"QueuedJob,CompletedJob"`
	WorkspaceID     string      `json:"workspace_id"`
	ID              string      `json:"id"`
	ParentJob       *string     `json:"parent_job,omitempty"`
	CreatedBy       string      `json:"created_by"`
	CreatedAt       time.Time   `json:"created_at"`
	StartedAt       *time.Time  `json:"started_at,omitempty"`
	ScheduledFor    *time.Time  `json:"scheduled_for,omitempty"`
	CompletedAt     *time.Time  `json:"completed_at,omitempty"`
	DurationMS      *int64      `json:"duration_ms,omitempty" doc:"only of final jobs"`
	Success         *bool       `json:"success,omitempty" doc:"only of final jobs"`
	Running         *bool       `json:"running,omitempty" doc:"only of jobs that are not final"`
	ScriptPath      *string     `json:"script_path,omitempty"`
	ScriptHash      *string     `json:"script_hash,omitempty"`
	Args            domain.JSON `json:"args,omitempty" doc:"absent in lists"`
	Result          domain.JSON `json:"result,omitempty" doc:"absent in lists; the text WINDMILL_TOO_BIG for a large one"`
	Logs            *string     `json:"logs,omitempty" doc:"the end of the log, absent in lists"`
	RawCode         *string     `json:"raw_code,omitempty" doc:"of previews"`
	RawLock         *string     `json:"raw_lock,omitempty" doc:"of previews that came with one"`
	Deleted         bool        `json:"deleted,omitempty"`
	Canceled        bool        `json:"canceled" doc:"somebody asked for its end"`
	CanceledBy      *string     `json:"canceled_by,omitempty"`
	CanceledReason  *string     `json:"canceled_reason,omitempty"`
	LastPing        *time.Time  `json:"last_ping,omitempty"`
	JobKind         string      `json:"job_kind" enum:"script,preview,dependencies"`
	PermissionedAs  string      `json:"permissioned_as"`
	IsFlowStep      bool        `json:"is_flow_step"`
	Language        *string     `json:"language,omitempty"`
	IsSkipped       bool        `json:"is_skipped"`
	Email           string      `json:"email"`
	VisibleToOwner  bool        `json:"visible_to_owner"`
	MemPeak         *int64      `json:"mem_peak,omitempty" doc:"kilobytes"`
	Tag             string      `json:"tag"`
	Priority        *int        `json:"priority,omitempty"`
	Labels          []string    `json:"labels,omitempty" nullable:"false"`
	SelfWaitTimeMS  *int64      `json:"self_wait_time_ms,omitempty" doc:"from when it could start to when it did"`
	Worker          *string     `json:"worker,omitempty" doc:"of the current or last attempt"`
	TriggerKind     *string     `json:"trigger_kind,omitempty" doc:"ui, api, webhook, cli, rerun or deploy"`
	Status          string      `json:"status" enum:"queued,running,success,failure,canceled,poisoned"`
	Reason          *string     `json:"reason,omitempty" doc:"why it is where it is, for people"`
	Attempt         int         `json:"attempt" doc:"0 until a worker took it"`
	Deaths          int         `json:"deaths" doc:"attempts whose worker died"`
	TimeoutS        *float64    `json:"timeout_s,omitempty" doc:"seconds an attempt may take"`
	ErrorName       *string     `json:"error_name,omitempty"`
	CPUTimeMS       *int64      `json:"cpu_ms,omitempty"`
	UserTimeMS      *int64      `json:"user_ms,omitempty" doc:"the user's own code alone"`
	Tier            *string     `json:"isolation,omitempty" doc:"the tier of the sandbox it ran in"`
	LogBytes        int64       `json:"log_bytes"`
	ResultBytes     int64       `json:"result_bytes"`
	ArgsTruncated   bool        `json:"args_too_big,omitempty" doc:"too large for this answer: get_args has them"`
	ResultTruncated bool        `json:"result_too_big,omitempty" doc:"too large for this answer: get_result has it"`
	LogsTruncated   bool        `json:"logs_cut,omitempty" doc:"logs is not the whole log"`
}

// jobOf tells a job without its payloads.
func jobOf(j domain.Job) Job {
	out := Job{
		Type: "QueuedJob", WorkspaceID: j.Workspace, ID: j.ID, ParentJob: some(j.Parent), CreatedBy: j.CreatedBy,
		CreatedAt: j.CreatedAt, StartedAt: moment(j.StartedAt), ScheduledFor: moment(j.ScheduledFor), ScriptPath: some(j.ScriptPath),
		ScriptHash: some(j.ScriptHash), Canceled: j.CancelBy != "", CanceledBy: some(j.CancelBy), CanceledReason: some(j.CancelReason),
		JobKind: string(j.Kind), PermissionedAs: j.PermissionedAs, Language: some(string(j.Language)), Email: j.Email,
		VisibleToOwner: true, MemPeak: some(j.MemPeak / 1024), Tag: j.Tag, Priority: some(j.Priority), Labels: j.Labels,
		Worker: some(j.Worker), TriggerKind: some(j.Trigger), Status: string(j.Status), Reason: some(j.Reason), Attempt: j.Attempt,
		Deaths: j.Deaths, TimeoutS: some(j.Timeout.Seconds()), ErrorName: some(j.ErrorName), CPUTimeMS: some(j.CPUTime.Milliseconds()),
		Tier: some(j.Tier), LogBytes: j.LogBytes, ResultBytes: j.ResultSize,
	}
	if due := later(j.CreatedAt, j.ScheduledFor); !j.StartedAt.IsZero() && !due.IsZero() {
		wait := max(0, j.StartedAt.Sub(due).Milliseconds())
		out.SelfWaitTimeMS = &wait
	}
	if !j.UserStart.IsZero() && !j.UserEnd.IsZero() {
		took := j.UserEnd.Sub(j.UserStart).Milliseconds()
		out.UserTimeMS = &took
	}
	if !j.Status.Final() {
		running := j.Status == domain.StatusRunning
		out.Running = &running
		if running {
			out.LastPing = moment(j.LeaseUntil)
		}
		return out
	}
	out.Type = "CompletedJob"
	success := j.Status == domain.StatusSuccess
	out.Success, out.CompletedAt = &success, moment(j.EndedAt)
	out.Canceled = j.Status == domain.StatusCanceled
	took := int64(0)
	if !j.StartedAt.IsZero() && !j.EndedAt.IsZero() {
		took = max(0, j.EndedAt.Sub(j.StartedAt).Milliseconds())
	}
	out.DurationMS = &took
	if out.StartedAt == nil { // Windmill's clients read it of every final job
		out.StartedAt = moment(j.EndedAt)
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

type InJob struct {
	InWorkspace
	ID string `path:"id" doc:"a UUID"`
}

// job reads a job that the caller may use the operation on.
func (s *server) job(ctx context.Context, jobID string) (domain.Job, error) {
	c := callOf(ctx)
	if err := checkID("id", jobID); err != nil {
		return domain.Job{}, err
	}
	j, err := s.Engine.Get(ctx, c.viewer(), jobID)
	if errs.Is(err, errs.NotFound) {
		return j, noJob(jobID)
	}
	if err != nil {
		return j, err
	}
	return j, c.mayJob(j)
}

// mayJob decides on the operation for a job. A token that is limited to paths may reach what runs at them; a job may
// always be asked about by itself.
func (c *call) mayJob(j domain.Job) error {
	if len(c.who.Scopes) == 0 || c.who.JobID == j.ID && c.who.JobID != "" {
		return nil
	}
	who := c.who
	who.Role = domain.RoleAdmin // the store has decided what may be seen; here only the token's scopes are left to ask
	return decision(perm.Decide(who, c.operation.Permission, j.ScriptPath, domain.Access{}), c.who, j.ScriptPath)
}

func checkID(field, jobID string) error {
	if !id.Valid(jobID) {
		return errs.New(errs.Invalid, "the id is not valid").WithField(field, "must be a UUID in lower case")
	}
	return nil
}

func noJob(jobID string) error { return errs.New(errs.NotFound, "there is no job %s", jobID) }

type getJobIn struct {
	InJob
	NoLogs bool `query:"no_logs"`
	NoCode bool `query:"no_code"`
}

type jobOut struct {
	Body Job
}

func (s *server) getJob(ctx context.Context, in *getJobIn) (*jobOut, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	body, err := s.wholeJob(ctx, j, in.NoLogs, in.NoCode)
	if err != nil {
		return nil, err
	}
	return &jobOut{Body: body}, nil
}

// wholeJob tells a job with as much of its payloads as fits an answer.
func (s *server) wholeJob(ctx context.Context, j domain.Job, noLogs, noCode bool) (Job, error) {
	out := jobOf(j)
	var err error
	if out.Args, out.ArgsTruncated, err = s.shown(ctx, j, domain.PayloadArgs, `{"reason":`+tooBig+`}`); err != nil {
		return out, err
	}
	if j.Status.Final() {
		if out.Result, out.ResultTruncated, err = s.shown(ctx, j, domain.PayloadResult, tooBig); err != nil {
			return out, err
		}
		out.Deleted = out.Args == nil && out.Result == nil
	}
	if !noCode && j.Kind == domain.JobPreview {
		code, err := s.Engine.Queue().Code(ctx, j.Workspace, j.ID)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return out, err
		}
		out.RawCode, out.RawLock = some(code.Content), code.Lock
	}
	if !noLogs {
		logs, start, _, err := s.logTail(ctx, j)
		if err != nil {
			return out, err
		}
		out.Logs, out.LogsTruncated = &logs, start > 0
	}
	return out, nil
}

// shown is a payload, or the placeholder when it is too large. A payload that was deleted is nil.
func (s *server) shown(ctx context.Context, j domain.Job, kind domain.PayloadKind, placeholder string) (domain.JSON, bool, error) {
	r, size, err := s.Engine.Queue().Open(ctx, j.Workspace, j.ID, kind)
	if errs.Is(err, errs.NotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	if size > maxShown {
		return domain.JSON(placeholder), true, nil
	}
	data, err := readAll(r, size)
	return data, false, err
}

// logTail is the end of a log: from whole lines on when it is cut.
func (s *server) logTail(ctx context.Context, j domain.Job) (text string, start, end int64, err error) {
	size, err := s.Engine.Queue().LogSize(ctx, j.Workspace, j.ID, domain.LogOutput)
	if err != nil {
		return "", 0, 0, err
	}
	start = max(0, size-maxShownLog)
	text, end, err = s.logText(ctx, j.Workspace, j.ID, domain.LogOutput, start, maxShownLog)
	if start > 0 {
		if cut := strings.IndexByte(text, '\n'); cut >= 0 {
			text, start = text[cut+1:], start+int64(cut)+1
		}
	}
	return text, start, end, err
}

// logText reads a log from a byte offset on, up to about limit bytes, and where it ended. It never splits a character.
func (s *server) logText(ctx context.Context, workspace, jobID string, kind domain.LogKind, offset int64, limit int) (string, int64, error) {
	chunks, err := s.Engine.Queue().Logs(ctx, workspace, jobID, kind, offset, limit)
	if err != nil {
		return "", offset, err
	}
	var b strings.Builder
	at := offset
	for _, c := range chunks {
		text := c.Text
		at = max(at, c.Offset) // the middle of a log that was too long is gone
		if skip := at - c.Offset; skip > 0 {
			if skip >= int64(len(text)) {
				continue
			}
			text = text[skip:]
		}
		if room := limit - b.Len(); len(text) > room {
			text = text[:room]
		}
		b.WriteString(text)
		at += int64(len(text))
		if b.Len() >= limit {
			break
		}
	}
	out := b.String()
	lead := 0 // an offset of the caller's own may begin inside a character: drop the rest of it
	for lead < len(out) && lead < utf8.UTFMax && !utf8.RuneStart(out[lead]) {
		lead++
	}
	out = out[lead:]
	for cut := 0; cut < utf8.UTFMax && len(out) > 0; cut++ { // the end of a window may be inside one: leave it for the next
		r, size := utf8.DecodeLastRuneInString(out)
		if r != utf8.RuneError || size > 1 {
			break
		}
		out, at = out[:len(out)-1], at-1
	}
	return out, at, nil
}

type completedIn struct{ InJob }

func (s *server) finalJob(ctx context.Context, jobID string) (domain.Job, error) {
	j, err := s.job(ctx, jobID)
	if err == nil && !j.Status.Final() {
		return j, errs.New(errs.NotFound, "the job %s is not final: it is %s", jobID, j.Status).WithHint("wait for it, or ask completed/get_result_maybe")
	}
	return j, err
}

func (s *server) completedJob(ctx context.Context, in *completedIn) (*jobOut, error) {
	j, err := s.finalJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	body, err := s.wholeJob(ctx, j, false, false)
	if err != nil {
		return nil, err
	}
	return &jobOut{Body: body}, nil
}

func (s *server) jobArgs(ctx context.Context, in *InJob) (*payload, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, j, domain.PayloadArgs)
}

func (s *server) jobResult(ctx context.Context, in *InJob) (*payload, error) {
	j, err := s.finalJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, j, domain.PayloadResult)
}

// resultMaybeSchema documents an answer that is put together around the bytes of the result.
func resultMaybeSchema() *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"completed", "result"}, Properties: map[string]*huma.Schema{
		"completed": {Type: huma.TypeBoolean}, "success": {Type: huma.TypeBoolean, Description: "only when completed"},
		"started": {Type: huma.TypeBoolean, Description: "only when asked for"}, "result": {Description: "null until completed"},
	}}
}

func (s *server) jobResultMaybe(ctx context.Context, in *struct {
	InJob
	GetStarted bool `query:"get_started"`
},
) (*rawJSON, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	started := ""
	if in.GetStarted {
		started = fmt.Sprintf(`,"started":%t`, !j.StartedAt.IsZero())
	}
	if !j.Status.Final() {
		return jsonBytes([]byte(`{"completed":false,"result":null` + started + `}`)), nil
	}
	result, err := s.Engine.Queue().Result(ctx, j.Workspace, j.ID)
	if errs.Is(err, errs.NotFound) {
		result, err = domain.JSON("null"), nil
	}
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf(`{"completed":true,"success":%t%s,"result":`, j.Status == domain.StatusSuccess, started)
	body := make([]byte, 0, len(head)+len(result)+1)
	body = append(body, head...)
	body = append(body, result...)
	return jsonBytes(append(body, '}')), nil
}

func (s *server) jobLogs(ctx context.Context, in *struct {
	InJob
	RemoveAnsiWarnings bool `query:"remove_ansi_warnings" doc:"accepted"`
},
) (*stream, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.wholeLog(ctx, j)
}

// LogWindow is a piece of a log.
type LogWindow struct {
	Text   string `json:"text" doc:"UTF-8 with ANSI colours"`
	Offset int64  `json:"offset" doc:"of text in the whole log, bytes"`
	Next   int64  `json:"next" doc:"where the next window begins"`
	Size   int64  `json:"size" doc:"of the whole log now, bytes"`
	Final  bool   `json:"final" doc:"nothing will be added"`
}

type logWindowOut struct {
	Body LogWindow
}

func (s *server) logWindow(ctx context.Context, in *struct {
	InJob
	Offset int64  `query:"offset" doc:"bytes from the start; negative counts from the end"`
	Limit  int    `query:"limit" minimum:"16" maximum:"1048576" default:"65536" doc:"bytes"`
	Kind   string `query:"kind" enum:"log,stream" default:"log"`
},
) (*logWindowOut, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	kind := domain.LogKind(in.Kind)
	size, err := s.Engine.Queue().LogSize(ctx, in.Workspace, in.ID, kind)
	if err != nil {
		return nil, err
	}
	offset := in.Offset
	if offset < 0 {
		offset = max(0, size+offset)
	}
	offset = min(offset, size)
	text, next, err := s.logText(ctx, in.Workspace, in.ID, kind, offset, min(in.Limit, maxWindow))
	if err != nil {
		return nil, err
	}
	return &logWindowOut{Body: LogWindow{Text: text, Offset: next - int64(len(text)), Next: next, Size: max(size, next), Final: j.Status.Final()}}, nil
}

type whyOut struct {
	Body struct {
		Status string `json:"status" enum:"queued,running,success,failure,canceled,poisoned"`
		Reason string `json:"reason" doc:"for people; empty when there is nothing to say"`
	} `nameHint:"Why"`
}

func (s *server) whyJob(ctx context.Context, in *InJob) (*whyOut, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &whyOut{}
	out.Body.Status, out.Body.Reason = string(j.Status), j.Reason
	return out, nil
}

func (s *server) rootJob(ctx context.Context, in *InJob) (*plain, error) {
	const most = 100 // a chain of parents that long is a loop of a client's making
	j, err := s.job(ctx, in.ID)
	for n := 0; err == nil && j.Parent != "" && n < most; n++ {
		parent, up := s.Engine.Get(ctx, callOf(ctx).viewer(), j.Parent)
		if errs.Is(up, errs.NotFound) {
			break
		}
		if err = up; err == nil {
			j = parent
		}
	}
	if err != nil {
		return nil, err
	}
	return plainText(j.ID), nil
}

// JobUpdate is what is new of a job.
type JobUpdate struct {
	Type         string      `json:"type,omitempty" enum:"update,ping,error,notfound,timeout" doc:"only in streams"`
	Running      *bool       `json:"running,omitempty"`
	Completed    *bool       `json:"completed,omitempty"`
	NewLogs      *string     `json:"new_logs,omitempty"`
	LogOffset    *int64      `json:"log_offset,omitempty" doc:"bytes; where to go on"`
	NewStream    *string     `json:"new_result_stream,omitempty"`
	StreamOffset *int64      `json:"stream_offset,omitempty"`
	MemPeak      *int64      `json:"mem_peak,omitempty" doc:"kilobytes"`
	Job          *Job        `json:"job,omitempty" doc:"once it is final, in streams"`
	OnlyResult   domain.JSON `json:"only_result,omitempty" doc:"once it is final, in streams that asked for it"`
	Reason       *string     `json:"reason,omitempty" doc:"why it is where it is, for people"`
	Error        *string     `json:"error,omitempty"`
}

// FollowIn is where a follower of a job stands.
type FollowIn struct {
	Running      bool  `query:"running" doc:"the caller knows that it runs"`
	LogOffset    int64 `query:"log_offset" minimum:"0"`
	StreamOffset int64 `query:"stream_offset" minimum:"0"`
	NoLogs       bool  `query:"no_logs"`
	GetProgress  bool  `query:"get_progress" doc:"accepted"`
}

type jobUpdateOut struct {
	Body JobUpdate
}

func (s *server) jobUpdate(ctx context.Context, in *struct {
	InJob
	FollowIn
},
) (*jobUpdateOut, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	u, _, err := s.update(ctx, j, &in.FollowIn, maxUpdate)
	if err != nil {
		return nil, err
	}
	return &jobUpdateOut{Body: u}, nil
}

// update reads what is new and moves the follower on. full is true when more is waiting than fits one update. Completed
// is told only once all that was written has been read.
func (s *server) update(ctx context.Context, j domain.Job, at *FollowIn, limit int) (u JobUpdate, full bool, err error) {
	running, completed := j.Status == domain.StatusRunning, false
	u = JobUpdate{Running: &running, MemPeak: some(j.MemPeak / 1024), Reason: some(j.Reason)}
	if !at.NoLogs {
		logs, next, err := s.logText(ctx, j.Workspace, j.ID, domain.LogOutput, at.LogOffset, limit)
		if err != nil {
			return u, full, err
		}
		full = len(logs) >= limit-utf8.UTFMax
		u.NewLogs = some(logs)
		at.LogOffset = next
	}
	items, next, err := s.logText(ctx, j.Workspace, j.ID, domain.LogStream, at.StreamOffset, limit)
	if err != nil {
		return u, full, err
	}
	full = full || len(items) >= limit-utf8.UTFMax
	u.NewStream = some(items)
	at.StreamOffset = next
	logOffset, streamOffset := at.LogOffset, at.StreamOffset
	u.LogOffset, u.StreamOffset = &logOffset, &streamOffset
	completed = j.Status.Final() && !full
	u.Completed = &completed
	return u, full, nil
}

type cancelIn struct {
	InJob
	Body *CancelJob `required:"false"`
}

// CancelJob says why.
type CancelJob struct {
	Reason *string `json:"reason,omitempty" nullable:"true" maxLength:"1000"`
}

func (s *server) cancelJob(ctx context.Context, in *cancelIn) (*plain, error) {
	if _, err := s.job(ctx, in.ID); err != nil {
		return nil, err
	}
	reason := ""
	if in.Body != nil {
		reason = value(in.Body.Reason)
	}
	j, err := s.Engine.Cancel(ctx, callOf(ctx).scopeless(), in.ID, reason)
	if err != nil {
		return nil, err
	}
	return plainText(j.ID), nil
}

// scopeless is the caller after the scopes of the token were asked about the object at hand, for services that would ask
// again without knowing it.
func (c *call) scopeless() domain.Identity {
	who := c.who
	who.Scopes = nil
	return who
}

type cancelSelectionIn struct {
	InWorkspace
	ForceCancel bool     `query:"force_cancel" doc:"accepted; cancel always ends all processes"`
	Body        []string `maxItems:"1000" nullable:"false"`
}

func (s *server) cancelSelection(ctx context.Context, in *cancelSelectionIn) (*namesOut, error) {
	for i, jobID := range in.Body {
		if err := checkID(fmt.Sprintf("[%d]", i), jobID); err != nil {
			return nil, err
		}
	}
	out := &namesOut{Body: []string{}}
	for _, jobID := range in.Body {
		j, err := s.Engine.Cancel(ctx, callOf(ctx).who, jobID, "")
		if errs.Is(err, errs.NotFound) || errs.Is(err, errs.Forbidden) {
			continue // the answer names those that are canceled
		}
		if err != nil {
			return nil, err
		}
		out.Body = append(out.Body, j.ID)
	}
	return out, nil
}

// QueueCount is how many jobs are not final.
type QueueCount struct {
	DatabaseLength int `json:"database_length"`
	Running        int `json:"running"`
	Suspended      int `json:"suspended"`
}

type queueCountOut struct {
	Body QueueCount
}

func (s *server) queueCount(ctx context.Context, in *InWorkspace) (*queueCountOut, error) {
	counts, err := s.Store.JobCount(ctx, in.Workspace)
	if err != nil {
		return nil, err
	}
	running := counts[domain.StatusRunning]
	return &queueCountOut{Body: QueueCount{DatabaseLength: counts[domain.StatusQueued] + running, Running: running}}, nil
}

// marshal writes JSON that a browser may read anywhere, without escaping what is none of HTML's business.
func marshal(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte("{}")
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
