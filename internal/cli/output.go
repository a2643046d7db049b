package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"golang.org/x/term"
)

// terminal reports whether w is one; only then there are colours and progress.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// painter colours words, or leaves them alone.
type painter struct{ on bool }

func (a *app) paint(w io.Writer) painter {
	return painter{on: terminal(w) && !a.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"}
}

func (p painter) style(s lipgloss.Style, text string) string {
	if !p.on {
		return text
	}
	return s.Render(text)
}

func (p painter) good(s string) string {
	return p.style(lipgloss.NewStyle().Foreground(lipgloss.Color("2")), s)
}

func (p painter) bad(s string) string {
	return p.style(lipgloss.NewStyle().Foreground(lipgloss.Color("1")), s)
}

func (p painter) busy(s string) string {
	return p.style(lipgloss.NewStyle().Foreground(lipgloss.Color("4")), s)
}

func (p painter) quiet(s string) string {
	return p.style(lipgloss.NewStyle().Foreground(lipgloss.Color("8")), s)
}
func (p painter) strong(s string) string { return p.style(lipgloss.NewStyle().Bold(true), s) }

// status shows a job's status, never by colour alone.
func (p painter) status(s string) string {
	switch s {
	case "success":
		return p.good("✓ success")
	case "failure", "poisoned":
		return p.bad("✗ " + s)
	case "running":
		return p.busy("▶ running")
	case "canceled":
		return p.quiet("■ canceled")
	}
	return p.quiet("… " + s)
}

// table prints rows under a header: ruled lines on a terminal, tabs elsewhere (so that cut and awk work).
func (a *app) table(header []string, rows [][]string) {
	if !terminal(a.out) {
		for _, r := range append([][]string{header}, rows...) {
			fmt.Fprintln(a.out, strings.Join(r, "\t"))
		}
		return
	}
	p := a.paint(a.out)
	t := table.New().Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderHeader(false).Wrap(false).
		StyleFunc(func(row, _ int) lipgloss.Style {
			s := lipgloss.NewStyle().PaddingRight(2)
			if row == table.HeaderRow && p.on {
				return s.Foreground(lipgloss.Color("8"))
			}
			return s
		}).
		Headers(header...).Rows(rows...)
	fmt.Fprintln(a.out, t.String())
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// human writes a duration as people say it: 1.4 ms, 3.2 s, 2 m 10 s.
func human(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d m %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d m", int(d.Hours()), int(d.Minutes())%60)
}

// ago writes how long before now t was.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d < 0:
		return "in " + human(-d)
	case d < 5*time.Second:
		return "just now"
	case d < 48*time.Hour:
		return human(d.Truncate(time.Second)) + " ago"
	default:
		return t.Local().Format("2006-01-02 15:04")
	}
}

// clip shortens text to n runes on one line.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
