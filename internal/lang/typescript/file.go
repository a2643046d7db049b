package typescript

import (
	"cmp"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"
	ts "github.com/tree-sitter/go-tree-sitter"
	grammar "github.com/tree-sitter/tree-sitter-typescript/bindings/go"

	"github.com/tidemill/tidemill/internal/lang"
)

// file is a parsed source with its top level indexed. It survives half-written code: what the parser could make out is there.
type file struct {
	text    []byte
	tree    *ts.Tree
	root    *ts.Node
	types   map[string]decl   // interfaces, aliases, enums, classes
	values  map[string]decl   // functions and variables
	exports map[string]string // exported name → local name
	broken  bool              // the parser had to guess
}

// decl is a declaration with the comment above its statement.
type decl struct {
	node *ts.Node
	doc  string
}

// parse reads source. The caller closes the file.
func parse(source string) *file {
	p := ts.NewParser()
	defer p.Close()
	f := &file{text: []byte(source), types: map[string]decl{}, values: map[string]decl{}, exports: map[string]string{}}
	if p.SetLanguage(ts.NewLanguage(grammar.LanguageTypescript())) != nil {
		return f // impossible: grammar and runtime are pinned together
	}
	f.tree = p.Parse(f.text, nil)
	if f.tree == nil {
		return f
	}
	f.root = f.tree.RootNode()
	f.broken = f.root.HasError()
	f.index(f.root, 0)
	return f
}

func (f *file) close() {
	if f.tree != nil {
		f.tree.Close()
	}
}

func (f *file) str(n *ts.Node) string {
	if n == nil {
		return ""
	}
	return string(f.text[n.StartByte():n.EndByte()])
}

// fewChildren is up to where a child is found faster by its number than with a cursor; each costs its number of steps.
const fewChildren = 16

// each visits the children of n, named or not, until visit says false.
func each(n *ts.Node, visit func(c *ts.Node) bool) {
	if n == nil {
		return
	}
	count := n.ChildCount()
	if count <= fewChildren {
		for i := range count {
			if c := n.Child(i); c != nil && !visit(c) {
				return
			}
		}
		return
	}
	cursor := n.Walk()
	defer cursor.Close()
	for more := cursor.GotoFirstChild(); more; more = cursor.GotoNextSibling() {
		if c := cursor.Node(); c != nil && !visit(c) {
			return
		}
	}
}

// children are the named children of n. Never nil nodes.
func children(n *ts.Node) []*ts.Node {
	if n == nil {
		return nil
	}
	out := make([]*ts.Node, 0, min(n.NamedChildCount(), 1024))
	each(n, func(c *ts.Node) bool {
		if c.IsNamed() {
			out = append(out, c)
		}
		return true
	})
	return out
}

// child is the first child of the kind, named or not.
func child(n *ts.Node, kind string) *ts.Node {
	var found *ts.Node
	each(n, func(c *ts.Node) bool {
		if c.Kind() == kind {
			found = c
		}
		return found == nil
	})
	return found
}

func field(n *ts.Node, name string) *ts.Node {
	if n == nil {
		return nil
	}
	return n.ChildByFieldName(name)
}

// index fills the tables from the statements of n. Errors of the parser are looked into, a little.
func (f *file) index(n *ts.Node, depth int) {
	doc := ""
	for _, c := range children(n) {
		switch c.Kind() {
		case "comment":
			doc = f.str(c)
			continue
		case "ERROR":
			if depth < 4 {
				f.index(c, depth+1)
			}
		default:
			f.statement(c, doc, false)
		}
		doc = ""
	}
}

