package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/faulty"
)

// snapshot is everything that the audited actions change, but times of last use.
func (e *env) snapshot() string {
	e.t.Helper()
	ctx := context.Background()
	var all []any
	var failed error
	add := func(v any, err error) {
		all = append(all, v)
		failed = errors.Join(failed, err)
	}
	users, err := e.store.UserList(ctx)
	for i := range users {
		users[i].LastSeenAt = time.Time{}
		tokens, err := e.store.TokenList(ctx, users[i].Email)
		for j := range tokens {
			tokens[j].LastUsedAt = time.Time{}
		}
		add(tokens, err)
	}
	add(users, err)
	spaces, err := e.store.WorkspaceList(ctx, store.WorkspaceListParams{IncludeArchived: true})
	add(spaces, err)
	for _, w := range spaces {
		v := store.Viewer{Workspace: w.ID, All: true}
		members, err := e.store.MemberList(ctx, w.ID)
		add(members, err)
		groups, err := e.store.GroupList(ctx, w.ID, "")
		add(groups, err)
		folders, err := e.store.FolderList(ctx, store.FolderListParams{Viewer: v, Limit: 1000})
		add(folders, err)
		grants, err := e.store.GrantList(ctx, w.ID, domain.GrantScript, "f/a/one")
		add(grants, err)
		for _, archived := range []bool{false, true} {
			scripts, err := e.store.ScriptList(ctx, store.ScriptListParams{Viewer: v, Archived: archived, Limit: 1000})
			add(scripts, err)
			for _, s := range scripts {
				history, err := e.store.ScriptHistory(ctx, v, s.Path, 100)
				add(history, err)
			}
		}
		jobs, err := e.store.JobList(ctx, store.JobListParams{Viewer: v, Limit: 1000})
		add(jobs, err)
	}
	if failed != nil {
		e.t.Fatal(failed)
	}
	text, err := json.Marshal(all)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(text)
}

// lines are the audit lines of all chains, by chain and number.
func (e *env) lines() map[string]domain.AuditEvent {
	e.t.Helper()
	out := map[string]domain.AuditEvent{}
	for _, w := range []string{"", "main", "elsewhere", "newer"} {
		list, err := e.store.AuditList(context.Background(), store.AuditListParams{Workspace: w, Limit: 1000})
		if err != nil {
			e.t.Fatal(err)
		}
		for _, l := range list {
			out[fmt.Sprint(w, "/", l.Seq)] = l
		}
	}
	return out
}

// withoutLine are the operations that need no line of their own in the audit log.
var withoutLine = []string{
	// They only read.
	"inferSignature", "existsWorkspace",
	// Drafts are nobody's business but their owner's.
	"putScriptDraft", "deleteScriptDraft",
	// The history of runs is the record of runs, and the way of a run must stay short.
	"runScriptByPath", "runScriptByHash", "runWaitResultScriptByPath", "runWaitResultScriptByHash", "runAndStreamScriptByPath",
	"runAndStreamScriptByHash", "runScriptPreview", "runScriptPreviewAndWaitResult", "rerunJob",
	// It cancels each of the jobs as cancelQueuedJob does.
	"cancelSelection",
}

// TestNoAuditNoAction: when the line cannot be written, nothing is done and the caller is told; when it can, exactly one
// is there.
func TestNoAuditNoAction(t *testing.T) { onBoth(t, noAuditNoAction) }

