package langtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/lang"
)

// Golden compares what the language reads of each source in dir (name.<suffix>) with name.golden.json beside it: schema,
// flags, imports. With GOLDEN=update in the environment it writes them instead.
func Golden(t *testing.T, l lang.Language, dir string) {
	t.Helper()
	found := 0
	for _, suffix := range l.Manifest().Suffixes {
		files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			found++
			base := strings.TrimSuffix(file, suffix)
			t.Run(filepath.Base(base), func(t *testing.T) {
				source, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				got := read(t, l, string(source))
				if os.Getenv("GOLDEN") == "update" {
					if err := os.WriteFile(base+".golden.json", got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(base + ".golden.json")
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
				}
			})
		}
	}
	if found == 0 {
		t.Fatalf("%s has no source", dir)
	}
}

// read is what a golden file holds.
func read(t *testing.T, l lang.Language, source string) []byte {
	t.Helper()
	sig, err := l.Signature(source)
	var syntax *lang.SyntaxError
	if err != nil && !errors.As(err, &syntax) {
		t.Fatal(err)
	}
	im, _ := l.Imports(Path, source)
	doc := struct {
		Error        string `json:",omitempty"`
		Schema       json.RawMessage
		Doc          string   `json:",omitempty"`
		NoMain       bool     `json:",omitempty"`
		StarArgs     bool     `json:",omitempty"`
		Preprocessor bool     `json:",omitempty"`
		Streams      bool     `json:",omitempty"`
		Resources    []string `json:",omitempty"`
		Requirements []string `json:",omitempty"`
		Scripts      []string `json:",omitempty"`
	}{
		Schema: json.RawMessage(sig.Document()), Doc: sig.Doc, NoMain: sig.NoMain, StarArgs: sig.StarArgs, Preprocessor: sig.Preprocessor,
		Streams: sig.Streams, Resources: sig.ResourceTypes, Requirements: im.Requirements, Scripts: im.Scripts,
	}
	if syntax != nil {
		doc.Error = syntax.Error()
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzSignature seeds a fuzz target with sources and checks that no text makes the parsers panic or give a document that is
// not JSON.
func FuzzSignature(f *testing.F, l lang.Language, sources ...string) {
	for _, s := range sources {
		f.Add(s)
		for i := 0; i < len(s); i += 97 {
			f.Add(s[:i])
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		sig, _ := l.Signature(source)
		if doc := sig.Document(); !json.Valid(doc) {
			t.Errorf("the schema is not JSON: %s", doc)
		}
		for _, p := range sig.Params {
			if p.Schema == nil {
				t.Errorf("the parameter %q has no schema", p.Name)
			}
		}
		l.Imports(Path, source)
	})
}

// BenchmarkSignature reads a source that is repeated to 1,000 lines. The contract allows 5 ms.
func BenchmarkSignature(b *testing.B, l lang.Language, head, body string) {
	source := head
	for strings.Count(source, "\n") < 1000 {
		source += body
	}
	l.Signature(source)
	b.ResetTimer()
	for b.Loop() {
		if _, err := l.Signature(source); err != nil {
			b.Fatal(err)
		}
	}
}
