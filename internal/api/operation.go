package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

// operation is one row of the table: where it is, what it needs, what it takes and gives, and what it does.
type operation struct {
	Method     string
	Path       string // with {name} parameters; {path} at the end takes the rest, slashes included
	ID         string // of the generated clients' functions
	Summary    string
	Permission perm.Permission

	status     int                       // of success; 0: 200
	tokenQuery bool                      // a token may also come as ?token=, for webhooks whose sender cannot set headers
	late       bool                      // the object's path is known only after it is read: the handler decides on it
	changes    bool                      // a GET that changes something: a browser's cookie alone does not do
	strict     bool                      // unknown query parameters are errors: a filter that is not applied would mislead
	response   map[string]*huma.Response // overrides what is derived from the output's type
	body       *huma.RequestBody         // documents a body that the handler reads itself

	add func(s *server, api huma.API, o *operation, h huma.Operation)
}

// op makes a row. The permission is an argument, not an option, so that it cannot be forgotten; mount refuses the zero one.
func op[I, O any](method, path, id string, p perm.Permission, summary string,
	handle func(*server, context.Context, *I) (*O, error), options ...func(*operation),
) operation {
	o := operation{Method: method, Path: path, ID: id, Summary: summary, Permission: p}
	for _, option := range options {
		option(&o)
	}
	o.add = func(s *server, api huma.API, o *operation, h huma.Operation) {
		huma.Register(api, h, func(ctx context.Context, in *I) (*O, error) {
			callOf(ctx).readUntil(time.Time{})
			out, err := handle(s, ctx, in)
			if err != nil {
				if c := callOf(ctx); errs.Is(err, errs.Forbidden) { // decided late, or by a service
					s.refused(c, c.who.Workspace, "", err)
				}
				return nil, s.problem(ctx, err)
			}
			return out, nil
		})
	}
	return o
}

// created answers 201, as Windmill does for whatever it creates.
func created(o *operation) { o.status = http.StatusCreated }

func tokenQuery(o *operation) { o.tokenQuery = true }

func changes(o *operation) { o.changes = true }

func late(o *operation) { o.late = true }

func strict(o *operation) { o.strict = true }

// answers documents an answer that is not derived from the output's type.
func answers(contentType, description string, schema *huma.Schema) func(*operation) {
	return func(o *operation) {
		status := o.status
		if status == 0 {
			status = http.StatusOK
		}
		o.response = map[string]*huma.Response{strconv.Itoa(status): {
			Description: description,
			Content:     map[string]*huma.MediaType{contentType: {Schema: schema}},
		}}
	}
}

// text documents an answer in plain text. Options that set the status stand before it.
func text(description string) func(*operation) {
	return answers("text/plain", description, &huma.Schema{Type: huma.TypeString})
}

// anyJSON documents an answer of any JSON.
func anyJSON(description string) func(*operation) {
	return answers("application/json", description, &huma.Schema{Description: description})
}

