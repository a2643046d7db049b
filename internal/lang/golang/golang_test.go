package golang

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

const noImports = "Go scripts cannot import scripts of the workspace"

var sample = langtest.Sample{
	Ours: []string{"TidemillMain", "reflect.", "main.run", "/inner/", "script/"},
	Cannot: map[langtest.Case]string{
		langtest.Relative: noImports, langtest.RelativeBug: noImports,
		langtest.Defaults: "Go has no default arguments",
	},
	Sources: map[langtest.Case]string{
		langtest.Echo: "package inner\n\nimport \"encoding/json\"\n\nfunc main(value json.RawMessage) (json.RawMessage, error) {\n\treturn value, nil\n}\n",
		langtest.Types: `package inner

func main(s string, i int, f float64, b bool, l []string, o map[string]any) (map[string]any, error) {
	return map[string]any{"s": s, "i": i, "f": f, "b": b, "l": l, "o": o}, nil
}
`,
		langtest.Dates: `package inner

import "time"

func main(when time.Time, data []byte) (map[string]any, error) {
	return map[string]any{"year": when.Year(), "size": len(data), "data": data}, nil
}
`,
		langtest.Nullable: "package inner\n\nfunc main(value *string) (string, error) {\n\tif value == nil {\n\t\treturn \"none\", nil\n\t}\n\treturn *value, nil\n}\n",
		langtest.Required: "package inner\n\nfunc main(name string) string { return name }\n",
		langtest.Throw: `package inner

import "errors"

type queue[T any] struct{ items []T }

func (q *queue[T]) take() T {
	if len(q.items) == 0 {
		panic(errors.New("boom ✓")) // BOOM
	}
	return q.items[0]
}

func main() (int, error) {
	return (&queue[int]{}).take(), nil
}
`,
		langtest.Exit:        "package inner\n\nimport \"os\"\n\nfunc main() {\n\tos.Exit(3)\n}\n",
		langtest.Nothing:     "package inner\n\nfunc main() error {\n\tprintln(\"not a result\")\n\treturn nil\n}\n",
		langtest.Huge:        "package inner\n\nimport \"strings\"\n\nfunc main() (string, error) { return strings.Repeat(\"x\", 5_000_000), nil }\n",
		langtest.Prints:      "package inner\n\nimport \"fmt\"\n\nfunc main() (int, error) {\n\tfmt.Println(`{\"ok\":false,\"error\":{\"name\":\"x\"}}`)\n\treturn 42, nil\n}\n",
		langtest.Stderr:      "package inner\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() (string, error) {\n\tfmt.Fprintln(os.Stderr, \"to stderr\")\n\treturn \"done\", nil\n}\n",
		langtest.Loop:        "package inner\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"started\")\n\tfor {\n\t}\n}\n",
		langtest.Sleep:       "package inner\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n\nfunc main() {\n\tfmt.Println(\"started\")\n\ttime.Sleep(5 * time.Minute)\n}\n",
		langtest.Child:       "package inner\n\nimport (\n\t\"os\"\n\t\"os/exec\"\n)\n\nfunc main() (string, error) {\n\tc := exec.Command(\"sleep\", \"300\")\n\tc.Stdout = os.Stdout\n\treturn \"left\", c.Start()\n}\n",
		langtest.Environment: "package inner\n\nimport \"os\"\n\nfunc main() (string, error) { return os.Getenv(\"LANGTEST\"), nil }\n",
		langtest.Files: `package inner

import "os"

func main() (string, error) {
	if err := os.WriteFile("note.txt", []byte("kept"), 0o600); err != nil {
		return "", err
	}
	text, err := os.ReadFile("note.txt")
	return string(text), err
}
`,
		langtest.Package: `package inner

//require github.com/google/uuid v1.6.0

import "github.com/google/uuid"

func main() (string, error) {
	id, err := uuid.Parse("f47ac10b-58cc-0372-8567-0e02b2c3d479")
	if err != nil || id.Version() != 0 {
		return "wrong", err
	}
	return "packaged", nil
}
`,
		langtest.Missing: "package inner\n\nimport \"github.com/tidemill/no-such-module-x\"\n\nfunc main() { x.Y() }\n",
		langtest.Library: "package inner\n\nfunc greet(name string) string {\n\tif name == \"bug\" {\n\t\tpanic(\"no bugs\") // BOOM\n\t}\n\treturn \"hello \" + name\n}\n",
		langtest.Broken:  "package inner\n\nfunc main(a int) (int, error) {\n\treturn a + , nil // BROKEN\n}\n",
		langtest.Stream: `package inner

import "iter"

func main() (iter.Seq[string], error) {
	return func(yield func(string) bool) {
		for _, item := range []string{"a", "b", "c"} {
			if !yield(item) {
				return
			}
		}
	}, nil
}
`,
	},
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	langtest.Run(t, New(), process.New(), sample)
}

