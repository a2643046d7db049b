package python

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// lockTitle is the first line of a lock: the version that it was resolved for.
const lockTitle = "# python "

func lockVersion(lock string) string {
	first, _, _ := strings.Cut(lock, "\n")
	version, ok := strings.CutPrefix(first, lockTitle)
	if !ok {
		return ""
	}
	return strings.TrimSpace(version)
}

// lockBody is the lock without its title and comments; "" when it names no package.
func lockBody(lock string) string {
	var b strings.Builder
	for line := range strings.Lines(lock) {
		if t := strings.TrimSpace(line); t != "" && !strings.HasPrefix(t, "#") {
			b.WriteString(strings.TrimRight(line, " \r\n") + "\n")
		}
	}
	return b.String()
}

// lockedNames are the packages of a lock with their versions.
func lockedNames(body string) []string {
	var out []string
	for line := range strings.Lines(body) {
		if name, _, _ := strings.Cut(line, " "); name != "" {
			out = append(out, strings.TrimSpace(name))
		}
	}
	return out
}

func sandboxMount(dir string) sandbox.Mount { return sandbox.Mount{Host: dir} }

func (l *language) Lock(ctx context.Context, k lang.Kit, requirements []string) (string, error) {
	wish := ""
	var list []string
	for _, r := range requirements {
		r = strings.TrimSpace(r)
		if normalName(r) == versionRequirement {
			wish = strings.TrimSpace(r[len(versionRequirement):])
			continue
		}
		// A line of options would reach the resolver's command line.
		if r == "" || strings.HasPrefix(r, "-") || strings.ContainsAny(r, "\n\r") || requirementName.FindString(r) == "" {
			return "", errs.New(errs.Invalid, "%q is not the name of a package", r).
				WithHint("write a name and, if you like, a version: requests or requests==2.32.0")
		}
		list = append(list, r)
	}
	if len(list) == 0 && wish == "" {
		return "", nil
	}
	python, err := l.interpreters.find(ctx, k, wish, "")
	if err != nil {
		return "", err
	}
	title := lockTitle + python.version() + "\n"
	if len(list) == 0 {
		return title, nil
	}
	slices.Sort(list)
	dir, err := k.Temp("lock")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "requirements.in"), []byte(strings.Join(list, "\n")+"\n"), 0o644); err != nil {
		return "", err
	}
	fmt.Fprintf(k.Log, "Resolving %s for Python %s …\n", strings.Join(list, ", "), python.version())
	uv, err := k.Tool(ctx, uvTool)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		body, failed := l.lockWithPip(ctx, k, python, dir)
		if failed != nil {
			return "", failed
		}
		return title + body, nil
	}
	out, exit, err := k.RunQuiet(ctx, dir, indexEnv(k), uv, "pip", "compile", "requirements.in", "-o", "requirements.lock",
		"--generate-hashes", "--no-header", "--no-annotate", "--only-binary", ":all:", "--python", python.Path, "--quiet")
	if err != nil {
		return "", err
	}
	if exit.Code != 0 {
		return "", resolveError(out, list)
	}
	text, err := os.ReadFile(filepath.Join(dir, "requirements.lock"))
	if err != nil {
		return "", err
	}
	return title + string(text), nil
}

// Missing implements lang.LockReader: by name, and by version where the requirement pins one.
func (l *language) Missing(lock string, requirements []string) []string {
	locked := map[string]string{} // name → version, "" when it is not a plain one
	for _, entry := range lockedNames(lockBody(lock)) {
		_, version, _ := strings.Cut(entry, "==")
		locked[normalName(entry)] = strings.TrimSpace(version)
	}
	var out []string
	for _, r := range requirements {
		name := normalName(r)
		if name == versionRequirement || strings.ContainsRune(r, ';') { // a marker may keep it out of the lock
			continue
		}
		have, ok := locked[name]
		_, want, pinned := strings.Cut(r, "==")
		if want = strings.TrimSpace(want); !ok || pinned && have != "" && have != want && !strings.ContainsAny(want, "*, ") {
			out = append(out, r)
		}
	}
	return out
}

