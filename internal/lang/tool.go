package lang

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tidemill/tidemill/internal/errs"
)

// Tool finds a program or installs it: what was installed before wins, then t.Paths, then the PATH, then the registry that
// carries it. The result is an absolute path. Without any of them the error is Unavailable with t.Hint.
func (k Kit) Tool(ctx context.Context, t Tool) (string, error) {
	if found, ok := k.FindTool(t); ok {
		return found, nil
	}
	var cause error
	if t.NPM != "" {
		found, err := k.installTool(ctx, t, "npm", t.npm(), t.npmPath(), k.unpackNPM)
		if err == nil || ctx.Err() != nil {
			return found, err
		}
		cause = err
	}
	if t.PyPI != "" {
		found, err := k.installTool(ctx, t, "PyPI", t.PyPI, t.PyPath, k.unpackPyPI)
		if err == nil || ctx.Err() != nil {
			return found, err
		}
		cause = errors.Join(cause, err)
	}
	e := errs.Wrap(errs.Unavailable, cause, "this worker has no %s", t.Name)
	if cause != nil {
		e.Message += " and could not install it: " + lastLine(cause.Error())
	}
	return "", e.WithHint("%s", t.Hint)
}

// FindTool is Tool without installing: what doctor and the catalogue ask. It starts nothing.
func (k Kit) FindTool(t Tool) (string, bool) {
	for _, in := range []struct{ spec, path string }{{t.npm(), t.npmPath()}, {t.PyPI, t.PyPath}} {
		if in.spec == "" {
			continue
		}
		dir := k.toolDir(t, in.spec)
		if _, err := os.Stat(filepath.Join(dir, marker)); err == nil && executable(filepath.Join(dir, in.path)) {
			return filepath.Join(dir, in.path), true
		}
	}
	for _, p := range t.Paths {
		if executable(p) {
			return p, true
		}
	}
	return LookPath(t.Name)
}

// LookPath finds an executable by name on our PATH.
func LookPath(name string) (string, bool) {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if p := filepath.Join(dir, name); filepath.IsAbs(p) && executable(p) {
			return p, true
		}
	}
	return "", false
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

func (t Tool) npm() string     { return strings.ReplaceAll(t.NPM, "{platform}", platform()) }
func (t Tool) npmPath() string { return strings.ReplaceAll(t.NPMPath, "{platform}", platform()) }

// platform is how the packages that carry binaries name ours.
func platform() string {
	arch := map[string]string{"amd64": "x64", "arm64": "aarch64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return runtime.GOOS + "-" + arch
}

// toolDir is named by tool and version: ToolsDir/uv-0.13.9.
func (k Kit) toolDir(t Tool, spec string) string {
	return filepath.Join(k.ToolsDir, t.Name+"-"+spec[strings.LastIndexAny(spec, "@=")+1:])
}

func (k Kit) installTool(ctx context.Context, t Tool, from, spec, inside string, unpack func(context.Context, string, string) error) (string, error) {
	dir, err := buildOnce(ctx, k.toolDir(t, spec), func(dir string) error {
		fmt.Fprintf(k.log(), "Installing %s (%s from %s) …\n", t.Name, spec, from)
		if err := unpack(ctx, spec, dir); err != nil {
			return err
		}
		program := filepath.Join(dir, inside)
		info, err := os.Stat(program)
		if err != nil {
			return errs.Wrap(errs.Unavailable, err, "the package %s has no %s", spec, inside)
		}
		return os.Chmod(program, info.Mode().Perm()|0o555)
	})
	return filepath.Join(dir, inside), err
}

// unpackNPM fetches a package with npm, which checks its hash, and unpacks it here: no install script runs.
func (k Kit) unpackNPM(ctx context.Context, spec, dir string) error {
	npm, ok := LookPath("npm")
	if !ok {
		return errors.New("npm is not there")
	}
	fetched := filepath.Join(dir, ".fetched")
	if err := os.Mkdir(fetched, 0o755); err != nil {
		return diskError(err)
	}
	defer os.RemoveAll(fetched)
	out, exit, err := k.RunQuiet(ctx, fetched, nil, npm, "pack", spec, "--ignore-scripts", "--loglevel=error")
	if err != nil {
		return err
	}
	if exit.Code != 0 {
		return fmt.Errorf("npm pack %s: %s", spec, firstError(out))
	}
	archives, _ := filepath.Glob(filepath.Join(fetched, "*.tgz"))
	if len(archives) != 1 {
		return fmt.Errorf("npm pack %s left %d archives", spec, len(archives))
	}
	return untar(archives[0], dir)
}

// unpackPyPI fetches a wheel with pip into dir.
func (k Kit) unpackPyPI(ctx context.Context, spec, dir string) error {
	python, ok := LookPath("python3")
	if !ok {
		return errors.New("python3 is not there")
	}
	out, exit, err := k.RunQuiet(ctx, dir, k.BuildEnv("PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_ROOT_USER_ACTION=ignore"), python, "-m", "pip",
		"install", "--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:", "--target", dir, spec)
	if err != nil {
		return err
	}
	if exit.Code != 0 {
		return fmt.Errorf("pip install %s: %s", spec, firstError(out))
	}
	return nil
}

// untar unpacks an npm archive without its first folder. Only files and folders are taken, and none outside dir.
func untar(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/")
		if h.Typeflag != tar.TypeReg || name == "" {
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return diskError(err)
		}
		out, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, os.FileMode(h.Mode&0o777)|0o644)
		if err != nil {
			return diskError(err)
		}
		_, err = io.Copy(out, r)
		if err = errors.Join(err, out.Close()); err != nil {
			return diskError(err)
		}
	}
}

// firstError is the first line of a tool's output that tells of an error, else its last line.
func firstError(out string) string {
	for line := range strings.Lines(out) {
		l := strings.ToLower(line)
		if strings.Contains(l, "error") && strings.ContainsAny(l, " \t") {
			return strings.TrimSpace(line)
		}
	}
	return lastLine(out)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
