package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang/bash"
	"github.com/tidemill/tidemill/internal/queue"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/faulty"
	"github.com/tidemill/tidemill/internal/store/pgtest"
	"github.com/tidemill/tidemill/internal/store/postgres"
	"github.com/tidemill/tidemill/internal/store/sqlite"
	"github.com/tidemill/tidemill/internal/worker"
)

// TestNothingIsLostWhenTheDatabaseFails accepts jobs on a database that fails before and after the fact at every step.
// Each accepted job ends once, with its own result, and no large value is left that no job needs.
func TestNothingIsLostWhenTheDatabaseFails(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("sqlite", seed), func(t *testing.T) {
			t.Parallel()
			s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(t.TempDir(), "tidemill.db")})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			survive(t, s, seed)
		})
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s, err := postgres.Open(context.Background(), postgres.Options{URL: pgtest.URL(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		survive(t, s, 4)
	})
}

func survive(t *testing.T, s store.Store, seed uint64) {
	const rate = 0.15
	faults := faulty.New(seed,
		faulty.Rule{Methods: []string{"Tx", "JobPush", "JobClaim", "JobComplete", "JobRenew", "LogAppend", "JobGet", "JobPayload", "JobReap"}, Mode: faulty.Fail, Rate: rate / 2, Skip: 1},
		faulty.Rule{Methods: []string{"Tx", "JobPush", "JobComplete", "LogAppend", "JobReap"}, Mode: faulty.After, Rate: rate / 2, Skip: 1},
	)
	h := newHouseOn(t, faults.Wrap(s), queue.Options{Inline: 100, Lease: 2 * time.Second, Scan: 200 * time.Millisecond})
	h.work(t, func(o *worker.Options) { o.Renew, o.GiveUp, o.Slots = 300*time.Millisecond, time.Second, 3 })

	accepted := map[string]string{} // job → what it must say
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range 3 {
		wg.Go(func() {
			for i := range 12 {
				jobID, want := id.New(), fmt.Sprintf("%d-%d-%0200d", c, i, i)
				code := &domain.Code{Language: bash.ID, Content: `x="$1"; echo log; echo "$x"`}
				_, err := h.engine.Run(t.Context(), engine.Run{Who: dev, ID: jobID, Code: code, Args: domain.JSON(`{"x":"` + want + `"}`)})
				if err == nil {
					mu.Lock()
					accepted[jobID] = `"` + want + `"`
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(accepted) < 10 {
		t.Fatalf("only %d jobs were accepted; %s", len(accepted), faults)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for jobID, want := range accepted {
		job, err := h.queue.Wait(ctx, everything, jobID)
		for err != nil && ctx.Err() == nil { // the caller tries again, as it would
			job, err = h.queue.Wait(ctx, everything, jobID)
		}
		var result domain.JSON
		for {
			if result, err = h.queue.Result(ctx, workspace, jobID); err == nil || ctx.Err() != nil {
				break
			}
		}
		if job.Status != domain.StatusSuccess && job.Status != domain.StatusPoisoned || job.Status == domain.StatusSuccess && string(result) != want {
			t.Errorf("job %s is %s with %.50s (%v), want %.50s; %s", jobID, job.Status, result, err, want, faults)
		}
	}
	faults.Stop()
	// Jobs whose acceptance was not heard may run or not, but end, too.
	all, err := h.queue.List(ctx, store.JobListParams{Viewer: everything, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	needed := map[string]bool{}
	for _, j := range all {
		if _, err := h.queue.Wait(ctx, everything, j.ID); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []domain.PayloadKind{domain.PayloadArgs, domain.PayloadCode, domain.PayloadResult} {
			if p, err := s.JobPayload(ctx, workspace, j.ID, kind); err == nil && p.Blob != "" {
				needed[p.Blob] = true
			}
		}
	}
	left := 0
	if err := h.blobs.List(ctx, "", func(key string, _ int64) error {
		if !needed[key] {
			left++
		}
		delete(needed, key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(needed) > 0 {
		t.Errorf("%d jobs have lost a value; %s", len(needed), faults)
	}
	// When even the read that decides fails, a value may stay: rare, and never the other way round.
	if left > len(all)/4 {
		t.Errorf("%d values of %d jobs are left over; %s", left, len(all), faults)
	}
}
