package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
)

// maxFields bounds how many wrong places one error names.
const maxFields = 20

// CheckArgs validates arguments against a script's schema. The error is Invalid and names each wrong field as "args.x".
// Arguments that the schema does not know pass, as in Windmill: a webhook may send more than the script declares. A string
// that begins with $res: or $var: stands for a value of any type. null for an argument that may be left out counts as
// left out. A schema that is itself not valid checks nothing.
func (e *Engine) CheckArgs(schema, args domain.JSON) error {
	if err := checkObject(args); err != nil {
		return err
	}
	compiled := e.schemas.get(schema)
	if compiled == nil {
		return nil
	}
	if len(bytes.TrimSpace(args)) == 0 {
		args = domain.JSON("{}")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(args))
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "the arguments are not valid JSON").WithField("args", "must be one JSON object")
	}
	if object, ok := value.(map[string]any); ok {
		for name, v := range object {
			if v == nil && !slices.Contains(compiled.Required, name) {
				delete(object, name)
			}
		}
	}
	err = compiled.Validate(value)
	if err == nil {
		return nil
	}
	var wrong *jsonschema.ValidationError
	if !errors.As(err, &wrong) {
		return errs.Wrap(errs.Invalid, err, "the arguments do not fit the script").WithField("args", "do not fit the schema")
	}
	c := checker{root: value}
	c.walk(wrong)
	if len(c.fields) == 0 {
		return nil
	}
	slices.SortStableFunc(c.fields, func(a, b errs.Field) int { return strings.Compare(a.Path, b.Path) })
	c.fields = slices.Compact(c.fields)
	out := errs.New(errs.Invalid, "the arguments do not fit the script")
	out.Fields = c.fields[:min(len(c.fields), maxFields)]
	return out
}

// checker turns the tree of a validation error into fields in plain words.
type checker struct {
	root   any
	fields []errs.Field
}

func (c *checker) walk(v *jsonschema.ValidationError) {
	if reference(c.at(v.InstanceLocation)) {
		return
	}
	switch k := v.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if one, ok := k.(*kind.OneOf); ok && len(one.Subschemas) > 0 {
			c.add(v, "fits more than one of the allowed forms; it must fit exactly one")
			return
		}
		c.alternatives(v)
		return
	case *kind.Required:
		for _, name := range k.Missing {
			c.fields = append(c.fields, errs.Field{Path: path(append(slices.Clone(v.InstanceLocation), name)), Message: "is missing"})
		}
		return
	}
	if len(v.Causes) > 0 {
		for _, cause := range v.Causes {
			c.walk(cause)
		}
		return
	}
	c.add(v, "%s", words(v.ErrorKind, c.at(v.InstanceLocation)))
}

// alternatives explains a value that fits none of several forms: nothing when one of them fails only over references,
// the branch that got furthest when that is clear, else that none fits.
func (c *checker) alternatives(v *jsonschema.ValidationError) {
	var best []errs.Field
	for _, branch := range v.Causes {
		sub := checker{root: c.root}
		sub.walk(branch)
		if len(sub.fields) == 0 {
			return
		}
		here := path(v.InstanceLocation)
		inside := slices.ContainsFunc(sub.fields, func(f errs.Field) bool { return f.Path == here })
		if !inside && (best == nil || len(sub.fields) < len(best)) {
			best = sub.fields
		}
	}
	if best != nil {
		c.fields = append(c.fields, best...)
		return
	}
	var want []string
	for _, branch := range v.Causes {
		leaf := branch
		for len(leaf.Causes) == 1 {
			leaf = leaf.Causes[0]
		}
		if t, ok := leaf.ErrorKind.(*kind.Type); ok {
			for _, w := range t.Want {
				if !slices.Contains(want, typeWords[w]) {
					want = append(want, typeWords[w])
				}
			}
		}
	}
	if len(want) > 0 {
		c.add(v, "must be %s, is %s", strings.Join(want, " or "), describe(c.at(v.InstanceLocation)))
		return
	}
	c.add(v, "fits none of the allowed forms")
}

func (c *checker) add(v *jsonschema.ValidationError, format string, args ...any) {
	c.fields = append(c.fields, errs.Field{Path: path(v.InstanceLocation), Message: fmt.Sprintf(format, args...)})
}

// at is the value at a location; nil when there is none.
func (c *checker) at(location []string) any {
	v := c.root
	for _, step := range location {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// reference reports whether v stands for a resource or a variable.
func reference(v any) bool {
	s, ok := v.(string)
	return ok && (strings.HasPrefix(s, "$res:") || strings.HasPrefix(s, "$var:"))
}

// path writes a location as args.customer.items[2].
func path(location []string) string {
	var b strings.Builder
	b.WriteString("args")
	for _, step := range location {
		if _, err := strconv.Atoi(step); err == nil {
			b.WriteString("[" + step + "]")
		} else {
			b.WriteString("." + step)
		}
	}
	return b.String()
}

var typeWords = map[string]string{
	"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list",
	"object": "an object", "null": "null",
}

// describe names a value's type, with the value when it is short.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if len(v) <= 40 {
			return "the text " + strconv.Quote(v)
		}
		return "text"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}

