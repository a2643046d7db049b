package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestTheLifeOfAScript(t *testing.T) { onBoth(t, theLifeOfAScript) }

func theLifeOfAScript(t *testing.T) {
	e := newEnv(t)
	base := "/api/w/main/scripts/"
	first := e.script(e.dev, "f/tools/greet", "name=\"$1\"\necho \"hi $name\"", map[string]any{
		"deployment_message": "first",
		"concurrent_limit":   3, "modules": nil, "envs": []string{"A=b"}, "ws_error_handler_muted": true,
	})
	s := decode[Script](t, e.must(200, e.dev, "GET", base+"get/p/f/tools/greet", nil))
	if s.Hash != first || s.Kind != "script" || s.Language != "bash" || s.Lock == nil || *s.ConcurrentLimit != 3 || !*s.ErrorHandlerMuted || s.Envs[0] != "A=b" {
		t.Errorf("the script came back as %+v", s)
	}
	if !strings.Contains(string(*s.Schema), `"name"`) {
		t.Errorf("the schema does not know the argument: %s", *s.Schema)
	}
	// Somebody else's work is not overwritten, and the answer says whose it was.
	p := decode[Problem](t, e.must(409, e.other, "POST", base+"create", map[string]any{"path": "f/tools/greet", "content": "echo 2", "language": "bash"}))
	if !strings.Contains(p.Detail, "dev@example.com") || p.Hint == "" || p.Code != "conflict" || p.RequestID == "" {
		t.Errorf("the conflict is told as %+v", p)
	}
	second := e.script(e.other, "f/tools/greet", "echo 2", map[string]any{"parent_hash": first})
	e.must(409, e.dev, "POST", base+"create", map[string]any{"path": "f/tools/greet", "content": "echo 3", "language": "bash", "parent_hash": first})
	third := e.script(e.dev, "f/tools/greet", "echo 3", map[string]any{"auto_parent": true})
	again := e.must(201, e.dev, "POST", base+"create?skip_if_noop=true", map[string]any{
		"path": "f/tools/greet", "content": "echo 3", "language": "bash",
		"summary": "f/tools/greet", "auto_parent": true,
	})
	if again.body != third {
		t.Errorf("deploying nothing new made %s instead of %s", again.body, third)
	}
	history := decode[[]ScriptHistory](t, e.must(200, e.operator, "GET", base+"history/p/f/tools/greet", nil))
	if len(history) != 3 || history[0].ScriptHash != third || history[2].ScriptHash != first || *history[2].DeploymentMsg != "first" {
		t.Errorf("the history is %+v", history)
	}
	if d := e.must(200, e.dev, "GET", base+"diff?from="+second+"&to="+third, nil); !strings.Contains(d.body, "-echo 2") || !strings.Contains(d.body, "+echo 3") {
		t.Errorf("the diff is %q", d.body)
	}
	if r := e.must(200, e.dev, "GET", base+"raw/h/"+second, nil); r.body != "echo 2" {
		t.Errorf("the raw code is %q", r.body)
	}
	if r := e.must(200, e.dev, "GET", base+"raw/p/f/tools/greet.sh", nil); r.body != "echo 3" {
		t.Errorf("the raw code is %q", r.body)
	}
	if r := e.must(200, e.dev, "GET", base+"exists/p/f/tools/greet", nil); strings.TrimSpace(r.body) != "true" {
		t.Errorf("it exists: %s", r.body)
	}
	status := decode[DeploymentStatus](t, e.must(200, e.dev, "GET", base+"deployment_status/h/"+third, nil))
	if status.Lock == nil {
		t.Errorf("the lock is %+v", status)
	}
	e.must(403, e.operator, "POST", base+"archive/p/f/tools/greet", nil)
	e.must(200, e.dev, "POST", base+"archive/p/f/tools/greet", nil)
	e.must(404, e.dev, "POST", base+"archive/p/f/tools/nothing", nil)
	if list := decode[[]Script](t, e.must(200, e.dev, "GET", base+"list", nil)); len(list) != 0 {
		t.Errorf("the archived script is listed: %+v", list)
	}
	if list := decode[[]Script](t, e.must(200, e.dev, "GET", base+"list?show_archived=true", nil)); len(list) != 1 {
		t.Errorf("the archived script is not listed: %+v", list)
	}
	e.must(409, e.dev, "POST", "/api/w/main/jobs/run/p/f/tools/greet", nil)
	deleted := decode[Script](t, e.must(200, e.dev, "POST", base+"delete/h/"+third, nil))
	if !deleted.Deleted || deleted.Content != "" {
		t.Errorf("deleted, it is %+v", deleted)
	}
	e.must(200, e.dev, "POST", base+"delete/p/f/tools/greet", nil)
}

func TestListsOfScriptsArePages(t *testing.T) { onBoth(t, listsOfScriptsArePages) }

