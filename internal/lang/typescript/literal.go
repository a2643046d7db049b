package typescript

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	ts "github.com/tree-sitter/go-tree-sitter"

	"github.com/tidemill/tidemill/internal/domain"
)

// maxDepth bounds the nesting of types and literals that is looked into.
const maxDepth = 48

// literal is the JSON value of an expression, when it is one that needs no running: literals, arrays and objects of them,
// members of enums, and constants of the file. "undefined" is (nil, true).
func (f *file) literal(n *ts.Node, depth int) (domain.JSON, bool) {
	if n == nil || depth > maxDepth {
		return nil, false
	}
	switch n.Kind() {
	case "string":
		return quote(f.unquote(n)), true
	case "template_string":
		if child(n, "template_substitution") != nil {
			return nil, false
		}
		return quote(f.unquote(n)), true
	case "number":
		return number(f.str(n))
	case "true", "false", "null":
		return domain.JSON(n.Kind()), true
	case "undefined":
		return nil, true
	case "unary_expression":
		v, ok := f.literal(field(n, "argument"), depth+1)
		if !ok || v == nil || (v[0] < '0' || v[0] > '9') {
			return nil, false
		}
		switch f.str(field(n, "operator")) {
		case "-":
			return append(domain.JSON("-"), v...), true
		case "+":
			return v, true
		}
	case "as_expression", "satisfies_expression", "parenthesized_expression", "non_null_expression":
		return f.literal(n.NamedChild(0), depth+1)
	case "array":
		return f.arrayLiteral(n, depth)
	case "object":
		return f.objectLiteral(n, depth)
	case "identifier":
		if f.str(n) == "undefined" {
			return nil, true
		}
		if d, ok := f.values[f.str(n)]; ok && d.node.Kind() == "variable_declarator" {
			if p := d.node.Parent(); p != nil && child(p, "const") != nil {
				return f.literal(field(d.node, "value"), depth+8)
			}
		}
	case "member_expression":
		if d, ok := f.types[f.str(field(n, "object"))]; ok && d.node.Kind() == "enum_declaration" {
			for _, m := range f.enum(d.node) {
				if m.name == f.str(field(n, "property")) && m.value != nil {
					return m.value, true
				}
			}
		}
	case "new_expression":
		if f.str(field(n, "constructor")) == "Date" {
			args := children(field(n, "arguments"))
			if len(args) == 1 && args[0].Kind() == "string" {
				return f.literal(args[0], depth+1)
			}
		}
	}
	return nil, false
}

func (f *file) arrayLiteral(n *ts.Node, depth int) (domain.JSON, bool) {
	out := []byte{'['}
	for _, c := range children(n) {
		if c.Kind() == "comment" {
			continue
		}
		v, ok := f.literal(c, depth+1)
		if !ok {
			return nil, false
		}
		if v == nil {
			v = domain.JSON("null")
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']'), true
}

func (f *file) objectLiteral(n *ts.Node, depth int) (domain.JSON, bool) {
	out := []byte{'{'}
	for _, c := range children(n) {
		var key string
		var value *ts.Node
		switch c.Kind() {
		case "comment":
			continue
		case "pair":
			k := field(c, "key")
			switch {
			case k == nil:
				return nil, false
			case k.Kind() == "string":
				key = f.unquote(k)
			case k.Kind() == "property_identifier" || k.Kind() == "number":
				key = f.str(k)
			default:
				return nil, false
			}
			value = field(c, "value")
		case "shorthand_property_identifier":
			key = f.str(c)
			d, ok := f.values[key]
			if !ok || d.node.Kind() != "variable_declarator" {
				return nil, false
			}
			value = field(d.node, "value")
		default:
			return nil, false
		}
		v, ok := f.literal(value, depth+1)
		if !ok {
			return nil, false
		}
		if v == nil {
			continue // undefined
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quote(key)...), ':'), v...)
	}
	return append(out, '}'), true
}

type enumMember struct {
	name  string
	value domain.JSON // nil: computed
}

// enum lists the members with their values, counted up as TypeScript does.
func (f *file) enum(n *ts.Node) []enumMember {
	var out []enumMember
	next := domain.JSON("0")
	for _, c := range children(field(n, "body")) {
		m := enumMember{}
		switch c.Kind() {
		case "enum_assignment":
			m.name = f.propertyName(field(c, "name"))
			m.value, _ = f.literal(field(c, "value"), 0)
		case "property_identifier", "string":
			m.name, m.value = f.propertyName(c), next
		default:
			continue
		}
		next = nil
		if i, err := strconv.ParseInt(string(m.value), 10, 64); err == nil && i < math.MaxInt64 {
			next = strconv.AppendInt(nil, i+1, 10)
		}
		out = append(out, m)
	}
	return out
}

// propertyName is the name of a property, a literal in quotes without them; "" for a computed one.
func (f *file) propertyName(n *ts.Node) string {
	if n == nil {
		return ""
	}
	switch n.Kind() {
	case "string":
		return f.unquote(n)
	case "property_identifier", "identifier", "number", "private_property_identifier":
		return f.str(n)
	case "computed_property_name":
		if c := n.NamedChild(0); c != nil && c.Kind() == "string" {
			return f.unquote(c)
		}
	}
	return ""
}

func quote(s string) domain.JSON {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// number is the JSON text of a number of JavaScript. Integers stay exact at any size.
func number(text string) (domain.JSON, bool) {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "_", ""), "n")
	if i, ok := new(big.Int).SetString(text, 0); ok && i.BitLen() < 1024 {
		return domain.JSON(i.String()), true
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, false
	}
	out, err := json.Marshal(v)
	return out, err == nil
}

// unquote is the value of a string or a template without substitutions.
func (f *file) unquote(n *ts.Node) string {
	text := f.str(n)
	if len(text) < 2 {
		return ""
	}
	quoteMark := text[0]
	text = text[1:]
	if text[len(text)-1] == quoteMark {
		text = text[:len(text)-1]
	}
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	high := rune(0) // a surrogate that waits for its second half
	put := func(r rune) {
		if high != 0 {
			if full := utf16.DecodeRune(high, r); full != utf8.RuneError {
				b.WriteRune(full)
				high = 0
				return
			}
			b.WriteRune(utf8.RuneError)
			high = 0
		}
		if utf16.IsSurrogate(r) {
			high = r
			return
		}
		b.WriteRune(r)
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if r != '\\' || text == "" {
			put(r)
			continue
		}
		r, size = utf8.DecodeRuneInString(text)
		text = text[size:]
		switch r {
		case 'n':
			put('\n')
		case 't':
			put('\t')
		case 'r':
			put('\r')
		case 'b':
			put('\b')
		case 'f':
			put('\f')
		case 'v':
			put('\v')
		case '0':
			put(0)
		case '\n':
		case '\r':
			text = strings.TrimPrefix(text, "\n")
		case 'x':
			text = hex(text, 2, put)
		case 'u':
			if rest, braced := strings.CutPrefix(text, "{"); braced {
				digits, after, _ := strings.Cut(rest, "}")
				hex(digits, len(digits), put)
				text = after
			} else {
				text = hex(text, 4, put)
			}
		default:
			put(r)
		}
	}
	if high != 0 {
		b.WriteRune(utf8.RuneError)
	}
	return b.String()
}

// hex reads n digits of text and returns the rest. Digits that are none are the parser's to complain about.
func hex(text string, n int, put func(rune)) string {
	n = min(n, len(text))
	if v, err := strconv.ParseUint(text[:n], 16, 21); err == nil {
		put(rune(v))
		return text[n:]
	}
	return text
}
