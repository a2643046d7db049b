package typescript

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	ts "github.com/tree-sitter/go-tree-sitter"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
)

// typ is a type in the two forms that we need: what the form and the checker know, and what has to be done to a JSON value
// so that the code gets what it asked for.
type typ struct {
	schema *lang.Schema
	conv   *conv
	// absent: undefined or null is one of its values, so it may be left out.
	absent bool
}

// conv says how a value of JSON becomes one of JavaScript. A nil conv leaves it as it is. The wrapper reads it.
type conv struct {
	Kind  string           `json:"k"` // date, bigint, bytes, url, array, tuple, object, map, set, ref
	As    string           `json:"as,omitempty"`
	Of    *conv            `json:"of,omitempty"`
	Items []*conv          `json:"items,omitempty"`
	Props map[string]*conv `json:"props,omitempty"`
	Name  string           `json:"name,omitempty"`
}

func anyType() typ { return typ{schema: &lang.Schema{}} }

func simple(kind string) typ { return typ{schema: &lang.Schema{Type: kind}} }

// maxTypeNodes bounds one signature: types that name each other can grow without end when written out.
const maxTypeNodes = 4000

// typeReader turns types of a file into schemas.
type typeReader struct {
	f         *file
	nodes     int
	open      map[string]int // named types being read, to stop recursion
	recursive map[string]bool
	defs      map[string]*conv
	resources []string
}

func newTypeReader(f *file) *typeReader {
	return &typeReader{f: f, open: map[string]int{}, recursive: map[string]bool{}, defs: map[string]*conv{}}
}

// scope holds the type parameters of generic types being read.
type scope map[string]typ

func (r *typeReader) read(n *ts.Node, env scope, depth int) typ {
	r.nodes++
	if n == nil || depth > maxDepth || r.nodes > maxTypeNodes {
		return anyType()
	}
	switch n.Kind() {
	case "type_annotation", "parenthesized_type", "readonly_type", "optional_type", "default_type", "constraint":
		return r.read(n.NamedChild(0), env, depth+1)
	case "predefined_type":
		return predefined(r.f.str(n))
	case "literal_type":
		return r.literalType(n.NamedChild(0))
	case "template_literal_type":
		return simple("string")
	case "array_type":
		return arrayOf(r.read(n.NamedChild(0), env, depth+1))
	case "tuple_type":
		return r.tuple(n, env, depth)
	case "object_type", "interface_body", "class_body":
		return r.object(n, env, depth)
	case "union_type":
		var members []typ
		r.flatten(n, "union_type", func(m *ts.Node) { members = append(members, r.read(m, env, depth+1)) })
		return union(members)
	case "intersection_type":
		var members []typ
		r.flatten(n, "intersection_type", func(m *ts.Node) { members = append(members, r.read(m, env, depth+1)) })
		return intersection(members)
	case "type_identifier", "identifier":
		return r.named(r.f.str(n), nil, env, depth)
	case "nested_type_identifier":
		return r.qualified(n)
	case "generic_type":
		name := field(n, "name")
		if name != nil && name.Kind() == "nested_type_identifier" {
			return r.qualified(name)
		}
		return r.named(r.f.str(name), children(field(n, "type_arguments")), env, depth)
	case "lookup_type":
		return r.lookup(n, env, depth)
	case "index_type_query":
		return r.keys(n, env, depth)
	case "type_query":
		return anyType()
	}
	return anyType()
}

func predefined(name string) typ {
	switch name {
	case "string", "number", "boolean":
		return simple(name)
	case "object":
		return simple("object")
	case "void", "undefined", "null", "never":
		return typ{schema: &lang.Schema{}, absent: true}
	}
	return anyType()
}

func (r *typeReader) literalType(n *ts.Node) typ {
	if n == nil {
		return anyType()
	}
	if k := n.Kind(); k == "null" || k == "undefined" {
		return nullType(k == "null")
	}
	v, ok := r.f.literal(n, 0)
	if !ok || v == nil {
		return anyType()
	}
	s := &lang.Schema{Enum: []domain.JSON{v}, Type: literalKind(v)}
	t := typ{schema: s}
	if strings.HasSuffix(r.f.str(n), "n") && s.Type == "number" {
		s.Type, t.conv = "integer", &conv{Kind: "bigint"}
	}
	return t
}

