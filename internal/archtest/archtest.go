// Package archtest makes the import rules of docs/architecture.md executable: which folder may import which, which
// packages stand behind a fence, where the names of languages may stand. Its test runs on this repository, and on a small
// planted tree in which every rule is broken once, so that a rule that cannot fail is noticed.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/tidemill/tidemill"

// layers lists the folders under internal/ from the ground up. A package imports lower layers, and in its own layer only
// folders that stand before it. A folder that is missing here is itself a violation.
var layers = [][]string{
	{"errs", "id", "lifecycle", "config", "telemetry"},
	{"domain"},
	{"expr", "flow", "cron", "perm"},
	{"store", "blob", "sandbox", "secret", "lang", "task", "trigger"},
	{"events", "audit", "account", "queue", "engine", "deploy", "worker", "dispatch"},
	{"api", "client", "cli"},
	{"server"},
}

// outside lists the packages that are not under internal/ and what each may import of ours.
var outside = map[string][]string{
	"cmd/tidemill": {"internal/cli", "internal/server"},
	"web":          {},
}

// siblings are the exceptions from "siblings never import each other": child → the siblings it may import.
var siblings = map[string][]string{
	"store/sqlite":   {"sqldb"},
	"store/postgres": {"sqldb"},
}

// parents may import these children: the suites and lists that exist for that, and server wires everything.
var childImporters = []string{"internal/server"}

// fence keeps a package out of everywhere but the named folders. A pattern ending in "/" also means what is below it.
type fence struct {
	pkg     string
	allowed []string
	why     string
}

var fences = []fence{
	{"database/sql", []string{"internal/store/"}, "SQL stays under store/"},
	{"modernc.org/sqlite", []string{"internal/store/sqlite"}, "drivers stay in their store"},
	{"github.com/jackc/pgx/v5", []string{"internal/store/"}, "drivers stay in their store"},
	{"os/exec", []string{"internal/sandbox/"}, "only the sandbox starts processes"},
	{"os/signal", []string{"internal/server"}, "only the server listens to signals"},
}

// pure folders decide and never act.
var pure = []string{"domain", "flow", "expr", "cron", "perm"}

// Violation is a broken rule at a place.
type Violation struct {
	Where string // file or folder, relative to the root
	Rule  string // name of the rule
	What  string
}

func (v Violation) String() string { return v.Where + ": " + v.Rule + ": " + v.What }

type file struct {
	rel     string // slash path relative to the root
	dir     string
	test    bool
	syntax  *ast.File
	imports []string
}

