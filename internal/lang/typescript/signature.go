package typescript

import (
	"cmp"
	"strconv"
	"strings"

	ts "github.com/tree-sitter/go-tree-sitter"

	"github.com/tidemill/tidemill/internal/lang"
)

const (
	entryName        = "main"
	preprocessorName = "preprocessor"
)

func (language) Signature(source string) (lang.Signature, error) {
	f := parse(source)
	defer f.close()
	e := readEntry(f)
	if err := syntaxError(f); err != nil {
		return e.signature, err
	}
	return e.signature, nil
}

// entry is a signature with what the wrapper needs to call it.
type entry struct {
	signature lang.Signature
	args      []argument
	defs      map[string]*conv
}

// argument is a parameter as the wrapper passes it.
type argument struct {
	Name string `json:"name"`
	Conv *conv  `json:"conv,omitempty"`
	Rest bool   `json:"rest,omitempty"`
}

func readEntry(f *file) entry {
	fn, doc, found := f.function(entryName)
	if !found && f.broken {
		// Half-written code below or above can swallow the whole function. Its head is enough for the form.
		if repaired, ok := f.headOnly(); ok {
			g := parse(repaired)
			defer g.close()
			if fn, doc, ok := g.function(entryName); ok && fn != nil {
				e := g.entry(fn, doc)
				_, _, e.signature.Preprocessor = f.function(preprocessorName)
				return e
			}
		}
	}
	e := entry{}
	switch {
	case !found:
		e.signature.NoMain = true
	case fn == nil:
		e.signature.StarArgs = true // re-exported from elsewhere: we cannot see what it takes
	default:
		e = f.entry(fn, doc)
	}
	_, _, e.signature.Preprocessor = f.function(preprocessorName)
	return e
}

// function finds an exported function. A name that is exported but declared elsewhere is found without a node.
func (f *file) function(name string) (fn *ts.Node, doc string, found bool) {
	local, ok := f.exports[name]
	if !ok {
		return nil, "", false
	}
	d, ok := f.values[local]
	if !ok {
		return nil, "", true
	}
	return f.callable(d.node, 0), d.doc, true
}

// callable looks through what may stand around a function: const main = task(async (x) => …) as Main.
func (f *file) callable(n *ts.Node, depth int) *ts.Node {
	if n == nil || depth > maxDepth {
		return nil
	}
	switch n.Kind() {
	case "function_declaration", "generator_function_declaration", "function_signature", "arrow_function", "function_expression", "generator_function":
		return n
	case "variable_declarator":
		return f.callable(field(n, "value"), depth+1)
	case "parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression":
		return f.callable(n.NamedChild(0), depth+1)
	case "identifier":
		if d, ok := f.values[f.str(n)]; ok {
			return f.callable(d.node, depth+8)
		}
	case "call_expression":
		for _, a := range children(field(n, "arguments")) {
			if fn := f.callable(a, depth+1); fn != nil {
				return fn
			}
		}
	}
	return nil
}

// headOnly finds the head of main in the text and gives the source up to its closing parenthesis, with an empty body.
func (f *file) headOnly() (string, bool) {
	text := string(f.text)
	for at := 0; ; {
		i := strings.Index(text[at:], "function")
		if i < 0 {
			return "", false
		}
		at += i + len("function")
		rest := strings.TrimLeft(text[at:], " \t\r\n*")
		if !strings.HasPrefix(rest, entryName) {
			continue
		}
		rest = strings.TrimLeft(rest[len(entryName):], " \t\r\n")
		before := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text[:at-len("function")]), "async"))
		if !strings.HasPrefix(rest, "(") || !strings.HasSuffix(before, "export") {
			continue
		}
		open := len(text) - len(rest)
		end, closed := balanced(text, open)
		if !closed {
			end = strings.LastIndexByte(text[:end], ',') // what is being typed is not a parameter yet
			if end <= open {
				end = open + 1
			}
			return text[:end] + ") {}\n", true
		}
		return text[:end] + " {}\n", true
	}
}

// balanced finds the end of the brackets that open at i, skipping strings and comments.
func balanced(text string, i int) (end int, closed bool) {
	depth := 0
	for ; i < len(text); i++ {
		switch c := text[i]; c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return i + 1, true
			}
		case '"', '\'', '`':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' {
					i++
				} else if text[i] == '\n' && c != '`' {
					break
				}
			}
		case '/':
			switch {
			case strings.HasPrefix(text[i:], "//"):
				n := strings.IndexByte(text[i:], '\n')
				if n < 0 {
					return len(text), false
				}
				i += n
			case strings.HasPrefix(text[i:], "/*"):
				n := strings.Index(text[i+2:], "*/")
				if n < 0 {
					return len(text), false
				}
				i += n + 3
			}
		}
	}
	return min(i, len(text)), false
}