func noAuditNoAction(t *testing.T) {
	e := newEnv(t)
	broken := faulty.New(1, faulty.Rule{Methods: []string{"AuditAppend"}, Mode: faulty.Fail, Rate: 1}).Wrap(e.store)
	deaf := e.over(broken, broken)
	cheap := account.New(account.Options{Store: broken, BaseURL: "http://localhost", Cost: account.Cost{Memory: 64, Passes: 1, Threads: 1}})

	one := e.script(e.dev, "f/a/one", "echo 1")
	two := e.script(e.dev, "f/a/two", "echo 1")
	e.script(e.dev, "f/a/three", "echo 1")
	e.script(e.dev, "f/a/four", "echo 1")
	job := e.must(201, e.dev, "POST", "/api/w/main/jobs/run/p/f/a/four?scheduled_in_secs=3600", nil).body
	session := e.must(200, "", "POST", "/api/auth/login", Login{"other@example.com", password}).body
	token := e.must(201, e.other, "POST", "/api/users/tokens/create", map[string]any{"label": "x"}).body
	root, err := e.accounts.Authenticate(t.Context(), e.admin, "main")
	if err != nil {
		t.Fatal(err)
	}
	invite := domain.Invite{Email: "new@example.com", Workspace: "main", Role: domain.RoleOperator}
	secret, err := e.accounts.Invite(t.Context(), root, invite)
	if err != nil {
		t.Fatal(err)
	}

	shown := map[string]bool{}
	for _, c := range []struct {
		action, chain, token, method, path string
		body                               any
		status                             int
	}{
		{audit.SignIn, "", "", "POST", "/api/auth/login", Login{"dev@example.com", password}, 200},
		{audit.SignInFailed, "", "", "POST", "/api/auth/login", Login{"dev@example.com", "wrong"}, 401},
		{audit.SignInFailed, "", "", "POST", "/api/auth/login", Login{"nobody@example.com", "wrong"}, 401},
		{audit.SignOut, "", session, "POST", "/api/auth/logout", nil, 200},
		{audit.TokenCreate, "", e.other, "POST", "/api/users/tokens/create", map[string]any{"label": "y", "scopes": []string{"jobs:run"}}, 201},
		{audit.TokenDelete, "", e.other, "DELETE", "/api/users/tokens/delete/" + token[:10], nil, 200},
		{audit.PasswordSet, "", e.other, "POST", "/api/users/setpassword", SetPassword{Password: password + " 2", Old: password}, 200},
		{audit.InviteAccept, "main", "", "POST", "/api/auth/welcome", AcceptWelcome{Token: secret, Password: password}, 200},
		{audit.WorkspaceMake, "newer", e.admin, "POST", "/api/workspaces/create", map[string]any{"id": "newer", "name": "Newer"}, 201},
		{audit.ScriptCreate, "main", e.dev, "POST", "/api/w/main/scripts/create", map[string]any{"path": "f/a/new", "content": "echo", "language": "bash", "summary": ""}, 201},
		{
			audit.ScriptUpdate, "main", e.dev, "POST", "/api/w/main/scripts/create",
			map[string]any{"path": "f/a/one", "content": "echo 2", "language": "bash", "summary": "", "parent_hash": one, "tag": "gpu", "envs": []string{"KEY=s3cret"}},
			201,
		},
		{audit.ScriptArchive, "main", e.dev, "POST", "/api/w/main/scripts/archive/p/f/a/three", nil, 200},
		{audit.ScriptDelete, "main", e.dev, "POST", "/api/w/main/scripts/delete/p/f/a/four", nil, 200},
		{audit.ScriptArchive, "main", e.dev, "POST", "/api/w/main/scripts/archive/h/" + two, nil, 200},
		{audit.ScriptDelete, "main", e.dev, "POST", "/api/w/main/scripts/delete/h/" + two, nil, 200},
		{audit.GroupCreate, "main", e.dev, "POST", "/api/w/main/groups/create", map[string]any{"name": "ops", "summary": ""}, 200},
		{audit.GroupUpdate, "main", e.dev, "POST", "/api/w/main/groups/update/ops", map[string]any{"summary": "who operates"}, 200},
		{audit.GroupAddUser, "main", e.dev, "POST", "/api/w/main/groups/adduser/ops", map[string]any{"username": "other"}, 200},
		{audit.GroupRemoveUser, "main", e.dev, "POST", "/api/w/main/groups/removeuser/ops", map[string]any{"username": "other"}, 200},
		{audit.FolderCreate, "main", e.dev, "POST", "/api/w/main/folders/create", map[string]any{"name": "box"}, 200},
		{audit.FolderUpdate, "main", e.dev, "POST", "/api/w/main/folders/update/box", map[string]any{"summary": "a box"}, 200},
		{audit.FolderAddOwner, "main", e.dev, "POST", "/api/w/main/folders/addowner/box", map[string]any{"owner": "g/ops"}, 200},
		{audit.FolderRemoveOwner, "main", e.dev, "POST", "/api/w/main/folders/removeowner/box", map[string]any{"owner": "g/ops"}, 200},
		{audit.FolderDelete, "main", e.dev, "DELETE", "/api/w/main/folders/delete/box", nil, 200},
		{audit.GrantAdd, "main", e.admin, "POST", "/api/w/main/acls/add/script/f/a/one", map[string]any{"owner": "g/ops", "write": true}, 200},
		{audit.GrantRemove, "main", e.admin, "POST", "/api/w/main/acls/remove/script/f/a/one", map[string]any{"owner": "g/ops"}, 200},
		{audit.GroupDelete, "main", e.dev, "DELETE", "/api/w/main/groups/delete/ops", nil, 200},
		{audit.JobCancel, "main", e.dev, "POST", "/api/w/main/jobs_u/queue/cancel/" + job, map[string]any{"reason": "enough"}, 200},
	} {
		_, pattern := build(Deps{}).mux.Handler(e.request("", c.method, c.path, nil))
		shown[pattern] = true
		for _, who := range []string{e.admin, e.dev, e.other} { // notes the use of the tokens, which is no action
			e.must(200, who, "GET", "/api/users/email", nil)
		}
		before, had := e.snapshot(), e.lines()
		if r := deaf.ask(c.token, c.method, c.path, c.body); r.status != 503 {
			t.Errorf("%s without its line: %d %s", c.action, r.status, r.body)
		}
		if e.snapshot() != before || len(e.lines()) != len(had) {
			t.Errorf("%s happened without its line", c.action)
		}
		r := e.must(c.status, c.token, c.method, c.path, c.body, "X-Request-Id", "req-"+c.action)
		var fresh []domain.AuditEvent
		for k, l := range e.lines() {
			if _, ok := had[k]; !ok {
				fresh = append(fresh, l)
			}
		}
		if len(fresh) != 1 || fresh[0].Action != c.action || fresh[0].Workspace != c.chain || fresh[0].RequestID != "req-"+c.action ||
			fresh[0].Address != "127.0.0.1" || fresh[0].Email == "" {
			t.Errorf("%s (%d): the lines %+v", c.action, r.status, fresh)
		}
		if c.status < 300 && e.snapshot() == before {
			t.Errorf("%s: the snapshot does not see it", c.action)
		}
		for _, l := range fresh {
			if text := fmt.Sprintf("%+v %s", l, l.Changes); strings.Contains(text, password) || strings.Contains(text, "s3cret") || strings.Contains(text, "echo") {
				t.Errorf("%s tells secrets: %s", c.action, text)
			}
		}
	}

	for _, o := range operations() {
		if name := o.Method + " " + pattern(o.Path); !readOnly(o.Method) && shown[name] == slices.Contains(withoutLine, o.ID) {
			t.Errorf("%s must either be shown above to write a line in the audit log, or stand in withoutLine with a reason", name)
		}
	}

	// What no operation does yet.
	if _, err := cheap.Invite(t.Context(), root, domain.Invite{Email: "x@example.com"}); err == nil {
		t.Error("an invite without its line")
	}
	before := e.snapshot()
	if err := cheap.SetDisabled(t.Context(), root, "dev@example.com", true); err == nil || e.snapshot() != before {
		t.Errorf("closing an account without its line: %v", err)
	}

	// A cancel of what is over, and a deployment that changes nothing, are no actions.
	had := e.lines()
	e.must(200, e.dev, "POST", "/api/w/main/jobs_u/queue/cancel/"+job, map[string]any{"reason": "again"})
	if n := len(e.lines()) - len(had); n != 0 {
		t.Errorf("%d lines of nothing", n)
	}
	reports, err := audit.Verify(t.Context(), e.store)
	if err != nil || len(reports) != 4 {
		t.Errorf("%+v, %v", reports, err)
	}
	for _, r := range reports {
		if r.Broken != 0 {
			t.Errorf("%+v", r)
		}
	}
}

