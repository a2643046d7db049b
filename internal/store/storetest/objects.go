package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

var (
	annSees = store.Viewer{Workspace: ws, Username: "ann"}
	bobSees = store.Viewer{Workspace: ws, Username: "bob"}
)

func script(path, hash string, parents ...string) domain.Script {
	return domain.Script{
		Workspace: ws, Hash: hash, Path: path, ParentHashes: parents, Content: "echo " + hash, Language: "lang1",
		Kind: domain.KindScript, CreatedBy: "ann@acme.test",
	}
}

func (b *bundle) deploy(s domain.Script) {
	b.Helper()
	b.ok(b.ScriptCreate(b.Context(), s))
}

func scripts(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	first := domain.Script{
		Workspace: ws, Hash: "00000000000000a1", Path: "f/ops/a", Summary: "sum", Description: "long", Content: "x = 1\n",
		Language: "lang1", Kind: domain.KindScript, Schema: domain.JSON(`{"order": ["b","a"],  "n": 1.00}`), NoMain: true,
		Settings: domain.ScriptSettings{
			Tag: "gpu", Timeout: 7, Priority: 9, Envs: []string{"A=b"}, Labels: []string{"l"}, Template: true,
			Rest: map[string]domain.JSON{"cache_ttl": domain.JSON(`5`)},
		},
		Lock: pointer("a==1"), Message: "first", CreatedBy: "ann@acme.test",
	}
	b.deploy(first)
	got := must[domain.Script](b)(b.ScriptLatest(ctx, annSees, "f/ops/a"))
	b.recent(got.CreatedAt)
	first.CreatedAt = got.CreatedAt
	if d := cmp.Diff(first, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}

	// A version must build on the newest one.
	b.want(errs.Conflict, b.ScriptCreate(ctx, script("f/ops/a", "a2")))
	b.want(errs.Conflict, b.ScriptCreate(ctx, script("f/ops/a", "a2", "ffff")))
	b.want(errs.Conflict, b.ScriptCreate(ctx, script("f/ops/new", "n1", "a1")))
	b.deploy(script("f/ops/a", "a2", first.Hash))
	b.want(errs.Conflict, b.ScriptCreate(ctx, script("f/ops/a", "a3", first.Hash)))
	b.want(errs.Conflict, b.ScriptCreate(ctx, script("f/ops/a", "a2", "a2"))) // the same hash again
	b.deploy(script("f/ops/a", "a3", "a2", first.Hash))
	b.want(errs.NotFound, b.ScriptCreate(ctx, domain.Script{Workspace: "nowhere", Hash: "a1", Path: "f/ops/a"}))

	var hashes []string
	for _, s := range must[[]domain.Script](b)(b.ScriptHistory(ctx, annSees, "f/ops/a", 10)) {
		hashes = append(hashes, s.Hash)
		if s.Content != "" || s.Lock != nil || s.Schema != nil {
			t.Errorf("a list has long columns: %+v", s)
		}
	}
	if want := []string{"a3", "a2", first.Hash}; !slices.Equal(hashes, want) {
		t.Errorf("history %v, want %v", hashes, want)
	}
	if n := len(must[[]domain.Script](b)(b.ScriptHistory(ctx, annSees, "f/ops/a", 2))); n != 2 {
		t.Errorf("%d versions, want 2", n)
	}

	// Locks: being resolved, failed, none needed.
	if s := must[domain.Script](b)(b.ScriptByHash(ctx, annSees, "a2")); s.Lock != nil || !slices.Equal(s.ParentHashes, []string{first.Hash}) {
		t.Errorf("%+v", s)
	}
	b.ok(b.ScriptSetLock(ctx, ws, "a2", nil, "no such package"))
	if s := must[domain.Script](b)(b.ScriptByHash(ctx, annSees, "a2")); s.Lock != nil || s.LockError != "no such package" {
		t.Errorf("%+v", s)
	}
	b.ok(b.ScriptSetLock(ctx, ws, "a2", pointer(""), ""))
	if s := must[domain.Script](b)(b.ScriptByHash(ctx, annSees, "a2")); s.Lock == nil || *s.Lock != "" || s.LockError != "" {
		t.Errorf("%+v", s)
	}
	b.want(errs.NotFound, b.ScriptSetLock(ctx, ws, "ffff", nil, ""))

	// Who sees what.
	b.deploy(script("u/ann/x", "x1"))
	b.deploy(script("u/ann2/x", "x2"))
	for _, c := range []struct {
		v    store.Viewer
		path string
		kind errs.Kind
	}{
		{annSees, "u/ann/x", ""},
		{bobSees, "u/ann/x", errs.NotFound},
		{everything, "u/ann/x", ""},
		{annSees, "u/ann2/x", errs.NotFound},
		{bobSees, "f/ops/a", ""},
		{store.Viewer{}, "f/ops/a", errs.NotFound},
		{store.Viewer{Workspace: ws}, "f/ops/a", errs.NotFound},
		{store.Viewer{Workspace: "zoo", All: true}, "f/ops/a", errs.NotFound},
		{store.Viewer{All: true}, "f/ops/a", errs.NotFound},
		{annSees, "f/ops/none", errs.NotFound},
		{store.Viewer{Workspace: ws, Username: "a%"}, "u/ann/x", errs.NotFound},
		{store.Viewer{Workspace: ws, Username: "ANN"}, "u/ann/x", errs.NotFound},
	} {
		s, err := b.ScriptLatest(ctx, c.v, c.path)
		if errs.KindOf(err) != c.kind {
			t.Errorf("latest of %s for %+v: %v", c.path, c.v, err)
		}
		if err == nil {
			_, err = b.ScriptByHash(ctx, c.v, s.Hash)
			b.ok(err)
		} else if h := must[[]domain.Script](b)(b.ScriptHistory(ctx, c.v, c.path, 5)); len(h) != 0 {
			t.Errorf("history of %s for %+v leaks", c.path, c.v)
		}
	}
	_, err := b.ScriptByHash(ctx, bobSees, "x1")
	b.want(errs.NotFound, err)
}

