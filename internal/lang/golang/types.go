package golang

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
)

// Bounds of one signature: types that name each other grow without end when written out.
const (
	maxDepth     = 48
	maxTypeNodes = 4000
)

// typeReader turns types into what encoding/json accepts for them.
type typeReader struct {
	f     *file
	nodes int
	open  map[string]bool // named types being read, to stop recursion
}

// scope holds the type arguments of a generic type being read.
type scope map[string]*lang.Schema

func (r *typeReader) read(e ast.Expr, env scope, depth int) *lang.Schema {
	r.nodes++
	if e == nil || depth > maxDepth || r.nodes > maxTypeNodes {
		return &lang.Schema{}
	}
	switch e := e.(type) {
	case *ast.Ident:
		return r.named(e.Name, nil, env, depth)
	case *ast.ParenExpr:
		return r.read(e.X, env, depth+1)
	case *ast.StarExpr:
		return nullable(r.read(e.X, env, depth+1))
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && e.Len == nil && (id.Name == "byte" || id.Name == "uint8") {
			return &lang.Schema{Type: "string", Encoding: "base64"}
		}
		return &lang.Schema{Type: "array", Items: r.read(e.Elt, env, depth+1)}
	case *ast.MapType:
		return &lang.Schema{Type: "object", Additional: r.read(e.Value, env, depth+1)}
	case *ast.StructType:
		s := &lang.Schema{Type: "object"}
		r.fields(s, e, env, depth)
		return s
	case *ast.SelectorExpr:
		return imported(selector(e))
	case *ast.IndexExpr:
		return r.generic(e.X, []ast.Expr{e.Index}, env, depth)
	case *ast.IndexListExpr:
		return r.generic(e.X, e.Indices, env, depth)
	}
	return &lang.Schema{}
}

func (r *typeReader) generic(x ast.Expr, args []ast.Expr, env scope, depth int) *lang.Schema {
	id, ok := x.(*ast.Ident)
	if !ok {
		return &lang.Schema{}
	}
	return r.named(id.Name, args, env, depth)
}

func nullable(s *lang.Schema) *lang.Schema {
	if s.Type == "" && s.Enum == nil {
		return s
	}
	out := *s
	out.Nullable = true
	if s.Enum != nil && !slices.ContainsFunc(s.Enum, func(v domain.JSON) bool { return string(v) == "null" }) {
		out.Enum = append(slices.Clone(s.Enum), domain.JSON("null"))
	}
	return &out
}

// imported are types of other packages that encoding/json knows how to read.
func imported(name string) *lang.Schema {
	switch name {
	case "time.Time":
		return &lang.Schema{Type: "string", Format: "date-time"}
	case "time.Duration", "big.Int":
		return &lang.Schema{Type: "integer"}
	case "json.Number":
		return &lang.Schema{Type: "number"}
	case "uuid.UUID":
		return &lang.Schema{Type: "string", Format: "uuid"}
	case "netip.Addr", "net.IP", "big.Float":
		return &lang.Schema{Type: "string"}
	}
	return &lang.Schema{}
}

func (r *typeReader) named(name string, args []ast.Expr, env scope, depth int) *lang.Schema {
	if s, ok := env[name]; ok {
		return s
	}
	if t, ok := r.f.types[name]; ok {
		return r.declared(name, t, args, env, depth)
	}
	switch name {
	case "string":
		return &lang.Schema{Type: "string"}
	case "bool":
		return &lang.Schema{Type: "boolean"}
	case "int", "int8", "int16", "int32", "int64", "rune":
		return &lang.Schema{Type: "integer"}
	case "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "byte":
		zero := 0.0
		return &lang.Schema{Type: "integer", Minimum: &zero}
	case "float32", "float64":
		return &lang.Schema{Type: "number"}
	}
	return &lang.Schema{}
}