func nullType(null bool) typ {
	t := typ{schema: &lang.Schema{}, absent: true}
	if null {
		t.schema.Type = "null"
	}
	return t
}

func literalKind(v domain.JSON) string {
	switch v[0] {
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case '[':
		return "array"
	case '{':
		return "object"
	case 'n':
		return ""
	}
	return "number"
}

func arrayOf(item typ) typ {
	t := typ{schema: &lang.Schema{Type: "array", Items: item.schema}}
	if item.conv != nil {
		t.conv = &conv{Kind: "array", Of: item.conv}
	}
	return t
}

func (r *typeReader) tuple(n *ts.Node, env scope, depth int) typ {
	t := typ{schema: &lang.Schema{Type: "array", PrefixItems: []*lang.Schema{}}}
	c := &conv{Kind: "tuple"}
	needed := false
	for _, m := range children(n) {
		switch m.Kind() {
		case "comment":
			continue
		case "required_parameter", "optional_parameter": // a named element
			m = field(m, "type")
		case "rest_type":
			rest := r.read(m.NamedChild(0), env, depth+1)
			t.schema.Items = rest.schema.Items
			continue
		}
		e := r.read(m, env, depth+1)
		t.schema.PrefixItems = append(t.schema.PrefixItems, e.schema)
		c.Items = append(c.Items, e.conv)
		needed = needed || e.conv != nil
	}
	if needed {
		t.conv = c
	}
	return t
}

// flatten walks nested unions (or intersections) from left to right without recursion, for the grammar nests them deeply.
func (r *typeReader) flatten(n *ts.Node, kind string, visit func(*ts.Node)) {
	stack := []*ts.Node{n}
	for len(stack) > 0 {
		m := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if m.Kind() != kind {
			if m.Kind() != "comment" {
				visit(m)
			}
			continue
		}
		kids := children(m)
		slices.Reverse(kids)
		stack = append(stack, kids...)
	}
}

// object reads the members of an object type.
func (r *typeReader) object(n *ts.Node, env scope, depth int) typ {
	s := &lang.Schema{Type: "object"}
	c := &conv{Kind: "object", Props: map[string]*conv{}}
	comment, commentEnd := "", uint(0)
	last := -1 // the property that a comment at the end of its line describes
	for _, m := range children(n) {
		switch m.Kind() {
		case "comment":
			if last >= 0 && m.StartPosition().Row == commentEnd && s.Properties[last].Schema.Description == "" {
				d := readDoc(r.f.str(m))
				s.Properties[last].Schema = d.describe(s.Properties[last].Schema)
			} else {
				comment = r.f.str(m)
			}
			continue
		case "property_signature", "public_field_definition":
			name := r.f.propertyName(field(m, "name"))
			if name == "" || name[0] == '#' || child(m, "static") != nil || child(child(m, "type_annotation"), "function_type") != nil {
				break // JSON has no functions
			}
			t := anyType()
			if a := field(m, "type"); a != nil {
				t = r.read(a, env, depth+1)
			} else if v, ok := r.f.literal(field(m, "value"), 0); ok && v != nil {
				t = fromLiteral(v)
			}
			optional := child(m, "?") != nil || t.absent || field(m, "value") != nil
			put(s, name, readDoc(comment).describe(t.schema), optional)
			if t.conv != nil {
				c.Props[name] = t.conv
			}
			last, commentEnd = len(s.Properties)-1, m.EndPosition().Row
		case "index_signature":
			if child(m, "mapped_type_clause") != nil {
				return r.mapped(m, env, depth)
			}
			v := r.read(field(m, "type"), env, depth+1)
			s.Additional = v.schema
			c.Of = v.conv
		}
		comment = ""
	}
	t := typ{schema: s}
	if len(c.Props) > 0 || c.Of != nil {
		t.conv = c
	}
	return t
}

