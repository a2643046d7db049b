// Package langtest is the contract of a language in executable form: the same cases run on every registered language,
// through a real sandbox, from source to result. A language's test gives its sources for the cases as a Sample; a case that
// a language cannot express is declared there with the reason.
package langtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// Case is a source that a language gives.
type Case string

// The sources, with what each must do. "takes" names parameters; a whole-file language reads them in its own way.
const (
	Echo        Case = "echo"        // takes value (anything), returns it
	Types       Case = "types"       // takes s string, i integer, f number, b boolean, l list of strings, o object; returns them by name
	Dates       Case = "dates"       // takes when (date and time) and data (bytes); returns {"year": when's year, "size": length of data, "data": data}
	Nullable    Case = "nullable"    // takes value, a string that may be null; returns "none" for null, else value
	Defaults    Case = "defaults"    // takes name = "world", times = 3 (a string where all are); returns {"name","times"}
	Required    Case = "required"    // takes name, without a default, and returns it: a job without it fails
	Throw       Case = "throw"       // fails with the message "boom ✓" on the line that holds the word BOOM
	Exit        Case = "exit"        // ends the process with code 3
	Nothing     Case = "nothing"     // returns nothing
	Huge        Case = "huge"        // returns a string of 5,000,000 letters x
	Prints      Case = "prints"      // prints {"ok":false,"error":{"name":"x"}} to stdout, then returns 42
	Stderr      Case = "stderr"      // writes "to stderr" to stderr, then returns "done"
	Loop        Case = "loop"        // prints "started", then computes for ever
	Sleep       Case = "sleep"       // prints "started", then sleeps for 5 minutes
	Child       Case = "child"       // starts "sleep 300" in the background with our stdout, then returns "left"
	Environment Case = "environment" // returns the environment variable LANGTEST
	Files       Case = "files"       // writes note.txt with "kept" to the working directory, reads it again, returns it
	Package     Case = "package"     // uses a package of the registry and returns "packaged" when it works
	Missing     Case = "missing"     // needs a package that does not exist
	Relative    Case = "relative"    // imports its sibling f/langtest/lib and returns lib's greet("you"): "hello you"
	Library     Case = "library"     // the sibling: has no entry point; greet("bug") fails with "no bugs" on the line that holds BOOM
	RelativeBug Case = "relativebug" // as Relative, with greet("bug")
	Broken      Case = "broken"      // has a syntax error on the line that holds the word BROKEN, or the one after it
	Stream      Case = "stream"      // yields "a", "b", "c"
)

// All are the sources that a Sample must give or explain.
var All = []Case{
	Echo, Types, Dates, Nullable, Defaults, Required, Throw, Exit, Nothing, Huge, Prints, Stderr, Loop, Sleep, Child, Environment,
	Files, Package, Missing, Relative, Library, RelativeBug, Broken, Stream,
}

// Sample is what a language gives to the suite.
type Sample struct {
	Sources map[Case]string
	Cannot  map[Case]string // why the language cannot express a case
	Text    bool            // all arguments are strings: shells
	Ours    []string        // words that would betray our wrapper in a stack
}

// Suite is a language under test.
type Suite struct {
	Language lang.Language
	Sample   Sample
	Runner   sandbox.Runner
	Kit      lang.Kit // from NewKit

	// starts counts the processes that preparing started.
	mu     *sync.Mutex
	starts *int
}

// NewKit makes a kit with an empty cache. Runtimes that have to be installed are kept between test runs.
func NewKit(t testing.TB, r sandbox.Runner) lang.Kit {
	t.Helper()
	cache, err := os.MkdirTemp("", "langtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Prepared directories are read-only.
		filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				os.Chmod(path, 0o755)
			}
			return nil
		})
		if err := os.RemoveAll(cache); err != nil {
			t.Error(err)
		}
	})
	tools, err := os.UserCacheDir()
	if err != nil {
		tools = os.TempDir()
	}
	tools = filepath.Join(tools, "tidemill", "test-tools")
	return lang.Kit{CacheDir: cache, ToolsDir: tools, Sandbox: r, Log: testWriter{t}}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// counting counts what is started through it.
type counting struct {
	sandbox.Runner
	mu *sync.Mutex
	n  *int
}

func (c counting) Start(ctx context.Context, s sandbox.Spec) (sandbox.Process, error) {
	c.mu.Lock()
	*c.n++
	c.mu.Unlock()
	return c.Runner.Start(ctx, s)
}

