package python

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
)

// minors are the versions 3.x that are supported, preferred first.
var minors = []int{13, 12, 11, 10, 9}

// interpreter is a real Python binary of the host, not a launcher of a version manager.
type interpreter struct {
	Path  string `json:"path"`
	Full  string `json:"full"` // "3.11.7"
	Minor int    `json:"minor"`
}

func (i interpreter) version() string { return "3." + strconv.Itoa(i.Minor) }

// interpreters remembers what was found: asking a binary who it is costs a process.
type interpreters struct {
	mu    sync.Mutex
	known map[string]*interpreter // by the path that was asked; nil: not a Python that we can use
	found map[[2]string]interpreter
}

const whoAreYou = `import sys, json
print(json.dumps({"path": getattr(sys, "_base_executable", "") or sys.executable, "full": "%d.%d.%d" % sys.version_info[:3], "minor": sys.version_info[1] if sys.version_info[0] == 3 else 0}))`

// find gives the first interpreter whose version satisfies wish (">=3.12", "==3.11", "" for any); prefer is a version that
// is taken when it is there.
func (is *interpreters) find(ctx context.Context, k lang.Kit, wish, prefer string) (interpreter, error) {
	is.mu.Lock()
	defer is.mu.Unlock()
	question := [2]string{wish, prefer}
	if i, ok := is.found[question]; ok {
		if _, err := os.Stat(i.Path); err == nil {
			return i, nil
		}
	}
	i, err := is.search(ctx, k, wish, prefer)
	if err == nil {
		if is.found == nil {
			is.found = map[[2]string]interpreter{}
		}
		is.found[question] = i
	}
	return i, err
}

func (is *interpreters) search(ctx context.Context, k lang.Kit, wish, prefer string) (interpreter, error) {
	var other *interpreter
	for _, path := range candidates() {
		i, err := is.ask(ctx, k, path)
		if err != nil {
			return interpreter{}, err
		}
		if i == nil || !satisfies(i.Minor, wish) {
			continue
		}
		if prefer == "" || prefer == i.version() {
			return *i, nil
		}
		if other == nil {
			other = i
		}
	}
	if other != nil {
		return *other, nil
	}
	if wish != "" {
		return interpreter{}, errs.New(errs.Unavailable, "this worker has no Python %s", wish).
			WithHint("install that version on the worker's host, or change the version that the script asks for")
	}
	return interpreter{}, errs.New(errs.Unavailable, "this worker has no Python 3.9 or newer").WithHint("%s", pythonTool.Hint)
}

func (is *interpreters) ask(ctx context.Context, k lang.Kit, path string) (*interpreter, error) {
	if i, ok := is.known[path]; ok {
		return i, nil
	}
	out, exit, err := k.RunQuiet(ctx, os.TempDir(), nil, path, "-I", "-S", "-c", whoAreYou)
	if err != nil {
		return nil, err
	}
	i := &interpreter{}
	if exit.Code != 0 || json.Unmarshal([]byte(out), i) != nil || i.Minor < minors[len(minors)-1] || i.Path == "" {
		i = nil
	}
	if is.known == nil {
		is.known = map[string]*interpreter{}
	}
	is.known[path] = i
	return i, nil
}

// candidates are the places to look, best first. Launchers of version managers ("shims") come last: each costs 100 ms and
// the versioned ones mostly fail.
func candidates() []string {
	var out []string
	seen := map[string]bool{}
	add := func(path string) {
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 && !seen[path] {
			seen[path] = true
			out = append(out, path)
		}
	}
	dirs := append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")
	for _, minor := range minors {
		for _, dir := range dirs {
			if filepath.IsAbs(dir) && filepath.Base(dir) != "shims" {
				add(filepath.Join(dir, "python3."+strconv.Itoa(minor)))
			}
		}
	}
	for _, dir := range dirs {
		if filepath.IsAbs(dir) {
			add(filepath.Join(dir, "python3"))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		for _, minor := range minors {
			found, _ := filepath.Glob(filepath.Join(home, ".pyenv/versions/3."+strconv.Itoa(minor)+".*/bin/python3."+strconv.Itoa(minor)))
			for _, path := range found {
				add(path)
			}
		}
	}
	return out
}

// satisfies compares a minor version with a wish as in requires-python: ">=3.11,<3.13".
func satisfies(minor int, wish string) bool {
	for _, part := range strings.Split(wish, ",") {
		op := strings.TrimRight(part, "0123456789.* ")
		numbers := strings.Split(strings.TrimSpace(part[len(op):]), ".")
		if len(numbers) < 2 || numbers[0] != "3" {
			continue
		}
		n, err := strconv.Atoi(numbers[1])
		if err != nil {
			continue
		}
		ok := true
		switch strings.TrimSpace(op) {
		case ">=", "~=":
			ok = minor >= n
		case ">":
			ok = minor > n || len(numbers) > 2 && minor == n
		case "<=":
			ok = minor <= n
		case "<":
			ok = minor < n || len(numbers) > 2 && minor == n && numbers[2] != "0"
		case "==", "===", "=":
			ok = minor == n
		case "!=":
			ok = minor != n || len(numbers) > 2 && numbers[2] != "*"
		}
		if !ok {
			return false
		}
	}
	return true
}
