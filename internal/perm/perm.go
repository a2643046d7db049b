// Package perm decides who may do what. It is pure: an identity, a permission and an object in, a decision with its reason
// out. Every API operation names one Permission; the store filters lists by the same rules through a Viewer.
package perm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/internal/domain"
)

// Permission is what an operation needs. The zero value is not a permission: an operation must name one.
type Permission struct {
	Level  Level
	Domain string // of token scopes, as in Windmill 8.4: "scripts", "jobs"
	Action string // "read", "write" or "run"
	// Grant is what is needed on the object, when the operation is about one; GrantNone allows it on no object.
	Grant domain.Level
}

// Level is the least an identity must be.
type Level int

// The levels, weakest first.
const (
	levelNone  Level = iota
	Public           // nobody need be signed in
	SignedIn         // anybody who is signed in
	Member           // members of the workspace, operators too
	Developer        // developers and admins of the workspace
	Admin            // admins of the workspace
	Superadmin       // instance administrators
)

// The permissions that operations name.
var (
	Open            = Permission{Level: Public}
	Self            = Permission{Level: SignedIn, Domain: "users", Action: "read"}
	SelfWrite       = Permission{Level: SignedIn, Domain: "users", Action: "write"}
	WorkspacesRead  = Permission{Level: SignedIn, Domain: "workspaces", Action: "read"}
	WorkspacesAdmin = Permission{Level: Superadmin, Domain: "workspaces", Action: "write"}
	InstanceAdmin   = Permission{Level: Superadmin, Domain: "settings", Action: "write"}
	WorkersRead     = Permission{Level: SignedIn, Domain: "workers", Action: "read"}
	MembersRead     = Permission{Level: Member, Domain: "users", Action: "read"}
	Catalogue       = Permission{Level: SignedIn, Domain: "scripts", Action: "read"}
	ScriptsRead     = Permission{Level: Member, Domain: "scripts", Action: "read", Grant: domain.GrantRead}
	ScriptsWrite    = Permission{Level: Developer, Domain: "scripts", Action: "write", Grant: domain.GrantWrite}
	DraftsRead      = Permission{Level: Member, Domain: "drafts", Action: "read", Grant: domain.GrantRead}
	DraftsWrite     = Permission{Level: Developer, Domain: "drafts", Action: "write", Grant: domain.GrantWrite}
	JobsRead        = Permission{Level: Member, Domain: "jobs", Action: "read", Grant: domain.GrantRead}
	JobsRun         = Permission{Level: Member, Domain: "jobs", Action: "run", Grant: domain.GrantRun}
	JobsPreview     = Permission{Level: Developer, Domain: "jobs", Action: "run", Grant: domain.GrantRun}
	GroupsRead      = Permission{Level: Member, Domain: "groups", Action: "read"}
	GroupsWrite     = Permission{Level: Developer, Domain: "groups", Action: "write"} // and see Group
	FoldersRead     = Permission{Level: Member, Domain: "folders", Action: "read", Grant: domain.GrantRead}
	FoldersCreate   = Permission{Level: Developer, Domain: "folders", Action: "write"}
	FoldersWrite    = Permission{Level: Developer, Domain: "folders", Action: "write", Grant: domain.GrantOwn}
	GrantsRead      = Permission{Level: Member, Domain: "acls", Action: "read", Grant: domain.GrantRead}
	GrantsWrite     = Permission{Level: Developer, Domain: "acls", Action: "write", Grant: domain.GrantOwn}
	AccessRead      = Permission{Level: Member, Domain: "acls", Action: "read"}
	JobsWrite       = Permission{Level: Member, Domain: "jobs", Action: "write", Grant: domain.GrantRun}
	AuditRead       = Permission{Level: Admin, Domain: "audit", Action: "read"}
	AuditInstance   = Permission{Level: Superadmin, Domain: "audit", Action: "read"}
)

