package typescript

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

//go:embed wrapper.mjs
var wrapper string

const (
	wrapperDir  = ".tidemill"
	wrapperFile = wrapperDir + "/run.mjs"
	// previewName is the file of a script without a path.
	previewName = "main"
)

// Prepare lays the script and what it imports out by their workspace paths, beside the packages of the lock. Bun reads
// TypeScript itself: bundling or compiling it before saved 0.2 ms of a start and 1 ms with packages, and cost the lines, the
// packages that read files beside them, and the native ones.
func (l language) Prepare(ctx context.Context, k lang.Kit, p lang.Program) (lang.Prepared, error) {
	bun, err := k.Tool(ctx, bunTool())
	if err != nil {
		return lang.Prepared{}, err
	}
	installed, err := packages(ctx, k, bun, p.Lock)
	if err != nil {
		return lang.Prepared{}, err
	}
	f := parse(p.Source)
	defer f.close()
	e := readEntry(f)
	name := p.Path
	if name == "" {
		name = previewName
	}
	parts := []string{wrapper, name, p.Source, installed}
	modules := make([]string, 0, len(p.Modules))
	for m := range p.Modules {
		modules = append(modules, m)
	}
	slices.Sort(modules)
	for _, m := range modules {
		parts = append(parts, m, p.Modules[m])
	}
	dir, err := k.Build(ctx, ID, "script-"+lang.Key(parts...), func(dir string) error {
		return layOut(dir, name, f, e, modules, p.Modules, installed)
	})
	if err != nil {
		return lang.Prepared{}, err
	}
	mounts := []sandbox.Mount{{Host: filepath.Dir(bun)}, {Host: dir}}
	if installed != "" {
		mounts = append(mounts, sandbox.Mount{Host: installed})
	}
	return lang.Prepared{
		Dir: dir, Signature: e.signature, Mounts: mounts,
		Argv: []string{bun, "--no-install", "--no-env-file", filepath.Join(dir, wrapperFile)},
		// Bun would keep what it compiled in the home folder, which is the job's.
		Env: []string{"BUN_RUNTIME_TRANSPILER_CACHE_PATH=0", "DO_NOT_TRACK=1"},
	}, nil
}

func (language) Command(p lang.Prepared, _ lang.Job) lang.Command {
	return lang.Command{Argv: p.Argv, Env: p.Env, Mounts: p.Mounts}
}

func layOut(dir, name string, main *file, e entry, modules []string, sources map[string]string, installed string) error {
	var problems []string
	place := func(at string, f *file) error {
		if bad := check(f); bad != nil {
			problems = append(problems, complaint(at+".ts", f, bad))
			return nil
		}
		target := filepath.Join(dir, filepath.FromSlash(at)+".ts")
		if !strings.HasPrefix(target, dir+string(filepath.Separator)) {
			return errs.New(errs.Invalid, "%q cannot be the path of a script", at)
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, rewrite(at, f), 0o644)
	}
	if err := place(name, main); err != nil {
		return diskError(err)
	}
	for _, m := range modules {
		if m == name {
			continue // a script that imports one that imports it
		}
		f := parse(sources[m])
		err := place(m, f)
		f.close()
		if err != nil {
			return diskError(err)
		}
	}
	if len(problems) > 0 {
		return &lang.BuildError{Output: strings.Join(problems, "\n")}
	}
	if installed != "" {
		// Relative, for it stays true when the whole cache moves.
		if err := os.Symlink(filepath.Join("..", filepath.Base(installed), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
			return diskError(err)
		}
	}
	text, err := spec(name, e)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, wrapperDir), 0o755); err != nil {
		return diskError(err)
	}
	return diskError(os.WriteFile(filepath.Join(dir, wrapperFile), []byte(text+wrapper), 0o644))
}

func diskError(err error) error {
	switch {
	case err == nil || errs.KindOf(err) != errs.Internal:
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return errs.Wrap(errs.StorageFull, err, "the disk of the data folder is full").WithHint("free some space and run it again")
	}
	return errs.Wrap(errs.Internal, err, "the script cannot be written to the cache")
}

// spec is what the wrapper has to know, as its first line.
func spec(name string, e entry) (string, error) {
	s := struct {
		File    string           `json:"file"`
		Args    []argument       `json:"args"`
		Defs    map[string]*conv `json:"defs"`
		Bigints bool             `json:"bigints"`
	}{File: name + ".ts", Args: e.args, Defs: e.defs}
	if s.Args == nil {
		s.Args = []argument{}
	}
	if !slices.ContainsFunc(e.args, func(a argument) bool { return hasLeaf(a.Conv) }) && !slices.ContainsFunc(mapValues(e.defs), hasLeaf) {
		for i := range s.Args { // recursive types that need nothing
			s.Args[i].Conv = nil
		}
		s.Defs = nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "the wrapper cannot be written")
	}
	s.Bigints = strings.Contains(string(text), `"k":"bigint"`)
	if text, err = json.Marshal(s); err != nil {
		return "", errs.Wrap(errs.Internal, err, "the wrapper cannot be written")
	}
	return "const SPEC = " + string(text) + ";\n", nil
}

func mapValues(m map[string]*conv) []*conv {
	out := make([]*conv, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// hasLeaf reports whether a conversion changes anything.
func hasLeaf(c *conv) bool {
	if c == nil || c.Kind == "ref" {
		return false
	}
	switch c.Kind {
	case "date", "bigint", "bytes", "url", "map", "set":
		return true
	}
	if hasLeaf(c.Of) || slices.ContainsFunc(c.Items, hasLeaf) {
		return true
	}
	return slices.ContainsFunc(mapValues(c.Props), hasLeaf)
}

// rewrite turns the imports into what Bun can resolve in the layout: workspace scripts by relative path, packages without their
// version. Only the text between the quotes changes, so every line stays where it is.
func rewrite(at string, f *file) []byte {
	var out []byte
	last := uint(0)
	for _, s := range f.specifiers() {
		t, err := target(at, s.text)
		if err != nil || (t.script == "" && t.name == "") || s.start < last {
			continue
		}
		text := t.name + t.subpath
		if t.script != "" {
			text = relative(at, t.script) + ".ts"
		}
		if text == s.text {
			continue
		}
		out = append(append(out, f.text[last:s.start]...), text...)
		last = s.end
	}
	return append(out, f.text[last:]...)
}

// relative is the path of a script as seen from another.
func relative(from, to string) string {
	rel, err := filepath.Rel(filepath.FromSlash(path.Dir(from)), filepath.FromSlash(to))
	if err != nil {
		return to // impossible: both are relative to the same root
	}
	rel = filepath.ToSlash(rel)
	if !strings.HasPrefix(rel, "../") {
		rel = "./" + rel
	}
	return rel
}

// complaint is an error of the compiler as a person wants to see it: place, words, the line and a mark.
func complaint(name string, f *file, e *lang.SyntaxError) string {
	out := fmt.Sprintf("%s:%d:%d: %s", name, e.Line, e.Column, e.Message)
	lines := strings.Split(string(f.text), "\n")
	if e.Line < 1 || e.Line > len(lines) {
		return out
	}
	line := strings.TrimRight(lines[e.Line-1], "\r")
	if len(line) > 200 {
		return out
	}
	mark := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string([]rune(line)[:min(e.Column-1, len([]rune(line)))]))
	return out + "\n    " + line + "\n    " + mark + "^"
}
