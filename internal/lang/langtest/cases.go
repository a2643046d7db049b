package langtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

func (s *Suite) manifest(t *testing.T) {
	m := s.Language.Manifest()
	if m.ID == "" || m.Title == "" || m.Icon == "" || len(m.Suffixes) == 0 || m.Comment == "" || m.Editor == "" || m.Doc == "" {
		t.Errorf("the manifest is not complete: %+v", m)
	}
	if len(m.Runtime.Tools) == 0 || len(m.Runtime.Version) == 0 {
		t.Error("the manifest does not say what runs the language")
	}
	for _, tool := range m.Runtime.Tools {
		if tool.Hint == "" {
			t.Errorf("the tool %s has no hint for the person who has to install it", tool.Name)
		}
	}
	if m.Templates["script"] == "" {
		t.Fatal("there is no template to start from")
	}
	for kind, src := range m.Templates {
		if _, err := s.Language.Signature(src); err != nil {
			t.Errorf("the template of kind %s does not parse: %v", kind, err)
		}
	}
}

func (s *Suite) template(t *testing.T) {
	src := s.Language.Manifest().Templates["script"]
	p := s.program(src)
	p.Lock = s.lock(t, p)
	sig, err := s.Language.Signature(src)
	if err != nil {
		t.Fatal(err)
	}
	args := map[string]json.RawMessage{}
	for _, param := range sig.Params {
		if param.Default != nil {
			args[param.Name] = param.Default
		} else if !param.HasDefault && !param.Optional {
			t.Errorf("a newcomer cannot run the template at once: it requires %s", param.Name)
		}
	}
	text, _ := json.Marshal(args)
	s.start(t, s.prepare(t, p), string(text), time.Minute).finish(t).value(t)
}

// Typing runs through every prefix of a source: none may panic, and what stands before the break is still seen.
func (s *Suite) halfWritten(t *testing.T) {
	for _, c := range []Case{Types, Defaults, Relative, Broken} {
		src := s.Sample.Sources[c]
		for i := range len(src) + 1 {
			s.Language.Signature(src[:i])
			s.Language.Imports(Path, src[:i])
		}
	}
	src := s.Sample.Sources[Types]
	whole, err := s.Language.Signature(src)
	if err != nil || len(whole.Params) < 3 {
		t.Fatalf("got %+v, %v; want the parameters of the case %s", whole, err, Types)
	}
	// Broken off behind the third parameter, two at least are known.
	at := regexp.MustCompile(`\b` + regexp.QuoteMeta(whole.Params[2].Name) + `\b`).FindStringIndex(src)
	if half, _ := s.Language.Signature(src[:at[1]]); len(half.Params) < 2 {
		t.Errorf("half-written parameters are lost: %+v from %q", half.Params, src[:at[1]])
	}
}

func (s *Suite) syntaxError(t *testing.T) {
	src := s.source(t, Broken)
	want := lineOf(t, src, "BROKEN")
	_, err := s.Language.Signature(src)
	var e *lang.SyntaxError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *lang.SyntaxError", err)
	}
	if e.Line != want && e.Line != want+1 || e.Column < 1 || e.Message == "" {
		t.Errorf("got %v, want line %d", e, want)
	}
}

func (s *Suite) imports(t *testing.T) {
	src := s.source(t, Relative)
	im, err := s.Language.Imports(Path, src)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"f/langtest/lib"}; !slices.Equal(im.Scripts, want) || len(im.Requirements) > 0 {
		t.Errorf("got %+v, want the script %v and no package", im, want)
	}
	for _, c := range []Case{Echo, Types} {
		im, err := s.Language.Imports(Path, s.Sample.Sources[c])
		if err != nil || len(im.Requirements)+len(im.Scripts) > 0 {
			t.Errorf("%s: got %+v, %v; want nothing", c, im, err)
		}
	}
	if lock, err := s.Language.Lock(t.Context(), s.Kit, nil); err != nil || lock != "" {
		t.Errorf("no requirements lock to %q, %v; want an empty lock", lock, err)
	}
}

