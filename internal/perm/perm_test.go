package perm_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/perm"
)

func member(role domain.Role, scopes ...string) domain.Identity {
	return domain.Identity{Email: "ada@example.com", Workspace: "main", Username: "ada", Role: role, Scopes: scopes}
}

func TestDecide(t *testing.T) {
	stranger := domain.Identity{Email: "eve@example.com"}
	super := domain.Identity{Email: "root@example.com", Superadmin: true, Workspace: "main", Username: "root", Role: domain.RoleAdmin}
	outside := domain.Identity{Email: "root@example.com", Superadmin: true}
	op, dev, admin := member(domain.RoleOperator), member(domain.RoleDeveloper), member(domain.RoleAdmin)
	for _, tc := range []struct {
		name    string
		who     domain.Identity
		p       perm.Permission
		path    string
		allowed bool
		hide    bool
	}{
		{"an operation without a permission is closed", super, perm.Permission{}, "", false, false},
		{"what is open needs nobody", domain.Identity{}, perm.Open, "", true, false},
		{"nobody may not", domain.Identity{}, perm.Self, "", false, false},
		{"a stranger is somebody", stranger, perm.Self, "", true, false},
		{"a stranger does not learn of a workspace", stranger, perm.ScriptsRead, "", false, true},
		{"an operator reads", op, perm.ScriptsRead, "f/a/b", true, false},
		{"an operator runs", op, perm.JobsRun, "f/a/b", true, false},
		{"an operator does not write", op, perm.ScriptsWrite, "f/a/b", false, false},
		{"an operator runs no code of his own", op, perm.JobsPreview, "", false, false},
		{"a developer writes", dev, perm.ScriptsWrite, "f/a/b", true, false},
		{"a developer writes his own", dev, perm.ScriptsWrite, "u/ada/b", true, false},
		{"a developer sees nothing of others", dev, perm.ScriptsRead, "u/bob/b", false, true},
		{"names are compared whole", dev, perm.ScriptsRead, "u/adam/b", false, true},
		{"names are compared with their case", dev, perm.ScriptsRead, "u/Ada/b", false, true},
		{"a developer makes no workspaces", dev, perm.WorkspacesAdmin, "", false, false},
		{"an admin sees all of the workspace", admin, perm.ScriptsWrite, "u/bob/b", true, false},
		{"an admin is not the instance's", admin, perm.InstanceAdmin, "", false, false},
		{"an instance administrator is", outside, perm.InstanceAdmin, "", true, false},
		{"an instance administrator in a workspace", super, perm.ScriptsWrite, "u/bob/b", true, false},
		{"an instance administrator nowhere", outside, perm.ScriptsRead, "f/a/b", false, true},
		{"neither u nor f", dev, perm.ScriptsRead, "x/a/b", false, true},
		{"an empty owner", dev, perm.ScriptsRead, "u//b", false, true},

		{"a scope allows its action", member(domain.RoleAdmin, "jobs:run"), perm.JobsRun, "f/a/b", true, false},
		{"a scope denies another domain", member(domain.RoleAdmin, "jobs:run"), perm.ScriptsRead, "f/a/b", false, false},
		{"a scope denies another action", member(domain.RoleAdmin, "jobs:read"), perm.JobsRun, "f/a/b", false, false},
		{"write includes read", member(domain.RoleAdmin, "scripts:write"), perm.ScriptsRead, "f/a/b", true, false},
		{"read does not include write", member(domain.RoleAdmin, "scripts:read"), perm.ScriptsWrite, "f/a/b", false, false},
		{"a path in the scope", member(domain.RoleAdmin, "jobs:run:f/a/b"), perm.JobsRun, "f/a/b", true, false},
		{"a longer path is another", member(domain.RoleAdmin, "jobs:run:f/a/b"), perm.JobsRun, "f/a/bc", false, false},
		{"a climbing path is another", member(domain.RoleAdmin, "jobs:run:f/a/*"), perm.JobsRun, "f/ab/c", false, false},
		{"another case is another", member(domain.RoleAdmin, "jobs:run:f/a/b"), perm.JobsRun, "F/A/B", false, false},
		{"below a folder", member(domain.RoleAdmin, "jobs:run:f/x/y,f/a/*"), perm.JobsRun, "f/a/b/c", true, false},
		{"a star inside is no star", member(domain.RoleAdmin, "jobs:run:f/a*"), perm.JobsRun, "f/ab/c", false, false},
		{"a limited scope lists nothing", member(domain.RoleAdmin, "jobs:read:f/a/b"), perm.JobsRead, "", false, false},
		{"all of a domain", member(domain.RoleAdmin, "jobs:*"), perm.JobsRun, "", true, false},
		{"a scope gives no role", member(domain.RoleOperator, "scripts:write"), perm.ScriptsWrite, "f/a/b", false, false},
		{"a scope opens no home", member(domain.RoleDeveloper, "scripts:*"), perm.ScriptsRead, "u/bob/x", false, true},
		{"a word is no scope", member(domain.RoleAdmin, "jobs"), perm.JobsRun, "", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := perm.Decide(tc.who, tc.p, tc.path, inA)
			if d.Allowed != tc.allowed || d.Hide != tc.hide {
				t.Fatalf("got %+v", d)
			}
			if d.Reason == "" {
				t.Fatal("a decision without a reason")
			}
		})
	}
}

