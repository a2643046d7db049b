package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
)

// Inline makes a payload that lives in the database.
func Inline(value []byte) domain.Payload {
	return domain.Payload{Inline: value, Size: int64(len(value))}
}

// spill lists the blobs of a call that is not committed yet.
type spill []spilled

type spilled struct {
	job  domain.Job
	kind domain.PayloadKind
	key  string
}

// store puts a large value into the blob store, before the row that names it: a crash in between leaves a blob too many,
// never a row without its value.
func (q *Queue) store(ctx context.Context, s *spill, job domain.Job, name string, value []byte) (domain.Payload, error) {
	size := int64(len(value))
	if size <= q.o.Inline {
		return Inline(value), nil
	}
	day := id.Time(job.ID)
	if day.IsZero() {
		day = time.Unix(0, 0).UTC()
	}
	// A key of its own for each try, so that giving one up can never take away the value of another.
	key := fmt.Sprintf("jobs/%s/%s/%s-%s", day.Format("2006-01-02"), job.ID, name, id.Secret(8))
	kind := domain.PayloadKind(name)
	if kind != domain.PayloadArgs && kind != domain.PayloadCode {
		kind = domain.PayloadResult
	}
	*s = append(*s, spilled{job, kind, key})
	if _, err := q.o.Blobs.Put(ctx, key, bytes.NewReader(value)); err != nil {
		return domain.Payload{}, err
	}
	return domain.Payload{Blob: key, Size: size}, nil
}

// drop deletes the blobs of a call that failed with cause. When it is unknown whether the call was committed, the rows
// are asked; when they cannot be asked either, the blobs stay.
func (q *Queue) drop(ctx context.Context, cause error, s spill) {
	if len(s) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, b := range s {
		if unknown(cause) {
			p, err := q.o.Store.JobPayload(ctx, b.job.Workspace, b.job.ID, b.kind)
			if err != nil && !errs.Is(err, errs.NotFound) || err == nil && p.Blob == b.key {
				continue
			}
		}
		if err := q.o.Blobs.Delete(ctx, b.key); err != nil {
			q.o.Log.Warn("a large value that no job needs could not be deleted", "blob", b.key, "error", err)
		}
	}
}

const (
	settled    = time.Minute // after that a value that no row names was left by a crash, not written a moment ago
	maxTidied  = 100_000     // keys that one look reads
	maxOrphans = 1_000       // values that one look deletes
)

// tidy removes what crashes left, once, when the start is long over.
func (q *Queue) tidy(ctx context.Context) {
	if pause(ctx, settled) != nil {
		return
	}
	if err := q.Tidy(ctx, settled); err != nil && ctx.Err() == nil {
		q.o.Log.Warn("could not look for large values that a crash left; the next start does", "error", err)
	}
}

// Tidy deletes large values that no job names: a crash came between the value and its row. What is found is looked at again
// after a while, because another process may just be about to write the row. One call reads and deletes a bounded number.
func (q *Queue) Tidy(ctx context.Context, wait time.Duration) error {
	var orphans []string
	seen, job, used := 0, "", []string(nil)
	err := q.o.Blobs.List(ctx, "jobs/", func(key string, _ int64) error {
		if seen++; seen > maxTidied || len(orphans) == maxOrphans {
			return io.EOF
		}
		if seen%200 == 0 { // there is no hurry, and others want the database
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
		parts := strings.Split(key, "/")
		if len(parts) != 4 || !id.Valid(parts[2]) {
			return nil // not ours
		}
		if parts[2] != job {
			var err error
			if used, err = q.o.Store.JobBlobs(ctx, parts[2]); err != nil {
				return err
			}
			job = parts[2]
		}
		if !slices.Contains(used, key) {
			orphans = append(orphans, key)
		}
		return nil
	})
	if err != nil && err != io.EOF || len(orphans) == 0 {
		return err
	}
	if err := pause(ctx, wait); err != nil {
		return err
	}
	for _, key := range orphans {
		used, err := q.o.Store.JobBlobs(ctx, strings.Split(key, "/")[2])
		if err != nil {
			return err
		}
		if slices.Contains(used, key) {
			continue
		}
		if err := q.o.Blobs.Delete(ctx, key); err != nil {
			return err
		}
		q.o.Log.Info("deleted a large value that a crash left", "blob", key)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Open reads a payload of a job as it was written, with its size in bytes. The caller closes it.
func (q *Queue) Open(ctx context.Context, workspace, jobID string, kind domain.PayloadKind) (io.ReadCloser, int64, error) {
	p, err := q.o.Store.JobPayload(ctx, workspace, jobID, kind)
	if err != nil {
		return nil, 0, err
	}
	if p.Blob == "" {
		return io.NopCloser(bytes.NewReader(p.Inline)), int64(len(p.Inline)), nil
	}
	r, err := q.o.Blobs.Get(ctx, p.Blob, 0)
	if err != nil {
		return nil, 0, err
	}
	return r, p.Size, nil
}

func (q *Queue) read(ctx context.Context, workspace, jobID string, kind domain.PayloadKind) (domain.JSON, error) {
	p, err := q.o.Store.JobPayload(ctx, workspace, jobID, kind)
	if err != nil {
		return nil, err
	}
	if p.Blob == "" {
		return p.Inline, nil
	}
	r, err := q.o.Blobs.Get(ctx, p.Blob, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := bytes.NewBuffer(make([]byte, 0, p.Size))
	if _, err := out.ReadFrom(r); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the stored value could not be read to its end").WithHint("try again")
	}
	return out.Bytes(), nil
}

// Args reads the arguments of a job, byte for byte as they were pushed.
func (q *Queue) Args(ctx context.Context, workspace, jobID string) (domain.JSON, error) {
	return q.read(ctx, workspace, jobID, domain.PayloadArgs)
}

// Result reads the result of a final job, byte for byte as it was reported; errs.NotFound while there is none.
func (q *Queue) Result(ctx context.Context, workspace, jobID string) (domain.JSON, error) {
	return q.read(ctx, workspace, jobID, domain.PayloadResult)
}

// Code reads the program that came with a job; errs.NotFound for jobs of deployed versions.
func (q *Queue) Code(ctx context.Context, workspace, jobID string) (domain.Code, error) {
	text, err := q.read(ctx, workspace, jobID, domain.PayloadCode)
	if err != nil {
		return domain.Code{}, err
	}
	var c domain.Code
	if err := json.Unmarshal(text, &c); err != nil {
		return domain.Code{}, errs.Wrap(errs.Internal, err, "the stored code of job %s cannot be read", jobID)
	}
	return c, nil
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