func (s *Suite) echo(t *testing.T) {
	p := s.prepare(t, s.program(s.source(t, Echo)))
	values := []string{
		`"text"`, `""`, `"ünïcödé ✓ 日本語 🌊"`, `"line\nbreak\ttab \"quoted\" \\ back"`, `"{\"looks\":\"like JSON\"}"`,
	}
	if !s.Sample.Text {
		values = append(values, `null`, `true`, `false`, `0`, `-7`, `1.5`, `9007199254740993`, `[]`, `{}`, `[1,[2,[3,[]]]]`,
			`{"a":{"b":[1,"two",null,true]},"ключ":"значение"}`, `"\u0000 and \u001f"`)
	} else {
		values = append(values, `true`, `12`, `9007199254740993`, `{"a":[1,2]}`)
	}
	for _, v := range values {
		o := s.start(t, p, `{"value":`+v+`}`, time.Minute).finish(t)
		got := o.value(t)
		if s.Sample.Text && v == `"{\"looks\":\"like JSON\"}"` {
			v = `{"looks":"like JSON"}` // a shell's last line is JSON when it can be
		}
		if s.Sample.Text && v == `"line\nbreak\ttab \"quoted\" \\ back"` {
			v = `"break\ttab \"quoted\" \\ back"`
		}
		if s.Sample.Text && v == `""` {
			v = `null`
		}
		switch v {
		case `9007199254740993`: // beyond what a double can hold: the number itself, or its digits as text
			if text := strings.Trim(string(got), `"`); text != v {
				t.Errorf("a big integer came back as %s", got)
			}
		default:
			wantJSON(t, got, v)
		}
		if !p.Signature.Streams && o.Start == 0 && !s.plain(p) {
			t.Error("the envelope has no time stamps")
		}
	}
}

func (s *Suite) plain(p lang.Prepared) bool {
	return s.Language.Command(p, lang.Job{Dir: s.Kit.CacheDir, Args: domain.JSON("{}")}).Plain
}

const typesArgs = `{"s":"x","i":12,"f":1.25,"b":true,"l":["p","q"],"o":{"k":[1]}}`

func (s *Suite) types(t *testing.T) {
	src := s.source(t, Types)
	sig, err := s.Language.Signature(src)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"s": "string", "i": "integer", "f": "number", "b": "boolean", "l": "array", "o": "object"}
	for _, p := range sig.Params {
		kind, ok := want[p.Name]
		if s.Sample.Text {
			kind = "string"
		}
		if !ok || p.Schema.Type != kind && !(kind == "integer" && p.Schema.Type == "number") {
			t.Errorf("parameter %s is %q, want %q", p.Name, p.Schema.Type, kind)
		}
	}
	if len(sig.Params) != len(want) {
		t.Errorf("%d parameters, want %d", len(sig.Params), len(want))
	}
	wantJSON(t, s.run(t, Types, typesArgs).value(t), typesArgs)
}

func (s *Suite) dates(t *testing.T) {
	got := s.run(t, Dates, `{"when":"2026-03-04T05:06:07.089Z","data":"AAEC/w=="}`).value(t)
	wantJSON(t, got, `{"year":2026,"size":4,"data":"AAEC/w=="}`)
}

func (s *Suite) nullable(t *testing.T) {
	wantJSON(t, s.run(t, Nullable, `{"value":null}`).value(t), `"none"`)
	wantJSON(t, s.run(t, Nullable, `{"value":"x"}`).value(t), `"x"`)
}

func (s *Suite) defaults(t *testing.T) {
	src := s.source(t, Defaults)
	sig, err := s.Language.Signature(src)
	if err != nil {
		t.Fatal(err)
	}
	three := "3"
	if s.Sample.Text {
		three = `"3"`
	}
	for _, p := range sig.Params {
		if !p.HasDefault || p.Name == "name" && string(p.Default) != `"world"` || p.Name == "times" && string(p.Default) != three {
			t.Errorf("parameter %s has the default %s", p.Name, p.Default)
		}
	}
	prepared := s.prepare(t, s.program(src))
	for args, want := range map[string]string{
		`{}`:             `{"name":"world","times":` + three + `}`,
		`{"name":"you"}`: `{"name":"you","times":` + three + `}`,
		`{"times":` + strings.Replace(three, "3", "5", 1) + `}`: `{"name":"world","times":` + strings.Replace(three, "3", "5", 1) + `}`,
	} {
		wantJSON(t, s.start(t, prepared, args, time.Minute).finish(t).value(t), want)
	}
}

