package domain

import (
	"regexp"
	"strings"

	"github.com/tidemill/tidemill/internal/errs"
)

// MaxPath is the longest path of an object, in bytes.
const MaxPath = 255

var (
	pathPart      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	workspaceName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$`)
	userName      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,49}$`)
)

// CheckPath says whether path can name an object: u/<user>/<name…> or f/<folder>/<name…>, each part of letters, digits,
// '_', '-' and '.', not starting with '-' or '.', at most MaxPath bytes. The error is Invalid on the field.
func CheckPath(field, path string) error {
	bad := func(format string, args ...any) error {
		return errs.New(errs.Invalid, "the path is not valid").WithField(field, format, args...).
			WithHint("use u/<your user name>/<name> or f/<folder>/<name>")
	}
	if path == "" {
		return bad("must not be empty")
	}
	if len(path) > MaxPath {
		return bad("is %d bytes long; at most %d are allowed", len(path), MaxPath)
	}
	parts := strings.Split(path, "/")
	if parts[0] != "u" && parts[0] != "f" {
		return bad("must begin with u/ or f/")
	}
	if len(parts) < 3 {
		return bad("needs three parts or more, like f/folder/name")
	}
	for _, p := range parts[1:] {
		if !pathPart.MatchString(p) || strings.HasSuffix(p, ".") {
			return bad("has a part %q that is not made of letters, digits, '_', '-' and '.'", p)
		}
	}
	return nil
}

// CheckWorkspaceID says whether id can name a workspace: 1 to 50 of a–z, 0–9 and inner '-'.
func CheckWorkspaceID(field, id string) error {
	if !workspaceName.MatchString(id) {
		return errs.New(errs.Invalid, "the workspace id is not valid").
			WithField(field, "must be 1 to 50 characters of a-z, 0-9 and '-', not starting or ending with '-'")
	}
	return nil
}

// CheckUsername says whether name can name a user in a workspace: a letter, then up to 49 letters, digits or '_'.
func CheckUsername(field, name string) error {
	if !userName.MatchString(name) {
		return errs.New(errs.Invalid, "the user name is not valid").
			WithField(field, "must start with a letter and have at most 50 letters, digits or '_'")
	}
	return nil
}
