package domain

import (
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/errs"
)

// Everybody is the group that every member of a workspace is in. It is never stored.
const Everybody = "all"

// Group is a set of members that grants can name.
type Group struct {
	Workspace string
	Name      string // see CheckName
	Summary   string
	Members   []string // user names, sorted
	Admins    []string // user names that may change the group, sorted; each is a member too
	CreatedBy string   // user name
	CreatedAt time.Time
}

// Folder is the <folder> of f/<folder>/…: what lies in it is open to those whom its grants name, and to nobody else but
// the administrators of the workspace.
type Folder struct {
	Workspace   string
	Name        string // see CheckName
	DisplayName string
	Summary     string
	CreatedBy   string // user name
	CreatedAt   time.Time
	Grants      []Grant // by principal
}

// Level is how much a grant gives. Each includes the ones before.
type Level int

// The levels of grants.
const (
	GrantNone  Level = iota
	GrantRead        // see the object and its runs
	GrantRun         // also run it, and cancel its runs
	GrantWrite       // also change, archive and add
	GrantOwn         // also grant
)

var levelNames = [...]string{"none", "read", "run", "write", "own"}

// String is the word for the level: none, read, run, write or own.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return levelNames[0]
	}
	return levelNames[l]
}

// ParseLevel is the inverse of String. ok is false for other words, and for none.
func ParseLevel(s string) (l Level, ok bool) {
	for i, name := range levelNames[1:] {
		if s == name {
			return Level(i + 1), true
		}
	}
	return GrantNone, false
}

// GrantKind is what a grant is on.
type GrantKind string

// The kinds of objects that grants are on.
const (
	GrantFolder GrantKind = "folder" // Object is the folder's name
	GrantScript GrantKind = "script" // Object is the path
)

// Grant gives a principal a level on an object.
type Grant struct {
	Kind      GrantKind
	Object    string
	Principal string // u/<user name> or g/<group>
	Level     Level
}

// Access is what decides about one path for one member: the grants on it and on its folder that name the member or a
// group of his. The zero value grants nothing.
type Access struct {
	Grants []Grant
	// Unclaimed is set for a path in a folder that does not exist: nothing is there, and whoever writes first owns it.
	Unclaimed bool
}

// FolderOf is the folder of f/<folder>/… and of f/<folder>; "" for other paths.
func FolderOf(path string) string {
	rest, ok := strings.CutPrefix(path, "f/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// CheckName says whether name can name a folder or a group: up to 100 letters, digits, '_', '-' and '.', not starting
// with '-' or '.' and not ending with '.'.
func CheckName(field, name string) error {
	if len(name) > 100 || !pathPart.MatchString(name) || strings.HasSuffix(name, ".") {
		return errs.New(errs.Invalid, "the name is not valid").
			WithField(field, "must be 1 to 100 letters, digits, '_', '-' or '.', not starting with '-' or '.' and not ending with '.'")
	}
	return nil
}

// CheckPrincipal says whether p has the form of a principal: u/<user name> or g/<group>.
func CheckPrincipal(field, p string) error {
	kind, name, _ := strings.Cut(p, "/")
	if kind == "u" && userName.MatchString(name) || kind == "g" && CheckName(field, name) == nil {
		return nil
	}
	return errs.New(errs.Invalid, "%.120q names neither a user nor a group", p).
		WithField(field, "must be u/<user name> or g/<group>")
}
