package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
)

// alive is how long after its last sign a worker counts as living: several missed pings.
const alive = 20 * time.Second

// remembered is how far back a worker that is gone is named.
const remembered = 30 * 24 * time.Hour

// workers is what the reasons of a page of jobs need to know.
type workers struct {
	list []domain.Worker
	err  error
}

func (e *Engine) workers(ctx context.Context) *workers {
	list, err := e.o.Store.WorkerList(ctx, remembered)
	return &workers{list, err}
}

// Why says for people why a live job is where it is: "waiting for a worker that serves the tag gpu". It is empty for
// final jobs.
func (e *Engine) Why(ctx context.Context, job domain.Job) string {
	if job.Status != domain.StatusQueued || job.ScheduledFor.After(time.Now()) {
		return new(workers).why(job, time.Now())
	}
	return e.workers(ctx).why(job, time.Now())
}

func (w *workers) why(job domain.Job, now time.Time) string {
	switch {
	case job.Status.Final():
		return ""
	case job.Status == domain.StatusRunning && job.CancelBy != "":
		if job.CancelReason != "" {
			return fmt.Sprintf("being canceled by %s: %s", job.CancelBy, job.CancelReason)
		}
		return "being canceled by " + job.CancelBy
	case job.Status == domain.StatusRunning && !job.LeaseUntil.IsZero() && job.LeaseUntil.Before(now):
		return fmt.Sprintf("the worker %s does not answer since %s; another will take over", job.Worker, clock(job.LeaseUntil, now))
	case job.Status == domain.StatusRunning:
		return fmt.Sprintf("running on %s since %s", job.Worker, clock(job.StartedAt, now))
	case job.ScheduledFor.After(now):
		return "scheduled for " + job.ScheduledFor.UTC().Format("2006-01-02 15:04:05") + " UTC"
	case w.err != nil:
		return "waiting for a worker that serves the tag " + job.Tag
	}
	retry := ""
	if job.Deaths > 0 {
		retry = fmt.Sprintf(" (%d attempts ended with the death of their worker)", job.Deaths)
	}
	var lastSeen time.Time
	serving, free := 0, 0
	for _, worker := range w.list {
		if !slices.Contains(worker.Tags, job.Tag) {
			continue
		}
		if now.Sub(worker.SeenAt) > alive {
			if worker.SeenAt.After(lastSeen) {
				lastSeen = worker.SeenAt
			}
			continue
		}
		serving++
		free += max(0, worker.Slots-worker.Running)
	}
	switch {
	case serving == 0 && lastSeen.IsZero():
		return fmt.Sprintf("waiting for a worker that serves the tag %s: there is none", job.Tag) + retry
	case serving == 0:
		return fmt.Sprintf("waiting for a worker that serves the tag %s: none since %s", job.Tag, clock(lastSeen, now)) + retry
	case free == 0 && serving == 1:
		return fmt.Sprintf("waiting: the one worker that serves the tag %s is busy", job.Tag) + retry
	case free == 0:
		return fmt.Sprintf("waiting: all %d workers that serve the tag %s are busy", serving, job.Tag) + retry
	}
	return "about to start" + retry
}

// clock writes a time of day, with the day when it is not today.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05") + " UTC"
	}
	return t.Format("2006-01-02 15:04:05") + " UTC"
}
