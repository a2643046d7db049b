package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/client"
	"github.com/tidemill/tidemill/internal/errs"
)

// tried is a row of the table of `tidemill try`.
type tried struct {
	Path     string          `json:"path"`
	Language string          `json:"language"`
	Status   string          `json:"status"`
	Millis   int64           `json:"duration_ms"`
	Job      string          `json:"job"`
	Result   json.RawMessage `json:"result,omitempty"`
}

func (a *app) tryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "try FILE|FOLDER...",
		Short: "Deploy scripts and run each once",
		Long: `Deploys scripts as "script push" does and runs each once: with what stands in <file>.args.json beside it, else with its defaults.
Libraries are only deployed. The exit code says whether all of them succeeded.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			languages, err := c.Languages(cmd.Context())
			if err != nil {
				return err
			}
			files, err := findScripts(args, languages, "")
			if err != nil {
				return err
			}
			titles := map[string]string{}
			for _, l := range languages {
				titles[l.ID] = l.Title
			}
			libraries := map[string]bool{}
			for _, f := range files { // all first: they import each other
				s, err := f.read()
				if err != nil {
					return err
				}
				s.AutoParent = true
				if _, err := c.ScriptCreate(cmd.Context(), s, true); err != nil {
					var e *errs.Error
					if errors.As(err, &e) {
						e.Message = f.file + ": " + e.Message
					}
					return err
				}
			}
			var rows []tried
			failed := 0
			for _, f := range files {
				values, err := os.ReadFile(f.base() + ".args.json")
				if errors.Is(err, os.ErrNotExist) {
					values = []byte("{}")
				} else if err != nil {
					return errs.New(errs.Invalid, "cannot read %s.args.json: %s", f.base(), cause(err))
				}
				row, err := a.tryOne(cmd, c, f, titles[f.language], values, len(rows) == 0)
				if isLibrary(err) {
					libraries[f.path] = true
					continue
				}
				if err != nil {
					return err
				}
				if row.Status != "success" {
					failed++
				}
				rows = append(rows, row)
			}
			if a.json {
				if err := a.printJSON(rows); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(a.out, "%s\n", a.paint(a.out).quiet(fmt.Sprintf("deployed %d (libraries: %d), run %d, failed %d", len(files), len(libraries), len(rows), failed)))
			}
			if failed > 0 {
				return exitCode{ExitFailed}
			}
			return nil
		},
	}
}

// isLibrary recognises the refusal to run a script without main.
func isLibrary(err error) bool {
	return errs.Is(err, errs.Invalid) && strings.Contains(errs.As(err).Message, "library")
}

func (a *app) tryOne(cmd *cobra.Command, c *client.Client, f scriptFile, title string, values []byte, header bool) (tried, error) {
	row := tried{Path: f.path, Language: title}
	began := time.Now()
	id, err := c.Run(cmd.Context(), f.path, values, time.Time{}, "")
	if err != nil {
		return row, err
	}
	row.Job = id
	progress := terminal(a.err) && !a.json
	last := ""
	err = c.Follow(cmd.Context(), id, func(u client.Update) error {
		if line := lastLine(u.NewLogs); progress && line != "" {
			last = line
			fmt.Fprintf(a.err, "\r\x1b[K  … %s: %s", f.path, clip(last, 80))
		}
		return nil
	})
	if progress && last != "" {
		fmt.Fprint(a.err, "\r\x1b[K")
	}
	if err != nil {
		return row, err
	}
	job, err := c.Job(cmd.Context(), id)
	if err != nil {
		return row, err
	}
	if row.Result, err = c.Result(cmd.Context(), id); err != nil {
		return row, err
	}
	row.Status = job.Status()
	row.Millis = time.Since(began).Milliseconds()
	if a.json {
		return row, nil
	}
	p := a.paint(a.out)
	if header {
		fmt.Fprintln(a.out, p.quiet(fmt.Sprintf("%-11s %-26s %-18s %9s  %s", "STATUS", "SCRIPT", "LANGUAGE", "TOOK", "RESULT")))
	}
	result := clip(string(row.Result), 70)
	var fail failure
	if row.Status != "success" && json.Unmarshal(row.Result, &fail) == nil {
		result = clip(fail.Error.Name+": "+fail.Error.Message, 200)
	}
	status := p.status(row.Status) + strings.Repeat(" ", max(0, 11-len([]rune(painter{}.status(row.Status)))))
	fmt.Fprintf(a.out, "%s %-26s %-18s %9s  %s\n", status, row.Path, row.Language, human(time.Since(began)), p.quiet(result))
	return row, nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
