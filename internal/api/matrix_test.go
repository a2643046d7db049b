package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

// target is what an operation is about.
type target int

const (
	nothing target = iota // the workspace, or oneself
	script                // a script, by its path or its hash
	aJob                  // a final job of somebody else
	aFolder               // a folder, by its name
	aGroup                // a group, by its name
)

// row is what the matrix expects of an operation. The permission stands here once more, so that a weaker one in the table
// of operations is noticed.
type row struct {
	needs  perm.Permission
	on     target
	open   bool // anybody may: nothing to expect but that nobody is sent away
	tells  bool // the caller names a path of his own choice in the body, and is told that he may not write there
	quiet  bool // answers "no" instead of hiding
	fresh  bool // the path need not hold anything yet
	query  func(c *cell) string
	body   func(c *cell) any
	before func(c *cell) // what has to be there
}

// matrix has a row for each operation, by id.
func matrix() map[string]row {
	public := row{needs: perm.Open, open: true}
	on := func(p perm.Permission, t target) row { return row{needs: p, on: t} }
	with := func(r row, change func(*row)) row { change(&r); return r }
	body := func(r row, b func(c *cell) any) row { r.body = b; return r }
	query := func(r row, q func(c *cell) string) row { r.query = q; return r }
	preview := func(c *cell) any {
		return map[string]any{"content": "echo 1", "language": "bash", "path": c.path}
	}
	draft := func(c *cell) {
		if c.who.Email != "" {
			c.ok(c.store.DraftPut(c.t.Context(), domain.Draft{Workspace: "main", Email: c.who.Email, Kind: "script", Path: c.path, Value: domain.JSON(`{}`)}))
		}
	}
	owner := func(*cell) any { return map[string]any{"owner": "u/other"} }
	user := func(*cell) any { return map[string]any{"username": "other"} }
	m := map[string]row{
		"login": public, "welcomeInfo": public, "welcome": public, "getHealthStatus": public, "openapi": public,
		"backendVersion": public, "healthz": public, "readyz": public,

		"logout":          with(on(perm.Self, nothing), func(r *row) { r.before = (*cell).freshSession }),
		"getCurrentEmail": on(perm.Self, nothing), "globalWhoami": on(perm.Self, nothing), "listTokens": on(perm.Self, nothing),
		"setPassword": on(perm.SelfWrite, nothing), "createToken": on(perm.SelfWrite, nothing),
		"deleteToken":   with(on(perm.SelfWrite, nothing), func(r *row) { r.before = (*cell).freshToken }),
		"listLanguages": on(perm.Catalogue, nothing), "listWorkers": on(perm.WorkersRead, nothing),
		"existsWorkerWithTag":   query(on(perm.WorkersRead, nothing), func(*cell) string { return "tag=bash" }),
		"existsWorkersWithTags": query(on(perm.WorkersRead, nothing), func(*cell) string { return "tags=bash" }),
		"createWorkspace":       on(perm.WorkspacesAdmin, nothing), "existsWorkspace": on(perm.WorkspacesRead, nothing),
		"listWorkspaces": on(perm.WorkspacesRead, nothing), "listUserWorkspaces": on(perm.WorkspacesRead, nothing),
		"listUsers": on(perm.MembersRead, nothing), "listUsernames": on(perm.MembersRead, nothing), "whoami": on(perm.MembersRead, nothing),

		"listScripts": on(perm.ScriptsRead, nothing), "listScriptPaths": on(perm.ScriptsRead, nothing), "inferSignature": on(perm.ScriptsRead, nothing),
		"diffScripts": query(on(perm.ScriptsRead, script), func(c *cell) string { return "from=" + c.hash + "&to=" + c.hash }),
		"createScript": with(on(perm.ScriptsWrite, script), func(r *row) {
			r.tells, r.fresh = true, true
			r.body = func(c *cell) any {
				return map[string]any{"path": c.path + "/new", "content": "echo", "language": "bash", "summary": ""}
			}
		}),
		"listDrafts":        on(perm.DraftsRead, nothing),
		"getScriptDraft":    with(on(perm.DraftsRead, script), func(r *row) { r.before, r.fresh = draft, true }),
		"putScriptDraft":    with(on(perm.DraftsWrite, script), func(r *row) { r.fresh = true }),
		"deleteScriptDraft": with(on(perm.DraftsWrite, script), func(r *row) { r.fresh = true }),

		"listAuditLogs": on(perm.AuditRead, nothing), "exportAuditLogs": on(perm.AuditRead, nothing),
		"getAuditLog":           with(on(perm.AuditRead, nothing), func(r *row) { r.before = (*cell).auditLine }),
		"listInstanceAuditLogs": on(perm.AuditInstance, nothing), "exportInstanceAuditLogs": on(perm.AuditInstance, nothing),
		"getInstanceAuditLog": with(on(perm.AuditInstance, nothing), func(r *row) { r.before = (*cell).auditLine }),

		"listGroups": on(perm.GroupsRead, nothing), "listGroupNames": on(perm.GroupsRead, nothing), "createGroup": on(perm.GroupsWrite, nothing),
		"getGroup": on(perm.GroupsRead, aGroup), "updateGroup": on(perm.GroupsWrite, aGroup), "deleteGroup": on(perm.GroupsWrite, aGroup),
		"addUserToGroup": body(on(perm.GroupsWrite, aGroup), user), "removeUserToGroup": body(on(perm.GroupsWrite, aGroup), user),

		"listFolders": on(perm.FoldersRead, nothing), "listFolderNames": on(perm.FoldersRead, nothing), "createFolder": on(perm.FoldersCreate, nothing),
		"getFolder": on(perm.FoldersRead, aFolder), "existsFolder": with(on(perm.FoldersRead, aFolder), func(r *row) { r.quiet = true }),
		"updateFolder": on(perm.FoldersWrite, aFolder), "deleteFolder": on(perm.FoldersWrite, aFolder),
		"addOwnerToFolder": body(on(perm.FoldersWrite, aFolder), owner), "removeOwnerToFolder": body(on(perm.FoldersWrite, aFolder), owner),

		"getGranularAcls": on(perm.GrantsRead, script), "addGranularAcls": body(on(perm.GrantsWrite, script), owner),
		"removeGranularAcls": with(on(perm.GrantsWrite, script), func(r *row) {
			r.body = owner
			r.before = func(c *cell) {
				c.ok(c.store.GrantPut(c.t.Context(), "main", domain.Grant{Kind: domain.GrantScript, Object: c.path, Principal: "u/other", Level: domain.GrantRead}))
			}
		}),
		"explainAccess": query(on(perm.AccessRead, nothing), func(*cell) string { return "path=f/closed/x" }),

		"watchWorkspace": on(perm.JobsRead, nothing), "listCompletedJobs": on(perm.JobsRead, nothing), "listJobs": on(perm.JobsRead, nothing),
		"listQueue": on(perm.JobsRead, nothing), "getQueueCount": on(perm.JobsRead, nothing),
		"cancelSelection": body(on(perm.JobsWrite, nothing), func(*cell) any { return []string{} }),
		"cancelQueuedJob": on(perm.JobsWrite, aJob),
		"rerunJob":        on(perm.JobsRun, aJob),
	}
	for _, op := range []string{"runScriptPreview", "runScriptPreviewAndWaitResult"} {
		m[op] = with(on(perm.JobsPreview, script), func(r *row) { r.body, r.fresh = preview, true })
	}
	for _, op := range []string{
		"existsScriptByPath", "getScriptByHash", "getScriptByPath", "getScriptLatestVersion", "getScriptHistoryByPath", "rawScriptByHash",
		"rawScriptByPath", "getScriptDeploymentStatus",
	} {
		m[op] = with(on(perm.ScriptsRead, script), func(r *row) { r.fresh = op == "existsScriptByPath" })
	}
	for _, op := range []string{"archiveScriptByHash", "archiveScriptByPath", "deleteScriptByHash", "deleteScriptByPath"} {
		m[op] = on(perm.ScriptsWrite, script)
	}
	for _, op := range []string{
		"runScriptByHash", "runScriptByPath", "runAndStreamScriptByHash", "runAndStreamScriptByHashGet", "runAndStreamScriptByPath",
		"runAndStreamScriptByPathGet", "runWaitResultScriptByHash", "runWaitResultScriptByHashGet", "runWaitResultScriptByPath",
		"runWaitResultScriptByPathGet",
	} {
		m[op] = on(perm.JobsRun, script)
	}
	for _, op := range []string{
		"getCompletedJob", "getCompletedJobResult", "getCompletedJobResultMaybe", "getJob", "getJobArgs", "getJobLogs", "getRootJobId",
		"getJobUpdates", "getJobUpdatesSSE", "getJobLogWindow", "whyJob",
	} {
		m[op] = on(perm.JobsRead, aJob)
	}
	return m
}

