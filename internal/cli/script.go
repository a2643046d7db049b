package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/tidemill/tidemill/internal/client"
	"github.com/tidemill/tidemill/internal/errs"
)

func (a *app) scriptCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "script", Short: "Deploy and look at scripts", Args: cobra.NoArgs}
	cmd.AddCommand(a.scriptPush(), a.scriptList(), a.scriptShow(), a.runCommand())
	return cmd
}

func (a *app) scriptPush() *cobra.Command {
	var message, at string
	cmd := &cobra.Command{
		Use:   "push FILE|FOLDER...",
		Short: "Deploy script files",
		Long: `Deploys each script file, or all below a folder. The path of a script is its file name from the last folder called u or f on,
without the suffix: examples/f/tools/hello.py becomes f/tools/hello. What stands in <file>.script.yaml beside it (summary,
description, kind, tag, timeout, lock, schema, …) goes along. A file that changes nothing makes no version.`,
		Example: "  tidemill script push f/tools/hello.py -m 'Say hello'\n  tidemill script push examples",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			languages, err := c.Languages(cmd.Context())
			if err != nil {
				return err
			}
			if at != "" && len(args) != 1 {
				return usage{errors.New("--path goes with exactly one file")}
			}
			files, err := findScripts(args, languages, at)
			if err != nil {
				return err
			}
			return a.push(cmd, c, files, message)
		},
	}
	cmd.Flags().StringVarP(&message, "message", "m", "", "deployment message")
	cmd.Flags().StringVar(&at, "path", "", "path to deploy at, instead of the one that the file name gives")
	return cmd
}

func (a *app) push(cmd *cobra.Command, c *client.Client, files []scriptFile, message string) error {
	p := a.paint(a.out)
	type pushed struct {
		Path    string `json:"path"`
		Hash    string `json:"hash"`
		Changed bool   `json:"changed"`
	}
	var all []pushed
	for _, f := range files {
		s, err := f.read()
		if err != nil {
			return err
		}
		s.DeploymentMessage, s.AutoParent = message, true
		before := ""
		if old, err := c.ScriptGet(cmd.Context(), f.path); err == nil {
			before = old.Hash
		} else if !errs.Is(err, errs.NotFound) {
			return err
		}
		hash, err := c.ScriptCreate(cmd.Context(), s, true)
		if err != nil {
			var e *errs.Error
			if errors.As(err, &e) {
				e.Message = f.file + ": " + e.Message
			}
			return err
		}
		all = append(all, pushed{f.path, hash, hash != before})
		if !a.json {
			what := p.quiet("unchanged")
			if hash != before {
				what = p.good("deployed")
			}
			fmt.Fprintf(a.out, "%s %s %s\n", what, f.path, p.quiet(hash))
		}
	}
	if a.json {
		return a.printJSON(all)
	}
	return nil
}

// scriptFile is a file that is a script.
type scriptFile struct {
	file, path, language string
}

// findScripts finds the scripts among files and below folders. A file that is named must be one; it gets the path at, when
// that is given.
func findScripts(names []string, languages []client.Language, at string) ([]scriptFile, error) {
	var found []scriptFile
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, errs.New(errs.Invalid, "cannot read %s: %s", name, cause(err))
		}
		if !info.IsDir() {
			f, ok := scriptOf(name, languages)
			if !ok {
				return nil, errs.New(errs.Invalid, "%s is not a script that the server knows", name).WithHint("known suffixes: %s", suffixes(languages))
			}
			if at != "" {
				f.path = at
			}
			found = append(found, f)
			continue
		}
		if at != "" {
			return nil, errs.New(errs.Invalid, "%s is a folder; --path goes with a file", name)
		}
		err = filepath.WalkDir(name, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return errs.New(errs.Invalid, "cannot read %s: %s", p, cause(err))
			}
			if d.IsDir() && p != name && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			if f, ok := scriptOf(p, languages); ok && !d.IsDir() && f.path != "" {
				found = append(found, f)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, f := range found {
		if f.path == "" {
			return nil, errs.New(errs.Invalid, "%s is not below a folder called f or u, so it has no path", f.file).WithHint("use --path f/folder/name")
		}
	}
	if len(found) == 0 {
		return nil, errs.New(errs.Invalid, "there is no script below %s", strings.Join(names, ", ")).
			WithHint("a script lies below a folder called f or u and ends in one of %s", suffixes(languages))
	}
	return found, nil
}

func suffixes(languages []client.Language) string {
	var all []string
	for _, l := range languages {
		all = append(all, l.Suffixes...)
	}
	return strings.Join(all, " ")
}

// scriptOf reads language and path out of a file name; the longest suffix wins, so that x.bun.ts is not x.bun in .ts.
func scriptOf(name string, languages []client.Language) (scriptFile, bool) {
	best := scriptFile{file: name}
	length := 0
	for _, l := range languages {
		for _, s := range l.Suffixes {
			if len(s) > length && strings.HasSuffix(name, s) && filepath.Base(name) != s {
				best.language, length = l.ID, len(s)
			}
		}
	}
	if length == 0 {
		return best, false
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		abs = name
	}
	parts := strings.Split(filepath.ToSlash(abs[:len(abs)-length]), "/")
	for i := len(parts) - 3; i >= 0; i-- {
		if parts[i] == "f" || parts[i] == "u" {
			best.path = path.Join(parts[i:]...)
			break
		}
	}
	return best, true
}