// put adds a property or replaces the one of that name.
func put(s *lang.Schema, name string, p *lang.Schema, optional bool) {
	at := slices.IndexFunc(s.Properties, func(q lang.Property) bool { return q.Name == name })
	if at >= 0 {
		s.Properties[at].Schema = p
		s.Required = slices.DeleteFunc(slices.Clone(s.Required), func(q string) bool { return q == name })
	} else {
		s.Properties = append(s.Properties, lang.Property{Name: name, Schema: p})
	}
	if !optional {
		s.Required = append(s.Required, name)
	}
}

// mapped is { [K in "a" | "b"]: T }.
func (r *typeReader) mapped(n *ts.Node, env scope, depth int) typ {
	keys := r.read(field(child(n, "mapped_type_clause"), "type"), env, depth+1)
	value := r.read(field(n, "type"), env, depth+1)
	return record(keys, value, child(n, "?") != nil || child(n, "?:") != nil)
}

// record is an object with the given keys, or any when they are not listed.
func record(keys, value typ, optional bool) typ {
	s := &lang.Schema{Type: "object"}
	for _, k := range keys.schema.Enum {
		if name, ok := jsonString(k); ok {
			put(s, name, value.schema, optional || value.absent)
		}
	}
	if s.Properties == nil {
		s.Additional = value.schema
	}
	t := typ{schema: s}
	if value.conv != nil {
		t.conv = &conv{Kind: "object", Of: value.conv}
	}
	return t
}

func (r *typeReader) qualified(n *ts.Node) typ {
	module, name := r.f.str(field(n, "module")), r.f.str(field(n, "name"))
	if module == "RT" {
		return r.resource(name)
	}
	switch name { // wmill.Base64 and its siblings, by whatever name the client was imported
	case "Base64", "Email", "Sql", "S3Object":
		t, _ := r.builtin(name, nil, nil, 0)
		return t
	}
	if d, ok := r.f.types[module]; ok && d.node.Kind() == "enum_declaration" {
		for _, m := range r.f.enum(d.node) {
			if m.name == name && m.value != nil {
				return typ{schema: &lang.Schema{Type: literalKind(m.value), Enum: []domain.JSON{m.value}}}
			}
		}
	}
	return anyType()
}

// named is a type by name: a type parameter, one of the file, one of the language, else a resource type.
func (r *typeReader) named(name string, args []*ts.Node, env scope, depth int) typ {
	if t, ok := env[name]; ok {
		return t
	}
	if d, ok := r.f.types[name]; ok {
		return r.declared(name, d, args, env, depth)
	}
	if t, ok := r.builtin(name, args, env, depth); ok {
		return t
	}
	if first, _ := utf8.DecodeRuneInString(name); !unicode.IsUpper(first) {
		return anyType() // not a name that a resource type has
	}
	if kind, rest, ok := strings.Cut(name, "_"); ok && rest != "" && (kind == "DynSelect" || kind == "DynMultiselect") {
		return typ{schema: &lang.Schema{Type: "object", Format: strings.ToLower(kind) + "-" + rest}}
	}
	return r.resource(name)
}

func (r *typeReader) resource(name string) typ {
	kind := snake(name)
	if kind == "" {
		return anyType()
	}
	if !slices.Contains(r.resources, kind) {
		r.resources = append(r.resources, kind)
	}
	return typ{schema: &lang.Schema{Type: "object", Format: "resource-" + kind}}
}