var all = []perm.Permission{
	perm.Self, perm.SelfWrite, perm.WorkspacesRead, perm.WorkspacesAdmin, perm.InstanceAdmin, perm.WorkersRead,
	perm.MembersRead, perm.ScriptsRead, perm.ScriptsWrite, perm.DraftsRead, perm.DraftsWrite, perm.JobsRead, perm.JobsRun,
	perm.JobsPreview, perm.JobsWrite, perm.GroupsRead, perm.GroupsWrite, perm.FoldersRead, perm.FoldersCreate, perm.FoldersWrite,
	perm.GrantsRead, perm.GrantsWrite, perm.AccessRead,
}

// inA is what everybody may in the folder a.
var inA = domain.Access{Grants: []domain.Grant{{Kind: domain.GrantFolder, Object: "a", Principal: "g/all", Level: domain.GrantWrite}}}

func grants() *rapid.Generator[domain.Grant] {
	return rapid.Custom(func(t *rapid.T) domain.Grant {
		g := domain.Grant{Kind: domain.GrantFolder, Object: rapid.SampledFrom([]string{"a", "ab", ""}).Draw(t, "folder")}
		if rapid.Bool().Draw(t, "item") {
			g = domain.Grant{Kind: domain.GrantScript, Object: rapid.SampledFrom([]string{"f/a/b", "u/bob/x", "a"}).Draw(t, "path")}
		}
		g.Principal = rapid.SampledFrom([]string{"u/ada", "g/all", "g/ops"}).Draw(t, "principal")
		g.Level = domain.Level(rapid.IntRange(-1, 5).Draw(t, "level"))
		return g
	})
}

func accesses() *rapid.Generator[domain.Access] {
	return rapid.Custom(func(t *rapid.T) domain.Access {
		return domain.Access{Grants: rapid.SliceOfN(grants(), 0, 3).Draw(t, "grants"), Unclaimed: rapid.IntRange(0, 9).Draw(t, "unclaimed") == 0}
	})
}

