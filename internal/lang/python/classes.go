package python

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/lang"
)

// class is a class of the source as a type.
func (t *types) class(name string) typed {
	c := t.module.classes[name]
	if t.isEnum(c, 0) {
		t.classes[name] = convType{Kind: "enum"}
		var values []json.RawMessage
		for _, m := range t.members(c) {
			values = append(values, m.value)
		}
		return typed{schema: enum(values), conv: conv{"class", name}}
	}
	kind := t.kind(c, 0)
	if kind == "typeddict" && strings.ToLower(name) == name {
		return t.resource(name) // class postgresql(TypedDict): how a resource type is declared
	}
	if t.active[name] || t.expanded >= maxExpanded {
		return typed{schema: &lang.Schema{Type: "object"}, conv: conv{"class", name}}
	}
	t.active[name] = true
	t.expanded++
	defer delete(t.active, name)

	out := &lang.Schema{Type: "object", Description: firstParagraph(readDocstring(t.module.docstring(c.body)).text)}
	fields := map[string]conv{}
	t.fields(c, kind, out, fields, 0)
	t.classes[name] = convType{Kind: kind, Fields: fields}
	if kind == "plain" {
		return typed{schema: out} // we cannot know how to make one
	}
	return typed{schema: out, conv: conv{"class", name}}
}

func firstParagraph(doc string) string {
	text, _, _ := strings.Cut(doc, "\n\n")
	return strings.TrimSpace(text)
}

// kind says what makes the class: its decorator or a base, its own or inherited.
func (t *types) kind(c class, depth int) string {
	for line := range strings.Lines(c.decorators) {
		name := strings.TrimPrefix(strings.TrimSpace(line), "@")
		name, _, _ = strings.Cut(name, "(")
		switch t.canonical(name) {
		case "dataclass", "pydantic.dataclasses.dataclass", "attr.s", "attr.attrs", "attrs.define", "attr.define", "attrs.frozen":
			return "dataclass"
		}
	}
	for _, base := range c.bases {
		name := base.text
		if base.kind == exprSubscript {
			name = base.fn.text
		}
		switch t.canonical(name) {
		case "TypedDict":
			return "typeddict"
		case "NamedTuple":
			return "namedtuple"
		case "BaseModel", "RootModel", "BaseSettings", "sqlmodel.SQLModel", "SQLModel":
			return "pydantic"
		}
		if parent, ok := t.module.classes[name]; ok && depth < 20 {
			if k := t.kind(parent, depth+1); k != "plain" {
				return k
			}
		}
	}
	return "plain"
}

func (t *types) isEnum(c class, depth int) bool {
	for _, base := range c.bases {
		switch t.canonical(base.text) {
		case "Enum", "StrEnum", "IntEnum", "Flag", "IntFlag":
			return true
		}
		if parent, ok := t.module.classes[base.text]; ok && depth < 20 && t.isEnum(parent, depth+1) {
			return true
		}
	}
	return false
}

type member struct {
	name  string
	value json.RawMessage
}

// members are those of an enumeration.
func (t *types) members(c class) []member {
	text := false
	for _, base := range c.bases {
		text = text || t.canonical(base.text) == "StrEnum"
	}
	var out []member
	for _, statement := range t.assignments(c) {
		if statement.value == nil || strings.HasPrefix(statement.name, "_") {
			continue
		}
		value := statement.value.json()
		if value == nil && statement.value.kind == exprCall && t.canonical(statement.value.fn.text) == "auto" {
			value = json.RawMessage(strconv.Itoa(len(out) + 1))
			if text {
				value = quote(strings.ToLower(statement.name))
			}
		}
		if value == nil {
			value = quote(statement.name) // known only to Python; the wrapper takes names too
		}
		out = append(out, member{statement.name, value})
	}
	return out
}

// assignments are the statements "name: type = value" of a class body.
func (t *types) assignments(c class) []param {
	if c.body == nil {
		return nil
	}
	var out []param
	for i := uint(0); i < c.body.NamedChildCount(); i++ {
		n := c.body.NamedChild(i)
		if n == nil || n.Kind() != "expression_statement" {
			continue
		}
		r := &reader{src: t.module.text(n)}
		p := param{name: r.name()}
		if p.name == "" {
			continue
		}
		if r.take(':') {
			start := r.pos
			r.annotation()
			p.typ = strings.TrimSpace(r.src[start:r.pos])
		}
		if r.take('=') {
			e := r.expression()
			p.value = &e
		}
		if p.typ != "" || p.value != nil {
			out = append(out, p)
		}
	}
	return out
}

// fields puts the fields of c and of its bases into out.
func (t *types) fields(c class, kind string, out *lang.Schema, convs map[string]conv, depth int) {
	for _, base := range c.bases {
		if parent, ok := t.module.classes[base.text]; ok && depth < 20 {
			t.fields(parent, kind, out, convs, depth+1)
		}
	}
	total := true
	for _, n := range c.named {
		total = total && !(n.name == "total" && n.value.kind == exprFalse)
	}
	for _, a := range t.assignments(c) {
		if a.typ == "" || strings.HasPrefix(a.name, "_") {
			continue
		}
		e := readExpr(a.typ)
		wrapper := ""
		if e.kind == exprSubscript {
			wrapper = t.canonical(e.fn.text)
		} else if e.kind == exprName {
			wrapper = t.canonical(e.text)
		}
		if wrapper == "ClassVar" || wrapper == "KW_ONLY" {
			continue
		}
		r := t.of(e)
		required := total && wrapper != "NotRequired" || wrapper == "Required"
		if a.value != nil {
			required = t.fieldDefault(r.schema, *a.value)
		} else if r.optional && kind == "pydantic" {
			required = true // Optional without a default is required in pydantic 2; None is a value
		}
		out.Required = without(out.Required, a.name)
		if required {
			out.Required = append(out.Required, a.name)
		}
		setProperty(out, a.name, r.schema)
		delete(convs, a.name)
		if r.conv != nil {
			convs[a.name] = r.conv
		}
	}
}

// fieldDefault reads "= value", "= field(…)" and "= Field(…)", and says whether the field is still required.
func (t *types) fieldDefault(s *lang.Schema, value expr) (required bool) {
	if value.kind == exprCall && value.fn.kind == exprName {
		switch t.canonical(value.fn.text) {
		case "field", "Field", "attrs.field", "attr.ib":
			t.constrain(s, value)
			if init, ok := value.arg("init"); ok && init.kind == exprFalse {
				return false
			}
			given, ok := value.arg("default")
			if !ok && len(value.items) > 0 {
				given, ok = value.items[0], true
			}
			if _, factory := value.arg("default_factory"); factory {
				return false
			}
			if !ok || given.kind == exprEllipsis {
				return true
			}
			value = given
		}
	}
	if value.kind == exprEllipsis {
		return true
	}
	if value.kind == exprNone && s.Type != "" {
		s.Nullable = true
	}
	s.Default = t.literal(value)
	return false
}

func setProperty(s *lang.Schema, name string, property *lang.Schema) {
	for i, p := range s.Properties {
		if p.Name == name {
			s.Properties[i].Schema = property
			return
		}
	}
	s.Properties = append(s.Properties, lang.Property{Name: name, Schema: property})
}

func without(list []string, name string) []string {
	var out []string
	for _, v := range list {
		if v != name {
			out = append(out, v)
		}
	}
	return out
}
