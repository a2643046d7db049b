package api

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

func auditOperations() []operation {
	const in, all = "/api/w/{workspace}/audit/", "/api/audit/"
	return []operation{
		op("GET", in+"list", "listAuditLogs", perm.AuditRead, "The audit log of the workspace, newest first", (*server).listAudit, strict),
		op("GET", in+"get/{id}", "getAuditLog", perm.AuditRead, "A line of the audit log", (*server).getAudit),
		op("GET", in+"export", "exportAuditLogs", perm.AuditRead, "The audit log as a file, oldest first", (*server).exportAudit, strict, exported()),
		op("GET", all+"list", "listInstanceAuditLogs", perm.AuditInstance, "The audit log of the instance: sign-ins, tokens, passwords; newest first",
			(*server).listInstanceAudit, strict),
		op("GET", all+"get/{id}", "getInstanceAuditLog", perm.AuditInstance, "A line of the instance's audit log", (*server).getInstanceAudit),
		op("GET", all+"export", "exportInstanceAuditLogs", perm.AuditInstance, "The audit log of the instance as a file, oldest first",
			(*server).exportInstanceAudit, strict, exported()),
	}
}

func exported() func(*operation) {
	return answers("text/csv", "lines in CSV, or with format=jsonl as application/jsonl", &huma.Schema{Type: huma.TypeString})
}

// AuditFilter selects lines, in Windmill's words.
type AuditFilter struct {
	Username   string    `query:"username" doc:"a user name, or an e-mail address"`
	Operation  string    `query:"operation" doc:"the action, or its beginning: scripts."`
	Operations string    `query:"operations" doc:"exact actions, separated by commas"`
	Exclude    string    `query:"exclude_operations" doc:"exact actions to leave out, separated by commas"`
	Resource   string    `query:"resource" doc:"a path, address or id, or its beginning"`
	ActionKind string    `query:"action_kind" doc:"Create, Update, Delete or Execute"`
	After      time.Time `query:"after" doc:"later than"`
	Before     time.Time `query:"before" doc:"not later than"`
	All        bool      `query:"all_workspaces" doc:"accepted as false from Windmill's clients; every workspace has a log of its own"`
}

// auditKinds are the kinds as filters and rows of Windmill's API spell them.
var auditKinds = map[string]domain.AuditKind{
	"Create": domain.AuditCreated, "Created": domain.AuditCreated, "Update": domain.AuditUpdated, "Updated": domain.AuditUpdated,
	"Delete": domain.AuditDeleted, "Execute": domain.AuditExecute,
}

func (f *AuditFilter) params(workspace string) (store.AuditListParams, error) {
	e := errs.New(errs.Invalid, "the filter is not valid")
	kind, known := auditKinds[f.ActionKind]
	if f.ActionKind != "" && !known {
		e.WithField("query.action_kind", "must be Create, Update, Delete or Execute")
	}
	if f.All {
		e.WithField("query.all_workspaces", "every workspace has a log of its own, and so has the instance: /api/audit/list")
	}
	checkTexts(e, map[string]string{
		"username": f.Username, "operation": f.Operation, "operations": f.Operations, "exclude_operations": f.Exclude, "resource": f.Resource,
	})
	checkTimes(e, map[string]time.Time{"after": f.After, "before": f.Before})
	if len(e.Fields) > 0 {
		return store.AuditListParams{}, e
	}
	return store.AuditListParams{
		Workspace: workspace, User: f.Username, ActionPrefix: f.Operation, Actions: names(f.Operations), NotActions: names(f.Exclude),
		Kind: kind, ResourcePrefix: f.Resource, After: f.After.UTC(), Before: f.Before.UTC(),
	}, nil
}

func names(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" })
}

