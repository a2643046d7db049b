package bash_test

import (
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/bash"
	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

const (
	allStrings = "a shell has only strings"
	noErrors   = "a shell has exit codes, not errors"
	noModules  = "Bash scripts have no packages and import nothing"
)

var sample = langtest.Sample{
	Text: true,
	Sources: map[langtest.Case]string{
		langtest.Echo: "value=\"$1\"\n\nprintf '%s\\n' \"$value\"\n",
		langtest.Types: `s="$1"
i="$2"
f="$3"
b="$4"
l="$5"
o="$6"

printf '{"s":"%s","i":%s,"f":%s,"b":%s,"l":%s,"o":%s}\n' "$s" "$i" "$f" "$b" "$l" "$o"
`,
		langtest.Defaults:    "name=\"${1:-world}\"\ntimes=\"${2:-3}\"\n\nprintf '{\"name\":\"%s\",\"times\":\"%s\"}\\n' \"$name\" \"$times\"\n",
		langtest.Required:    "name=\"$1\"\necho \"$name\"\n",
		langtest.Exit:        "echo leaving\nexit 3\n",
		langtest.Nothing:     ":\n",
		langtest.Huge:        "text=$(head -c 5000000 /dev/zero | tr '\\0' x)\nprintf '\"%s\"' \"$text\" >result.json\necho not this\n",
		langtest.Prints:      "echo '{\"ok\":false,\"error\":{\"name\":\"x\"}}'\necho 42\n",
		langtest.Stderr:      "echo to stderr >&2\necho done\n",
		langtest.Loop:        "echo started\nwhile :; do :; done\n",
		langtest.Sleep:       "echo started\nsleep 300\n",
		langtest.Child:       "sleep 300 &\necho left\n",
		langtest.Environment: "echo \"$LANGTEST\"\n",
		langtest.Files:       "echo kept >note.txt\ncat note.txt\n",
		langtest.Broken:      "echo hello\nif true; then\n  echo \"unfinished # BROKEN\n",
	},
	Cannot: map[langtest.Case]string{
		langtest.Dates: allStrings, langtest.Nullable: allStrings, langtest.Throw: noErrors,
		langtest.Package: noModules, langtest.Missing: noModules, langtest.Relative: noModules, langtest.Library: noModules,
		langtest.RelativeBug: noModules, langtest.Stream: "a shell has no generators",
	},
}

func TestLanguage(t *testing.T) {
	langtest.Run(t, bash.New(), process.New(), sample)
}

func TestSignaturesAreAsBefore(t *testing.T) {
	langtest.Golden(t, bash.New(), "testdata")
}

func FuzzSignature(f *testing.F) {
	var seeds []string
	for _, s := range sample.Sources {
		seeds = append(seeds, s)
	}
	langtest.FuzzSignature(f, bash.New(), append(seeds, "a=${1:-$(b}", "a=${9999999999999999999}", "case x in", "a=\"${1:-'x'\\\"y}\"", "<<E\n", "${", "a[1]=$1")...)
}

func BenchmarkSignature(b *testing.B) {
	langtest.BenchmarkSignature(b, bash.New(), "name=\"$1\"\ncount=\"${2:-3}\"\n", `
greet() {
  local who="$1"
  for i in $(seq 1 "$2"); do
    if [ "$i" -gt 1 ]; then echo "again ${who^^}"; fi
  done | sort -u >/dev/null
}
greet "$name" "$count"
`)
}

// What is left out does not move what is given.
func TestArgumentsKeepTheirPositions(t *testing.T) {
	l, k := bash.New(), langtest.NewKit(t, process.New())
	source := "a=\"${1-unset}\"\nb=\"${2:-two}\"\nd=\"$4\"\nprintf '%s' \"$#:\"; printf '[%s]' \"$@\"\n"
	p, err := l.Prepare(t.Context(), k, lang.Program{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		`{}`:                                "",
		`{"a":"x"}`:                         "x",
		`{"d":"last"}`:                      "unset|two||last",
		`{"a":null,"b":{"k": [1, 2]}}`:      `unset|{"k":[1,2]}`,
		`{"a":"","b":12345678901234567890}`: "|12345678901234567890",
		`{"a":"nul\u0000 gone","nobody":1}`: "nul gone",
	} {
		c := l.Command(p, lang.Job{Dir: t.TempDir(), Args: domain.JSON(args)})
		if got := strings.Join(c.Argv[4:], "|"); got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
}