// A job that starts writes no line: the way of a run stays as short as it was.
func TestRunsAreNotAudited(t *testing.T) {
	t.Parallel()
	e := newEnv(t).withWorker()
	e.script(e.dev, "f/a/one", "echo 1")
	had := len(e.lines())
	e.must(200, e.dev, "POST", "/api/w/main/jobs/run_wait_result/p/f/a/one", nil)
	if n := len(e.lines()); n != had {
		t.Errorf("a run wrote %d lines", n-had)
	}
}

func TestTheAuditLogIsListed(t *testing.T) { onBoth(t, theAuditLogIsListed) }

func theAuditLogIsListed(t *testing.T) {
	e := newEnv(t)
	const log = "/api/w/main/audit/"
	hash := e.script(e.dev, "f/a/one", "echo 1")
	e.script(e.dev, "f/a/one", "echo 2", map[string]any{"parent_hash": hash, "tag": "gpu"})
	e.script(e.dev, "f/b/two", "echo 1", map[string]any{"summary": "=HYPERLINK(1)"})
	e.must(200, e.dev, "POST", log[:len("/api/w/main/")]+"scripts/archive/p/f/b/two", nil)

	for who, want := range map[string]int{e.admin: 200, e.dev: 403, e.operator: 403, e.outsider: 404, "": 401, "tmpat_x": 401} {
		for _, path := range []string{"list", "get/1", "export"} {
			e.must(want, who, "GET", log+path, nil)
		}
	}
	for who, want := range map[string]int{e.admin: 200, e.dev: 403, e.outsider: 403, "": 401} {
		for _, path := range []string{"list", "get/1", "export"} {
			e.must(want, who, "GET", "/api/audit/"+path, nil)
		}
	}

	ids := func(query string) (out []int64) {
		for _, l := range decode[[]AuditLog](t, e.must(200, e.admin, "GET", log+"list?"+query, nil)) {
			out = append(out, l.ID)
		}
		return out
	}
	all := decode[[]AuditLog](t, e.must(200, e.admin, "GET", log+"list?operation=scripts.", nil))
	if len(all) != 4 || all[3].Operation != "scripts.create" || all[2].Operation != "scripts.update" || all[0].Operation != "scripts.archive" {
		t.Fatalf("%+v", all)
	}
	update := all[2]
	if update.WorkspaceID != "main" || update.Username != "dev" || update.Email != "dev@example.com" || update.ActionKind != "Updated" ||
		value(update.Resource) != "f/a/one" || value(update.Address) != "127.0.0.1" || value(update.TokenID) == "" || string(update.Parameters["tag"]) != `"gpu"` {
		t.Errorf("%+v", update)
	}
	at := slices.IndexFunc(update.Changes, func(c AuditChange) bool { return c.Field == "hash" })
	if at < 0 || string(*update.Changes[at].Before) != `"`+hash+`"` || update.Changes[at].After == nil {
		t.Errorf("%+v", update.Changes)
	}
	one := decode[AuditLog](t, e.must(200, e.admin, "GET", fmt.Sprint(log, "get/", update.ID), nil))
	if one.Hash != update.Hash || one.Hash == "" {
		t.Errorf("%+v", one)
	}

	stamp := url.QueryEscape(update.Timestamp.Format(time.RFC3339Nano))
	for query, want := range map[string][]int64{
		"operation=scripts.&limit=2":                                          {all[0].ID, all[1].ID},
		fmt.Sprint("operation=scripts.&limit=2&before_id=", all[1].ID):        {all[2].ID, all[3].ID},
		"operation=scripts.&per_page=3&page=2":                                {all[3].ID},
		"operations=scripts.archive,scripts.update":                           {all[0].ID, all[2].ID},
		"operation=scripts.&exclude_operations=scripts.archive":               {all[1].ID, all[2].ID, all[3].ID},
		"username=dev&action_kind=Update":                                     {all[2].ID},
		"username=dev@example.com&resource=f/b/":                              {all[0].ID, all[1].ID},
		"operation=scripts.&before=" + stamp:                                  {all[2].ID, all[3].ID},
		"operation=scripts.&after=" + stamp:                                   {all[0].ID, all[1].ID},
		"username=nobody":                                                     nil,
		"operation=scripts.&all_workspaces=false&resource=f/a/one&per_page=1": {all[2].ID},
	} {
		if got := ids(query); !slices.Equal(got, want) {
			t.Errorf("?%s: %v, want %v", query, got, want)
		}
	}
	for _, query := range []string{
		"action_kind=Steal", "all_workspaces=true", "before_id=-1", "before_id=x", "limit=1001", "after=yesterday", "colour=red", "resource=%00",
		"username=" + strings.Repeat("x", 2000), "page=-1",
	} {
		e.must(400, e.admin, "GET", log+"list?"+query, nil)
	}
	e.must(400, e.admin, "GET", log+"export?format=xml", nil)
	e.must(404, e.admin, "GET", log+"get/999999", nil)
	e.must(404, e.admin, "GET", log+"get/-1", nil)
	e.must(400, e.admin, "GET", log+"get/x", nil)

	table := e.must(200, e.admin, "GET", log+"export?resource=f/b/", nil)
	if !strings.HasPrefix(table.header.Get("Content-Type"), "text/csv") || !strings.Contains(table.header.Get("Content-Disposition"), "audit-main.csv") ||
		strings.Count(table.body, "\r\n") != 3 || !strings.Contains(table.body, "scripts.archive") {
		t.Errorf("%v %s", table.header, table.body)
	}
	file := e.must(200, e.admin, "GET", log+"export?format=jsonl&resource=f/b/", nil)
	if file.header.Get("Content-Type") != "application/jsonl" || strings.Count(file.body, "\n") != 2 || !json.Valid([]byte(strings.Split(file.body, "\n")[0])) {
		t.Errorf("%v %s", file.header, file.body)
	}
	if r := e.must(200, e.admin, "HEAD", log+"export", nil); r.body != "" {
		t.Errorf("HEAD: %q", r.body)
	}
}

