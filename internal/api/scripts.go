package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/deploy"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

func scriptOperations() []operation {
	const base = "/api/w/{workspace}/scripts/"
	return []operation{
		op("POST", base+"create", "createScript", perm.ScriptsWrite, "Deploy a version of a script; the answer is its hash",
			(*server).createScript, created, text("the hash"), late),
		op("GET", base+"list", "listScripts", perm.ScriptsRead, "The newest version of each script, without code", (*server).listScripts, strict),
		op("GET", base+"list_paths", "listScriptPaths", perm.ScriptsRead, "The paths of all scripts", (*server).listScriptPaths),
		op("GET", base+"get/p/{path}", "getScriptByPath", perm.ScriptsRead, "The newest version at a path", (*server).scriptByPath),
		op("GET", base+"get/h/{hash}", "getScriptByHash", perm.ScriptsRead, "A version", (*server).scriptByHash, late),
		op("GET", base+"exists/p/{path}", "existsScriptByPath", perm.ScriptsRead, "Whether there is a script at a path", (*server).scriptExists),
		op("GET", base+"history/p/{path}", "getScriptHistoryByPath", perm.ScriptsRead, "The versions at a path, newest first", (*server).scriptHistory, strict),
		op("GET", base+"get_latest_version/{path}", "getScriptLatestVersion", perm.ScriptsRead, "The newest version at a path, in short", (*server).scriptLatest),
		op("GET", base+"deployment_status/h/{hash}", "getScriptDeploymentStatus", perm.ScriptsRead, "Whether the dependencies of a version are resolved",
			(*server).deploymentStatus, late),
		op("GET", base+"raw/p/{path}", "rawScriptByPath", perm.ScriptsRead, "The code of the newest version", (*server).rawByPath, text("the code")),
		op("GET", base+"raw/h/{hash}", "rawScriptByHash", perm.ScriptsRead, "The code of a version", (*server).rawByHash, text("the code"), late),
		op("GET", base+"diff", "diffScripts", perm.ScriptsRead, "The unified diff of two versions", (*server).diffScripts, text("a unified diff; empty when equal"), late),
		op("POST", base+"archive/p/{path}", "archiveScriptByPath", perm.ScriptsWrite, "Archive a script", (*server).archiveByPath, text("a sentence")),
		op("POST", base+"archive/h/{hash}", "archiveScriptByHash", perm.ScriptsWrite, "Archive a version", (*server).archiveByHash, late),
		op("POST", base+"delete/p/{path}", "deleteScriptByPath", perm.ScriptsWrite, "Delete a script: its code is gone", (*server).deleteByPath, text("the path")),
		op("POST", base+"delete/h/{hash}", "deleteScriptByHash", perm.ScriptsWrite, "Delete a version: its code is gone", (*server).deleteByHash, late),
		op("POST", base+"signature", "inferSignature", perm.ScriptsRead, "What the entry point of a source takes, without storing it", (*server).signature),
	}
}

// NewScript is what is deployed, with all fields that Windmill's clients send. Those that this version does not act on are
// kept with the script and come back unchanged.
type NewScript struct {
	Path              string     `json:"path"`
	Content           string     `json:"content"`
	Language          string     `json:"language"`
	Summary           *string    `json:"summary,omitempty" nullable:"true"`
	Description       *string    `json:"description,omitempty" nullable:"true"`
	Kind              *string    `json:"kind,omitempty" nullable:"true" doc:"script, failure, trigger, command, approval or preprocessor; script when left out"`
	Schema            objectJSON `json:"schema,omitempty" doc:"JSON Schema of the arguments; inferred from the code when left out or {}"`
	ParentHash        *string    `json:"parent_hash,omitempty" nullable:"true" doc:"the version this one was made from"`
	AutoParent        *bool      `json:"auto_parent,omitempty" nullable:"true" doc:"take whatever version is newest as the parent"`
	DeploymentMessage *string    `json:"deployment_message,omitempty" nullable:"true"`
	Lock              *string    `json:"lock,omitempty" nullable:"true" doc:"dependencies that are resolved already"`
	IsTemplate        *bool      `json:"is_template,omitempty" nullable:"true"`
	Tag               *string    `json:"tag,omitempty" nullable:"true" doc:"the workers that run it"`
	Envs              []string   `json:"envs,omitempty" doc:"NAME=value"`
	Timeout           *int       `json:"timeout,omitempty" nullable:"true" doc:"seconds"`
	Priority          *int       `json:"priority,omitempty" nullable:"true" doc:"1 to 100, higher first"`
	Labels            []string   `json:"labels,omitempty"`
	SkipDraftDeletion *bool      `json:"skip_draft_deletion,omitempty" nullable:"true" doc:"keep one's draft at the path"`
	AutoKind          *string    `json:"auto_kind,omitempty" nullable:"true" doc:"accepted; always inferred"`
	HasPreprocessor   *bool      `json:"has_preprocessor,omitempty" nullable:"true" doc:"accepted; always inferred"`
	NoMainFunc        *bool      `json:"no_main_func,omitempty" nullable:"true" doc:"accepted; always inferred"`
	ScriptRest
}

