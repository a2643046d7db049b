// Package engine turns requests into jobs and outcomes into states: it resolves what to run, validates the arguments
// against the schema, pushes, and completes, each in one transaction.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/store"
)

// TagDependency is the tag of jobs that resolve the dependencies of a deployed version.
const TagDependency = "dependency"

// TokenMinter makes the secret with which a job acts for its identity while the attempt runs.
type TokenMinter interface {
	JobToken(l domain.Lease) string
}

// Options is what an engine needs. Tokens may be nil: then jobs get none.
type Options struct {
	Store     store.Store
	Queue     *queue.Queue
	Hub       *events.Hub
	Languages lang.Registry
	Tokens    TokenMinter
	Log       *slog.Logger
}

// Engine accepts runs and serves workers. All methods may be called at once; it has no goroutines of its own.
type Engine struct {
	o        Options
	schemas  schemaCache
	versions versionCache
}

// New makes an engine.
func New(o Options) *Engine { return &Engine{o: o} }

// Queue is the engine's queue, for reading jobs, logs and results.
func (e *Engine) Queue() *queue.Queue { return e.o.Queue }

// Run is a request to run something: a version by Path (the newest) or Hash, or Code that comes with the request.
type Run struct {
	Who          domain.Identity
	Path, Hash   string
	Code         *domain.Code // a preview
	Args         domain.JSON  // one JSON object; nil: {}
	ScheduledFor time.Time    // zero: now
	Tag          string       // empty: the script's, else its language's
	Timeout      time.Duration
	Parent       string // job that asks
	Trigger      string // as in domain.Job
	Labels       []string
	ID           string // chosen by the client, so that a request can be repeated safely; empty: a new one
}

// Viewer is on whose behalf who reads.
func Viewer(who domain.Identity) store.Viewer {
	return store.Viewer{Workspace: who.Workspace, Username: who.Username, All: who.Admin()}
}

// allowed turns a decision into an error.
func (e *Engine) allowed(ctx context.Context, who domain.Identity, p perm.Permission, path string) error {
	d, err := store.Decide(ctx, e.o.Store, who, p, path)
	switch {
	case err != nil:
		return err
	case d.Allowed:
		return nil
	case who.Email == "":
		return errs.New(errs.Unauthenticated, "nobody is signed in").WithHint("sign in, or send a token")
	case d.Hide && path != "":
		return notFound(path)
	case d.Hide:
		return errs.New(errs.NotFound, "there is no such workspace, or you are not a member of it")
	}
	return errs.New(errs.Forbidden, "you may not do this: %s", d.Reason).WithHint("ask an administrator of the workspace")
}

func notFound(path string) error {
	return errs.New(errs.NotFound, "there is no script %s", path).WithHint("check the path; private scripts of others look as if they were not there")
}

// Run accepts a run: when it returns, the job is durable. Errors are Invalid (Fields name the arguments as "args.x"),
// NotFound, Forbidden, Conflict (the script is archived, the ID is taken), TooLarge.
func (e *Engine) Run(ctx context.Context, r Run) (domain.Job, error) {
	if r.Timeout < 0 {
		return domain.Job{}, errs.New(errs.Invalid, "the timeout is not valid").WithField("timeout", "must be 0 (none) or a number of seconds")
	}
	if r.ID != "" && !id.Valid(r.ID) {
		return domain.Job{}, errs.New(errs.Invalid, "the job id is not valid").WithField("job_id", "must be a UUID in lower case").
			WithHint("leave it out to get a new one")
	}
	item, err := e.prepare(ctx, r)
	if err != nil {
		return domain.Job{}, err
	}
	if err := e.o.Queue.Push(ctx, item); err != nil {
		if errs.Is(err, errs.Conflict) && r.ID != "" {
			return domain.Job{}, errs.Wrap(errs.Conflict, err, "there is a job %s already", r.ID).WithHint("if this is a repeated request, it was accepted the first time")
		}
		return domain.Job{}, err
	}
	return item.Job, nil
}

