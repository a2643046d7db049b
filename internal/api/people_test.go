package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/perm"
)

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.must(200, "", "POST", "/api/auth/login", Login{Email: "dev@example.com", Password: password})
	k, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if err != nil || k.Name != "token" || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Value != r.body {
		t.Fatalf("the cookie is %v, %v", k, err)
	}
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
		t.Errorf("the token comes as %q", r.header.Get("Content-Type"))
	}
	cookie := "token=" + k.Value
	e.must(200, "", "GET", "/api/users/whoami", nil, "Cookie", cookie)
	email := e.must(200, "", "GET", "/api/users/email", nil, "Cookie", cookie)
	if email.body != "dev@example.com" {
		t.Errorf("signed in as %q", email.body)
	}
	// A cookie changes something only from our own pages, or from a program that is no browser.
	logout := func(headers ...string) reply {
		return e.ask("", "POST", "/api/auth/logout", nil, append([]string{"Cookie", cookie}, headers...)...)
	}
	for _, foreign := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-origin"}} {
		if r := logout(foreign...); r.status != 403 {
			t.Errorf("logout with %v: %d %s", foreign, r.status, r.body)
		}
	}
	if r := logout("Origin", e.server.URL, "X-Tidemill-CSRF", "1"); r.status != 200 {
		t.Errorf("logout from our page: %d %s", r.status, r.body)
	}
	e.must(401, "", "GET", "/api/users/whoami", nil, "Cookie", cookie)

	wrong := e.must(401, "", "POST", "/api/auth/login", Login{Email: "dev@example.com", Password: "wrong"})
	nobody := e.must(401, "", "POST", "/api/auth/login", Login{Email: "nobody@example.com", Password: "wrong"})
	if decode[Problem](t, wrong).Detail != decode[Problem](t, nobody).Detail {
		t.Error("the answer tells who has an account")
	}
}

func TestACookieDoesNotRunThingsByALink(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.script(e.dev, "f/x/y", "echo hi")
	path := "/api/w/main/jobs/run_wait_result/p/f/x/y"
	e.must(403, "", "GET", path, nil, "Cookie", "token="+e.dev)
	e.must(403, "", "GET", path, nil, "Cookie", "token="+e.dev, "Sec-Fetch-Site", "cross-site")
	e.must(400, "", "HEAD", path, nil, "Authorization", "Bearer "+e.dev)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.must(201, e.dev, "POST", "/api/users/tokens/create", map[string]any{"label": "ci", "scopes": []string{"jobs:run:f/x/*"}, "workspace_id": "main"})
	secret := r.body
	list := decode[[]Token](t, e.must(200, e.dev, "GET", "/api/users/tokens/list?exclude_ephemeral=true", nil))
	if len(list) != 1 || *list[0].Label != "ci" || list[0].Prefix != secret[:10] || *list[0].WorkspaceID != "main" {
		t.Fatalf("the tokens are %+v", list)
	}
	e.script(e.dev, "f/x/y", "echo hi")
	e.script(e.dev, "f/z/y", "echo hi")
	id := e.must(201, secret, "POST", "/api/w/main/jobs/run/p/f/x/y", nil).body
	e.must(403, secret, "POST", "/api/w/main/jobs/run/p/f/z/y", nil)
	e.must(403, secret, "GET", "/api/w/main/jobs_u/get/"+id, nil)
	e.must(403, secret, "GET", "/api/w/main/scripts/get/p/f/x/y", nil)
	e.must(403, secret, "POST", "/api/users/tokens/create", map[string]any{"label": "more"})
	e.must(201, "", "POST", "/api/w/main/jobs/run/p/f/x/y?token="+secret, nil)
	e.must(401, "", "GET", "/api/w/main/jobs_u/get/"+id+"?token="+e.dev, nil)

	reader := e.must(201, e.dev, "POST", "/api/users/tokens/create", map[string]any{"scopes": []string{"jobs:read:f/x/*"}}).body
	e.must(200, reader, "GET", "/api/w/main/jobs_u/get/"+id, nil)
	other := e.must(201, e.dev, "POST", "/api/w/main/jobs/run/p/f/z/y", nil).body
	e.must(403, reader, "GET", "/api/w/main/jobs_u/get/"+other, nil)

	e.must(200, e.dev, "DELETE", "/api/users/tokens/delete/"+secret[:10], nil)
	e.must(401, secret, "POST", "/api/w/main/jobs/run/p/f/x/y", nil)
	e.must(404, e.dev, "DELETE", "/api/users/tokens/delete/"+secret[:10], nil)
	ro := e.must(201, e.dev, "POST", "/api/users/tokens/create", map[string]any{"read_only": true}).body
	e.must(200, ro, "GET", "/api/w/main/scripts/list", nil)
	e.must(403, ro, "POST", "/api/w/main/jobs/run/p/f/x/y", nil)
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p := decode[Problem](t, e.must(400, e.dev, "POST", "/api/users/setpassword", map[string]any{"password": "another good one", "old_password": "wrong"}))
	if len(p.Errors) != 1 || p.Errors[0].Location != "old_password" {
		t.Errorf("the wrong old password is told as %+v", p)
	}
	e.must(400, e.dev, "POST", "/api/users/setpassword", map[string]any{"password": "short", "old_password": password})
	e.must(200, e.dev, "POST", "/api/users/setpassword", map[string]any{"password": "another good one", "old_password": password})
	e.must(401, "", "POST", "/api/auth/login", Login{Email: "dev@example.com", Password: password})
	e.must(200, "", "POST", "/api/auth/login", Login{Email: "dev@example.com", Password: "another good one"})
}

