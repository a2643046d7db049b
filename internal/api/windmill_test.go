package api

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestThePublishedClientWorks drives the server with Windmill's own client, unchanged, as npm delivers it.
func TestThePublishedClientWorks(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED, NOTHING WAS TESTED: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	dir := t.TempDir()
	install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "windmill-client@1.818.0")
	install.Dir = dir
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, NOTHING WAS TESTED: windmill-client cannot be installed: %v\n%s", err, out)
	}
	code, err := os.ReadFile("testdata/client.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "client.mjs"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	e := newEnv(t).withWorker()
	run := exec.CommandContext(ctx, "node", "client.mjs", e.server.URL, e.dev)
	run.Dir = dir
	out, err := run.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok the end") {
		t.Errorf("%v\n%s", err, out)
	}
}
