package typescript

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
)

// union joins alternatives: literals to an enum, null to a mark, objects with a common tag to a choice of forms.
func union(members []typ) typ {
	out := typ{}
	null := false
	var rest []typ
	for _, m := range members {
		switch {
		case m.absent && (m.schema.Type == "null" || isAny(m.schema)):
			out.absent = true
			null = null || m.schema.Type == "null"
			continue
		case m.absent:
			out.absent = true
		}
		if m.schema.OneOf != nil && m.schema.Properties == nil { // a union in a union
			for _, s := range m.schema.OneOf {
				if s.Type == "null" {
					null = true
					continue
				}
				rest = append(rest, typ{schema: s})
			}
			out.conv = joinConv(out.conv, m.conv)
			continue
		}
		rest = append(rest, m)
	}
	for _, m := range rest {
		out.conv = joinConv(out.conv, m.conv)
	}
	out.schema = joinSchemas(rest)
	if null {
		out.schema = nullable(out.schema)
	}
	return out
}

func isAny(s *lang.Schema) bool {
	return s.Type == "" && s.Enum == nil && s.OneOf == nil && s.AnyOf == nil && s.Const == nil
}

func nullable(s *lang.Schema) *lang.Schema {
	if isAny(s) {
		return s
	}
	out := *s
	null := &lang.Schema{Type: "null"}
	switch {
	case s.OneOf != nil:
		out.Type, out.OneOf = "", append(slices.Clone(s.OneOf), null)
	case s.AnyOf != nil:
		out.AnyOf = append(slices.Clone(s.AnyOf), null)
	default:
		out.Nullable = true
		if s.Enum != nil && !containsJSON(s.Enum, domain.JSON("null")) {
			out.Enum = append(slices.Clone(s.Enum), domain.JSON("null"))
		}
	}
	return &out
}

func joinSchemas(members []typ) *lang.Schema {
	switch len(members) {
	case 0:
		return &lang.Schema{}
	case 1:
		return members[0].schema
	}
	if s := joinLiterals(members); s != nil {
		return s
	}
	if s := choice(members); s != nil {
		return s
	}
	s := &lang.Schema{}
	for _, m := range members {
		switch {
		case isAny(m.schema):
			return &lang.Schema{}
		case m.schema.AnyOf != nil && m.schema.Type == "":
			s.AnyOf = append(s.AnyOf, m.schema.AnyOf...)
		default:
			s.AnyOf = append(s.AnyOf, m.schema)
		}
	}
	// "a" | string is string; number | 3 is number.
	plain := map[string]bool{}
	for _, a := range s.AnyOf {
		if isPlain(a) {
			plain[a.Type] = true
		}
	}
	seen := map[string]bool{}
	s.AnyOf = slices.DeleteFunc(s.AnyOf, func(a *lang.Schema) bool {
		if isPlain(a) {
			again := seen[a.Type]
			seen[a.Type] = true
			return again
		}
		return a.Enum != nil && plain[a.Type]
	})
	if len(s.AnyOf) == 1 {
		return s.AnyOf[0]
	}
	return s
}

func isPlain(s *lang.Schema) bool {
	return s.Type != "" && s.Type != "object" && s.Type != "array" && s.Enum == nil && s.Format == "" && s.Encoding == ""
}

// joinLiterals is an enum when all members are literals, nil otherwise.
func joinLiterals(members []typ) *lang.Schema {
	s := &lang.Schema{Type: members[0].schema.Type}
	for _, m := range members {
		if m.schema.Enum == nil || m.schema.Properties != nil {
			return nil
		}
		if m.schema.Type != s.Type {
			s.Type = ""
		}
		s.Nullable = s.Nullable || m.schema.Nullable
		for _, v := range m.schema.Enum {
			if !containsJSON(s.Enum, v) {
				s.Enum = append(s.Enum, v)
			}
		}
	}
	if s.Type == "boolean" && len(s.Enum) > 1 {
		s.Enum = nil
	}
	return s
}

// choice is a oneOf when all members are objects that a literal property tells apart. Forms know label and kind; any other
// common name serves too.
func choice(members []typ) *lang.Schema {
	for _, m := range members {
		if m.schema.Type != "object" || m.schema.Properties == nil {
			return nil
		}
	}
	names := []string{"label", "kind"}
	for _, p := range members[0].schema.Properties {
		names = append(names, p.Name)
	}
	for _, name := range names {
		s := &lang.Schema{Type: "object"}
		seen := map[string]bool{}
		for _, m := range members {
			tagged, tag := tag(m.schema, name)
			if tagged == nil || seen[tag] {
				break
			}
			seen[tag] = true
			s.OneOf = append(s.OneOf, tagged)
		}
		if len(s.OneOf) == len(members) {
			return s
		}
	}
	return nil
}