func TestSignaturesAreAsBefore(t *testing.T) {
	t.Parallel()
	langtest.Golden(t, New(), "testdata/signature")
}

func TestSyntaxErrorNamesThePlaceAndKeepsWhatCanBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, source string
		line, column int
		params       string
	}{
		{"body", "package inner\n\nfunc main(a string, b int) {\n\tx := ;\n}", 4, 7, "a b"},
		{"open body", "package inner\n\nfunc main(a string, b int) {\n\tif a {", 4, 8, "a b"},
		{"open parameters", "package inner\nfunc main(a string, b int, c", 2, 29, "a b c"},
		{"columns are characters", "package inner\nfunc main(a string) { x := \"é\" + ) }", 2, 34, "a"},
		{"no package", "func main(a string) {}", 1, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := New().Signature(c.source)
			var bad *lang.SyntaxError
			if !errors.As(err, &bad) {
				t.Fatalf("want a syntax error, got %v", err)
			}
			if bad.Line != c.line || bad.Column != c.column {
				t.Errorf("at %d:%d, want %d:%d (%s)", bad.Line, bad.Column, c.line, c.column, bad.Message)
			}
			var names []string
			for _, p := range s.Params {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != c.params {
				t.Errorf("parameters %q, want %q", got, c.params)
			}
		})
	}
}

func TestEveryPrefixIsRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/signature/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources", err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range source {
			s, err := New().Signature(string(source[:i]))
			if bad := (*lang.SyntaxError)(nil); err != nil && (!errors.As(err, &bad) || bad.Line < 1 || bad.Column < 1) {
				t.Fatalf("%s[:%d]: %v", file, i, err)
			}
			if doc := s.Document(); !json.Valid(doc) {
				t.Fatalf("%s[:%d]: %s", file, i, doc)
			}
			_, _ = New().Imports("f/a/b", string(source[:i]))
		}
	}
}

func TestHostileSources(t *testing.T) {
	t.Parallel()
	const n = 200_000
	for name, source := range map[string]string{
		"parentheses": "package inner\nvar x = " + strings.Repeat("(", n),
		"slices":      "package inner\nfunc main(a " + strings.Repeat("[]", n) + "int) {}",
		"pointers":    "package inner\nfunc main(a " + strings.Repeat("*", n) + "int) {}",
		"structs":     "package inner\nfunc main(a " + strings.Repeat("struct{A ", n),
		"negations":   "package inner\nvar x = " + strings.Repeat("!", n) + "true",
		"generics":    "package inner\nfunc main(a " + strings.Repeat("T[", n),
		"sums":        "package inner\nvar x = 1" + strings.Repeat("+1", n),
		"blocks":      "package inner\nfunc main() " + strings.Repeat("{", n),
		"zero bytes":  strings.Repeat("\x00", n),
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := New().Signature(source)
			if !json.Valid(s.Document()) {
				t.Error("the schema is not JSON")
			}
			_, _ = New().Imports("f/a/b", source)
		})
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	im, err := New().Imports("f/a/b", `package inner

//require github.com/google/uuid v1.6.0
//require golang.org/x/text@v0.14.0

import (
	"fmt"
	"net/http"

	"github.com/google/uuid"
	x "golang.org/x/text/unicode/norm"
)
`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(im.Requirements, " "), "github.com/google/uuid github.com/google/uuid@v1.6.0 golang.org/x/text/unicode/norm golang.org/x/text@v0.14.0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for source, want := range map[string]string{
		"package inner\nimport \"f/lib/dates\"":             "cannot import scripts of the workspace",
		"package inner\nimport \"./dates\"":                 "cannot import scripts of the workspace",
		"package inner\nimport \"C\"":                       "cgo",
		"package inner\n//require github.com/google/uuid\n": "does not name a module and a version",
		"package inner\nimport \"a.b/c d\"":                 "is not the path of a package",
	} {
		if _, err := New().Imports("f/a/b", source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", source, err, want)
		}
	}
}