// prepare makes the job of a request without storing anything.
func (e *Engine) prepare(ctx context.Context, r Run) (queue.NewJob, error) {
	now := time.Now().UTC()
	item := queue.NewJob{Args: r.Args, Job: domain.Job{
		ID: r.ID, Workspace: r.Who.Workspace, Timeout: r.Timeout, Tag: r.Tag,
		CreatedBy: r.Who.Username, Email: r.Who.Email, PermissionedAs: r.Who.PermissionedAs(), TokenScopes: r.Who.Scopes,
		CreatedAt: now, ScheduledFor: r.ScheduledFor.UTC(), Parent: r.Parent, Trigger: r.Trigger, Labels: r.Labels,
		Status: domain.StatusQueued,
	}}
	if item.Job.ID == "" {
		item.Job.ID = id.New()
	}
	if r.ScheduledFor.IsZero() {
		item.Job.ScheduledFor = time.Time{}
	}
	var err error
	if r.Code != nil {
		err = e.preparePreview(ctx, r, &item)
	} else {
		err = e.prepareScript(ctx, r, &item)
	}
	if err != nil {
		return item, err
	}
	if item.Job.Tag == "" {
		item.Job.Tag = string(item.Job.Language)
	}
	return item, nil
}

func (e *Engine) preparePreview(ctx context.Context, r Run, item *queue.NewJob) error {
	if err := e.allowed(ctx, r.Who, perm.JobsPreview, r.Code.Path); err != nil {
		return err
	}
	l, ok := e.o.Languages.Get(r.Code.Language)
	if !ok {
		return e.unknownLanguage(r.Code.Language)
	}
	if n := len(r.Code.Content); n > domain.MaxScriptContent {
		return errs.New(errs.TooLarge, "the code is %d bytes; at most %d are allowed", n, domain.MaxScriptContent)
	}
	if err := e.CheckArgs(e.previewSchema(l, r.Code.Content), r.Args); err != nil {
		return err
	}
	code := *r.Code
	item.Code = &code
	item.Job.Kind, item.Job.ScriptPath, item.Job.Language = domain.JobPreview, code.Path, code.Language
	return nil
}

// maxPreviewSchema is up to how many bytes of code a preview's arguments are checked: reading more would hold up the request
// longer than the answer is worth.
const maxPreviewSchema = 512 << 10

// previewSchema is what the code of a preview takes, as a deployed script's schema says it; nil when that cannot be read.
// Half-written code is no reason to refuse: its run says what is wrong, with the log beside it.
func (e *Engine) previewSchema(l lang.Language, code string) domain.JSON {
	if len(code) > maxPreviewSchema {
		return nil
	}
	sig, err := l.Signature(code)
	if err != nil || sig.NoMain {
		return nil
	}
	return sig.Document()
}

func (e *Engine) unknownLanguage(l domain.Language) error {
	names := ""
	for i, known := range e.o.Languages {
		if i > 0 {
			names += ", "
		}
		names += string(known.Manifest().ID)
	}
	return errs.New(errs.Invalid, "the language is not known here").WithField("language", "%q is none of %s", l, names)
}

func (e *Engine) prepareScript(ctx context.Context, r Run, item *queue.NewJob) error {
	s, err := e.resolve(ctx, r)
	if err != nil {
		return err
	}
	if _, ok := e.o.Languages.Get(s.Language); !ok {
		return e.unknownLanguage(s.Language)
	}
	if err := e.CheckArgs(s.Schema, r.Args); err != nil {
		return err
	}
	j := &item.Job
	j.Kind, j.ScriptPath, j.ScriptHash, j.Language = domain.JobScript, s.Path, s.Hash, s.Language
	j.Priority = s.Settings.Priority
	if j.Timeout == 0 {
		j.Timeout = time.Duration(s.Settings.Timeout) * time.Second
	}
	if j.Tag == "" {
		j.Tag = s.Settings.Tag
	}
	if len(s.Settings.Labels) > 0 {
		j.Labels = append(append([]string(nil), s.Settings.Labels...), r.Labels...)
	}
	return nil
}

