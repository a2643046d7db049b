package typescript

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"
	ts "github.com/tree-sitter/go-tree-sitter"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
)

func (language) Imports(at, source string) (lang.Imports, error) {
	f := parse(source)
	defer f.close()
	specifiers, ok := scan(f)
	if !ok {
		for _, s := range f.specifiers() {
			specifiers = append(specifiers, s.text)
		}
	}
	var out lang.Imports
	var wrong error
	for _, text := range specifiers {
		t, err := target(at, text)
		switch {
		case err != nil:
			if wrong == nil {
				wrong = err
			}
		case t.script != "":
			if !slices.Contains(out.Scripts, t.script) {
				out.Scripts = append(out.Scripts, t.script)
			}
		case t.name != "":
			if r := t.requirement(); !slices.Contains(out.Requirements, r) {
				out.Requirements = append(out.Requirements, r)
			}
		}
	}
	slices.Sort(out.Requirements)
	slices.Sort(out.Scripts)
	return out, wrong
}

// scan asks esbuild what the code imports when it runs: imports of types only, and those that nothing uses, are none. It
// cannot read half-written code.
func scan(f *file) (specifiers []string, ok bool) {
	if !compilable(f) {
		return nil, false
	}
	// One file is scanned by one goroutine, but its imports are resolved by several.
	found := make(chan string, len(f.text)/8+1) // an import takes more than that
	r := api.Build(api.BuildOptions{
		Stdin:       &api.StdinOptions{Contents: string(f.text), Loader: api.LoaderTS},
		Bundle:      true,
		Format:      api.FormatESModule,
		Platform:    api.PlatformNode,
		Target:      api.ESNext,
		LogLevel:    api.LogLevelSilent,
		TsconfigRaw: "{}",
		Plugins: []api.Plugin{{Name: "imports", Setup: func(b api.PluginBuild) {
			b.OnResolve(api.OnResolveOptions{Filter: ".*"}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
				switch a.Kind {
				case api.ResolveJSImportStatement, api.ResolveJSRequireCall, api.ResolveJSDynamicImport, api.ResolveJSRequireResolve:
					select {
					case found <- a.Path:
					default:
					}
				}
				return api.OnResolveResult{Path: "x", External: true}, nil
			})
		}}},
	})
	close(found)
	for s := range found {
		specifiers = append(specifiers, s)
	}
	return specifiers, len(r.Errors) == 0
}

// specifier is the text of an import and where it stands in the source, without its quotes.
type specifier struct {
	start, end uint
	text       string
}

// specifiers finds the imports in the tree, of types too, in the order of the source.
func (f *file) specifiers() []specifier {
	if f.root == nil {
		return nil
	}
	var out []specifier
	add := func(n *ts.Node) {
		if n == nil || n.Kind() != "string" || n.EndByte()-n.StartByte() < 2 {
			return
		}
		if text := f.unquote(n); text != "" {
			out = append(out, specifier{n.StartByte() + 1, n.EndByte() - 1, text})
		}
	}
	cursor := f.root.Walk()
	defer cursor.Close()
	for {
		n := cursor.Node()
		switch n.Kind() {
		case "import_statement", "export_statement":
			add(field(n, "source"))
		case "import_require_clause": // import x = require("x")
			add(field(n, "source"))
		case "call_expression":
			fn := field(n, "function")
			if text := f.str(fn); fn != nil && (fn.Kind() == "import" || text == "require" || text == "require.resolve") {
				add(field(n, "arguments").NamedChild(0))
			}
		}
		if cursor.GotoFirstChild() {
			continue
		}
		for !cursor.GotoNextSibling() {
			if !cursor.GotoParent() {
				return out
			}
		}
	}
}

// imported is what a specifier means: a workspace script, a package, or (neither) something that Bun has built in.
type imported struct {
	script  string // f/lib/dates
	name    string // @scope/name
	version string // as in name@version; may be empty
	subpath string // /fp
}

func (i imported) requirement() string {
	if i.version == "" {
		return i.name
	}
	return i.name + "@" + i.version
}