// Decision is an answer with its reason.
type Decision struct {
	Allowed bool
	Reason  string // for people: "developers may write scripts"
	// Hide is set when even the existence of the object is to be denied: answer "not found".
	Hide bool
}

func allow(reason string) Decision { return Decision{Allowed: true, Reason: reason} }
func deny(reason string) Decision  { return Decision{Reason: reason} }

// Decide says whether who may do p, in the workspace that who.Workspace names, on the object at path ("" when the
// operation is about no single object, f/<name> for a folder itself). a is what was granted to who on the path; it matters
// only where NeedsAccess says so, and its zero value grants nothing.
func Decide(who domain.Identity, p Permission, path string, a domain.Access) Decision {
	switch {
	case p.Level == levelNone:
		return deny("the operation names no permission")
	case p.Level == Public:
		return allow("open to everybody")
	case who.Email == "":
		return deny("nobody is signed in")
	}
	if d := scoped(who.Scopes, p, path); !d.Allowed {
		return d
	}
	if d := level(who, p); !d.Allowed {
		return d
	}
	if path == "" {
		return allow(string(who.Role) + " of the workspace")
	}
	return object(who, p, path, a)
}

func level(who domain.Identity, p Permission) Decision {
	switch p.Level {
	case SignedIn:
		return allow("signed in")
	case Superadmin:
		if who.Superadmin {
			return allow("instance administrator")
		}
		return deny("only instance administrators may do this")
	}
	if who.Workspace == "" {
		return Decision{Reason: "not a member of the workspace", Hide: true}
	}
	if who.Superadmin || who.Role == domain.RoleAdmin {
		return allow("administrator of the workspace")
	}
	switch {
	case p.Level == Admin:
		return deny("only administrators of the workspace may do this")
	case p.Level == Developer && who.Role != domain.RoleDeveloper:
		return deny("operators may run and look, not change")
	}
	return allow(string(who.Role) + " of the workspace")
}

// NeedsAccess reports whether the decision about the path depends on grants, so that they have to be read.
func NeedsAccess(who domain.Identity, path string) bool {
	if path == "" || who.Workspace == "" || who.Admin() {
		return false
	}
	owner, private := home(path)
	return !private || owner != who.Username
}

// home is whose home the path is in.
func home(path string) (owner string, ok bool) {
	rest, ok := strings.CutPrefix(path, "u/")
	owner, _, _ = strings.Cut(rest, "/")
	return owner, ok
}

// object applies the rules of paths: u/<user>/… is private to the user, f/<folder>/… is open to whom the folder's grants
// name; a grant on the item itself adds to both, and administrators may all. Who may not even read is told that nothing
// is there.
func object(who domain.Identity, p Permission, path string, a domain.Access) Decision {
	if p.Grant == domain.GrantNone {
		return deny("the operation is not about objects")
	}
	if who.Admin() {
		return allow("administrator of the workspace")
	}
	owner, private := home(path)
	folder := domain.FolderOf(path)
	switch {
	case private && owner == who.Username && owner != "":
		return allow("owner of " + path)
	case private && owner != "":
	case folder == "":
		return Decision{Reason: "the path names no object", Hide: true}
	case a.Unclaimed:
		return allow("there is no folder " + folder + " yet; whoever puts the first object there owns it")
	}
	best, ok := strongest(a, path, folder)
	switch {
	case ok && best.Level >= p.Grant:
		return allow(reason(best))
	case ok:
		return deny(reason(best) + ", and this needs " + p.Grant.String())
	case private:
		return Decision{Reason: "u/" + owner + " belongs to somebody else", Hide: true}
	}
	return Decision{Reason: "nothing in the folder " + folder + " was granted to " + who.PermissionedAs() + " or a group of that user", Hide: true}
}