func listsOfScriptsArePages(t *testing.T) {
	e := newEnv(t)
	for i := range 5 {
		e.script(e.dev, fmt.Sprintf("f/l/s%d", i), "echo")
	}
	e.script(e.dev, "u/dev/own", "echo")
	paths := func(token, query string) string {
		var out []string
		for _, s := range decode[[]Script](t, e.must(200, token, "GET", "/api/w/main/scripts/list?"+query, nil)) {
			out = append(out, strings.TrimPrefix(s.Path, "f/l/"))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"":                       "s0 s1 s2 s3 s4 u/dev/own",
		"limit=2":                "s0 s1",
		"limit=2&after=f/l/s1":   "s2 s3",
		"per_page=2&page=0":      "s0 s1",
		"per_page=2&page=1":      "s0 s1",
		"per_page=2&page=3":      "s4 u/dev/own",
		"per_page=2&page=9":      "",
		"path_start=f/l/":        "s0 s1 s2 s3 s4",
		"path_exact=f/l/s3":      "s3",
		"search=S3":              "s3",
		"languages=bash&limit=1": "s0",
		"kinds=failure":          "",
	} {
		if got := paths(e.dev, query); got != want {
			t.Errorf("?%s: %q, want %q", query, got, want)
		}
	}
	if got := paths(e.other, "path_start=u/"); got != "" {
		t.Errorf("somebody else sees %q", got)
	}
	if got := paths(e.admin, "path_start=u/"); got != "u/dev/own" {
		t.Errorf("the administrator sees %q", got)
	}
	for _, bad := range []string{
		"limit=0x", "limit=-1", "limit=1001", "per_page=5000", "page=-1", "languages=cobol", "kinds=poem", "label=x", "nothing=1",
		"order_desc=perhaps", "after=x&order_desc=true", "page=99999999999999999999", "search=%00",
	} {
		p := decode[Problem](t, e.must(400, e.dev, "GET", "/api/w/main/scripts/list?"+bad, nil))
		if len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Location, "query.") {
			t.Errorf("?%s is told as %+v", bad, p)
		}
	}
	e.must(404, e.other, "GET", "/api/w/main/scripts/get/p/u/dev/own", nil)
	e.must(404, e.other, "POST", "/api/w/main/scripts/archive/p/u/dev/own", nil)
	e.must(403, e.other, "POST", "/api/w/main/scripts/create", map[string]any{"path": "u/dev/own2", "content": "echo", "language": "bash"})
}

func TestTwoPeopleSavingAtOnce(t *testing.T) { onBoth(t, twoPeopleSavingAtOnce) }

func twoPeopleSavingAtOnce(t *testing.T) {
	e := newEnv(t)
	first := e.script(e.dev, "f/race/x", "echo 0")
	const people = 8
	statuses := make([]int, people)
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			statuses[i] = e.ask(e.dev, "POST", "/api/w/main/scripts/create", map[string]any{
				"path": "f/race/x", "content": fmt.Sprint("echo ", i+1),
				"language": "bash", "parent_hash": first,
			}).status
		})
	}
	wg.Wait()
	won := 0
	for _, s := range statuses {
		switch s {
		case 201:
			won++
		case 409:
		default:
			t.Errorf("somebody got %d", s)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d succeeded, want 1", won, people)
	}
	if h := decode[[]ScriptHistory](t, e.must(200, e.dev, "GET", "/api/w/main/scripts/history/p/f/race/x", nil)); len(h) != 2 {
		t.Errorf("the history has %d versions", len(h))
	}
}

func TestDrafts(t *testing.T) { onBoth(t, drafts) }

func drafts(t *testing.T) {
	e := newEnv(t)
	path := "/api/w/main/drafts/script/f/d/x"
	e.must(404, e.dev, "GET", path, nil)
	e.must(200, e.dev, "PUT", path, map[string]any{"content": "echo half", "n": 1})
	d := decode[Draft](t, e.must(200, e.dev, "GET", path, nil))
	if string(*d.Value) != `{"content":"echo half","n":1}` {
		t.Errorf("the draft is %s", *d.Value)
	}
	e.must(404, e.other, "GET", path, nil)
	for _, bad := range []string{`[]`, `null`, `"x"`, `{`, ``} {
		e.must(400, e.dev, "PUT", path, bad)
	}
	if list := decode[[]Draft](t, e.must(200, e.dev, "GET", "/api/w/main/drafts/list", nil)); len(list) != 1 || list[0].Path != "f/d/x" {
		t.Errorf("the drafts are %+v", list)
	}
	e.script(e.dev, "f/d/x", "echo", map[string]any{"skip_draft_deletion": true})
	e.must(200, e.dev, "GET", path, nil)
	e.script(e.dev, "f/d/x", "echo 2", map[string]any{"auto_parent": true})
	e.must(404, e.dev, "GET", path, nil)
	e.must(204, e.dev, "DELETE", path, nil)
	e.must(403, e.operator, "PUT", path, map[string]any{})
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sig := decode[Signature](t, e.must(200, e.dev, "POST", "/api/w/main/scripts/signature", map[string]any{"language": "bash", "content": "who=\"$1\"\necho $who"}))
	if sig.Error != nil || !strings.Contains(string(*sig.Schema), `"who"`) || sig.NoMain {
		t.Errorf("the signature is %+v", sig)
	}
	broken := decode[Signature](t, e.must(200, e.dev, "POST", "/api/w/main/scripts/signature", map[string]any{"language": "bash", "content": "if true; then"}))
	if broken.Error == nil || broken.Error.Line < 1 || broken.Schema != nil {
		t.Errorf("broken code is told as %+v", broken)
	}
	e.must(400, e.dev, "POST", "/api/w/main/scripts/signature", map[string]any{"language": "cobol", "content": ""})
}
