package typescript

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
)

// lockSplit stands between the two halves of a lock: package.json and bun.lock. It is the shape of Windmill's locks, so
// those work here unchanged.
const lockSplit = "\n//bun.lock\n"

// emptyLock is how Windmill writes a lock without packages.
const emptyLock = "<empty>"

var _ lang.LockReader = language{}

func (l language) Lock(ctx context.Context, k lang.Kit, requirements []string) (string, error) {
	if len(requirements) == 0 {
		return "", nil
	}
	manifest, err := packageJSON(requirements)
	if err != nil {
		return "", err
	}
	bun, err := k.Tool(ctx, bunTool())
	if err != nil {
		return "", err
	}
	dir, err := scratch(k, "lock-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(manifest), 0o644); err != nil {
		return "", errs.Wrap(errs.Internal, err, "the lock cannot be prepared")
	}
	out, exit, err := k.Run(ctx, dir, installEnv(k), bun, "install", "--lockfile-only", "--ignore-scripts", "--no-progress")
	if err != nil {
		return "", err
	}
	if exit.Code != 0 {
		return "", installError(out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "bun.lock"))
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "bun resolved the packages and left no lock")
	}
	return manifest + lockSplit + string(text), nil
}

// Missing implements lang.LockReader: the manifest in the lock says what was asked for.
func (language) Missing(lock string, requirements []string) []string {
	manifest, _, _ := strings.Cut(lock, lockSplit)
	var asked struct{ Dependencies map[string]string }
	if lock != "" && lock != emptyLock && json.Unmarshal([]byte(manifest), &asked) != nil {
		return nil // a lock of some other shape: Prepare has its say
	}
	var out []string
	for _, r := range requirements {
		name, version := splitRequirement(r)
		if have, ok := asked.Dependencies[name]; !ok || version != "" && version != have {
			out = append(out, r)
		}
	}
	return out
}

// packageJSON is the manifest of the requirements, sorted. Two different versions of a package are an error that names them.
func packageJSON(requirements []string) (string, error) {
	versions := map[string]string{}
	for _, r := range requirements {
		name, version := splitRequirement(r)
		if !packageName(name) {
			return "", errs.New(errs.Invalid, "%q is not the name of an npm package", r).WithHint("write name or name@version")
		}
		old := versions[name]
		if old != "" && version != "" && old != version {
			return "", errs.New(errs.Invalid, "the package %s is asked for in two versions: %s and %s", name, old, version).
				WithHint("import the same version everywhere; the imports of imported scripts count too")
		}
		if old == "" {
			versions[name] = version
		}
	}
	for name, v := range versions {
		if v == "" {
			versions[name] = "latest"
		}
	}
	text, err := json.MarshalIndent(map[string]any{"dependencies": versions}, "", "  ")
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "the package list cannot be written")
	}
	return string(text), nil
}

func splitRequirement(r string) (name, version string) {
	if at := strings.LastIndexByte(r, '@'); at > 0 {
		return r[:at], r[at+1:]
	}
	return r, ""
}

// scratch makes a private directory on the cache's disk.
func scratch(k lang.Kit, prefix string) (string, error) {
	parent := filepath.Join(k.CacheDir, string(ID))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "the worker may not write its cache").WithHint("make the data folder writable")
	}
	dir, err := os.MkdirTemp(parent, "."+prefix)
	if err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "the worker may not write its cache").WithHint("make the data folder writable")
	}
	return dir, nil
}

// installEnv is the environment of installs. The cache of packages is ours alone, on the same disk as what is installed from
// it, so that files are linked and not copied.
func installEnv(k lang.Kit) []string {
	return k.BuildEnv("BUN_INSTALL_CACHE_DIR="+filepath.Join(k.CacheDir, string(ID), ".packages"), "DO_NOT_TRACK=1")
}

// installError puts bun's complaint into plain words.
func installError(out string) error {
	hint := "check the name on npm; a version can be given in the import: name@1.2.3"
	var first string
	for line := range strings.Lines(out) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "error: ")
		if !ok {
			continue
		}
		if first == "" {
			first = line
		}
		spec, failed := strings.CutSuffix(line, " failed to resolve")
		if !failed {
			continue
		}
		name, version := splitRequirement(spec)
		switch {
		case strings.HasSuffix(first, "- 404"):
			return errs.New(errs.Invalid, "there is no npm package named %s", name).WithHint("%s", hint)
		case strings.Contains(first, "package exists"):
			return errs.New(errs.Invalid, "the npm package %s has no version %s", name, version).WithHint("%s", hint)
		}
	}
	for _, s := range []string{"ConnectionRefused", "ECONNREFUSED", "ENOTFOUND", "DNSResolveFailed", "FailedToOpenSocket", "ConnectionClosed", "Timeout", "CERT", "- 5", "- 429"} {
		if strings.Contains(first, s) {
			return errs.New(errs.Unavailable, "the npm registry cannot be reached: %s", first).WithHint("check the network and the proxy settings of the worker, then deploy again")
		}
	}
	if first == "" {
		lines := strings.Split(strings.TrimSpace(out), "\n")
		first = lines[len(lines)-1]
	}
	return errs.New(errs.Invalid, "the packages cannot be installed: %s", first).WithHint("see the log for what bun said")
}

// splitLock takes a lock apart; ok is false when it names no packages.
func splitLock(lock string) (manifest, bunLock string, ok bool) {
	if strings.TrimSpace(lock) == "" {
		return "", "", false
	}
	manifest, bunLock, found := strings.Cut(lock, lockSplit)
	bunLock = strings.TrimSpace(bunLock)
	if !found || bunLock == emptyLock || bunLock == "" {
		var m struct {
			Dependencies map[string]string `json:"dependencies"`
		}
		if json.Unmarshal([]byte(manifest), &m) == nil && len(m.Dependencies) == 0 {
			return "", "", false
		}
		bunLock = ""
	}
	return manifest, bunLock, true
}

// packages installs a lock, once, and gives the directory that holds its node_modules; "" for a lock without packages.
func packages(ctx context.Context, k lang.Kit, bun, lock string) (string, error) {
	manifest, bunLock, ok := splitLock(lock)
	if !ok {
		return "", nil
	}
	return k.Build(ctx, ID, "packages-"+lang.Key("1", manifest, bunLock), func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(manifest), 0o644); err != nil {
			return errs.Wrap(errs.Internal, err, "the packages cannot be installed")
		}
		argv := []string{bun, "install", "--ignore-scripts", "--no-progress", "--linker", "hoisted", "--production"}
		if bunLock != "" {
			if err := os.WriteFile(filepath.Join(dir, "bun.lock"), []byte(bunLock+"\n"), 0o644); err != nil {
				return errs.Wrap(errs.Internal, err, "the packages cannot be installed")
			}
			argv = append(argv, "--frozen-lockfile")
		}
		out, exit, err := k.Run(ctx, dir, installEnv(k), argv...)
		if err != nil {
			return err
		}
		if exit.Code != 0 {
			return installError(out)
		}
		return nil
	})
}