// Check reads all Go files below root and returns the broken rules, sorted.
func Check(root string) ([]Violation, error) {
	files, err := load(root)
	if err != nil {
		return nil, err
	}
	c := checker{files: files, ids: languageIDs(files)}
	for _, f := range files {
		c.imports(f)
		c.fences(f)
		c.purity(f)
		c.languages(f)
	}
	c.folders()
	slices.SortFunc(c.found, func(a, b Violation) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(c.found), nil
}

func load(root string) ([]file, error) {
	var files []file
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (name == "node_modules" || name == "testdata" || name == "examples" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || hasOwnModule(p)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f := file{rel: filepath.ToSlash(rel), syntax: syntax, test: strings.HasSuffix(name, "_test.go")}
		f.dir = path.Dir(f.rel)
		for _, i := range syntax.Imports {
			v, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, v)
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func hasOwnModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

type checker struct {
	files []file
	ids   map[string]string // language id → folder
	found []Violation
}

func (c *checker) add(where, rule, format string, args ...any) {
	c.found = append(c.found, Violation{where, rule, fmt.Sprintf(format, args...)})
}

// place finds the layer and the position in it of a folder under internal/.
func place(top string) (layer, position int, ok bool) {
	for i, l := range layers {
		if j := slices.Index(l, top); j >= 0 {
			return i, j, true
		}
	}
	return 0, 0, false
}

func (c *checker) imports(f file) {
	if f.test { // tests may use whatever they test with; cycles are the compiler's business
		return
	}
	for _, imp := range f.imports {
		target, ours := strings.CutPrefix(imp, module+"/")
		if !ours || target == f.dir {
			continue
		}
		if !strings.HasPrefix(f.dir, "internal/") {
			if allowed, known := outside[f.dir]; known && !slices.Contains(allowed, target) {
				c.add(f.rel, "layers", "%s may not import %s", f.dir, target)
			}
			continue
		}
		if target == "web" {
			if f.dir != "internal/server" {
				c.add(f.rel, "layers", "only server serves the UI")
			}
			continue
		}
		if testSupport(f.dir) { // suites and clusters for tests are never part of the binary
			continue
		}
		c.edge(f, strings.TrimPrefix(f.dir, "internal/"), strings.TrimPrefix(target, "internal/"))
	}
}

// testSupport says whether a folder exists for tests only.
func testSupport(dir string) bool {
	base := path.Base(dir)
	return strings.HasSuffix(base, "test") && base != "archtest" || base == "faulty"
}

func (c *checker) edge(f file, from, to string) {
	fromTop, fromRest, fromChild := strings.Cut(from, "/")
	toTop, toRest, toChild := strings.Cut(to, "/")
	if fromTop == toTop {
		switch {
		case fromChild && !toChild: // child → parent
		case !fromChild && toChild && from != "server":
			c.add(f.rel, "parents", "%s may not import its child %s", from, to)
		case fromChild && toChild && path.Base(from) == "all":
		case fromChild && toChild && !strings.HasPrefix(toRest, fromRest+"/") && !strings.HasPrefix(fromRest, toRest+"/") &&
			!slices.Contains(siblings[from], toRest):
			c.add(f.rel, "siblings", "%s may not import its sibling %s", from, to)
		}
		return
	}
	fl, fp, ok := place(fromTop)
	tl, tp, ok2 := place(toTop)
	if !ok || !ok2 {
		return // folders() reports the unknown one
	}
	if tl > fl || tl == fl && tp > fp {
		c.add(f.rel, "layers", "%s may not import %s, which stands above it", from, to)
	}
	if toChild && !slices.Contains(childImporters, f.dir) {
		c.add(f.rel, "children", "only server and the all/ lists import %s; import %s", to, toTop)
	}
}

func (c *checker) fences(f file) {
	if f.test || testSupport(f.dir) || f.dir == "bench" { // bench starts the binary, and the bare commands it is compared with
		return
	}
	for _, imp := range f.imports {
		for _, fence := range fences {
			if imp != fence.pkg && !strings.HasPrefix(imp, fence.pkg+"/") {
				continue
			}
			if !slices.ContainsFunc(fence.allowed, func(a string) bool {
				return f.dir == strings.TrimSuffix(a, "/") || strings.HasSuffix(a, "/") && strings.HasPrefix(f.dir+"/", a)
			}) {
				c.add(f.rel, "fence", "imports %s: %s", imp, fence.why)
			}
		}
	}
}

func (c *checker) purity(f file) {
	top, _, _ := strings.Cut(strings.TrimPrefix(f.dir, "internal/"), "/")
	if f.test || !strings.HasPrefix(f.dir, "internal/") || !slices.Contains(pure, top) {
		return
	}
	for _, imp := range f.imports {
		if imp == "os" || imp == "net" || strings.HasPrefix(imp, "os/") || strings.HasPrefix(imp, "net/") && imp != "net/url" && imp != "net/netip" {
			c.add(f.rel, "pure", "%s imports %s", top, imp)
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			c.add(f.rel, "pure", "%s starts a goroutine", top)
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && (n.Sel.Name == "Now" || n.Sel.Name == "Sleep" || n.Sel.Name == "After") {
				c.add(f.rel, "pure", "%s calls time.%s", top, n.Sel.Name)
			}
		}
		return true
	})
}

// languageIDs reads the id of each language from its folder: the field ID of its lang.Manifest.
func languageIDs(files []file) map[string]string {
	ids := map[string]string{}
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.dir, "internal/lang/")
		if !ok || f.test || strings.Contains(rest, "/") || testSupport(f.dir) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || !isManifest(lit.Type) {
				return true
			}
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				key, _ := kv.Key.(*ast.Ident)
				value, _ := kv.Value.(*ast.BasicLit)
				if key != nil && key.Name == "ID" && value != nil {
					if id, err := strconv.Unquote(value.Value); err == nil {
						ids[id] = f.dir
					}
				}
			}
			return true
		})
	}
	return ids
}

func isManifest(t ast.Expr) bool {
	sel, ok := t.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Manifest"
}

// languages reports a language id that stands as a string outside its folder. Words that are also program names ("go",
// "bash") may stand where a program is meant: under sandbox/ and in the tools of other languages.
func (c *checker) languages(f file) {
	if f.test || !strings.HasPrefix(f.dir, "internal/") || testSupport(f.dir) || strings.HasPrefix(f.dir, "internal/sandbox") {
		return
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			return true
		}
		if dir, ok := c.ids[text]; ok && dir != f.dir {
			c.add(f.rel, "language", "the id %q stands outside %s", text, dir)
		}
		return true
	})
}

// folders reports packages without exactly one package comment, folders that no table names, and names that say nothing.
func (c *checker) folders() {
	comments := map[string]int{}
	for _, f := range c.files {
		if f.test {
			continue
		}
		n := 0
		if f.syntax.Doc != nil && strings.TrimSpace(f.syntax.Doc.Text()) != "" {
			n = 1
		}
		comments[f.dir] += n
	}
	for dir, n := range comments {
		if n != 1 {
			c.add(dir, "comment", "has %d package comments, must have one", n)
		}
		for _, part := range strings.Split(dir, "/") {
			switch part {
			case "util", "utils", "common", "helper", "helpers", "misc", "shared":
				c.add(dir, "name", "%q says nothing about what it holds", part)
			}
		}
		if rest, ok := strings.CutPrefix(dir, "internal/"); ok {
			top, _, _ := strings.Cut(rest, "/")
			if _, _, known := place(top); !known && top != "archtest" {
				c.add(dir, "table", "internal/%s is in no layer: add it to the table in archtest.go and docs/architecture.md", top)
			}
		}
	}
}