func (s *Suite) required(t *testing.T) {
	src := s.source(t, Required)
	sig, err := s.Language.Signature(src)
	if err != nil {
		t.Fatal(err)
	}
	if len(sig.Params) != 1 || sig.Params[0].HasDefault || !strings.Contains(string(sig.Document()), `"required":["name"]`) {
		t.Errorf("name is not required: %s", sig.Document())
	}
	wantJSON(t, s.run(t, Required, `{"name":"x"}`).value(t), `"x"`)
}

func (s *Suite) throw(t *testing.T) {
	src := s.source(t, Throw)
	o := s.run(t, Throw, "")
	if o.Error == nil {
		t.Fatalf("no error: %+v", o)
	}
	if o.Error.Message != "boom ✓" || o.Error.Name == "" {
		t.Errorf("got %q: %q, want boom ✓", o.Error.Name, o.Error.Message)
	}
	if o.Exit.Code == 0 {
		t.Error("the exit code of a failure is 0")
	}
	s.stack(t, o.Error.Stack, Path, lineOf(t, src, "BOOM"))
}

// stack checks that a stack names the user's own file and line, and nothing of ours.
func (s *Suite) stack(t *testing.T, stack, path string, line int) {
	t.Helper()
	name := regexp.QuoteMeta(path+s.Language.Manifest().Suffixes[0]) + `\D{1,10}` + strconv.Itoa(line) + `\b`
	if !regexp.MustCompile(name).MatchString(stack) {
		t.Errorf("the stack does not name %s line %d:\n%s", path, line, stack)
	}
	for _, word := range append(s.Sample.Ours, s.Kit.CacheDir) {
		if strings.Contains(stack, word) {
			t.Errorf("the stack shows %q, which is ours:\n%s", word, stack)
		}
	}
}

func (s *Suite) exitCode(t *testing.T) {
	o := s.run(t, Exit, "")
	if o.Exit.Code != 3 || o.Error != nil {
		t.Errorf("got %+v, want exit code 3 without an envelope", o)
	}
}

func (s *Suite) nothing(t *testing.T) { wantJSON(t, s.run(t, Nothing, "").value(t), "null") }

func (s *Suite) huge(t *testing.T) {
	var text string
	if err := json.Unmarshal(s.run(t, Huge, "").value(t), &text); err != nil {
		t.Fatal(err)
	}
	if len(text) != 5_000_000 || strings.Trim(text, "x") != "" {
		t.Errorf("%d bytes came back, want 5,000,000 letters x", len(text))
	}
}

func (s *Suite) hugeArgument(t *testing.T) {
	text := strings.Repeat("ä", 512<<10) // 1 MB
	var got string
	if err := json.Unmarshal(s.run(t, Echo, `{"value":"`+text+`"}`).value(t), &got); err != nil {
		t.Fatal(err)
	}
	if got != text {
		t.Errorf("%d bytes came back, want %d", len(got), len(text))
	}
}

func (s *Suite) prints(t *testing.T) {
	o := s.run(t, Prints, "")
	wantJSON(t, o.value(t), "42")
	if !strings.Contains(o.Stdout, `{"ok":false,"error":{"name":"x"}}`) {
		t.Errorf("the log is %q", o.Stdout)
	}
}

func (s *Suite) stderr(t *testing.T) {
	o := s.run(t, Stderr, "")
	wantJSON(t, o.value(t), `"done"`)
	if !strings.Contains(o.Stderr, "to stderr") || strings.Contains(o.Stdout, "to stderr") {
		t.Errorf("stdout %q, stderr %q", o.Stdout, o.Stderr)
	}
}

func (s *Suite) loop(t *testing.T) {
	r := s.start(t, s.prepare(t, s.program(s.source(t, Loop))), "", 3*time.Second)
	o := r.finish(t)
	if o.Exit.Killed != sandbox.KillTimeout || !strings.Contains(o.Stdout, "started") {
		t.Errorf("got %+v %q, want a timeout", o.Exit, o.Stdout)
	}
}

