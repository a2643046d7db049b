package python

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// expr is a Python expression as far as signatures need it: names, literals, displays, subscripts, calls and unions. Anything
// else is exprOther. The reader below never fails: half-written code gives what can be read.
type expr struct {
	kind  exprKind
	text  string // exprName: the dotted name; exprString, exprBytes: the decoded value; exprNumber: JSON text
	items []expr // elements; arguments of a call; index of a subscript; members of a union; values of a dict
	keys  []expr // of a dict
	named []namedExpr
	fn    *expr // what is called or subscripted
}

type namedExpr struct {
	name  string
	value expr
}

type exprKind int

const (
	exprOther exprKind = iota
	exprName
	exprString
	exprBytes
	exprNumber
	exprTrue
	exprFalse
	exprNone
	exprEllipsis
	exprList
	exprTuple
	exprSet
	exprDict
	exprCall
	exprSubscript
	exprUnion
)

func (e expr) arg(name string) (expr, bool) {
	for _, n := range e.named {
		if n.name == name {
			return n.value, true
		}
	}
	return expr{}, false
}

// json is the value of a literal; nil for anything that only Python can evaluate.
func (e expr) json() json.RawMessage {
	switch e.kind {
	case exprNone:
		return json.RawMessage("null")
	case exprTrue:
		return json.RawMessage("true")
	case exprFalse:
		return json.RawMessage("false")
	case exprNumber:
		return json.RawMessage(e.text)
	case exprString:
		return quote(e.text)
	case exprBytes:
		v, _ := json.Marshal([]byte(e.text)) // base64
		return v
	case exprList, exprTuple, exprSet:
		out := []byte{'['}
		for i, item := range e.items {
			v := item.json()
			if v == nil {
				return nil
			}
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, v...)
		}
		return append(out, ']')
	case exprDict:
		out := []byte{'{'}
		for i, item := range e.items {
			v := item.json()
			if v == nil || e.keys[i].kind != exprString {
				return nil
			}
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, quote(e.keys[i].text)...), ':'), v...)
		}
		return append(out, '}')
	}
	return nil
}

func quote(s string) json.RawMessage {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string cannot fail
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n"))
}

// reader reads expressions and parameter lists from a source text.
type reader struct {
	src   string
	pos   int
	depth int
	// comment is the last comment skipped on the line where the previous token ended; it describes a parameter.
	comment string
}

// maxDepth bounds nesting, so that no source can exhaust our stack.
const maxDepth = 60

func readExpr(src string) expr {
	r := &reader{src: src}
	e := r.expression()
	r.space()
	if r.pos < len(r.src) {
		return expr{}
	}
	return e
}

func (r *reader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

// space skips blanks, line ends, continuations and comments: the reader is only used inside brackets or on one line.
func (r *reader) space() {
	sameLine := true
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; c {
		case '\n':
			sameLine = false
			r.pos++
		case ' ', '\t', '\r', '\f', '\\':
			r.pos++
		case '#':
			end := strings.IndexByte(r.src[r.pos:], '\n')
			if end < 0 {
				end = len(r.src) - r.pos
			}
			if sameLine {
				r.comment = strings.TrimSpace(strings.TrimLeft(r.src[r.pos:r.pos+end], "#"))
			}
			r.pos += end
		default:
			return
		}
	}
}

func (r *reader) take(c byte) bool {
	r.space()
	if r.peek() != c || r.pos >= len(r.src) {
		return false
	}
	r.pos++
	return true
}

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (r *reader) name() string {
	start := r.pos
	if !isNameStart(r.peek()) {
		return ""
	}
	for r.pos < len(r.src) && (isNameStart(r.src[r.pos]) || isDigit(r.src[r.pos])) {
		r.pos++
	}
	return r.src[start:r.pos]
}

// expression reads up to a comma, a closing bracket, '=' or ':' on its own level. What it does not understand it skips, and
// the whole is exprOther.
func (r *reader) expression() expr {
	r.depth++
	defer func() { r.depth-- }()
	e := r.union()
	r.space()
	if r.atEnd() {
		return e
	}
	r.skip()
	return expr{}
}

