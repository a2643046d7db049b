package python_test

import (
	"testing"

	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/lang/python"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

var sample = langtest.Sample{
	Ours: []string{"run.py", "run.pyc", "exec_module", "frozen importlib", "asyncio"},
	Sources: map[langtest.Case]string{
		langtest.Echo: "def main(value):\n    return value\n",
		langtest.Types: `def main(s: str, i: int, f: float, b: bool, l: list[str], o: dict):
    assert (type(s), type(i), type(f), type(b), type(l), type(o)) == (str, int, float, bool, list, dict)
    return {"s": s, "i": i, "f": f, "b": b, "l": l, "o": o}
`,
		langtest.Dates: `from datetime import datetime


def main(when: datetime, data: bytes):
    return {"year": when.year, "size": len(data), "data": data}
`,
		langtest.Nullable: "def main(value: str | None):\n    return \"none\" if value is None else value\n",
		langtest.Defaults: "def main(name: str = \"world\", times=3):\n    return {\"name\": name, \"times\": times}\n",
		langtest.Required: "def main(name: str):\n    return name\n",
		langtest.Throw: `import asyncio


async def fails():
    await asyncio.sleep(0)
    raise ValueError("boom ✓")  # BOOM


async def main():
    await fails()
`,
		langtest.Exit:        "import sys\n\n\ndef main():\n    sys.exit(3)\n",
		langtest.Nothing:     "def main():\n    print(\"not a result\")\n",
		langtest.Huge:        "def main():\n    return \"x\" * 5_000_000\n",
		langtest.Prints:      "def main():\n    print('{\"ok\":false,\"error\":{\"name\":\"x\"}}')\n    return 42\n",
		langtest.Stderr:      "import sys\n\n\ndef main():\n    print(\"to stderr\", file=sys.stderr)\n    return \"done\"\n",
		langtest.Loop:        "def main():\n    print(\"started\")\n    while True:\n        pass\n",
		langtest.Sleep:       "import time\n\n\ndef main():\n    print(\"started\")\n    time.sleep(300)\n",
		langtest.Child:       "import subprocess\n\n\ndef main():\n    subprocess.Popen([\"sleep\", \"300\"])\n    return \"left\"\n",
		langtest.Environment: "import os\n\n\ndef main():\n    return os.environ[\"LANGTEST\"]\n",
		langtest.Files: `def main():
    with open("note.txt", "w") as f:
        f.write("kept")
    with open("note.txt") as f:
        return f.read()
`,
		langtest.Package: `import humanize  # pin: humanize==4.9.0


def main():
    return "packaged" if humanize.intcomma(12345) == "12,345" and "site" in humanize.__file__ else "wrong"
`,
		langtest.Missing: "import tidemill_no_such_package_x\n\n\ndef main():\n    pass\n",
		langtest.Relative: `from .lib import greet


def main():
    return greet("you")
`,
		langtest.Library: `def greet(name: str):
    if name == "bug":
        raise RuntimeError("no bugs")  # BOOM
    return "hello " + name
`,
		langtest.RelativeBug: "from f.langtest import lib\n\n\ndef main():\n    return lib.greet(\"bug\")\n",
		langtest.Broken:      "import sys\n\n\ndef main(a: int):\n    return ((a + 1  # BROKEN\n",
		langtest.Stream:      "def main():\n    for item in (\"a\", \"b\", \"c\"):\n        yield item\n",
	},
}

func TestLanguage(t *testing.T) {
	langtest.Run(t, python.New(), process.New(), sample)
}

func TestSignaturesAreAsBefore(t *testing.T) {
	langtest.Golden(t, python.New(), "testdata")
}

func FuzzSignature(f *testing.F) {
	var seeds []string
	for _, s := range sample.Sources {
		seeds = append(seeds, s)
	}
	seeds = append(seeds, "def main(a: 'list[\"x\"]' = lambda x: {1:2}[3], *b: int, c=[1,{2}], **d", "class A(A):\n  a: A\ndef main(a: A): ...",
		"X = X\ndef main(x: X = X[X(X): X]): yield", "from . import (a as b,\n c)\n# requirements:\n# x", "def main(a=(((((((((((", "def main(x: {[(")
	langtest.FuzzSignature(f, python.New(), seeds...)
}

func BenchmarkSignature(b *testing.B) {
	langtest.BenchmarkSignature(b, python.New(), `from dataclasses import dataclass
from typing import Optional


@dataclass
class Item:
    name: str
    price: float = 1.5


def main(name: str, items: list[Item], limit: Optional[int] = None, tags: dict[str, str] = {}):
    """Counts.

    Args:
        name: whose
        limit: how many
    """
    return len(items)
`, `

def helper(value, other=None, *rest):
    # a comment
    if value and other is not None:
        total = sum(x * 2 for x in rest if x > value)
        print(f"total {total} of {len(rest)}")
        return {"total": total, "rest": [str(r) for r in rest]}
    raise ValueError("no value: " + repr(value))
`)
}
