package python

import (
	"strings"

	sitter "github.com/tree-sitter/go-tree-sitter"

	"github.com/tidemill/tidemill/internal/lang"
)

// module is what a source defines at its top level, found by tree-sitter. It reads names and places only; types and
// defaults are read on demand. close must be called.
type module struct {
	src       string
	tree      *sitter.Tree
	functions map[string]function
	classes   map[string]class
	aliases   map[string]string // name = expression
	imported  map[string]string // local name → what it is: "dt" → "datetime", "Path" → "pathlib.Path"
	imports   []importLine
}

type function struct {
	params string // from behind the opening bracket
	body   *sitter.Node
	result string // the annotation
}

type class struct {
	bases      []expr
	named      []namedExpr // total=False
	decorators string
	body       *sitter.Node
}

// importLine is one import statement.
type importLine struct {
	module   string // of "from module import …"; may start with dots
	names    [][2]string
	from     bool
	pin      string // text of "# pin: …" or "# repin: …" behind it
	repin    bool
	optional bool // stands in a handler of ImportError or under TYPE_CHECKING: may be absent
}

// parse reads a source. inside says whether imports inside functions and classes are wanted too, which takes a walk
// through them.
func (l *language) parse(source string, inside bool) (*module, error) {
	parser := sitter.NewParser()
	defer parser.Close()
	if err := parser.SetLanguage(l.grammar()); err != nil {
		return nil, err
	}
	m := &module{src: source, functions: map[string]function{}, classes: map[string]class{}, aliases: map[string]string{}, imported: map[string]string{}}
	m.tree = parser.Parse([]byte(source), nil)
	m.collect(m.tree.RootNode(), place{top: true, inside: inside})
	return m, nil
}

func (m *module) close() { m.tree.Close() }

func (m *module) text(n *sitter.Node) string {
	if n == nil {
		return ""
	}
	start, end := n.StartByte(), n.EndByte()
	if start > end || end > uint(len(m.src)) {
		return ""
	}
	return m.src[start:end]
}

// place says where collect is.
type place struct {
	top      bool // not inside a function or class
	optional bool
	inside   bool // imports inside functions and classes are wanted
	depth    int
}

// collect goes through statements and never into expressions.
func (m *module) collect(n *sitter.Node, at place) {
	if at.depth > 200 {
		return
	}
	at.depth++
	cursor := n.Walk()
	defer cursor.Close()
	if !cursor.GotoFirstChild() {
		return
	}
	for ok := true; ok; ok = cursor.GotoNextSibling() {
		child := cursor.Node()
		if child == nil || !child.IsNamed() {
			continue
		}
		switch kind := child.Kind(); kind {
		case "import_statement", "import_from_statement", "future_import_statement":
			m.addImport(child, at)
		case "function_definition":
			m.addFunction(child, at)
		case "class_definition":
			m.addClass(child, "", at)
		case "decorated_definition":
			m.addDecorated(child, at)
		case "expression_statement":
			if at.top {
				m.addAlias(m.text(child))
			}
		case "type_alias_statement":
			if at.top {
				m.addAlias(strings.TrimPrefix(m.text(child), "type "))
			}
		case "if_statement":
			inner := at
			condition := m.text(child.ChildByFieldName("condition"))
			inner.optional = at.optional || strings.HasSuffix(condition, "TYPE_CHECKING")
			m.collect(child, inner)
		case "except_clause", "except_group_clause":
			inner := at
			inner.optional = true
			m.collect(child, inner)
		case "block", "elif_clause", "else_clause", "try_statement", "finally_clause", "with_statement", "for_statement",
			"while_statement", "match_statement", "case_clause", "ERROR":
			m.collect(child, at)
		}
	}
}

func (m *module) addDecorated(n *sitter.Node, at place) {
	def := n.ChildByFieldName("definition")
	if def == nil {
		return
	}
	switch def.Kind() {
	case "function_definition":
		m.addFunction(def, at)
	case "class_definition":
		m.addClass(def, m.src[n.StartByte():def.StartByte()], at)
	}
}

func (m *module) addFunction(n *sitter.Node, at place) {
	body := n.ChildByFieldName("body")
	if params := n.ChildByFieldName("parameters"); at.top && params != nil {
		start := min(int(params.StartByte())+1, len(m.src))
		m.functions[m.text(n.ChildByFieldName("name"))] = function{
			params: m.src[start:], body: body, result: m.text(n.ChildByFieldName("return_type")),
		}
	}
	if body != nil && at.inside {
		at.top = false
		m.collect(body, at)
	}
}

func (m *module) addClass(n *sitter.Node, decorators string, at place) {
	body := n.ChildByFieldName("body")
	if at.top {
		c := class{decorators: decorators, body: body}
		if bases := m.text(n.ChildByFieldName("superclasses")); bases != "" {
			r := &reader{src: bases, pos: 1}
			c.bases, c.named = r.elements(')')
		}
		m.classes[m.text(n.ChildByFieldName("name"))] = c
	}
	if body != nil && at.inside {
		at.top = false
		m.collect(body, at)
	}
}