// ScriptRest are the fields that are kept and not acted on.
type ScriptRest struct {
	ConcurrentLimit        *int        `json:"concurrent_limit,omitempty" nullable:"true"`
	ConcurrencyTimeWindow  *int        `json:"concurrency_time_window_s,omitempty" nullable:"true"`
	ConcurrencyKey         *string     `json:"concurrency_key,omitempty" nullable:"true"`
	CacheTTL               *int        `json:"cache_ttl,omitempty" nullable:"true"`
	CacheIgnoreS3Path      *bool       `json:"cache_ignore_s3_path,omitempty" nullable:"true"`
	DedicatedWorker        *bool       `json:"dedicated_worker,omitempty" nullable:"true"`
	ErrorHandlerMuted      *bool       `json:"ws_error_handler_muted,omitempty" nullable:"true"`
	RestartUnlessCancelled *bool       `json:"restart_unless_cancelled,omitempty" nullable:"true"`
	DeleteAfterSecs        *int        `json:"delete_after_secs,omitempty" nullable:"true"`
	DeleteAfterUse         *bool       `json:"delete_after_use,omitempty" nullable:"true"`
	DebounceKey            *string     `json:"debounce_key,omitempty" nullable:"true"`
	DebounceDelay          *int        `json:"debounce_delay_s,omitempty" nullable:"true"`
	DebounceArgs           []string    `json:"debounce_args_to_accumulate,omitempty"`
	MaxDebouncingTime      *int        `json:"max_total_debouncing_time,omitempty" nullable:"true"`
	MaxDebounces           *int        `json:"max_total_debounces_amount,omitempty" nullable:"true"`
	VisibleToRunnerOnly    *bool       `json:"visible_to_runner_only,omitempty" nullable:"true"`
	Codebase               *string     `json:"codebase,omitempty" nullable:"true"`
	OnBehalfOfEmail        *string     `json:"on_behalf_of_email,omitempty" nullable:"true"`
	OnBehalfOf             *string     `json:"on_behalf_of,omitempty" nullable:"true"`
	PreserveOnBehalfOf     *bool       `json:"preserve_on_behalf_of,omitempty" nullable:"true"`
	Assets                 domain.JSON `json:"assets,omitempty"`
	Modules                domain.JSON `json:"modules,omitempty"`
}

// objectJSON is a JSON object that is carried, not read.
type objectJSON domain.JSON

// Schema says that it is an object; null is taken for absent.
func (objectJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Nullable: true}
}

// MarshalJSON writes it as it is.
func (o objectJSON) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("null"), nil
	}
	return o, nil
}

// UnmarshalJSON keeps it as it came.
func (o *objectJSON) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*o = nil
		return nil
	}
	*o = slices.Clone(b)
	return nil
}

type createScriptIn struct {
	InWorkspace
	SkipIfNoop bool `query:"skip_if_noop" doc:"answer with the newest version when nothing changed"`
	Body       NewScript
}

