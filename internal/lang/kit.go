package lang

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// StepLimit bounds one install or compile step.
const StepLimit = 15 * time.Minute

// marker is written last into a finished directory; a directory without it is garbage of a crash.
const marker = ".ok"

// Key is the name of a content-addressed directory: a hash of all parts, each of which may hold anything.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		io.WriteString(h, p)
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_@=+-][A-Za-z0-9._@=+-]{0,199}$`)

// Dir is where Build puts (or has put) the directory of key. The path is known before the build, for files that must
// name it.
func (k Kit) Dir(lang domain.Language, key string) string {
	return filepath.Join(k.CacheDir, string(lang), key)
}

// Built reports the directory of key when it is finished. It costs one stat.
func (k Kit) Built(lang domain.Language, key string) (dir string, ok bool) {
	dir = k.Dir(lang, key)
	_, err := os.Stat(filepath.Join(dir, marker))
	return dir, err == nil
}

// Build makes the immutable directory of key, once: fn fills a temporary directory, which is then synced to disk, made
// read-only and renamed into place. A finished directory is returned at once. Of two callers that race, in this process or
// another, one builds and both get the result. What fn returns is returned as it is, and nothing is left behind.
func (k Kit) Build(ctx context.Context, lang domain.Language, key string, fn func(dir string) error) (string, error) {
	if !keyForm.MatchString(key) {
		return "", errs.New(errs.Internal, "%q cannot name a cache directory", key)
	}
	if dir, ok := k.Built(lang, key); ok {
		return dir, nil
	}
	return buildOnce(ctx, k.Dir(lang, key), fn)
}

// buildOnce is Build for any final path.
func buildOnce(ctx context.Context, final string, fn func(dir string) error) (string, error) {
	parent, base := filepath.Split(final)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", diskError(err)
	}
	unlock, err := lockFile(ctx, filepath.Join(parent, "."+base+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(final, marker)); err == nil {
		return final, nil // another built it while we waited
	}
	// The lock makes us the only builder, so whatever stands under these names is left from a crash.
	temp := filepath.Join(parent, ".tmp-"+base)
	for _, garbage := range []string{temp, final} {
		if err := removeAll(garbage); err != nil {
			return "", diskError(err)
		}
	}
	if err := os.Mkdir(temp, 0o755); err != nil {
		return "", diskError(err)
	}
	defer removeAll(temp)
	if err := fn(temp); err != nil {
		return "", err
	}
	if err := seal(temp); err != nil {
		return "", diskError(err)
	}
	if err := os.Rename(temp, final); err != nil {
		return "", diskError(err)
	}
	if err := syncPath(parent); err != nil {
		return "", diskError(err)
	}
	return final, nil
}

// seal makes the tree durable and read-only, with the marker last.
func seal(root string) error {
	const fewFiles = 64 // beyond, one sync of the file system is cheaper than one per file
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() || d.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(files) > fewFiles {
		err = syncTree(root, files)
	} else {
		err = syncFiles(files)
	}
	if err != nil {
		return err
	}
	ok := filepath.Join(root, marker)
	if err := os.WriteFile(ok, nil, 0o444); err != nil {
		return err
	}
	if err := syncFiles([]string{ok, root}); err != nil {
		return err
	}
	for i := len(files) - 1; i >= 0; i-- { // children before their directory
		info, err := os.Lstat(files[i])
		if err != nil {
			return err
		}
		if err := os.Chmod(files[i], info.Mode().Perm()&^0o222); err != nil {
			return err
		}
	}
	return nil
}

func syncFiles(paths []string) error {
	for _, p := range paths {
		if err := syncPath(p); err != nil {
			return err
		}
	}
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// removeAll removes a tree that seal may have made read-only.
func removeAll(root string) error {
	if _, err := os.Lstat(root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
	return os.RemoveAll(root)
}

// lockFile takes an exclusive lock between processes and goroutines. The file stays: removing it would let two hold it.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, diskError(err)
	}
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
			return func() { f.Close() }, nil
		case unix.EWOULDBLOCK, unix.EINTR:
		default:
			f.Close()
			return nil, diskError(err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// diskError names what a person can do about a failing cache directory.
func diskError(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return errs.Wrap(errs.StorageFull, err, "the disk of the data folder is full").WithHint("free some space and run it again")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return errs.Wrap(errs.Unavailable, err, "the worker may not write its cache").
			WithHint("make the data folder writable for the user that runs Tidemill")
	}
	return errs.Wrap(errs.Internal, err, "the cache of the worker cannot be written")
}

// Variables of our own environment that registry clients and compilers need: where they are, which proxy and which
// certificates the machine uses, and the machine's own settings of each client. Nothing else is passed on.
var (
	buildVars = map[string]bool{
		"PATH": true, "HOME": true, "USER": true, "LOGNAME": true, "LANG": true, "LC_ALL": true, "TMPDIR": true, "TZ": true,
		"XDG_CONFIG_HOME": true, "XDG_CACHE_HOME": true, "NETRC": true,
		"HTTP_PROXY": true, "HTTPS_PROXY": true, "NO_PROXY": true, "ALL_PROXY": true,
		"NODE_EXTRA_CA_CERTS": true, "SSL_CERT_FILE": true, "SSL_CERT_DIR": true, "REQUESTS_CA_BUNDLE": true,
		"CURL_CA_BUNDLE": true, "GIT_SSL_CAINFO": true,
		"GOPROXY": true, "GOSUMDB": true, "GONOSUMDB": true, "GONOPROXY": true, "GOPRIVATE": true, "GOINSECURE": true,
		"GOFLAGS": true, "GOTOOLCHAIN": true, "GOPATH": true, "GOMODCACHE": true, "GOCACHE": true, "GOROOT": true,
	}
	buildPrefixes = []string{"PIP_", "NPM_CONFIG_", "UV_", "BUN_CONFIG_", "PYENV_"}
)

// BuildEnv is the environment of install and compile steps: the machine's settings of registry clients and nothing else,
// so that an install works wherever the machine's own npm, pip and go work. Extra entries (KEY=VALUE) win.
func (k Kit) BuildEnv(extra ...string) []string {
	env := []string{}
	at := map[string]int{}
	set := func(kv string) {
		name, _, _ := strings.Cut(kv, "=")
		if i, ok := at[name]; ok {
			env[i] = kv
			return
		}
		at[name] = len(env)
		env = append(env, kv)
	}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		upper := strings.ToUpper(name)
		keep := buildVars[upper] && (name == upper || strings.HasSuffix(upper, "_PROXY"))
		for _, p := range buildPrefixes {
			keep = keep || strings.HasPrefix(upper, p)
		}
		if keep && value != "" {
			set(kv)
		}
	}
	if _, ok := at["HOME"]; !ok {
		set("HOME=" + filepath.Join(k.CacheDir, "home"))
	}
	if _, ok := at["PATH"]; !ok {
		set("PATH=/usr/local/bin:/usr/bin:/bin")
	}
	set("NO_COLOR=1")
	for _, kv := range extra {
		set(kv)
	}
	return env
}

// Temp makes a private directory in the cache for one step; the caller removes it.
func (k Kit) Temp(what string) (string, error) {
	parent := filepath.Join(k.CacheDir, "tmp")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", diskError(err)
	}
	dir, err := os.MkdirTemp(parent, what+"-")
	if err != nil {
		return "", diskError(err)
	}
	return dir, nil
}

// Run runs one install or compile step in dir, with the network and without any job's secrets. A nil env is BuildEnv.
// Output is stdout and stderr as they came, shortened in the middle when huge, and is copied to k.Log. A step that ran and
// failed is not an error but an Exit; a canceled ctx is.
func (k Kit) Run(ctx context.Context, dir string, env []string, argv ...string) (string, sandbox.Exit, error) {
	return k.run(ctx, dir, env, k.log(), argv)
}

// RunQuiet is Run without the copy to k.Log, for steps whose output is data or is told in other words.
func (k Kit) RunQuiet(ctx context.Context, dir string, env []string, argv ...string) (string, sandbox.Exit, error) {
	return k.run(ctx, dir, env, io.Discard, argv)
}

func (k Kit) run(ctx context.Context, dir string, env []string, log io.Writer, argv []string) (string, sandbox.Exit, error) {
	if env == nil {
		env = k.BuildEnv()
	}
	kept := &excerpt{}
	out := io.MultiWriter(kept, log)
	exit, err := sandbox.Run(ctx, k.Sandbox, sandbox.Spec{
		Argv: argv, Env: env, Dir: dir,
		Mounts: []sandbox.Mount{{Host: k.CacheDir, Writable: true}, {Host: k.ToolsDir, Writable: true}},
		Limits: sandbox.Limits{Wall: StepLimit},
		Net:    sandbox.NetHost,
		Stdout: out, Stderr: out,
		Grace: time.Second,
	})
	switch {
	case err != nil:
		return kept.String(), exit, err
	case ctx.Err() != nil:
		return kept.String(), exit, ctx.Err()
	case exit.Killed == sandbox.KillTimeout:
		return kept.String(), exit, errs.New(errs.Timeout, "%s took longer than %s", filepath.Base(argv[0]), StepLimit).
			WithHint("see the log for what it was doing; a registry that does not answer is the usual cause")
	}
	return kept.String(), exit, nil
}

func (k Kit) log() io.Writer {
	if k.Log == nil {
		return io.Discard
	}
	return k.Log
}

// excerpt keeps the beginning and the end of what is written to it.
type excerpt struct {
	head, tail []byte
	dropped    int
}

const excerptHalf = 256 << 10 // bytes

func (e *excerpt) Write(p []byte) (int, error) {
	n := len(p)
	if room := excerptHalf - len(e.head); room > 0 {
		take := min(room, len(p))
		e.head = append(e.head, p[:take]...)
		p = p[take:]
	}
	e.tail = append(e.tail, p...)
	if over := len(e.tail) - excerptHalf; over > excerptHalf {
		e.dropped += over
		e.tail = append([]byte(nil), e.tail[over:]...)
	}
	return n, nil
}

func (e *excerpt) String() string {
	if e.dropped == 0 {
		return string(e.head) + string(e.tail)
	}
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", e.head, e.dropped, e.tail)
}