// build makes a program runnable with a kit of its own.
func build(t *testing.T, k lang.Kit, path, source, lock string) (lang.Prepared, error) {
	t.Helper()
	return New().Prepare(t.Context(), k, lang.Program{Path: path, Source: source, Lock: lock})
}

func TestCompileErrorsNameTheUsersLines(t *testing.T) {
	t.Parallel()
	k := langtest.NewKit(t, process.New())
	if name, err := langtest.MissingRuntime(t.Context(), k, New()); err != nil {
		t.Skipf("MISSING RUNTIME %s: %v", name, err)
	}
	for _, c := range []struct{ name, path, source, want string }{
		{"types", "f/x/y", "package inner\n\nfunc main(a string) (int, error) {\n\treturn a, nil\n}\n", "f/x/y.go:4:9: cannot use a"},
		{"two", "f/x/y", "package inner\n\nimport \"os\"\n\nfunc main() {\n\tb := 1\n}\n", "f/x/y.go:3:8: \"os\" imported and not used\nf/x/y.go:6:2: declared and not used: b"},
		{"preview", "", "package inner\n\nfunc main() { undefinedThing() }\n", "main.go:3:15: undefined: undefinedThing"},
		{"package main", "f/x/y", "package main\n\nfunc main(a int) { b() }\n", "f/x/y.go:3:20: undefined: b"},
		{"syntax", "f/x/y", "package inner\n\nfunc main( {\n", "f/x/y.go:3:"},
		{"no main", "f/x/y", "package inner\n", "f/x/y.go:1:1: the script has no func main"},
		{"generic", "f/x/y", "package inner\n\nfunc main[T any](a T) {}\n", "f/x/y.go:3:1: func main cannot have type parameters"},
		{"std", "f/x/y", "package inner\n\nimport \"nosuch\"\n\nfunc main() { nosuch.X() }\n", "f/x/y.go:3:8: package nosuch is not in the standard library"},
		{"no lock", "f/x/y", "package inner\n\nimport \"github.com/google/uuid\"\n\nfunc main() { uuid.New() }\n", "f/x/y.go:3:8: the lock of the script has no module for github.com/google/uuid; deploy it again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := build(t, k, c.path, c.source, "")
			var bad *lang.BuildError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want a *lang.BuildError", err)
			}
			if !strings.HasPrefix(bad.Output, c.want) {
				t.Errorf("got\n%s\nwant\n%s", bad.Output, c.want)
			}
			if strings.Contains(bad.Output, k.CacheDir) || strings.Contains(bad.Output, "export.go") {
				t.Errorf("ours shows in\n%s", bad.Output)
			}
		})
	}
}

