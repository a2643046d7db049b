package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/tidemill/tidemill/internal/errs"
)

// Setting is one line of the documentation.
type Setting struct {
	Key     string
	Env     string
	Default string // as it is written
	Arg     string // name of the value in help; empty for a switch
	Help    string
	For     []string // commands
	Secret  bool     // never shown
	index   int
}

// Settings lists all settings, in the order of Config.
func Settings() []Setting {
	t := reflect.TypeFor[Config]()
	out := make([]Setting, 0, t.NumField())
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key := tag.Get("key")
		out = append(out, Setting{
			Key: key, Env: envName(key), Default: tag.Get("default"), Arg: tag.Get("arg"), Help: tag.Get("help"),
			For: strings.Fields(tag.Get("for")), Secret: tag.Get("secret") != "", index: i,
		})
	}
	return out
}

// For lists the settings of a command.
func For(command string) []Setting {
	return slices.DeleteFunc(Settings(), func(s Setting) bool { return !slices.Contains(s.For, command) })
}

const envPrefix = "TIDEMILL_"

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// FileName is the configuration file that is read from the data folder when none is named.
const FileName = "tidemill.yaml"

// Input is where settings come from.
type Input struct {
	File  string            // a file that must exist; empty: TIDEMILL_CONFIG, else FileName in the data folder if it is there
	Env   []string          // KEY=VALUE, as os.Environ gives it
	Flags map[string]string // by key: those that were given
}

// Load reads the settings, fills in defaults and checks them. The error is Invalid with a field for each wrong setting
// that says where it was set.
func Load(in Input) (Config, error) {
	l := loader{from: map[string]string{}, failed: errs.New(errs.Invalid, "the configuration is not valid")}
	for _, s := range Settings() {
		l.set(s, s.Default, "")
	}
	env := l.environment(in.Env)
	file, named := in.File, true
	if file == "" {
		file = env["CONFIG"]
	}
	if file == "" {
		named = false
		data := firstNonEmpty(in.Flags["data"], env["data"], l.c.Data)
		if dir, err := expandHome(data); err == nil {
			file = filepath.Join(dir, FileName)
		}
	}
	l.file(file, named)
	for _, s := range Settings() {
		if v, ok := env[s.Key]; ok {
			l.set(s, v, s.Env)
		}
	}
	for _, s := range Settings() {
		if v, ok := in.Flags[s.Key]; ok {
			l.set(s, v, "--"+s.Key)
		}
	}
	if len(l.failed.Fields) > 0 {
		return Config{}, l.failed
	}
	data, err := expandHome(l.c.Data)
	if err != nil {
		return Config{}, errs.New(errs.Invalid, "the configuration is not valid").WithField(l.where("data"), "%s", err.Error())
	}
	l.c.Data = data
	if err := l.c.check(l.where); err != nil {
		return Config{}, err
	}
	return l.c, nil
}

type loader struct {
	c      Config
	from   map[string]string // key → where it was set
	failed *errs.Error
}

func (l *loader) where(key string) string {
	if w := l.from[key]; w != "" {
		return w
	}
	return key
}

// clientVariables are read by the client commands and by jobs, not here.
var clientVariables = []string{"TOKEN", "WORKSPACE", "URL", "SERVER", "PROFILE", "CLI_CONFIG", "NO_COLOR"}

// foreign begin names that others set: Kubernetes does for a service called tidemill, and tests for themselves.
var foreign = []string{"SERVICE_", "PORT", "TEST_"}

// environment picks our variables: by key, and CONFIG. Unknown ones are errors, or a slip of the pen would go unnoticed.
func (l *loader) environment(env []string) map[string]string {
	out := map[string]string{}
	known := map[string]string{}
	var names []string
	for _, s := range Settings() {
		known[s.Env] = s.Key
		names = append(names, s.Env)
	}
	inJob := slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, envPrefix+"JOB_ID=") })
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours {
			continue
		}
		if key, ok := known[name]; ok {
			out[key] = value
			continue
		}
		if rest == "CONFIG" {
			out["CONFIG"] = value
			continue
		}
		if inJob { // a script that calls us has the variables of its job around it
			continue
		}
		if slices.Contains(clientVariables, rest) || slices.ContainsFunc(foreign, func(p string) bool { return strings.HasPrefix(rest, p) }) {
			continue
		}
		l.failed.WithField(name, "is not a setting%s", Suggestion(name, names))
	}
	return out
}