// draft is the version to deploy.
func (n *NewScript) draft() (deploy.Draft, error) {
	kind := domain.KindScript
	if n.Kind != nil {
		kind = domain.ScriptKind(*n.Kind)
	}
	d := deploy.Draft{AutoParent: value(n.AutoParent), Script: domain.Script{
		Path: n.Path, Summary: value(n.Summary), Description: value(n.Description), Content: n.Content,
		Language: domain.Language(n.Language), Kind: kind, Schema: domain.JSON(n.Schema), Lock: n.Lock, Message: value(n.DeploymentMessage),
		Settings: domain.ScriptSettings{
			Tag: value(n.Tag), Timeout: value(n.Timeout), Priority: value(n.Priority), Envs: n.Envs,
			Labels: n.Labels, Template: value(n.IsTemplate),
		},
	}}
	if h := value(n.ParentHash); h != "" {
		if err := checkHash("parent_hash", h); err != nil {
			return d, err
		}
		d.ParentHashes = []string{h}
	}
	rest, err := json.Marshal(n.ScriptRest)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(rest, &d.Settings.Rest); err != nil {
		return d, err
	}
	for k, v := range d.Settings.Rest {
		if string(v) == "null" {
			delete(d.Settings.Rest, k)
		}
	}
	if len(d.Settings.Rest) == 0 {
		d.Settings.Rest = nil
	}
	return d, nil
}

func (s *server) createScript(ctx context.Context, in *createScriptIn) (*plain, error) {
	c := callOf(ctx)
	draft, err := in.Body.draft()
	if err != nil {
		return nil, err
	}
	draft.SkipIfNoop = in.SkipIfNoop
	script, err := s.Deploy.Script(ctx, c.who, draft)
	if err != nil {
		return nil, err
	}
	if !value(in.Body.SkipDraftDeletion) {
		// The version stands whatever becomes of the draft, which is at worst shown once more.
		if err := s.Store.DraftDelete(ctx, in.Workspace, c.who.Email, draftScript, script.Path); err != nil {
			s.Log.WarnContext(ctx, "the draft of a deployed script could not be deleted", "request", c.id, "error", err)
		}
	}
	return plainText(script.Hash), nil
}

// may decides on the operation once more, now for the path of the object that it turned out to be about.
func (s *server) may(ctx context.Context, path string) error {
	if path == "" {
		return nil
	}
	c := callOf(ctx)
	d, err := store.Decide(ctx, s.Store, c.who, c.operation.Permission, path)
	if err != nil {
		return err
	}
	return decision(d, c.who, path)
}

func checkHash(field, hash string) error {
	ok := len(hash) == 16 && strings.Trim(hash, "0123456789abcdef") == ""
	if !ok {
		return errs.New(errs.Invalid, "the hash is not valid").WithField(field, "must be 16 hexadecimal digits in lower case")
	}
	return nil
}

// Script is a version in Windmill's words.
type Script struct {
	WorkspaceID     string          `json:"workspace_id"`
	Hash            string          `json:"hash"`
	Path            string          `json:"path"`
	ParentHashes    []string        `json:"parent_hashes,omitempty" nullable:"false"`
	Summary         string          `json:"summary"`
	Description     string          `json:"description"`
	Content         string          `json:"content" doc:"empty in lists"`
	CreatedBy       string          `json:"created_by"`
	CreatedAt       time.Time       `json:"created_at"`
	Archived        bool            `json:"archived"`
	Schema          *objectJSON     `json:"schema,omitempty"`
	Deleted         bool            `json:"deleted"`
	IsTemplate      bool            `json:"is_template"`
	ExtraPerms      map[string]bool `json:"extra_perms"`
	Lock            *string         `json:"lock,omitempty" doc:"absent while being resolved"`
	LockErrorLogs   *string         `json:"lock_error_logs,omitempty"`
	Language        string          `json:"language"`
	Kind            string          `json:"kind" enum:"script,failure,trigger,command,approval,preprocessor"`
	Starred         bool            `json:"starred"`
	NoMainFunc      bool            `json:"no_main_func" doc:"a library: cannot run"`
	HasPreprocessor bool            `json:"has_preprocessor"`
	Tag             *string         `json:"tag,omitempty"`
	Envs            []string        `json:"envs,omitempty" nullable:"false"`
	Timeout         *int            `json:"timeout,omitempty"`
	Priority        *int            `json:"priority,omitempty"`
	Labels          []string        `json:"labels,omitempty" nullable:"false"`
	DeploymentMsg   *string         `json:"deployment_msg,omitempty"`
	ScriptRest
}

