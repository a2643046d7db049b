package python

import (
	"regexp"
	"strings"
)

// docstring is a documentation string: the text without its section of parameters, and those.
type docstring struct {
	text   string
	params map[string]string
}

var (
	fieldLine   = regexp.MustCompile(`^\s*[:@]param\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$`) // :param str name: text
	otherField  = regexp.MustCompile(`^\s*[:@](type|return|returns|rtype|raises?|except|yields?|var|param)\b`)
	googleTitle = regexp.MustCompile(`^\s*(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters):\s*$`)
	googleItem  = regexp.MustCompile(`^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$`) // name (type): text
	section     = regexp.MustCompile(`^\s*(Returns?|Yields?|Raises|Examples?|Notes?|Warnings?|References|See Also|Attributes|Todo):?\s*$`)
	numpyItem   = regexp.MustCompile(`^\*{0,2}(\w+)(?:\s*,\s*\w+)*\s*(?::.*)?$`) // name : type
	underline   = regexp.MustCompile(`^\s*-{3,}\s*$`)
)

// readDocstring understands the Google, NumPy and reStructuredText styles.
func readDocstring(raw string) docstring {
	d := docstring{params: map[string]string{}}
	lines := dedent(raw)
	var text []string
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		numpy := i+1 < len(lines) && underline.MatchString(lines[i+1])
		switch {
		case numpy && strings.HasSuffix(strings.TrimSpace(line), "Parameters"):
			i = d.items(lines, i+2, numpyItem) - 1
		case googleTitle.MatchString(line):
			i = d.items(lines, i+1, googleItem) - 1
		case fieldLine.MatchString(line):
			f := fieldLine.FindStringSubmatch(line)
			value := f[2]
			for i+1 < len(lines) && indent(lines[i+1]) > indent(line) && strings.TrimSpace(lines[i+1]) != "" {
				i++
				value += " " + strings.TrimSpace(lines[i])
			}
			d.params[f[1]] = strings.TrimSpace(value)
		case numpy && section.MatchString(line):
			for i++; i+1 < len(lines) && !(i+2 < len(lines) && underline.MatchString(lines[i+2])); i++ {
			}
		case section.MatchString(line), otherField.MatchString(line):
			// What follows tells of results and errors: not a description of the script, nor of a parameter.
			for i+1 < len(lines) && !googleTitle.MatchString(lines[i+1]) && !fieldLine.MatchString(lines[i+1]) &&
				!(strings.TrimSpace(lines[i+1]) != "" && indent(lines[i+1]) <= indent(line) && !underline.MatchString(lines[i+1])) {
				i++
			}
		default:
			text = append(text, line)
		}
	}
	d.text = strings.TrimSpace(strings.Join(text, "\n"))
	return d
}

// items reads a section of parameters from line i and gives the line behind it.
func (d *docstring) items(lines []string, i int, form *regexp.Regexp) int {
	level, name := -1, ""
	if form == numpyItem {
		level = 0
		if i >= 2 {
			level = indent(lines[i-2])
		}
	}
	title := 0
	if i > 0 {
		title = indent(lines[i-1])
	}
	for ; i < len(lines); i++ {
		line := lines[i]
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			continue
		}
		in := indent(line)
		if level < 0 {
			level = in
		}
		if form == googleItem && in <= title || in < level || form == numpyItem && i+1 < len(lines) && underline.MatchString(lines[i+1]) {
			return i
		}
		if in == level {
			name = ""
			f := form.FindStringSubmatch(trimmed)
			if f == nil {
				if form == numpyItem {
					return i
				}
				continue
			}
			name = f[1]
			if form == googleItem {
				d.params[name] = f[2]
			}
			continue
		}
		if name != "" {
			d.params[name] = strings.TrimSpace(d.params[name] + " " + trimmed)
		}
	}
	return i
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// dedent removes the indentation that the lines behind the first have in common.
func dedent(raw string) []string {
	lines := strings.Split(strings.ReplaceAll(raw, "\t", "    "), "\n")
	common := -1
	for _, l := range lines[1:] {
		if strings.TrimSpace(l) != "" && (common < 0 || indent(l) < common) {
			common = indent(l)
		}
	}
	for i := range lines {
		if i > 0 && common > 0 && len(lines[i]) >= common {
			lines[i] = lines[i][common:]
		}
		lines[i] = strings.TrimRight(lines[i], " \r")
	}
	lines[0] = strings.TrimLeft(lines[0], " ")
	return lines
}
