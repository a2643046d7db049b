package golang

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidemill/tidemill/internal/lang"
)

// file is a parsed source. After an error it holds what stands before it, and often more.
type file struct {
	source string
	set    *token.FileSet
	ast    *ast.File
	types  map[string]*ast.TypeSpec
	docs   map[string]string // of types
	consts map[string][]choice
	main   *ast.FuncDecl
	err    error
}

func parse(source string) *file {
	f := &file{source: source, set: token.NewFileSet(), types: map[string]*ast.TypeSpec{}, docs: map[string]string{}, consts: map[string][]choice{}}
	f.ast, f.err = parser.ParseFile(f.set, "", source, parser.ParseComments|parser.SkipObjectResolution)
	if f.ast == nil {
		f.ast = &ast.File{}
	}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "main" && f.main == nil {
				f.main = d
			}
		case *ast.GenDecl:
			f.index(d)
		}
	}
	return f
}

func (f *file) index(d *ast.GenDecl) {
	for _, s := range d.Specs {
		t, ok := s.(*ast.TypeSpec)
		if !ok || t.Type == nil {
			continue
		}
		if _, taken := f.types[t.Name.Name]; taken {
			continue
		}
		f.types[t.Name.Name] = t
		doc := t.Doc
		if doc == nil && !d.Lparen.IsValid() {
			doc = d.Doc
		}
		if doc == nil {
			doc = t.Comment
		}
		f.docs[t.Name.Name] = text(doc)
	}
	if d.Tok == token.CONST {
		f.indexConstants(d)
	}
}

func text(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	return strings.TrimSpace(g.Text())
}

// syntaxError is the first error of the parser, with columns in characters.
func (f *file) syntaxError() error {
	if f.err == nil {
		return nil
	}
	var list scanner.ErrorList
	if !errors.As(f.err, &list) || len(list) == 0 {
		return &lang.SyntaxError{Line: 1, Column: 1, Message: f.err.Error()}
	}
	e := list[0]
	out := &lang.SyntaxError{Line: max(e.Pos.Line, 1), Column: max(e.Pos.Column, 1), Message: e.Msg}
	if end := e.Pos.Offset; end <= len(f.source) && e.Pos.Column >= 1 && end >= e.Pos.Column-1 {
		out.Column = utf8.RuneCountInString(f.source[end-(e.Pos.Column-1):end]) + 1
	}
	return out
}

func (language) Signature(source string) (lang.Signature, error) {
	f := parse(source)
	return f.signature(), f.syntaxError()
}

func (f *file) signature() lang.Signature {
	if f.main == nil {
		return lang.Signature{NoMain: true}
	}
	s := lang.Signature{Doc: text(f.main.Doc), Streams: f.streams()}
	r := &typeReader{f: f, open: map[string]bool{}}
	for _, p := range f.parameters() {
		if p.context {
			continue
		}
		schema := r.read(p.kind, nil, 0)
		if p.variadic {
			schema = &lang.Schema{Type: "array", Items: schema}
		}
		_, pointer := p.kind.(*ast.StarExpr)
		s.Params = append(s.Params, lang.Param{Name: p.name, Schema: schema, Optional: pointer || p.variadic, Description: p.note})
	}
	return s
}

type parameter struct {
	name     string
	kind     ast.Expr
	variadic bool
	context  bool // context.Context: not an argument
	note     string
}

func (f *file) parameters() []parameter {
	if f.main == nil || f.main.Type == nil || f.main.Type.Params == nil {
		return nil
	}
	var out []parameter
	add := func(name string, field *ast.Field) {
		p := parameter{name: name, kind: field.Type, note: f.note(field)}
		if name == "" || name == "_" {
			p.name = "arg" + strconv.Itoa(len(out)+1)
		}
		if e, ok := field.Type.(*ast.Ellipsis); ok {
			p.kind, p.variadic = e.Elt, true
		}
		p.context = len(out) == 0 && selector(field.Type) == "context.Context"
		out = append(out, p)
	}
	for _, field := range f.main.Type.Params.List {
		if len(field.Names) == 0 {
			add("", field)
		}
		for _, n := range field.Names {
			add(n.Name, field)
		}
	}
	return out
}

// note is the comment that ends the parameter's line, or stands alone above it.
func (f *file) note(field *ast.Field) string {
	if t := text(field.Comment); t != "" {
		return t
	}
	start, end := f.set.Position(field.Pos()), f.set.Position(field.End())
	for _, g := range f.ast.Comments {
		if f.main.Body != nil && g.Pos() > f.main.Body.Lbrace || g.Pos() < f.main.Type.Params.Opening {
			continue
		}
		at, last := f.set.Position(g.Pos()), f.set.Position(g.End())
		if at.Line == end.Line && at.Offset >= end.Offset || last.Line == start.Line-1 && at.Column == start.Column {
			return text(g)
		}
	}
	return ""
}

// streams reports whether main returns an iterator or a channel.
func (f *file) streams() bool {
	if f.main.Type.Results == nil || len(f.main.Type.Results.List) == 0 {
		return false
	}
	switch t := f.main.Type.Results.List[0].Type.(type) {
	case *ast.ChanType:
		return true
	case *ast.IndexExpr:
		return selector(t.X) == "iter.Seq"
	case *ast.IndexListExpr:
		return selector(t.X) == "iter.Seq2"
	case *ast.FuncType: // func(yield func(T) bool)
		if t.Params == nil || len(t.Params.List) != 1 {
			return false
		}
		_, ok := t.Params.List[0].Type.(*ast.FuncType)
		return ok
	}
	return false
}

// selector is the text of package.Name, "" for anything else.
func selector(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok || s.Sel == nil {
		return ""
	}
	return x.Name + "." + s.Sel.Name
}