// resolve finds the version to run and refuses one that cannot run.
func (e *Engine) resolve(ctx context.Context, r Run) (domain.Script, error) {
	var s domain.Script
	var err error
	switch {
	case r.Hash != "":
		s, err = e.o.Store.ScriptByHash(ctx, Viewer(r.Who), r.Hash)
		if errs.Is(err, errs.NotFound) {
			return s, errs.Wrap(errs.NotFound, err, "there is no version %s", r.Hash).WithHint("run the script by its path to get the newest version")
		}
		if err != nil {
			return s, err
		}
		if err := e.allowed(ctx, r.Who, perm.JobsRun, s.Path); err != nil {
			return s, err
		}
	default:
		if err := domain.CheckPath("path", r.Path); err != nil {
			return s, err
		}
		if err := e.allowed(ctx, r.Who, perm.JobsRun, r.Path); err != nil {
			return s, err
		}
		s, err = e.o.Store.ScriptLatest(ctx, Viewer(r.Who), r.Path)
		if errs.Is(err, errs.NotFound) {
			return s, e.whyMissing(ctx, r)
		}
		if err != nil {
			return s, err
		}
	}
	name := s.Path
	switch {
	case s.Deleted:
		return s, errs.New(errs.Conflict, "this version of %s was deleted", name).WithHint("run the script by its path, or deploy it again")
	case s.Archived:
		return s, archived(name)
	case s.NoMain:
		return s, errs.New(errs.Invalid, "%s is a library: it has no main function to run", name).WithHint("add a main function, or import it from another script")
	case s.LockError != "":
		return s, errs.New(errs.Invalid, "%s cannot run: its dependencies could not be resolved: %s", name, s.LockError).
			WithHint("correct the imports and deploy a new version")
	}
	return s, nil
}

func archived(path string) error {
	return errs.New(errs.Conflict, "%s is archived", path).WithHint("deploy a new version to bring it back")
}

// whyMissing tells a path that once had a script from one that never had.
func (e *Engine) whyMissing(ctx context.Context, r Run) error {
	old, err := e.o.Store.ScriptHistory(ctx, Viewer(r.Who), r.Path, 1)
	if err == nil && len(old) > 0 && old[0].Archived && !old[0].Deleted {
		return archived(r.Path)
	}
	return notFound(r.Path)
}

// Dependencies pushes the job that resolves the lock of a deployed version.
func (e *Engine) Dependencies(ctx context.Context, who domain.Identity, s domain.Script) (domain.Job, error) {
	job := domain.Job{
		ID: id.New(), Workspace: s.Workspace, Kind: domain.JobDependencies, ScriptPath: s.Path, ScriptHash: s.Hash, Language: s.Language,
		Tag: TagDependency, CreatedBy: who.Username, Email: who.Email, PermissionedAs: who.PermissionedAs(), TokenScopes: who.Scopes,
		CreatedAt: time.Now().UTC(), Trigger: "deploy", Status: domain.StatusQueued,
	}
	err := e.o.Queue.Push(ctx, queue.NewJob{Job: job, Code: &domain.Code{Path: s.Path, Language: s.Language, Content: s.Content}})
	return job, err
}

// Rerun runs again what a job ran: the same version or the same preview, with the same arguments or with args.
func (e *Engine) Rerun(ctx context.Context, who domain.Identity, jobID string, args domain.JSON) (domain.Job, error) {
	old, err := e.get(ctx, who, jobID)
	if err != nil {
		return old, err
	}
	if args == nil {
		if args, err = e.o.Queue.Args(ctx, old.Workspace, old.ID); err != nil {
			return domain.Job{}, gone(err, old)
		}
	}
	r := Run{Who: who, Args: args, Trigger: "rerun", Labels: old.Labels, Timeout: old.Timeout, Tag: old.Tag}
	switch old.Kind {
	case domain.JobScript:
		r.Hash, r.Labels = old.ScriptHash, nil // the version brings its own labels
	case domain.JobPreview:
		code, err := e.o.Queue.Code(ctx, old.Workspace, old.ID)
		if err != nil {
			return domain.Job{}, gone(err, old)
		}
		r.Code = &code
	default:
		return domain.Job{}, errs.New(errs.Invalid, "a job that resolves dependencies cannot be run again").WithHint("deploy the script again")
	}
	return e.Run(ctx, r)
}