func scriptRemoval(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.deploy(script("f/x/a", "a1"))
	b.deploy(script("f/x/a", "a2", "a1"))
	latest := func() string {
		s, err := b.ScriptLatest(ctx, everything, "f/x/a")
		if errs.Is(err, errs.NotFound) {
			return "none"
		}
		b.ok(err)
		return s.Hash
	}
	// Archiving the newest version brings back the one before, and the next one builds on that.
	b.ok(b.ScriptArchiveHash(ctx, ws, "a2"))
	if h := latest(); h != "a1" {
		t.Fatalf("latest is %s, want a1", h)
	}
	b.want(errs.Conflict, b.ScriptCreate(ctx, script("f/x/a", "a3", "a2")))
	b.deploy(script("f/x/a", "a3", "a1"))
	b.ok(b.ScriptArchive(ctx, ws, "f/x/a"))
	if h := latest(); h != "none" {
		t.Fatalf("latest is %s, want none", h)
	}
	if s := must[domain.Script](b)(b.ScriptByHash(ctx, everything, "a3")); !s.Archived || s.Content == "" {
		t.Errorf("an archived version: %+v", s)
	}
	if l := must[[]domain.Script](b)(b.ScriptList(ctx, store.ScriptListParams{Viewer: everything})); len(l) != 0 {
		t.Errorf("an archived script is listed: %+v", l)
	}
	if l := must[[]domain.Script](b)(b.ScriptList(ctx, store.ScriptListParams{Viewer: everything, Archived: true})); len(l) != 1 || l[0].Hash != "a3" {
		t.Errorf("the list of archived ones: %+v", l)
	}
	// An archived path can begin anew, with its past as parent or without.
	b.deploy(script("f/x/a", "a4"))
	b.ok(b.ScriptArchive(ctx, ws, "f/x/a"))
	b.deploy(script("f/x/a", "a5", "a4"))
	if l := must[[]domain.Script](b)(b.ScriptList(ctx, store.ScriptListParams{Viewer: everything, Archived: true})); len(l) != 0 {
		t.Errorf("a live script is listed as archived: %+v", l)
	}

	b.ok(b.ScriptDeleteHash(ctx, ws, "a5"))
	s := must[domain.Script](b)(b.ScriptByHash(ctx, everything, "a5"))
	if !s.Deleted || s.Content != "" {
		t.Errorf("a deleted version: %+v", s)
	}
	b.want(errs.NotFound, b.ScriptDeleteHash(ctx, ws, "a5"))
	b.want(errs.NotFound, b.ScriptArchiveHash(ctx, ws, "a5"))
	b.ok(b.ScriptDelete(ctx, ws, "f/x/a"))
	if s := must[domain.Script](b)(b.ScriptByHash(ctx, everything, "a1")); !s.Deleted || s.Content != "" {
		t.Errorf("a version of a deleted path: %+v", s)
	}
	if l := must[[]domain.Script](b)(b.ScriptList(ctx, store.ScriptListParams{Viewer: everything, Archived: true})); len(l) != 0 {
		t.Errorf("a deleted script is listed: %+v", l)
	}
	for _, err := range []error{
		b.ScriptDelete(ctx, ws, "f/x/a"), b.ScriptArchive(ctx, ws, "f/x/a"), b.ScriptArchive(ctx, ws, "f/no/ne"),
		b.ScriptArchiveHash(ctx, "zoo", "a1"), b.ScriptDelete(ctx, "zoo", "f/x/a"),
	} {
		b.want(errs.NotFound, err)
	}
	b.deploy(script("f/x/a", "a6"))
	if h := latest(); h != "a6" {
		t.Fatalf("latest is %s, want a6", h)
	}
}

