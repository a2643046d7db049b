package storetest

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

func workspaces(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.want(errs.Conflict, b.WorkspaceCreate(ctx, domain.Workspace{ID: ws}))
	w := must[domain.Workspace](b)(b.WorkspaceGet(ctx, ws))
	b.recent(w.CreatedAt)
	if w.Name != "Acme" || w.CreatedBy != "root@acme.test" || w.Archived {
		t.Fatalf("%+v", w)
	}
	_, err := b.WorkspaceGet(ctx, "other")
	b.want(errs.NotFound, err)

	b.ok(b.WorkspaceCreate(ctx, domain.Workspace{ID: "zoo"}))
	b.ok(b.WorkspaceCreate(ctx, domain.Workspace{ID: "attic", Archived: true}))
	b.user("ann@acme.test")
	b.ok(b.MemberPut(ctx, domain.Member{Workspace: "zoo", Email: "ann@acme.test", Username: "ann", Role: domain.RoleDeveloper}))
	b.ok(b.MemberPut(ctx, domain.Member{Workspace: "acme", Email: "ann@acme.test", Username: "ann", Disabled: true}))
	b.ok(b.MemberPut(ctx, domain.Member{Workspace: "attic", Email: "ann@acme.test", Username: "ann"}))
	for _, c := range []struct {
		p    store.WorkspaceListParams
		want []string
	}{
		{store.WorkspaceListParams{}, []string{"acme", "zoo"}},
		{store.WorkspaceListParams{IncludeArchived: true}, []string{"acme", "attic", "zoo"}},
		{store.WorkspaceListParams{Email: "ann@acme.test"}, []string{"zoo"}},
		{store.WorkspaceListParams{Email: "ann@acme.test", IncludeArchived: true}, []string{"attic", "zoo"}},
		{store.WorkspaceListParams{Email: "bob@acme.test"}, nil},
	} {
		var got []string
		for _, w := range must[[]domain.Workspace](b)(b.WorkspaceList(ctx, c.p)) {
			got = append(got, w.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.p, got, c.want)
		}
	}
}

func members(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.user("ann@acme.test")
	b.user("bob@acme.test")
	ann := domain.Member{Workspace: ws, Email: "ann@acme.test", Username: "ann", Role: domain.RoleAdmin}
	b.ok(b.MemberPut(ctx, ann))
	first := must[domain.Member](b)(b.MemberGet(ctx, ws, ann.Email))
	b.recent(first.CreatedAt)

	b.want(errs.Conflict, b.MemberPut(ctx, domain.Member{Workspace: ws, Email: "bob@acme.test", Username: "ann"}))
	b.ok(b.MemberPut(ctx, domain.Member{Workspace: ws, Email: "bob@acme.test", Username: "Bob"}))
	b.want(errs.NotFound, b.MemberPut(ctx, domain.Member{Workspace: "nowhere", Email: "bob@acme.test", Username: "bob"}))
	b.want(errs.NotFound, b.MemberPut(ctx, domain.Member{Workspace: ws, Email: "eve@acme.test", Username: "eve"}))

	ann.Role, ann.Disabled, ann.Username = domain.RoleOperator, true, "ann2"
	b.ok(b.MemberPut(ctx, ann))
	got := must[domain.Member](b)(b.MemberGet(ctx, ws, ann.Email))
	if ann.CreatedAt = first.CreatedAt; got != ann {
		t.Errorf("replaced: got %+v, want %+v", got, ann)
	}
	list := must[[]domain.Member](b)(b.MemberList(ctx, ws))
	if len(list) != 2 || list[0].Username != "Bob" || list[1].Username != "ann2" {
		t.Errorf("by username, byte by byte: %+v", list)
	}
	b.ok(b.MemberDelete(ctx, ws, ann.Email))
	b.want(errs.NotFound, b.MemberDelete(ctx, ws, ann.Email))
	_, err := b.MemberGet(ctx, ws, ann.Email)
	b.want(errs.NotFound, err)
}

