package typescript

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

// kit is a kit with Bun, or the test is skipped.
func kit(t testing.TB) lang.Kit {
	t.Helper()
	k := langtest.NewKit(t, process.New())
	if name, err := langtest.MissingRuntime(t.Context(), k, New()); err != nil {
		t.Skipf("MISSING RUNTIME %s: %v", name, err)
	}
	return k
}

func do(t *testing.T, k lang.Kit, p lang.Program, args string) langtest.Outcome {
	t.Helper()
	prepared, err := New().Prepare(t.Context(), k, p)
	if err != nil {
		t.Fatal(err)
	}
	return langtest.Do(t, New(), process.New(), prepared, domain.JSON(args))
}

func TestValuesBothWays(t *testing.T) {
	t.Parallel()
	k := kit(t)
	for _, c := range []struct{ name, source, args, want string }{
		{
			"dates inside", "interface E { at: Date; more: Date[] }\nexport const main = (e: E) => [e.at instanceof Date, e.more[0].getUTCFullYear(), e.at]",
			`{"e":{"at":"2026-01-02T03:04:05Z","more":["1999-01-01"]}}`, `[true,1999,"2026-01-02T03:04:05.000Z"]`,
		},
		{"not a date", "export const main = (when: Date) => when", `{"when":"soon"}`, `ArgumentError: the argument when is not a date: "soon"`},
		{
			"bytes", "export const main = (a: Uint8Array, b: Buffer, c: ArrayBuffer, d: wmill.Base64) => [a.constructor.name, b.constructor.name, c.constructor.name, d, a, b, c]",
			`{"a":"AQI=","b":"AQI=","c":"AQI=","d":"AQI="}`, `["Uint8Array","Buffer","ArrayBuffer","AQI=","AQI=","AQI=","AQI="]`,
		},
		{
			"big integers", "export const main = (a: bigint, b: bigint[], c: number, d: any) => [typeof a, a + 1n, b, typeof c, typeof d.x]",
			`{"a":12345678901234567890,"b":[1,9007199254740993],"c":9007199254740993,"d":{"x":9007199254740993}}`,
			`["bigint","12345678901234567891",[1,"9007199254740993"],"number","number"]`,
		},
		{
			"maps and sets", "export const main = (m: Map<string, Date>, s: Set<number>) => ({ m: m instanceof Map && m.get('a'), s: s instanceof Set && s, all: new Map([['k', new Set([1n])]]) })",
			`{"m":{"a":"2026-01-01"},"s":[1,2]}`, `{"m":"2026-01-01T00:00:00.000Z","s":[1,2],"all":{"k":[1]}}`,
		},
		{
			"recursive", "interface T { at: Date; next?: T }\nexport const main = (t: T) => t.next!.next!.at.getUTCFullYear()",
			`{"t":{"at":"2024-01-01","next":{"at":"2025-01-01","next":{"at":"2026-01-01"}}}}`, `2026`,
		},
		{
			"choice", "type E = { kind: 'a'; at: Date } | { kind: 'b'; n: bigint };\nexport const main = (x: E, y: E) => [x.kind === 'a' && x.at instanceof Date, y.kind === 'b' && typeof y.n]",
			`{"x":{"kind":"a","at":"2024-01-01"},"y":{"kind":"b","n":7}}`, `[true,"bigint"]`,
		},
		{"url", "export const main = (u: URL) => u.hostname", `{"u":"https://example.com/x"}`, `"example.com"`},
		{"by name", "export const main = (b: string, a: string = 'd', ...rest: number[]) => [a, b, rest]", `{"a":"1","b":"2","rest":[3,4],"constructor":5}`, `["1","2",[3,4]]`},
		{"destructured", "export const main = ({ a, b = 3 }: { a: string; b?: number }) => [a, b]", `{"anon1":{"a":"x"}}`, `["x",3]`},
		{"strange numbers", "export const main = () => [NaN, Infinity, -0, 1e21, undefined, () => 1, new Date(NaN)]", `{}`, `[null,null,0,1e+21,null,null,null]`},
		{"typed arrays", "export const main = () => [new Float64Array([1.5, 2]), new DataView(new ArrayBuffer(2))]", `{}`, `[[1.5,2],"AAA="]`},
		{"error as value", "export const main = () => { const e: any = new TypeError('x'); e.code = 5; return { e: { ...e, name: e.name, message: e.message } } }", `{}`, `{"e":{"code":5,"name":"TypeError","message":"x"}}`},
		{"cycle", "export function main() { const a: any = { b: { c: [] } }; a.b.c.push(a); return a }", `{}`, `ResultError: the result refers to itself at result.b.c.0, so it cannot be JSON`},
		{"throwing getter", "export const main = () => ({ get x() { throw new Error('no') } })", `{}`, `ResultError: the result cannot be JSON: no`},
		{"common js", "const { join } = require('path');\nexport const main = () => join('a', 'b')", `{}`, `"a/b"`},
		{"enum", "enum C { A = 'a', B = 'b' }\nexport const main = (c: C) => c === C.B", `{"c":"b"}`, `true`},
		{"chdir", "export const main = () => { process.chdir('/'); return process.cwd() }", `{}`, `"/"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := do(t, k, lang.Program{Source: c.source}, c.args).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	k := kit(t)
	for _, c := range []struct{ name, source, want, stack string }{
		{"class of its own", "class Mine extends Error { name = 'Mine' }\nexport const main = () => { throw new Mine('x') }", "Mine: x", "f/x/y.ts:2:"},
		{"text", "export const main = () => { throw 'just text' }", "Error: just text", ""},
		{"object", "export const main = () => { throw { a: 1 } }", `Error: {"a":1}`, ""},
		{"object like an error", "export const main = () => { throw { name: 'N', message: 'm' } }", `N: m`, ""},
		{"null", "export const main = () => { throw null }", "Error: null was thrown", ""},
		{"undefined", "export const main = () => { throw undefined }", "Error: undefined was thrown", ""},
		{"cycle", "export const main = () => { const o: any = {}; o.o = o; throw o }", "Error: what was thrown cannot be shown", ""},
		{"cause", "export const main = () => { throw new Error('outer', { cause: new Error('inner') }) }", "Error: outer", "Caused by: Error: inner"},
		{"top level", "const x: any = JSON.parse('null');\nx.y;\nexport const main = () => 1", "TypeError: null is not an object (evaluating 'x.y')", "f/x/y.ts:2:"},
		{"unhandled rejection", "export async function main() {\n  Promise.reject(new Error('lost'));\n  await Bun.sleep(10_000);\n}", "Error: lost", "f/x/y.ts:2:"},
		{"in a timer", "export async function main() {\n  setTimeout(() => { throw new Error('late') }, 1);\n  await Bun.sleep(10_000);\n}", "Error: late", "f/x/y.ts:2:"},
		{"never ends", "export const main = () => new Promise(() => {})", "Error: main never ended: it awaits something that cannot happen any more", ""},
		{"deep", "function f(): number { return f() + 1 }\nexport const main = () => f()", "RangeError: Maximum call stack size exceeded.", "f/x/y.ts:1:"},
		{"package without a lock", "import x from 'is-number';\nexport const main = () => x", "ImportError: Cannot find package 'is-number' imported from f/x/y.ts", ""},
		{"stream that breaks", "export async function* main() { yield 'a'; throw new Error('broke') }", "Error: broke", "f/x/y.ts:1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := do(t, k, lang.Program{Path: "f/x/y", Source: c.source}, "{}")
			if got := o.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if o.Error == nil {
				return
			}
			if !strings.Contains(o.Error.Stack, c.stack) || strings.Contains(o.Error.Stack, k.CacheDir) || strings.Contains(o.Error.Stack, ".tidemill") {
				t.Errorf("the stack is\n%s", o.Error.Stack)
			}
		})
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	k := kit(t)
	for _, c := range []struct{ name, source, want, stream string }{
		{"texts", "export async function* main() { yield 'a\\n'; yield 'ü' }", `"a\nü"`, "a\n|ü"},
		{"values", "export function* main() { yield 1; yield { b: 2n }; yield 'c' }", `[1,{"b":2},"c"]`, `1|{"b":2}|c`},
		{"nothing", "export async function* main() {}", `""`, ""},
		{"readable stream", "export const main = () => new Response('streamed').body", `"streamed"`, "streamed"},
		{"returned later", "async function* items() { yield 'x' }\nexport async function main() { return items() }", `"x"`, "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := do(t, k, lang.Program{Source: c.source}, "{}")
			if got := strings.Join(o.Stream, "|"); o.String() != c.want || got != c.stream {
				t.Errorf("got %s and %q, want %s and %q", o, got, c.want, c.stream)
			}
		})
	}
}

func TestCompileErrorsNameTheUsersLines(t *testing.T) {
	t.Parallel()
	k := kit(t)
	for source, want := range map[string]string{
		"export function main() {\n  const é = 1 +;\n}\n":                  "f/x/y.ts:2:16: Unexpected \";\"\n      const é = 1 +;\n                   ^",
		"const a = 1;\nconst a = 2;\nexport const main = () => a;\n":       "f/x/y.ts:2:7: The symbol \"a\" has already been declared",
		"import { b } from './lib';\nexport const main = () => b;\n// lib": "f/x/lib.ts:1:11: Unexpected \";\"",
	} {
		_, err := New().Prepare(t.Context(), k, lang.Program{Path: "f/x/y", Source: source, Modules: map[string]string{"f/x/lib": "const b = ;"}})
		var bad *lang.BuildError
		if !errors.As(err, &bad) || !strings.Contains(bad.Output, want) {
			t.Errorf("got %v, want\n%s", err, want)
		}
	}
}

// Imports of every form find their way, and lines stay.
func TestWorkspaceImports(t *testing.T) {
	t.Parallel()
	k := kit(t)
	p := lang.Program{
		Path: "f/app/main",
		Source: `import { one } from "./one";
import two from '../lib/two.ts';
import * as three from "/u/ada/three";
import type { Only } from "./types";
const four = require("/f/lib/four.bun.ts");

export async function main(o?: Only) {
  const { five } = await import("./deep/er/five");
  return [one, two, three.three, four.four, five];
}
`,
		Modules: map[string]string{
			"f/app/one":          "export const one = 1;",
			"f/lib/two":          "import { one } from '../app/one';\nexport default one + 1;",
			"u/ada/three":        "export const three = 3; export { main as again } from '/f/app/main';",
			"f/lib/four":         "export const four: number = 4;",
			"f/app/deep/er/five": "import { one } from \"../../one\";\nexport const five = one + 4;",
		},
	}
	if got := do(t, k, p, "{}").String(); got != "[1,2,3,4,5]" {
		t.Errorf("got %s", got)
	}
	im, err := New().Imports(p.Path, p.Source)
	if err != nil || strings.Join(im.Scripts, " ") != "f/app/deep/er/five f/app/one f/lib/four f/lib/two u/ada/three" {
		t.Errorf("got %v, %v; types only are not needed to run", im.Scripts, err)
	}
}

func TestImportsAreRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, requirements, scripts, wrong string }{
		{"import { z } from 'zod@3.23.8/v4'; z", "zod@3.23.8", "", ""},
		{"import x from '@scope/name@^1.2/deep/er'; x", "@scope/name@^1.2", "", ""},
		{"import x from '@scope/name'; x; import y from 'npm:lodash@4/fp'; y", "@scope/name lodash@4", "", ""},
		{"import 'node:fs'; import 'fs/promises'; import 'bun:sqlite'; import 'bun'; import 'events/'", "events", "", ""},
		{"import type { A } from 'types-only'; import { Unused } from 'unused'; export const x: A = 1", "", "", ""},
		{"export * from './a'; export { b } from '../y/b.ts'", "", "f/x/a f/y/b", ""},
		{"const x = require('left-pad'); const y = await import('is-odd')", "is-odd left-pad", "", ""},
		{"import x from 'zod'; import y from './lib'; x(y); const broken = {", "zod", "f/x/lib", ""},
		{"import x from 'https://example.com/zod.js'; x", "", "", "importing from an address"},
		{"import x from '../../../etc/passwd'; x", "", "", "is not a script of the workspace"},
		{"import x from '/etc/passwd'; x", "", "", "is not a script of the workspace"},
		{"import x from 'a b'; x", "", "", "is not the name of a package"},
		{"import x from '@alias'; x", "", "", "is not the name of a package"},
		{"import x from 'jsr:@std/path'; x", "", "", "jsr"},
	} {
		im, err := New().Imports("f/x/main", c.source)
		if got := strings.Join(im.Requirements, " "); got != c.requirements {
			t.Errorf("%s: requirements %q, want %q", c.source, got, c.requirements)
		}
		if got := strings.Join(im.Scripts, " "); got != c.scripts {
			t.Errorf("%s: scripts %q, want %q", c.source, got, c.scripts)
		}
		if (err == nil) != (c.wrong == "") || err != nil && (!strings.Contains(err.Error(), c.wrong) || errs.KindOf(err) != errs.Invalid) {
			t.Errorf("%s: %v, want %q", c.source, err, c.wrong)
		}
	}
	if _, err := New().Imports("", "import x from './lib'; x"); err == nil {
		t.Error("a script without a path has nothing beside it")
	}
}

func TestLocks(t *testing.T) {
	t.Parallel()
	k := kit(t)
	for _, c := range []struct {
		requirements []string
		want         string
	}{
		{[]string{"zod@3.23.8", "zod@3.22.0"}, "the package zod is asked for in two versions: 3.23.8 and 3.22.0"},
		{[]string{"is-number@99.0.0"}, "the npm package is-number has no version 99.0.0"},
		{[]string{"is-number", "is-number@nosuchtag"}, "the npm package is-number has no version nosuchtag"},
		{[]string{"../evil"}, "is not the name of an npm package"},
	} {
		_, err := New().Lock(t.Context(), k, c.requirements)
		if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != errs.Invalid {
			t.Errorf("%v: got %v, want %q", c.requirements, err, c.want)
		}
	}
	lock, err := New().Lock(t.Context(), k, []string{"is-number", "is-number@7.0.0"})
	if err != nil || !strings.HasPrefix(lock, "{\n  \"dependencies\": {\n    \"is-number\": \"7.0.0\"\n  }\n}\n//bun.lock\n{") {
		t.Errorf("got %v\n%s", err, lock)
	}
	if left, _ := filepath.Glob(filepath.Join(k.CacheDir, string(ID), ".lock-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	for _, empty := range []string{"", "{}", "{\"dependencies\": {}}\n//bun.lock\n<empty>"} {
		if got := do(t, k, lang.Program{Source: "export const main = () => 1", Lock: empty}, "{}").String(); got != "1" {
			t.Errorf("%q: %s", empty, got)
		}
	}
}

// The published client is used as people use it: it reads its address, token and workspace from the environment.
func TestWindmillClientLoads(t *testing.T) {
	t.Parallel()
	k := kit(t)
	source := `import * as wmill from "windmill-client@1.818.0";

export async function main(email: wmill.Base64) {
  return [typeof wmill.getResource, typeof wmill.JobService.getJob, process.env.WM_TOKEN ?? null];
}
`
	im, err := New().Imports("f/x/y", source)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := New().Lock(t.Context(), k, im.Requirements)
	if err != nil {
		t.Fatal(err)
	}
	p := lang.Program{Path: "f/x/y", Source: source, Lock: lock}
	if got := do(t, k, p, `{"email":"x"}`).String(); got != `["function","function",null]` {
		t.Errorf("got %s", got)
	}
	prepared, err := New().Prepare(t.Context(), k, p)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(prepared.Dir, "f/x/y.ts"))
	if err != nil || !strings.Contains(string(text), `from "windmill-client";`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// BenchmarkColdStart is the whole way of a job's process: start, call, result, exit.
func BenchmarkColdStart(b *testing.B) {
	k := kit(b)
	p, err := New().Prepare(b.Context(), k, lang.Program{Path: "f/x/y", Source: "interface A { name: string; n: number }\nexport async function main(a: A) { return { greeting: `hello ${a.name}`, n: a.n * 2 } }\n"})
	if err != nil {
		b.Fatal(err)
	}
	c := New().Command(p, lang.Job{})
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "args.json"), []byte(`{"a":{"name":"Ada","n":3}}`), 0o600); err != nil {
		b.Fatal(err)
	}
	least := time.Hour
	for b.Loop() {
		began := time.Now()
		out, exit, err := k.RunQuiet(b.Context(), dir, c.Env, c.Argv...)
		if err != nil || exit.Code != 0 {
			b.Fatal(out, exit, err)
		}
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(least.Microseconds())/1000, "least-ms")
}
