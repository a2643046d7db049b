package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

// Bench measures what decides the speed of a server, on an empty store each. Figures of jobs/s count whole jobs.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	b.Run("Job", func(b *testing.B) { // one client: push, claim, complete, one after the other
		s := open(b)
		for b.Loop() {
			benchJob(b, s, "lang1")
		}
		rate(b, b.N)
	})
	b.Run("Jobs64", func(b *testing.B) { // 64 clients at once
		s := open(b)
		var tag atomic.Int64
		b.SetParallelism(32)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			mine := fmt.Sprint("t", tag.Add(1))
			for pb.Next() {
				benchJob(b, s, mine)
			}
		})
		rate(b, b.N)
	})
	b.Run("Batch100", func(b *testing.B) { // 100 jobs pushed, claimed and completed together
		s := open(b)
		ctx := b.Context()
		for b.Loop() {
			batch := make([]store.NewJob, 100)
			for i := range batch {
				batch[i] = job("f/x/a")
			}
			fatal(b, s.JobPush(ctx, batch...))
			jobs, err := s.JobClaim(ctx, store.JobClaimParams{Worker: "w", Tags: []string{"lang1"}, Limit: 100, Lease: time.Minute})
			fatal(b, err)
			fatal(b, s.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
				for _, j := range jobs {
					if _, err := tx.JobComplete(ctx, lease(j), success, pointer(inline("1"))); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		rate(b, 100*b.N)
	})
	b.Run("EmptyClaim100kLater", func(b *testing.B) { // nothing is due, much is scheduled
		s := open(b)
		fill(b, s, 100_000, func(j *domain.Job) { j.ScheduledFor = time.Now().Add(time.Hour) })
		for b.Loop() {
			if jobs, err := s.JobClaim(b.Context(), store.JobClaimParams{Worker: "w", Tags: []string{"lang1", "lang2", "lang3"}, Limit: 8, Lease: time.Minute}); err != nil || len(jobs) != 0 {
				b.Fatalf("%d, %v", len(jobs), err)
			}
		}
	})
	b.Run("Claim100kQueued", func(b *testing.B) {
		s := open(b)
		fill(b, s, 100_000, func(*domain.Job) {})
		for b.Loop() {
			if jobs, err := s.JobClaim(b.Context(), store.JobClaimParams{Worker: "w", Tags: []string{"lang1", "lang2", "lang3"}, Limit: 8, Lease: time.Minute}); err != nil || len(jobs) == 0 {
				b.Fatalf("%d, %v", len(jobs), err)
			}
		}
	})
	b.Run("List100k", func(b *testing.B) { // pages of 50 in the middle of 100,000 final jobs
		s := open(b)
		ids := fill(b, s, 100_000, func(*domain.Job) {})
		for {
			jobs, err := s.JobClaim(b.Context(), store.JobClaimParams{Worker: "w", Tags: []string{"lang1"}, Limit: 500, Lease: time.Hour})
			fatal(b, err)
			if len(jobs) == 0 {
				break
			}
			fatal(b, s.Tx(b.Context(), func(ctx context.Context, tx store.Nouns) error {
				for i, j := range jobs {
					o := success
					if i%10 == 0 {
						o.Status = domain.StatusFailure
					}
					if _, err := tx.JobComplete(ctx, lease(j), o, pointer(inline("1"))); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		for name, p := range map[string]store.JobListParams{
			"All":    {Viewer: everything},
			"Viewer": {Viewer: annSees},
			"Failed": {Viewer: everything, Statuses: []domain.JobStatus{domain.StatusFailure}},
			"Path":   {Viewer: everything, PathExact: "f/x/s7"},
			"Prefix": {Viewer: annSees, PathPrefix: "f/x/s9"},
		} {
			b.Run(name, func(b *testing.B) {
				p.Limit, p.Before = 50, ids[len(ids)/2]
				for b.Loop() {
					if jobs, err := s.JobList(b.Context(), p); err != nil || len(jobs) != 50 {
						b.Fatalf("%d, %v", len(jobs), err)
					}
				}
			})
		}
	})
}

func benchJob(b *testing.B, s store.Store, tag string) {
	ctx := b.Context()
	n := job("f/x/a")
	n.Job.Tag = tag
	fatal(b, s.JobPush(ctx, n))
	jobs, err := s.JobClaim(ctx, store.JobClaimParams{Worker: "w", Tags: []string{tag}, Limit: 1, Lease: time.Minute})
	fatal(b, err)
	if len(jobs) != 1 {
		b.Fatalf("claimed %d", len(jobs))
	}
	_, err = s.JobComplete(ctx, lease(jobs[0]), success, pointer(inline("1")))
	fatal(b, err)
}

func fill(b *testing.B, s store.Store, n int, change func(*domain.Job)) (ids []string) {
	for len(ids) < n {
		batch := make([]store.NewJob, 1000)
		for i := range batch {
			batch[i] = job(fmt.Sprintf("f/x/s%d", i%100))
			batch[i].Job.ID = id.New()
			change(&batch[i].Job)
			ids = append(ids, batch[i].Job.ID)
		}
		fatal(b, s.JobPush(b.Context(), batch...))
	}
	return ids
}

func rate(b *testing.B, jobs int) { b.ReportMetric(float64(jobs)/b.Elapsed().Seconds(), "jobs/s") }

func fatal(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}