func TestWhoIsWhere(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	u := decode[User](t, e.must(200, e.dev, "GET", "/api/w/main/users/whoami", nil))
	if u.Username != "dev" || u.IsAdmin || u.Operator || u.Role != "developer" {
		t.Errorf("dev is %+v", u)
	}
	if u := decode[User](t, e.must(200, e.operator, "GET", "/api/w/main/users/whoami", nil)); !u.Operator {
		t.Errorf("the operator is %+v", u)
	}
	e.must(404, e.outsider, "GET", "/api/w/main/users/whoami", nil)
	e.must(404, e.dev, "GET", "/api/w/nowhere/users/whoami", nil)
	e.must(404, e.dev, "GET", "/api/w/Not%20Valid/users/whoami", nil)
	names := decode[[]string](t, e.must(200, e.dev, "GET", "/api/w/main/users/list_usernames", nil))
	if strings.Join(names, " ") != "ada dev op other" {
		t.Errorf("the user names are %v", names)
	}
	ws := decode[Workspaces](t, e.must(200, e.dev, "GET", "/api/workspaces/users", nil))
	if len(ws.Workspaces) != 1 || ws.Workspaces[0].ID != "main" || ws.Workspaces[0].Username != "dev" {
		t.Errorf("dev's workspaces are %+v", ws)
	}
	if r := e.must(200, e.dev, "POST", "/api/workspaces/exists", map[string]any{"id": "elsewhere"}); strings.TrimSpace(r.body) != "true" {
		t.Errorf("elsewhere exists: %s", r.body)
	}
	e.must(403, e.dev, "POST", "/api/workspaces/create", CreateWorkspace{ID: "mine", Name: "Mine"})
	e.must(201, e.admin, "POST", "/api/workspaces/create", CreateWorkspace{ID: "mine", Name: "Mine"})
	e.must(409, e.admin, "POST", "/api/workspaces/create", CreateWorkspace{ID: "mine", Name: "Mine"})
	e.must(400, e.admin, "POST", "/api/workspaces/create", CreateWorkspace{ID: "No/Slash", Name: "Mine"})
}

func TestTheCatalogue(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	list := decode[[]Language](t, e.must(200, e.operator, "GET", "/api/languages", nil))
	if len(list) != 1 || list[0].ID != "bash" || !list[0].Runtime.Present || list[0].Templates["script"] == "" || len(list[0].Suffixes) == 0 {
		t.Errorf("the catalogue is %+v", list)
	}
}

// TestRolesAreAskedOnEveryRoute goes through the table: below the level that an operation names, it is refused, whatever
// the body says.
func TestRolesAreAskedOnEveryRoute(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.script(e.dev, "f/x/y", "echo")
	for _, o := range operations() {
		refused := map[perm.Level][]string{perm.Developer: {e.operator}, perm.Admin: {e.operator, e.dev}, perm.Superadmin: {e.operator, e.dev}}[o.Permission.Level]
		for _, token := range refused {
			for _, body := range []string{"", "{", `{"path":"f/x/z","content":"echo","language":"bash"}`} {
				if r := e.ask(token, o.Method, example(o.Path), body); r.status != 403 {
					t.Errorf("%s %s: %d %s", o.Method, o.Path, r.status, r.body)
				}
			}
		}
	}
	if r := e.ask(e.operator, "POST", "/api/w/main/jobs/run/p/f/x/y", nil); r.status != 201 {
		t.Errorf("an operator may run: %d %s", r.status, r.body)
	}
}

func TestAProgramMayCarryTheCookie(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.script(e.dev, "f/x/y", "echo")
	e.must(201, "", "POST", "/api/w/main/jobs/run/p/f/x/y", nil, "Cookie", "token="+e.dev)
	e.must(201, "", "POST", "/api/w/main/jobs/run/p/f/x/y", nil, "Cookie", "token="+e.dev, "Origin", "http://x", "X-Windmill-Client", "cli")
	e.must(403, "", "POST", "/api/w/main/jobs/run/p/f/x/y", nil, "Cookie", "token="+e.dev, "Origin", e.server.URL)
	e.must(401, "", "POST", "/api/w/main/jobs/run/p/f/x/y", nil, "Cookie", "token="+e.dev, "Authorization", "Basic eDp5")
}
