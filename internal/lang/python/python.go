// Package python is the language Python. The entry point is def main; its signature is read by tree-sitter, packages come
// from the Python index through uv, and each job is a fresh interpreter that sees nothing but the standard library, the
// locked packages and the imported workspace scripts.
package python

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	sitter "github.com/tree-sitter/go-tree-sitter"
	grammar "github.com/tree-sitter/tree-sitter-python/bindings/go"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
)

// ID is the language's id.
const ID domain.Language = "python3"

//go:embed run.py
var runSource string

//go:embed compile.py
var compileSource string

type language struct {
	grammar      func() *sitter.Language
	interpreters *interpreters
}

var _ lang.Language = (*language)(nil)

// New gives the language.
func New() lang.Language {
	return &language{
		grammar: sync.OnceValue(func() *sitter.Language {
			plainAllocator()
			return sitter.NewLanguage(unsafe.Pointer(grammar.Language()))
		}),
		interpreters: &interpreters{},
	}
}

var pythonTool = lang.Tool{
	Name: "python3", Paths: []string{"/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"},
	Hint: "install Python 3.9 or newer with the package manager of the host, for example: apt-get install python3 python3-pip",
}

var uvTool = lang.Tool{
	Name: "uv", PyPI: "uv==0.13.9", PyPath: "bin/uv",
	Hint: "install uv, or pip so that it can be fetched, for example: apt-get install python3-pip",
}

func (*language) Manifest() lang.Manifest {
	return lang.Manifest{
		ID: ID, Title: "Python", Icon: "brand-python", Suffixes: []string{".py"}, Comment: "#", Editor: "python",
		Templates: map[string]string{
			"script":       template,
			"preprocessor": "def preprocessor(event: dict):\n    return event\n",
			"failure": "def main(message: str, name: str, step_id: str = \"\"):\n    \"\"\"Runs when a step of a flow failed.\"\"\"\n" +
				"    print(f\"{name}: {message}\")\n    return {\"handled\": True}\n",
			"trigger":  "def main():\n    \"\"\"Runs on a schedule; what it returns starts the next steps.\"\"\"\n    return []\n",
			"approval": "def main(approver: str = \"\"):\n    return {\"approver\": approver}\n",
		},
		Runtime: lang.Runtime{Name: "python3", Version: []string{"--version"}, Tools: []lang.Tool{pythonTool, uvTool}},
		Doc: "Define `def main(…)` (or `async def`); its parameters are the arguments and what it returns is the result. " +
			"Type hints become the form: `str`, `int`, `float`, `bool`, `bytes`, `datetime`, `date`, `Decimal`, `list[…]`, `dict[…]`, `Optional[…]`, " +
			"`Literal[…]`, enums, dataclasses, `TypedDict` and pydantic models of the same file; a type that the file does not define names a resource type. " +
			"Imported packages are found and locked at deploy; pin one with `import x  # pin: x==1.2` or list all under `# requirements:`. " +
			"Other scripts are modules: `from f.folder.script import name`, `from .sibling import name`. A generator streams its items.",
	}
}

const template = `def main(name: str = "world", times: int = 1):
    """Greets somebody.

    Args:
        name: who is greeted
        times: how often
    """
    print(f"greeting {name}")
    return {"greeting": " ".join([f"Hello, {name}!"] * times)}
`

// Keys of Prepared.Data.
const (
	dataProgram  = "program"
	dataPackages = "packages"
)

func (l *language) Prepare(ctx context.Context, k lang.Kit, p lang.Program) (lang.Prepared, error) {
	signature, changes, err := l.read(p.Source)
	var syntax *lang.SyntaxError
	if err != nil && !errors.As(err, &syntax) { // Python itself has the last word on syntax
		return lang.Prepared{}, err
	}
	python, err := l.interpreters.find(ctx, k, readNotes(p.Source).version, lockVersion(p.Lock))
	if err != nil {
		return lang.Prepared{}, err
	}
	packages, err := l.packages(ctx, k, python, p.Lock)
	if err != nil {
		return lang.Prepared{}, err
	}
	wrapper, err := l.wrapper(ctx, k, python)
	if err != nil {
		return lang.Prepared{}, err
	}
	dir, err := l.program(ctx, k, python, p, changes)
	if err != nil {
		return lang.Prepared{}, err
	}
	out := lang.Prepared{
		Dir: dir, Signature: signature,
		Data: map[string]string{dataProgram: filepath.Join(dir, "program"), dataPackages: packages},
		// -I and -S: nothing of the host's Python but its standard library; -B: the caches are read-only.
		Argv: []string{python.Path, "-I", "-S", "-B", "-u", "-X", "utf8", filepath.Join(wrapper, "run.pyc"), filepath.Join(dir, "program"), packages},
	}
	for _, d := range []string{dir, wrapper, packages} {
		if d != "" {
			out.Mounts = append(out.Mounts, sandboxMount(d))
		}
	}
	if packages != "" {
		out.Env = []string{"PYTHONPATH=" + packages} // for Pythons that the script starts; ours ignores it
	}
	return out, nil
}