func users(t *testing.T, b *bundle) {
	ctx := t.Context()
	if n := must[int](b)(b.UserCount(ctx)); n != 0 {
		t.Fatalf("%d users in an empty store", n)
	}
	ann := domain.User{Email: "ann@acme.test", Name: "Ann", PasswordHash: "$argon2id$x", Superadmin: true}
	b.ok(b.UserCreate(ctx, ann))
	b.want(errs.Conflict, b.UserCreate(ctx, ann))
	b.user("aaa@acme.test")
	got := must[domain.User](b)(b.UserGet(ctx, ann.Email))
	b.recent(got.CreatedAt)
	if !got.LastSeenAt.IsZero() {
		t.Errorf("seen at %v, want never", got.LastSeenAt)
	}
	ann.CreatedAt = got.CreatedAt
	if got != ann {
		t.Errorf("got %+v, want %+v", got, ann)
	}
	changed := domain.User{Email: ann.Email, Name: "A.", Disabled: true, LastSeenAt: time.UnixMicro(1_700_000_000_123_456).UTC()}
	b.ok(b.UserUpdate(ctx, changed))
	changed.CreatedAt = ann.CreatedAt
	if got := must[domain.User](b)(b.UserGet(ctx, ann.Email)); got != changed {
		t.Errorf("got %+v, want %+v", got, changed)
	}
	b.want(errs.NotFound, b.UserUpdate(ctx, domain.User{Email: "eve@acme.test"}))
	_, err := b.UserGet(ctx, "eve@acme.test")
	b.want(errs.NotFound, err)
	list := must[[]domain.User](b)(b.UserList(ctx))
	if len(list) != 2 || list[0].Email != "aaa@acme.test" || list[1] != changed {
		t.Errorf("%+v", list)
	}
	if n := must[int](b)(b.UserCount(ctx)); n != 2 {
		t.Errorf("%d users, want 2", n)
	}
}

func invites(t *testing.T, b *bundle) {
	ctx := t.Context()
	i := domain.Invite{
		Digest: "d1", Email: "ann@acme.test", Superadmin: true, Workspace: ws, Role: domain.RoleDeveloper,
		CreatedBy: "root", ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond),
	}
	b.ok(b.InviteCreate(ctx, i))
	b.want(errs.Conflict, b.InviteCreate(ctx, i))
	got := must[domain.Invite](b)(b.InviteGet(ctx, "d1"))
	b.recent(got.CreatedAt)
	i.CreatedAt = got.CreatedAt
	if got != i {
		t.Errorf("got %+v, want %+v", got, i)
	}

	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := b.InviteTake(ctx, "d1")
			switch {
			case err == nil && got == i:
				taken.Add(1)
			case !errs.Is(err, errs.NotFound):
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 1 {
		t.Errorf("taken by %d, want 1", taken.Load())
	}
	_, err := b.InviteGet(ctx, "d1")
	b.want(errs.NotFound, err)

	b.ok(b.InviteCreate(ctx, domain.Invite{Digest: "old", ExpiresAt: time.Now().Add(-time.Hour)}))
	b.ok(b.InviteCreate(ctx, domain.Invite{Digest: "new", ExpiresAt: time.Now().Add(time.Hour)}))
	_, err = b.InviteGet(ctx, "old")
	b.want(errs.NotFound, err)
	_, err = b.InviteTake(ctx, "old")
	b.want(errs.NotFound, err)
	b.ok(b.InviteDeleteExpired(ctx))
	b.ok(b.InviteCreate(ctx, domain.Invite{Digest: "old", ExpiresAt: time.Now().Add(time.Hour)})) // it was really deleted
	must[domain.Invite](b)(b.InviteTake(ctx, "new"))
}