// file reads a YAML mapping of settings.
func (l *loader) file(path string, named bool) {
	if path == "" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) // whoever opens the folder will say so
		if named || !missing {
			l.failed.WithField(path, "cannot be read: %s", reason(err))
		}
		return
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		l.failed.WithField(path, "is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if doc.Kind == 0 || len(doc.Content) == 0 { // empty, or only comments
		return
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return
	}
	if root.Kind != yaml.MappingNode {
		l.failed.WithField(path, "must be a list of settings, like 'listen: 127.0.0.1:8000'")
		return
	}
	known := map[string]Setting{}
	var names []string
	for _, s := range Settings() {
		known[s.Key] = s
		names = append(names, s.Key)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		k, v := root.Content[i], root.Content[i+1]
		at := path + ":" + strconv.Itoa(k.Line)
		s, ok := known[k.Value]
		if !ok {
			l.failed.WithField(at, "%q is not a setting%s", k.Value, Suggestion(k.Value, names))
			continue
		}
		if !named && s.Key == "data" {
			l.failed.WithField(at, "the file in the data folder cannot say where the data folder is")
			continue
		}
		if l.from[s.Key] != "" {
			l.failed.WithField(at, "%q is set twice", s.Key)
			continue
		}
		switch v.Kind {
		case yaml.ScalarNode:
			l.set(s, v.Value, at+" "+s.Key)
		case yaml.SequenceNode:
			var parts []string
			for _, n := range v.Content {
				parts = append(parts, n.Value)
			}
			if reflect.TypeFor[Config]().Field(s.index).Type.Kind() != reflect.Slice {
				l.failed.WithField(at, "%s must be one value", s.Key)
				continue
			}
			l.set(s, strings.Join(parts, ","), at+" "+s.Key)
		default:
			l.failed.WithField(at, "%s must be a value, not a mapping", s.Key)
		}
	}
}

func (l *loader) set(s Setting, value, from string) {
	l.from[s.Key] = from
	f := reflect.ValueOf(&l.c).Elem().Field(s.index)
	bad := func(want string) {
		if s.Secret {
			l.failed.WithField(from, "must be %s", want)
			return
		}
		l.failed.WithField(from, "%q must be %s", value, want)
	}
	switch p := f.Addr().Interface().(type) {
	case *string:
		*p = value
	case *bool:
		v, err := strconv.ParseBool(value)
		if err != nil {
			bad("true or false")
		}
		*p = v
	case *int:
		v, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			bad("a whole number")
		}
		*p = v
	case *time.Duration:
		v, err := parseTime(strings.TrimSpace(value))
		if err != nil {
			bad("a time like 15s, 2m or 30d")
		}
		*p = v
	case *Size:
		v, ok := parseSize(value)
		if !ok {
			bad("a size like 64MB")
		}
		*p = v
	case *[]string:
		*p = nil
		for _, part := range strings.Split(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*p = append(*p, part)
			}
		}
	}
}

func parseSize(s string) (Size, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	unit := Size(1)
	for _, u := range []struct {
		name string
		size Size
	}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1 << 40}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/int64(unit) {
		return 0, false
	}
	return Size(n) * unit, true
}

func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func firstNonEmpty(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// Suggestion is "; did you mean …?" when one of the known names is near.
func Suggestion(name string, known []string) string {
	best, at := 1+max(2, len(name)/4), ""
	norm := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "-")) }
	for _, k := range known {
		if d := distance(norm(name), norm(k)); d < best {
			best, at = d, k
		}
	}
	if at == "" {
		return ""
	}
	return "; did you mean " + at + "?"
}

// distance is how many letters must be added, removed, replaced or swapped with their neighbour.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// parseTime reads a duration, whole days too: 500ms, 15s, 2m, 30d.
func parseTime(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.ParseUint(n, 10, 16); err == nil {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	}
	return time.ParseDuration(s)
}
