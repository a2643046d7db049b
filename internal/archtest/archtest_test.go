package archtest

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

var update = flag.Bool("update", false, "rewrite the committed lists")

const root = "../.."

func TestTheHouseKeepsItsRules(t *testing.T) {
	found, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// Every rule is broken once in testdata/planted; a rule that does not notice is itself broken.
func TestEveryRuleNoticesAPlantedViolation(t *testing.T) {
	found, err := Check("testdata/planted")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`internal/api/api.go: children: only server and the all/ lists import store/sqlite; import store`,
		`internal/api/api.go: fence: imports database/sql: SQL stays under store/`,
		`internal/api/api.go: language: the id "snake3" stands outside internal/lang/snake`,
		`internal/blob/fs/fs.go: siblings: blob/fs may not import its sibling blob/s3`,
		`internal/domain/domain.go: layers: domain may not import store, which stands above it`,
		`internal/domain/domain.go: pure: domain calls time.Now`,
		`internal/domain/domain.go: pure: domain imports os`,
		`internal/domain/domain.go: pure: domain starts a goroutine`,
		`internal/store/store.go: parents: store may not import its child store/sqlite`,
		`internal/surprise: table: internal/surprise is in no layer: add it to the table in archtest.go and docs/architecture.md`,
		`internal/util: comment: has 0 package comments, must have one`,
		`internal/util: name: "util" says nothing about what it holds`,
		`internal/util: table: internal/util is in no layer: add it to the table in archtest.go and docs/architecture.md`,
		`internal/worker/worker.go: fence: imports os/exec: only the sandbox starts processes`,
	}
	var got []string
	for _, v := range found {
		got = append(got, v.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// docs/architecture.md is what people read: it must name every folder that exists.
func TestThePageNamesEveryFolder(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !bytes.Contains(page, []byte("`"+e.Name()+"`")) {
			t.Errorf("docs/architecture.md does not name internal/%s", e.Name())
		}
	}
}

// A new third-party module needs one line that says why.
func TestEveryModuleSaysWhyItIsHere(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	why, err := os.ReadFile(filepath.Join(root, "docs/modules.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect && !bytes.Contains(why, []byte("| "+r.Mod.Path+" |")) {
			t.Errorf("docs/modules.md has no line for %s", r.Mod.Path)
		}
	}
}

// What is linked into the binary is committed, so that a change of it is seen in review. Versions stand in go.mod.
func TestTheBinaryLinksTheCommittedModules(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/tidemill")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	got = slices.Compact(got)
	name := filepath.Join(root, "docs/modules.txt")
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Fields(string(data)); !slices.Equal(got, want) {
		for _, m := range got {
			if !slices.Contains(want, m) {
				t.Errorf("the binary now links %s; if that is wanted: make generate", m)
			}
		}
		for _, m := range want {
			if !slices.Contains(got, m) {
				t.Errorf("the binary no longer links %s; make generate", m)
			}
		}
	}
}
