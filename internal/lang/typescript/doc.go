package typescript

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/lang"
)

// jsdoc is a comment taken apart.
type jsdoc struct {
	text   string            // before the first tag
	params map[string]string // @param name description
	tags   map[string]string // the other tags, the last of each name
}

// readDoc reads a comment of any form; tags are known in /** … */ and, as people write them there too, in // lines.
func readDoc(comment string) jsdoc {
	d := jsdoc{params: map[string]string{}, tags: map[string]string{}}
	comment = strings.TrimSpace(comment)
	if strings.HasPrefix(comment, "/*") {
		comment = strings.TrimSuffix(strings.TrimLeft(strings.TrimPrefix(comment, "/"), "*"), "*/")
	}
	var current *string
	var name, kind string
	var body string
	flush := func() {
		switch kind {
		case "":
			d.text = strings.TrimSpace(body)
		case "param":
			d.params[name] = strings.TrimSpace(body)
		default:
			d.tags[kind] = strings.TrimSpace(body)
		}
	}
	current = &body
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "//") {
			line = strings.TrimLeft(line, "/")
		} else {
			line = strings.TrimSuffix(strings.TrimPrefix(line, "*"), "*/")
		}
		line = strings.TrimSpace(line)
		if tag, ok := strings.CutPrefix(line, "@"); ok {
			flush()
			var rest string
			kind, rest, _ = strings.Cut(tag, " ")
			rest = strings.TrimSpace(rest)
			name, *current = "", rest
			if kind == "param" || kind == "arg" || kind == "argument" {
				kind = "param"
				name, *current = paramTag(rest)
			}
			continue
		}
		*current += "\n" + line
	}
	flush()
	return d
}

// paramTag reads "{type} [name=default] - description".
func paramTag(rest string) (name, text string) {
	if strings.HasPrefix(rest, "{") {
		depth, end := 0, len(rest)
		for i, c := range rest {
			if c == '{' {
				depth++
			}
			if c == '}' {
				if depth--; depth == 0 {
					end = i + 1
					break
				}
			}
		}
		rest = strings.TrimSpace(rest[end:])
	}
	name, text, _ = strings.Cut(rest, " ")
	if strings.HasPrefix(name, "[") {
		name, _, _ = strings.Cut(strings.Trim(name, "[]"), "=")
	}
	text = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "- "))
	return name, text
}

// describe puts the words and the constraints of a comment into a schema, which is a copy then.
func (d jsdoc) describe(s *lang.Schema) *lang.Schema {
	if d.text == "" && len(d.tags) == 0 {
		return s
	}
	out := *s
	if d.text != "" {
		out.Description = d.text
	}
	d.constrain(&out)
	return &out
}

func (d jsdoc) constrain(s *lang.Schema) {
	if s.Type == "number" || s.Type == "integer" {
		for tag, at := range map[string]**float64{"minimum": &s.Minimum, "maximum": &s.Maximum} {
			if v, err := strconv.ParseFloat(d.tags[tag], 64); err == nil {
				*at = &v
			}
		}
		if _, whole := d.tags["integer"]; whole {
			s.Type = "integer"
		}
	}
	if s.Type == "string" {
		for tag, at := range map[string]**int{"minLength": &s.MinLength, "maxLength": &s.MaxLength} {
			if v, err := strconv.Atoi(d.tags[tag]); err == nil && v >= 0 {
				*at = &v
			}
		}
		if v := d.tags["pattern"]; v != "" {
			if _, err := regexp.Compile(v); err == nil { // the checker of arguments must be able to use it
				s.Pattern = v
			}
		}
		if v := d.tags["format"]; v != "" && s.Format == "" && !strings.ContainsAny(v, " \n") {
			s.Format = v
		}
	}
	if v := d.tags["default"]; v != "" && json.Valid([]byte(v)) && s.Default == nil {
		s.Default = json.RawMessage(v)
	}
}
