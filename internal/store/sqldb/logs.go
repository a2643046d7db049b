package sqldb

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
)

// The text of logs is stored as bytes: a chunk may end inside a character.

// appendTries bounds how often an append is tried that met another one at the same place.
const appendTries = 5

// LogAppend implements store.Logs.
func (n *Nouns) LogAppend(ctx context.Context, l domain.Lease, kind domain.LogKind, text string) error {
	if !id.Valid(l.JobID) {
		return fenced(l)
	}
	if text == "" {
		return n.held(ctx, l)
	}
	for try := 1; ; try++ {
		// The subquery sees what was committed before the statement; when two appends meet, the key of the table fails one.
		rows, err := n.exec(ctx, `INSERT INTO log_chunk (job_id, kind, start_at, size, workspace, written_at, data)
			SELECT id, CAST(? AS text), COALESCE((SELECT start_at + size FROM log_chunk c WHERE c.job_id = queue.id AND c.kind = ?
				ORDER BY start_at DESC LIMIT 1), 0), CAST(? AS bigint), workspace, @now, ?
			FROM queue WHERE`+current+` @forupdate`,
			string(kind), string(kind), int64(len(text)), []byte(text), l.JobID, l.Attempt, l.Worker)
		switch {
		case errs.Is(err, errs.Conflict) && n.tx == nil && try < appendTries:
			continue
		case err == nil && rows == 0:
			return fenced(l)
		}
		return err
	}
}

// held checks a lease without writing.
func (n *Nouns) held(ctx context.Context, l domain.Lease) error {
	found := 0
	err := n.read(ctx, func(ctx context.Context, c *Conn) error {
		_, err := c.One(ctx, `SELECT 1 FROM queue WHERE`+current, []any{l.JobID, l.Attempt, l.Worker}, &found)
		return err
	})
	if err == nil && found == 0 {
		return fenced(l)
	}
	return err
}

// LogRead implements store.Logs.
func (n *Nouns) LogRead(ctx context.Context, workspace, jobID string, kind domain.LogKind, offset int64, limit int) (out []domain.LogChunk, err error) {
	if !id.Valid(jobID) {
		return nil, nil
	}
	offset = max(offset, 0)
	if limit < 1 {
		limit = 64 << 10
	}
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT start_at, written_at, data FROM log_chunk
			WHERE job_id = ? AND kind = ? AND workspace = ? AND start_at + size > ? AND start_at < ? AND start_at >= COALESCE((
				SELECT max(start_at) FROM log_chunk WHERE job_id = ? AND kind = ? AND start_at <= ?), 0)
			ORDER BY start_at`,
			[]any{jobID, string(kind), workspace, offset, offset + int64(limit), jobID, string(kind), offset},
			func(scan func(...any) error) error {
				chunk := domain.LogChunk{JobID: jobID}
				var data []byte
				err := scan(&chunk.Offset, Time{&chunk.At}, &data)
				chunk.Text = string(data)
				out = append(out, chunk)
				return err
			})
	})
	return out, err
}

// LogSize implements store.Logs.
func (n *Nouns) LogSize(ctx context.Context, workspace, jobID string, kind domain.LogKind) (size int64, err error) {
	if !id.Valid(jobID) {
		return 0, nil
	}
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		size = 0
		_, err := c.One(ctx, `SELECT start_at + size FROM log_chunk WHERE job_id = ? AND kind = ? AND workspace = ?
			ORDER BY start_at DESC LIMIT 1`, []any{jobID, string(kind), workspace}, &size)
		return err
	})
	return size, err
}