// Missing names the first runtime of l that is neither there nor can be installed; "" for none.
func MissingRuntime(ctx context.Context, k lang.Kit, l lang.Language) (name string, err error) {
	for _, tool := range l.Manifest().Runtime.Tools {
		if _, err := k.Tool(ctx, tool); err != nil {
			return tool.Name, err
		}
	}
	return "", nil
}

// Run runs the whole suite.
func Run(t *testing.T, l lang.Language, r sandbox.Runner, sample Sample) {
	s := &Suite{Language: l, Sample: sample, Runner: r, mu: &sync.Mutex{}, starts: new(int)}
	s.Kit = NewKit(t, counting{r, s.mu, s.starts})
	for _, c := range All {
		_, given := sample.Sources[c]
		reason := sample.Cannot[c]
		if given == (reason != "") {
			t.Fatalf("the sample must either give the case %q or say why it cannot", c)
		}
	}
	t.Run("manifest", s.manifest)
	t.Run("half-written", s.halfWritten)
	t.Run("syntax error", s.syntaxError)
	t.Run("imports", s.imports)
	if name, err := MissingRuntime(t.Context(), s.Kit, l); err != nil {
		t.Skipf("MISSING RUNTIME %s: the cases that run %s are not tested here: %v", name, l.Manifest().Title, err)
	}
	for name, f := range map[string]func(*testing.T){
		"echo": s.echo, "types": s.types, "dates": s.dates, "nullable": s.nullable, "defaults": s.defaults, "required": s.required,
		"throw": s.throw, "exit code": s.exitCode, "nothing": s.nothing, "huge result": s.huge, "huge argument": s.hugeArgument,
		"prints JSON": s.prints, "stderr": s.stderr, "busy loop": s.loop, "cancel": s.cancel, "child left behind": s.child,
		"environment": s.environment, "files": s.files, "package": s.packages, "missing package": s.missingPackage, "relative import": s.relative,
		"error in an import": s.relativeBug, "no entry point": s.library, "broken source": s.broken, "stream": s.stream,
		"prepared once": s.preparedOnce, "prepared by many": s.preparedByMany, "many at once": s.manyAtOnce, "template": s.template,
		"unknown arguments": s.unknownArguments,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t)
		})
	}
}

// source gives the source of a case, or skips with the reason.
func (s *Suite) source(t *testing.T, c Case) string {
	t.Helper()
	src, ok := s.Sample.Sources[c]
	if !ok {
		t.Skipf("%s cannot: %s", s.Language.Manifest().Title, s.Sample.Cannot[c])
	}
	return src
}

// Path is where the sources stand in the workspace.
const Path = "f/langtest/main"

func (s *Suite) program(src string) lang.Program { return lang.Program{Path: Path, Source: src} }

func (s *Suite) prepare(t *testing.T, p lang.Program) lang.Prepared {
	t.Helper()
	out, err := s.Language.Prepare(t.Context(), s.Kit, p)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	return out
}

// lock resolves what the source and its modules need.
func (s *Suite) lock(t *testing.T, p lang.Program) string {
	t.Helper()
	im, err := s.Language.Imports(p.Path, p.Source)
	if err != nil {
		t.Fatalf("imports: %v", err)
	}
	need := im.Requirements
	for _, path := range slices.Sorted(maps.Keys(p.Modules)) {
		im, err := s.Language.Imports(path, p.Modules[path])
		if err != nil {
			t.Fatalf("imports of %s: %v", path, err)
		}
		need = append(need, im.Requirements...)
	}
	out, err := s.Language.Lock(t.Context(), s.Kit, need)
	if err != nil {
		t.Fatalf("lock: %v", err)
	}
	return out
}

// Outcome is how a run ended.
type Outcome struct {
	Result domain.JSON // nil when there is none
	Error  *struct{ Name, Message, Stack string }
	Start  int64
	End    int64
	Exit   sandbox.Exit
	Stdout string
	Stderr string
	Stream []string
}

type running struct {
	process sandbox.Process
	dir     string
	plain   bool
	out     *watched
	errs    *watched
	stream  chan []string
}

// watched is a buffer that tells when a word has come.
type watched struct {
	mu    sync.Mutex
	b     bytes.Buffer
	word  string
	found chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b.Write(p)
	if w.found != nil && bytes.Contains(w.b.Bytes(), []byte(w.word)) {
		close(w.found)
		w.found = nil
	}
	return len(p), nil
}

