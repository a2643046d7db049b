// Package perm decides who may do what. It is pure: an identity, a permission and an object in, a decision with its reason
// out. Every API operation names one Permission; the store filters lists by the same rules through a Viewer.
package perm

import (
	"fmt"
	"strings"

	"github.com/tidemill/tidemill/internal/domain"
)

// Permission is what an operation needs. The zero value is not a permission: an operation must name one.
type Permission struct {
	Level  Level
	Domain string // of token scopes, as in Windmill 8.4: "scripts", "jobs"
	Action string // "read", "write" or "run"
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
	ScriptsRead     = Permission{Level: Member, Domain: "scripts", Action: "read"}
	ScriptsWrite    = Permission{Level: Developer, Domain: "scripts", Action: "write"}
	DraftsRead      = Permission{Level: Member, Domain: "drafts", Action: "read"}
	DraftsWrite     = Permission{Level: Developer, Domain: "drafts", Action: "write"}
	JobsRead        = Permission{Level: Member, Domain: "jobs", Action: "read"}
	JobsRun         = Permission{Level: Member, Domain: "jobs", Action: "run"}
	JobsPreview     = Permission{Level: Developer, Domain: "jobs", Action: "run"}
	JobsWrite       = Permission{Level: Member, Domain: "jobs", Action: "write"}
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
// operation is about no single object).
func Decide(who domain.Identity, p Permission, path string) Decision {
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
	return object(who, p, path)
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

// object applies the rules of paths: u/<user>/… is private to the user and the admins, f/… is the workspace's.
func object(who domain.Identity, p Permission, path string) Decision {
	if who.Admin() {
		return allow("administrator of the workspace")
	}
	if strings.HasPrefix(path, "u/") {
		owner, _, _ := strings.Cut(path[2:], "/")
		if owner == who.Username && owner != "" {
			return allow("owner of " + path)
		}
		return Decision{Reason: "u/" + owner + " belongs to somebody else", Hide: true}
	}
	if strings.HasPrefix(path, "f/") {
		return allow("folders are open to the members of the workspace")
	}
	return Decision{Reason: "the path names no object", Hide: true}
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
