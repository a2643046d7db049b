// Package golang is the language Go. A script is a file of package inner with a func main that takes the arguments and returns
// a result, an error, or both. It is compiled once for its content; a run starts the binary.
package golang

import (
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
)

// ID is the language's id.
const ID domain.Language = "go"

// New gives the language.
func New() lang.Language { return language{} }

type language struct{}

var _ lang.Language = language{}

func (language) Manifest() lang.Manifest {
	return lang.Manifest{
		ID: ID, Title: "Go", Icon: "brand-golang", Suffixes: []string{".go"}, Comment: "//", Editor: "go",
		Templates: map[string]string{"script": template},
		Runtime:   lang.Runtime{Name: "go", Version: []string{"version"}, Tools: []lang.Tool{goTool()}},
		Doc: "A file of `package inner` with a `func main`. Its parameters are the arguments; numbers, strings, booleans, slices, maps, structs " +
			"(with their json tags and comments), `time.Time`, `[]byte` (base64) and `any` shape the form. A pointer may be left out. Constants of a string " +
			"type are its choices. Return a result, an error, or both; an `iter.Seq` or a channel streams its items. A first parameter of " +
			"`context.Context` is not an argument. Modules are found by the imports; pin one with a line " +
			"`//require github.com/google/uuid v1.6.0`. Go scripts cannot import scripts of the workspace, and there is no cgo.",
	}
}

func goTool() lang.Tool {
	return lang.Tool{
		Name:  "go",
		Paths: []string{"/usr/local/go/bin/go", "/usr/lib/go/bin/go", "/opt/homebrew/bin/go"},
		Hint:  "install Go from your package manager or from go.dev, so that go is on the PATH or in /usr/local/go/bin",
	}
}

const template = `package inner

import "fmt"

// Greeting is what main returns.
type Greeting struct {
	Text  string ` + "`json:\"text\"`" + `
	Times int    ` + "`json:\"times\"`" + `
}

// main greets somebody. A pointer may be left out.
func main(name *string, times *int) (Greeting, error) {
	g := Greeting{Text: "Hello, world", Times: 1}
	if name != nil {
		g.Text = "Hello, " + *name
	}
	if times != nil {
		g.Times = *times
	}
	fmt.Println("greeting", g.Times, "times")
	return g, nil
}
`