func (f *file) statement(n *ts.Node, doc string, exported bool) {
	name := f.str(field(n, "name"))
	switch n.Kind() {
	case "export_statement":
		if child(n, "default") != nil {
			return // the entry point is an export named main
		}
		if d := field(n, "declaration"); d != nil {
			f.statement(d, doc, true)
		}
		for _, spec := range children(child(n, "export_clause")) {
			local := f.str(field(spec, "name"))
			f.exports[cmp.Or(f.str(field(spec, "alias")), local)] = local
		}
	case "ambient_declaration":
		for _, c := range children(n) {
			f.statement(c, doc, exported)
		}
	case "interface_declaration", "type_alias_declaration", "enum_declaration", "class_declaration", "abstract_class_declaration":
		if _, taken := f.types[name]; !taken {
			f.types[name] = decl{n, doc}
		}
	case "function_declaration", "generator_function_declaration", "function_signature":
		old, taken := f.values[name]
		if taken && doc == "" {
			doc = old.doc // overloads: the comment is above the first, the truth is in the last
		}
		f.values[name] = decl{n, doc}
		if exported {
			f.exports[name] = name
		}
	case "lexical_declaration", "variable_declaration":
		for _, v := range children(n) {
			if v.Kind() != "variable_declarator" {
				continue
			}
			name := f.str(field(v, "name"))
			f.values[name] = decl{v, doc}
			if exported {
				f.exports[name] = name
			}
		}
	}
}

// syntaxError is what a reader of the source has to hear, or nil. esbuild is the judge: its positions are exact, and it knows
// newer syntax than the grammar.
func syntaxError(f *file) *lang.SyntaxError {
	if !f.broken {
		return nil
	}
	if !compilable(f) {
		return f.firstError()
	}
	return check(f)
}

// check compiles the source without its imports. Code that cannot be judged passes: Bun will say what is wrong with it.
func check(f *file) *lang.SyntaxError {
	if !compilable(f) {
		return nil
	}
	r := api.Transform(string(f.text), api.TransformOptions{Loader: api.LoaderTS, LogLevel: api.LogLevelSilent, LogLimit: 1, Target: api.ESNext, Format: api.FormatESModule})
	if len(r.Errors) == 0 {
		return nil
	}
	return fromMessage(r.Errors[0])
}

// firstError is where the grammar lost its way.
func (f *file) firstError() *lang.SyntaxError {
	n := f.root
	for n != nil && !n.IsError() && !n.IsMissing() {
		var next *ts.Node
		each(n, func(c *ts.Node) bool {
			if c.HasError() || c.IsMissing() {
				next = c
			}
			return next == nil
		})
		n = next
	}
	if n == nil {
		return &lang.SyntaxError{Line: 1, Column: 1, Message: "the code cannot be read"}
	}
	at := n.StartPosition()
	line := f.text[n.StartByte()-at.Column : n.StartByte()]
	return &lang.SyntaxError{Line: int(at.Row) + 1, Column: utf8.RuneCount(line) + 1, Message: "the code cannot be read from here on"}
}

// fromMessage translates a position: esbuild counts lines from 1 and columns in bytes from 0.
func fromMessage(m api.Message) *lang.SyntaxError {
	e := &lang.SyntaxError{Line: 1, Column: 1, Message: m.Text}
	if at := m.Location; at != nil {
		e.Line = at.Line
		e.Column = utf8.RuneCountInString(at.LineText[:min(at.Column, len(at.LineText))]) + 1
	}
	return e
}

// Limits of what is handed to esbuild. Its parser recurses, up to 5 KB of stack for each byte of hostile code, and a stack that
// overflows would end our process.
const (
	maxTreeDepth  = 2000
	maxUnmeasured = 64 << 10 // bytes of code whose depth the grammar cannot tell
)

func compilable(f *file) bool {
	switch {
	case f.root == nil:
		return false
	case len(f.text) < maxTreeDepth: // depth needs at least as many bytes
		return true
	case nesting(f.text) > maxTreeDepth:
		return false
	case f.broken:
		return len(f.text) <= maxUnmeasured
	}
	cursor := f.root.Walk()
	defer cursor.Close()
	for depth := 0; ; {
		if cursor.GotoFirstChild() {
			if depth++; depth > maxTreeDepth {
				return false
			}
			continue
		}
		for !cursor.GotoNextSibling() {
			if !cursor.GotoParent() {
				return true
			}
			depth--
		}
	}
}

// nesting is the deepest nesting of brackets when none were in strings, and the longest run of prefix operators: a quick look
// that catches most of what is hostile.
func nesting(text []byte) int {
	depth, deepest, run := 0, 0, 0
	for _, b := range text {
		switch b {
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
		switch b {
		case '!', '~', '-', '+':
			run++
			deepest = max(deepest, run)
		default:
			run = 0
		}
	}
	return deepest
}
