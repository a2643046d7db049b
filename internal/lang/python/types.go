package python

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tidemill/tidemill/internal/lang"
)

// conv is what the wrapper does with a JSON value to make it the declared type: [word, operands…], nil for nothing. The
// words are explained in run.py.
type conv []any

// convType is a class of the source, for conversions.
type convType struct {
	Kind   string          `json:"kind"` // "dataclass", "pydantic", "namedtuple", "typeddict", "enum", "plain"
	Fields map[string]conv `json:"fields,omitempty"`
}

// typed is an annotation understood.
type typed struct {
	schema   *lang.Schema
	conv     conv
	optional bool // Optional[…]: may be left out
}

// types turns annotations of a module into schemas and conversions.
type types struct {
	module    *module
	classes   map[string]convType
	resources []string
	active    map[string]bool // classes and aliases being read: a type may name itself
	expanded  int             // classes read so far; bounds sources that nest exponentially
	depth     int
}

const maxExpanded = 400

func anything() typed         { return typed{schema: &lang.Schema{}} }
func plain(kind string) typed { return typed{schema: &lang.Schema{Type: kind}} }
func text(format, how string) typed {
	t := typed{schema: &lang.Schema{Type: "string", Format: format}}
	if how != "" {
		t.conv = conv{how}
	}
	return t
}

// named types without parameters, by their full name. Those of typing and collections.abc have no module here.
var named = map[string]func() typed{
	"str":  func() typed { return plain("string") },
	"int":  func() typed { return typed{schema: &lang.Schema{Type: "integer"}, conv: conv{"int"}} },
	"bool": func() typed { return plain("boolean") },
	"float": func() typed {
		return typed{schema: &lang.Schema{Type: "number"}, conv: conv{"float"}}
	},
	"bytes": func() typed {
		return typed{schema: &lang.Schema{Type: "string", Encoding: "base64"}, conv: conv{"bytes"}}
	},
	"bytearray": func() typed {
		return typed{schema: &lang.Schema{Type: "string", Encoding: "base64"}, conv: conv{"bytearray"}}
	},
	"Decimal":  func() typed { return typed{schema: &lang.Schema{Type: "number"}, conv: conv{"decimal"}} },
	"datetime": func() typed { return text("date-time", "datetime") },
	"date":     func() typed { return text("date", "date") },
	"time":     func() typed { return text("time", "time") },
	"timedelta": func() typed {
		return typed{schema: &lang.Schema{Type: "number", Description: "seconds"}, conv: conv{"timedelta"}}
	},
	"UUID":          func() typed { return text("uuid", "uuid") },
	"Path":          func() typed { return text("", "path") },
	"EmailStr":      func() typed { return text("email", "") },
	"NameEmail":     func() typed { return text("email", "") },
	"SecretStr":     func() typed { return text("password", "") },
	"LiteralString": func() typed { return plain("string") },
	"Any":           anything, "object": anything, "complex": anything, "Callable": anything, "Type": anything, "type": anything,
	"TypeVar": anything, "Self": anything, "Never": anything, "NoReturn": anything, "Hashable": anything, "TypeAlias": anything,
	"S3Object": func() typed { return typed{schema: &lang.Schema{Type: "object", Format: "resource-s3_object"}} },
}

// modules whose names stand for themselves: typing.List is List.
var transparent = []string{
	"typing.", "typing_extensions.", "collections.abc.", "collections.", "builtins.", "datetime.", "decimal.",
	"uuid.", "pathlib.", "pydantic.", "pydantic.types.", "pydantic.networks.", "enum.", "dataclasses.", "annotated_types.", "wmill.", "types.",
}

// canonical is the name without the module when we know what it is.
func (t *types) canonical(name string) string {
	first, rest, dotted := strings.Cut(name, ".")
	if full, ok := t.module.imported[first]; ok {
		name = full
		if dotted {
			name += "." + rest
		}
	}
	for _, prefix := range transparent {
		if short, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(short, ".") {
			return short
		}
	}
	return name
}

func (t *types) of(e expr) typed {
	if t.depth > maxDepth {
		return anything()
	}
	t.depth++
	defer func() { t.depth-- }()
	switch e.kind {
	case exprName:
		return t.name(e.text)
	case exprString: // a forward reference
		return t.of(readExpr(e.text))
	case exprNone:
		return plain("null")
	case exprUnion:
		return t.union(e.items)
	case exprSubscript:
		if e.fn.kind == exprName {
			return t.generic(e.fn.text, e.items)
		}
	}
	return anything()
}

