package golang

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

//go:embed wrapper.go.txt
var wrapper string

const (
	program = "program"
	// previewName is the file of a script without a path.
	previewName = "main"
)

// buildFlags are the same for every build: another set would compile the whole standard library again.
var buildFlags = [...]string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}

// Prepare compiles the script, once for its content and toolchain. The user's file is compiled as it is: a package that is not
// main may have a func main of any shape, and a line directive gives the file the name of its path.
func (language) Prepare(ctx context.Context, k lang.Kit, p lang.Program) (lang.Prepared, error) {
	goCommand, err := k.Tool(ctx, goTool())
	if err != nil {
		return lang.Prepared{}, err
	}
	name := p.Path
	if name == "" {
		name = previewName
	}
	name += ".go"
	f := parse(p.Source)
	if err := f.check(name); err != nil {
		return lang.Prepared{}, err
	}
	version := goVersion(goCommand)
	key := lang.Key(wrapper, strings.Join(buildFlags[:], " "), version, runtime.GOARCH, name, p.Source, p.Lock)
	dir, built := k.Built(ID, "script-"+key)
	if !built {
		if err := warm(ctx, k, goCommand, version); err != nil {
			return lang.Prepared{}, err
		}
		dir, err = k.Build(ctx, ID, "script-"+key, func(dir string) error {
			return f.build(ctx, k, goCommand, version, name, p.Lock, filepath.Join(dir, program))
		})
		if err != nil {
			return lang.Prepared{}, err
		}
	}
	return lang.Prepared{
		Dir: dir, Signature: f.signature(), Argv: []string{filepath.Join(dir, program)}, Mounts: []sandbox.Mount{{Host: dir}},
	}, nil
}

func (language) Command(p lang.Prepared, _ lang.Job) lang.Command {
	return lang.Command{Argv: p.Argv, Env: p.Env, Mounts: p.Mounts}
}

// check finds what the compiler would say in words about our wrapper.
func (f *file) check(name string) error {
	at := func(line, column int, format string, args ...any) error {
		return &lang.BuildError{Output: fmt.Sprintf("%s:%d:%d: ", name, line, column) + fmt.Sprintf(format, args...)}
	}
	var bad *lang.SyntaxError
	switch {
	case errors.As(f.syntaxError(), &bad):
		return at(bad.Line, bad.Column, "%s", bad.Message)
	case f.main == nil:
		return at(1, 1, "the script has no func main")
	case f.main.Type.TypeParams != nil:
		pos := f.set.Position(f.main.Pos())
		return at(pos.Line, pos.Column, "func main cannot have type parameters")
	}
	return nil
}

// warm compiles the parts of the standard library that every script needs, once for a toolchain, with a word about the wait.
func warm(ctx context.Context, k lang.Kit, goCommand, version string) error {
	_, err := k.Build(ctx, ID, "std-"+lang.Key(wrapper, strings.Join(buildFlags[:], " "), version), func(dir string) error {
		fmt.Fprintln(k.Log, "Compiling Go's standard library for scripts, once (up to half a minute) …")
		f := parse("package inner\n\nfunc main() {}\n")
		return f.build(ctx, k, goCommand, version, previewName+".go", "", filepath.Join(dir, program))
	})
	return err
}

// build compiles the script to an executable at out.
func (f *file) build(ctx context.Context, k lang.Kit, goCommand, version, name, lock, out string) error {
	mod, sum, moduleName := fmt.Sprintf("module script\n\ngo %s\n", languageVersion(version)), "", "script"
	if strings.TrimSpace(lock) != "" {
		var err error
		if mod, sum, moduleName, err = splitLock(lock); err != nil {
			return err
		}
	}
	dir, err := scratch(k, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := map[string]string{
		"go.mod": mod, "main.go": f.wrapper(moduleName, name),
		"inner/export.go": "package inner\n\nvar TidemillMain = main\n",
		"inner/script.go": "//line /" + name + ":1:1\n" + f.asInner(),
	}
	if sum != "" {
		files["go.sum"] = sum
	}
	if err := writeAll(dir, files); err != nil {
		return err
	}
	argv := append([]string{goCommand, "build"}, buildFlags[:]...)
	text, exit, err := k.RunQuiet(ctx, dir, buildEnv(k, "GOFLAGS=-mod=readonly"), append(argv, "-o", out, ".")...)
	if err != nil {
		return err
	}
	if exit.Code != 0 {
		return compileError(text, name)
	}
	return nil
}

// wrapper is main.go for the script.
func (f *file) wrapper(moduleName, name string) string {
	var names []string
	for _, p := range f.parameters() {
		if p.context {
			p.name = ""
		}
		names = append(names, strconv.Quote(p.name))
	}
	return strings.NewReplacer("MODULE/inner", path.Join(moduleName, "inner"), "USER_FILE", strconv.Quote(name), "NAMES", strings.Join(names, ", ")).Replace(wrapper)
}

// asInner is the source as a file of package inner, whatever it calls itself. Lines stay.
func (f *file) asInner() string {
	if f.ast.Name == nil || f.ast.Name.Name == "inner" {
		return f.source
	}
	at := f.set.Position(f.ast.Name.Pos()).Offset
	end := f.set.Position(f.ast.Name.End()).Offset
	return f.source[:at] + "inner" + f.source[end:]
}

// compileError keeps what concerns the user's file, under its own name.
func compileError(out, name string) error {
	var kept []string
	mine := false
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "go: downloading"):
			mine = false
		case strings.Contains(line, "/"+name+":"):
			at := strings.Index(line, "/"+name+":")
			kept, mine = append(kept, plainWords(line[at+1:])), true
		case mine && strings.HasPrefix(line, "\t"): // the rest of a message
			kept = append(kept, line)
		default:
			mine = false
		}
	}
	if len(kept) > 0 {
		return &lang.BuildError{Output: strings.Join(kept, "\n")}
	}
	if strings.Contains(out, "no space left on device") {
		return errs.New(errs.StorageFull, "the disk of the data folder is full").WithHint("free some space and run it again")
	}
	return &lang.BuildError{Output: strings.TrimSpace(out)}
}

// plainWords says what a message of the go command means to somebody who did not call it.
func plainWords(line string) string {
	if before, _, ok := strings.Cut(line, " is not in std ("); ok {
		return before + " is not in the standard library"
	}
	for _, phrase := range []string{"cannot find module providing package ", "no required module provides package ", "missing go.sum entry for module providing package "} {
		if before, after, ok := strings.Cut(line, phrase); ok {
			name, _, _ := strings.Cut(strings.TrimSpace(after), " ")
			return before + "the lock of the script has no module for " + strings.TrimRight(name, ":;") + "; deploy it again"
		}
	}
	return line
}