// tag gives the object with its property name, which is one literal, made a constant and its title.
func tag(s *lang.Schema, name string) (tagged *lang.Schema, value string) {
	at := slices.IndexFunc(s.Properties, func(p lang.Property) bool { return p.Name == name })
	if at < 0 || len(s.Properties[at].Schema.Enum) != 1 || !slices.Contains(s.Required, name) {
		return nil, ""
	}
	p := *s.Properties[at].Schema
	p.Const = p.Enum[0]
	out := *s
	out.Properties = slices.Clone(s.Properties)
	out.Properties[at].Schema = &p
	title, ok := jsonString(p.Const)
	if !ok {
		title = string(p.Const)
	}
	out.Title = title
	return &out, string(p.Const)
}

// intersection joins objects; of anything else the first that says something.
func intersection(members []typ) typ {
	s := &lang.Schema{Type: "object"}
	c := &conv{Kind: "object", Props: map[string]*conv{}}
	for _, m := range members {
		if m.schema.Type != "object" || m.schema.OneOf != nil || m.schema.Format != "" {
			if isAny(m.schema) {
				continue
			}
			if len(members) == 1 || m.schema.Type != "object" {
				return m
			}
			continue
		}
		for _, p := range m.schema.Properties {
			put(s, p.Name, p.Schema, !slices.Contains(m.schema.Required, p.Name))
		}
		if m.schema.Additional != nil {
			s.Additional = m.schema.Additional
		}
		if s.Description == "" {
			s.Description = m.schema.Description
		}
		c = joinConv(c, m.conv)
	}
	t := typ{schema: s}
	if len(c.Props) > 0 || c.Of != nil {
		t.conv = c
	}
	if len(members) == 1 {
		t.schema.Title = members[0].schema.Title
	}
	return t
}

// joinConv joins conversions of alternatives. They leave alone what is not theirs, so objects add up and else the first wins.
func joinConv(a, b *conv) *conv {
	switch {
	case a == nil:
		return b
	case b == nil || a.Kind != "object" || b.Kind != "object":
		return a
	}
	out := &conv{Kind: "object", Props: map[string]*conv{}, Of: a.Of}
	if out.Of == nil {
		out.Of = b.Of
	}
	for _, from := range []*conv{b, a} {
		for k, v := range from.Props {
			out.Props[k] = v
		}
	}
	return out
}

// fromLiteral is the type of a default value.
func fromLiteral(v domain.JSON) typ {
	kind := literalKind(v)
	switch kind {
	case "array":
		items := literalItems(v)
		for i := range items {
			items[i] = typ{schema: widen(items[i].schema)}
		}
		if len(items) == 0 {
			return typ{schema: &lang.Schema{Type: "array"}}
		}
		return arrayOf(union(items))
	case "object":
		s := &lang.Schema{Type: "object"}
		d := json.NewDecoder(bytes.NewReader(v))
		if _, err := d.Token(); err != nil {
			return typ{schema: s}
		}
		for d.More() {
			key, err := d.Token()
			name, ok := key.(string)
			var value domain.JSON
			if err != nil || !ok || d.Decode(&value) != nil {
				break
			}
			put(s, name, fromLiteral(value).schema, true)
		}
		return typ{schema: s}
	}
	return simple(kind)
}

// literalItems are the elements of a JSON array as literal types.
func literalItems(v domain.JSON) []typ {
	var items []domain.JSON
	if json.Unmarshal(v, &items) != nil {
		return nil
	}
	out := make([]typ, 0, len(items))
	for _, item := range items {
		switch k := literalKind(item); k {
		case "string", "number", "boolean":
			out = append(out, typ{schema: &lang.Schema{Type: k, Enum: []domain.JSON{item}}})
		default:
			out = append(out, fromLiteral(item))
		}
	}
	return out
}

// widen is a literal's type without the literal.
func widen(s *lang.Schema) *lang.Schema {
	if s.Enum == nil {
		return s
	}
	return &lang.Schema{Type: s.Type}
}

func jsonString(v domain.JSON) (string, bool) {
	var s string
	if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, true
}
