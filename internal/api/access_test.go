package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFoldersAndGroups(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		e := newEnv(t)
		w := "/api/w/main/"
		names := func(token string) []string {
			return decode[[]string](t, e.must(200, token, "GET", w+"folders/listnames", nil))
		}
		paths := func(token string) []string {
			return decode[[]string](t, e.must(200, token, "GET", w+"scripts/list_paths", nil))
		}

		// A folder is its maker's alone until somebody is let in.
		e.must(200, e.dev, "POST", w+"folders/create", map[string]any{"name": "tools", "summary": "ours"})
		e.must(409, e.other, "POST", w+"folders/create", map[string]any{"name": "tools"})
		hash := e.script(e.dev, "f/tools/a", "echo hi")
		e.must(403, e.other, "POST", w+"scripts/create", map[string]any{"path": "f/tools/b", "content": "echo", "language": "bash", "summary": ""})
		for _, token := range []string{e.other, e.operator} {
			if len(names(token)) != 0 || len(paths(token)) != 0 {
				t.Errorf("a closed folder is listed: %v, %v", names(token), paths(token))
			}
			e.must(404, token, "GET", w+"scripts/get/p/f/tools/a", nil)
			e.must(404, token, "GET", w+"scripts/get/h/"+hash, nil)
			e.must(404, token, "POST", w+"jobs/run/p/f/tools/a", nil)
			e.must(404, token, "GET", w+"folders/get/tools", nil)
			if e.must(200, token, "GET", w+"folders/exists/tools", nil).body != "false\n" {
				t.Error("a closed folder is said to exist")
			}
		}

		// A group is let in to run, and one of its members leaves again.
		e.must(200, e.dev, "POST", w+"groups/create", map[string]any{"name": "ops", "summary": "Operations"})
		e.must(403, e.other, "POST", w+"groups/adduser/ops", map[string]any{"username": "other"})
		e.must(200, e.dev, "POST", w+"groups/adduser/ops", map[string]any{"username": "op"})
		e.must(400, e.dev, "POST", w+"groups/adduser/ops", map[string]any{"username": "nobody"})
		e.must(409, e.dev, "POST", w+"groups/adduser/all", map[string]any{"username": "op"})
		e.must(409, e.dev, "POST", w+"groups/create", map[string]any{"name": "all"})
		e.must(200, e.dev, "POST", w+"folders/update/tools", map[string]any{"extra_perms": map[string]bool{"g/ops": false}})
		f := decode[Folder](t, e.must(200, e.operator, "GET", w+"folders/get/tools", nil))
		if d := cmp.Diff(map[string]string{"g/ops": "run", "u/dev": "own"}, f.Grants); d != "" || !slices.Equal(f.Owners, []string{"u/dev"}) || f.Summary != "ours" {
			t.Errorf("%+v %s", f, d)
		}
		if !slices.Equal(names(e.operator), []string{"tools"}) || !slices.Equal(paths(e.operator), []string{"f/tools/a"}) || len(names(e.other)) != 0 {
			t.Errorf("the operator sees %v and %v, the other %v", names(e.operator), paths(e.operator), names(e.other))
		}
		job := e.must(201, e.operator, "POST", w+"jobs/run/p/f/tools/a", nil).body
		e.must(404, e.other, "GET", w+"jobs_u/get/"+job, nil)
		e.must(200, e.dev, "GET", w+"jobs_u/get/"+job, nil)
		me := decode[User](t, e.must(200, e.operator, "GET", w+"users/whoami", nil))
		if !slices.Equal(me.Groups, []string{"all", "ops"}) || !slices.Equal(me.FoldersRead, []string{"tools"}) || len(me.Folders) != 0 || len(me.FoldersOwner) != 0 {
			t.Errorf("%+v", me)
		}
		me = decode[User](t, e.must(200, e.dev, "GET", w+"users/whoami", nil))
		if !slices.Equal(me.Folders, []string{"tools"}) || !slices.Equal(me.FoldersOwner, []string{"tools"}) {
			t.Errorf("%+v", me)
		}
		e.must(200, e.dev, "POST", w+"groups/removeuser/ops", map[string]any{"username": "op"})
		e.must(404, e.operator, "GET", w+"scripts/get/p/f/tools/a", nil) // the very next request

		// To see a run is not to end it.
		e.must(200, e.dev, "POST", w+"folders/update/tools", map[string]any{"grants": map[string]string{"u/dev": "own", "u/other": "read"}})
		e.must(200, e.other, "GET", w+"jobs_u/get/"+job, nil)
		e.must(403, e.other, "POST", w+"jobs_u/queue/cancel/"+job, map[string]any{})
		e.must(403, e.other, "POST", w+"jobs_u/queue/cancel/"+job, map[string]any{})
		if got := e.must(200, e.other, "POST", w+"jobs/queue/cancel_selection", []string{job}).body; strings.TrimSpace(got) != "[]" {
			t.Errorf("canceled %s", got)
		}
		e.must(403, e.other, "POST", w+"jobs/run/p/f/tools/a", nil)
		e.must(200, e.dev, "POST", w+"jobs_u/queue/cancel/"+job, map[string]any{})

		// Owners come and go, but one stays.
		e.must(200, e.dev, "POST", w+"folders/addowner/tools", map[string]any{"owner": "u/other"})
		e.must(400, e.dev, "POST", w+"folders/addowner/tools", map[string]any{"owner": "u/nobody"})
		e.must(400, e.dev, "POST", w+"folders/addowner/tools", map[string]any{"owner": "x/other"})
		e.must(200, e.other, "POST", w+"folders/removeowner/tools", map[string]any{"owner": "u/dev", "write": true})
		e.must(403, e.dev, "POST", w+"folders/addowner/tools", map[string]any{"owner": "u/dev"})
		e.must(400, e.other, "POST", w+"folders/removeowner/tools", map[string]any{"owner": "u/other"})
		e.must(409, e.other, "DELETE", w+"folders/delete/tools", nil)
		e.must(200, e.dev, "POST", w+"scripts/delete/p/f/tools/a", nil)
		e.must(200, e.other, "DELETE", w+"folders/delete/tools", nil)
		e.must(404, e.other, "GET", w+"folders/get/tools", nil)

		// A folder that nobody made is made by the first who deploys into it, and is open.
		e.script(e.dev, "f/fresh/a", "echo")
		e.script(e.other, "f/fresh/b", "echo")
		f = decode[Folder](t, e.must(200, e.operator, "GET", w+"folders/get/fresh", nil))
		if d := cmp.Diff(map[string]string{"g/all": "write", "u/dev": "own"}, f.Grants); d != "" {
			t.Error(d)
		}
	})
}