func TestGrants(t *testing.T) {
	folder := func(level domain.Level) domain.Grant {
		return domain.Grant{Kind: domain.GrantFolder, Object: "a", Principal: "g/ops", Level: level}
	}
	item := func(path string, level domain.Level) domain.Grant {
		return domain.Grant{Kind: domain.GrantScript, Object: path, Principal: "u/ada", Level: level}
	}
	op, dev := member(domain.RoleOperator), member(domain.RoleDeveloper)
	for _, tc := range []struct {
		name    string
		who     domain.Identity
		p       perm.Permission
		path    string
		access  domain.Access
		allowed bool
		hide    bool
		reason  string
	}{
		{"nothing granted, nothing there", dev, perm.ScriptsRead, "f/a/b", domain.Access{}, false, true, "nothing in the folder a was granted to u/ada"},
		{"an unclaimed folder", dev, perm.ScriptsWrite, "f/a/b", domain.Access{Unclaimed: true}, true, false, "no folder a yet"},
		{"an unclaimed home", dev, perm.ScriptsRead, "u/bob/x", domain.Access{Unclaimed: true}, false, true, "somebody else"},
		{"an operator claims nothing", op, perm.ScriptsWrite, "f/a/b", domain.Access{Unclaimed: true}, false, false, "operators"},
		{"read reads", dev, perm.ScriptsRead, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantRead)}}, true, false, "g/ops was granted read in the folder f/a"},
		{"read does not run", dev, perm.JobsRun, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantRead)}}, false, false, "this needs run"},
		{"run runs", op, perm.JobsRun, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantRun)}}, true, false, ""},
		{"run does not write", dev, perm.ScriptsWrite, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantRun)}}, false, false, "this needs write"},
		{"write writes", dev, perm.ScriptsWrite, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantWrite)}}, true, false, ""},
		{"write does not grant", dev, perm.GrantsWrite, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantWrite)}}, false, false, "this needs own"},
		{"an owner grants", dev, perm.FoldersWrite, "f/a", domain.Access{Grants: []domain.Grant{folder(domain.GrantOwn)}}, true, false, ""},
		{"a grant makes no developer", op, perm.ScriptsWrite, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantOwn)}}, false, false, "operators"},
		{"the strongest grant counts", dev, perm.ScriptsWrite, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantRead), item("f/a/b", domain.GrantWrite)}}, true, false, "u/ada was granted write on f/a/b"},
		{"an item in a home", dev, perm.ScriptsRead, "u/bob/x", domain.Access{Grants: []domain.Grant{item("u/bob/x", domain.GrantRead)}}, true, false, "on u/bob/x"},
		{"an item is not its neighbour", dev, perm.ScriptsRead, "u/bob/xy", domain.Access{Grants: []domain.Grant{item("u/bob/x", domain.GrantOwn)}}, false, true, ""},
		{"a folder is not its neighbour", dev, perm.ScriptsRead, "f/ab/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantOwn)}}, false, true, ""},
		{"an operation on no object", dev, perm.GroupsRead, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantOwn)}}, false, false, "not about objects"},
		{"a grant opens no scope", member(domain.RoleDeveloper, "scripts:read:f/b/*"), perm.ScriptsRead, "f/a/b", domain.Access{Grants: []domain.Grant{folder(domain.GrantOwn)}}, false, false, "scopes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := perm.Decide(tc.who, tc.p, tc.path, tc.access)
			if d.Allowed != tc.allowed || d.Hide != tc.hide || d.Reason == "" || !strings.Contains(d.Reason, tc.reason) {
				t.Fatalf("got %+v", d)
			}
		})
	}
}

func TestMoreGrantsNeverAllowLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who, p, path := identities().Draw(t, "who"), rapid.SampledFrom(all).Draw(t, "permission"), paths.Draw(t, "path")
		less := accesses().Draw(t, "access")
		more := less
		more.Grants = append(slices.Clone(less.Grants), grants().Draw(t, "one more"))
		if perm.Decide(who, p, path, less).Allowed && !perm.Decide(who, p, path, more).Allowed {
			t.Fatal("one grant more, and it is refused")
		}
	})
}

func TestWhatNeedsNoAccessIsDecidedWithoutIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who, p, path := identities().Draw(t, "who"), rapid.SampledFrom(all).Draw(t, "permission"), paths.Draw(t, "path")
		if perm.NeedsAccess(who, path) {
			return
		}
		if with, without := perm.Decide(who, p, path, accesses().Draw(t, "access")), perm.Decide(who, p, path, domain.Access{}); with != without {
			t.Fatalf("%+v with and %+v without", with, without)
		}
	})
}