// metadata is <path>.script.yaml. What the server does not act on yet is kept in Rest and sent along.
type metadata struct {
	Summary     string         `yaml:"summary"`
	Description string         `yaml:"description"`
	Kind        string         `yaml:"kind"`
	Schema      map[string]any `yaml:"schema"`
	Lock        *string        `yaml:"lock"`
	Tag         string         `yaml:"tag"`
	Timeout     int            `yaml:"timeout"`
	Priority    int            `yaml:"priority"`
	Envs        []string       `yaml:"envs"`
	Labels      []string       `yaml:"labels"`
}

func (f scriptFile) base() string {
	return strings.TrimSuffix(f.file, path.Ext(f.file))
}

func (f scriptFile) read() (client.NewScript, error) {
	s := client.NewScript{Path: f.path, Language: f.language, Kind: "script"}
	content, err := os.ReadFile(f.file)
	if err != nil {
		return s, errs.New(errs.Invalid, "cannot read %s: %s", f.file, cause(err))
	}
	s.Content = string(content)
	for _, suffix := range []string{".script.yaml", ".script.json"} { // YAML reads JSON too
		name := f.base() + suffix
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return s, errs.New(errs.Invalid, "cannot read %s: %s", name, cause(err))
		}
		var m metadata
		if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&m); err != nil && !errors.Is(err, io.EOF) {
			return s, errs.New(errs.Invalid, "%s: %s", name, err)
		}
		s.Summary, s.Description, s.Tag, s.Timeout, s.Priority, s.Envs, s.Labels = m.Summary, m.Description, m.Tag, m.Timeout, m.Priority, m.Envs, m.Labels
		if m.Kind != "" {
			s.Kind = m.Kind
		}
		if m.Schema != nil {
			if s.Schema, err = json.Marshal(m.Schema); err != nil {
				return s, errs.New(errs.Invalid, "%s: the schema is no JSON: %s", name, err)
			}
		}
		if m.Lock != nil {
			if s.Lock, err = f.lock(*m.Lock); err != nil {
				return s, err
			}
		}
		break
	}
	return s, nil
}

// lock reads what stands under lock: the text itself, or "!inline <file>" relative to the root of the workspace. An empty
// one means that nothing was resolved, so the server does it.
func (f scriptFile) lock(text string) (*string, error) {
	name, inline := strings.CutPrefix(text, "!inline ")
	if !inline {
		if strings.TrimSpace(text) == "" {
			return nil, nil
		}
		return &text, nil
	}
	root := strings.TrimSuffix(filepath.ToSlash(f.base()), f.path)
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path.Clean("/"+name))))
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s.script.yaml names the lock file %s, which cannot be read: %s", f.base(), name, cause(err))
	}
	if len(data) == 0 {
		return nil, nil
	}
	lock := string(data)
	return &lock, nil
}

func (a *app) scriptList() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "list [PREFIX]", Short: "List scripts", Args: cobra.MaximumNArgs(1), Aliases: []string{"ls"},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			list, err := c.ScriptList(cmd.Context(), strings.Join(args, ""), limit)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			sort.Slice(list, func(i, j int) bool { return list[i].Path < list[j].Path })
			rows := make([][]string, 0, len(list))
			for _, s := range list {
				rows = append(rows, []string{s.Path, s.Language, clip(s.Summary, 50), s.CreatedBy, ago(s.CreatedAt, time.Now())})
			}
			a.table([]string{"PATH", "LANGUAGE", "SUMMARY", "BY", "DEPLOYED"}, rows)
			if len(list) == limit {
				fmt.Fprintf(a.err, "There may be more: --limit %d\n", 10*limit)
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "at most this many (1 to 1000)")
	return cmd
}

func (a *app) scriptShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show PATH", Short: "Print a script's code and what is known of it", Args: cobra.ExactArgs(1), Aliases: []string{"get"},
		ValidArgsFunction: a.completePath,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			s, err := c.ScriptGet(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(s)
			}
			p := a.paint(a.err) // facts go beside the code, so that `show x > x.py` gives the code alone
			fmt.Fprintf(a.err, "%s %s\n", p.strong(s.Path), s.Summary)
			lock := "resolved"
			switch {
			case s.LockError != "":
				lock = "failed: " + clip(s.LockError, 200)
			case s.Lock == nil:
				lock = "being resolved"
			case *s.Lock == "":
				lock = "none needed"
			}
			fmt.Fprintf(a.err, "%s\n\n", p.quiet(fmt.Sprintf("%s, version %s, by %s %s, packages: %s", s.Language, s.Hash, s.CreatedBy, ago(s.CreatedAt, time.Now()), lock)))
			fmt.Fprint(a.out, s.Content)
			if !strings.HasSuffix(s.Content, "\n") {
				fmt.Fprintln(a.out)
			}
			return nil
		},
	}
	return cmd
}

// completePath completes remote script paths in the shell.
func (a *app) completePath(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := a.inWorkspace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, err := c.ScriptList(cmd.Context(), begin, 200)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, s.Path+"\t"+clip(s.Summary, 60))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