func TestGrantsOnItems(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := "/api/w/main/"
	e.script(e.dev, "u/dev/a", "echo")
	e.must(404, e.other, "GET", w+"acls/get/script/u/dev/a", nil)
	e.must(404, e.other, "POST", w+"acls/add/script/u/dev/a", map[string]any{"owner": "u/other", "write": true})
	e.must(200, e.dev, "POST", w+"acls/add/script/u/dev/a", map[string]any{"owner": "u/other", "level": "read"})
	s := decode[Script](t, e.must(200, e.other, "GET", w+"scripts/get/p/u/dev/a", nil))
	if d := cmp.Diff(map[string]bool{"u/other": false}, s.ExtraPerms); d != "" {
		t.Error(d)
	}
	e.must(403, e.other, "POST", w+"jobs/run/p/u/dev/a", nil)
	e.must(403, e.other, "POST", w+"acls/add/script/u/dev/a", map[string]any{"owner": "u/other", "level": "own"})
	e.must(200, e.dev, "POST", w+"acls/add/script/u/dev/a", map[string]any{"owner": "u/other", "write": true})
	e.must(201, e.other, "POST", w+"jobs/run/p/u/dev/a", nil)
	e.must(404, e.operator, "GET", w+"scripts/get/p/u/dev/a", nil)
	for _, bad := range []map[string]any{{"owner": "u/nobody"}, {"owner": ""}, {"owner": "g/none"}, {"owner": "u/../x"}, {"owner": "u/other", "level": "fly"}} {
		e.must(400, e.dev, "POST", w+"acls/add/script/u/dev/a", bad)
	}
	e.must(404, e.dev, "POST", w+"acls/add/script/u/dev/none", map[string]any{"owner": "u/other"})
	e.must(400, e.dev, "GET", w+"acls/get/flow/u/dev/a", nil)
	e.must(200, e.dev, "POST", w+"acls/remove/script/u/dev/a", map[string]any{"owner": "u/other"})
	e.must(404, e.dev, "POST", w+"acls/remove/script/u/dev/a", map[string]any{"owner": "u/other"})
	e.must(404, e.other, "GET", w+"scripts/get/p/u/dev/a", nil)
}

