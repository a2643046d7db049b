package account_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/pgtest"
	"github.com/tidemill/tidemill/internal/store/postgres"
	"github.com/tidemill/tidemill/internal/store/sqlite"
)

// cheap hashes in well under a millisecond.
var cheap = account.Cost{Memory: 8, Passes: 1, Threads: 1}

const password = "correct horse battery"

// clock is a time that tests move. It starts at the real one, because the store has its own.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// house is an empty installation.
type house struct {
	*account.Service
	store store.Store
	clock *clock
	t     *testing.T
}

func newHouse(t *testing.T, s store.Store) *house {
	c := &clock{now: time.Now()}
	h := &house{store: s, clock: c, t: t}
	h.Service = account.New(account.Options{Store: s, BaseURL: "http://tide.test/", Cost: cheap, Now: c.Now})
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

func sqliteStore(t *testing.T) store.Store {
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func postgresStore(t *testing.T) store.Store {
	s, err := postgres.Open(t.Context(), postgres.Options{URL: pgtest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// each runs the test on an empty house over both databases.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); fn(t, newHouse(t, sqliteStore(t))) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); fn(t, newHouse(t, postgresStore(t))) })
}

// admin makes the first administrator and returns the secret of the session.
func (h *house) admin() string {
	h.t.Helper()
	link, err := h.Setup(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := h.AcceptInvite(h.t.Context(), secretOf(h.t, link), "Root@Example.com", "Root", password)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Secret
}

// person makes a member of main.
func (h *house) person(email string, role domain.Role) string {
	h.t.Helper()
	secret, err := h.Invite(h.t.Context(), domain.Identity{Email: "root@example.com", Superadmin: true},
		domain.Invite{Email: email, Workspace: "main", Role: role})
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := h.AcceptInvite(h.t.Context(), secret, "", "", password)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Secret
}

func (h *house) who(secret, workspace string) domain.Identity {
	h.t.Helper()
	who, err := h.Authenticate(h.t.Context(), secret, workspace)
	if err != nil {
		h.t.Fatal(err)
	}
	return who
}

func (h *house) dead(secret string) {
	h.t.Helper()
	if who, err := h.Authenticate(h.t.Context(), secret, "main"); !errs.Is(err, errs.Unauthenticated) {
		h.t.Fatalf("the secret still works: %+v, %v", who, err)
	}
}

func secretOf(t *testing.T, link string) string {
	t.Helper()
	secret, ok := strings.CutPrefix(link, "http://tide.test/welcome?token=")
	if !ok || !strings.HasPrefix(secret, account.PrefixInvite) || len(secret) < 40 {
		t.Fatalf("link %q", link)
	}
	return secret
}

func want(t *testing.T, err error, kind errs.Kind) *errs.Error {
	t.Helper()
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("got %v, want an error of kind %s", err, kind)
	}
	return e
}

func TestTheFirstLinkMakesTheAdministratorAndTheWorkspaceOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		link, err := h.Setup(ctx)
		if err != nil {
			t.Fatal(err)
		}
		secret := secretOf(t, link)
		w, err := h.Welcome(ctx, secret)
		if err != nil || !w.First || w.Exists || w.Email != "" {
			t.Fatalf("got %+v, %v", w, err)
		}
		// Wrong input leaves the link valid.
		for _, in := range [][2]string{{"not an address", password}, {"root@example.com", "short"}, {"", password}, {"root@example.com", ""}} {
			_, err := h.AcceptInvite(ctx, secret, in[0], "", in[1])
			if e := want(t, err, errs.Invalid); len(e.Fields) != 1 {
				t.Fatalf("got %v", e)
			}
		}
		s, err := h.AcceptInvite(ctx, secret, " Ada.Lovelace+x@Example.com", "Ada", password)
		if err != nil || s.Workspace != "main" {
			t.Fatalf("got %+v, %v", s, err)
		}
		who := h.who(s.Secret, "main")
		if who.Email != "ada.lovelace+x@example.com" || !who.Superadmin || who.Role != domain.RoleAdmin || who.Username != "Ada_Lovelace" && who.Username != "ada_lovelace" {
			t.Fatalf("got %+v", who)
		}
		_, err = h.AcceptInvite(ctx, secret, "eve@example.com", "", password)
		want(t, err, errs.NotFound)
		if link, err := h.Setup(ctx); err != nil || link != "" {
			t.Fatalf("a second link: %q, %v", link, err)
		}
	})
}

func TestOfTwoFirstAdministratorsExactlyOneWins(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		one, err := h.Setup(ctx)
		if err != nil {
			t.Fatal(err)
		}
		two, err := h.Setup(ctx) // two servers that start at once
		if err != nil {
			t.Fatal(err)
		}
		links := []string{one, one, two, two}
		results := make([]error, len(links))
		var all sync.WaitGroup
		for i, link := range links {
			all.Go(func() {
				_, results[i] = h.AcceptInvite(ctx, secretOf(t, link), "p"+string(rune('0'+i))+"@example.com", "", password)
			})
		}
		all.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else {
				want(t, err, errs.NotFound)
			}
		}
		if n, err := h.store.UserCount(ctx); won != 1 || n != 1 || err != nil {
			t.Fatalf("%d won, %d users, %v", won, n, err)
		}
	})
}

func TestAFirstLinkDiesWhenThereIsAUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		link, err := h.Setup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := h.FirstAdmin(t.Context(), "admin@localhost", ""); err != nil {
			t.Fatal(err)
		}
		_, err = h.AcceptInvite(t.Context(), secretOf(t, link), "eve@example.com", "", password)
		want(t, err, errs.NotFound)
		want(t, h.FirstAdmin(t.Context(), "two@localhost", ""), errs.Conflict)
	})
}

func TestLinksEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		link, err := h.Setup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h.clock.add(account.InviteLife + time.Second)
		_, err = h.Welcome(t.Context(), secretOf(t, link))
		want(t, err, errs.NotFound)
		_, err = h.AcceptInvite(t.Context(), secretOf(t, link), "a@example.com", "", password)
		want(t, err, errs.NotFound)
		_, err = h.Welcome(t.Context(), "tminv_nonsense")
		want(t, err, errs.NotFound)
	})
}

func TestSigningInAndOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		secret, token, err := h.SignIn(ctx, " ROOT@example.com ", password, "192.0.2.1:1234")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(secret, account.PrefixSession) || token.Kind != domain.TokenSession || token.Digest == secret || len(secret) < 40 {
			t.Fatalf("got %q, %+v", secret, token)
		}
		who := h.who(secret, "main")
		u, err := h.store.UserGet(ctx, who.Email)
		if err != nil || u.LastSeenAt.IsZero() {
			t.Fatalf("got %+v, %v", u, err)
		}
		for range 2 {
			if err := h.SignOut(ctx, who); err != nil {
				t.Fatal(err)
			}
		}
		h.dead(secret)
		h.dead("")
		h.dead(strings.Repeat("x", 10_000))
	})
}

func TestRefusalsDoNotTellWhy(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		h.person("off@example.com", domain.RoleDeveloper)
		if err := h.SetDisabled(ctx, domain.Identity{Email: "host", Superadmin: true}, "off@example.com", true); err != nil {
			t.Fatal(err)
		}
		texts := map[string]bool{}
		for email, pw := range map[string]string{
			"root@example.com": "wrong password", "nobody@example.com": password, "off@example.com": password, "not an address": password,
		} {
			_, _, err := h.SignIn(ctx, email, pw, "192.0.2.1")
			texts[want(t, err, errs.Unauthenticated).Error()] = true
		}
		if len(texts) != 1 {
			t.Fatalf("the answers differ: %v", texts)
		}
	})
}