// AuditLog is a line of the audit log in Windmill's words, with ours.
type AuditLog struct {
	WorkspaceID string                `json:"workspace_id" doc:"empty: the instance"`
	ID          int64                 `json:"id" doc:"1, 2, … within the workspace, without gaps"`
	Timestamp   time.Time             `json:"timestamp"`
	Username    string                `json:"username" doc:"the e-mail address of somebody who has no name here"`
	Operation   string                `json:"operation"`
	ActionKind  string                `json:"action_kind" enum:"Created,Updated,Delete,Execute"`
	Resource    *string               `json:"resource,omitempty"`
	Parameters  map[string]auditValue `json:"parameters,omitempty" nullable:"false" doc:"the changed fields with their new values"`
	Email       string                `json:"email"`
	TokenID     *string               `json:"token_id,omitempty"`
	JobID       *string               `json:"job_id,omitempty"`
	Changes     []AuditChange         `json:"changes" nullable:"false"`
	Address     *string               `json:"address,omitempty" doc:"where the request came from"`
	RequestID   *string               `json:"request_id,omitempty"`
	PrevHash    string                `json:"prev_hash"`
	Hash        string                `json:"hash"`
}

// AuditChange is a setting before and after; long and secret values are hashes or names.
type AuditChange struct {
	Field  string      `json:"field"`
	Before *auditValue `json:"before,omitempty"`
	After  *auditValue `json:"after,omitempty"`
}

// auditValue is any JSON.
type auditValue domain.JSON

// Schema says so.
func (auditValue) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Description: "any JSON"} }

// MarshalJSON writes it as it is.
func (v auditValue) MarshalJSON() ([]byte, error) {
	if len(v) == 0 {
		return []byte("null"), nil
	}
	return v, nil
}

// UnmarshalJSON keeps it as it came.
func (v *auditValue) UnmarshalJSON(b []byte) error {
	*v = append((*v)[:0], b...)
	return nil
}

func auditLog(e domain.AuditEvent) AuditLog {
	out := AuditLog{
		WorkspaceID: e.Workspace, ID: e.Seq, Timestamp: e.At.UTC(), Username: e.Username, Operation: e.Action, ActionKind: string(e.Kind),
		Resource: some(e.Resource), Email: e.Email, TokenID: some(e.TokenID), JobID: some(e.JobID), Changes: []AuditChange{},
		Address: some(e.Address), RequestID: some(e.RequestID), PrevHash: e.PrevHash, Hash: e.Hash,
	}
	if out.Username == "" {
		out.Username = e.Email
	}
	// A line whose changes somebody damaged is still shown; that it was is what the hashes are for.
	if json.Unmarshal(e.Changes, &out.Changes) != nil || out.Changes == nil {
		out.Changes = []AuditChange{}
	}
	for _, c := range out.Changes {
		if out.Parameters == nil {
			out.Parameters = map[string]auditValue{}
		}
		out.Parameters[c.Field] = auditValue{}
		if c.After != nil {
			out.Parameters[c.Field] = *c.After
		}
	}
	return out
}

type listAuditIn struct {
	InWorkspace
	AuditPage
}

// AuditPage selects a page of lines.
type AuditPage struct {
	PageIn
	AuditFilter
	BeforeID int64 `query:"before_id" doc:"only lines before this one; the last id of the page before"`
}

type listAuditOut struct {
	Body []AuditLog `nullable:"false"`
}

func (s *server) listAudit(ctx context.Context, in *listAuditIn) (*listAuditOut, error) {
	return s.auditPage(ctx, in.Workspace, &in.AuditPage)
}

func (s *server) listInstanceAudit(ctx context.Context, in *AuditPage) (*listAuditOut, error) {
	return s.auditPage(ctx, "", in)
}