func (r *typeReader) declared(name string, t *ast.TypeSpec, args []ast.Expr, env scope, depth int) *lang.Schema {
	if r.open[name] {
		if _, ok := t.Type.(*ast.StructType); ok {
			return &lang.Schema{Type: "object"}
		}
		return &lang.Schema{}
	}
	r.open[name] = true
	defer delete(r.open, name)
	inner := scope{}
	if t.TypeParams != nil {
		i := 0
		for _, field := range t.TypeParams.List {
			for _, n := range field.Names {
				inner[n.Name] = &lang.Schema{}
				if i < len(args) {
					inner[n.Name] = r.read(args[i], env, depth+1)
				}
				i++
			}
		}
	}
	s := *r.read(t.Type, inner, depth+1)
	if s.Type == "string" {
		for _, c := range r.f.consts[name] {
			s.Enum = append(s.Enum, c.value)
		}
	}
	if doc := r.f.docs[name]; doc != "" && s.Description == "" && s.Type == "object" {
		s.Description = doc
	}
	return &s
}

// fields adds what encoding/json would fill of a struct, embedded structs included.
func (r *typeReader) fields(s *lang.Schema, t *ast.StructType, env scope, depth int) {
	if t.Fields == nil {
		return
	}
	for _, field := range t.Fields.List {
		tag := ""
		if field.Tag != nil {
			if raw, err := strconv.Unquote(field.Tag.Value); err == nil {
				tag = reflect.StructTag(raw).Get("json")
			}
		}
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if len(field.Names) == 0 && name == "" && r.embed(s, field.Type, depth) {
			continue
		}
		names := make([]string, 0, len(field.Names))
		for _, n := range field.Names {
			names = append(names, n.Name)
		}
		if len(names) == 0 {
			names = append(names, typeName(field.Type))
		}
		for _, goName := range names {
			if !ast.IsExported(goName) {
				continue
			}
			p := *r.read(field.Type, env, depth+1)
			if strings.Contains(","+options+",", ",string,") {
				p = lang.Schema{Type: "string"}
			}
			if doc := text(field.Doc); doc != "" {
				p.Description = doc
			} else if note := text(field.Comment); note != "" {
				p.Description = note
			}
			key := name
			if key == "" {
				key = goName
			}
			_, pointer := field.Type.(*ast.StarExpr)
			optional := pointer || strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
			put(s, key, &p, optional)
		}
	}
}

func put(s *lang.Schema, name string, p *lang.Schema, optional bool) {
	at := slices.IndexFunc(s.Properties, func(q lang.Property) bool { return q.Name == name })
	if at >= 0 { // of an embedded struct: the outer one wins
		s.Properties[at].Schema = p
		s.Required = slices.DeleteFunc(s.Required, func(q string) bool { return q == name })
	} else {
		s.Properties = append(s.Properties, lang.Property{Name: name, Schema: p})
	}
	if !optional {
		s.Required = append(s.Required, name)
	}
}

// embed adds the fields of an embedded struct of this file.
func (r *typeReader) embed(s *lang.Schema, e ast.Expr, depth int) bool {
	name := typeName(e)
	t, ok := r.f.types[name]
	if !ok || r.open[name] || depth > maxDepth {
		return false
	}
	inner, ok := t.Type.(*ast.StructType)
	if !ok {
		return false
	}
	r.open[name] = true
	defer delete(r.open, name)
	r.fields(s, inner, nil, depth+1)
	return true
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return typeName(e.X)
	}
	return ""
}

// choice is a constant of a named type.
type choice struct {
	name  string
	value domain.JSON
}

func quote(s string) domain.JSON {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// indexConstants finds the string constants of named types: const ( Red Color = "red"; … ). Numbers are left out: they may be
// flags that add up.
func (f *file) indexConstants(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range v.Names {
			if i >= len(v.Values) || name.Name == "_" {
				continue
			}
			kind, e := typeName(v.Type), v.Values[i]
			if call, ok := e.(*ast.CallExpr); ok && kind == "" && len(call.Args) == 1 { // Red = Color("red")
				kind, e = typeName(call.Fun), call.Args[0]
			}
			lit, ok := e.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING || kind == "" {
				continue
			}
			if value, err := strconv.Unquote(lit.Value); err == nil {
				f.consts[kind] = append(f.consts[kind], choice{name.Name, quote(value)})
			}
		}
	}
}