func (f *file) entry(fn *ts.Node, comment string) entry {
	doc := readDoc(comment)
	e := entry{signature: lang.Signature{Doc: doc.text, Streams: f.streams(fn)}}
	r := newTypeReader(f)
	env := scope{}
	for _, p := range children(field(fn, "type_parameters")) {
		t := anyType()
		if c := field(p, "constraint"); c != nil {
			t = r.read(c, env, 0)
		}
		env[f.str(field(p, "name"))] = t
	}
	note, row := "", uint(0)
	add := func(p lang.Param, a argument, end uint) {
		p.Description = cmp.Or(doc.params[p.Name], p.Description)
		e.signature.Params = append(e.signature.Params, p)
		e.args = append(e.args, a)
		note, row = "", end
	}
	if single := field(fn, "parameter"); single != nil { // x => …
		add(lang.Param{Name: f.str(single), Schema: &lang.Schema{}}, argument{Name: f.str(single)}, 0)
	}
	anonymous := 0
	for _, n := range children(field(fn, "parameters")) {
		switch n.Kind() {
		case "comment":
			text := readDoc(f.str(n)).text
			// A comment at the end of a parameter's line describes that one, any other the next.
			if last := len(e.signature.Params) - 1; last >= 0 && n.StartPosition().Row == row && f.endsLine(n) {
				p := &e.signature.Params[last]
				p.Description = cmp.Or(p.Description, text)
			} else {
				note = text
			}
		case "required_parameter", "optional_parameter":
			if p, a, ok := f.parameter(r, n, env, &anonymous); ok {
				p.Description = note
				add(p, a, n.EndPosition().Row)
			}
		}
	}
	e.signature.ResourceTypes = r.resources
	e.defs = r.defs
	return e
}

// endsLine reports whether nothing follows the node on its line.
func (f *file) endsLine(n *ts.Node) bool {
	rest := f.text[n.EndByte():]
	for _, b := range rest {
		switch b {
		case ' ', '\t', '\r', ',':
		default:
			return b == '\n'
		}
	}
	return true
}

func (f *file) parameter(r *typeReader, n *ts.Node, env scope, anonymous *int) (lang.Param, argument, bool) {
	pattern, value := field(n, "pattern"), field(n, "value")
	if pattern == nil {
		return lang.Param{}, argument{}, false
	}
	p, a := lang.Param{}, argument{}
	switch pattern.Kind() {
	case "identifier":
		p.Name = f.str(pattern)
	case "rest_pattern":
		p.Name, p.Optional, a.Rest = f.str(pattern.NamedChild(0)), true, true
	case "object_pattern", "array_pattern":
		*anonymous++
		p.Name = "anon" + strconv.Itoa(*anonymous) // the name Windmill gives it
	default:
		return p, a, false // this
	}
	if p.Name == "" {
		return p, a, false
	}
	a.Name = p.Name
	if value != nil {
		p.HasDefault = true
		p.Default, _ = f.literal(value, 0)
		if string(p.Default) == "" {
			p.Default = nil
		}
	}
	t := anyType()
	switch {
	case field(n, "type") != nil:
		t = r.read(field(n, "type"), env, 0)
	case pattern.Kind() == "object_pattern":
		t = f.fromPattern(pattern, 0)
	case a.Rest || pattern.Kind() == "array_pattern":
		t = simple("array")
	case value != nil && value.Kind() == "as_expression" && value.NamedChildCount() > 1:
		t = r.read(value.NamedChild(1), env, 0)
	case p.Default != nil && string(p.Default) != "null":
		t = fromLiteral(p.Default)
	case value != nil && value.Kind() == "new_expression" && f.str(field(value, "constructor")) == "Date":
		t, _ = r.builtin("Date", nil, nil, 0)
	}
	p.Schema, a.Conv = t.schema, t.conv
	if p.Schema.Default != nil { // of a comment on the type
		s := *p.Schema
		s.Default = nil
		p.Schema = &s
	}
	p.Optional = p.Optional || n.Kind() == "optional_parameter" || t.absent
	return p, a, true
}

// fromPattern is the type that a destructuring tells: its names and the types of their defaults.
func (f *file) fromPattern(n *ts.Node, depth int) typ {
	s := &lang.Schema{Type: "object"}
	for _, c := range children(n) {
		switch c.Kind() {
		case "shorthand_property_identifier_pattern":
			put(s, f.str(c), &lang.Schema{}, false)
		case "object_assignment_pattern":
			p := &lang.Schema{}
			if v, ok := f.literal(field(c, "right"), 0); ok && v != nil {
				if string(v) != "null" {
					p = fromLiteral(v).schema
				}
				d := *p
				d.Default = v
				p = &d
			}
			put(s, f.str(field(c, "left")), p, true)
		case "pair_pattern":
			p := &lang.Schema{}
			v := field(c, "value")
			if v != nil && v.Kind() == "object_pattern" && depth < maxDepth {
				p = f.fromPattern(v, depth+1).schema
			}
			put(s, f.propertyName(field(c, "key")), p, v != nil && v.Kind() == "assignment_pattern")
		}
	}
	return typ{schema: s}
}

// streams reports whether the function is a generator or says that it returns one.
func (f *file) streams(fn *ts.Node) bool {
	if strings.HasPrefix(fn.Kind(), "generator_function") {
		return true
	}
	t := field(fn, "return_type")
	for t != nil {
		switch t.Kind() {
		case "type_annotation":
			t = t.NamedChild(0)
			continue
		case "generic_type":
			switch f.str(field(t, "name")) {
			case "AsyncGenerator", "Generator", "AsyncIterable", "AsyncIterableIterator", "IterableIterator", "ReadableStream":
				return true
			case "Promise":
				t = field(t, "type_arguments").NamedChild(0)
				continue
			}
		}
		return false
	}
	return false
}
