package client

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The fields that the client reads or sends must stand in the committed OpenAPI document under the operation that it calls.
func TestTypesMatchTheAPI(t *testing.T) {
	data, err := os.ReadFile("../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, method, path string
		request            bool
		items, inner       string // the answer is a list; the type stands under this property
		typ                any
	}{
		{name: "Script", method: "get", path: "/api/w/{workspace}/scripts/get/p/{path}", typ: Script{}},
		{name: "NewScript", method: "post", path: "/api/w/{workspace}/scripts/create", request: true, typ: NewScript{}},
		{name: "Job", method: "get", path: "/api/w/{workspace}/jobs_u/get/{id}", typ: Job{}},
		{name: "Language", method: "get", path: "/api/languages", typ: Language{}},
		{name: "Workspace", method: "get", path: "/api/workspaces/users", inner: "workspaces", typ: Workspace{}},
		{name: "AuditLog", method: "get", path: "/api/w/{workspace}/audit/list", typ: AuditLog{}},
		{name: "Identity", method: "get", path: "/api/users/whoami", typ: Identity{}},
	} {
		op, ok := dig(doc, "paths", c.path, c.method).(map[string]any)
		if !ok {
			t.Errorf("%s: the API has no %s %s", c.name, c.method, c.path)
			continue
		}
		schema := bodySchema(doc, op, c.request)
		if c.inner != "" {
			schema = resolve(doc, dig(schema, "properties", c.inner))
		}
		for i := 0; i < 3 && dig(schema, "items") != nil; i++ {
			schema = resolve(doc, dig(schema, "items"))
		}
		props := properties(doc, schema)
		if len(props) == 0 {
			t.Errorf("%s: %s %s has no properties to compare with", c.name, c.method, c.path)
			continue
		}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(c.typ)) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !props[name] {
				t.Errorf("%s: the API's %s %s has no field %q", c.name, c.method, c.path, name)
			}
		}
	}
}

func dig(v any, path ...string) any {
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func resolve(doc map[string]any, v any) any {
	for {
		ref, ok := dig(v, "$ref").(string)
		if !ok {
			return v
		}
		v = dig(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
}

func bodySchema(doc map[string]any, op map[string]any, request bool) any {
	if request {
		return resolve(doc, dig(op, "requestBody", "content", "application/json", "schema"))
	}
	for _, status := range []string{"200", "201"} {
		if s := dig(op, "responses", status, "content", "application/json", "schema"); s != nil {
			return resolve(doc, s)
		}
	}
	return nil
}

// properties collects the names of an object, through unions.
func properties(doc map[string]any, schema any) map[string]bool {
	out := map[string]bool{}
	schema = resolve(doc, schema)
	if m, ok := dig(schema, "properties").(map[string]any); ok {
		for name := range m {
			out[name] = true
		}
	}
	for _, union := range []string{"oneOf", "anyOf", "allOf"} {
		list, _ := dig(schema, union).([]any)
		for _, part := range list {
			for name := range properties(doc, part) {
				out[name] = true
			}
		}
	}
	return out
}
