package audit

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// Line is an event as it is exported and answered.
type Line struct {
	Workspace string      `json:"workspace_id"`
	ID        int64       `json:"id"`
	At        time.Time   `json:"timestamp"`
	Email     string      `json:"email"`
	Username  string      `json:"username"`
	TokenID   string      `json:"token_id,omitempty"`
	JobID     string      `json:"job_id,omitempty"`
	Action    string      `json:"operation"`
	Kind      string      `json:"action_kind"`
	Resource  string      `json:"resource,omitempty"`
	Changes   domain.JSON `json:"changes,omitempty"`
	Address   string      `json:"address,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
	PrevHash  string      `json:"prev_hash"`
	Hash      string      `json:"hash"`
}

func lineOf(e domain.AuditEvent) Line {
	return Line{
		e.Workspace, e.Seq, e.At.UTC(), e.Email, e.Username, e.TokenID, e.JobID, e.Action, string(e.Kind), e.Resource, e.Changes, e.Address,
		e.RequestID, e.PrevHash, e.Hash,
	}
}

// Format is how lines are written.
type Format string

// The formats of Export.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
)

const exportPage = 500

// Export writes all lines that p selects, oldest first, page by page: however many there are, little of them is in memory.
// flush is called after each page.
func Export(ctx context.Context, s store.Audit, p store.AuditListParams, f Format, w io.Writer, flush func()) error {
	p.OldestFirst, p.Offset, p.Limit = true, 0, exportPage
	var write func(Line) error
	done := func() error { return nil }
	switch f {
	case CSV:
		table := csv.NewWriter(w)
		table.UseCRLF = true
		if err := table.Write(csvHead()); err != nil {
			return err
		}
		write = func(l Line) error { return table.Write(csvRow(l)) }
		done = func() error { table.Flush(); return table.Error() }
	case JSONLines:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		write = func(l Line) error { return enc.Encode(l) }
	default:
		return errs.New(errs.Invalid, "the format is not known").WithField("query.format", "must be csv or jsonl")
	}
	for {
		page, err := s.AuditList(ctx, p)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := write(lineOf(e)); err != nil {
				return err
			}
			p.From = e.Seq
		}
		if err := done(); err != nil {
			return err
		}
		flush()
		if len(page) < exportPage {
			return nil
		}
	}
}

func csvHead() []string {
	return []string{
		"workspace", "id", "timestamp", "email", "username", "token_id", "job_id", "operation", "action_kind", "resource", "changes",
		"address", "request_id", "prev_hash", "hash",
	}
}

func csvRow(l Line) []string {
	row := []string{
		l.Workspace, strconv.FormatInt(l.ID, 10), l.At.Format(time.RFC3339Nano), l.Email, l.Username, l.TokenID, l.JobID, l.Action, l.Kind,
		l.Resource, string(l.Changes), l.Address, l.RequestID, l.PrevHash, l.Hash,
	}
	for i := range row {
		row[i] = Neutral(row[i])
	}
	return row
}

// Neutral keeps a spreadsheet from taking a cell for a formula: one that begins like that gets an apostrophe in front.
func Neutral(cell string) string {
	if strings.TrimLeft(cell, " \t\r\n") != "" && strings.ContainsRune("=+-@", rune(strings.TrimLeft(cell, " \t\r\n")[0])) ||
		cell != "" && strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
