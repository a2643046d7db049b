package golang

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
)

// lockSplit stands between go.mod and go.sum in a lock. It is the shape of Windmill's locks, so those work here unchanged.
const lockSplit = "//go.sum\n"

// require begins a line that pins a module.
const require = "//require "

func (language) Imports(_, source string) (lang.Imports, error) {
	f := parse(source)
	var out lang.Imports
	var wrong error
	for _, spec := range f.ast.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(name, "/")
		switch {
		case first == "f" || first == "u" || strings.HasPrefix(first, "."):
			wrong = errors.Join(wrong, errs.New(errs.Invalid, "Go scripts cannot import scripts of the workspace (%s)", name).
				WithHint("copy the function into this script, or put it into a module of its own"))
		case name == "C":
			wrong = errors.Join(wrong, errs.New(errs.Invalid, "Go scripts cannot use cgo (import \"C\")").WithHint("use a package that is pure Go"))
		case !strings.Contains(first, "."): // the standard library
		case module.CheckImportPath(name) != nil:
			wrong = errors.Join(wrong, errs.New(errs.Invalid, "%q is not the path of a package", name).WithHint("paths look like github.com/google/uuid"))
		default:
			out.Requirements = append(out.Requirements, name)
		}
	}
	for line := range strings.Lines(source) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), require)
		if !ok {
			continue
		}
		fields := strings.Fields(strings.ReplaceAll(rest, "@", " "))
		if len(fields) != 2 || module.CheckPath(fields[0]) != nil {
			wrong = errors.Join(wrong, errs.New(errs.Invalid, "%q does not name a module and a version", strings.TrimSpace(line)).
				WithHint("write //require github.com/google/uuid v1.6.0"))
			continue
		}
		out.Requirements = append(out.Requirements, fields[0]+"@"+fields[1])
	}
	slices.Sort(out.Requirements)
	out.Requirements = slices.Compact(out.Requirements)
	var e *errs.Error
	if errors.As(wrong, &e) {
		return out, e // the first
	}
	return out, nil
}

// Lock lets go mod tidy find the modules of the packages. Requirements are paths of packages, and module@version where a line
// of the source pins one.
func (language) Lock(ctx context.Context, k lang.Kit, requirements []string) (string, error) {
	if len(requirements) == 0 {
		return "", nil
	}
	goCommand, err := k.Tool(ctx, goTool())
	if err != nil {
		return "", err
	}
	pinned := map[string]string{}
	var imports []string
	for _, r := range requirements {
		path, version, pin := strings.Cut(r, "@")
		if !pin {
			imports = append(imports, path)
			continue
		}
		if old := pinned[path]; old != "" && old != version {
			return "", errs.New(errs.Invalid, "the module %s is required in two versions: %s and %s", path, old, version).WithHint("keep one of the //require lines")
		}
		pinned[path] = version
	}
	dir, err := scratch(k, "lock-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	mod := fmt.Sprintf("module script\n\ngo %s\n", languageVersion(goVersion(goCommand)))
	for path, version := range pinned {
		if module.CheckPath(path) != nil || strings.ContainsAny(version, " \t\r\n\"'`()") || version == "" {
			return "", errs.New(errs.Invalid, "%s@%s is not a module and a version", path, version).WithHint("write //require github.com/google/uuid v1.6.0")
		}
	}
	var source strings.Builder
	source.WriteString("package script\n\n")
	for _, path := range imports {
		fmt.Fprintf(&source, "import _ %q\n", path)
	}
	if err := writeAll(dir, map[string]string{"go.mod": mod, "script.go": source.String()}); err != nil {
		return "", err
	}
	env := buildEnv(k, "GOFLAGS=-mod=mod")
	// Pins may be anything that go get understands, as v1 or latest.
	steps := [][]string{{goCommand, "mod", "tidy"}}
	if len(pinned) > 0 {
		get := []string{goCommand, "get"}
		for path, version := range pinned {
			get = append(get, path+"@"+version)
		}
		slices.Sort(get[2:])
		steps = [][]string{get, {goCommand, "mod", "tidy"}}
	}
	for _, argv := range steps {
		out, exit, err := k.Run(ctx, dir, env, argv...)
		if err != nil {
			return "", err
		}
		if exit.Code != 0 {
			return "", resolveError(out, imports, pinned)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "go mod tidy left no go.mod")
	}
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", errs.Wrap(errs.Internal, err, "go mod tidy left no go.sum")
	}
	return string(text) + lockSplit + string(sums), nil
}

// splitLock takes a lock apart and gives the name of its module.
func splitLock(lock string) (mod, sum, name string, err error) {
	mod, sum, _ = strings.Cut(lock, lockSplit)
	name = modfile.ModulePath([]byte(mod))
	if name == "" || module.CheckImportPath(name+"/inner") != nil {
		return "", "", "", errs.New(errs.Invalid, "the lock of the script is not a go.mod followed by a go.sum").WithHint("deploy the script again without a lock")
	}
	return mod, sum, name, nil
}