// scriptOf tells a version. Whether it has a preprocessor is read from the code when it is at hand.
func (s *server) scriptOf(v domain.Script) Script {
	out := Script{
		WorkspaceID: v.Workspace, Hash: v.Hash, Path: v.Path, ParentHashes: v.ParentHashes, Summary: v.Summary,
		Description: v.Description, Content: v.Content, CreatedBy: v.CreatedBy, CreatedAt: v.CreatedAt, Archived: v.Archived,
		Deleted: v.Deleted, IsTemplate: v.Settings.Template, ExtraPerms: map[string]bool{}, Lock: v.Lock,
		LockErrorLogs: some(v.LockError), Language: string(v.Language), Kind: string(v.Kind), NoMainFunc: v.NoMain,
		Tag: some(v.Settings.Tag), Envs: v.Settings.Envs, Timeout: some(v.Settings.Timeout), Priority: some(v.Settings.Priority),
		Labels: v.Settings.Labels, DeploymentMsg: some(v.Message),
	}
	if len(v.Schema) > 0 {
		schema := objectJSON(v.Schema)
		out.Schema = &schema
	}
	if v.Content != "" {
		if sig, _, err := s.Deploy.Signature(v.Language, v.Content); err == nil {
			out.HasPreprocessor = sig.Preprocessor
		}
	}
	if len(v.Settings.Rest) > 0 {
		// What does not fit is what an older version of the server let in: it stays stored and is not shown.
		if rest, err := json.Marshal(v.Settings.Rest); err == nil {
			_ = json.Unmarshal(rest, &out.ScriptRest)
		}
	}
	if out.ErrorHandlerMuted == nil {
		out.ErrorHandlerMuted = new(bool)
	}
	return out
}

type scriptOut struct {
	Body Script
}

type listScriptsIn struct {
	InWorkspace
	PageIn
	After              string `query:"after" doc:"the last path of the page before"`
	PathStart          string `query:"path_start"`
	PathExact          string `query:"path_exact"`
	Search             string `query:"search" doc:"in path and summary"`
	Languages          string `query:"languages" doc:"one language"`
	Kinds              string `query:"kinds" doc:"one kind"`
	CreatedBy          string `query:"created_by" doc:"an e-mail address"`
	ShowArchived       bool   `query:"show_archived" doc:"only archived ones instead"`
	OrderDesc          bool   `query:"order_desc" doc:"newest first, instead of by path"`
	IncludeWithoutMain bool   `query:"include_without_main" doc:"libraries are always listed"`
	IncludeDraftOnly   bool   `query:"include_draft_only" doc:"accepted; drafts are listed by drafts/list"`
	WithDeploymentMsg  bool   `query:"with_deployment_msg" doc:"accepted; always there"`
	WithoutDescription bool   `query:"without_description"`
}

type scriptsOut struct {
	Body []Script `nullable:"false"`
}