func TestGroupsAreChangedByTheirAdministrators(t *testing.T) {
	g := domain.Group{Workspace: "main", Name: "ops", Members: []string{"ada", "bob"}, Admins: []string{"bob"}}
	bob := member(domain.RoleDeveloper)
	bob.Username = "bob"
	elsewhere := bob
	elsewhere.Workspace = "other"
	for _, tc := range []struct {
		who domain.Identity
		may bool
	}{{member(domain.RoleDeveloper), false}, {bob, true}, {elsewhere, false}, {member(domain.RoleAdmin), true}, {domain.Identity{}, false}} {
		if d := perm.Group(tc.who, g); d.Allowed != tc.may || d.Reason == "" {
			t.Errorf("%+v: %+v", tc.who, d)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	who := member(domain.RoleDeveloper)
	a := domain.Access{Grants: []domain.Grant{{Kind: domain.GrantFolder, Object: "a", Principal: "g/ops", Level: domain.GrantRead}, inA.Grants[0]}}
	for b.Loop() {
		if !perm.Decide(who, perm.ScriptsWrite, "f/a/b", a).Allowed {
			b.Fatal("refused")
		}
	}
}

func identities() *rapid.Generator[domain.Identity] {
	return rapid.Custom(func(t *rapid.T) domain.Identity {
		i := domain.Identity{Email: rapid.SampledFrom([]string{"", "ada@example.com"}).Draw(t, "email")}
		i.Superadmin = rapid.Bool().Draw(t, "superadmin")
		if rapid.Bool().Draw(t, "member") {
			i.Workspace, i.Username = "main", rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "username")
			i.Role = rapid.SampledFrom([]domain.Role{domain.RoleOperator, domain.RoleDeveloper, domain.RoleAdmin}).Draw(t, "role")
		}
		i.Scopes = rapid.SliceOfN(rapid.SampledFrom([]string{"jobs:run", "jobs:*", "scripts:write", "scripts:read:f/a/*", "*:read", "jobs:run:u/ada/x"}), 0, 3).Draw(t, "scopes")
		return i
	})
}

var paths = rapid.SampledFrom([]string{"", "f/a/b", "u/ada/x", "u/bob/x", "f/ab/c", "x/y/z"})

func TestAScopeNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who := identities().Draw(t, "who")
		p, path := rapid.SampledFrom(all).Draw(t, "permission"), paths.Draw(t, "path")
		access := accesses().Draw(t, "access")
		free := who
		free.Scopes = nil
		if perm.Decide(who, p, path, access).Allowed && !perm.Decide(free, p, path, access).Allowed {
			t.Fatal("allowed only because of a scope")
		}
	})
}

func TestAStrongerRoleMayAllThatAWeakerMay(t *testing.T) {
	order := []domain.Role{domain.RoleOperator, domain.RoleDeveloper, domain.RoleAdmin}
	rapid.Check(t, func(t *rapid.T) {
		who := identities().Draw(t, "who")
		p, path := rapid.SampledFrom(all).Draw(t, "permission"), paths.Draw(t, "path")
		access := accesses().Draw(t, "access")
		at := slices.Index(order, who.Role)
		if at < 0 || at == len(order)-1 || !perm.Decide(who, p, path, access).Allowed {
			return
		}
		who.Role = order[at+1]
		if !perm.Decide(who, p, path, access).Allowed {
			t.Fatalf("%s may not what %s may", who.Role, order[at])
		}
	})
}

func TestHomesAreClosedToAllButTheirOwnerAndAdmins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who := identities().Draw(t, "who")
		p := rapid.SampledFrom(all).Draw(t, "permission")
		if p.Level == perm.SignedIn || p.Level == perm.Superadmin || who.Admin() {
			return
		}
		if d := perm.Decide(who, p, "u/bob/x", inA); d.Allowed && who.Username != "bob" {
			t.Fatalf("%+v", d)
		}
	})
}

func TestScopesAreCheckedBeforeTheyAreStored(t *testing.T) {
	for scope, ok := range map[string]bool{
		"jobs:run": true, "scripts:write:f/a/*,f/b/c": true, "*:read": true, "jobs:*": true,
		"": false, "jobs": false, "jobs:fly": false, ":run": false, "jobs:run:": false, "jobs:run:a,,b": false, "a b:run": false,
		"jobs:run:" + strings.Repeat("x", 1000): false,
	} {
		if err := perm.CheckScopes([]string{scope}); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
	}
	if perm.CheckScopes(slices.Repeat([]string{"jobs:run"}, 101)) == nil {
		t.Error("101 scopes pass")
	}
}
