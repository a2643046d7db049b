package lang_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

const language = "testing"

func fill(dir string) error { return os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644) }

func TestOneOfManyBuilds(t *testing.T) {
	k := langtest.NewKit(t, process.New())
	var built atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := k.Build(t.Context(), language, "key", func(dir string) error {
				built.Add(1)
				return fill(dir)
			})
			if err != nil || dir != k.Dir(language, "key") {
				t.Errorf("got %s, %v", dir, err)
			}
			if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "x" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
	wg.Wait()
	if built.Load() != 1 {
		t.Errorf("%d built, want 1", built.Load())
	}
}

func TestAFailedBuildLeavesNothing(t *testing.T) {
	k := langtest.NewKit(t, process.New())
	bad := errors.New("no")
	if _, err := k.Build(t.Context(), language, "key", func(dir string) error { return errors.Join(fill(dir), bad) }); !errors.Is(err, bad) {
		t.Errorf("got %v, want what the builder returned", err)
	}
	entries, err := os.ReadDir(filepath.Join(k.CacheDir, language))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
	if _, err := k.Build(t.Context(), language, "key", fill); err != nil {
		t.Errorf("the next build failed: %v", err)
	}
}

// A worker that died in a build left a half-filled directory, and one that died in the rename a directory without marker.
func TestGarbageOfACrashIsReplaced(t *testing.T) {
	k := langtest.NewKit(t, process.New())
	for _, name := range []string{"key", ".tmp-key"} {
		dir := filepath.Join(k.CacheDir, language, name, "sub")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "garbage"), nil, 0o444); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := k.Build(t.Context(), language, "key", fill)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "sub")); err == nil {
		t.Error("the garbage is still there")
	}
}

func TestWaitingForABuildCanBeCanceled(t *testing.T) {
	k := langtest.NewKit(t, process.New())
	building, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := k.Build(t.Context(), language, "key", func(dir string) error {
			close(building)
			<-release
			return fill(dir)
		})
		done <- err
	}()
	<-building
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Build(ctx, language, "key", fill); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestKeysCannotLeaveTheCache(t *testing.T) {
	k := langtest.NewKit(t, process.New())
	for _, key := range []string{"", "..", "a/b", ".hidden", "../../x", strings.Repeat("x", 300)} {
		if _, err := k.Build(t.Context(), language, key, fill); err == nil {
			t.Errorf("%q named a directory", key)
		}
	}
	if lang.Key("ab", "c") == lang.Key("a", "bc") || len(lang.Key()) != 40 {
		t.Error("parts of a key run into each other")
	}
}

func TestStepsSeeTheSettingsOfRegistryClientsOnly(t *testing.T) {
	for name, value := range map[string]string{
		"TIDEMILL_DATABASE_URL": "secret", "AWS_SECRET_ACCESS_KEY": "secret", "PIP_INDEX_URL": "index", "npm_config_registry": "registry",
		"GOPROXY": "proxy", "https_proxy": "http://proxy", "SSL_CERT_FILE": "/certs", "WM_TOKEN": "secret",
	} {
		t.Setenv(name, value)
	}
	k := langtest.NewKit(t, process.New())
	env := k.BuildEnv("GOPROXY=off", "EXTRA=1")
	for _, want := range []string{"PIP_INDEX_URL=index", "npm_config_registry=registry", "GOPROXY=off", "https_proxy=http://proxy", "SSL_CERT_FILE=/certs", "EXTRA=1"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	for _, kv := range env {
		if strings.Contains(kv, "secret") {
			t.Errorf("%s reaches an install step", kv)
		}
	}
}

func TestAStepTellsItsOutputAndItsEnd(t *testing.T) {
	k := langtest.NewKit(t, process.New())
	var log strings.Builder
	k.Log = &log
	out, exit, err := k.Run(t.Context(), t.TempDir(), nil, "sh", "-c", "echo out; echo err >&2; exit 4")
	if err != nil || exit.Code != 4 || out != "out\nerr\n" || log.String() != out {
		t.Errorf("got %q, %+v, %v; log %q", out, exit, err, log.String())
	}
	out, _, err = k.RunQuiet(t.Context(), t.TempDir(), nil, "sh", "-c", "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last")
	if err != nil || len(out) > 1<<20 || !strings.HasPrefix(out, "first\n") || !strings.HasSuffix(out, "\nlast\n") || !strings.Contains(out, "left out") {
		t.Errorf("got %d bytes, %v; want the beginning and the end", len(out), err)
	}
}

func TestToolsAreFoundBeforeTheyAreInstalled(t *testing.T) {
	k := langtest.NewKit(t, process.New())
	k.ToolsDir = filepath.Join(k.CacheDir, "tools")
	own := filepath.Join(t.TempDir(), "own-tool")
	if err := os.WriteFile(own, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Tool(t.Context(), lang.Tool{Name: "no-such-tool", Paths: []string{"/nowhere", own}, NPM: "never@1.0.0"}); err != nil || got != own {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := k.Tool(t.Context(), lang.Tool{Name: "sh"}); err != nil || !filepath.IsAbs(got) {
		t.Errorf("got %s, %v", got, err)
	}
	_, err := k.Tool(t.Context(), lang.Tool{Name: "no-such-tool", Hint: "ask the smith"})
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind != errs.Unavailable || e.Hint != "ask the smith" {
		t.Errorf("got %v, want unavailable with the hint", err)
	}
}

func TestAToolIsInstalledOnce(t *testing.T) {
	if _, ok := lang.LookPath("npm"); !ok {
		t.Skip("MISSING RUNTIME npm")
	}
	k := langtest.NewKit(t, process.New())
	k.ToolsDir = filepath.Join(k.CacheDir, "tools")
	tool := lang.Tool{Name: "semver-tool", NPM: "semver@7.6.3", NPMPath: "bin/semver.js", Hint: "x"}
	var log strings.Builder
	k.Log = &log
	got, err := k.Tool(t.Context(), tool)
	if err != nil {
		t.Fatal(err)
	}
	again, err := k.Tool(t.Context(), tool)
	if err != nil || got != again || strings.Count(log.String(), "Installing") != 1 {
		t.Errorf("got %s, %s, %v, log %q", got, again, err, log.String())
	}
	if out, exit, err := k.Run(t.Context(), t.TempDir(), nil, got, "1.2.3"); err != nil || exit.Code != 0 || out != "1.2.3\n" {
		t.Errorf("it does not run: %q, %+v, %v", out, exit, err)
	}
	_, err = k.Tool(t.Context(), lang.Tool{Name: "nothing", NPM: "@tidemill/no-such-package-x@1.0.0", NPMPath: "x", Hint: "ask the smith"})
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	t.Log(err)
}
