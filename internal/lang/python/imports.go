package python

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/internal/lang"
)

// versionRequirement is how a wish for a Python version travels among the requirements: "python>=3.12".
const versionRequirement = "python"

func (l *language) Imports(path, source string) (lang.Imports, error) {
	m, err := l.parse(source, true)
	if err != nil {
		return lang.Imports{}, err
	}
	defer m.close()
	var out lang.Imports
	notes := readNotes(source)
	found := map[string]string{} // normalised name → requirement
	add := func(requirement string) {
		if r := strings.TrimSpace(requirement); r != "" {
			key := normalName(r)
			if old, ok := found[key]; !ok || pinned(r) && !pinned(old) {
				found[key] = r
			}
		}
	}
	if notes.version != "" {
		add(versionRequirement + notes.version)
	}
	for _, r := range append(notes.requirements, notes.extra...) {
		add(r)
	}
	// Extra requirements pin what inference finds: they came first and an unpinned one does not replace them.
	for _, line := range m.imports {
		for _, s := range line.scripts(path) {
			if !slices.Contains(out.Scripts, s) {
				out.Scripts = append(out.Scripts, s)
			}
		}
		if notes.explicit || line.optional {
			continue
		}
		if line.pin != "" {
			if line.repin {
				delete(found, normalName(line.pin))
			}
			add(line.pin)
			continue
		}
		for _, name := range line.packages() {
			add(distribution(name))
		}
	}
	for _, r := range found {
		out.Requirements = append(out.Requirements, r)
	}
	slices.Sort(out.Requirements)
	slices.Sort(out.Scripts)
	return out, m.syntaxError()
}

// packages are the dotted modules of an import that come from elsewhere.
func (line importLine) packages() []string {
	var modules []string
	if line.from {
		modules = []string{line.module}
		if top, _, _ := strings.Cut(line.module, "."); top == "google" { // from google.cloud import storage
			for _, n := range line.names {
				modules = append(modules, line.module+"."+n[0])
			}
			modules = modules[1:]
		}
	} else {
		for _, n := range line.names {
			modules = append(modules, n[0])
		}
	}
	var out []string
	for _, m := range modules {
		top, _, _ := strings.Cut(m, ".")
		if top == "" || top == "f" || top == "u" || standardLibrary[top] {
			continue
		}
		out = append(out, m)
	}
	return out
}

// scripts are the workspace scripts that an import names: f.folder.script, u.user.script, and relative ones when path says
// where they start.
func (line importLine) scripts(path string) []string {
	script := func(module []string, names [][2]string) []string {
		switch {
		case len(module) >= 3:
			return []string{strings.Join(module, "/")}
		case len(module) == 2: // from f.folder import script
			var out []string
			for _, n := range names {
				if n[0] != "*" && n[0] != "" {
					out = append(out, strings.Join(append(slices.Clone(module), n[0]), "/"))
				}
			}
			return out
		}
		return nil
	}
	if !line.from {
		var out []string
		for _, n := range line.names {
			if parts := strings.Split(n[0], "."); parts[0] == "f" || parts[0] == "u" {
				out = append(out, script(parts, nil)...)
			}
		}
		return out
	}
	rest := strings.TrimLeft(line.module, ".")
	dots := len(line.module) - len(rest)
	if dots == 0 {
		if parts := strings.Split(rest, "."); parts[0] == "f" || parts[0] == "u" {
			return script(parts, line.names)
		}
		return nil
	}
	here := strings.Split(path, "/")
	if path == "" || dots > len(here)-1 {
		return nil
	}
	base := slices.Clone(here[:len(here)-dots])
	if rest == "" { // from . import sibling
		var out []string
		for _, n := range line.names {
			if n[0] != "*" && len(base) >= 2 {
				out = append(out, strings.Join(append(slices.Clone(base), n[0]), "/"))
			}
		}
		return out
	}
	return script(append(base, strings.Split(rest, ".")...), line.names)
}

// notes are the requirements that a source states in comments.
type notes struct {
	explicit     bool // requirements are listed: nothing is inferred
	requirements []string
	extra        []string
	version      string // of Python: ">=3.12"
}

var (
	listTitle  = regexp.MustCompile(`^#\s*(extra_)?requirements:\s*(.*)$`)
	blockStart = regexp.MustCompile(`^# /// script\s*$`)
	blockList  = regexp.MustCompile(`(?m)^\s*dependencies\s*=\s*\[`)
	blockPy    = regexp.MustCompile(`(?m)^\s*requires-python\s*=\s*["']([^"']*)["']`)
	pyTitle    = regexp.MustCompile(`^#\s*py:\s*(\S.*)$`)
	oldPy      = regexp.MustCompile(`^#\s*py3(\d\d?)\s*$`)
)

func readNotes(source string) notes {
	var n notes
	if !strings.Contains(source, "#") {
		return n
	}
	lines := strings.Split(source, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \t\r")
		if !strings.HasPrefix(line, "#") {
			continue
		}
		if f := pyTitle.FindStringSubmatch(line); f != nil {
			n.version = versionWish(f[1])
		} else if f := oldPy.FindStringSubmatch(line); f != nil {
			n.version = "==3." + f[1]
		} else if f := listTitle.FindStringSubmatch(line); f != nil {
			list := []string{}
			for _, r := range strings.Split(f[2], ",") {
				list = append(list, cleanRequirement(r))
			}
			for i+1 < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[i+1]), "#") && !listTitle.MatchString(lines[i+1]) && !pyTitle.MatchString(lines[i+1]) {
				i++
				list = append(list, cleanRequirement(strings.TrimLeft(strings.TrimSpace(lines[i]), "# ")))
			}
			if f[1] == "" {
				n.explicit = true
				n.requirements = append(n.requirements, list...)
			} else {
				n.extra = append(n.extra, list...)
			}
		} else if blockStart.MatchString(line) {
			var block strings.Builder
			for i++; i < len(lines) && strings.HasPrefix(lines[i], "#") && strings.TrimSpace(lines[i]) != "# ///"; i++ {
				block.WriteString(strings.TrimPrefix(strings.TrimPrefix(lines[i], "#"), " ") + "\n")
			}
			n.block(block.String())
		}
	}
	return n
}

// block reads the metadata of PEP 723. Its list of strings is written as in Python.
func (n *notes) block(toml string) {
	if f := blockPy.FindStringSubmatch(toml); f != nil {
		n.version = versionWish(f[1])
	}
	if at := blockList.FindStringIndex(toml); at != nil {
		n.explicit = true
		items, _ := (&reader{src: toml, pos: at[1]}).elements(']')
		for _, e := range items {
			if e.kind == exprString {
				n.requirements = append(n.requirements, cleanRequirement(e.text))
			}
		}
	}
}

func versionWish(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), " ", "")
	if s != "" && isDigit(s[0]) {
		return "==" + s
	}
	return s
}

func cleanRequirement(s string) string {
	s, _, _ = strings.Cut(s, " #")
	return strings.TrimSpace(s)
}

var requirementName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`)

// normalName is the name of a requirement as the index compares it.
func normalName(requirement string) string {
	name := requirementName.FindString(strings.TrimSpace(requirement))
	if name == "" {
		return requirement
	}
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

func pinned(requirement string) bool { return strings.ContainsAny(requirement, "=<>~!@") }