// object is a place with what everybody was granted there.
type object struct {
	name   string
	home   string       // of whom; "me" is the caller
	level  domain.Level // of all in the folder
	onItem domain.Level // of all on the item itself
	member bool         // groups: the caller administers it
}

var (
	folderObjects = []object{
		{name: "closed"},
		{name: "read", level: domain.GrantRead},
		{name: "run", level: domain.GrantRun},
		{name: "write", level: domain.GrantWrite},
		{name: "own", level: domain.GrantOwn},
	}
	pathObjects = append([]object{
		{name: "mine", home: "me"},
		{name: "theirs", home: "other"},
		{name: "item-run", onItem: domain.GrantRun},
		{name: "their-item-read", home: "other", onItem: domain.GrantRead},
	}, folderObjects...)
	groupObjects = []object{{name: "mine", member: true}, {name: "theirs"}}
)

func (t target) objects() []object {
	switch t {
	case script, aJob:
		return pathObjects
	case aFolder:
		return folderObjects
	case aGroup:
		return groupObjects
	}
	return []object{{name: "-"}}
}

// cell is one request of the matrix.
type cell struct {
	*env
	token  string
	who    domain.Identity
	object object
	n      int

	path, hash, job, name, prefix string
	group                         domain.Group
	access                        domain.Access // what the object was given, as the test knows it
}