func TestResultsAndArguments(t *testing.T) {
	t.Parallel()
	k := langtest.NewKit(t, process.New())
	if name, err := langtest.MissingRuntime(t.Context(), k, New()); err != nil {
		t.Skipf("MISSING RUNTIME %s: %v", name, err)
	}
	p, err := build(t, k, "f/x/y", `package inner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"time"
)

type secret struct {
	Deep any       `+"`json:\"deep\"`"+`
	At   time.Time `+"`json:\"at\"`"+`
}

type own struct{}

func (own) Error() string { return "of its own" }

func main(ctx context.Context, what string, value any, s *secret, rest ...int64) (any, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch what {
	case "any":
		return []string{fmt.Sprintf("%T", value), fmt.Sprint(value)}, nil
	case "echo":
		return value, nil
	case "struct":
		return fmt.Sprintf("%T %v %v", s.Deep, s.Deep, s.At.Year()), nil
	case "rest":
		return rest, nil
	case "error":
		return nil, fmt.Errorf("outer: %w", errors.New("inner"))
	case "own":
		return nil, own{}
	case "path":
		return nil, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	case "nan":
		return math.NaN(), nil
	case "func":
		return func() {}, nil
	case "nil map":
		var m map[string]int
		m["x"] = 1
	case "custom":
		panic(struct{ A int }{7})
	case "pairs":
		var s iter.Seq2[int, error] = func(yield func(int, error) bool) {
			_ = yield(1, nil) && yield(2, errors.New("broke"))
		}
		return s, nil
	case "html":
		return "<a & b>", nil
	}
	return nil, nil
}
`, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{`{"what":"any","value":1}`, `["float64","1"]`},
		{`{"what":"any","value":9007199254740993}`, `["json.Number","9007199254740993"]`},
		{`{"what":"echo","value":{"a":[9007199254740993,1.5,-3,1e400,{"b":12345678901234567890}]}}`, `{"a":[9007199254740993,1.5,-3,1e400,{"b":12345678901234567890}]}`},
		{`{"what":"struct","s":{"deep":2,"at":"2026-01-02T03:04:05Z"}}`, `"float64 2 2026"`},
		{`{"what":"rest","rest":[9223372036854775807]}`, `[9223372036854775807]`},
		{`{"what":"rest"}`, `null`},
		{`{"what":"html"}`, `"<a & b>"`},
		{`{"what":"error"}`, `Error: outer: inner`},
		{`{"what":"own"}`, `own: of its own`},
		{`{"what":"path"}`, `fs.PathError: open x: file does not exist`},
		{`{"what":"nan"}`, `ResultError: the result cannot be JSON: unsupported value: NaN`},
		{`{"what":"func"}`, `ResultError: the result cannot be JSON: unsupported type: func()`},
		{`{"what":"nil map"}`, `runtime error: assignment to entry in nil map`},
		{`{"what":"custom"}`, `panic: {7}`},
		{`{"what":"pairs"}`, `Error: broke`},
		{`{"what":5}`, `ArgumentError: the argument what does not fit: cannot unmarshal number into Go value of type string`},
	} {
		if got := langtest.Do(t, New(), process.New(), p, domain.JSON(c.args)).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.args, got, c.want)
		}
	}
}

func FuzzSignature(f *testing.F) {
	var seeds []string
	for _, s := range sample.Sources {
		seeds = append(seeds, s)
	}
	langtest.FuzzSignature(f, New(), seeds...)
}

// BenchmarkColdStart is the whole way of a job's process: start, call, result, exit.
func BenchmarkColdStart(b *testing.B) {
	k := langtest.NewKit(b, process.New())
	p, err := New().Prepare(b.Context(), k, lang.Program{Path: "f/x/y", Source: "package inner\n\nfunc main(name string, n int) (map[string]any, error) {\n\treturn map[string]any{\"greeting\": \"hello \" + name, \"n\": n * 2}, nil\n}\n"})
	if err != nil {
		b.Skip(err)
	}
	c := New().Command(p, lang.Job{})
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "args.json"), []byte(`{"name":"Ada","n":3}`), 0o600); err != nil {
		b.Fatal(err)
	}
	least := time.Hour
	for b.Loop() {
		began := time.Now()
		out, exit, err := k.RunQuiet(b.Context(), dir, c.Env, c.Argv...)
		if err != nil || exit.Code != 0 {
			b.Fatal(out, exit, err)
		}
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(least.Microseconds())/1000, "least-ms")
}

func BenchmarkSignature1000Lines(b *testing.B) {
	langtest.BenchmarkSignature(b, New(), "package inner\n\nimport \"fmt\"\n\n// main counts.\nfunc main(name string, items []item, tags map[string]string) (int, error) {\n\treturn len(items), nil\n}\n\ntype item struct {\n\tName string `json:\"name\"` // its name\n}\n",
		"\nfunc(x *item) helper(value int, rest ...int) (map[string]int, error) {\n\t// a comment\n\tif value > 0 && rest != nil {\n\t\tfmt.Println(\"total\", value, len(rest))\n\t\treturn map[string]int{\"total\": value}, nil\n\t}\n\treturn nil, fmt.Errorf(\"no value: %d\", value)\n}\n")
}
