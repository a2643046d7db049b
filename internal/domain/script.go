package domain

import (
	"time"

	"github.com/tidemill/tidemill/internal/errs"
)

// Limits of a script. They bound what one row can cost; raise them here, not at the callers.
const (
	MaxScriptContent = 4 << 20 // bytes
	MaxSummary       = 1000    // bytes
	MaxDescription   = 100_000 // bytes
)

// ScriptKind is what a script is for.
type ScriptKind string

// The kinds, spelled as Windmill's API does.
const (
	KindScript       ScriptKind = "script"
	KindFailure      ScriptKind = "failure"
	KindTrigger      ScriptKind = "trigger"
	KindCommand      ScriptKind = "command"
	KindApproval     ScriptKind = "approval"
	KindPreprocessor ScriptKind = "preprocessor"
)

// Script is one immutable version of a script. Versions of a path form a chain by ParentHashes; the newest that is
// neither archived nor deleted is what the path means.
type Script struct {
	Workspace    string
	Hash         string // 16 hex digits, from content, path, language, schema, settings and parent: see package deploy
	Path         string
	ParentHashes []string // direct parent first
	Summary      string
	Description  string
	Content      string
	Language     Language
	Kind         ScriptKind
	Schema       JSON // JSON Schema 2020-12 of the arguments, with "order"
	NoMain       bool // a library: has no entry point and cannot run
	Settings     ScriptSettings

	Lock      *string // nil: being resolved; "": needs nothing
	LockError string  // why resolving failed; then Lock stays nil and runs are refused with it

	Message   string // deployment message
	CreatedBy string // e-mail
	CreatedAt time.Time
	Archived  bool
	Deleted   bool // content is gone, the row stays so that runs can name it
}

// ScriptSettings are the fields of Windmill 1.4 that ride with a version. Zero values are unset.
type ScriptSettings struct {
	Tag      string   `json:"tag,omitempty"`
	Timeout  int      `json:"timeout,omitempty"`  // seconds
	Priority int      `json:"priority,omitempty"` // 1 to 100
	Envs     []string `json:"envs,omitempty"`     // KEY=VALUE
	Labels   []string `json:"labels,omitempty"`
	Template bool     `json:"is_template,omitempty"`
	// Rest keeps the fields that a later version acts on, verbatim, so that an export comes back unchanged.
	Rest map[string]JSON `json:"rest,omitempty"`
}

// Check validates what can be judged from the row alone. The error is Invalid and names each wrong field.
func (s *Script) Check() error {
	if err := CheckPath("path", s.Path); err != nil {
		return err
	}
	e := errs.New(errs.Invalid, "the script is not valid")
	if s.Language == "" {
		e.WithField("language", "must name a language")
	}
	if len(s.Content) > MaxScriptContent {
		e.WithField("content", "is %d bytes; at most %d are allowed", len(s.Content), MaxScriptContent)
	}
	if len(s.Summary) > MaxSummary {
		e.WithField("summary", "is %d bytes; at most %d are allowed", len(s.Summary), MaxSummary)
	}
	if len(s.Description) > MaxDescription {
		e.WithField("description", "is %d bytes; at most %d are allowed", len(s.Description), MaxDescription)
	}
	switch s.Kind {
	case KindScript, KindFailure, KindTrigger, KindCommand, KindApproval, KindPreprocessor:
	default:
		e.WithField("kind", "%q is none of script, failure, trigger, command, approval, preprocessor", s.Kind)
	}
	if s.Settings.Timeout < 0 {
		e.WithField("timeout", "must be 0 (none) or a number of seconds")
	}
	if p := s.Settings.Priority; p < 0 || p > 100 {
		e.WithField("priority", "must be between 1 and 100")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// Draft is a user's unsaved work on an object; one per user, kind and path.
type Draft struct {
	Workspace string
	Email     string
	Kind      string // "script"; flows and apps follow
	Path      string
	Value     JSON
	UpdatedAt time.Time
}