func tokens(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.user("ann@acme.test")
	b.user("bob@acme.test")
	token := func(digest, email string, expires time.Time) domain.Token {
		tok := domain.Token{
			ID: id.New(), Digest: digest, Prefix: "pre", Kind: domain.TokenPersonal, Email: email, Label: "ci",
			Workspace: ws, Scopes: []string{"jobs:run:f/a/*", "scripts:read"}, ExpiresAt: expires,
		}
		b.ok(b.TokenCreate(ctx, tok))
		return tok
	}
	one := token("d1", "ann@acme.test", time.Time{})
	two := token("d2", "ann@acme.test", time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond))
	old := token("d3", "ann@acme.test", time.Now().Add(-time.Hour))
	bobs := token("d4", "bob@acme.test", time.Time{})
	b.want(errs.Conflict, b.TokenCreate(ctx, domain.Token{ID: id.New(), Digest: "d1", Email: "ann@acme.test"}))
	b.want(errs.Invalid, b.TokenCreate(ctx, domain.Token{ID: "no id", Digest: "d9", Email: "ann@acme.test"}))
	b.want(errs.NotFound, b.TokenCreate(ctx, domain.Token{ID: id.New(), Digest: "d9", Email: "eve@acme.test"}))

	used := must[domain.Token](b)(b.TokenUse(ctx, "d1"))
	b.recent(used.LastUsedAt)
	b.recent(used.CreatedAt)
	if used.ID != one.ID || !slices.Equal(used.Scopes, one.Scopes) || used.Kind != one.Kind || used.Workspace != ws ||
		used.Label != "ci" || used.Prefix != "pre" || used.Email != one.Email || !used.ExpiresAt.IsZero() {
		t.Errorf("%+v", used)
	}
	if seen := must[domain.User](b)(b.UserGet(ctx, one.Email)).LastSeenAt; !seen.Equal(used.LastUsedAt) {
		t.Errorf("the user was seen at %v, want %v", seen, used.LastUsedAt)
	}
	if again := must[domain.Token](b)(b.TokenUse(ctx, "d1")); !again.LastUsedAt.Equal(used.LastUsedAt) {
		t.Error("a second use within the minute was noted")
	}
	if got := must[domain.Token](b)(b.TokenUse(ctx, "d2")); !got.ExpiresAt.Equal(two.ExpiresAt) {
		t.Errorf("expires %v, want %v", got.ExpiresAt, two.ExpiresAt)
	}
	for _, digest := range []string{"d3", "", "nothing"} {
		_, err := b.TokenUse(ctx, digest)
		b.want(errs.NotFound, err)
	}
	list := must[[]domain.Token](b)(b.TokenList(ctx, "ann@acme.test"))
	if len(list) != 3 || list[0].ID != old.ID || list[2].ID != one.ID || list[0].Digest != "" {
		t.Errorf("newest first, without digests: %+v", list)
	}
	b.want(errs.NotFound, b.TokenDelete(ctx, "ann@acme.test", bobs.ID))
	b.want(errs.NotFound, b.TokenDelete(ctx, "ann@acme.test", "no id"))
	b.ok(b.TokenDeleteExpired(ctx))
	if n := len(must[[]domain.Token](b)(b.TokenList(ctx, "ann@acme.test"))); n != 2 {
		t.Errorf("%d tokens after the expired ones went, want 2", n)
	}
	b.ok(b.TokenDelete(ctx, "ann@acme.test", two.ID))
	b.want(errs.NotFound, b.TokenDelete(ctx, "ann@acme.test", two.ID))
	token("d5", "ann@acme.test", time.Time{})
	b.ok(b.TokenDeleteAll(ctx, "ann@acme.test", one.ID))
	if list := must[[]domain.Token](b)(b.TokenList(ctx, "ann@acme.test")); len(list) != 1 || list[0].ID != one.ID {
		t.Errorf("all but one: %+v", list)
	}
	b.ok(b.TokenDeleteAll(ctx, "ann@acme.test", ""))
	_, err := b.TokenUse(ctx, "d1")
	b.want(errs.NotFound, err)
	must[domain.Token](b)(b.TokenUse(ctx, "d4"))
}
