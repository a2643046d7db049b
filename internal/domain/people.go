package domain

import "time"

// Workspace is a tenant: everything but people and instance settings belongs to exactly one.
type Workspace struct {
	ID        string // as in URLs, see CheckWorkspaceID
	Name      string
	CreatedBy string // e-mail
	CreatedAt time.Time
	Archived  bool
}

// User is a person (or service account) of the instance, known by e-mail.
type User struct {
	Email        string // lower case
	Name         string
	PasswordHash string // argon2id in PHC text form; empty: cannot sign in by password
	Superadmin   bool
	Disabled     bool
	CreatedAt    time.Time
	LastSeenAt   time.Time // zero: never; kept to the minute
}

// Role is what a member may do in a workspace. Operators run and look, developers also write, admins also manage.
type Role string

// The roles, weakest first.
const (
	RoleOperator  Role = "operator"
	RoleDeveloper Role = "developer"
	RoleAdmin     Role = "admin"
)

// Member is a user in a workspace.
type Member struct {
	Workspace string
	Email     string
	Username  string // unique in the workspace; the <user> of u/<user>/…
	Role      Role
	Disabled  bool
	CreatedAt time.Time
}

// Token lets a program or a browser act for a user. Only a digest of the secret is stored.
type Token struct {
	ID         string // UUIDv7
	Digest     string // id.Digest(secret)
	Prefix     string // first 10 characters, to recognise it in a list
	Kind       TokenKind
	Email      string // whom it acts for
	Label      string
	Workspace  string    // empty: all workspaces of the user
	Scopes     []string  // empty: all; otherwise domain:action[:paths] as in Windmill 8.4
	ExpiresAt  time.Time // zero: never
	CreatedAt  time.Time
	LastUsedAt time.Time // kept to the minute
}

// TokenKind tells a browser session from a personal token.
type TokenKind string

// The kinds of tokens that are stored. A job's token is signed, not stored: see package account.
const (
	TokenSession  TokenKind = "session"
	TokenPersonal TokenKind = "personal"
)

// Invite is a one-time link that lets its holder set a password for a new or existing user and sign in.
type Invite struct {
	Digest     string // id.Digest(secret)
	Email      string // empty: the holder chooses (only the first-administrator link)
	Superadmin bool
	Workspace  string // member of this workspace afterwards; empty: none
	Role       Role
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// Identity is who is asking: the answer of authentication and the input of every permission decision.
type Identity struct {
	Email      string
	Superadmin bool
	TokenID    string
	Scopes     []string // of the token; empty: all
	JobID      string   // set when a job's token is asking

	// In the workspace that the request names; empty when it names none or the user is no member of it.
	Workspace string
	Username  string
	Role      Role
}

// Admin reports whether the identity manages its workspace.
func (i Identity) Admin() bool { return i.Workspace != "" && (i.Superadmin || i.Role == RoleAdmin) }

// PermissionedAs is the identity's name in job rows: u/<username>.
func (i Identity) PermissionedAs() string { return "u/" + i.Username }