func words(k jsonschema.ErrorKind, v any) string {
	switch k := k.(type) {
	case *kind.Type:
		want := make([]string, len(k.Want))
		for i, w := range k.Want {
			want[i] = typeWords[w]
		}
		return fmt.Sprintf("must be %s, is %s", strings.Join(want, " or "), describe(v))
	case *kind.Enum:
		return fmt.Sprintf("must be one of %s, is %s", list(k.Want), describe(v))
	case *kind.Const:
		return fmt.Sprintf("must be %s, is %s", compact(k.Want), describe(v))
	case *kind.Minimum:
		return fmt.Sprintf("must be at least %s, is %s", number(k.Want), number(k.Got))
	case *kind.Maximum:
		return fmt.Sprintf("must be at most %s, is %s", number(k.Want), number(k.Got))
	case *kind.ExclusiveMinimum:
		return fmt.Sprintf("must be more than %s, is %s", number(k.Want), number(k.Got))
	case *kind.ExclusiveMaximum:
		return fmt.Sprintf("must be less than %s, is %s", number(k.Want), number(k.Got))
	case *kind.MultipleOf:
		return fmt.Sprintf("must be a multiple of %s, is %s", number(k.Want), number(k.Got))
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters, has %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, has %d", k.Want, k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d items, has %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d items, has %d", k.Want, k.Got)
	case *kind.AdditionalItems:
		return fmt.Sprintf("has %d items too many", k.Count)
	case *kind.UniqueItems:
		return fmt.Sprintf("must not hold the same item twice: items %d and %d are equal", k.Duplicates[0], k.Duplicates[1])
	case *kind.Pattern:
		return fmt.Sprintf("must match the pattern %s", k.Want)
	case *kind.AdditionalProperties:
		return "has unknown fields: " + strings.Join(k.Properties, ", ")
	case *kind.Format:
		return "must be a valid " + k.Want
	case *kind.FalseSchema:
		return "must not be given"
	}
	return "does not fit the schema (" + strings.Join(k.KeywordPath(), "/") + ")"
}

func number(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func list(values []any) string {
	const show = 12
	var out []string
	for i, v := range values {
		if i == show {
			out = append(out, "…")
			break
		}
		out = append(out, compact(v))
	}
	return strings.Join(out, ", ")
}

// schemaCache keeps compiled schemas by content. Compiling takes longer than running a small script.
type schemaCache struct {
	mu    sync.Mutex
	byKey map[string]*jsonschema.Schema
	order []string // oldest first
}

const maxSchemas = 500

// get compiles a schema; nil when there is none or it is not valid.
func (c *schemaCache) get(schema domain.JSON) *jsonschema.Schema {
	if len(bytes.TrimSpace(schema)) == 0 {
		return nil
	}
	key := id.Hash64(schema)
	c.mu.Lock()
	compiled, ok := c.byKey[key]
	c.mu.Unlock()
	if ok {
		return compiled
	}
	compiled = compile(schema)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[string]*jsonschema.Schema{}
	}
	if _, ok := c.byKey[key]; !ok {
		c.byKey[key] = compiled
		c.order = append(c.order, key)
	}
	if len(c.order) > maxSchemas {
		delete(c.byKey, c.order[0])
		c.order = c.order[1:]
	}
	return compiled
}

// closed refuses to load other documents: a script's schema must not make the server read files.
type closed struct{}

func (closed) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema may not refer to %s", url)
}

func compile(schema domain.JSON) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil
	}
	root, ok := doc.(map[string]any)
	if !ok {
		return nil
	}
	delete(root, "additionalProperties") // unknown arguments pass
	if u, ok := root["$schema"].(string); ok && strings.Contains(u, "2020-12") {
		root["$schema"] = "https://json-schema.org/draft/2020-12/schema" // some tools write it with http
	} else {
		delete(root, "$schema")
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(closed{})
	const url = "schema:script"
	if err := compiler.AddResource(url, root); err != nil {
		return nil
	}
	compiled, err := compiler.Compile(url)
	if err != nil {
		return nil
	}
	return compiled
}

// errorMessage reads the message out of the result of a failed job.
func errorMessage(result domain.JSON) string {
	var r struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(result, &r); err != nil || r.Error.Message == "" {
		return "the dependencies could not be resolved"
	}
	return r.Error.Message
}