func TestGuessingIsSlowedAndTheOwnerIsNotLockedOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		try := func(address, pw string) error {
			_, _, err := h.SignIn(ctx, "root@example.com", pw, address)
			return err
		}
		// From one address: a few tries, then not even the right password.
		limited := 0
		for range 20 {
			if errs.Is(try("192.0.2.1:1", "wrong password"), errs.RateLimited) {
				limited++
			}
		}
		if limited != 15 {
			t.Fatalf("%d of 20 tries were refused", limited)
		}
		if e := want(t, try("192.0.2.1:9", password), errs.RateLimited); e.Hint == "" {
			t.Fatal("no hint when to come back")
		}
		// From many addresses: each gets fewer, and the owner still gets in from an address of his own.
		for i := range 100 {
			_ = try("198.51.100."+string(rune('0'+i/10))+string(rune('0'+i%10)), "wrong password")
		}
		if err := try("203.0.113.7", password); err != nil {
			t.Fatalf("the owner is locked out: %v", err)
		}
		// All of an IPv6 customer's addresses are one.
		refused := 0
		for i := range 10 {
			if errs.Is(try("[2001:db8::"+string(rune('1'+i%9))+"]:443", "wrong password"), errs.RateLimited) {
				refused++
			}
		}
		if refused < 5 {
			t.Fatalf("only %d of 10 tries from one network were refused", refused)
		}
		// Waiting helps.
		h.clock.add(time.Hour + time.Second)
		if err := try("192.0.2.1:1", password); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOneAddressOverManyAccountsIsSlowed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.admin()
		refused := 0
		for i := range 60 {
			_, _, err := h.SignIn(t.Context(), "user"+string(rune('A'+i))+"@example.com", "wrong password", "192.0.2.1")
			if errs.Is(err, errs.RateLimited) {
				refused++
			}
		}
		if refused != 30 {
			t.Fatalf("%d of 60 were refused", refused)
		}
	})
}

func TestAHashOfAnotherCostIsRenewed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		before, _ := h.store.UserGet(ctx, "root@example.com")
		if !strings.HasPrefix(before.PasswordHash, "$argon2id$v=19$m=8,t=1,p=1$") {
			t.Fatalf("got %q", before.PasswordHash)
		}
		dearer := account.New(account.Options{Store: h.store, Cost: account.Cost{Memory: 16, Passes: 2, Threads: 1}})
		if _, _, err := dearer.SignIn(ctx, "root@example.com", password, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		after, _ := h.store.UserGet(ctx, "root@example.com")
		if !strings.HasPrefix(after.PasswordHash, "$argon2id$v=19$m=16,t=2,p=1$") {
			t.Fatalf("got %q", after.PasswordHash)
		}
		if _, _, err := h.SignIn(ctx, "root@example.com", password, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestChangingAPasswordEndsAllElse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		mine := h.admin()
		other, _, err := h.SignIn(ctx, "root@example.com", password, "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		who := h.who(mine, "")
		pat, err := h.CreateToken(ctx, who, "ci", "", nil, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, h.ChangePassword(ctx, who, password, "short"), errs.Invalid)
		want(t, h.ChangePassword(ctx, who, "not the old one", "another password"), errs.Invalid)
		if err := h.ChangePassword(ctx, who, password, "another password"); err != nil {
			t.Fatal(err)
		}
		h.who(mine, "")
		h.dead(other)
		h.dead(pat)
		_, _, err = h.SignIn(ctx, "root@example.com", password, "192.0.2.1")
		want(t, err, errs.Unauthenticated)
		if _, _, err = h.SignIn(ctx, "root@example.com", "another password", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAResetLinkSetsThePasswordOnceAndEndsSessions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		root := h.who(h.admin(), "main")
		old := h.person("bob@example.com", domain.RoleDeveloper)
		_, err := h.ResetPassword(ctx, h.who(old, "main"), "root@example.com")
		want(t, err, errs.Forbidden)
		_, err = h.ResetPassword(ctx, root, "nobody@example.com")
		want(t, err, errs.NotFound)
		secret, err := h.ResetPassword(ctx, root, "bob@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if w, err := h.Welcome(ctx, secret); err != nil || !w.Exists || w.Email != "bob@example.com" {
			t.Fatalf("got %+v, %v", w, err)
		}
		s, err := h.AcceptInvite(ctx, secret, "root@example.com", "", "another password")
		if err != nil || s.Workspace != "main" {
			t.Fatalf("got %+v, %v", s, err)
		}
		if who := h.who(s.Secret, "main"); who.Email != "bob@example.com" {
			t.Fatalf("got %+v", who)
		}
		h.dead(old)
		_, err = h.AcceptInvite(ctx, secret, "", "", "a third password")
		want(t, err, errs.NotFound)
		if _, _, err := h.SignIn(ctx, "bob@example.com", "another password", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestALinkSignsAnExistingUserInWithoutAPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		root := h.who(h.admin(), "main")
		secret, err := h.Invite(ctx, root, domain.Invite{Email: "root@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.AcceptInvite(ctx, secret, "", "", "")
		if err != nil || s.Workspace != "main" || h.who(s.Secret, "main").Role != domain.RoleAdmin {
			t.Fatalf("got %+v, %v", s, err)
		}
		if _, _, err := h.SignIn(ctx, "root@example.com", password, "192.0.2.1"); err != nil {
			t.Fatal("the old password is gone")
		}
	})
}

func TestInvitesMakeMembersWithNamesOfTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.admin()
		var names []string
		for _, email := range []string{"ada@a.example", "ada@b.example", "ADA+x@c.example", "42@d.example", "ä@e.example"} {
			names = append(names, h.who(h.person(email, domain.RoleOperator), "main").Username)
		}
		if got := strings.Join(names, " "); got != "ada ada2 ada3 user user2" {
			t.Fatalf("got %q", got)
		}
	})
}

func TestWhoMayInvite(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		root := h.who(h.admin(), "main")
		dev := h.who(h.person("dev@example.com", domain.RoleDeveloper), "main")
		boss := h.who(h.person("boss@example.com", domain.RoleAdmin), "main")
		invite := func(by domain.Identity, i domain.Invite) error {
			_, err := h.Invite(ctx, by, i)
			return err
		}
		fresh := domain.Invite{Email: "new@example.com", Workspace: "main", Role: domain.RoleOperator}
		want(t, invite(dev, fresh), errs.Forbidden)
		if err := invite(boss, fresh); err != nil {
			t.Fatal(err)
		}
		super := fresh
		super.Superadmin = true
		want(t, invite(boss, super), errs.Forbidden)
		elsewhere := fresh
		elsewhere.Workspace = "other"
		want(t, invite(boss, elsewhere), errs.Forbidden)
		want(t, invite(root, elsewhere), errs.Invalid)
		// A link signs in: an administrator of a workspace must not get one for somebody's account.
		taken := fresh
		taken.Email = "root@example.com"
		want(t, invite(boss, taken), errs.Conflict)
		job := root
		job.JobID = id.New()
		want(t, invite(job, fresh), errs.Forbidden)
		odd := fresh
		odd.Role = "king"
		want(t, invite(root, odd), errs.Invalid)
	})
}

