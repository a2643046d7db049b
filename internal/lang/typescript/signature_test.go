package typescript

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/langtest"
)

func compile(t *testing.T, doc []byte) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", value); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("s.json")
	if err != nil {
		t.Fatalf("not a JSON Schema: %v\n%s", err, doc)
	}
	return s
}

func TestSignaturesAreAsBefore(t *testing.T) {
	t.Parallel()
	langtest.Golden(t, New(), "testdata/signature")
}

func TestSchemasAreSchemas(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/signature/*.ts")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources", err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New().Signature(string(source))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		compile(t, s.Document())
	}
}

func TestSyntaxErrorNamesThePlaceAndKeepsWhatCanBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, source string
		line, column int
		params       string
	}{
		{"body", "export function main(a: string, b: number) {\n  const x = ;\n}", 2, 13, "a b"},
		{"open body", "export async function main(a: string, b: number = 3) {\n  if (a) {\n    foo(", 3, 9, "a b"},
		{"open parameters", "export async function main(a: string, b: num", 1, 45, "a"},
		{"open union", "export async function main(a: string, b: 'x' |", 1, 47, "a"},
		{"after main", "export function main(a: string) { return 1 }\nconst = 5", 2, 7, "a"},
		{"before main", "const y = {{;\nexport function main(a: string) { return 1 }\n", 1, 12, "a"},
		{"column counts characters", "export function main(a: string) {}\nconst ü = 'é' +;", 2, 16, "a"},
		{"string", "export function main(a: string) { return \"abc\n }", 1, 46, "a"},
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

// As one types, every prefix of a source is read.
func TestEveryPrefixIsRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/signature/*.ts")
	if err != nil {
		t.Fatal(err)
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
			if i%8 == 0 {
				_, _ = New().Imports("f/a/b", string(source[:i]))
			}
		}
	}
}

// Code that is nested without end must neither overflow a stack nor take long.
func TestHostileSources(t *testing.T) {
	t.Parallel()
	const n = 50_000
	for name, source := range map[string]string{
		"parentheses": "export function main(a = " + strings.Repeat("(", n),
		"closed":      "export function main(a = " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) + ") {}",
		"arrays":      "export function main(a = " + strings.Repeat("[", n) + strings.Repeat("]", n) + ") {}",
		"array types": "export function main(a: string" + strings.Repeat("[]", n) + ") {}",
		"generics":    "export function main(a: " + strings.Repeat("Array<", n) + "string" + strings.Repeat(">", n) + ") {}",
		"objects":     "export function main(a: " + strings.Repeat("{a:", n),
		"negations":   "export const x = " + strings.Repeat("!", n) + "1; export function main(a: string) {}",
		"typeof":      "export const x = " + strings.Repeat("typeof ", n) + "1; export function main(a: string) {}",
		"arrows":      "export const x = " + strings.Repeat("a=>", n) + "1; export function main(a: string) {}",
		"conditions":  "export const x = " + strings.Repeat("a?b:", n) + "1; export function main(a: string) {}",
		"else if":     "export function main(a: string) {" + strings.Repeat("if(a){}else ", n) + "{} }",
		"powers":      "export const x = " + strings.Repeat("a**", n) + "1; export function main(a: string) {}",
		"unions":      "export function main(a: " + strings.Repeat("'a'|", n) + "'b') {}",
		"sums":        "export const x = " + strings.Repeat("a+", n) + "1; export function main(a: string) {}",
		"templates":   "export const x = " + strings.Repeat("`${", n),
		"members":     "export const x = a" + strings.Repeat(".b", n) + "; export function main(a: string) {}",
		"calls":       "export const x = a" + strings.Repeat("()", n) + "; export function main(a: string) {}",
		"new":         "export const x = " + strings.Repeat("new ", n) + "A; export function main(a: string) {}",
		"blocks":      strings.Repeat("{", n) + strings.Repeat("}", n),
		"labels":      strings.Repeat("a:", n) + ";",
		"loops":       strings.Repeat("for(;;)", n) + ";",
		"zero bytes":  strings.Repeat("\x00", n),
		"broken utf8": "export function main(a = '" + strings.Repeat("\xff", n) + "') {}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := New().Signature(source)
			if !json.Valid(s.Document()) {
				t.Error("the schema is no JSON")
			}
			_, _ = New().Imports("f/a/b", source)
		})
	}
}

// Types that name each other double with each level when written out.
func TestTypesThatExplodeAreCut(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "type T%d = { a: T%d; b: T%d };\n", i, i+1, i+1)
	}
	b.WriteString("type T40 = string;\nexport function main(x: T0) {}\n")
	s, err := New().Signature(b.String())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Document()); n > 2<<20 {
		t.Errorf("the schema has %d bytes", n)
	}
}

func FuzzSignature(f *testing.F) {
	var seeds []string
	files, _ := filepath.Glob("testdata/signature/*.ts")
	for _, file := range files {
		if source, err := os.ReadFile(file); err == nil {
			seeds = append(seeds, string(source))
		}
	}
	langtest.FuzzSignature(f, New(), seeds...)
}

// thousandLines is a usual script of about 1,000 lines.
func thousandLines() string {
	var b strings.Builder
	b.WriteString("import { z } from \"zod@3.23.8\";\nimport * as wmill from \"windmill-client\";\n")
	for i := range 75 {
		fmt.Fprintf(&b, `
/** Step %d. */
interface Step%d { id: number; name: string; tags?: string[] }
function step%d(input: Step%d, retries = 3): string {
  const parts = input.name.split(",").map((p) => p.trim()).filter(Boolean);
  for (const part of parts) {
    if (part.length > retries) {
      console.log("part", part, { retries, id: input.id });
    }
  }
  return parts.join("-") + z.string().parse("x");
}
`, i, i, i, i)
	}
	b.WriteString("export async function main(a: Step1, b: Step2[], c: \"x\" | \"y\" = \"x\", d?: Date) {\n")
	for i := range 75 {
		fmt.Fprintf(&b, "  step%d({ id: %d, name: \"n\" });\n", i, i)
	}
	b.WriteString("}\n")
	return b.String()
}

func BenchmarkSignature1000Lines(b *testing.B) {
	source := thousandLines()
	b.ReportMetric(float64(strings.Count(source, "\n")), "lines")
	for b.Loop() {
		if _, err := New().Signature(source); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignature1000LinesHalfWritten(b *testing.B) {
	source := thousandLines() + "const x = {"
	for b.Loop() {
		if _, err := New().Signature(source); err == nil {
			b.Fatal("no error")
		}
	}
}

func BenchmarkImports1000Lines(b *testing.B) {
	source := thousandLines()
	for b.Loop() {
		if _, err := New().Imports("f/a/b", source); err != nil {
			b.Fatal(err)
		}
	}
}