func TestWhySomebodyMay(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := "/api/w/main/"
	e.must(200, e.dev, "POST", w+"folders/create", map[string]any{"name": "tools", "extra_perms": map[string]bool{"u/op": false}})
	ask := func(token, path, action, user string) Explanation {
		t.Helper()
		q := url.Values{"path": {path}, "action": {action}, "user": {user}}
		return decode[Explanation](t, e.must(200, token, "GET", w+"access/explain?"+q.Encode(), nil))
	}
	for _, c := range []struct {
		token, action, user string
		allowed             bool
		reason              string
	}{
		{e.dev, "own", "", true, "u/dev was granted own in the folder f/tools"},
		{e.dev, "run", "op", true, "u/op was granted run in the folder f/tools"},
		{e.dev, "write", "op@example.com", false, "operators may run and look, not change"},
		{e.admin, "read", "u/other", false, "nothing in the folder tools was granted to u/other"},
		{e.admin, "own", "", true, "administrator"},
		{e.other, "read", "", false, "nothing in the folder tools"},
	} {
		if x := ask(c.token, "f/tools/a", c.action, c.user); x.Allowed != c.allowed || !strings.Contains(x.Reason, c.reason) {
			t.Errorf("%s by %q: %+v", c.action, c.user, x)
		}
	}
	if x := ask(e.dev, "u/other/a", "", ""); x.Allowed || !x.Hidden || x.Action != "read" {
		t.Errorf("%+v", x)
	}
	e.must(404, e.other, "GET", w+"access/explain?path=f/tools/a&user=op", nil) // what others may is not his business
	e.must(403, e.operator, "GET", w+"access/explain?path=f/tools/a&user=dev", nil)
	e.must(404, e.admin, "GET", w+"access/explain?path=f/tools/a&user=nobody", nil)
	for _, bad := range []string{"", "?path=", "?path=f/../x", "?path=f/a/b&action=fly", "?path=f/a/b&who=x"} {
		e.must(400, e.dev, "GET", w+"access/explain"+bad, nil)
	}
}

func TestNamesOfFoldersAndGroups(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := "/api/w/main/"
	for _, name := range []string{"", ".", "..", "a/b", "-a", "a.", "a b", "ｆ", "a\u202eb", "a\x00b", strings.Repeat("a", 101), "a\n"} {
		e.must(400, e.dev, "POST", w+"folders/create", map[string]any{"name": name})
		e.must(400, e.dev, "POST", w+"groups/create", map[string]any{"name": name})
	}
	for _, name := range []string{"%2e%2e", "a%2Fb", "-a", "%EF%BD%86"} {
		for _, noun := range []string{"folders", "groups"} {
			if r := e.ask(e.dev, "GET", w+noun+"/get/"+name, nil); r.status != 400 && r.status != 404 {
				t.Errorf("%s %s: %d", noun, name, r.status)
			}
		}
	}
	long := strings.Repeat("x", 1001)
	e.must(400, e.dev, "POST", w+"folders/create", map[string]any{"name": "a", "summary": long})
	e.must(400, e.dev, "POST", w+"groups/create", map[string]any{"name": "a", "summary": long})
	e.must(400, e.dev, "POST", w+"folders/create", map[string]any{"name": "a", "grants": map[string]string{"u/dev": "fly"}})
	e.must(400, e.dev, "POST", w+"folders/create", map[string]any{"name": "a", "owners": []string{"u/nobody"}})
	many := map[string]bool{}
	for i := range 1001 {
		many["g/x"+strings.Repeat("y", i)] = true
	}
	e.must(400, e.dev, "POST", w+"folders/create", map[string]any{"name": "a", "extra_perms": many})
	if e.must(200, e.dev, "GET", w+"folders/exists/a", nil).body != "false\n" {
		t.Error("a refused folder is there")
	}
}
