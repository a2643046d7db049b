package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/client"
)

func TestPathAndLanguageComeFromTheFileName(t *testing.T) {
	languages := []client.Language{{ID: "short", Suffixes: []string{".ts"}}, {ID: "long", Suffixes: []string{".bun.ts"}}, {ID: "sh", Suffixes: []string{".sh"}}}
	for _, c := range []struct{ file, path, language string }{
		{"examples/f/tools/hello.ts", "f/tools/hello", "short"},
		{"f/tools/hello.bun.ts", "f/tools/hello", "long"},
		{"/srv/f/old/f/tools/deep/er.sh", "f/tools/deep/er", "sh"}, // the last folder called f counts
		{"u/ada/notes.sh", "u/ada/notes", "sh"},
		{"/srv/hello.ts", "", "short"},
		{"f/tools/.ts", "", ""},
		{"f/tools/hello.txt", "", ""},
	} {
		got, ok := scriptOf(c.file, languages)
		if ok != (c.language != "") || ok && (got.path != c.path || got.language != c.language) {
			t.Errorf("%s: got %q in %q, %v; want %q in %q", c.file, got.path, got.language, ok, c.path, c.language)
		}
	}
}

func TestArgumentsFollowTheSchema(t *testing.T) {
	schema := json.RawMessage(`{"properties":{"zip":{"type":"string"},"n":{"type":"integer"}}}`)
	dir := t.TempDir()
	file := filepath.Join(dir, "args.json")
	if err := os.WriteFile(file, []byte(`{"n": 12345678901234567890, "keep": 1.0}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{}
	for _, c := range []struct {
		args []string
		data string
		want string
	}{
		{nil, "", `{}`},
		{[]string{"zip=01234"}, "", `{"zip":"01234"}`},
		{[]string{"n=5"}, "", `{"n":5}`},
		{[]string{"n=five"}, "", `{"n":"five"}`},
		{[]string{`other={"a":[1]}`}, "", `{"other":{"a":[1]}}`},
		{[]string{"zip="}, "", `{"zip":""}`},
		{[]string{"zip=a=b"}, "", `{"zip":"a=b"}`},
		{nil, file, `{"n": 12345678901234567890, "keep": 1.0}`}, // untouched
		{[]string{"keep=2"}, file, `{"keep":2,"n":12345678901234567890}`},
	} {
		got, err := a.merge(c.args, c.data, schema)
		if err != nil || string(got) != c.want {
			t.Errorf("%v %s: %s, %v; want %s", c.args, filepath.Base(c.data), got, err, c.want)
		}
	}
	if _, err := a.merge([]string{"nonsense"}, "", nil); err == nil {
		t.Error("an argument without = was taken")
	}
}

func TestTheExitCodeIsTheScripts(t *testing.T) {
	for result, want := range map[string]int{
		`{"error":{"name":"ExitCode","message":"exit code 3"}}`:             3,
		`{"error":{"name":"ExitCode","message":"exit code 42\nlast line"}}`: 42,
		`{"error":{"name":"ExitCode","message":"x","code":7}}`:              7,
		`{"error":{"name":"ValueError","message":"bad"}}`:                   1,
		`{"error":{"name":"ExitCode","message":"exit code 900"}}`:           1,
		`null`: 1,
	} {
		if got := codeOf(json.RawMessage(result)); got != want {
			t.Errorf("%s: exit code %d, want %d", result, got, want)
		}
	}
}

func TestWithoutACommandTheServerStarts(t *testing.T) {
	for line, want := range map[string]string{
		"":                 "started",
		"--data /x":        "started",
		"start":            "started",
		"--help":           "Usage",
		"--version":        "v1",
		"bananas":          "unknown command",
		"runs --status no": "none of queued",
	} {
		start := &cobra.Command{Use: "start", RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write([]byte("started"))
			return err
		}}
		start.Flags().String("data", "", "")
		var out bytes.Buffer
		Main(context.Background(), Options{
			Args: strings.Fields(line), In: strings.NewReader(""), Out: &out, Err: &out,
			Getenv: func(k string) string {
				return map[string]string{"TIDEMILL_URL": "http://127.0.0.1:1", "TIDEMILL_WORKSPACE": "w"}[k]
			},
			Version: "v1", Server: []*cobra.Command{start}, Default: "start",
		})
		if !strings.Contains(out.String(), want) {
			t.Errorf("tidemill %s: %q, want %q in it", line, out.String(), want)
		}
	}
}

func TestHumanTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1400 * time.Microsecond: "1.4 ms", 82 * time.Millisecond: "82 ms", 3200 * time.Millisecond: "3.2 s", 130 * time.Second: "2 m 10 s",
	} {
		if got := human(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