func scriptRace(t *testing.T, b *bundle) {
	b.workspace()
	b.deploy(script("f/x/a", "a0"))
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			switch err := b.ScriptCreate(t.Context(), script("f/x/a", fmt.Sprintf("b%d", i), "a0")); errs.KindOf(err) {
			case "":
				won.Add(1)
			case errs.Conflict:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d deployments on the same parent succeeded, want 1", won.Load())
	}
	if h := must[[]domain.Script](b)(b.ScriptHistory(t.Context(), everything, "f/x/a", 10)); len(h) != 2 {
		t.Errorf("%d versions, want 2", len(h))
	}
}

func scriptList(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.ok(b.WorkspaceCreate(ctx, domain.Workspace{ID: "zoo"}))
	add := func(path, hash string, change func(*domain.Script)) {
		s := script(path, hash)
		if change != nil {
			change(&s)
		}
		b.deploy(s)
	}
	add("f/b/two", "b2", func(s *domain.Script) { s.Summary = "ÄRGER im Büro" })
	add("f/a/one", "a1", func(s *domain.Script) { s.Language = "lang2"; s.CreatedBy = "bob@acme.test" })
	add("f/a-b/three", "c3", func(s *domain.Script) { s.Kind = domain.KindFailure })
	add("u/ann/mine", "d4", nil)
	add("u/bob/his", "e5", nil)
	add("f/a/percent_under", "f6", func(s *domain.Script) { s.Summary = "100% done" })
	s := script("f/a/one", "z1")
	s.Workspace = "zoo"
	b.deploy(s)
	b.deploy(script("f/b/two", "b3", "b2")) // a second version without the summary

	for _, c := range []struct {
		name string
		p    store.ScriptListParams
		want string
	}{
		{"all", store.ScriptListParams{Viewer: everything}, "f/a-b/three f/a/one f/a/percent_under f/b/two u/ann/mine u/bob/his"},
		{"ann", store.ScriptListParams{Viewer: annSees}, "f/a-b/three f/a/one f/a/percent_under f/b/two u/ann/mine"},
		{"nobody", store.ScriptListParams{}, ""},
		{"other workspace", store.ScriptListParams{Viewer: store.Viewer{Workspace: "zoo", Username: "ann"}}, "f/a/one"},
		{"prefix", store.ScriptListParams{Viewer: everything, PathPrefix: "f/a/"}, "f/a/one f/a/percent_under"},
		{"prefix of a name", store.ScriptListParams{Viewer: everything, PathPrefix: "f/a"}, "f/a-b/three f/a/one f/a/percent_under"},
		{"prefix of another", store.ScriptListParams{Viewer: annSees, PathPrefix: "u/bob/"}, ""},
		{"exact", store.ScriptListParams{Viewer: everything, PathExact: "f/a/one"}, "f/a/one"},
		{"search of the newest only", store.ScriptListParams{Viewer: everything, Search: "ärger"}, ""},
		{"search folds", store.ScriptListParams{Viewer: everything, Search: "HIS"}, "u/bob/his"},
		{"search a percent sign", store.ScriptListParams{Viewer: everything, Search: "0%"}, "f/a/percent_under"},
		{"search an underscore", store.ScriptListParams{Viewer: everything, Search: "t_u"}, "f/a/percent_under"},
		{"language", store.ScriptListParams{Viewer: everything, Language: "lang2"}, "f/a/one"},
		{"kind", store.ScriptListParams{Viewer: everything, Kind: domain.KindFailure}, "f/a-b/three"},
		{"creator", store.ScriptListParams{Viewer: everything, CreatedBy: "bob@acme.test"}, "f/a/one"},
		{"page", store.ScriptListParams{Viewer: everything, Limit: 2, After: "f/a/one"}, "f/a/percent_under f/b/two"},
		{"offset", store.ScriptListParams{Viewer: everything, Limit: 2, Offset: 4}, "u/ann/mine u/bob/his"},
		{"newest", store.ScriptListParams{Viewer: everything, Limit: 2, Newest: true}, "f/b/two f/a/percent_under"},
	} {
		var got []string
		for _, s := range must[[]domain.Script](b)(b.ScriptList(ctx, c.p)) {
			got = append(got, s.Path)
			if s.Content != "" || s.Lock != nil || s.Schema != nil {
				t.Errorf("%s: a list has long columns: %+v", c.name, s)
			}
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s: got %q, want %q", c.name, g, c.want)
		}
	}
	b.deploy(func() domain.Script { s := script("f/b/two", "b4", "b3"); s.Summary = "ÄRGER im Büro"; return s }())
	if l := must[[]domain.Script](b)(b.ScriptList(ctx, store.ScriptListParams{Viewer: everything, Search: "ärger IM büRO"})); len(l) != 1 || l[0].Hash != "b4" {
		t.Errorf("search with other letters: %+v", l)
	}
}

