package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// folder makes a folder with grants, given as principal and level in turn.
func (b *bundle) folder(name string, grants ...domain.Grant) {
	b.Helper()
	b.ok(b.FolderCreate(b.Context(), domain.Folder{Workspace: ws, Name: name, CreatedBy: "root", Grants: grants}))
}

func to(principal string, level domain.Level) domain.Grant {
	return domain.Grant{Principal: principal, Level: level}
}

func groups(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	ops := domain.Group{Workspace: ws, Name: "ops", Summary: "Operations", Members: []string{"bob", "cy"}, Admins: []string{"ann"}, CreatedBy: "ann"}
	b.ok(b.GroupCreate(ctx, ops))
	b.want(errs.Conflict, b.GroupCreate(ctx, domain.Group{Workspace: ws, Name: "ops"}))
	b.want(errs.NotFound, b.GroupCreate(ctx, domain.Group{Workspace: "nowhere", Name: "ops"}))
	b.ok(b.GroupCreate(ctx, domain.Group{Workspace: ws, Name: "empty"}))
	got := must[domain.Group](b)(b.GroupGet(ctx, ws, "ops"))
	b.recent(got.CreatedAt)
	ops.Members, ops.CreatedAt = []string{"ann", "bob", "cy"}, got.CreatedAt
	if d := cmp.Diff(ops, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	b.ok(b.GroupUpdate(ctx, ws, "ops", "new"))
	b.ok(b.GroupMemberPut(ctx, ws, "ops", "dora", false))
	b.ok(b.GroupMemberPut(ctx, ws, "ops", "bob", true))
	b.ok(b.GroupMemberDelete(ctx, ws, "ops", "cy"))
	ops.Summary, ops.Members, ops.Admins = "new", []string{"ann", "bob", "dora"}, []string{"ann", "bob"}
	list := must[[]domain.Group](b)(b.GroupList(ctx, ws, ""))
	if len(list) != 2 || list[0].Name != "empty" || cmp.Diff(ops, list[1]) != "" {
		t.Errorf("%+v", list)
	}
	if his := must[[]domain.Group](b)(b.GroupList(ctx, ws, "bob")); len(his) != 1 || cmp.Diff(ops, his[0]) != "" {
		t.Errorf("%+v", his)
	}
	if list := must[[]domain.Group](b)(b.GroupList(ctx, "zoo", "")); len(list) != 0 {
		t.Errorf("another workspace has %+v", list)
	}
	for _, err := range []error{
		b.GroupMemberDelete(ctx, ws, "ops", "cy"), b.GroupMemberPut(ctx, ws, "none", "ann", false), b.GroupMemberPut(ctx, "zoo", "ops", "ann", false),
		b.GroupUpdate(ctx, ws, "none", ""), b.GroupDelete(ctx, ws, "none"), b.GroupDelete(ctx, "zoo", "ops"),
	} {
		b.want(errs.NotFound, err)
	}

	// A group takes with it what it was granted: another of the same name begins with nothing.
	b.folder("x", to("g/ops", domain.GrantWrite))
	b.ok(b.GroupDelete(ctx, ws, "ops"))
	_, err := b.GroupGet(ctx, ws, "ops")
	b.want(errs.NotFound, err)
	b.ok(b.GroupCreate(ctx, domain.Group{Workspace: ws, Name: "ops", Members: []string{"bob"}}))
	if a := must[domain.Access](b)(b.AccessTo(ctx, ws, "bob", "f/x/y")); len(a.Grants) != 0 {
		t.Errorf("the new group has %+v", a)
	}
}

func folders(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	f := domain.Folder{
		Workspace: ws, Name: "tools", DisplayName: "Our tools", Summary: "sum", CreatedBy: "ann",
		Grants: []domain.Grant{to("u/ann", domain.GrantOwn), to("g/all", domain.GrantRead)},
	}
	b.ok(b.FolderCreate(ctx, f))
	b.want(errs.Conflict, b.FolderCreate(ctx, f))
	b.want(errs.NotFound, b.FolderCreate(ctx, domain.Folder{Workspace: "nowhere", Name: "x"}))
	got := must[domain.Folder](b)(b.FolderGet(ctx, ws, "tools"))
	b.recent(got.CreatedAt)
	f.CreatedAt = got.CreatedAt
	f.Grants = []domain.Grant{
		{Kind: domain.GrantFolder, Object: "tools", Principal: "g/all", Level: domain.GrantRead},
		{Kind: domain.GrantFolder, Object: "tools", Principal: "u/ann", Level: domain.GrantOwn},
	}
	if d := cmp.Diff(f, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	f.DisplayName, f.Summary = "", "other"
	b.ok(b.FolderUpdate(ctx, f))
	for i := range 5 {
		b.folder(fmt.Sprintf("n%d", i), to("u/ann", domain.GrantRead))
		b.folder(fmt.Sprintf("closed%d", i), to("u/bob", domain.GrantOwn))
	}
	names := func(p store.FolderListParams) (names []string) {
		for _, f := range must[[]domain.Folder](b)(b.FolderList(ctx, p)) {
			names = append(names, f.Name)
			if len(f.Grants) == 0 {
				t.Errorf("%s came without its grants", f.Name)
			}
		}
		return names
	}
	for _, c := range []struct {
		p    store.FolderListParams
		want []string
	}{
		{store.FolderListParams{Viewer: annSees, Limit: 3}, []string{"n0", "n1", "n2"}}, // full, though others lie between
		{store.FolderListParams{Viewer: annSees, After: "n2"}, []string{"n3", "n4", "tools"}},
		{store.FolderListParams{Viewer: annSees, Offset: 5}, []string{"tools"}},
		{store.FolderListParams{Viewer: bobSees, After: "closed4"}, []string{"tools"}},
		{store.FolderListParams{Viewer: everything, After: "n3"}, []string{"n4", "tools"}},
		{store.FolderListParams{Viewer: store.Viewer{Workspace: ws}}, nil},
		{store.FolderListParams{Viewer: store.Viewer{Workspace: "zoo", All: true}}, nil},
	} {
		if got := names(c.p); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.p, got, c.want)
		}
	}

	// A folder that holds something stays.
	b.deploy(script("f/tools/a", "a1"))
	b.want(errs.Conflict, b.FolderDelete(ctx, ws, "tools"))
	b.ok(b.ScriptArchive(ctx, ws, "f/tools/a"))
	b.want(errs.Conflict, b.FolderDelete(ctx, ws, "tools"))
	b.ok(b.ScriptDelete(ctx, ws, "f/tools/a"))
	b.ok(b.FolderDelete(ctx, ws, "tools"))
	for _, err := range []error{b.FolderDelete(ctx, ws, "tools"), b.FolderUpdate(ctx, f), b.FolderDelete(ctx, "zoo", "n1")} {
		b.want(errs.NotFound, err)
	}
	_, err := b.FolderGet(ctx, ws, "tools")
	b.want(errs.NotFound, err)
	if g := must[[]domain.Grant](b)(b.GrantList(ctx, ws, domain.GrantFolder, "tools")); len(g) != 0 {
		t.Errorf("its grants stay: %+v", g)
	}
}