func (c *cell) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cell) freshSession() {
	if c.who.Email == "" {
		return
	}
	secret, _, err := c.accounts.SignIn(c.t.Context(), c.who.Email, password, fmt.Sprint("matrix", c.n))
	c.ok(err)
	c.token = secret
}

func (c *cell) freshToken() {
	if c.who.Email == "" {
		return
	}
	secret, err := c.accounts.CreateToken(c.t.Context(), c.who, "x", "", nil, time.Time{})
	c.ok(err)
	c.prefix = secret[:10]
}

// auditLine makes sure that each log has a first line.
func (c *cell) auditLine() {
	for _, w := range []string{"", "main", "elsewhere"} {
		c.ok(audit.Record(c.t.Context(), c.store, c.who, audit.Entry{Workspace: w, Action: "tests.look", Kind: domain.AuditExecute}))
	}
	c.job = "1"
}

// make puts the object there.
func (c *cell) make(on target) {
	ctx := c.t.Context()
	grant := func(kind domain.GrantKind, object string, level domain.Level) domain.Grant {
		g := domain.Grant{Kind: kind, Object: object, Principal: "g/all", Level: level}
		if level > domain.GrantNone {
			c.access.Grants = append(c.access.Grants, g)
		}
		return g
	}
	folder := func() {
		c.name = fmt.Sprintf("m%d", c.n)
		f := domain.Folder{Workspace: "main", Name: c.name, Grants: []domain.Grant{{Principal: "u/other", Level: domain.GrantOwn}}}
		if g := grant(domain.GrantFolder, c.name, c.object.level); g.Level > domain.GrantNone {
			f.Grants = append(f.Grants, g)
		}
		c.ok(c.store.FolderCreate(ctx, f))
		c.path = "f/" + c.name + "/x"
	}
	switch on {
	case aGroup:
		c.name = fmt.Sprintf("m%d", c.n)
		c.group = domain.Group{Workspace: "main", Name: c.name, Members: []string{"other"}, Admins: []string{"other"}}
		if c.object.member && c.who.Username != "" {
			c.group.Admins = append(c.group.Admins, c.who.Username)
		}
		c.ok(c.store.GroupCreate(ctx, c.group))
	case aFolder:
		folder()
	case script, aJob:
		switch c.object.home {
		case "":
			folder()
		case "me":
			name := c.who.Username
			if name == "" {
				name = "somebody"
			}
			c.path = fmt.Sprintf("u/%s/m%d", name, c.n)
		default:
			c.path = fmt.Sprintf("u/%s/m%d", c.object.home, c.n)
		}
		c.hash = fmt.Sprintf("%016x", c.n+1)
		c.ok(c.store.ScriptCreate(ctx, domain.Script{
			Workspace: "main", Hash: c.hash, Path: c.path, Content: "echo 1", Language: "bash", Kind: domain.KindScript, Lock: new(string), CreatedBy: "root@example.com",
		}))
		if g := grant(domain.GrantScript, c.path, c.object.onItem); g.Level > domain.GrantNone {
			c.ok(c.store.GrantPut(ctx, "main", g))
		}
	}
	if on != aJob {
		return
	}
	c.job = id.New()
	tag := "tag-" + c.job
	c.ok(c.store.JobPush(ctx, store.NewJob{Args: domain.Payload{Inline: []byte(`{}`)}, Job: domain.Job{
		ID: c.job, Workspace: "main", Kind: domain.JobScript, ScriptPath: c.path, ScriptHash: c.hash, Language: "bash", Tag: tag,
		CreatedBy: "root", Email: "root@example.com", PermissionedAs: "u/root", Trigger: "api",
	}}))
	jobs, err := c.store.JobClaim(ctx, store.JobClaimParams{Worker: "w", Tags: []string{tag}, Limit: 1, Lease: time.Minute})
	c.ok(err)
	l := domain.Lease{JobID: c.job, Attempt: jobs[0].Attempt, Worker: "w"}
	_, err = c.store.JobComplete(ctx, l, domain.Outcome{Status: domain.StatusSuccess}, &domain.Payload{Inline: []byte(`1`)})
	c.ok(err)
}

