package python

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	sitter "github.com/tree-sitter/go-tree-sitter"

	"github.com/tidemill/tidemill/internal/lang"
)

func (l *language) Signature(source string) (lang.Signature, error) {
	s, _, err := l.read(source)
	return s, err
}

// conversions is what the wrapper has to do with the arguments, in words that JSON can carry: see run.py.
type conversions struct {
	Names      []string            `json:"names"`      // parameters, in order
	Positional int                 `json:"positional"` // the first so many must be passed by position
	Rest       bool                `json:"rest"`       // there is **kwargs
	Optional   []string            `json:"optional"`   // None when left out
	Args       map[string]conv     `json:"args"`       // parameter → conversion
	Classes    map[string]convType `json:"classes"`    // classes of the source that conversions name
}

// read finds the entry point. With a *lang.SyntaxError it still gives what can be read.
func (l *language) read(source string) (lang.Signature, conversions, error) {
	m, err := l.parse(source, false)
	if err != nil {
		return lang.Signature{}, conversions{}, err
	}
	defer m.close()
	failed := m.syntaxError()
	var s lang.Signature
	_, s.Preprocessor = m.functions["preprocessor"]
	main, ok := m.functions["main"]
	if !ok && failed != nil {
		main, ok = unfinishedMain(source)
	}
	if !ok {
		s.NoMain = true
		return s, conversions{}, failed
	}
	docs := readDocstring(m.docstring(main.body))
	s.Doc = docs.text
	t := &types{module: m, classes: map[string]convType{}, active: map[string]bool{}}
	c := conversions{Args: map[string]conv{}}
	for _, p := range (&reader{src: main.params}).params() {
		if p.star > 0 {
			s.StarArgs = s.StarArgs || p.star == 2
			continue
		}
		if slices.Contains(c.Names, p.name) {
			continue // a name given twice: half-written code
		}
		out, change := t.param(p)
		if d := docs.params[p.name]; d != "" {
			out.Description = d
		}
		s.Params = append(s.Params, out)
		c.Names = append(c.Names, p.name)
		if p.posOnly {
			c.Positional = len(c.Names)
		}
		if out.Optional {
			c.Optional = append(c.Optional, p.name)
		}
		if change != nil {
			c.Args[p.name] = change
		}
	}
	c.Rest, c.Classes = s.StarArgs, t.classes
	s.ResourceTypes = t.resources
	s.Streams = m.streams(main)
	return s, c, failed
}

var mainLine = regexp.MustCompile(`(?m)^(?:async[ \t]+)?def[ \t]+main[ \t]*\(`)

// unfinishedMain finds the entry point of a source that breaks off inside it.
func unfinishedMain(source string) (function, bool) {
	at := mainLine.FindAllStringIndex(source, -1)
	if at == nil {
		return function{}, false
	}
	return function{params: source[at[len(at)-1][1]:]}, true
}

// param gives a parameter with its schema, and what the wrapper does with its argument.
func (t *types) param(p param) (lang.Param, conv) {
	out := lang.Param{Name: p.name, Schema: &lang.Schema{}, Description: p.comment}
	var change conv
	if p.typ != "" {
		r := t.of(readExpr(p.typ))
		out.Schema, change, out.Optional = r.schema, r.conv, r.optional
	}
	if p.value == nil {
		return out, change
	}
	out.HasDefault, out.Optional = true, false
	out.Default = t.literal(*p.value)
	if p.typ == "" {
		out.Schema = inferred(*p.value)
	} else if p.value.kind == exprNone && out.Schema.Type != "" {
		out.Schema.Nullable = true // x: str = None
	}
	return out, change
}

// literal is the value of a default: a literal, or a member of an enumeration of this source.
func (t *types) literal(e expr) json.RawMessage {
	if v := e.json(); v != nil {
		return v
	}
	if e.kind == exprCall {
		return day(e)
	}
	if e.kind == exprName {
		name := strings.TrimSuffix(e.text, ".value")
		if className, member, ok := strings.Cut(name, "."); ok {
			if c, ok := t.module.classes[className]; ok && t.isEnum(c, 0) {
				for _, m := range t.members(c) {
					if m.name == member {
						return m.value
					}
				}
			}
		}
	}
	return nil
}

// day is the value of date(2026, 11, 1), the usual way to write a default day.
func day(e expr) json.RawMessage {
	if name := e.fn.text; e.fn.kind != exprName || name != "date" && name != "datetime.date" || len(e.items) != 3 || len(e.named) != 0 {
		return nil
	}
	var parts [3]int
	for i, item := range e.items {
		n, err := strconv.Atoi(item.text)
		if item.kind != exprNumber || err != nil {
			return nil
		}
		parts[i] = n
	}
	t := time.Date(parts[0], time.Month(parts[1]), parts[2], 0, 0, 0, 0, time.UTC)
	if t.Year() != parts[0] || int(t.Month()) != parts[1] || t.Day() != parts[2] || parts[0] < 1 || parts[0] > 9999 {
		return nil // no such day: Python will say so
	}
	return quote(t.Format(time.DateOnly))
}

// inferred is the type of a parameter that has only a default.
func inferred(e expr) *lang.Schema {
	switch e.kind {
	case exprTrue, exprFalse:
		return &lang.Schema{Type: "boolean"}
	case exprString:
		return &lang.Schema{Type: "string"}
	case exprBytes:
		return &lang.Schema{Type: "string", Encoding: "base64"}
	case exprNumber:
		if strings.ContainsAny(e.text, ".eE") {
			return &lang.Schema{Type: "number"}
		}
		return &lang.Schema{Type: "integer"}
	case exprList, exprTuple, exprSet:
		s := &lang.Schema{Type: "array"}
		for i, item := range e.items {
			of := inferred(item)
			if i > 0 && s.Items != nil && s.Items.Type != of.Type {
				s.Items = nil
				break
			}
			if of.Type != "" {
				s.Items = of
			}
		}
		return s
	case exprDict:
		return &lang.Schema{Type: "object"}
	}
	return &lang.Schema{}
}

// streams reports whether the entry point is a generator.
func (m *module) streams(f function) bool {
	result := strings.TrimSpace(f.result)
	for _, name := range []string{"Iterator", "Generator", "AsyncIterator", "AsyncGenerator"} {
		base, _, _ := strings.Cut(result, "[")
		if base[strings.LastIndexByte(base, '.')+1:] == name {
			return true
		}
	}
	return f.body != nil && strings.Contains(m.text(f.body), "yield") && yields(f.body, 0)
}

// yields looks for a yield that is the function's own.
func yields(n *sitter.Node, depth int) bool {
	if depth > 200 {
		return false
	}
	cursor := n.Walk()
	defer cursor.Close()
	for ok := cursor.GotoFirstChild(); ok; ok = cursor.GotoNextSibling() {
		child := cursor.Node()
		if child == nil || !child.IsNamed() {
			continue
		}
		switch child.Kind() {
		case "yield":
			return true
		case "function_definition", "class_definition", "lambda":
			continue
		}
		if yields(child, depth+1) {
			return true
		}
	}
	return false
}

// docstring is the string that a block begins with.
func (m *module) docstring(block *sitter.Node) string {
	if block == nil {
		return ""
	}
	for i := uint(0); i < block.NamedChildCount(); i++ {
		n := block.NamedChild(i)
		switch {
		case n == nil, n.Kind() == "comment":
			continue
		case n.Kind() == "expression_statement":
			if e := readExpr(m.text(n)); e.kind == exprString {
				return e.text
			}
		}
		return ""
	}
	return ""
}