func TestATokenDoesNoMoreThanItsMaker(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		session := h.who(h.admin(), "main")
		if err := h.CreateWorkspace(ctx, session, "other", ""); err != nil {
			t.Fatal(err)
		}
		want(t, h.CreateWorkspace(ctx, session, "other", ""), errs.Conflict)
		want(t, h.CreateWorkspace(ctx, session, "Not valid", ""), errs.Invalid)
		end := h.clock.Now().Add(time.Hour).Truncate(time.Microsecond)
		secret, err := h.CreateToken(ctx, session, "ci", "main", []string{"jobs:run", "scripts:read"}, end)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(secret, account.PrefixPersonal) || len(secret) < 40 {
			t.Fatalf("got %q", secret)
		}
		narrow := h.who(secret, "main")
		if narrow.Superadmin || narrow.Role != domain.RoleAdmin || len(narrow.Scopes) != 2 {
			t.Fatalf("got %+v", narrow)
		}
		if !perm.Decide(narrow, perm.JobsRun, "f/a/b", domain.Access{}).Allowed || perm.Decide(narrow, perm.ScriptsWrite, "f/a/b", domain.Access{}).Allowed {
			t.Fatal("the scopes do not hold")
		}
		if out := h.who(secret, "other"); out.Workspace != "" || out.Superadmin {
			t.Fatalf("a limited token acts in another workspace: %+v", out)
		}
		if out := h.who(secret, ""); out.Superadmin {
			t.Fatalf("a limited token administers the instance: %+v", out)
		}
		for _, more := range []struct {
			workspace string
			scopes    []string
			end       time.Time
		}{
			{"main", nil, end},
			{"main", []string{"jobs:*"}, end},
			{"", []string{"jobs:run"}, end},
			{"other", []string{"jobs:run"}, end},
			{"main", []string{"jobs:run"}, time.Time{}},
			{"main", []string{"jobs:run"}, end.Add(time.Hour)},
		} {
			_, err := h.CreateToken(ctx, narrow, "more", more.workspace, more.scopes, more.end)
			want(t, err, errs.Forbidden)
		}
		if _, err := h.CreateToken(ctx, narrow, "less", "main", []string{"jobs:run"}, end); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []struct {
			label, workspace string
			scopes           []string
			end              time.Time
		}{{strings.Repeat("x", 201), "", nil, time.Time{}}, {"", "nowhere", nil, time.Time{}}, {"", "", []string{"jobs"}, time.Time{}}, {"", "", nil, h.clock.Now().Add(-time.Second)}} {
			_, err := h.CreateToken(ctx, session, bad.label, bad.workspace, bad.scopes, bad.end)
			want(t, err, errs.Invalid)
		}
	})
}