// gone explains a payload that is not there any more.
func gone(err error, job domain.Job) error {
	if errs.Is(err, errs.NotFound) {
		return errs.Wrap(errs.Conflict, err, "the arguments or the code of job %s were deleted", job.ID).WithHint("run the script itself")
	}
	return err
}

func (e *Engine) get(ctx context.Context, who domain.Identity, jobID string) (domain.Job, error) {
	if err := e.allowed(ctx, who, perm.JobsRead, ""); err != nil {
		return domain.Job{}, err
	}
	job, err := e.o.Store.JobGet(ctx, Viewer(who), jobID)
	if errs.Is(err, errs.NotFound) {
		return job, errs.Wrap(errs.NotFound, err, "there is no job %s", jobID)
	}
	return job, err
}

// Cancel ends a job that has not started, asks the worker of a running one to end it, and leaves a final one as it is.
// The returned job tells which.
func (e *Engine) Cancel(ctx context.Context, who domain.Identity, jobID, reason string) (domain.Job, error) {
	if err := e.allowed(ctx, who, perm.JobsWrite, ""); err != nil {
		return domain.Job{}, err
	}
	job, err := e.get(ctx, who, jobID)
	if err != nil {
		return job, err
	}
	// To see a run is not to end it: that takes having started it, or the right to run there.
	if job.CreatedBy != who.Username && job.ScriptPath != "" {
		scopeless := who
		scopeless.Scopes = nil // the token was asked above
		if err := e.allowed(ctx, scopeless, perm.JobsWrite, job.ScriptPath); err != nil {
			return domain.Job{}, err
		}
	}
	job, err = e.o.Queue.Cancel(ctx, Viewer(who), jobID, who.Username, reason, func(ctx context.Context, tx store.Nouns, job domain.Job) error {
		return audit.Record(ctx, tx, who, audit.Entry{
			Workspace: job.Workspace, Action: audit.JobCancel, Kind: domain.AuditExecute, Resource: job.ID,
			Changes: audit.Diff(nil, map[string]any{"path": job.ScriptPath, "reason": reason}),
		})
	})
	if errs.Is(err, errs.NotFound) {
		return job, errs.Wrap(errs.NotFound, err, "there is no job %s", jobID)
	}
	return job, err
}

// Get reads a job with its Reason.
func (e *Engine) Get(ctx context.Context, v store.Viewer, jobID string) (domain.Job, error) {
	job, err := e.o.Queue.Get(ctx, v, jobID)
	if err == nil && !job.Status.Final() {
		job.Reason = e.Why(ctx, job)
	}
	return job, err
}

// List reads a page of jobs with their Reasons.
func (e *Engine) List(ctx context.Context, p store.JobListParams) ([]domain.Job, error) {
	jobs, err := e.o.Queue.List(ctx, p)
	var w *workers
	for i := range jobs {
		if jobs[i].Status.Final() {
			continue
		}
		if w == nil {
			w = e.workers(ctx)
		}
		jobs[i].Reason = w.why(jobs[i], time.Now())
	}
	return jobs, err
}

func checkObject(args domain.JSON) error {
	trimmed := bytes.TrimLeft(args, " \t\r\n")
	if len(trimmed) == 0 {
		return nil
	}
	bad := errs.New(errs.Invalid, "the arguments are not valid").WithHint(`send one JSON object, like {"name": "value"}`)
	if trimmed[0] != '{' {
		return bad.WithField("args", "must be a JSON object")
	}
	if !json.Valid(args) {
		var syntax *json.SyntaxError
		if err := json.Unmarshal(args, new(any)); errors.As(err, &syntax) {
			return bad.WithField("args", "is not valid JSON at byte %d: %s", syntax.Offset, syntax.Error())
		}
		return bad.WithField("args", "is not valid JSON")
	}
	return nil
}