func (r *reader) atEnd() bool {
	switch r.peek() {
	case ',', ')', ']', '}', ':':
		return true
	case '=':
		return r.pos+1 >= len(r.src) || r.src[r.pos+1] != '='
	case 0:
		return r.pos >= len(r.src)
	}
	return false
}

// skip passes over the rest of an expression with balanced brackets.
func (r *reader) skip() {
	level := 0
	for r.pos < len(r.src) {
		c := r.src[r.pos]
		switch {
		case c == '#':
			r.space()
			continue
		case c == '"' || c == '\'':
			r.stringLiteral(false, false)
			continue
		case c == '(' || c == '[' || c == '{':
			level++
		case c == ')' || c == ']' || c == '}':
			if level == 0 {
				return
			}
			level--
		case level == 0 && (c == ',' || c == ':'):
			return
		case level == 0 && c == '=':
			if next := r.pos + 1; next < len(r.src) && r.src[next] == '=' {
				r.pos++ // ==
			} else if r.pos == 0 || !strings.ContainsRune("<>!=", rune(r.src[r.pos-1])) {
				return
			}
		}
		r.pos++
	}
}

func (r *reader) union() expr {
	e := r.primary()
	if e.kind == exprOther {
		return e
	}
	members := []expr{e}
	for {
		r.space()
		if r.peek() != '|' || strings.HasPrefix(r.src[r.pos:], "||") {
			break
		}
		r.pos++
		members = append(members, r.primary())
	}
	if len(members) == 1 {
		return e
	}
	return expr{kind: exprUnion, items: members}
}

func (r *reader) primary() expr {
	if r.depth > maxDepth {
		return expr{}
	}
	r.space()
	e := r.atom()
	for e.kind != exprOther {
		// A call or a subscript may stand on the next line only inside brackets, where we are.
		r.space()
		switch {
		case r.peek() == '.' && e.kind == exprName && r.pos+1 < len(r.src) && isNameStart(r.src[r.pos+1]):
			r.pos++
			e.text += "." + r.name()
		case r.peek() == '[' && (e.kind == exprName || e.kind == exprSubscript):
			r.pos++
			items, _ := r.elements(']')
			fn := e
			e = expr{kind: exprSubscript, fn: &fn, items: items}
		case r.peek() == '(' && (e.kind == exprName || e.kind == exprSubscript || e.kind == exprCall):
			r.pos++
			items, named := r.elements(')')
			fn := e
			e = expr{kind: exprCall, fn: &fn, items: items, named: named}
		default:
			return e
		}
	}
	return e
}

// elements reads a list up to the closing bracket, with named arguments.
func (r *reader) elements(end byte) (items []expr, named []namedExpr) {
	for r.pos < len(r.src) {
		if r.take(end) {
			return items, named
		}
		before := r.pos
		e := r.expression()
		if r.peek() == '=' && e.kind == exprName {
			r.pos++
			named = append(named, namedExpr{e.text, r.expression()})
		} else {
			items = append(items, e)
		}
		if !r.take(',') && r.peek() != end {
			if r.peek() == ':' { // a slice
				r.pos++
			}
			if r.pos == before {
				return items, named
			}
			if c := r.peek(); c == ')' || c == ']' || c == '}' {
				return items, named // a wrong bracket: half-written code
			}
		}
	}
	return items, named
}