// takesArgs documents a body that is the arguments of a run.
func takesArgs(o *operation) {
	o.body = &huma.RequestBody{
		Description: "the arguments: keys of a JSON object; other JSON arrives as the argument body",
		Content: map[string]*huma.MediaType{
			"application/json":                  {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
			"application/x-www-form-urlencoded": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
		},
	}
}

func (o *operation) mount(s *server, api huma.API) {
	if (o.Permission == perm.Permission{}) || o.Permission.Level < perm.Public {
		panic("api: " + o.Method + " " + o.Path + " names no permission")
	}
	noun := strings.Split(strings.TrimPrefix(strings.TrimPrefix(o.Path, "/api/"), "w/{workspace}/"), "/")[0]
	h := huma.Operation{
		OperationID: o.ID, Method: o.Method, Path: o.Path, Summary: o.Summary, Tags: []string{strings.TrimSuffix(noun, "_u")},
		DefaultStatus: o.status, Responses: o.response,
		MaxBodyBytes: o.limit(s.MaxBody), BodyReadTimeout: bodyTime, RejectUnknownQueryParameters: o.strict,
		Middlewares: huma.Middlewares{s.guard(o)},
		Extensions:  map[string]any{"x-permission": permissionName(o.Permission)},
	}
	if h.Responses == nil {
		h.Responses = map[string]*huma.Response{}
	}
	h.Responses["default"] = &huma.Response{
		Description: "a problem, told in the words of RFC 9457",
		Content:     map[string]*huma.MediaType{problemType: {Schema: problemSchema(api.OpenAPI().Components.Schemas)}},
	}
	if o.Permission.Level > perm.Public {
		h.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	o.add(s, api, o, h)
	if o.body != nil {
		// Only now: huma reads and closes the body of an operation that documents one, and this one's handler reads it itself.
		api.OpenAPI().Paths[o.Path].Post.RequestBody = o.body
	}
}

// limit is the largest body that the operation reads.
func (o *operation) limit(most int64) int64 {
	if o.Permission.Level == perm.Public {
		return min(most, openBody)
	}
	return most
}

func permissionName(p perm.Permission) string {
	level := map[perm.Level]string{
		perm.Public: "public", perm.SignedIn: "signed-in", perm.Member: "member",
		perm.Developer: "developer", perm.Admin: "admin", perm.Superadmin: "superadmin",
	}[p.Level]
	if p.Domain == "" {
		return level
	}
	return level + " " + p.Domain + ":" + p.Action
}

// guard authenticates and decides before anything of the request is read.
func (s *server) guard(o *operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := callOf(ctx.Context())
		c.operation, c.maxBody = o, o.limit(s.MaxBody)
		if o.changes && c.r.Method == http.MethodHead {
			s.writeProblem(c, errs.New(errs.Invalid, "HEAD would run something").WithHint("use GET or POST"))
			return
		}
		if err := s.admit(c, ctx.Param("workspace"), ctx.Param("path")); err != nil {
			s.refused(c, ctx.Param("workspace"), ctx.Param("path"), err)
			s.writeProblem(c, err)
			return
		}
		next(ctx)
	}
}

// admit says whether the caller may use the operation in the workspace, on the object at path when the URL has one.
func (s *server) admit(c *call, workspace, path string) error {
	o := c.operation
	inWorkspace := strings.Contains(o.Path, "{workspace}")
	if o.Permission.Level > perm.Public {
		if err := s.authenticate(c, workspace); err != nil {
			return err
		}
	}
	if inWorkspace && domain.CheckWorkspaceID("workspace", workspace) != nil {
		return noWorkspace(workspace)
	}
	if inWorkspace && o.Permission.Level >= perm.Member && c.who.Workspace == "" {
		return noWorkspace(workspace)
	}
	hasPath := strings.HasSuffix(o.Path, "/{path}")
	if hasPath {
		if err := domain.CheckPath("path", path); err != nil {
			return err
		}
	}
	who := c.who
	if o.late {
		who.Scopes = withoutPaths(who.Scopes)
	}
	d, err := s.decide(c.r.Context(), who, o.Permission, path)
	if err != nil {
		return err
	}
	return decision(d, c.who, path)
}

// decide decides without the database as long as the answer does not depend on it: what nobody may needs none.
func (s *server) decide(ctx context.Context, who domain.Identity, p perm.Permission, path string) (perm.Decision, error) {
	if d := perm.Decide(who, p, path, domain.Access{}); d.Allowed || who.Email == "" {
		return d, nil
	}
	return store.Decide(ctx, s.Store, who, p, path)
}

// decision turns a refusal into the error that tells it, or hides it.
func decision(d perm.Decision, who domain.Identity, path string) error {
	switch {
	case d.Allowed:
		return nil
	case who.Email == "":
		return errs.New(errs.Unauthenticated, "nobody is signed in").WithHint("sign in, or send a token as 'Authorization: Bearer …'")
	case d.Hide && path != "":
		return errs.New(errs.NotFound, "there is nothing at %s, or you may not know of it", path)
	case d.Hide:
		return errs.New(errs.NotFound, "there is no such thing, or you may not know of it")
	}
	return errs.New(errs.Forbidden, "%s", d.Reason).WithHint("ask an administrator of the workspace")
}

// withoutPaths drops the paths of scopes: whether one of them fits is decided when the object's path is known.
func withoutPaths(scopes []string) []string {
	out := make([]string, len(scopes))
	for i, scope := range scopes {
		if parts := strings.SplitN(scope, ":", 3); len(parts) == 3 {
			scope = parts[0] + ":" + parts[1]
		}
		out[i] = scope
	}
	return out
}

func noWorkspace(id string) error {
	return errs.New(errs.NotFound, "there is no workspace %q, or you are not a member of it", id)
}

// adapter puts huma on the standard mux. It differs from humago's in two things: a {path} at the end takes slashes, and
// the status of an error of huma's own can be replaced by ours.
type adapter struct{ mux *http.ServeMux }

func (a adapter) Handle(o *huma.Operation, handle func(huma.Context)) {
	a.mux.HandleFunc(o.Method+" "+pattern(o.Path), func(w http.ResponseWriter, r *http.Request) {
		handle(&humaContext{inner: humago.NewContext(o, r, w), call: callOf(r.Context())})
	})
}

func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// pattern is a path in the mux's words.
func pattern(path string) string {
	if rest, ok := strings.CutSuffix(path, "{path}"); ok {
		return rest + "{path...}"
	}
	return path
}

// humaContext lets the transformer that turns huma's errors into problems choose their status.
type humaContext struct {
	inner
	call *call
}

// inner gives the embedded context a name that is not that of one of its methods.
type inner = huma.Context

func (c *humaContext) Unwrap() huma.Context { return c.inner }

func (c *humaContext) SetStatus(status int) {
	if c.call.status != 0 {
		status = c.call.status
	}
	c.inner.SetStatus(status)
}