// claims: who puts the first script into a folder owns it, and it is open until its owner closes it.
func claims(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.user("ann@acme.test")
	b.ok(b.MemberPut(ctx, domain.Member{Workspace: ws, Email: "ann@acme.test", Username: "ann", Role: domain.RoleDeveloper}))
	if a := must[domain.Access](b)(b.AccessTo(ctx, ws, "ann", "f/new/a")); !a.Unclaimed {
		t.Error("a folder that does not exist is claimed")
	}
	b.deploy(script("f/new/a", "a1"))
	f := must[domain.Folder](b)(b.FolderGet(ctx, ws, "new"))
	want := []domain.Grant{
		{Kind: domain.GrantFolder, Object: "new", Principal: "g/all", Level: domain.GrantWrite},
		{Kind: domain.GrantFolder, Object: "new", Principal: "u/ann", Level: domain.GrantOwn},
	}
	if f.CreatedBy != "ann" || cmp.Diff(want, f.Grants) != "" {
		t.Errorf("%+v", f)
	}
	b.ok(b.GrantDelete(ctx, ws, domain.GrantFolder, "new", "g/all"))
	b.deploy(script("f/new/b", "b1"))
	if f := must[domain.Folder](b)(b.FolderGet(ctx, ws, "new")); len(f.Grants) != 1 {
		t.Errorf("a second script opened it again: %+v", f)
	}
	a := must[domain.Access](b)(b.AccessTo(ctx, ws, "bob", "f/new/a"))
	if a.Unclaimed || len(a.Grants) != 0 {
		t.Errorf("%+v", a)
	}

	// Whoever comes under the name of somebody who left gets nothing.
	b.ok(b.GroupCreate(ctx, domain.Group{Workspace: ws, Name: "ops", Members: []string{"ann"}}))
	b.ok(b.MemberDelete(ctx, ws, "ann@acme.test"))
	if a := must[domain.Access](b)(b.AccessTo(ctx, ws, "ann", "f/new/a")); a.Unclaimed || len(a.Grants) != 0 {
		t.Errorf("%+v", a)
	}
	if g := must[domain.Group](b)(b.GroupGet(ctx, ws, "ops")); len(g.Members) != 0 {
		t.Errorf("%+v", g)
	}
}