func (r *reader) atom() expr {
	switch c := r.peek(); {
	case c == '[':
		r.pos++
		items, _ := r.elements(']')
		return expr{kind: exprList, items: items}
	case c == '(':
		r.pos++
		start := r.pos
		items, _ := r.elements(')')
		if len(items) == 1 && !strings.HasSuffix(strings.TrimRight(r.src[start:max(start, r.pos-1)], " \t\r\n"), ",") {
			return items[0]
		}
		return expr{kind: exprTuple, items: items}
	case c == '{':
		r.pos++
		return r.braces()
	case c == '"' || c == '\'':
		return r.strings()
	case isDigit(c), c == '.' && r.pos+1 < len(r.src) && isDigit(r.src[r.pos+1]):
		return r.number("")
	case c == '-' || c == '+':
		r.pos++
		r.space()
		if d := r.peek(); isDigit(d) || d == '.' {
			sign := ""
			if c == '-' {
				sign = "-"
			}
			return r.number(sign)
		}
		return expr{}
	case strings.HasPrefix(r.src[r.pos:], "..."):
		r.pos += 3
		return expr{kind: exprEllipsis}
	case isNameStart(c):
		start := r.pos
		name := r.name()
		if q := r.peek(); (q == '"' || q == '\'') && len(name) <= 2 {
			r.pos = start
			return r.strings()
		}
		switch name {
		case "None":
			return expr{kind: exprNone}
		case "True":
			return expr{kind: exprTrue}
		case "False":
			return expr{kind: exprFalse}
		case "lambda":
			for r.pos < len(r.src) && r.src[r.pos] != ':' && r.src[r.pos] != '\n' && r.src[r.pos] != ')' {
				r.pos++
			}
			if r.peek() == ':' {
				r.pos++
			}
			r.skip()
			return expr{}
		case "not", "await", "yield", "if", "for":
			return expr{}
		}
		return expr{kind: exprName, text: name}
	}
	return expr{}
}

func (r *reader) braces() expr {
	out := expr{kind: exprDict}
	for r.pos < len(r.src) {
		if r.take('}') {
			return out
		}
		before := r.pos
		key := r.expression()
		if r.take(':') {
			out.keys = append(out.keys, key)
			out.items = append(out.items, r.expression())
		} else {
			out.kind = exprSet
			out.items = append(out.items, key)
		}
		if out.kind == exprSet && len(out.keys) > 0 {
			out.kind, out.keys, out.items = exprOther, nil, nil // {a: b, c}: not Python, or a comprehension
			r.skip()
			r.take('}')
			return out
		}
		if !r.take(',') && r.peek() != '}' && r.pos == before {
			break
		}
		if c := r.peek(); c == ')' || c == ']' {
			break
		}
	}
	return out
}

func (r *reader) number(sign string) expr {
	start := r.pos
	for r.pos < len(r.src) {
		c := r.src[r.pos]
		exp := (c == '+' || c == '-') && r.pos > start && (r.src[r.pos-1] == 'e' || r.src[r.pos-1] == 'E') &&
			!strings.HasPrefix(strings.ToLower(r.src[start:r.pos]), "0x")
		if !isDigit(c) && c != '.' && c != '_' && !isNameStart(c) && !exp {
			break
		}
		r.pos++
	}
	text := strings.ReplaceAll(r.src[start:r.pos], "_", "")
	if len(text) > 10_000 {
		return expr{}
	}
	decimal := len(text) > 1 && strings.Trim(text, "0123456789") == "" // 0b1 and friends need base 0; 010 is an error in Python
	if n, ok := new(big.Int).SetString(text, map[bool]int{true: 10, false: 0}[decimal]); ok {
		if sign == "-" {
			n.Neg(n)
		}
		return expr{kind: exprNumber, text: n.String()}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xXpPnN") {
		return expr{}
	}
	v, err := json.Marshal(f)
	if err != nil {
		return expr{}
	}
	out := sign + string(v)
	if !strings.ContainsAny(out, ".eE") {
		out += ".0" // 3.0 is a number, not an integer
	}
	return expr{kind: exprNumber, text: out}
}

// strings reads adjacent string literals, which Python joins.
func (r *reader) strings() expr {
	out := expr{kind: exprString}
	for n := 0; ; n++ {
		prefixStart := r.pos
		prefix := strings.ToLower(r.name())
		if q := r.peek(); q != '"' && q != '\'' || len(prefix) > 2 {
			r.pos = prefixStart
			return out
		}
		text, ok := r.stringLiteral(strings.Contains(prefix, "r"), strings.Contains(prefix, "b"))
		if !ok || strings.ContainsAny(prefix, "ft") && strings.ContainsAny(text, "{}") {
			out.kind = exprOther
		}
		if strings.Contains(prefix, "b") && out.kind == exprString {
			out.kind = exprBytes
		}
		out.text += text
		r.space()
	}
}