func (t *types) name(name string) typed {
	if _, ok := t.module.classes[name]; ok {
		return t.class(name)
	}
	if alias, ok := t.module.aliases[name]; ok {
		return t.alias(name, alias)
	}
	short := t.canonical(name)
	if make, ok := named[short]; ok {
		return make()
	}
	if t.isGeneric(short) {
		return t.generic(name, nil)
	}
	if choice, ok := strings.CutPrefix(short, "DynSelect_"); ok {
		return typed{schema: &lang.Schema{Type: "object", Format: "dynselect-" + choice}}
	}
	switch short {
	case "HttpUrl", "AnyUrl", "AnyHttpUrl":
		return text("uri", "")
	case "IPv4Address", "ipaddress.IPv4Address":
		return text("ipv4", "")
	}
	first, _, dotted := strings.Cut(name, ".")
	full, imported := t.module.imported[first]
	switch {
	case dotted:
		return typed{schema: &lang.Schema{}, conv: conv{"imported", name}}
	case !imported, isWorkspace(full) && !unicode.IsUpper(rune(name[0])), strings.HasPrefix(full, "wmill."):
		return t.resource(name)
	}
	// A class of a package or of another script: the wrapper looks what it is.
	return typed{schema: &lang.Schema{}, conv: conv{"imported", name}}
}

func isWorkspace(module string) bool {
	return strings.HasPrefix(module, "f.") || strings.HasPrefix(module, "u.") || strings.HasPrefix(module, ".")
}

// resource is a type that the source does not define: the name of a resource type.
func (t *types) resource(name string) typed {
	kind := snake(name)
	if !slices.Contains(t.resources, kind) {
		t.resources = append(t.resources, kind)
	}
	return typed{schema: &lang.Schema{Type: "object", Format: "resource-" + kind}}
}

