package typescript

import (
	"testing"

	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

var sample = langtest.Sample{
	Ours: []string{".tidemill", "run.mjs", "processTicksAndRejections", "native:", "node:"},
	Sources: map[langtest.Case]string{
		langtest.Echo: "export function main(value: bigint | any) {\n  return value;\n}\n",
		langtest.Types: `export async function main(s: string, i: bigint, f: number, b: boolean, l: string[], o: object) {
  const kinds = [typeof s, typeof i, typeof f, typeof b, Array.isArray(l), typeof o].join();
  if (kinds !== "string,bigint,number,boolean,true,object") throw new TypeError(kinds);
  return { s, i, f, b, l, o };
}
`,
		langtest.Dates:    "export function main(when: Date, data: Uint8Array) {\n  return { year: when.getUTCFullYear(), size: data.length, data };\n}\n",
		langtest.Nullable: "export const main = (value: string | null) => value ?? \"none\";\n",
		langtest.Defaults: "export function main(name = \"world\", times: number = 3) {\n  return { name, times };\n}\n",
		langtest.Required: "export function main(name: string) {\n  return name;\n}\n",
		langtest.Throw: `interface Unused {
  a: string;
}

async function fails(): Promise<never> {
  await Bun.sleep(1);
  throw new RangeError("boom ✓"); // BOOM
}

export async function main() {
  await fails();
}
`,
		langtest.Exit:        "export function main() {\n  process.exit(3);\n}\n",
		langtest.Nothing:     "export function main() {\n  console.log(\"not a result\");\n}\n",
		langtest.Huge:        "export const main = () => \"x\".repeat(5_000_000);\n",
		langtest.Prints:      "export function main() {\n  console.log('{\"ok\":false,\"error\":{\"name\":\"x\"}}');\n  return 42;\n}\n",
		langtest.Stderr:      "export function main() {\n  console.error(\"to stderr\");\n  return \"done\";\n}\n",
		langtest.Loop:        "export function main() {\n  console.log(\"started\");\n  for (;;);\n}\n",
		langtest.Sleep:       "export async function main() {\n  console.log(\"started\");\n  await new Promise((r) => setTimeout(r, 300_000));\n}\n",
		langtest.Child:       "import { spawn } from \"node:child_process\";\n\nexport function main() {\n  spawn(\"sleep\", [\"300\"], { stdio: \"inherit\" });\n  return \"left\";\n}\n",
		langtest.Environment: "export const main = () => process.env.LANGTEST;\n",
		langtest.Files: `import { readFileSync, writeFileSync } from "fs";

export function main() {
  writeFileSync("note.txt", "kept");
  return readFileSync("note.txt", "utf8");
}
`,
		langtest.Package: `import isNumber from "is-number@7.0.0";

export const main = () => (isNumber("12") && !isNumber("x") ? "packaged" : "wrong");
`,
		langtest.Missing:  "import x from \"tidemill-no-such-package-x\";\n\nexport const main = () => x;\n",
		langtest.Relative: "import { greet } from \"./lib\";\n\nexport const main = () => greet(\"you\");\n",
		langtest.Library: `export function greet(name: string): string {
  if (name === "bug") {
    throw new Error("no bugs"); // BOOM
  }
  return "hello " + name;
}
`,
		langtest.RelativeBug: "import * as lib from \"/f/langtest/lib.ts\";\n\nexport function main() {\n  return lib.greet(\"bug\");\n}\n",
		langtest.Broken:      "export function main(a: number) {\n  return a + ; // BROKEN\n}\n",
		langtest.Stream:      "export async function* main() {\n  for (const item of [\"a\", \"b\", \"c\"]) yield item;\n}\n",
	},
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	langtest.Run(t, New(), process.New(), sample)
}
