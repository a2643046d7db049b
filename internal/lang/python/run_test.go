package python_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/lang/python"
	"github.com/tidemill/tidemill/internal/sandbox"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

type ended struct {
	result domain.JSON
	err    *struct{ Name, Message, Stack string }
	exit   sandbox.Exit
	out    string
}

func run(t *testing.T, l lang.Language, k lang.Kit, p lang.Program, args string) ended {
	t.Helper()
	prepared, err := l.Prepare(t.Context(), k, p)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "args.json"), []byte(args), 0o600); err != nil {
		t.Fatal(err)
	}
	c := l.Command(prepared, lang.Job{Dir: dir, Args: domain.JSON(args)})
	var out strings.Builder
	exit, err := sandbox.Run(t.Context(), k.Sandbox, sandbox.Spec{
		Argv: c.Argv, Env: append([]string{"PATH=/usr/bin:/bin"}, c.Env...), Dir: dir, Stdout: &out, Stderr: &out,
		Limits: sandbox.Limits{Wall: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := ended{exit: exit, out: out.String()}
	if text, err := os.ReadFile(filepath.Join(dir, "result.json")); err == nil {
		var envelope struct {
			Result domain.JSON
			Error  *struct{ Name, Message, Stack string }
		}
		if err := json.Unmarshal(text, &envelope); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		e.result, e.err = envelope.Result, envelope.Error
	}
	return e
}

const models = `
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Literal, NamedTuple, Optional, TypedDict, Union
from uuid import UUID

class Color(Enum):
    RED = "red"
    GREEN = "green"

class Point(NamedTuple):
    x: float
    y: float = 0.0

@dataclass
class Line:
    what: str
    price: Decimal
    at: Optional[datetime] = None

@dataclass
class Order:
    id: int
    lines: list[Line] = field(default_factory=list)
    color: Color = Color.RED

class Event(TypedDict):
    when: datetime
    name: str

`

// An editor on Windows leaves a mark at the beginning and another line end.
func TestSourcesFromWindows(t *testing.T) {
	l, k := python.New(), langtest.NewKit(t, process.New())
	source := "\ufeff# requirements:\r\n\r\ndef main(a: int,\r\n         b: str = \"x\"):\r\n    return [a, b]\r\n"
	sig, err := l.Signature(source)
	if err != nil || len(sig.Params) != 2 {
		t.Errorf("got %+v, %v", sig, err)
	}
	e := run(t, l, k, lang.Program{Source: source}, `{"a":1}`)
	if string(e.result) != `[1,"x"]` {
		t.Errorf("got %s, %+v", e.result, e.err)
	}
}

// Arguments arrive as what the signature declares, and results leave as JSON.
func TestValuesOnTheirWay(t *testing.T) {
	l, k := python.New(), langtest.NewKit(t, process.New())
	for name, c := range map[string]struct{ source, args, want string }{
		"dataclasses, enums and decimals": {
			`
def main(order: Order):
    assert isinstance(order, Order) and isinstance(order.lines[0], Line) and order.color is Color.GREEN
    assert order.lines[0].price == Decimal("0.1000000000000000055") and order.lines[0].at.year == 2026
    return order
`, `{"order":{"id":1,"color":"green","lines":[{"what":"x","price":0.1000000000000000055,"at":"2026-01-02T03:04:05.5Z"}],"unknown":1}}`,
			`{"id":1,"lines":[{"what":"x","price":0.1000000000000000055,"at":"2026-01-02T03:04:05.500000+00:00"}],"color":"green"}`,
		},
		"an enum by its name": {"def main(c: Color):\n    return [c, c.name, {c: 1}]\n", `{"c":"RED"}`, `["red","RED",{"red":1}]`},
		"a TypedDict stays a dict": {
			"def main(e: Event):\n    assert type(e) is dict\n    return [e['when'].year, e['name']]\n",
			`{"e":{"when":"2026-05-06","name":"n"}}`, `[2026,"n"]`,
		},
		"named tuples": {"def main(p: Point):\n    return [p.x, p.y]\n", `{"p":{"x":1}}`, `[1.0,0.0]`},
		"dates": {
			"def main(d: date, t: time, s: timedelta):\n    return [d, t, s, d.year]\n", `{"d":"2026-07-08","t":"09:10:11","s":90}`,
			`["2026-07-08","09:10:11",90.0,2026]`,
		},
		"uuid and path": {
			"def main(u: UUID, p: Path):\n    return [u, u.version, p / 'b']\n", `{"u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","p":"/a"}`,
			`["6ba7b810-9dad-11d1-80b4-00c04fd430c8",1,"/a/b"]`,
		},
		"sets and tuples": {
			"def main(s: set[int], t: tuple[int, Color]):\n    assert type(s) is set and type(t) is tuple and t[1] is Color.RED\n    return [s, t]\n",
			`{"s":[3,1,1],"t":[1,"red"]}`, `[[1,3],[1,"red"]]`,
		},
		"numbers become what is declared": {"def main(f: float, i: int):\n    return [type(f).__name__, type(i).__name__]\n", `{"f":3,"i":4.0}`, `["float","int"]`},
		"the first fitting member of a union": {
			"def main(a: Union[datetime, str], b: Union[int, Color]):\n    return [type(a).__name__, type(b).__name__]\n",
			`{"a":"not a date","b":"red"}`, `["str","Color"]`,
		},
		"Optional may be left out":  {"def main(a: Optional[int], b: str = 'x'):\n    return [a, b]\n", `{}`, `[null,"x"]`},
		"positional only":           {"def main(a, b=2, /, c=3, *, d):\n    return [a, b, c, d]\n", `{"a":1,"d":4}`, `[1,2,3,4]`},
		"kwargs":                    {"def main(a, **rest):\n    return rest\n", `{"a":1,"b":2,"c":[3]}`, `{"b":2,"c":[3]}`},
		"not a number":              {"def main():\n    return {'a': float('nan'), 'b': [float('inf')], 'c': 1.5, None: 1, (1, 2): 3}\n", `{}`, `{"a":null,"b":[null],"c":1.5,"null":1,"(1, 2)":3}`},
		"big integers":              {"def main(n: int):\n    return [n, n * n, 2 ** 70]\n", `{"n":12345678901234567890123}`, `[12345678901234567890123,152415787532388367504942236884722755800955129,1180591620717411303424]`},
		"decimals":                  {"def main():\n    return [Decimal('1.10'), Decimal('NaN')]\n", `{}`, `[1.10,null]`},
		"bytes":                     {"def main(b: bytes):\n    return [len(b), b, bytearray(b)]\n", `{"b":"data:text/plain;base64,AAEC"}`, `[3,"AAEC","AAEC"]`},
		"half a surrogate pair":     {"def main(s):\n    return s\n", `{"s":"a\ud800b"}`, `"a\ud800b"`},
		"iterators, errors, types":  {"def main():\n    return [map(str, [1, 2]), ValueError('x'), int, {1: 'a'}.items(), object]\n", `{}`, `[["1","2"],{"name":"ValueError","message":"x"},"int",[[1,"a"]],"object"]`},
		"async":                     {"import asyncio\nasync def main(x: int):\n    await asyncio.sleep(0)\n    return x\n", `{"x":1}`, `1`},
		"an async generator":        {"async def main():\n    yield 'a'\n    yield {'b': 1}\n", `{}`, `["a",{"b":1}]`},
		"exit 0 is an end":          {"import sys\ndef main():\n    sys.exit()\n", `{}`, `null`},
		"exit() without site":       {"def main():\n    exit(0)\n", `{}`, `null`},
		"an exit handler runs":      {"import atexit, threading, time\ndef main():\n    atexit.register(print, 'bye')\n    threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n    return 1\n", `{}`, `1`},
		"a decorated entry point":   {"import functools\ndef twice(f):\n    @functools.wraps(f)\n    def g(**k):\n        return [f(**k), f(**k)]\n    return g\n@twice\ndef main(x: int):\n    return x\n", `{"x":1}`, `[1,1]`},
		"changing the directory":    {"import os\ndef main():\n    os.chdir('/')\n    return 1\n", `{}`, `1`},
		"own name and file":         {"import sys\ndef main():\n    return [__name__, sys.argv, __file__.endswith('/f/x/own.py'), open(__file__).read()[:1]]\n", `{}`, `["f.x.own",["f/x/own.py"],true,"\n"]`},
		"nothing of the host":       {"import sys\ndef main():\n    return [p for p in sys.path if 'site-packages' in p or 'dist-packages' in p]\n", `{}`, `[]`},
		"no digits limit":           {"def main(n: int):\n    return n % 10\n", `{"n":` + strings.Repeat("7", 6000) + `}`, `7`},
		"pickling own classes":      {"import pickle\ndef main():\n    return pickle.loads(pickle.dumps(Order(1))).id\n", `{}`, `1`},
		"multiprocessing":           {"import multiprocessing as mp\ndef f(x):\n    return x * 2\ndef main():\n    with mp.get_context('fork').Pool(2) as p:\n        return p.map(f, [1, 2])\n", `{}`, `[2,4]`},
		"source of own functions":   {"import inspect\ndef main():\n    return inspect.getsource(main).split('(')[0]\n", `{}`, `"def main"`},
		"a library of C extensions": {"import sqlite3, ssl, ctypes, zlib, json, re\ndef main():\n    return json.loads('[1]')\n", `{}`, `[1]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := run(t, l, k, lang.Program{Path: "f/x/own", Source: models + c.source}, c.args)
			if e.err != nil || e.exit.Code != 0 || string(e.result) != c.want {
				t.Errorf("got %s, %+v, exit %d, want %s\n%s", e.result, e.err, e.exit.Code, c.want, e.out)
			}
		})
	}
}

func TestFailuresSpeakOfTheScript(t *testing.T) {
	l, k := python.New(), langtest.NewKit(t, process.New())
	for name, c := range map[string]struct {
		source, args, class, message string
		stack                        []string
	}{
		"a cause": {
			"def main():\n    try:\n        int('x')\n    except ValueError as e:\n        raise KeyError('k') from e\n", `{}`, "KeyError", "'k'",
			[]string{`File "f/x/own.py", line 3, in main`, "direct cause", `File "f/x/own.py", line 5, in main`, "int('x')"},
		},
		"at import":            {"x = 1\ny = x / 0\ndef main(): pass\n", `{}`, "ZeroDivisionError", "division by zero", []string{`File "f/x/own.py", line 2, in <module>`}},
		"a wrong date":         {"from datetime import datetime\ndef main(when: datetime): pass\n", `{"when":"soon"}`, "ArgumentError", "the argument when is not valid: expected a date and time like 2026-01-31T12:00:00Z", nil},
		"a wrong choice":       {"from enum import Enum\nclass E(Enum):\n    A = 'a'\n    B = 'b'\ndef main(e: E): pass\n", `{"e":"c"}`, "ArgumentError", "the argument e is not valid: expected one of a, b", nil},
		"a missing argument":   {"def main(a, b): pass\n", `{"a":1}`, "TypeError", "main() missing 1 required positional argument: 'b'", nil},
		"a missing module":     {"import f.x.nowhere\ndef main(): pass\n", `{}`, "ModuleNotFoundError", "No module named 'f'", []string{`File "f/x/own.py", line 1`}},
		"a circular result":    {"def main():\n    a = []\n    a.append(a)\n    return a\n", `{}`, "ValueError", "the result contains itself", nil},
		"an endless recursion": {"def main():\n    return main()\n", `{}`, "RecursionError", "maximum recursion depth exceeded", []string{"repeated"}},
		"an interrupt":         {"def main():\n    raise KeyboardInterrupt\n", `{}`, "KeyboardInterrupt", "", nil},
		"a group":              {"def main():\n    raise ExceptionGroup('many', [ValueError('one')])\n", `{}`, "ExceptionGroup", "many (1 sub-exception)", []string{"ValueError: one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := run(t, l, k, lang.Program{Path: "f/x/own", Source: c.source}, c.args)
			if e.err == nil {
				t.Fatalf("it ended well: %+v", e)
			}
			if name == "a missing module" {
				c.message = e.err.Message // differs with the depth of the path
			}
			if e.err.Name != c.class || e.err.Message != c.message || e.exit.Code != 1 {
				t.Errorf("got %s: %q, exit %d; want %s: %q", e.err.Name, e.err.Message, e.exit.Code, c.class, c.message)
			}
			for _, want := range c.stack {
				if !strings.Contains(e.err.Stack, want) {
					t.Errorf("%q is missing in\n%s", want, e.err.Stack)
				}
			}
			for _, never := range []string{"run.py", "<frozen", "langtest-"} {
				if strings.Contains(e.err.Stack, never) {
					t.Errorf("%q shows in\n%s", never, e.err.Stack)
				}
			}
			if !strings.Contains(e.out, e.err.Stack) {
				t.Errorf("the stack is not in the log: %s", e.out)
			}
		})
	}
}

// Scripts with the same lock share one folder of packages; the second preparation is a few stats.
func TestPackagesAreSharedAndKept(t *testing.T) {
	l, k := python.New(), langtest.NewKit(t, process.New())
	if name, err := langtest.MissingRuntime(t.Context(), k, l); err != nil {
		t.Skipf("MISSING RUNTIME %s: %v", name, err)
	}
	lock, err := l.Lock(t.Context(), k, []string{"humanize==4.9.0", "iniconfig"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(lock, "humanize==4.9.0 \\\n    --hash=sha256:") || !strings.Contains(lock, "iniconfig==") {
		t.Errorf("the lock is\n%s", lock)
	}
	first := lang.Program{Path: "f/x/a", Source: "import humanize, iniconfig\ndef main():\n    return [humanize.__file__, iniconfig.__file__]\n", Lock: lock}
	second := first
	second.Source += "# other\n"
	a, b := run(t, l, k, first, "{}"), run(t, l, k, second, "{}")
	if a.err != nil || string(a.result) != string(b.result) || !strings.Contains(string(a.result), "/packages-") {
		t.Errorf("got %s %+v and %s", a.result, a.err, b.result)
	}
	began := time.Now()
	for range 20 {
		if _, err := l.Prepare(t.Context(), k, first); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("prepared again in %s", time.Since(began)/20)
}

func TestRequirementsThatCannotBe(t *testing.T) {
	l, k := python.New(), langtest.NewKit(t, process.New())
	if name, err := langtest.MissingRuntime(t.Context(), k, l); err != nil {
		t.Skipf("MISSING RUNTIME %s: %v", name, err)
	}
	for requirement, want := range map[string]string{
		"PIL_such_no":          "there is no package PIL_such_no on the index",
		"humanize==999.1":      "there is no version of humanize that satisfies ==999.1",
		"humanize=>1":          "cannot be read",
		"--index-url=http://x": "is not the name of a package",
		"a\nb":                 "is not the name of a package",
		"python>=3.99":         "this worker has no Python >=3.99",
	} {
		_, err := l.Lock(t.Context(), k, []string{requirement})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", requirement, err, want)
		}
	}
	if _, err := l.Lock(t.Context(), k, []string{"humanize<4", "humanize>4"}); err == nil {
		t.Error("a contradiction was resolved")
	} else {
		t.Log(err)
	}
}

// The wrapper runs on every supported Python that this machine has.
func TestEachVersionOfPython(t *testing.T) {
	l, k := python.New(), langtest.NewKit(t, process.New())
	ran := 0
	for _, version := range []string{"3.9", "3.10", "3.11", "3.12", "3.13"} {
		source := "# py: " + version + "\nimport sys\nfrom datetime import datetime\nfrom dataclasses import dataclass\n\n@dataclass\nclass A:\n    x: int\n\n" +
			"async def items():\n    yield 1\n\n" +
			"def main(when: datetime, a: A, fail: bool = False):\n    if fail:\n        raise ValueError('boom')\n    return ['%d.%d' % sys.version_info[:2], when, a, {1.5: float('nan')}, 10 ** 30]\n"
		if _, err := l.Prepare(t.Context(), k, lang.Program{Path: "f/x/own", Source: source}); err != nil {
			t.Logf("not here: %v", err)
			continue
		}
		ran++
		e := run(t, l, k, lang.Program{Path: "f/x/own", Source: source}, `{"when":"2026-01-02T03:04:05.1234567Z","a":{"x":1}}`)
		want := `["` + version + `","2026-01-02T03:04:05.123456+00:00",{"x":1},{"1.5":null},1000000000000000000000000000000]`
		if e.err != nil || string(e.result) != want {
			t.Errorf("%s: got %s, %+v, want %s\n%s", version, e.result, e.err, want, e.out)
		}
		e = run(t, l, k, lang.Program{Path: "f/x/own", Source: source}, `{"when":"2026-01-02","a":{"x":1},"fail":true}`)
		if e.err == nil || !strings.HasPrefix(e.err.Stack, "Traceback (most recent call last):\n  File \"f/x/own.py\", line 15, in main\n    raise ValueError('boom')\n") {
			t.Errorf("%s: got %+v", version, e.err)
		}
	}
	if ran == 0 {
		t.Error("no version ran")
	}
}