// resolveError puts what go mod said into plain words.
func resolveError(out string, imports []string, pinned map[string]string) error {
	hint := "check the path; a module and its version can be pinned with a line //require path version"
	culprit := ""
	var last string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "go: downloading") || strings.HasPrefix(line, "go: finding") {
			continue
		}
		last = line
		for _, i := range imports {
			if culprit == "" && strings.Contains(line, i) {
				culprit = i
			}
		}
	}
	for path, version := range pinned {
		if strings.Contains(out, path+"@"+version) && (strings.Contains(out, "unknown revision") || strings.Contains(out, "invalid version") || strings.Contains(out, "no matching versions")) {
			return errs.New(errs.Invalid, "the module %s has no version %s", path, version).WithHint("%s", hint)
		}
		if culprit == "" && strings.Contains(out, path) {
			culprit = path
		}
	}
	for _, s := range []string{"no such host", "connection refused", "i/o timeout", "network is unreachable", "TLS handshake", "502", "503"} {
		if strings.Contains(out, "proxy") && strings.Contains(out, s) && !strings.Contains(out, "404") {
			return errs.New(errs.Unavailable, "the Go module proxy cannot be reached").WithHint("check the network and GOPROXY of the worker, then deploy again")
		}
	}
	switch {
	case strings.Contains(out, "requires go >=") || strings.Contains(out, "toolchain not available"):
		return errs.New(errs.Invalid, "a module needs a newer Go than this worker has: %s", last).WithHint("pin an older version with a line //require path version, or install a newer Go")
	case strings.Contains(out, "but does not contain package"):
		return errs.New(errs.Invalid, "the module is there, but it has no package %s", culprit).WithHint("%s", hint)
	case culprit != "":
		return errs.New(errs.Invalid, "there is no Go module for %s", culprit).WithHint("%s", hint)
	}
	return errs.New(errs.Invalid, "the modules cannot be resolved: %s", last).WithHint("see the log for what go said")
}

// buildEnv is the environment of every go command. The build cache is beside the tools, for it is worth as much: it holds the
// compiled standard library. The machine's proxy and checksum settings stay.
func buildEnv(k lang.Kit, extra ...string) []string {
	env := k.BuildEnv(append([]string{
		"GOCACHE=" + filepath.Join(k.ToolsDir, "go-build"),
		"GOMODCACHE=" + filepath.Join(k.CacheDir, string(ID), ".modules"),
		"GOPATH=" + filepath.Join(k.CacheDir, string(ID), ".path"),
		"GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GO111MODULE=on", "GIT_TERMINAL_PROMPT=0", "GOTELEMETRY=off",
	}, extra...)...)
	return slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "GOROOT=") }) // go knows its own
}

// goVersion is the version of a toolchain, read from its files: starting it takes longer than finding a prepared script.
func goVersion(goCommand string) string {
	real, err := filepath.EvalSymlinks(goCommand)
	if err != nil {
		real = goCommand
	}
	if text, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(real)), "VERSION")); err == nil {
		first, _, _ := strings.Cut(string(text), "\n")
		return strings.TrimSpace(first)
	}
	if info, err := os.Stat(real); err == nil { // not the usual layout: the file itself is the version
		return fmt.Sprintf("%s %d %d", real, info.Size(), info.ModTime().UnixNano())
	}
	return real
}

// languageVersion is what goes into go.mod: "1.26" of "go1.26.8".
func languageVersion(version string) string {
	v, ok := strings.CutPrefix(version, "go")
	parts := strings.SplitN(v, ".", 3)
	if ok && len(parts) >= 2 {
		minor := strings.TrimFunc(parts[1], func(r rune) bool { return r < '0' || r > '9' })
		if i := strings.IndexFunc(minor, func(r rune) bool { return r < '0' || r > '9' }); i > 0 { // 26rc1
			minor = minor[:i]
		}
		return parts[0] + "." + minor
	}
	return strings.TrimPrefix(strings.Join(strings.SplitN(runtime.Version(), ".", 3)[:2], "."), "go")
}

func scratch(k lang.Kit, prefix string) (string, error) {
	parent := filepath.Join(k.CacheDir, string(ID))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", diskError(err)
	}
	dir, err := os.MkdirTemp(parent, "."+prefix)
	return dir, diskError(err)
}

func writeAll(dir string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return diskError(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return diskError(err)
		}
	}
	return nil
}

func diskError(err error) error {
	switch {
	case err == nil || errs.KindOf(err) != errs.Internal:
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return errs.Wrap(errs.StorageFull, err, "the disk of the data folder is full").WithHint("free some space and run it again")
	case errors.Is(err, fs.ErrPermission):
		return errs.Wrap(errs.Unavailable, err, "the worker may not write its cache").WithHint("make the data folder writable for the user that runs Tidemill")
	}
	return errs.Wrap(errs.Internal, err, "the script cannot be written to the cache")
}