// want is the status that perm's table gives: 0 for anything that is no refusal.
func (c *cell) want(r row) int {
	path := c.path
	if r.on == aFolder {
		path = "f/" + c.name
	}
	d := perm.Decide(c.who, r.needs, path, c.access)
	if r.on == aGroup && d.Allowed && r.needs == perm.GroupsWrite {
		d = perm.Group(c.who, c.group)
	}
	switch {
	case d.Allowed:
		return 0
	case c.who.Email == "":
		return http.StatusUnauthorized
	case d.Hide && c.who.Workspace != "" && r.quiet:
		return 0
	case d.Hide && c.who.Workspace != "" && r.tells:
		return http.StatusForbidden
	case d.Hide:
		return http.StatusNotFound
	}
	return http.StatusForbidden
}

// send makes the request and reads no more of the answer than its beginning.
func (c *cell) send(o operation, r row, workspace string) (int, string) {
	c.t.Helper()
	path := strings.NewReplacer("{workspace}", workspace, "{path}", c.path, "{hash}", c.hash, "{id}", c.job, "{token_prefix}", c.prefix,
		"{name}", c.name, "{kind}", "script").Replace(o.Path)
	if r.query != nil {
		path += "?" + r.query(c)
	}
	var body any
	if o.Method != http.MethodGet {
		body = map[string]any{}
		if r.body != nil {
			body = r.body(c)
		}
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	res, err := c.server.Client().Do(c.request(c.token, o.Method, path, body).WithContext(ctx))
	c.ok(err)
	defer res.Body.Close()
	text := ""
	if res.StatusCode >= 400 {
		data, _ := io.ReadAll(res.Body)
		text = string(data)
	}
	return res.StatusCode, text
}

// number is another one each time, for names.
func (e *env) number() int {
	e.numbers.Add(1)
	return int(e.numbers.Load())
}

// role is somebody who asks.
type role struct {
	name, token string
}

// matrixEnv is a server with somebody of each role.
func matrixEnv(t *testing.T) (*env, []role) {
	e := newEnv(t).withWorker()
	ctx := t.Context()
	root, err := e.accounts.Authenticate(ctx, e.admin, "main")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := e.accounts.Invite(ctx, root, domain.Invite{Email: "boss@example.com", Workspace: "main", Role: domain.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	boss, err := e.accounts.AcceptInvite(ctx, secret, "", "", password)
	if err != nil {
		t.Fatal(err)
	}
	return e, []role{
		{"anonymous", ""}, {"operator", e.operator}, {"developer", e.dev}, {"admin", boss.Secret}, {"superadmin", e.admin}, {"foreign member", e.outsider},
	}
}

// walk makes every request of the matrix and reports each whose answer is not what perm's table says.
func walk(e *env, roles []role, table []operation, report func(format string, args ...any)) (asked int) {
	rows := matrix()
	for _, o := range table {
		r, ok := rows[o.ID]
		if !ok {
			report("%s has no row in the matrix", o.ID)
			continue
		}
		if o.Permission != r.needs {
			report("%s needs %+v, and its row says %+v", o.ID, o.Permission, r.needs)
		}
		workspaces := []string{"main", "elsewhere"}
		if !strings.Contains(o.Path, "{workspace}") {
			workspaces = workspaces[:1]
		}
		for _, who := range roles {
			for _, object := range r.on.objects() {
				for _, workspace := range workspaces {
					asked++
					c := &cell{env: e, token: who.token, object: object, n: e.number(), prefix: "tmpat_abcd"}
					if who.token != "" {
						var err error
						in := workspace
						if !strings.Contains(o.Path, "{workspace}") {
							in = ""
						}
						c.who, err = e.accounts.Authenticate(e.t.Context(), who.token, in)
						c.ok(err)
					}
					c.make(r.on)
					if r.before != nil {
						r.before(c)
					}
					want := c.want(r)
					if workspace == "elsewhere" && c.who.Workspace != "" && r.on != nothing {
						if r.fresh || r.quiet {
							continue // may be done there, and is about nothing of main
						}
						want = http.StatusNotFound // one may there, but the object is of main
					}
					got, text := c.send(o, r, workspace)
					refused := got == 401 || got == 403 || got == 404
					switch {
					case r.open && (got == 401 || got == 403), !r.open && want == 0 && refused, !r.open && want != 0 && got != want, got >= 500:
						report("%s as %s on %s in %s: %d, want %d: %.200s", o.ID, who.name, object.name, workspace, got, want, text)
					}
				}
			}
		}
	}
	return asked
}

func TestTheMatrixOfPermissions(t *testing.T) {
	t.Parallel()
	e, roles := matrixEnv(t)
	asked := walk(e, roles, operations(), t.Errorf)
	t.Logf("%d requests", asked)
	rows := matrix()
	for _, o := range operations() {
		delete(rows, o.ID)
	}
	for name := range rows {
		t.Errorf("the matrix has a row for %s, which is no operation", name)
	}
}

// TestTheMatrixFindsHoles plants holes, one at a time, into the server and expects the matrix to fall into each.
func TestTheMatrixFindsHoles(t *testing.T) {
	t.Parallel()
	e, roles := matrixEnv(t)
	ops := map[string]operation{}
	for _, o := range operations() {
		ops[o.ID] = o
	}
	weaker := func(name string, p perm.Permission) operation {
		o := ops[name]
		o.Permission = p
		return o
	}
	for name, hole := range map[string]operation{
		"a handler that forgets on whose behalf it reads": op("GET", ops["getJobArgs"].Path, "getJobArgs", perm.JobsRead, "x",
			func(s *server, ctx context.Context, in *InJob) (*yes, error) {
				_, err := s.Store.JobGet(ctx, store.Viewer{Workspace: in.Workspace, All: true}, in.ID)
				return &yes{Body: true}, err
			}),
		"a handler that reads another workspace": op("GET", ops["getScriptByHash"].Path, "getScriptByHash", perm.ScriptsRead, "x",
			func(s *server, ctx context.Context, in *InHash) (*yes, error) {
				v := callOf(ctx).viewer()
				v.Workspace = "main"
				_, err := s.Store.ScriptByHash(ctx, v, in.Hash)
				return &yes{Body: true}, err
			}),
		"a handler that does not ask about the folder": op("DELETE", ops["deleteFolder"].Path, "deleteFolder", perm.FoldersWrite, "x",
			func(s *server, ctx context.Context, in *InName) (*yes, error) {
				return &yes{Body: true}, s.Store.FolderDelete(ctx, in.Workspace, in.Name)
			}),
		"writing for who may only read": weaker("archiveScriptByPath", perm.ScriptsRead),
		"running for who may only read": weaker("runScriptByPath", perm.JobsRead),
		"an operation without a row":    op("GET", "/api/w/{workspace}/new", "newOperation", perm.MembersRead, "x", (*server).listUsers),
	} {
		table := []operation{hole}
		server := httptest.NewServer(buildWith(e.deps, table))
		holed := *e
		holed.server = server
		found := 0
		walk(&holed, roles, table, func(string, ...any) { found++ })
		server.Close()
		if found == 0 {
			t.Errorf("%s was not found", name)
		}
	}
}