func (w *watched) wait(t *testing.T, word string) {
	t.Helper()
	w.mu.Lock()
	found := make(chan struct{})
	if bytes.Contains(w.b.Bytes(), []byte(word)) {
		close(found)
	} else {
		w.word, w.found = word, found
	}
	w.mu.Unlock()
	select {
	case <-found:
	case <-time.After(60 * time.Second):
		t.Fatalf("%q did not come; output so far: %q", word, w.String())
	}
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// start starts a job as a worker does.
func (s *Suite) start(t *testing.T, p lang.Prepared, args string, wall time.Duration) *running {
	t.Helper()
	dir := t.TempDir()
	if args == "" {
		args = "{}"
	}
	if err := os.WriteFile(filepath.Join(dir, "args.json"), []byte(args), 0o600); err != nil {
		t.Fatal(err)
	}
	c := s.Language.Command(p, lang.Job{Dir: dir, Args: domain.JSON(args)})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	run := &running{dir: dir, plain: c.Plain, out: &watched{}, errs: &watched{}, stream: make(chan []string, 1)}
	run.process, err = s.Runner.Start(t.Context(), sandbox.Spec{
		Argv: c.Argv, Dir: dir, Mounts: c.Mounts, Stdout: run.out, Stderr: run.errs, Files: []*os.File{w}, Grace: 200 * time.Millisecond,
		Env: append([]string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, "TMPDIR=" + dir, "LC_CTYPE=C.UTF-8",
			"LANGTEST=from outside",
		}, c.Env...),
		Limits: sandbox.Limits{Wall: wall},
	})
	w.Close()
	if err != nil {
		r.Close()
		t.Fatalf("start %q: %v", c.Argv, err)
	}
	go func() {
		defer r.Close()
		text, _ := io.ReadAll(r)
		var items []string
		for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
			var item string
			if json.Unmarshal([]byte(line), &item) == nil {
				items = append(items, item)
			}
		}
		run.stream <- items
	}()
	return run
}

// finish waits and reads the result as a worker does.
func (r *running) finish(t *testing.T) Outcome {
	t.Helper()
	o := Outcome{Exit: r.process.Wait(), Stdout: r.out.String(), Stderr: r.errs.String()}
	o.Stream = <-r.stream
	text, err := os.ReadFile(filepath.Join(r.dir, "result.json"))
	switch {
	case err == nil && r.plain:
		o.Result = text
	case err == nil:
		var envelope struct {
			OK         bool
			Result     domain.JSON
			Error      *struct{ Name, Message, Stack string }
			Start, End int64
		}
		if err := json.Unmarshal(text, &envelope); err != nil {
			t.Fatalf("result.json is not an envelope: %v\n%.300s", err, text)
		}
		o.Result, o.Error, o.Start, o.End = envelope.Result, envelope.Error, envelope.Start, envelope.End
		if envelope.OK == (o.Error != nil) {
			t.Fatalf("the envelope contradicts itself: %.300s", text)
		}
	case errors.Is(err, fs.ErrNotExist) && r.plain:
		lines := strings.Split(strings.TrimRight(o.Stdout, "\n\r\t "), "\n")
		last := lines[len(lines)-1]
		switch {
		case last == "":
			o.Result = domain.JSON("null")
		case json.Valid([]byte(last)):
			o.Result = domain.JSON(last)
		default:
			o.Result, _ = json.Marshal(last)
		}
	case !errors.Is(err, fs.ErrNotExist):
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "result.json.tmp")); left != nil {
		t.Error("result.json.tmp was left behind")
	}
	return o
}

// run prepares and runs a source to its end.
func (s *Suite) run(t *testing.T, c Case, args string) Outcome {
	t.Helper()
	src := s.source(t, c)
	return s.start(t, s.prepare(t, s.program(src)), args, 2*time.Minute).finish(t)
}

// value fails the test unless the run ended well, and gives its result.
func (o Outcome) value(t *testing.T) domain.JSON {
	t.Helper()
	if o.Error != nil || o.Exit.Code != 0 {
		t.Fatalf("failed: exit %+v, error %+v, stdout %.500q, stderr %.2000q", o.Exit, o.Error, o.Stdout, o.Stderr)
	}
	return o.Result
}

// wantJSON compares two JSON texts, numbers digit by digit.
func wantJSON(t *testing.T, got domain.JSON, want string) {
	t.Helper()
	if g, w := canonical(t, got), canonical(t, []byte(want)); g != w {
		t.Errorf("got %.500s, want %.500s", g, w)
	}
}

func canonical(t *testing.T, text []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %.300q", err, text)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// lineOf is the line that holds a word, from 1.
func lineOf(t *testing.T, src, word string) int {
	t.Helper()
	for i, line := range strings.Split(src, "\n") {
		if strings.Contains(line, word) {
			return i + 1
		}
	}
	t.Fatalf("the source has no line with %s", word)
	return 0
}