// stringLiteral reads one literal at its opening quote. ok is false when it does not end or has an escape that we cannot know.
func (r *reader) stringLiteral(raw, isBytes bool) (text string, ok bool) {
	quote := r.src[r.pos : r.pos+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(r.src[r.pos:], triple) {
		quote = triple
	}
	r.pos += len(quote)
	var b strings.Builder
	ok = true
	for r.pos < len(r.src) {
		c := r.src[r.pos]
		switch {
		case strings.HasPrefix(r.src[r.pos:], quote):
			r.pos += len(quote)
			return b.String(), ok
		case c == '\n' && len(quote) == 1:
			return b.String(), false
		case c == '\\' && r.pos+1 < len(r.src):
			if raw {
				b.WriteString(r.src[r.pos : r.pos+2])
				r.pos += 2
			} else {
				ok = r.escape(&b, isBytes) && ok
			}
		default:
			b.WriteByte(c)
			r.pos++
		}
	}
	return b.String(), false
}

var simpleEscapes = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

func (r *reader) escape(b *strings.Builder, isBytes bool) bool {
	c := r.src[r.pos+1]
	if s, ok := simpleEscapes[c]; ok {
		b.WriteString(s)
		r.pos += 2
		return true
	}
	base, digits, start := 16, 0, r.pos+2
	switch {
	case c == 'x':
		digits = 2
	case c == 'u' && !isBytes:
		digits = 4
	case c == 'U' && !isBytes:
		digits = 8
	case c >= '0' && c <= '7':
		base, start = 8, r.pos+1
		for digits < 3 && start+digits < len(r.src) && r.src[start+digits] >= '0' && r.src[start+digits] <= '7' {
			digits++
		}
	case c == 'N' && !isBytes:
		b.WriteString("\\N")
		r.pos += 2
		return false // a name of the Unicode tables
	default: // an unknown escape stands for itself
		b.WriteByte('\\')
		r.pos++
		return true
	}
	end := min(start+digits, len(r.src))
	n, err := strconv.ParseUint(r.src[start:end], base, 32)
	r.pos = end
	if err != nil || end-start < digits {
		return false
	}
	if isBytes {
		b.WriteByte(byte(n))
	} else {
		b.WriteRune(rune(n))
	}
	return true
}

// param is a parameter as it is written.
type param struct {
	name    string
	star    int // 1 for *args, 2 for **kwargs
	typ     string
	value   *expr
	comment string
	posOnly bool
}

// params reads a parameter list behind its opening bracket.
func (r *reader) params() []param {
	var out []param
	for r.pos < len(r.src) {
		r.space()
		r.comment = ""
		if r.take(')') {
			return out
		}
		before := r.pos
		var p param
		for r.peek() == '*' && p.star < 2 {
			p.star++
			r.pos++
			r.space()
		}
		if r.peek() == '/' {
			r.pos++
			for i := range out {
				out[i].posOnly = true
			}
		}
		p.name = r.name()
		if r.take(':') {
			r.space()
			start := r.pos
			r.annotation()
			p.typ = strings.TrimSpace(r.src[start:r.pos])
		}
		if r.take('=') {
			e := r.expression()
			p.value = &e
		}
		more := r.take(',')
		r.space()
		p.comment = r.comment
		if p.name != "" {
			out = append(out, p)
		}
		if more || r.peek() == ')' {
			continue
		}
		if r.pos == before || r.peek() == 0 && r.pos >= len(r.src) || r.peek() == ':' {
			return out // half-written
		}
		if r.peek() == ']' || r.peek() == '}' {
			return out
		}
	}
	return out
}

// annotation passes over a type.
func (r *reader) annotation() {
	for r.pos < len(r.src) {
		r.skip()
		if r.peek() != ':' {
			return
		}
		r.pos++
	}
}