func drafts(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	d := domain.Draft{Workspace: ws, Email: "ann@acme.test", Kind: "script", Path: "f/x/a", Value: domain.JSON(`{"a":  "\u0000 1.0"}`)}
	b.ok(b.DraftPut(ctx, d))
	got := must[domain.Draft](b)(b.DraftGet(ctx, ws, d.Email, "script", d.Path))
	b.recent(got.UpdatedAt)
	if string(got.Value) != string(d.Value) {
		t.Errorf("value %s, want %s unchanged", got.Value, d.Value)
	}
	b.ok(b.DraftPut(ctx, domain.Draft{Workspace: ws, Email: d.Email, Kind: "script", Path: "f/x/b", Value: domain.JSON(`1`)}))
	b.ok(b.DraftPut(ctx, domain.Draft{Workspace: ws, Email: "bob@acme.test", Kind: "script", Path: "f/x/b", Value: domain.JSON(`2`)}))
	d.Value = domain.JSON(`null`)
	b.ok(b.DraftPut(ctx, d))
	list := must[[]domain.Draft](b)(b.DraftList(ctx, ws, d.Email))
	if len(list) != 2 || list[0].Path != "f/x/a" || list[1].Path != "f/x/b" || list[0].Value != nil {
		t.Errorf("newest first, without values: %+v", list)
	}
	if got := must[domain.Draft](b)(b.DraftGet(ctx, ws, d.Email, "script", d.Path)); string(got.Value) != "null" {
		t.Errorf("value %s, want null", got.Value)
	}
	_, err := b.DraftGet(ctx, ws, "eve@acme.test", "script", d.Path)
	b.want(errs.NotFound, err)
	b.ok(b.DraftDelete(ctx, ws, d.Email, "script", d.Path))
	b.ok(b.DraftDelete(ctx, ws, d.Email, "script", d.Path))
	_, err = b.DraftGet(ctx, ws, d.Email, "script", d.Path)
	b.want(errs.NotFound, err)
	must[domain.Draft](b)(b.DraftGet(ctx, ws, "bob@acme.test", "script", "f/x/b"))
	b.want(errs.NotFound, b.DraftPut(ctx, domain.Draft{Workspace: "nowhere", Email: d.Email, Kind: "script", Path: "f/x/a"}))
}

func settings(t *testing.T, b *bundle) {
	ctx := t.Context()
	_, err := b.SettingGet(ctx, "k")
	b.want(errs.NotFound, err)
	b.ok(b.SettingPut(ctx, "k", domain.JSON(`{"a": 1}`)))
	b.ok(b.SettingPut(ctx, "k", domain.JSON(`2`)))
	if v := must[domain.JSON](b)(b.SettingGet(ctx, "k")); string(v) != "2" {
		t.Errorf("%s", v)
	}
	if v := must[domain.JSON](b)(b.SettingInit(ctx, "k", domain.JSON(`3`))); string(v) != "2" {
		t.Errorf("%s", v)
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			v, err := b.SettingInit(ctx, "secret", domain.JSON(fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[string(v)]++
		})
	}
	wg.Wait()
	if len(seen) != 1 {
		t.Errorf("callers got different values: %v", seen)
	}
}

func workers(t *testing.T, b *bundle) {
	ctx := t.Context()
	w := domain.Worker{
		Name: "host-1-ab", Host: "host", Group: "g", Tags: []string{"lang1", "gpu"}, Slots: 4, Running: 1, Version: "v1",
		Languages: []domain.Language{"lang1"}, StartedAt: time.UnixMicro(1_700_000_000_000_001).UTC(), JobsDone: 3, Tier: "process",
	}
	b.ok(b.WorkerPing(ctx, w))
	b.ok(b.WorkerPing(ctx, domain.Worker{Name: "a-worker"}))
	w.Running, w.JobsDone, w.Tags = 2, 4, nil
	b.ok(b.WorkerPing(ctx, w))
	list := must[[]domain.Worker](b)(b.WorkerList(ctx, time.Minute))
	if len(list) != 2 || list[0].Name != "a-worker" {
		t.Fatalf("by name: %+v", list)
	}
	b.recent(list[1].SeenAt)
	w.SeenAt = list[1].SeenAt
	if d := cmp.Diff(w, list[1]); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if list := must[[]domain.Worker](b)(b.WorkerList(ctx, -time.Hour)); len(list) != 0 {
		t.Errorf("seen in an hour's time: %+v", list)
	}
	b.ok(b.WorkerDelete(ctx, w.Name))
	b.want(errs.NotFound, b.WorkerDelete(ctx, w.Name))
}
