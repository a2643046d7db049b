package audit

import (
	"context"
	"fmt"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
)

// Report is the state of a chain.
type Report struct {
	Workspace string
	Lines     int    // that were read and are as they were written
	Broken    int64  // the number of the first line that is not; 0: the chain is whole
	Why       string // what is wrong with it
}

const verifyPage = 1000

// Verify reads all chains of a database from their anchors to their ends, also while others write.
func Verify(ctx context.Context, s store.Audit) ([]Report, error) {
	chains, err := s.AuditChains(ctx)
	if err != nil {
		return nil, err
	}
	var out []Report
	for _, c := range chains {
		r, err := verify(ctx, s, c)
		if err != nil {
			return nil, err
		}
		// Retention may have moved the anchor meanwhile: then look once more, from where it is now.
		for range 3 {
			if r.Broken == 0 {
				break
			}
			now, err := chainOf(ctx, s, c.Workspace)
			if err != nil {
				return nil, err
			}
			if now.AnchorSeq == c.AnchorSeq {
				break
			}
			c = now
			if r, err = verify(ctx, s, c); err != nil {
				return nil, err
			}
		}
		out = append(out, r)
	}
	return out, nil
}

func chainOf(ctx context.Context, s store.Audit, workspace string) (domain.AuditChain, error) {
	chains, err := s.AuditChains(ctx)
	for _, c := range chains {
		if c.Workspace == workspace {
			return c, err
		}
	}
	return domain.AuditChain{Workspace: workspace}, err
}

func verify(ctx context.Context, s store.Audit, c domain.AuditChain) (Report, error) {
	r := Report{Workspace: c.Workspace}
	broken := func(seq int64, format string, args ...any) (Report, error) {
		r.Broken, r.Why = seq, fmt.Sprintf(format, args...)
		return r, nil
	}
	seq, hash := c.AnchorSeq, c.AnchorHash
	for {
		page, err := s.AuditList(ctx, store.AuditListParams{Workspace: c.Workspace, OldestFirst: true, From: seq, Limit: verifyPage})
		if err != nil {
			return r, err
		}
		for _, e := range page {
			switch {
			case seq == c.Seq: // written since the ends were read, or put in by hand
				now, err := chainOf(ctx, s, c.Workspace)
				if err != nil {
					return r, err
				}
				if now.Seq < e.Seq {
					return broken(e.Seq, "it stands after the end of the chain")
				}
				return r, nil
			case e.Seq != seq+1:
				return broken(seq+1, "it is missing; the next one is %d", e.Seq)
			case e.PrevHash != hash:
				return broken(e.Seq, "it does not follow line %d: one of both was replaced", seq)
			case e.Hash != e.Sum():
				return broken(e.Seq, "its content is not what was written at %s", e.At.Format("2006-01-02 15:04:05"))
			}
			seq, hash = e.Seq, e.Hash
			r.Lines++
			if seq == c.Seq && hash != c.Hash {
				return broken(seq, "its hash is not that of the end of the chain")
			}
		}
		if len(page) < verifyPage {
			break
		}
	}
	if seq != c.Seq {
		return broken(seq+1, "it is missing, and so are all up to %d", c.Seq)
	}
	// With nothing left after the anchor, both ends are the same.
	if seq == c.AnchorSeq && c.Hash != c.AnchorHash {
		return broken(seq, "the two ends of the empty chain differ")
	}
	return r, nil
}