// lockWithPip resolves with pip alone, where uv cannot be had.
func (l *language) lockWithPip(ctx context.Context, k lang.Kit, python interpreter, dir string) (string, error) {
	out, exit, err := k.RunQuiet(ctx, dir, nil, python.Path, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--quiet",
		"--disable-pip-version-check", "--only-binary", ":all:", "--report", "report.json", "-r", "requirements.in")
	if err != nil {
		return "", err
	}
	if exit.Code != 0 {
		return "", resolveError(out, nil)
	}
	var report struct {
		Install []struct {
			Metadata struct{ Name, Version string }
			Download struct {
				Archive struct{ Hashes map[string]string } `json:"archive_info"`
			} `json:"download_info"`
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return "", errs.Wrap(errs.Internal, err, "the report of pip cannot be read")
	}
	var lines []string
	for _, i := range report.Install {
		hash := i.Download.Archive.Hashes["sha256"]
		if hash == "" {
			return "", errs.New(errs.Invalid, "the package %s has no hash on the index", i.Metadata.Name)
		}
		lines = append(lines, fmt.Sprintf("%s==%s \\\n    --hash=sha256:%s\n", strings.ToLower(i.Metadata.Name), i.Metadata.Version, hash))
	}
	slices.Sort(lines)
	return strings.Join(lines, ""), nil
}

// packages is the folder with the locked distributions, shared by all programs with the same lock; "" for none.
func (l *language) packages(ctx context.Context, k lang.Kit, python interpreter, lock string) (string, error) {
	body := lockBody(lock)
	if body == "" {
		return "", nil
	}
	key := "packages-" + lang.Key(python.version(), runtime.GOOS, runtime.GOARCH, body)
	dir, err := k.Build(ctx, ID, key, func(dir string) error {
		file := filepath.Join(dir, "requirements.lock")
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(k.Log, "Installing %s …\n", strings.Join(lockedNames(body), ", "))
		site := filepath.Join(dir, "site")
		uv, err := k.Tool(ctx, uvTool)
		var out string
		var exit sandbox.Exit
		if err == nil {
			out, exit, err = k.RunQuiet(ctx, dir, indexEnv(k), uv, "pip", "install", "--target", site, "--require-hashes", "--no-deps", "--only-binary", ":all:",
				"--link-mode", "copy", "--compile-bytecode", "--python", python.Path, "--quiet", "-r", file)
		} else if ctx.Err() == nil {
			out, exit, err = k.RunQuiet(ctx, dir, nil, python.Path, "-m", "pip", "install", "--target", site, "--require-hashes", "--no-deps",
				"--only-binary", ":all:", "--disable-pip-version-check", "--quiet", "-r", file)
		}
		if err != nil {
			return err
		}
		if exit.Code != 0 {
			return resolveError(out, nil)
		}
		return os.MkdirAll(site, 0o755)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "site"), nil
}

// indexEnv gives uv the machine's settings of pip, which uv does not read by itself, and a cache in our folder.
func indexEnv(k lang.Kit) []string {
	env := k.BuildEnv()
	have := map[string]string{}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		have[name] = value
	}
	pip := pipConfig()
	value := func(pipVar, option string) string {
		if v := have[pipVar]; v != "" {
			return v
		}
		return pip[option]
	}
	set := func(name, v string, unless ...string) {
		for _, u := range append(unless, name) {
			if have[u] != "" {
				return
			}
		}
		if v != "" {
			env = append(env, name+"="+v)
		}
	}
	set("UV_DEFAULT_INDEX", value("PIP_INDEX_URL", "index-url"), "UV_INDEX_URL")
	set("UV_INDEX", value("PIP_EXTRA_INDEX_URL", "extra-index-url"), "UV_EXTRA_INDEX_URL")
	set("UV_FIND_LINKS", value("PIP_FIND_LINKS", "find-links"))
	set("SSL_CERT_FILE", value("PIP_CERT", "cert"))
	set("UV_CACHE_DIR", filepath.Join(k.CacheDir, "uv"))
	set("UV_NO_PROGRESS", "1")
	set("UV_PYTHON_DOWNLOADS", "never")
	return env
}

// pipConfig reads the options of pip's own configuration files, later ones winning.
func pipConfig() map[string]string {
	out := map[string]string{}
	files := []string{"/etc/pip.conf"}
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".pip/pip.conf"), filepath.Join(home, ".config/pip/pip.conf"))
	}
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		files = append(files, filepath.Join(dir, "pip/pip.conf"))
	}
	if f := os.Getenv("PIP_CONFIG_FILE"); f != "" {
		files = append(files, f)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, "="); ok {
				out[strings.TrimSpace(name)] = strings.TrimSpace(value)
			}
		}
	}
	return out
}