func (*language) Command(p lang.Prepared, _ lang.Job) lang.Command {
	return lang.Command{Argv: p.Argv, Env: p.Env, Mounts: p.Mounts}
}

// wrapper is the directory with run.pyc for the interpreter.
func (l *language) wrapper(ctx context.Context, k lang.Kit, python interpreter) (string, error) {
	key := "wrapper-" + lang.Key(runSource, compileSource, python.Path, python.Full)
	return k.Build(ctx, ID, key, func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "run.py"), []byte(runSource), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "compile.py"), []byte(compileSource), 0o644); err != nil {
			return err
		}
		return l.compile(ctx, k, python, dir, "--wrapper", filepath.Join(dir, "run.py"), filepath.Join(dir, "run.pyc"))
	})
}

// program is the directory with the compiled scripts.
func (l *language) program(ctx context.Context, k lang.Kit, python interpreter, p lang.Program, changes conversions) (string, error) {
	parts := []string{runSource, compileSource, python.Path, python.Full, p.Path, p.Source}
	paths := make([]string, 0, len(p.Modules))
	for path := range p.Modules {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		parts = append(parts, path, p.Modules[path])
	}
	return k.Build(ctx, ID, "program-"+lang.Key(parts...), func(dir string) error {
		main := p.Path
		if main == "" {
			main = "main"
		}
		files := map[string]string{}
		sources := map[string]string{main: p.Source}
		for path, source := range p.Modules {
			if path != main {
				sources[path] = source
			}
		}
		for path, source := range sources {
			file := filepath.Join(dir, "code", filepath.FromSlash(path)+".py")
			if !filepath.IsLocal(path) {
				continue // paths are checked long before
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
				return err
			}
			files[moduleName(path)] = path + ".py"
		}
		text, err := json.Marshal(compiled{
			Main: moduleName(main), Files: files, Exact: changes.exact(), conversions: changes.complete(),
		})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "program.json"), text, 0o644); err != nil {
			return err
		}
		return l.compile(ctx, k, python, dir, dir)
	})
}

func moduleName(path string) string { return strings.ReplaceAll(path, "/", ".") }

// compiled is program.json.
type compiled struct {
	Main  string            `json:"main"`
	Files map[string]string `json:"files"` // module → file
	Exact bool              `json:"exact"` // there are Decimals: numbers must keep their digits
	conversions
}

// complete makes every list and map present, for Python.
func (c conversions) complete() conversions {
	if c.Names == nil {
		c.Names = []string{}
	}
	if c.Optional == nil {
		c.Optional = []string{}
	}
	if c.Args == nil {
		c.Args = map[string]conv{}
	}
	if c.Classes == nil {
		c.Classes = map[string]convType{}
	}
	return c
}

func (c conversions) exact() bool {
	text, err := json.Marshal(c)
	return err == nil && strings.Contains(string(text), `"decimal"`)
}

// compile runs compile.py; a script that is not Python is a *lang.BuildError in Python's words.
func (l *language) compile(ctx context.Context, k lang.Kit, python interpreter, dir string, args ...string) error {
	argv := append([]string{python.Path, "-I", "-S", "-B", "-X", "utf8", "-c", compileSource}, args...)
	out, exit, err := k.RunQuiet(ctx, dir, nil, argv...)
	switch {
	case err != nil:
		return err
	case exit.Code == 3:
		return &lang.BuildError{Output: strings.TrimRight(out, "\n")}
	case exit.Code != 0:
		return &lang.BuildError{Output: "Python could not compile the script:\n" + out}
	}
	return nil
}