// snake is the name of a resource type for a name of a TypeScript type: PgDatabase is pg_database.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 && !strings.HasSuffix(b.String(), "_") {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// declared is a type of the file.
func (r *typeReader) declared(name string, d decl, args []*ts.Node, env scope, depth int) typ {
	if r.open[name] > 0 {
		r.recursive[name] = true
		t := typ{schema: &lang.Schema{}, conv: &conv{Kind: "ref", Name: name}}
		if d.node.Kind() == "interface_declaration" || d.node.Kind() == "class_declaration" {
			t.schema.Type = "object"
		}
		return t
	}
	r.open[name]++
	defer func() { r.open[name]-- }()
	inner := scope{}
	for i, p := range children(field(d.node, "type_parameters")) {
		pname := r.f.str(field(p, "name"))
		switch {
		case i < len(args):
			inner[pname] = r.read(args[i], env, depth+1)
		case field(p, "value") != nil:
			inner[pname] = r.read(field(p, "value"), inner, depth+1)
		default:
			inner[pname] = anyType()
		}
	}
	var t typ
	switch d.node.Kind() {
	case "type_alias_declaration":
		t = r.read(field(d.node, "value"), inner, depth+1)
	case "enum_declaration":
		t = r.enum(d.node)
	case "interface_declaration":
		t = r.interfaceType(d.node, inner, depth)
	default: // a class: an object with its fields
		t = r.read(field(d.node, "body"), inner, depth+1)
	}
	if r.recursive[name] {
		if t.conv == nil {
			t.conv = &conv{Kind: "object"}
		}
		r.defs[name] = t.conv
	}
	if text := readDoc(d.doc).text; text != "" && t.schema.Description == "" && d.node.Kind() != "type_alias_declaration" {
		s := *t.schema
		s.Description = text
		t.schema = &s
	}
	return t
}

func (r *typeReader) enum(n *ts.Node) typ {
	s := &lang.Schema{}
	for _, m := range r.f.enum(n) {
		if m.value == nil {
			return typ{schema: &lang.Schema{}} // computed
		}
		k := literalKind(m.value)
		if len(s.Enum) > 0 && k != s.Type {
			k = ""
		}
		s.Type = k
		s.Enum = append(s.Enum, m.value)
	}
	return typ{schema: s}
}

func (r *typeReader) interfaceType(n *ts.Node, env scope, depth int) typ {
	members := []typ{}
	for _, base := range children(child(n, "extends_type_clause")) {
		members = append(members, r.read(base, env, depth+1))
	}
	members = append(members, r.read(field(n, "body"), env, depth+1))
	return intersection(members)
}

// builtin are the types of the language and of the client.
func (r *typeReader) builtin(name string, args []*ts.Node, env scope, depth int) (typ, bool) {
	arg := func(i int) typ {
		if i < len(args) {
			return r.read(args[i], env, depth+1)
		}
		return anyType()
	}
	switch name {
	case "bigint":
		return typ{schema: &lang.Schema{Type: "integer"}, conv: &conv{Kind: "bigint"}}, true
	case "String", "Number", "Boolean":
		return simple(strings.ToLower(name)), true
	case "undefined":
		return nullType(false), true
	case "Date":
		return typ{schema: &lang.Schema{Type: "string", Format: "date-time"}, conv: &conv{Kind: "date"}}, true
	case "Uint8Array", "Buffer", "ArrayBuffer", "Blob", "File":
		return typ{schema: &lang.Schema{Type: "string", Encoding: "base64"}, conv: &conv{Kind: "bytes", As: name}}, true
	case "Base64":
		return typ{schema: &lang.Schema{Type: "string", Encoding: "base64"}}, true
	case "Email":
		return typ{schema: &lang.Schema{Type: "string", Format: "email"}}, true
	case "Sql":
		return typ{schema: &lang.Schema{Type: "string", Format: "sql"}}, true
	case "URL":
		return typ{schema: &lang.Schema{Type: "string", Format: "uri"}, conv: &conv{Kind: "url"}}, true
	case "S3Object":
		return typ{schema: &lang.Schema{Type: "object", Format: "resource-s3_object"}}, true
	case "Array", "ReadonlyArray", "Iterable":
		return arrayOf(arg(0)), true
	case "Set", "ReadonlySet":
		item := arg(0)
		return typ{schema: &lang.Schema{Type: "array", Items: item.schema, Unique: true}, conv: &conv{Kind: "set", Of: item.conv}}, true
	case "Record":
		return record(arg(0), arg(1), false), true
	case "Map", "ReadonlyMap":
		value := arg(1)
		return typ{schema: &lang.Schema{Type: "object", Additional: value.schema}, conv: &conv{Kind: "map", Of: value.conv}}, true
	case "Promise", "Awaited", "Readonly", "NoInfer":
		return arg(0), true
	case "Partial", "Required":
		t := arg(0)
		s := *t.schema
		s.Required = nil
		if name == "Required" {
			for _, p := range s.Properties {
				s.Required = append(s.Required, p.Name)
			}
		}
		return typ{schema: &s, conv: t.conv}, true
	case "NonNullable":
		t := arg(0)
		s := *t.schema
		s.Nullable = false
		s.Enum = slices.DeleteFunc(slices.Clone(s.Enum), func(v domain.JSON) bool { return string(v) == "null" })
		return typ{schema: &s, conv: t.conv}, true
	case "Pick", "Omit":
		t := arg(0)
		return typ{schema: pick(t.schema, arg(1).schema.Enum, name == "Pick"), conv: t.conv}, true
	case "Exclude", "Extract":
		t, other := arg(0), arg(1).schema.Enum
		s := *t.schema
		s.Enum = slices.DeleteFunc(slices.Clone(s.Enum), func(v domain.JSON) bool { return containsJSON(other, v) == (name == "Exclude") })
		return typ{schema: &s, conv: t.conv}, true
	case "Object", "Function", "Error", "RegExp", "Symbol", "WeakMap", "WeakSet", "Request", "Response", "Headers", "FormData",
		"ReadableStream", "AbortSignal", "Parameters", "ReturnType", "InstanceType", "ConstructorParameters", "Uppercase", "Lowercase",
		"Capitalize", "Uncapitalize", "ThisType", "PromiseLike", "AsyncIterable", "AsyncGenerator", "Generator", "Iterator", "JSON":
		return anyType(), true
	}
	return typ{}, false
}