// target reads a specifier in the script at a path.
func target(at, text string) (imported, error) {
	bad := func(hint, format string, args ...any) (imported, error) {
		return imported{}, errs.New(errs.Invalid, format, args...).WithHint("%s", hint)
	}
	switch {
	case strings.HasPrefix(text, "./"), strings.HasPrefix(text, "../"), text == ".", text == "..":
		if at == "" {
			return bad("save the script at a path first, or import it by its full path: /f/folder/name", "%q is relative, and this script has no path yet", text)
		}
		return script(at, path.Join(path.Dir(at), text), text)
	case strings.HasPrefix(text, "/"):
		return script(at, strings.TrimPrefix(path.Clean(text), "/"), text)
	case strings.HasPrefix(text, "http:"), strings.HasPrefix(text, "https:"):
		return bad("import the npm package of the same name instead", "importing from an address (%s) is not possible", text)
	case strings.HasPrefix(text, "jsr:"):
		return bad("see whether npm has the package", "packages of jsr (%s) cannot be had", text)
	case strings.HasPrefix(text, "file:"), strings.HasPrefix(text, "data:"), strings.HasPrefix(text, "#"), strings.HasPrefix(text, "~"):
		return bad("import npm packages by name, and workspace scripts as ./name or /f/folder/name", "%q cannot be imported", text)
	}
	text = strings.TrimPrefix(text, "npm:")
	if builtin(text) {
		return imported{}, nil
	}
	parts := strings.SplitN(text, "/", 3)
	first := 1
	if strings.HasPrefix(text, "@") {
		first = 2
	}
	if len(parts) < first {
		return bad("write @scope/name", "%q is not the name of a package", text)
	}
	name := strings.Join(parts[:first], "/")
	i := imported{}
	if rest := strings.Join(parts[first:], "/"); rest != "" {
		i.subpath = "/" + rest
	}
	// A version begins at the @ that is not of the scope.
	if v := strings.LastIndexByte(name, '@'); v > 0 {
		name, i.version = name[:v], name[v+1:]
	}
	if !packageName(name) || strings.ContainsAny(i.version, " \t\r\n\"'\\:") {
		return bad("import npm packages by name, and workspace scripts as ./name or /f/folder/name", "%q is not the name of a package", text)
	}
	i.name = name
	return i, nil
}

// suffixes that an import of a workspace script may carry, longest first.
var scriptSuffixes = [...]string{".bun.ts", ".deno.ts", ".fetch.ts", ".ts"}

func script(at, p, text string) (imported, error) {
	for _, s := range scriptSuffixes {
		if rest, ok := strings.CutSuffix(p, s); ok {
			p = rest
			break
		}
	}
	if root, _, _ := strings.Cut(p, "/"); (root != "f" && root != "u") || strings.Count(p, "/") < 2 {
		e := errs.New(errs.Invalid, "%q is not a script of the workspace", text).
			WithHint("scripts are imported as ./name, ../folder/name, /f/folder/name or /u/user/name")
		if at != "" {
			e.Message += " (as seen from " + at + ")"
		}
		return imported{}, e
	}
	return imported{script: p}, nil
}

// packageName reports whether npm could have a package of the name.
func packageName(name string) bool {
	if len(name) > 214 {
		return false
	}
	scope, rest, scoped := strings.Cut(name, "/")
	if scoped {
		return strings.HasPrefix(scope, "@") && plainName(scope[1:]) && plainName(rest)
	}
	return plainName(name)
}

func plainName(s string) bool {
	if s == "" || s[0] == '.' || s[0] == '-' || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.~", c)) {
			return false
		}
	}
	return true
}

// builtins of Node that Bun has, by the part before the first slash.
var builtins = [...]string{
	"assert", "async_hooks", "buffer", "bun", "child_process", "cluster", "console", "constants", "crypto", "dgram",
	"diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os", "path",
	"perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers", "tls",
	"trace_events", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib",
}

// withSubpaths are the builtins that have parts; the others with a slash are packages (events/ is one).
var withSubpaths = [...]string{"assert", "dns", "fs", "inspector", "path", "readline", "stream", "timers", "util"}

func builtin(name string) bool {
	if strings.HasPrefix(name, "node:") || strings.HasPrefix(name, "bun:") {
		return true
	}
	first, rest, sub := strings.Cut(name, "/")
	if sub && (rest == "" || !slices.Contains(withSubpaths[:], first)) {
		return false
	}
	return slices.Contains(builtins[:], first)
}
