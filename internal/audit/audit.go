// Package audit records who did what: changes, sign-ins, refused access. The line is written in the transaction of the
// change itself, so there is no change without its line and no line without its change. Lines hold names, settings and
// hashes, never secrets and never the text of scripts.
//
// The lines of a workspace are a chain of hashes (domain.AuditEvent): Verify finds the first one that was changed, removed
// or put in. Whoever can write to the database could compute a whole new chain; what an auditor exported before tells.
package audit

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

// The actions. Where Windmill has the operation, the name is its.
const (
	ScriptCreate  = "scripts.create"
	ScriptUpdate  = "scripts.update"
	ScriptArchive = "scripts.archive"
	ScriptDelete  = "scripts.delete"

	JobCancel = "jobs.cancel"

	SignIn        = "users.login"
	SignInFailed  = "users.login_failure"
	SignOut       = "users.logout"
	PasswordSet   = "users.setpassword"
	TokenCreate   = "users.token.create"
	TokenDelete   = "users.token.delete"
	InviteCreate  = "users.invite"
	InviteAccept  = "users.accept_invite"
	UserCreate    = "users.create"
	UserUpdate    = "users.update"
	WorkspaceMake = "workspaces.create"

	GroupCreate     = "group.create"
	GroupUpdate     = "group.edit"
	GroupDelete     = "group.delete"
	GroupAddUser    = "group.adduser"
	GroupRemoveUser = "group.removeuser"

	FolderCreate      = "folder.create"
	FolderUpdate      = "folder.update"
	FolderDelete      = "folder.delete"
	FolderAddOwner    = "folder.add_owner"
	FolderRemoveOwner = "folder.remove_owner"

	GrantAdd    = "acls.add"
	GrantRemove = "acls.remove"

	AccessRefused = "access.refused"
)

// Origin is where a request came from.
type Origin struct {
	Address   string // of the caller; "host" for a command on the server's own host
	RequestID string
}

type originKey struct{}

// WithOrigin gives ctx the origin that Record notes.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// Entry is what is recorded, besides who and from where.
type Entry struct {
	Workspace string // whose log; empty: the instance's
	Action    string
	Kind      domain.AuditKind
	Resource  string // a path, an address, an id
	Changes   []Change
}

// Change is a setting before and after, as JSON; absent where there was or is none.
type Change struct {
	Field  string      `json:"field"`
	Before domain.JSON `json:"before,omitempty"`
	After  domain.JSON `json:"after,omitempty"`
}

// How much of a value is kept: a line tells what changed, it is no second place for the data.
const (
	maxValue    = 1000 // bytes of JSON
	maxChanges  = 100
	maxResource = 500
)

// Record writes the entry inside the caller's transaction, as the last thing in it; its error is the action's.
func Record(ctx context.Context, tx store.Audit, who domain.Identity, e Entry) error {
	origin, _ := ctx.Value(originKey{}).(Origin)
	event := domain.AuditEvent{
		Workspace: e.Workspace, Email: clean(who.Email, 254), TokenID: who.TokenID, JobID: who.JobID,
		Action: e.Action, Kind: e.Kind, Resource: clean(e.Resource, maxResource), Address: clean(origin.Address, 100), RequestID: clean(origin.RequestID, 100),
	}
	if e.Workspace != "" && who.Workspace == e.Workspace {
		event.Username = who.Username
	}
	if len(e.Changes) > 0 {
		text, err := json.Marshal(e.Changes[:min(len(e.Changes), maxChanges)])
		if err != nil {
			return errs.Wrap(errs.Internal, err, "an audit line cannot be written")
		}
		event.Changes = text
	}
	_, err := tx.AuditAppend(ctx, event)
	return err
}

// clean makes a text that every database holds, of at most most bytes.
func clean(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") // without half a character at the end
	}
	return s
}

// Diff lists the fields whose values differ, by name. A nil map is "did not exist"; zero values count as absent.
func Diff(before, after map[string]any) []Change {
	var names []string
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []Change
	for _, name := range names {
		b, a := value(before[name]), value(after[name])
		if string(b) != string(a) {
			out = append(out, Change{Field: name, Before: b, After: a})
		}
	}
	return out
}

func value(v any) domain.JSON {
	if v == nil {
		return nil
	}
	if r := reflect.ValueOf(v); r.IsZero() || (r.Kind() == reflect.Slice || r.Kind() == reflect.Map) && r.Len() == 0 {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil || len(text) > maxValue {
		text, _ = json.Marshal(Digest(string(text))) // a text always marshals
	}
	text = []byte(strings.ReplaceAll(string(text), `\u0000`, `\ufffd`))
	return text
}

// Digest stands for a value that is not to be shown: "sha256:…", or "" for none.
func Digest(text string) string {
	if text == "" {
		return ""
	}
	return "sha256:" + id.Digest(text)
}

// Script is what the audit log tells of a version. Variables of the environment are told by name alone, since their values
// may be secrets, and what a later version of Tidemill acts on likewise.
func Script(s domain.Script) map[string]any {
	var envs, rest []string
	for _, kv := range s.Settings.Envs {
		name, _, _ := strings.Cut(kv, "=")
		envs = append(envs, name)
	}
	for name := range s.Settings.Rest {
		rest = append(rest, name)
	}
	slices.Sort(rest)
	out := map[string]any{
		"hash": s.Hash, "summary": s.Summary, "language": string(s.Language), "kind": string(s.Kind),
		"content": Digest(s.Content), "description": Digest(s.Description), "schema": Digest(string(s.Schema)), "message": s.Message,
		"tag": s.Settings.Tag, "timeout": s.Settings.Timeout, "priority": s.Settings.Priority, "labels": s.Settings.Labels,
		"is_template": s.Settings.Template, "envs": envs, "other_settings": rest,
	}
	if s.Lock != nil {
		out["lock"] = Digest(*s.Lock)
	}
	return out
}