func TestListsShowNoSecretsAndDeletedTokensAreDeadAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		bob := h.who(h.person("bob@example.com", domain.RoleDeveloper), "main")
		eve := h.who(h.person("eve@example.com", domain.RoleDeveloper), "main")
		secret, err := h.CreateToken(ctx, bob, "ci", "", nil, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		list, err := h.ListTokens(ctx, bob)
		if err != nil || len(list) != 2 || list[0].Label != "ci" || list[0].Digest != "" || list[0].Prefix != secret[:10] {
			t.Fatalf("got %+v, %v", list, err)
		}
		want(t, h.DeleteToken(ctx, eve, list[0].ID), errs.NotFound)
		want(t, h.DeleteToken(ctx, eve, list[0].Prefix), errs.NotFound)
		h.who(secret, "main")
		if err := h.DeleteToken(ctx, bob, list[0].Prefix); err != nil {
			t.Fatal(err)
		}
		h.dead(secret)
	})
}

func TestDisablingAndRemovingActOnTheNextRequest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		secret := h.person("bob@example.com", domain.RoleDeveloper)
		h.who(secret, "main")
		if err := h.store.MemberDelete(ctx, "main", "bob@example.com"); err != nil {
			t.Fatal(err)
		}
		if who := h.who(secret, "main"); who.Workspace != "" || who.Role != "" {
			t.Fatalf("got %+v", who)
		}
		if err := h.SetDisabled(ctx, domain.Identity{Email: "host", Superadmin: true}, "bob@example.com", true); err != nil {
			t.Fatal(err)
		}
		h.dead(secret)
	})
}

func TestAnInstanceAdministratorIsAdminOfWorkspacesThatExist(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		secret := h.admin()
		bob := domain.Identity{Email: "bob@example.com"}
		h.person(bob.Email, domain.RoleDeveloper)
		if err := h.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
			if err := tx.WorkspaceCreate(ctx, domain.Workspace{ID: "bobs", Name: "Bob's", CreatedBy: bob.Email}); err != nil {
				return err
			}
			return tx.MemberPut(ctx, domain.Member{Workspace: "bobs", Email: bob.Email, Username: "root", Role: domain.RoleAdmin})
		}); err != nil {
			t.Fatal(err)
		}
		if who := h.who(secret, "bobs"); who.Role != domain.RoleAdmin || who.Username == "root" || who.Username == "" {
			t.Fatalf("got %+v", who)
		}
		if who := h.who(secret, "nowhere"); who.Workspace != "" {
			t.Fatalf("got %+v", who)
		}
	})
}

// runJob puts a job of email into the queue and claims it.
func (h *house) runJob(email, username string) domain.Lease {
	h.t.Helper()
	ctx := h.t.Context()
	job := domain.Job{
		ID: id.New(), Workspace: "main", Kind: domain.JobPreview, Language: "x", Tag: "x", CreatedBy: username, Email: email,
		PermissionedAs: "u/" + username, Status: domain.StatusQueued, Trigger: "api",
	}
	if err := h.store.JobPush(ctx, store.NewJob{Job: job, Args: domain.Payload{Inline: []byte("{}"), Size: 2}}); err != nil {
		h.t.Fatal(err)
	}
	return h.claim()
}