// The log is live: "started" is seen while the script sleeps. The kill ends the sleep at once.
func (s *Suite) cancel(t *testing.T) {
	r := s.start(t, s.prepare(t, s.program(s.source(t, Sleep))), "", 4*time.Minute)
	r.out.wait(t, "started")
	r.process.Kill(sandbox.KillCanceled)
	began := time.Now()
	o := r.finish(t)
	if o.Exit.Killed != sandbox.KillCanceled || time.Since(began) > 30*time.Second {
		t.Errorf("got %+v after %s, want a prompt cancel", o.Exit, time.Since(began))
	}
}

func (s *Suite) child(t *testing.T) {
	began := time.Now()
	o := s.run(t, Child, "")
	wantJSON(t, o.value(t), `"left"`)
	if o.Exit.Leftover == 0 || time.Since(began) > time.Minute {
		t.Errorf("got %+v after %s, want the child to be seen and killed", o.Exit, time.Since(began))
	}
}

func (s *Suite) environment(t *testing.T) {
	wantJSON(t, s.run(t, Environment, "").value(t), `"from outside"`)
}

func (s *Suite) files(t *testing.T) { wantJSON(t, s.run(t, Files, "").value(t), `"kept"`) }

func (s *Suite) packages(t *testing.T) {
	p := s.program(s.source(t, Package))
	p.Lock = s.lock(t, p)
	if p.Lock == "" {
		t.Fatal("the lock is empty")
	}
	if again := s.lock(t, p); again != p.Lock {
		t.Errorf("the lock is not reproducible:\n%s\n%s", p.Lock, again)
	}
	first := s.prepare(t, p)
	wantJSON(t, s.start(t, first, "", time.Minute).finish(t).value(t), `"packaged"`)
	readOnly(t, first.Dir)
}

func (s *Suite) missingPackage(t *testing.T) {
	p := s.program(s.source(t, Missing))
	im, err := s.Language.Imports(p.Path, p.Source)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Language.Lock(t.Context(), s.Kit, im.Requirements)
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind != errs.Invalid || e.Hint == "" || len(im.Requirements) == 0 {
		t.Fatalf("got %v, want an invalid requirement with a hint", err)
	}
	name := regexp.MustCompile(`^[@\w./-]*\w`).FindString(im.Requirements[0])
	if !strings.Contains(e.Message, name) {
		t.Errorf("%q does not name the package %s", e.Message, name)
	}
	t.Logf("%s (%s)", e.Message, e.Hint)
}

func (s *Suite) withLibrary(t *testing.T, c Case) lang.Program {
	t.Helper()
	p := s.program(s.source(t, c))
	p.Modules = map[string]string{"f/langtest/lib": s.source(t, Library)}
	p.Lock = s.lock(t, p)
	return p
}

func (s *Suite) relative(t *testing.T) {
	o := s.start(t, s.prepare(t, s.withLibrary(t, Relative)), "", time.Minute).finish(t)
	wantJSON(t, o.value(t), `"hello you"`)
}

func (s *Suite) relativeBug(t *testing.T) {
	p := s.withLibrary(t, RelativeBug)
	o := s.start(t, s.prepare(t, p), "", time.Minute).finish(t)
	if o.Error == nil || o.Error.Message != "no bugs" {
		t.Fatalf("got %+v, want the error of the library", o)
	}
	s.stack(t, o.Error.Stack, "f/langtest/lib", lineOf(t, p.Modules["f/langtest/lib"], "BOOM"))
}

// A library cannot run, and says so.
func (s *Suite) library(t *testing.T) {
	src := s.source(t, Library)
	sig, err := s.Language.Signature(src)
	if err != nil || !sig.NoMain {
		t.Errorf("got %+v, %v; want a source without an entry point", sig, err)
	}
	p, err := s.Language.Prepare(t.Context(), s.Kit, s.program(src))
	if err != nil {
		if !strings.Contains(strings.ToLower(err.Error()), "main") {
			t.Errorf("%v does not tell what is missing", err)
		}
		return
	}
	o := s.start(t, p, "", time.Minute).finish(t)
	if o.Error == nil || !strings.Contains(o.Error.Message, "main") {
		t.Errorf("got %+v, want an error that tells what is missing", o)
	}
}