// snake turns CamelCase into snake_case: PostgresqlConnection → postgresql_connection, S3Object → s3_object.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' {
			before := runes[i-1]
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(before) || next {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// alias is a name for another type. The bare dict under a name is how a resource type is declared.
func (t *types) alias(name, source string) typed {
	if t.active[name] {
		return anything()
	}
	t.active[name] = true
	defer delete(t.active, name)
	e := readExpr(source)
	switch e.kind {
	case exprName:
		if t.canonical(e.text) == "dict" || t.canonical(e.text) == "Dict" {
			return t.resource(name)
		}
		return t.of(e)
	case exprSubscript, exprUnion:
		return t.of(e)
	case exprCall:
		if e.fn.kind != exprName {
			return anything()
		}
		switch t.canonical(e.fn.text) {
		case "NewType":
			if len(e.items) == 2 {
				return t.of(e.items[1])
			}
		case "TypedDict":
			return t.typedDictCall(e)
		case "Enum", "StrEnum", "IntEnum":
			return t.enumCall(e)
		}
	}
	return anything()
}

// typedDictCall reads TypedDict("Name", {"key": type}).
func (t *types) typedDictCall(e expr) typed {
	out := &lang.Schema{Type: "object"}
	total, given := e.arg("total")
	if len(e.items) < 2 || e.items[1].kind != exprDict {
		return typed{schema: out}
	}
	for i, key := range e.items[1].keys {
		r := t.of(e.items[1].items[i])
		out.Properties = append(out.Properties, lang.Property{Name: key.text, Schema: r.schema})
		if !given || total.kind != exprFalse {
			out.Required = append(out.Required, key.text)
		}
	}
	return typed{schema: out}
}

// enumCall reads Enum("Name", ["a", "b"]) and Enum("Name", "a b"): its values are 1, 2, ….
func (t *types) enumCall(e expr) typed {
	var values []json.RawMessage
	if len(e.items) > 1 {
		n := len(e.items[1].items)
		if e.items[1].kind == exprString {
			n = len(strings.Fields(strings.ReplaceAll(e.items[1].text, ",", " ")))
		}
		if e.items[1].kind == exprDict {
			for _, v := range e.items[1].items {
				if j := v.json(); j != nil {
					values = append(values, j)
				}
			}
			return typed{schema: enum(values)}
		}
		for i := range n {
			values = append(values, json.RawMessage(strconv.Itoa(i+1)))
		}
	}
	return typed{schema: enum(values)}
}

func (t *types) isGeneric(short string) bool {
	_, ok := containers[short]
	return ok
}

// containers are the types that take parameters, by what they become.
var containers = map[string]string{
	"list": "list", "List": "list", "Sequence": "list", "MutableSequence": "list", "Iterable": "list", "Collection": "list", "Iterator": "list",
	"Deque": "list", "deque": "list", "Generator": "list", "AsyncIterator": "list", "AsyncGenerator": "list", "Array": "list",
	"set": "set", "Set": "set", "AbstractSet": "set", "MutableSet": "set", "frozenset": "frozenset", "FrozenSet": "frozenset",
	"tuple": "tuple", "Tuple": "tuple",
	"dict": "dict", "Dict": "dict", "Mapping": "dict", "MutableMapping": "dict", "OrderedDict": "dict", "DefaultDict": "dict", "defaultdict": "dict",
	"Counter": "dict", "ChainMap": "dict",
	"Optional": "optional", "Union": "union", "Literal": "literal", "Annotated": "annotated",
	"Final": "inner", "ClassVar": "inner", "Required": "inner", "NotRequired": "inner", "ReadOnly": "inner", "InitVar": "inner",
}

func (t *types) generic(name string, args []expr) typed {
	if _, ok := t.module.classes[name]; ok {
		return t.class(name) // a generic class of the source
	}
	first := func() typed {
		if len(args) == 0 {
			return anything()
		}
		return t.of(args[0])
	}
	switch what := containers[t.canonical(name)]; what {
	case "list", "set", "frozenset":
		out := &lang.Schema{Type: "array", Unique: what != "list"}
		item := first()
		if len(args) > 0 && !empty(item.schema) {
			out.Items = item.schema
		}
		switch {
		case what != "list":
			return typed{schema: out, conv: conv{what, deep(item.conv)}}
		case deep(item.conv) != nil:
			return typed{schema: out, conv: conv{"list", item.conv}}
		}
		return typed{schema: out}
	case "tuple":
		return t.tuple(args)
	case "dict":
		out := &lang.Schema{Type: "object"}
		if len(args) < 2 {
			return typed{schema: out}
		}
		value := t.of(args[1])
		if !empty(value.schema) {
			out.Additional = value.schema
		}
		if deep(value.conv) != nil {
			return typed{schema: out, conv: conv{"dict", value.conv}}
		}
		return typed{schema: out}
	case "optional":
		inner := first()
		inner.schema.Nullable = true
		inner.optional = true
		return inner
	case "union":
		return t.union(args)
	case "literal":
		var values []json.RawMessage
		for _, a := range args {
			if v := t.literal(a); v != nil {
				values = append(values, v)
			}
		}
		return typed{schema: enum(values)}
	case "annotated":
		inner := first()
		for _, note := range args[min(1, len(args)):] {
			t.constrain(inner.schema, note)
		}
		return inner
	case "inner":
		return first()
	}
	if _, ok := named[t.canonical(name)]; ok { // type[X], Callable[…]
		return anything()
	}
	return t.name(name)
}

func empty(s *lang.Schema) bool {
	return s.Type == "" && s.AnyOf == nil && s.OneOf == nil && s.Enum == nil && s.Const == nil && s.Format == ""
}

// deep drops the conversions that are not worth a pass over each element.
func deep(c conv) conv {
	if c == nil || c[0] == "int" || c[0] == "float" {
		return nil
	}
	return c
}

func (t *types) tuple(args []expr) typed {
	out := &lang.Schema{Type: "array"}
	if len(args) == 2 && args[1].kind == exprEllipsis {
		item := t.of(args[0])
		if !empty(item.schema) {
			out.Items = item.schema
		}
		return typed{schema: out, conv: conv{"tuple", deep(item.conv)}}
	}
	items := make([]any, 0, len(args))
	for _, a := range args {
		r := t.of(a)
		out.PrefixItems = append(out.PrefixItems, r.schema)
		items = append(items, r.conv)
	}
	if len(args) == 0 {
		return typed{schema: out, conv: conv{"tuple", nil}}
	}
	return typed{schema: out, conv: conv{"items", items}}
}

// union is the alternative of types: None makes it nullable, equal literals one enum, classes with a distinguishing
// literal a oneOf.
func (t *types) union(members []expr) typed {
	var kinds []typed
	var names []string
	nullable := false
	for _, m := range members {
		if m.kind == exprNone || m.kind == exprName && m.text == "NoneType" {
			nullable = true
			continue
		}
		r := t.of(m)
		nullable = nullable || r.optional
		kinds = append(kinds, r)
		names = append(names, m.text)
	}
	if len(kinds) == 0 {
		return plain("null")
	}
	if len(kinds) == 1 {
		kinds[0].schema.Nullable = kinds[0].schema.Nullable || nullable
		kinds[0].optional = nullable
		return kinds[0]
	}
	out := typed{optional: nullable}
	enums, known := true, true
	var values []json.RawMessage
	var schemas []*lang.Schema
	var ways []any
	convert := false
	for _, k := range kinds {
		enums = enums && k.schema.Enum != nil
		known = known && !empty(k.schema)
		values = append(values, k.schema.Enum...)
		schemas = append(schemas, k.schema)
		convert = convert || deep(k.conv) != nil
		if deep(k.conv) == nil {
			ways = append(ways, conv{"is", k.schema.Type})
		} else {
			ways = append(ways, k.conv)
		}
	}
	if convert {
		out.conv = conv{"union", ways}
	}
	switch {
	case enums:
		out.schema = enum(values)
	case !known:
		out.schema = &lang.Schema{}
	default:
		out.schema = alternatives(schemas, names)
	}
	if nullable {
		if out.schema.AnyOf != nil {
			out.schema.AnyOf = append(out.schema.AnyOf, &lang.Schema{Type: "null"})
		} else {
			out.schema.Nullable = true
		}
	}
	return out
}

func alternatives(schemas []*lang.Schema, names []string) *lang.Schema {
	if _, ok := tag(schemas); !ok {
		return &lang.Schema{AnyOf: schemas}
	}
	key, _ := tag(schemas)
	for i, s := range schemas {
		s.Title = names[i]
		for j, p := range s.Properties {
			if p.Name == key {
				s.Properties[j].Schema = &lang.Schema{Type: p.Schema.Type, Const: p.Schema.Enum[0]}
			}
		}
	}
	return &lang.Schema{Type: "object", OneOf: schemas}
}

// tag is the property that has one literal value in each of the objects.
func tag(schemas []*lang.Schema) (string, bool) {
	for _, candidate := range schemas[0].Properties {
		all := true
		for _, s := range schemas {
			found := slices.ContainsFunc(s.Properties, func(p lang.Property) bool {
				return p.Name == candidate.Name && len(p.Schema.Enum) == 1
			})
			all = all && s.Type == "object" && found
		}
		if all {
			return candidate.Name, true
		}
	}
	return "", false
}

// enum is the schema of a list of values.
func enum(values []json.RawMessage) *lang.Schema {
	s := &lang.Schema{}
	seen := map[string]bool{}
	for i, v := range values {
		if string(v) == "null" {
			s.Nullable = true
			continue
		}
		if seen[string(v)] {
			continue
		}
		seen[string(v)] = true
		s.Enum = append(s.Enum, v)
		kind := jsonType(v)
		if i == 0 || s.Type == "" && len(s.Enum) == 1 {
			s.Type = kind
		} else if s.Type != kind {
			s.Type = ""
		}
	}
	if s.Nullable && s.Enum != nil {
		s.Enum = append(s.Enum, json.RawMessage("null"))
	}
	return s
}

func jsonType(v json.RawMessage) string {
	switch v[0] {
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case '{':
		return "object"
	case '[':
		return "array"
	case 'n':
		return "null"
	}
	if strings.ContainsAny(string(v), ".eE") {
		return "number"
	}
	return "integer"
}

// constrain applies what stands in Annotated[…] or Field(…).
func (t *types) constrain(s *lang.Schema, note expr) {
	if note.kind == exprString {
		s.Description = note.text
		return
	}
	if note.kind != exprCall || note.fn.kind != exprName {
		return
	}
	number := func(e expr) *float64 {
		if e.kind != exprNumber {
			return nil
		}
		f, err := strconv.ParseFloat(e.text, 64)
		if err != nil {
			return nil
		}
		return &f
	}
	length := func(e expr) *int {
		if n, err := strconv.Atoi(e.text); e.kind == exprNumber && err == nil {
			return &n
		}
		return nil
	}
	first := func() expr {
		if len(note.items) > 0 {
			return note.items[0]
		}
		return expr{}
	}
	switch t.canonical(note.fn.text) {
	case "Doc":
		s.Description = first().text
	case "Ge", "Gt":
		s.Minimum = number(first())
	case "Le", "Lt":
		s.Maximum = number(first())
	case "MinLen":
		s.MinLength = length(first())
	case "MaxLen":
		s.MaxLength = length(first())
	}
	for _, n := range note.named {
		switch n.name {
		case "ge", "gt":
			s.Minimum = number(n.value)
		case "le", "lt":
			s.Maximum = number(n.value)
		case "min_length":
			s.MinLength = length(n.value)
		case "max_length":
			s.MaxLength = length(n.value)
		case "pattern", "regex":
			if n.value.kind == exprString {
				s.Pattern = n.value.text
			}
		case "description":
			if n.value.kind == exprString {
				s.Description = n.value.text
			}
		case "title":
			if n.value.kind == exprString {
				s.Title = n.value.text
			}
		}
	}
}