func (s *server) auditPage(ctx context.Context, workspace string, in *AuditPage) (*listAuditOut, error) {
	limit, offset, err := in.window()
	if err != nil {
		return nil, err
	}
	p, err := in.params(workspace)
	if err != nil {
		return nil, err
	}
	if in.BeforeID < 0 {
		return nil, errs.New(errs.Invalid, "the filter is not valid").WithField("query.before_id", "must be the id of a line")
	}
	p.From, p.Limit, p.Offset = in.BeforeID, limit, offset
	list, err := s.Store.AuditList(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &listAuditOut{Body: []AuditLog{}}
	for _, e := range list {
		out.Body = append(out.Body, auditLog(e))
	}
	return out, nil
}

type getAuditIn struct {
	InWorkspace
	ID int64 `path:"id"`
}

type getInstanceAuditIn struct {
	ID int64 `path:"id"`
}

type getAuditOut struct {
	Body AuditLog
}

func (s *server) getAudit(ctx context.Context, in *getAuditIn) (*getAuditOut, error) {
	e, err := s.Store.AuditGet(ctx, in.Workspace, in.ID)
	if err != nil {
		return nil, err
	}
	return &getAuditOut{Body: auditLog(e)}, nil
}

func (s *server) getInstanceAudit(ctx context.Context, in *getInstanceAuditIn) (*getAuditOut, error) {
	return s.getAudit(ctx, &getAuditIn{ID: in.ID})
}

type exportAuditIn struct {
	InWorkspace
	AuditFile
}

// AuditFile selects lines and how they are written.
type AuditFile struct {
	AuditFilter
	Format string `query:"format" doc:"csv (also when left out) or jsonl"`
}

func (s *server) exportAudit(ctx context.Context, in *exportAuditIn) (*stream, error) {
	return s.auditFile(ctx, in.Workspace, &in.AuditFile)
}

func (s *server) exportInstanceAudit(ctx context.Context, in *AuditFile) (*stream, error) {
	return s.auditFile(ctx, "", in)
}

func (s *server) auditFile(ctx context.Context, workspace string, in *AuditFile) (*stream, error) {
	p, err := in.params(workspace)
	if err != nil {
		return nil, err
	}
	format, kind := audit.CSV, "text/csv; charset=utf-8"
	switch in.Format {
	case "", string(audit.CSV):
	case string(audit.JSONLines):
		format, kind = audit.JSONLines, "application/jsonl"
	default:
		return nil, errs.New(errs.Invalid, "the format is not known").WithField("query.format", "must be csv or jsonl")
	}
	// A database that does not answer is told now; after the first byte there is no way to.
	first := p
	first.Limit = 1
	if _, err := s.Store.AuditList(ctx, first); err != nil {
		return nil, err
	}
	name := "audit"
	if workspace != "" {
		name += "-" + workspace
	}
	c := callOf(ctx)
	return &stream{Body: func(huma.Context) {
		h := c.w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", `attachment; filename="`+name+`.`+string(format)+`"`)
		c.w.WriteHeader(http.StatusOK)
		if c.r.Method == http.MethodHead {
			return
		}
		if err := audit.Export(ctx, s.Store, p, format, c.w, c.w.Flush); err != nil {
			if ctx.Err() == nil {
				s.Log.Warn("the audit log could not be sent whole", "request", c.id, "error", err)
			}
			panic(http.ErrAbortHandler) // the reader must see that it is not whole
		}
	}}, nil
}

// origin is where a request came from, for the audit log.
func origin(ctx context.Context, c *call, r *http.Request) context.Context {
	address := r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return audit.WithOrigin(ctx, audit.Origin{Address: address, RequestID: c.id})
}

// refused notes in the audit log that somebody who is signed in may not do what was asked. Attempts on a workspace that
// the caller is no member of are the instance's business: nobody writes into the log of a workspace from outside.
func (s *server) refused(c *call, workspace, path string, err error) {
	if c.who.Email == "" || !errs.Is(err, errs.Forbidden) && !errs.Is(err, errs.NotFound) {
		return
	}
	if workspace != c.who.Workspace {
		workspace, path = "", strings.TrimSuffix("w/"+workspace+"/"+path, "/")
	}
	s.Audit.Refused(c.r.Context(), c.who, workspace, c.name(), path, errs.As(err).Message)
}
