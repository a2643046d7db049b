// Package typescript is the language TypeScript (and JavaScript) on Bun. The entry point is an exported function main; its
// types are the form. Packages are those of npm, named by the imports themselves; workspace scripts are imported by path.
package typescript

import (
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
)

// ID is the language's id.
const ID domain.Language = "bun"

// New gives the language.
func New() lang.Language {
	plainAllocator()
	return language{}
}

type language struct{}

var _ lang.Language = language{}

func (language) Manifest() lang.Manifest {
	return lang.Manifest{
		ID: ID, Title: "TypeScript", Icon: "brand-typescript", Suffixes: []string{".ts", ".bun.ts"}, Comment: "//", Editor: "typescript",
		Templates: map[string]string{"script": template, "failure": failureTemplate, "preprocessor": preprocessorTemplate},
		Runtime:   lang.Runtime{Name: "bun", Version: []string{"--version"}, Tools: []lang.Tool{bunTool()}},
		Doc: "Export a function `main`; it may be async. Each parameter is an argument, and its type shapes the form: `string`, `number`, " +
			"`boolean`, `bigint`, `Date`, `Uint8Array`, unions of literals and enums, arrays, tuples, objects, interfaces and type aliases of the " +
			"same file. `x?: T` and defaults make arguments optional; `@param name …` in the comment above describes them. A type whose name the file does " +
			"not define (`Postgresql`, or `RT.Postgresql`) is a resource. The result is what `main` returns; a generator streams its items. " +
			"npm packages are installed from the imports; pin one as `import { z } from \"zod@3.23.8\"`. Import scripts of the workspace as " +
			"`./name`, `../folder/name` or `/f/folder/name`.",
	}
}

// bunTool is Bun: the binary of its npm package for the platform, which needs no install script.
func bunTool() lang.Tool {
	return lang.Tool{
		Name:    "bun",
		Paths:   []string{"/usr/local/bin/bun", "/usr/bin/bun", "/opt/homebrew/bin/bun"},
		NPM:     "@oven/bun-{platform}@1.4.5",
		NPMPath: "bin/bun",
		Hint:    "install Bun so that it is on the PATH, for example: npm install -g bun",
	}
}

const template = `/**
 * Greets somebody.
 * @param name who to greet
 */
export async function main(name: string = "world", excited: boolean = false) {
  console.log("greeting", name);
  return "Hello, " + name + (excited ? "!" : ".");
}
`

const failureTemplate = `/**
 * Runs when another script or flow failed.
 * @param error what happened
 * @param path what failed
 */
export async function main(error: { name: string; message: string; stack?: string }, path: string, job_id: string) {
  console.log(path + " failed in job " + job_id + ": " + error.message);
}
`

const preprocessorTemplate = `/** Turns the event of a trigger into the arguments of main. */
export async function preprocessor(event: { kind: string; body?: unknown; headers?: Record<string, string> }) {
  return { message: JSON.stringify(event.body ?? null) };
}

export async function main(message: string) {
  return message;
}
`
