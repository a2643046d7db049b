package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/client"
)

func (a *app) auditCommand() *cobra.Command {
	var f client.AuditFilter
	var since string
	cmd := &cobra.Command{
		Use: "audit", Short: "List who did what, newest first", Args: cobra.NoArgs,
		Long: "Lists the audit log of the workspace, for its administrators. With --instance it is that of the whole instance (sign-ins, tokens,\n" +
			"passwords), for the administrators of the instance. 'tidemill doctor' checks on the server's host that nobody changed the logs.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Limit < 1 {
				return usage{fmt.Errorf("--limit must be at least 1")}
			}
			var err error
			if f.Since, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			open := a.inWorkspace
			if f.Instance {
				open = a.client
			}
			c, err := open()
			if err != nil {
				return err
			}
			lines, err := c.Audit(cmd.Context(), f)
			if err != nil {
				return err
			}
			if a.json {
				if lines == nil {
					lines = []client.AuditLog{}
				}
				return a.printJSON(lines)
			}
			rows := make([][]string, 0, len(lines))
			for _, l := range lines {
				var changes []string
				for _, c := range l.Changes {
					changes = append(changes, plainCell(c.Field+"="+string(c.After)))
				}
				rows = append(rows, []string{
					l.Timestamp.Local().Format("2006-01-02 15:04:05"), plainCell(l.Username), l.Operation, plainCell(l.Resource), l.Address, strings.Join(changes, " "),
				})
			}
			a.table([]string{"TIME", "BY", "ACTION", "ON", "FROM", "CHANGES"}, rows)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.User, "user", "", "only of this user `NAME` or e-mail address")
	flags.StringVar(&f.Action, "action", "", "only this `ACTION`, or those that begin so: scripts.")
	flags.StringVar(&f.Resource, "resource", "", "only on this `PATH`, address or id, or those that begin so")
	flags.StringVar(&since, "since", "", "only from this `TIME` on: 90m, 12h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z")
	flags.IntVar(&f.Limit, "limit", 100, "at most this many")
	flags.BoolVar(&f.Instance, "instance", false, "the log of the instance instead of the workspace's")
	return cmd
}

// plainCell is a text of somebody else's, without what would move the cursor or break the table.
func plainCell(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

var inDays = regexp.MustCompile(`^(\d{1,5})d$`)

// parseSince reads a moment: so long ago, a day (local time), or a time.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if m := inDays.FindStringSubmatch(s); m != nil {
		days, _ := strconv.Atoi(m[1])
		return now.AddDate(0, 0, -days), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return t, nil
	}
	return time.Time{}, usage{fmt.Errorf("--since %q must be like 12h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z", s)}
}