func (s *server) listScripts(ctx context.Context, in *listScriptsIn) (*scriptsOut, error) {
	limit, offset, err := in.window()
	if err != nil {
		return nil, err
	}
	p := store.ScriptListParams{
		Viewer: callOf(ctx).viewer(), PathPrefix: in.PathStart, PathExact: in.PathExact, Search: in.Search,
		Language: domain.Language(in.Languages), Kind: domain.ScriptKind(in.Kinds), CreatedBy: in.CreatedBy, Archived: in.ShowArchived,
		After: in.After, Offset: offset, Limit: limit, Newest: in.OrderDesc,
	}
	if err := s.checkScriptFilter(p); err != nil {
		return nil, err
	}
	list, err := s.Store.ScriptList(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &scriptsOut{Body: []Script{}}
	for _, v := range list {
		if in.WithoutDescription {
			v.Description = ""
		}
		out.Body = append(out.Body, s.scriptOf(v))
	}
	return out, nil
}

// checkScriptFilter refuses values that can match nothing: they are mistakes.
func (s *server) checkScriptFilter(p store.ScriptListParams) error {
	e := errs.New(errs.Invalid, "the filter is not valid")
	if p.Language != "" {
		if _, ok := s.Languages.Get(p.Language); !ok {
			e.WithField("query.languages", "%q is not one known language", p.Language)
		}
	}
	kinds := []domain.ScriptKind{domain.KindScript, domain.KindFailure, domain.KindTrigger, domain.KindCommand, domain.KindApproval, domain.KindPreprocessor}
	if p.Kind != "" && !slices.Contains(kinds, p.Kind) {
		e.WithField("query.kinds", "%q is not one of script, failure, trigger, command, approval, preprocessor", p.Kind)
	}
	checkTexts(e, map[string]string{"path_start": p.PathPrefix, "path_exact": p.PathExact, "search": p.Search, "created_by": p.CreatedBy, "after": p.After})
	if p.Newest && p.After != "" {
		e.WithField("query.after", "walks by path; leave order_desc out")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func (s *server) listScriptPaths(ctx context.Context, _ *InWorkspace) (*namesOut, error) {
	out := &namesOut{Body: []string{}}
	p := store.ScriptListParams{Viewer: callOf(ctx).viewer(), Limit: maxPageSize}
	for {
		list, err := s.Store.ScriptList(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			out.Body = append(out.Body, v.Path)
		}
		if len(list) < p.Limit {
			return out, nil
		}
		p.After = list[len(list)-1].Path
	}
}

type InPath struct {
	InWorkspace
	Path string `path:"path" doc:"u/<user>/<name> or f/<folder>/<name>, slashes as they are"`
}

type InHash struct {
	InWorkspace
	Hash string `path:"hash" doc:"16 hexadecimal digits"`
}

type scriptByPathIn struct {
	InPath
	GetDraft        bool `query:"get_draft" doc:"accepted; drafts have paths of their own"`
	WithStarredInfo bool `query:"with_starred_info" doc:"accepted"`
}

func (s *server) scriptByPath(ctx context.Context, in *scriptByPathIn) (*scriptOut, error) {
	v, err := s.latest(ctx, in.Path)
	if err != nil {
		return nil, err
	}
	return s.whole(ctx, v)
}

// whole is a version with the grants on its path, which lists leave out.
func (s *server) whole(ctx context.Context, v domain.Script) (*scriptOut, error) {
	grants, err := s.Store.GrantList(ctx, v.Workspace, domain.GrantScript, v.Path)
	if err != nil {
		return nil, err
	}
	out := &scriptOut{Body: s.scriptOf(v)}
	out.Body.ExtraPerms = extraPerms(grants)
	return out, nil
}

// latest is the newest version at a path, archived ones too when there is no other.
func (s *server) latest(ctx context.Context, path string) (domain.Script, error) {
	v, err := s.Store.ScriptLatest(ctx, callOf(ctx).viewer(), path)
	if errs.Is(err, errs.NotFound) {
		return v, errs.New(errs.NotFound, "there is no script at %s", path)
	}
	return v, err
}

// version is a version that the caller may use the operation on.
func (s *server) scriptVersion(ctx context.Context, hash string) (domain.Script, error) {
	if err := checkHash("hash", hash); err != nil {
		return domain.Script{}, err
	}
	v, err := s.Store.ScriptByHash(ctx, callOf(ctx).viewer(), hash)
	if errs.Is(err, errs.NotFound) {
		return v, errs.New(errs.NotFound, "there is no version %s", hash)
	}
	if err != nil {
		return v, err
	}
	return v, s.may(ctx, v.Path)
}

func (s *server) scriptByHash(ctx context.Context, in *InHash) (*scriptOut, error) {
	v, err := s.scriptVersion(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	return s.whole(ctx, v)
}

func (s *server) scriptExists(ctx context.Context, in *InPath) (*yes, error) {
	_, err := s.latest(ctx, in.Path)
	if errs.Is(err, errs.NotFound) {
		return &yes{}, nil
	}
	return &yes{Body: true}, err
}

type historyIn struct {
	InPath
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// ScriptHistory is a version in short.
type ScriptHistory struct {
	ScriptHash    string    `json:"script_hash"`
	DeploymentMsg *string   `json:"deployment_msg,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
	CreatedBy     string    `json:"created_by"`
	Summary       string    `json:"summary"`
	Archived      bool      `json:"archived"`
	Deleted       bool      `json:"deleted"`
}

func historyOf(v domain.Script) ScriptHistory {
	return ScriptHistory{
		ScriptHash: v.Hash, DeploymentMsg: some(v.Message), CreatedAt: v.CreatedAt, CreatedBy: v.CreatedBy,
		Summary: v.Summary, Archived: v.Archived, Deleted: v.Deleted,
	}
}

type historyOut struct {
	Body []ScriptHistory `nullable:"false"`
}

func (s *server) scriptHistory(ctx context.Context, in *historyIn) (*historyOut, error) {
	list, err := s.Store.ScriptHistory(ctx, callOf(ctx).viewer(), in.Path, in.Limit)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errs.New(errs.NotFound, "there is no script at %s", in.Path)
	}
	out := &historyOut{}
	for _, v := range list {
		out.Body = append(out.Body, historyOf(v))
	}
	return out, nil
}

type latestOut struct {
	Body ScriptHistory
}

func (s *server) scriptLatest(ctx context.Context, in *InPath) (*latestOut, error) {
	v, err := s.latest(ctx, in.Path)
	if err != nil {
		return nil, err
	}
	return &latestOut{Body: historyOf(v)}, nil
}

// DeploymentStatus tells whether a version's dependencies are resolved.
type DeploymentStatus struct {
	Lock          *string `json:"lock,omitempty" doc:"absent while being resolved"`
	LockErrorLogs *string `json:"lock_error_logs,omitempty"`
	JobID         *string `json:"job_id,omitempty" doc:"the job that resolves them, or did"`
}

type deploymentStatusOut struct {
	Body DeploymentStatus
}

func (s *server) deploymentStatus(ctx context.Context, in *InHash) (*deploymentStatusOut, error) {
	v, err := s.scriptVersion(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	out := &deploymentStatusOut{Body: DeploymentStatus{Lock: v.Lock, LockErrorLogs: some(v.LockError)}}
	jobs, err := s.Store.JobList(ctx, store.JobListParams{
		Viewer: callOf(ctx).viewer(), Hash: v.Hash,
		Kinds: []domain.JobKind{domain.JobDependencies}, Limit: 1,
	})
	if err != nil {
		return nil, err
	}
	if len(jobs) > 0 {
		out.Body.JobID = &jobs[0].ID
	}
	return out, nil
}

func (s *server) rawByPath(ctx context.Context, in *InPath) (*plain, error) {
	v, err := s.latest(ctx, in.Path)
	if errs.Is(err, errs.NotFound) { // Windmill's clients may ask with the suffix of the language
		if path, ok := s.withoutSuffix(in.Path); ok {
			v, err = s.latest(ctx, path)
		}
	}
	if err != nil {
		return nil, err
	}
	return plainText(v.Content), nil
}

// withoutSuffix drops the suffix of a language's files from a path.
func (s *server) withoutSuffix(path string) (string, bool) {
	for _, l := range s.Languages {
		for _, suffix := range l.Manifest().Suffixes {
			if p, ok := strings.CutSuffix(path, suffix); ok {
				return p, domain.CheckPath("path", p) == nil
			}
		}
	}
	return "", false
}

func (s *server) rawByHash(ctx context.Context, in *InHash) (*plain, error) {
	v, err := s.scriptVersion(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	return plainText(v.Content), nil
}

type diffIn struct {
	InWorkspace
	From string `query:"from" required:"true" doc:"a hash"`
	To   string `query:"to" required:"true" doc:"a hash"`
}

func (s *server) diffScripts(ctx context.Context, in *diffIn) (*plain, error) {
	from, err := s.scriptVersion(ctx, in.From)
	if err != nil {
		return nil, err
	}
	to, err := s.scriptVersion(ctx, in.To)
	if err != nil {
		return nil, err
	}
	return plainText(udiff.Unified(from.Path+"@"+from.Hash, to.Path+"@"+to.Hash, from.Content, to.Content)), nil
}

func (s *server) archiveByPath(ctx context.Context, in *InPath) (*plain, error) {
	err := s.endScript(ctx, audit.ScriptArchive, in.Path, nil, func(ctx context.Context, tx store.Nouns) error {
		return tx.ScriptArchive(ctx, in.Workspace, in.Path)
	})
	if err != nil {
		return nil, noScript(err, in.Path)
	}
	s.changed(ctx)
	return plainText("archived " + in.Path), nil
}

func (s *server) deleteByPath(ctx context.Context, in *InPath) (*plain, error) {
	err := s.endScript(ctx, audit.ScriptDelete, in.Path, nil, func(ctx context.Context, tx store.Nouns) error {
		return tx.ScriptDelete(ctx, in.Workspace, in.Path)
	})
	if err != nil {
		return nil, noScript(err, in.Path)
	}
	s.changed(ctx)
	return plainText(in.Path), nil
}

func noScript(err error, path string) error {
	if errs.Is(err, errs.NotFound) {
		return errs.New(errs.NotFound, "there is no script at %s", path)
	}
	return err
}

func (s *server) archiveByHash(ctx context.Context, in *InHash) (*scriptOut, error) {
	return s.endVersion(ctx, in, audit.ScriptArchive, store.Nouns.ScriptArchiveHash)
}

func (s *server) deleteByHash(ctx context.Context, in *InHash) (*scriptOut, error) {
	return s.endVersion(ctx, in, audit.ScriptDelete, store.Nouns.ScriptDeleteHash)
}

func (s *server) endVersion(ctx context.Context, in *InHash, action string, end func(tx store.Nouns, ctx context.Context, workspace, hash string) error) (*scriptOut, error) {
	v, err := s.scriptVersion(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	changes := audit.Diff(map[string]any{"hash": v.Hash}, nil)
	err = s.endScript(ctx, action, v.Path, changes, func(ctx context.Context, tx store.Nouns) error {
		return end(tx, ctx, in.Workspace, in.Hash)
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx)
	return s.scriptByHash(ctx, in)
}

// endScript archives or deletes, together with the line in the audit log.
func (s *server) endScript(ctx context.Context, action, path string, changes []audit.Change, end func(ctx context.Context, tx store.Nouns) error) error {
	who := callOf(ctx).who
	return s.Store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		if err := end(ctx, tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, audit.Entry{
			Workspace: who.Workspace, Action: action, Kind: domain.AuditDeleted, Resource: path, Changes: changes,
		})
	})
}

// changed tells those who watch lists of scripts.
func (s *server) changed(ctx context.Context) {
	s.Hub.Publish(ctx, domain.Event{Kind: domain.EventDeployed, Workspace: callOf(ctx).who.Workspace})
}

type signatureIn struct {
	InWorkspace
	Body struct {
		Language string  `json:"language"`
		Content  string  `json:"content"`
		Path     *string `json:"path,omitempty" nullable:"true" doc:"where relative imports start"`
	} `nameHint:"SignatureRequest"`
}

// Signature is what an entry point takes.
type Signature struct {
	Schema          *objectJSON     `json:"schema,omitempty" doc:"absent with an error"`
	NoMain          bool            `json:"no_main" doc:"a library: cannot run"`
	HasPreprocessor bool            `json:"has_preprocessor"`
	Streams         bool            `json:"streams" doc:"a generator: its items arrive as they come"`
	Doc             string          `json:"doc,omitempty" doc:"what the entry point says about itself"`
	Imports         []string        `json:"imports" nullable:"false" doc:"packages, in the words of the language's registry"`
	Scripts         []string        `json:"scripts" nullable:"false" doc:"paths of the workspace scripts that it imports"`
	Error           *SignatureError `json:"error,omitempty" doc:"why the source cannot be read"`
}

// SignatureError is a syntax error; line and column count from 1.
type SignatureError struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

type signatureOut struct {
	Body Signature
}

func (s *server) signature(_ context.Context, in *signatureIn) (*signatureOut, error) {
	out := &signatureOut{Body: Signature{Imports: []string{}, Scripts: []string{}}}
	language := domain.Language(in.Body.Language)
	sig, schema, err := s.Deploy.Signature(language, in.Body.Content)
	if wrong, ok := errors.AsType[*lang.SyntaxError](err); ok {
		out.Body.Error = &SignatureError{Line: wrong.Line, Column: wrong.Column, Message: wrong.Message}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	object := objectJSON(schema)
	out.Body.Schema, out.Body.NoMain, out.Body.HasPreprocessor = &object, sig.NoMain, sig.Preprocessor
	out.Body.Streams, out.Body.Doc = sig.Streams, sig.Doc
	// What cannot be read for imports is half-written code that has an entry point already: it has no imports yet.
	if needs, err := s.Deploy.Imports(language, value(in.Body.Path), in.Body.Content); err == nil {
		out.Body.Imports = append(out.Body.Imports, needs.Requirements...)
		out.Body.Scripts = append(out.Body.Scripts, needs.Scripts...)
	}
	return out, nil
}