// TestRefusedAccessIsNoted: in the workspace's log what its members may not do; in the instance's what is asked of
// workspaces from outside.
func TestRefusedAccessIsNoted(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	admin := decode[User](t, e.must(200, e.admin, "GET", "/api/w/main/users/whoami", nil)).Username
	e.must(403, e.operator, "POST", "/api/w/main/scripts/archive/p/f/a/one", nil)
	e.must(404, e.dev, "GET", "/api/w/main/scripts/get/p/u/"+admin+"/private", nil)
	e.must(403, e.dev, "POST", "/api/workspaces/create", map[string]any{"id": "mine", "name": ""})
	e.must(404, e.outsider, "GET", "/api/w/main/scripts/get/p/f/a/one", nil)
	e.must(401, "", "GET", "/api/w/main/scripts/get/p/f/a/one", nil)
	e.must(404, e.dev, "GET", "/api/w/main/scripts/get/p/f/a/nothing", nil) // allowed, only not there

	var got []string
	for _, w := range []string{"main", ""} {
		list, err := e.store.AuditList(t.Context(), store.AuditListParams{Workspace: w, Actions: []string{audit.AccessRefused}, OldestFirst: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			var changes []AuditChange
			if err := json.Unmarshal(l.Changes, &changes); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s: %s %s %s", w, l.Email, *changes[0].After, l.Resource))
		}
	}
	want := []string{
		`main: op@example.com "archiveScriptByPath" f/a/one`,
		`main: dev@example.com "getScriptByPath" u/` + admin + `/private`,
		`: dev@example.com "createWorkspace" `,
		`: out@example.com "getScriptByPath" w/main/f/a/one`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
