package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/errs"
)

// checkAudit verifies the audit logs: a line for all when they are whole, and one for each that is not. It only looks at a
// database that this program would not have to change first.
func checkAudit(ctx context.Context, c config.Config) []check {
	const name = "audit log"
	if c.SQLite() {
		if _, err := os.Stat(c.DatabaseFile()); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	version, newest, _, err := databaseVersion(ctx, c)
	if err != nil || version != newest {
		return nil // the check of the database says why
	}
	s, err := openStore(ctx, c, discard(), true)
	if err != nil {
		e := errs.As(err)
		return []check{{name, failed, e.Message, e.Hint}}
	}
	reports, err := audit.Verify(ctx, s)
	if err = errors.Join(err, s.Close()); err != nil {
		e := errs.As(err)
		return []check{{name, failed, "cannot be read: " + e.Message, e.Hint}}
	}
	var out []check
	lines := 0
	for _, r := range reports {
		lines += r.Lines
		if r.Broken == 0 {
			continue
		}
		whose := "of the instance"
		if r.Workspace != "" {
			whose = "of the workspace " + r.Workspace
		}
		out = append(out, check{
			name, failed, fmt.Sprintf("%s is broken at line %d: %s", whose, r.Broken, r.Why),
			"somebody changed the database by hand, or it was restored in part: compare with an export or a backup from before",
		})
	}
	if len(out) == 0 {
		out = append(out, check{name, ok, fmt.Sprintf("whole: %d lines in %d chains", lines, len(reports)), ""})
	}
	return out
}