// addAlias notes "name = …" and "name: TypeAlias = …".
func (m *module) addAlias(statement string) {
	r := &reader{src: statement}
	name := r.name()
	if name == "" {
		return
	}
	if r.take(':') {
		r.annotation()
	}
	if r.take('=') && r.peek() != '=' {
		m.aliases[name] = strings.TrimSpace(statement[r.pos:])
	}
}

func (m *module) addImport(n *sitter.Node, at place) {
	line := readImport(m.text(n))
	line.optional = at.optional
	rest := m.src[min(n.EndByte(), uint(len(m.src))):]
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[:end]
	}
	comment := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(rest), "#;"))
	if text, ok := strings.CutPrefix(comment, "pin:"); ok {
		line.pin = strings.TrimSpace(text)
	} else if text, ok := strings.CutPrefix(comment, "repin:"); ok {
		line.pin, line.repin = strings.TrimSpace(text), true
	}
	m.imports = append(m.imports, line)
	for _, name := range line.names {
		local, what := name[1], name[0]
		switch {
		case line.from && local != "":
			m.imported[local] = line.module + "." + what
		case line.from:
			m.imported[what] = line.module + "." + what
		case local != "":
			m.imported[local] = what
		default: // import a.b binds a
			first, _, _ := strings.Cut(what, ".")
			m.imported[first] = first
		}
	}
}

// readImport reads an import statement from its text.
func readImport(text string) importLine {
	var b strings.Builder
	for l := range strings.Lines(text) {
		l, _, _ = strings.Cut(l, "#")
		b.WriteString(strings.NewReplacer("\\", " ", "(", " ", ")", " ").Replace(l))
		b.WriteByte(' ')
	}
	words := strings.Fields(strings.ReplaceAll(b.String(), ",", " , "))
	var line importLine
	if len(words) > 2 && words[0] == "from" {
		line.from = true
		i := 1
		for i < len(words) && words[i] != "import" {
			line.module += words[i] // "from . x import y" is legal
			i++
		}
		words = words[min(i, len(words)):]
	}
	if len(words) == 0 {
		return line
	}
	var name [2]string
	flush := func() {
		if name[0] != "" {
			line.names = append(line.names, name)
		}
		name = [2]string{}
	}
	for i := 1; i < len(words); i++ {
		switch {
		case words[i] == ",":
			flush()
		case words[i] == "as" && i+1 < len(words):
			i++
			name[1] = words[i]
		case name[0] == "":
			name[0] = words[i]
		default:
			name[0] += words[i]
		}
	}
	flush()
	return line
}

// syntaxError is the first place that is not Python; nil when there is none.
func (m *module) syntaxError() error {
	n := m.tree.RootNode()
	if !n.HasError() {
		return nil
	}
	for depth := 0; depth < 10_000; depth++ {
		if n.IsError() || n.IsMissing() {
			break
		}
		var next *sitter.Node
		for i := uint(0); i < n.ChildCount(); i++ {
			if c := n.Child(i); c != nil && c.HasError() {
				next = c
				break
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	if n.IsError() {
		if at, bracket, open := unclosed(m.src, int(n.StartByte())); open {
			before := m.src[:at]
			return &lang.SyntaxError{
				Line: strings.Count(before, "\n") + 1, Column: at - strings.LastIndexByte(before, '\n'),
				Message: "this " + string(bracket) + " is never closed",
			}
		}
	}
	at := n.StartPosition()
	e := &lang.SyntaxError{Line: int(at.Row) + 1, Column: int(at.Column) + 1, Message: "this is not valid Python"}
	if n.IsMissing() {
		e.Message = "expected " + n.Kind() + " here"
	} else if word, _, _ := strings.Cut(m.text(n), "\n"); strings.TrimSpace(word) != "" {
		if r := []rune(strings.TrimSpace(word)); len(r) > 40 {
			word = string(r[:40]) + "…"
		}
		e.Message = "this is not valid Python: " + strings.TrimSpace(word)
	}
	return e
}

// unclosed finds the outermost bracket behind start that stays open to the end of the source.
func unclosed(src string, start int) (at int, bracket byte, open bool) {
	r := &reader{src: src, pos: min(start, len(src))}
	var stack []int
	for r.pos < len(src) {
		switch c := src[r.pos]; c {
		case '#':
			r.space()
			continue
		case '"', '\'':
			r.stringLiteral(false, false)
			continue
		case '(', '[', '{':
			stack = append(stack, r.pos)
		case ')', ']', '}':
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		}
		r.pos++
	}
	if len(stack) == 0 {
		return 0, 0, false
	}
	at = stack[0]
	return at, src[at], true
}