func (h *house) claim() domain.Lease {
	h.t.Helper()
	jobs, err := h.store.JobClaim(h.t.Context(), store.JobClaimParams{Worker: "w", Tags: []string{"x"}, Limit: 1, Lease: time.Minute})
	if err != nil || len(jobs) != 1 {
		h.t.Fatalf("claimed %v, %v", jobs, err)
	}
	return domain.Lease{JobID: jobs[0].ID, Attempt: jobs[0].Attempt, Worker: "w"}
}

func TestAJobsTokenActsForItAndDiesWithIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		h.person("bob@example.com", domain.RoleDeveloper)
		lease := h.runJob("bob@example.com", "bob")
		token := h.JobToken(lease)
		if !strings.HasPrefix(token, account.PrefixJob) || len(token) < 40 {
			t.Fatalf("got %q", token)
		}
		who := h.who(token, "main")
		if who.JobID != lease.JobID || who.Email != "bob@example.com" || who.Username != "bob" || who.Role != domain.RoleDeveloper || who.Superadmin {
			t.Fatalf("got %+v", who)
		}
		if out := h.who(token, "other"); out.Workspace != "" {
			t.Fatalf("a job acts in another workspace: %+v", out)
		}
		_, err := h.CreateToken(ctx, who, "longer", "", nil, time.Time{})
		want(t, err, errs.Forbidden)
		want(t, h.ChangePassword(ctx, who, password, "another password"), errs.Forbidden)
		if err := h.SignOut(ctx, who); err != nil {
			t.Fatal(err)
		}

		// Another server of the same database accepts it; nobody else's and no altered one passes.
		twin := account.New(account.Options{Store: h.store})
		if _, err := twin.Authenticate(ctx, token, "main"); err != nil {
			t.Fatal(err)
		}
		h.dead(token[:len(token)-1])
		h.dead(token + "A")
		h.dead(strings.ToUpper(token))
		next := lease
		next.Attempt++
		h.dead(h.JobToken(next))
		for i := len(account.PrefixJob); i < len(token); i++ {
			c := byte('A')
			if token[i] == c {
				c = 'B'
			}
			h.dead(token[:i] + string(c) + token[i+1:])
		}

		// Given back: dead. Claimed again: the new attempt's lives.
		if err := h.store.JobRelease(ctx, lease); err != nil {
			t.Fatal(err)
		}
		h.dead(token)
		lease = h.claim()
		h.dead(token)
		token = h.JobToken(lease)
		h.who(token, "main")

		if _, err := h.store.JobComplete(ctx, lease, domain.Outcome{Status: domain.StatusSuccess}, &domain.Payload{Inline: []byte("1"), Size: 1}); err != nil {
			t.Fatal(err)
		}
		h.dead(token)
	})
}

func TestAJobsTokenDiesWithItsUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.admin()
		h.person("bob@example.com", domain.RoleDeveloper)
		token := h.JobToken(h.runJob("bob@example.com", "bob"))
		h.who(token, "main")
		if err := h.store.MemberDelete(ctx, "main", "bob@example.com"); err != nil {
			t.Fatal(err)
		}
		h.dead(token)

		// A job of an instance administrator is an administrator of its workspace, no more.
		token = h.JobToken(h.runJob("root@example.com", "root"))
		if who := h.who(token, "main"); who.Superadmin || !who.Admin() {
			t.Fatalf("got %+v", who)
		}
		if err := h.SetDisabled(ctx, domain.Identity{Email: "host", Superadmin: true}, "root@example.com", true); err != nil {
			t.Fatal(err)
		}
		h.dead(token)
	})
}

func TestPasswords(t *testing.T) {
	for pw, ok := range map[string]bool{
		"": false, "123456789": false, "1234567890": true, "äöüäöüäöüä": true, "          ": false, strings.Repeat("x", 1024): true,
		strings.Repeat("x", 1025): false, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff": false,
	} {
		if err := account.CheckPassword("password", pw); (err == nil) != ok {
			t.Errorf("%q: %v", pw, err)
		}
	}
}
