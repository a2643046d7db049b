package api

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// JobFilter is what all lists of jobs take. A value that can match nothing is a mistake and an error.
type JobFilter struct {
	InWorkspace
	PageIn
	Before          string    `query:"before" doc:"a job's id: only older ones; the last id of the page before"`
	JobKinds        string    `query:"job_kinds" doc:"separated by commas: script, preview, dependencies; kinds of Windmill's that do not exist here match nothing"`
	ScriptPathStart string    `query:"script_path_start"`
	ScriptPathExact string    `query:"script_path_exact"`
	ScriptHash      string    `query:"script_hash"`
	CreatedBy       string    `query:"created_by" doc:"a user name"`
	CreatedAfter    time.Time `query:"created_after"`
	CreatedBefore   time.Time `query:"created_before"`
	Tag             string    `query:"tag"`
	Label           string    `query:"label"`
	Worker          string    `query:"worker"`
	ParentJob       string    `query:"parent_job"`
	TriggerKind     string    `query:"trigger_kind"`
	HasNullParent   bool      `query:"has_null_parent"`
	OrderDesc       Flag      `query:"order_desc" doc:"newest first, unless false"`
	IsFlowStep      Flag      `query:"is_flow_step" doc:"there are no flow steps yet"`
	IsNotSchedule   Flag      `query:"is_not_schedule" doc:"there are no schedules yet"`
	IsSkipped       Flag      `query:"is_skipped" doc:"no job is skipped yet"`
}

// windmillKinds are job kinds of Windmill's clients that no job here has yet.
var windmillKinds = []string{
	"flow", "flowpreview", "flowdependencies", "appdependencies", "script_hub", "identity", "deploymentcallback",
	"singlestepflow", "flowscript", "flownode", "appscript", "aiagent", "unassigned_script", "unassigned_flow", "unassigned_singlestepflow",
}

// params is the store's selection; none is true when the filter is right and nothing can match it.
func (f *JobFilter) params(v store.Viewer, statuses []domain.JobStatus) (p store.JobListParams, none bool, err error) {
	e := errs.New(errs.Invalid, "the filter is not valid")
	limit, offset, err := f.window()
	if err != nil {
		e = errs.As(err)
	}
	kinds, onlyForeign := f.kinds(e)
	if f.Before != "" {
		if err := checkID("", f.Before); err != nil {
			e.WithField("query.before", "must be a job's id: a UUID in lower case")
		}
	}
	if f.ParentJob != "" {
		if err := checkID("", f.ParentJob); err != nil {
			e.WithField("query.parent_job", "must be a job's id: a UUID in lower case")
		}
		if f.HasNullParent {
			e.WithField("query.has_null_parent", "contradicts parent_job")
		}
	}
	if f.ScriptHash != "" {
		if err := checkHash("", f.ScriptHash); err != nil {
			e.WithField("query.script_hash", "must be 16 hexadecimal digits in lower case")
		}
	}
	checkTexts(e, map[string]string{
		"script_path_start": f.ScriptPathStart, "script_path_exact": f.ScriptPathExact, "created_by": f.CreatedBy,
		"tag": f.Tag, "label": f.Label, "worker": f.Worker, "trigger_kind": f.TriggerKind,
	})
	checkTimes(e, map[string]time.Time{"created_after": f.CreatedAfter, "created_before": f.CreatedBefore})
	if len(e.Fields) > 0 {
		return p, false, e
	}
	none = onlyForeign || f.IsFlowStep.is(true) || f.IsSkipped.is(true)
	return store.JobListParams{
		Viewer: v, Before: f.Before, Offset: offset, Limit: limit, Statuses: statuses, Kinds: kinds,
		PathPrefix: f.ScriptPathStart, PathExact: f.ScriptPathExact, Hash: f.ScriptHash, CreatedBy: f.CreatedBy, Label: f.Label, Tag: f.Tag,
		Worker: f.Worker, Parent: f.ParentJob, Trigger: f.TriggerKind, NoParent: f.HasNullParent, CreatedAfter: f.CreatedAfter.UTC(),
		CreatedBefore: f.CreatedBefore.UTC(), OldestFirst: f.OrderDesc.is(false),
	}, none, nil
}

func (f *JobFilter) kinds(e *errs.Error) (kinds []domain.JobKind, onlyForeign bool) {
	if f.JobKinds == "" {
		return nil, false
	}
	for _, k := range strings.Split(f.JobKinds, ",") {
		switch kind := domain.JobKind(k); {
		case kind == domain.JobScript || kind == domain.JobPreview || kind == domain.JobDependencies:
			kinds = append(kinds, kind)
		case !slices.Contains(windmillKinds, k):
			e.WithField("query.job_kinds", "%q is not a kind of job", k)
		}
	}
	return kinds, len(kinds) == 0
}

