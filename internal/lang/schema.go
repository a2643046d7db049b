package lang

import (
	"bytes"
	"encoding/json"

	"github.com/tidemill/tidemill/internal/domain"
)

// Schema is a JSON Schema 2020-12 in the part that signatures need, with the conventions of Windmill's forms (order,
// resource-<type> formats, contentEncoding base64 for bytes). The empty Schema allows anything.
type Schema struct {
	Type        string // "string", "integer", "number", "boolean", "array", "object"; "" for any
	Nullable    bool   // null is allowed too
	Title       string
	Description string
	Default     domain.JSON
	Format      string // "date-time", "date", "time", "email", "uri", "uuid", "resource-postgresql"…
	Encoding    string // contentEncoding: "base64" for bytes
	Enum        []domain.JSON
	Const       domain.JSON
	Items       *Schema
	PrefixItems []*Schema
	Unique      bool // uniqueItems
	Properties  []Property
	Required    []string
	Additional  *Schema // additionalProperties, for maps
	OneOf       []*Schema
	AnyOf       []*Schema
	Minimum     *float64
	Maximum     *float64
	MinLength   *int
	MaxLength   *int
	Pattern     string
}

// Property is a named part of an object; their order is that of the source.
type Property struct {
	Name   string
	Schema *Schema
}

// Arguments is the schema of a whole signature: an object with one property per parameter.
func (s Signature) Arguments() *Schema {
	out := &Schema{Type: "object"}
	for _, p := range s.Params {
		ps := *p.Schema
		if ps.Description == "" {
			ps.Description = p.Description
		}
		if p.Default != nil {
			ps.Default = p.Default
		}
		out.Properties = append(out.Properties, Property{p.Name, &ps})
		if !p.HasDefault && !p.Optional {
			out.Required = append(out.Required, p.Name)
		}
	}
	return out
}

// Document is the JSON text of the arguments' schema as it is stored with a script: with $schema, order and required
// always present.
func (s Signature) Document() domain.JSON {
	root := s.Arguments()
	order := make([]string, 0, len(s.Params))
	for _, p := range s.Params {
		order = append(order, p.Name)
	}
	return root.marshal(func(put func(string, any)) {
		put("$schema", "https://json-schema.org/draft/2020-12/schema")
		if root.Properties == nil {
			put("properties", struct{}{})
		}
		if root.Required == nil {
			put("required", []string{})
		}
		put("order", order)
	})
}

// MarshalJSON writes the schema with its properties in their order.
func (s *Schema) MarshalJSON() ([]byte, error) { return s.marshal(nil), nil }

func (s *Schema) marshal(extra func(put func(string, any))) domain.JSON {
	var b bytes.Buffer
	b.WriteByte('{')
	put := func(key string, value any) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		k, _ := json.Marshal(key)
		v, err := json.Marshal(value)
		if err != nil {
			v = []byte("null")
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	if extra != nil {
		extra(put)
	}
	switch {
	case s.Type != "" && s.Nullable:
		put("type", []string{s.Type, "null"})
	case s.Type != "":
		put("type", s.Type)
	}
	text := func(key, v string) {
		if v != "" {
			put(key, v)
		}
	}
	text("title", s.Title)
	text("description", s.Description)
	if s.Default != nil {
		put("default", s.Default)
	}
	text("format", s.Format)
	text("contentEncoding", s.Encoding)
	if s.Enum != nil {
		put("enum", s.Enum)
	}
	if s.Const != nil {
		put("const", s.Const)
	}
	if s.PrefixItems != nil {
		put("prefixItems", s.PrefixItems)
	}
	if s.Items != nil {
		put("items", s.Items)
	}
	if s.Unique {
		put("uniqueItems", true)
	}
	if s.Properties != nil {
		var p bytes.Buffer
		p.WriteByte('{')
		for i, prop := range s.Properties {
			if i > 0 {
				p.WriteByte(',')
			}
			k, _ := json.Marshal(prop.Name)
			p.Write(k)
			p.WriteByte(':')
			p.Write(prop.Schema.marshal(nil))
		}
		p.WriteByte('}')
		put("properties", json.RawMessage(p.Bytes()))
	}
	if s.Required != nil {
		put("required", s.Required)
	}
	if s.Additional != nil {
		put("additionalProperties", s.Additional)
	}
	if s.OneOf != nil {
		put("oneOf", s.OneOf)
	}
	if s.AnyOf != nil {
		put("anyOf", s.AnyOf)
	}
	if s.Minimum != nil {
		put("minimum", *s.Minimum)
	}
	if s.Maximum != nil {
		put("maximum", *s.Maximum)
	}
	if s.MinLength != nil {
		put("minLength", *s.MinLength)
	}
	if s.MaxLength != nil {
		put("maxLength", *s.MaxLength)
	}
	text("pattern", s.Pattern)
	b.WriteByte('}')
	return b.Bytes()
}