var (
	notFound   = regexp.MustCompile(`(?i)(?:Because |because |and )?([A-Za-z0-9._-]+) was not found in the (?:package registry|cache|provided)`)
	noVersion  = regexp.MustCompile(`(?i)there (?:is|are) no versions? of ([A-Za-z0-9._-]+)(\S*)`)
	pipMissing = regexp.MustCompile(`No matching distribution found for ([A-Za-z0-9._-]+)(\S*)`)
	noWheel    = regexp.MustCompile(`(?i)(?:Because )?([A-Za-z0-9._-]+)(?:==(\S+))? has no (?:usable wheels|wheels|source distribution)`)
	offline    = regexp.MustCompile(`(?i)(error sending request|failed to fetch|dns error|connection (?:refused|reset)|timed out|network is unreachable|NewConnectionError)`)
	badLine    = regexp.MustCompile(`(?i)(?:couldn't|could not) parse requirement|Invalid requirement|Expected `)
)

// resolveError puts the resolver's words into plain ones.
func resolveError(out string, list []string) error {
	flat := strings.Join(strings.Fields(out), " ")
	missing := func(name string) error {
		written := name
		for _, r := range list { // uv tells the normalised name
			if normalName(r) == normalName(name) {
				written = requirementName.FindString(r)
			}
		}
		e := errs.New(errs.Invalid, "there is no package %s on the index", written)
		meant := similar(written)
		for module, dist := range distributions {
			if normalName(module) == normalName(written) {
				return e.WithHint("%s is in the package %s: write that under # requirements:", module, dist)
			}
		}
		if meant != "" {
			return e.WithHint("did you mean %s? A module whose package has another name is pinned so: import x  # pin: package", meant)
		}
		return e.WithHint("check the spelling; a module whose package has another name is pinned so: import x  # pin: package")
	}
	switch {
	case notFound.MatchString(flat):
		return missing(notFound.FindStringSubmatch(flat)[1])
	case offline.MatchString(flat):
		return errs.Wrap(errs.Unavailable, fmt.Errorf("%s", lastCause(out)), "the package index cannot be reached").
			WithHint("check the worker's network and its proxy and index settings, then deploy again")
	case noWheel.MatchString(flat):
		m := noWheel.FindStringSubmatch(flat)
		return errs.New(errs.Invalid, "the package %s has no ready-made wheel for this Python and platform", m[1]).
			WithHint("choose another version of it, or another Python with # py: 3.12")
	case noVersion.MatchString(flat):
		m := noVersion.FindStringSubmatch(flat)
		return errs.New(errs.Invalid, "there is no version of %s that satisfies %s", m[1], strings.TrimRight(m[2], ",.")).
			WithHint("look up its versions on the index and change the pin")
	case pipMissing.MatchString(flat):
		m := pipMissing.FindStringSubmatch(flat)
		if m[2] == "" {
			return missing(m[1])
		}
		return errs.New(errs.Invalid, "there is no version of %s that satisfies %s", m[1], m[2]).
			WithHint("look up its versions on the index and change the pin")
	case badLine.MatchString(flat):
		return errs.New(errs.Invalid, "a requirement cannot be read: %s", lastCause(out)).
			WithHint("write a name and, if you like, a version: requests or requests==2.32.0")
	}
	return errs.New(errs.Invalid, "the packages do not go together: %s", lastCause(out)).
		WithHint("loosen one of the pinned versions")
}

// lastCause is the most telling line of the resolver's output.
func lastCause(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if cause, ok := strings.CutPrefix(line, "cause:"); ok {
			return strings.TrimSpace(cause)
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