func pick(s *lang.Schema, keys []domain.JSON, keep bool) *lang.Schema {
	out := *s
	out.Properties, out.Required = []lang.Property{}, nil
	for _, p := range s.Properties {
		if containsJSON(keys, quote(p.Name)) == keep {
			out.Properties = append(out.Properties, p)
			if slices.Contains(s.Required, p.Name) {
				out.Required = append(out.Required, p.Name)
			}
		}
	}
	return &out
}

func containsJSON(list []domain.JSON, v domain.JSON) bool {
	return slices.ContainsFunc(list, func(w domain.JSON) bool { return string(w) == string(v) })
}

// lookup is T["name"], and (typeof list)[number] of a constant list.
func (r *typeReader) lookup(n *ts.Node, env scope, depth int) typ {
	of, key := n.NamedChild(0), n.NamedChild(1)
	for of != nil && of.Kind() == "parenthesized_type" {
		of = of.NamedChild(0)
	}
	if of == nil || key == nil {
		return anyType()
	}
	if of.Kind() == "type_query" {
		if d, ok := r.f.values[r.f.str(of.NamedChild(0))]; ok {
			v, ok := r.f.literal(field(d.node, "value"), 0)
			if ok && v != nil && r.f.str(key) == "number" {
				return union(literalItems(v))
			}
		}
		return anyType()
	}
	t := r.read(of, env, depth+1)
	if r.f.str(key) == "number" && t.schema.Items != nil {
		out := typ{schema: t.schema.Items}
		if t.conv != nil {
			out.conv = t.conv.Of
		}
		return out
	}
	k := r.read(key, env, depth+1)
	for _, name := range k.schema.Enum {
		for _, p := range t.schema.Properties {
			if string(quote(p.Name)) == string(name) {
				out := typ{schema: p.Schema}
				if t.conv != nil {
					out.conv = t.conv.Props[p.Name]
				}
				return out
			}
		}
	}
	return anyType()
}

// keys is keyof T, and keyof typeof constant.
func (r *typeReader) keys(n *ts.Node, env scope, depth int) typ {
	of := n.NamedChild(0)
	s := &lang.Schema{Type: "string"}
	if of != nil && of.Kind() == "type_query" {
		if d, ok := r.f.values[r.f.str(of.NamedChild(0))]; ok {
			if v, ok := r.f.literal(field(d.node, "value"), 0); ok && v != nil {
				for _, p := range fromLiteral(v).schema.Properties {
					s.Enum = append(s.Enum, quote(p.Name))
				}
			}
		}
		return typ{schema: s}
	}
	for _, p := range r.read(of, env, depth+1).schema.Properties {
		s.Enum = append(s.Enum, quote(p.Name))
	}
	return typ{schema: s}
}