// strongest is the grant of the highest level that is on the path or its folder.
func strongest(a domain.Access, path, folder string) (best domain.Grant, ok bool) {
	for _, g := range a.Grants {
		on := g.Kind == domain.GrantFolder && g.Object == folder && folder != "" || g.Kind == domain.GrantScript && g.Object == path
		if on && g.Level > best.Level {
			best, ok = g, true
		}
	}
	return best, ok
}

// reason tells a grant: "g/ops was granted write in the folder f/tools".
func reason(g domain.Grant) string {
	if g.Kind == domain.GrantFolder {
		return g.Principal + " was granted " + g.Level.String() + " in the folder f/" + g.Object
	}
	return g.Principal + " was granted " + g.Level.String() + " on " + g.Object
}

// Group decides about changing a group, for who may write groups at all: its administrators and the workspace's may.
func Group(who domain.Identity, g domain.Group) Decision {
	switch {
	case who.Admin():
		return allow("administrator of the workspace")
	case who.Workspace == g.Workspace && who.Username != "" && slices.Contains(g.Admins, who.Username):
		return allow("administrator of the group " + g.Name)
	}
	return deny("only administrators of the group " + g.Name + " and of the workspace may change it")
}

// ForAction is the permission that a question about an action on a script is about. ok is false for other words than
// read, run, write and own.
func ForAction(action string) (p Permission, ok bool) {
	switch action {
	case "read":
		return ScriptsRead, true
	case "run":
		return JobsRun, true
	case "write":
		return ScriptsWrite, true
	case "own":
		return GrantsWrite, true
	}
	return p, false
}

// scoped checks the scopes of a token: none allow all; "jobs:run:f/a/*,f/b" allows running these paths.
func scoped(scopes []string, p Permission, path string) Decision {
	if len(scopes) == 0 {
		return allow("the token has no scopes")
	}
	for _, s := range scopes {
		dom, rest, _ := strings.Cut(s, ":")
		action, paths, limited := strings.Cut(rest, ":")
		if dom != p.Domain && dom != "*" {
			continue
		}
		if action != p.Action && action != "*" && !(action == "write" && p.Action == "read") {
			continue
		}
		if !limited {
			return allow("scope " + s)
		}
		if path == "" {
			continue // a token limited to paths cannot do what concerns no single path
		}
		for _, pattern := range strings.Split(paths, ",") {
			if matches(pattern, path) {
				return allow("scope " + s)
			}
		}
	}
	return deny("the token's scopes do not include " + p.Domain + ":" + p.Action)
}

// matches compares a path with a pattern: equal, or below it when the pattern ends in "/*" or is "*".
func matches(pattern, path string) bool {
	if pattern == "*" || pattern == path {
		return true
	}
	prefix, ok := strings.CutSuffix(pattern, "*")
	return ok && strings.HasSuffix(prefix, "/") && strings.HasPrefix(path, prefix)
}

// actions are what a scope may name.
const actions = "read, write, run or *"

// CheckScopes says whether each scope is well formed: domain:action[:path,…]. The error is a plain sentence part, for a
// field of the caller.
func CheckScopes(scopes []string) error {
	if len(scopes) > 100 {
		return fmt.Errorf("has %d entries; at most 100 are allowed", len(scopes))
	}
	for _, s := range scopes {
		dom, rest, _ := strings.Cut(s, ":")
		action, paths, limited := strings.Cut(rest, ":")
		switch {
		case len(s) > 1000:
			return fmt.Errorf("has an entry of %d bytes; at most 1000 are allowed", len(s))
		case dom == "" || strings.ContainsAny(dom, " ,/"):
			return fmt.Errorf("has %q, which does not begin with a domain, as in jobs:run", s)
		case action != "read" && action != "write" && action != "run" && action != "*":
			return fmt.Errorf("has %q, whose action is not %s", s, actions)
		case limited && (paths == "" || strings.Contains(","+paths+",", ",,")):
			return fmt.Errorf("has %q, which limits to an empty path", s)
		}
	}
	return nil
}