// checkTexts refuses what no stored text can equal, and what databases refuse.
func checkTexts(e *errs.Error, texts map[string]string) {
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch t := texts[name]; {
		case len(t) > 1000:
			e.WithField("query."+name, "is %d bytes long; at most 1000 are allowed", len(t))
		case !utf8.ValidString(t) || strings.ContainsRune(t, 0):
			e.WithField("query."+name, "must be UTF-8 text without NUL")
		}
	}
}

func checkTimes(e *errs.Error, times map[string]time.Time) {
	for name, t := range times {
		if !t.IsZero() && (t.Year() < 1970 || t.Year() > 9000) {
			e.WithField("query."+name, "must be a time between the years 1970 and 9000")
		}
	}
}

type jobsOut struct {
	Body []Job `nullable:"false"`
}

func (s *server) jobPage(ctx context.Context, f *JobFilter, statuses []domain.JobStatus) (*jobsOut, error) {
	p, none, err := f.params(callOf(ctx).viewer(), statuses)
	if err != nil {
		return nil, err
	}
	out := &jobsOut{Body: []Job{}}
	if none {
		return out, nil
	}
	list, err := s.Engine.List(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, j := range list {
		out.Body = append(out.Body, jobOf(j))
	}
	return out, nil
}

var (
	live  = []domain.JobStatus{domain.StatusQueued, domain.StatusRunning}
	final = []domain.JobStatus{domain.StatusSuccess, domain.StatusFailure, domain.StatusCanceled, domain.StatusPoisoned}
)

// narrow keeps of statuses those that the parameters of Windmill's clients mean. An empty result matches nothing.
func narrow(statuses []domain.JobStatus, status string, success, running Flag) []domain.JobStatus {
	keep := func(ok func(domain.JobStatus) bool) {
		statuses = slices.DeleteFunc(slices.Clone(statuses), func(s domain.JobStatus) bool { return !ok(s) })
	}
	if status != "" {
		wanted := strings.Split(status, ",")
		keep(func(s domain.JobStatus) bool {
			return slices.Contains(wanted, string(s)) || s == domain.StatusPoisoned && slices.Contains(wanted, string(domain.StatusFailure))
		})
	}
	if success.Set {
		keep(func(s domain.JobStatus) bool {
			return s.Final() && (s == domain.StatusSuccess) == success.Value
		})
	}
	if running.Set {
		keep(func(s domain.JobStatus) bool {
			return !s.Final() && (s == domain.StatusRunning) == running.Value
		})
	}
	return statuses
}

func checkStatus(status string) error {
	if status == "" {
		return nil
	}
	all := append(append([]domain.JobStatus{"skipped"}, live...), final...)
	for _, s := range strings.Split(status, ",") {
		if !slices.Contains(all, domain.JobStatus(s)) {
			return errs.New(errs.Invalid, "the filter is not valid").
				WithField("query.status", "%q is not one of queued, running, success, failure, canceled, poisoned", s)
		}
	}
	return nil
}

type listJobsIn struct {
	JobFilter
	Status  string `query:"status" doc:"separated by commas: queued, running, success, failure, canceled, poisoned"`
	Success Flag   `query:"success" doc:"only final jobs, with this outcome"`
	Running Flag   `query:"running" doc:"only jobs that are not final"`
}

func (s *server) listJobs(ctx context.Context, in *listJobsIn) (*jobsOut, error) {
	if err := checkStatus(in.Status); err != nil {
		return nil, err
	}
	if in.Status == "" && !in.Success.Set && !in.Running.Set {
		return s.jobPage(ctx, &in.JobFilter, nil)
	}
	return s.jobSelection(ctx, &in.JobFilter, narrow(slices.Concat(live, final), in.Status, in.Success, in.Running))
}

// jobSelection is a page of jobs in some states, which may be none at all.
func (s *server) jobSelection(ctx context.Context, f *JobFilter, statuses []domain.JobStatus) (*jobsOut, error) {
	if len(statuses) == 0 {
		if _, _, err := f.params(callOf(ctx).viewer(), nil); err != nil {
			return nil, err
		}
		return &jobsOut{Body: []Job{}}, nil
	}
	return s.jobPage(ctx, f, statuses)
}

func (s *server) listQueue(ctx context.Context, in *struct {
	JobFilter
	Running Flag `query:"running"`
},
) (*jobsOut, error) {
	return s.jobSelection(ctx, &in.JobFilter, narrow(live, "", Flag{}, in.Running))
}

func (s *server) listCompleted(ctx context.Context, in *struct {
	JobFilter
	Status  string `query:"status" doc:"separated by commas: success, failure, canceled, poisoned"`
	Success Flag   `query:"success"`
},
) (*jobsOut, error) {
	if err := checkStatus(in.Status); err != nil {
		return nil, err
	}
	return s.jobSelection(ctx, &in.JobFilter, narrow(final, in.Status, in.Success, Flag{}))
}
