// Package bash is the language Bash. The whole file is the script: its parameters are the assignments of positional
// parameters at the top level (name="$1", name="${2:-default}"), its result is what it wrote to result.json, else its last
// line of output.
package bash

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
)

// ID is the language's id.
const ID domain.Language = "bash"

// New gives the language.
func New() lang.Language { return language{} }

type language struct{}

var _ lang.Language = language{}

func (language) Manifest() lang.Manifest {
	return lang.Manifest{
		ID: ID, Title: "Bash", Icon: "terminal-2", Suffixes: []string{".sh"}, Comment: "#", Editor: "shell",
		Templates: map[string]string{"script": template, "command": template},
		Runtime: lang.Runtime{Name: "bash", Version: []string{"--version"}, Tools: []lang.Tool{{
			Name:  "bash",
			Paths: []string{"/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/opt/homebrew/bin/bash"},
			Hint:  "install Bash with the package manager of the host, for example: apt-get install bash",
		}}},
		Doc: "The whole file is the script. Assign positional parameters at the top to declare arguments: `name=\"$1\"`, " +
			"or with a default `count=\"${2:-3}\"`; all are strings, objects arrive as JSON text. The result is what the script writes to " +
			"`result.json`, else the last line that it prints: as JSON when it is JSON, as text otherwise. " +
			"`set -e` is yours to add. All arguments are also in `args.json`.",
	}
}

const template = `# Greets somebody.
name="${1:-world}"

echo "Hello, $name"
`

func (language) Imports(string, string) (lang.Imports, error) { return lang.Imports{}, nil }

func (language) Lock(_ context.Context, _ lang.Kit, requirements []string) (string, error) {
	if len(requirements) > 0 {
		return "", errs.New(errs.Invalid, "Bash scripts have no packages").WithHint("install programs on the worker's host instead")
	}
	return "", nil
}

// positions is the key of Prepared.Data under which Command finds the position of each parameter of the signature.
const positions = "positions"

func (language) Prepare(ctx context.Context, k lang.Kit, p lang.Program) (lang.Prepared, error) {
	// A script that does not parse runs up to its error, as in Bash itself; what can be read gets its arguments.
	found, _ := read(p.Source)
	program, err := k.Tool(ctx, language{}.Manifest().Runtime.Tools[0])
	if err != nil {
		return lang.Prepared{}, err
	}
	// The file has the script's path, because Bash names it in its messages.
	file := "main.sh"
	if p.Path != "" && filepath.IsLocal(p.Path) {
		file = filepath.FromSlash(p.Path) + ".sh"
	}
	dir, err := k.Build(ctx, ID, lang.Key("2", file, p.Source), func(dir string) error {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, file), []byte(p.Source), 0o644)
	})
	if err != nil {
		return lang.Prepared{}, err
	}
	at := make([]string, len(found.at))
	for i, n := range found.at {
		at[i] = strconv.Itoa(n)
	}
	return lang.Prepared{
		Dir: dir, Signature: found.signature,
		Argv: []string{program, "--noprofile", "--norc", filepath.Join(dir, file)},
		Data: map[string]string{positions: strings.Join(at, ",")},
	}, nil
}

// Limits of the kernel: one argument may have 128 KB, all together (with the environment) 2 MB on a usual stack.
const (
	maxArg  = 128<<10 - 1
	maxArgs = 1 << 20
)

// fromFile sets the positional parameters from a file, for arguments that the kernel refuses on a command line.
const fromFile = `set --; while IFS= read -r -d "" REPLY; do set -- "$@" "$REPLY"; done <args.positional; unset REPLY; . "$0"`

func (language) Command(p lang.Prepared, j lang.Job) lang.Command {
	values := arguments(p, j.Args)
	total, longest := 0, 0
	for _, v := range values {
		total += len(v) + 16
		longest = max(longest, len(v))
	}
	c := lang.Command{Env: p.Env, Mounts: p.Mounts, Plain: true}
	if longest < maxArg && total < maxArgs {
		c.Argv = append(append(c.Argv, p.Argv...), values...)
		return c
	}
	var b bytes.Buffer
	for _, v := range values {
		b.WriteString(v)
		b.WriteByte(0)
	}
	// Should this fail, Bash says that the file is not there.
	_ = os.WriteFile(filepath.Join(j.Dir, "args.positional"), b.Bytes(), 0o600)
	last := len(p.Argv) - 1
	c.Argv = append(append(c.Argv, p.Argv[:last]...), "-c", fromFile, p.Argv[last])
	return c
}

// arguments puts the job's arguments into their positions. A missing one is its default where it is known and a later one
// is given, else empty; missing ones at the end are left out, so that the script's own defaults work.
func arguments(p lang.Prepared, args domain.JSON) []string {
	var given map[string]json.RawMessage
	_ = json.Unmarshal(args, &given) // validated before the job was queued; {} otherwise
	var values []string
	last := 0
	for i, text := range strings.Split(p.Data[positions], ",") {
		at, err := strconv.Atoi(text)
		if err != nil || i >= len(p.Signature.Params) {
			break
		}
		param := p.Signature.Params[i]
		value, ok := given[param.Name]
		ok = ok && string(value) != "null"
		if !ok {
			value = param.Default
		}
		for len(values) < at {
			values = append(values, "")
		}
		values[at-1] = positional(value)
		if ok {
			last = at
		}
	}
	return values[:last]
}

// positional is a JSON value as a shell sees it: strings bare, anything else as JSON text. Bash cannot hold NUL.
func positional(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return strings.ReplaceAll(s, "\x00", "")
	}
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return ""
	}
	return b.String()
}