func grants(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.ok(b.GroupCreate(ctx, domain.Group{Workspace: ws, Name: "ops", Members: []string{"bob"}}))
	b.folder("x")
	b.deploy(script("f/x/a", "a1"))
	b.deploy(script("f/x/b", "b1"))
	b.deploy(script("u/ann/p", "p1"))
	onFolder := domain.Grant{Kind: domain.GrantFolder, Object: "x", Principal: "g/ops", Level: domain.GrantRun}
	onA := domain.Grant{Kind: domain.GrantScript, Object: "f/x/a", Principal: "u/cy", Level: domain.GrantRead}
	onP := domain.Grant{Kind: domain.GrantScript, Object: "u/ann/p", Principal: "g/ops", Level: domain.GrantRead}
	cySees := store.Viewer{Workspace: ws, Username: "cy"}
	sees := func(v store.Viewer) (paths []string) {
		for _, s := range must[[]domain.Script](b)(b.ScriptList(ctx, store.ScriptListParams{Viewer: v})) {
			paths = append(paths, s.Path)
		}
		for _, path := range []string{"f/x/a", "f/x/b", "u/ann/p"} {
			_, err := b.ScriptLatest(ctx, v, path)
			if (err == nil) != slices.Contains(paths, path) {
				t.Errorf("list and get differ about %s for %+v", path, v)
			}
		}
		return paths
	}
	check := func(v store.Viewer, want ...string) {
		t.Helper()
		if got := sees(v); !slices.Equal(got, want) {
			t.Errorf("%s sees %v, want %v", v.Username, got, want)
		}
	}
	check(bobSees)
	check(cySees)
	check(annSees, "u/ann/p")
	for _, g := range []domain.Grant{onFolder, onA, onP} {
		b.ok(b.GrantPut(ctx, ws, g))
	}
	check(bobSees, "f/x/a", "f/x/b", "u/ann/p")
	check(cySees, "f/x/a")
	check(annSees, "u/ann/p")
	check(store.Viewer{Workspace: "zoo", Username: "bob"})
	if a := must[domain.Access](b)(b.AccessTo(ctx, ws, "bob", "f/x/a")); !slices.Equal(a.Grants, []domain.Grant{onFolder}) {
		t.Errorf("%+v", a)
	}
	if a := must[domain.Access](b)(b.AccessTo(ctx, ws, "cy", "f/x/a")); !slices.Equal(a.Grants, []domain.Grant{onA}) {
		t.Errorf("%+v", a)
	}
	if a := must[domain.Access](b)(b.AccessTo(ctx, "zoo", "bob", "f/x/a")); len(a.Grants) != 0 {
		t.Errorf("%+v", a)
	}
	// Runs follow their script.
	n := job("u/ann/p")
	b.push(n)
	for v, want := range map[store.Viewer]bool{annSees: true, bobSees: true, cySees: false} {
		listed := must[[]domain.Job](b)(b.JobList(ctx, store.JobListParams{Viewer: v}))
		_, err := b.JobGet(ctx, v, n.Job.ID)
		if (len(listed) == 1) != want || (err == nil) != want {
			t.Errorf("%s: listed %d, get %v", v.Username, len(listed), err)
		}
	}
	_, err := b.JobCancel(ctx, cySees, n.Job.ID, "cy", "", inline("{}"))
	b.want(errs.NotFound, err)
	b.complete(b.claimOne("w", time.Minute), success, "1")
	if listed := must[[]domain.Job](b)(b.JobList(ctx, store.JobListParams{Viewer: bobSees})); len(listed) != 1 {
		t.Error("a run is hidden when it is final")
	}

	onA.Level = domain.GrantWrite
	b.ok(b.GrantPut(ctx, ws, onA)) // replaces
	if g := must[[]domain.Grant](b)(b.GrantList(ctx, ws, domain.GrantScript, "f/x/a")); !slices.Equal(g, []domain.Grant{onA}) {
		t.Errorf("%+v", g)
	}
	b.ok(b.GroupMemberDelete(ctx, ws, "ops", "bob"))
	check(bobSees) // at once
	b.ok(b.GrantDelete(ctx, ws, onA.Kind, onA.Object, onA.Principal))
	check(cySees)
	b.want(errs.NotFound, b.GrantDelete(ctx, ws, onA.Kind, onA.Object, onA.Principal))
	b.want(errs.NotFound, b.GrantPut(ctx, ws, domain.Grant{Kind: domain.GrantFolder, Object: "none", Principal: "g/ops", Level: domain.GrantRead}))
	b.want(errs.NotFound, b.GrantPut(ctx, "nowhere", domain.Grant{Kind: domain.GrantScript, Object: "f/x/a", Principal: "g/ops", Level: domain.GrantRead}))

	// The grants of a script end with it.
	b.ok(b.ScriptDelete(ctx, ws, "u/ann/p"))
	if g := must[[]domain.Grant](b)(b.GrantList(ctx, ws, domain.GrantScript, "u/ann/p")); len(g) != 0 {
		t.Errorf("%+v", g)
	}
}