// A script that does not parse fails with the user's own line, at build or at run.
func (s *Suite) broken(t *testing.T) {
	src := s.source(t, Broken)
	var said string
	p, err := s.Language.Prepare(t.Context(), s.Kit, s.program(src))
	var syntax *lang.SyntaxError
	var build *lang.BuildError
	switch {
	case errors.As(err, &syntax), errors.As(err, &build):
		said = err.Error()
	case err != nil:
		t.Fatalf("got %v, want a *lang.BuildError", err)
	default:
		o := s.start(t, p, "", time.Minute).finish(t)
		if o.Exit.Code == 0 && o.Error == nil {
			t.Fatalf("it ran: %+v", o)
		}
		said = o.Stderr
	}
	line := lineOf(t, src, "BROKEN")
	if !regexp.MustCompile(fmt.Sprintf(`\b(%d|%d)\b`, line, line+1)).MatchString(said) {
		t.Errorf("line %d is not named in %q", line, said)
	}
	if strings.Contains(said, ".tmp-") {
		t.Errorf("a directory of ours shows in %q", said)
	}
}

func (s *Suite) stream(t *testing.T) {
	src := s.source(t, Stream)
	sig, err := s.Language.Signature(src)
	if err != nil || !sig.Streams {
		t.Errorf("got %+v, %v; want a generator", sig, err)
	}
	o := s.run(t, Stream, "")
	wantJSON(t, o.value(t), `"abc"`)
	if !slices.Equal(o.Stream, []string{"a", "b", "c"}) {
		t.Errorf("streamed %q, want a, b, c", o.Stream)
	}
}

func (s *Suite) unknownArguments(t *testing.T) {
	args := `{"name":"you","nobody":{"asked":"for this"}}`
	o := s.run(t, Defaults, args)
	if !strings.Contains(string(o.value(t)), `"you"`) {
		t.Errorf("got %s", o.Result)
	}
}

func (s *Suite) preparedOnce(t *testing.T) {
	src := s.source(t, Echo) + "\n" + s.Language.Manifest().Comment + " prepared once\n"
	// A kit of its own, so that nothing else starts processes through it.
	mu, n := &sync.Mutex{}, 0
	k := s.Kit
	k.Sandbox = counting{s.Runner, mu, &n}
	first, err := s.Language.Prepare(t.Context(), k, s.program(src))
	if err != nil {
		t.Fatal(err)
	}
	n = 0
	began := time.Now()
	second, err := s.Language.Prepare(t.Context(), k, s.program(src))
	took := time.Since(began)
	if err != nil || second.Dir != first.Dir || n != 0 {
		t.Errorf("the second time: %v, %s against %s, %d processes", err, second.Dir, first.Dir, n)
	}
	t.Logf("prepared again in %s", took)
	if other := s.prepare(t, s.program(src+"\n")); other.Dir == first.Dir {
		t.Error("another source has the same directory")
	}
	readOnly(t, first.Dir)
}

func readOnly(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && d.Type()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o222 != 0 {
			t.Errorf("%s is %s: a job could change it for the next", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func (s *Suite) preparedByMany(t *testing.T) {
	src := s.source(t, Echo) + "\n" + s.Language.Manifest().Comment + " prepared by many\n"
	dirs := make([]string, 4)
	var wg sync.WaitGroup
	for i := range dirs {
		wg.Go(func() {
			p, err := s.Language.Prepare(t.Context(), s.Kit, s.program(src))
			if err != nil {
				t.Error(err)
			}
			dirs[i] = p.Dir
		})
	}
	wg.Wait()
	if len(slices.Compact(dirs)) != 1 {
		t.Errorf("got %v, want one directory", dirs)
	}
}

func (s *Suite) manyAtOnce(t *testing.T) {
	p := s.prepare(t, s.program(s.source(t, Echo)))
	runs := make([]*running, 4)
	for i := range runs {
		runs[i] = s.start(t, p, fmt.Sprintf(`{"value":"job %d"}`, i), time.Minute)
	}
	for i, r := range runs {
		wantJSON(t, r.finish(t).value(t), fmt.Sprintf(`"job %d"`, i))
	}
}
