package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newHub(t *testing.T) *events.Hub {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(t.TempDir(), "tidemill.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return events.New(s, slog.New(slog.DiscardHandler))
}

func note(kind domain.EventKind, workspace, job string) domain.Event {
	return domain.Event{Kind: kind, Workspace: workspace, JobID: job}
}

func drain(w *events.Watch) (got []domain.Event) {
	for {
		select {
		case e := <-w.C:
			got = append(got, e)
		default:
			return got
		}
	}
}

func TestFiltersSelect(t *testing.T) {
	h := newHub(t)
	all := h.Watch(events.Filter{})
	ws := h.Watch(events.Filter{Workspace: "a"})
	job := h.Watch(events.Filter{JobID: "1"})
	done := h.Watch(events.Filter{Kinds: []domain.EventKind{domain.EventDone}})
	h.Publish(t.Context(), note(domain.EventQueued, "a", "1"), note(domain.EventDone, "b", "2"), note(domain.EventDone, "a", "1"))
	for name, c := range map[string]struct {
		w *events.Watch
		n int
	}{"all": {all, 3}, "workspace": {ws, 2}, "job": {job, 2}, "kind": {done, 2}} {
		if got := drain(c.w); len(got) != c.n {
			t.Errorf("%s: %v", name, got)
		}
		c.w.Close()
		c.w.Close()
	}
	h.Publish(t.Context(), note(domain.EventDone, "a", "1"))
	if got := drain(all); got != nil {
		t.Error("a closed watch got", got)
	}
}

func TestTheSameNoteIsSaidOnce(t *testing.T) {
	h := newHub(t)
	w := h.Watch(events.Filter{})
	defer w.Close()
	for range 100 {
		h.Publish(t.Context(), note(domain.EventLog, "a", "1"))
	}
	if got := drain(w); len(got) != 1 {
		t.Fatal(got)
	}
	h.Publish(t.Context(), note(domain.EventLog, "a", "1"))
	if got := drain(w); len(got) != 1 {
		t.Fatal("what is new after reading was lost", got)
	}
}

func TestASlowWatcherIsToldToLookAgain(t *testing.T) {
	h := newHub(t)
	w := h.Watch(events.Filter{})
	defer w.Close()
	for round := range 3 {
		for i := range 1000 {
			h.Publish(t.Context(), note(domain.EventDone, "a", fmt.Sprint(round, "-", i)))
		}
		got := drain(w)
		if len(got) > 100 || got[len(got)-1] != (domain.Event{}) {
			t.Fatal(len(got), got[len(got)-1])
		}
		h.Publish(t.Context(), note(domain.EventDone, "a", "after"))
		if got := drain(w); len(got) != 1 || got[0].JobID != "after" {
			t.Fatal(got)
		}
	}
}

func TestNotesOfTheStoreArrive(t *testing.T) {
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(t.TempDir(), "tidemill.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := events.New(s, slog.New(slog.DiscardHandler))
	for range 2 { // both orders, twice
		h.Stop(t.Context())
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		w := h.Watch(events.Filter{JobID: "1"})
		// Listening begins a moment after Start; until then notes are repeated, as real ones are by later changes.
		for got := false; !got; {
			if err := s.Notify(t.Context(), note(domain.EventDone, "a", "1")); err != nil {
				t.Fatal(err)
			}
			select {
			case e := <-w.C:
				got = e.JobID == "1"
			default:
			}
		}
		w.Close()
		h.Stop(t.Context())
	}
}
