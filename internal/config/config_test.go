package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/errs"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreComplete(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	c, err := config.Load(config.Input{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != filepath.Join(home, ".tidemill") || c.Listen != "127.0.0.1:8000" || !c.SQLite() || !c.Loopback() {
		t.Fatalf("got %+v", c)
	}
	if c.Slots() != runtime.NumCPU() || c.Lease != 15*time.Second || c.MaxBody != 128<<20 || c.Tags != nil {
		t.Fatalf("got %+v", c)
	}
}

func TestAFlagGoesBeforeTheEnvironmentThatBeforeTheFile(t *testing.T) {
	file := write(t, "c.yaml", "listen: 127.0.0.1:1\nlog-level: warn\nworkers: 3\ntags: [gpu, bash]\nmax-args: 1MB\n")
	data := t.TempDir()
	c, err := config.Load(config.Input{
		File:  file,
		Env:   []string{"TIDEMILL_LISTEN=127.0.0.1:2", "TIDEMILL_LOG_LEVEL=error", "TIDEMILL_DATA=" + data, "HOME=/nowhere"},
		Flags: map[string]string{"listen": "127.0.0.1:3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.LogLevel != "error" || c.Workers != 3 || c.Data != data || c.MaxArgs != 1<<20 {
		t.Fatalf("got %+v", c)
	}
	if d := cmp.Diff([]string{"gpu", "bash"}, c.Tags); d != "" {
		t.Fatal(d)
	}
}

func TestTheFileInTheDataFolderIsReadWithoutBeingNamed(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, config.FileName), []byte("# only\nbase-url: https://x.example.com/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Input{Flags: map[string]string{"data": data}})
	if err != nil {
		t.Fatal(err)
	}
	if c.URL("127.0.0.1:9") != "https://x.example.com" {
		t.Fatalf("got %q", c.URL(""))
	}
}

func TestWrongSettingsSayWhereAndWhatWouldBeRight(t *testing.T) {
	file := func(text string) config.Input { return config.Input{File: write(t, "c.yaml", text)} }
	env := func(kv ...string) config.Input { return config.Input{Env: kv} }
	flags := func(k, v string) config.Input { return config.Input{Flags: map[string]string{k: v}} }
	for _, tc := range []struct {
		name string
		in   config.Input
		want []string
	}{
		{"unknown in the file", file("\nlistn: x\n"), []string{"c.yaml:2", "listn", "did you mean listen?"}},
		{"snake case in the file", file("database_url: x"), []string{"did you mean database-url?"}},
		{"unknown in the environment", env("TIDEMILL_LOG_LEVLE=info"), []string{"TIDEMILL_LOG_LEVLE", "did you mean TIDEMILL_LOG_LEVEL?"}},
		{"far from everything", env("TIDEMILL_QQQQQQQQQQ=1"), []string{"TIDEMILL_QQQQQQQQQQ is not a setting"}},
		{"no such file", config.Input{File: "/no/such.yaml"}, []string{"/no/such.yaml", "cannot be read"}},
		{"not YAML", file("a: [b"), []string{"is not YAML"}},
		{"a list", file("- a"), []string{"must be a list of settings"}},
		{"twice", file("listen: :1\nlisten: :2"), []string{"listen"}},
		{"nested", file("listen: {a: b}"), []string{"must be a value"}},
		{"many for one", file("listen: [a, b]"), []string{"must be one value"}},
		{"no number", flags("workers", "two"), []string{"--workers", `"two" must be a whole number`}},
		{"no time", env("TIDEMILL_LEASE=15"), []string{"TIDEMILL_LEASE", "must be a time like 15s"}},
		{"no size", file("max-body: lots"), []string{"c.yaml:1", "must be a size like 64MB"}},
		{"negative size", flags("max-body", "-1"), []string{"must be a size"}},
		{"no switch", flags("allow-remote-setup", "perhaps"), []string{"must be true or false"}},
		{"no level", flags("log-level", "inf"), []string{"did you mean info?"}},
		{"no port", flags("listen", "localhost"), []string{"--listen", "must be an address and a port"}},
		{"a port too far", flags("listen", ":70000"), []string{"--listen", "is not a port"}},
		{"another database", flags("database-url", "mysql://u:hunter2@h/db"), []string{"must begin with postgres://"}},
		{"a base without a host", flags("base-url", "example.com"), []string{"must be like https://"}},
		{"no network", flags("trusted-proxies", "10.0.0.0/8,*"), []string{"--trusted-proxies", `"*" must be an address or a network`}},
		{"a short lease", flags("lease", "1ms"), []string{"between 1s and 1h"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Load(tc.in)
			if !errs.Is(err, errs.Invalid) {
				t.Fatalf("got %v", err)
			}
			text := strings.ReplaceAll(err.Error(), ": is not", " is not")
			for _, want := range tc.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not say %q", text, want)
				}
			}
			if strings.Contains(text, "hunter2") {
				t.Error("the error shows a password")
			}
		})
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	_, err := config.Load(config.Input{Flags: map[string]string{"data": t.TempDir()}, Env: []string{
		"TIDEMILL_TOKEN=x", "TIDEMILL_SERVICE_HOST=10.0.0.1", "TIDEMILL_PORT_8000_TCP=tcp://10.0.0.1:8000", "TIDEMILL_TEST_X=1",
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAJobsVariablesAreNoMistakes(t *testing.T) {
	in := config.Input{Flags: map[string]string{"data": t.TempDir()}, Env: []string{"TIDEMILL_TAG=gpu", "TIDEMILL_WORKER=w"}}
	if _, err := config.Load(in); err == nil {
		t.Fatal("outside of a job they are slips of the pen")
	}
	in.Env = append(in.Env, "TIDEMILL_JOB_ID=x")
	if _, err := config.Load(in); err != nil {
		t.Fatal(err)
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	_, err := config.Load(config.Input{Env: []string{"TIDEMILL_LEASE=x", "TIDEMILL_WORKERS=x", "TIDEMILL_NO=1"}})
	var e *errs.Error
	if !errors.As(err, &e) || len(e.Fields) != 3 {
		t.Fatalf("got %v", err)
	}
}

func TestLinksNameAnAddressThatABrowserCanOpen(t *testing.T) {
	for listening, want := range map[string]string{
		"127.0.0.1:8000": "http://127.0.0.1:8000", "[::]:80": "http://localhost:80", "0.0.0.0:1": "http://localhost:1",
		"[::1]:9": "http://[::1]:9", ":7": "http://localhost:7",
	} {
		if got := (config.Config{}).URL(listening); got != want {
			t.Errorf("%s: got %s, want %s", listening, got, want)
		}
	}
	for listen, want := range map[string]bool{"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, ":1": false, "10.0.0.1:1": false, "x": false} {
		if (config.Config{Listen: listen}).Loopback() != want {
			t.Errorf("%s: want %v", listen, want)
		}
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	for _, s := range config.Settings() {
		f := reflect.TypeFor[config.Config]()
		if s.Key == "" || s.Help == "" || len(s.For) == 0 {
			t.Errorf("%v: a field of %s without key, help or commands", s, f)
		}
	}
	path := "../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(path, []byte(config.Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(config.Markdown(), string(got)); d != "" {
		t.Fatalf("docs/configuration.md is stale: run go test ./internal/config -update\n%s", d)
	}
}

func FuzzFile(f *testing.F) {
	for _, s := range []string{"", "listen: :1", "a: &a [*a]", "? {a: b}: c", "- 1", "listen: !!binary aGk=", "tags: {a: [b]}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Skip()
		}
		if _, err := config.Load(config.Input{File: path}); err != nil && !errs.Is(err, errs.Invalid) {
			t.Fatal(err)
		}
	})
}
