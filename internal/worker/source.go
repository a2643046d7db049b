package worker

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
)

// Source is where a worker's jobs come from and where its words go. The same worker runs on one in the server's process, on
// one over the database, and later on one over HTTPS.
//
// Every call names a lease; a call under a lost lease is errs.Fenced, upon which the worker kills that tree and logs
// calmly. Calls are safe to repeat after an error whose outcome is unknown: the second is either refused as fenced or
// finds its work done.
type Source interface {
	// Claim waits until at least one job can be run and returns up to limit, or ctx's error.
	Claim(ctx context.Context, worker string, tags []string, limit int) ([]domain.Assignment, error)
	// Renew extends leases; it returns those to be killed, with the reason.
	Renew(ctx context.Context, leases []domain.Lease) ([]domain.Ended, error)
	// Wake delivers a signal when a lease of this worker may have to end early (cancel), so that it is renewed at once.
	// The channel is closed after ctx ends.
	Wake(ctx context.Context) <-chan struct{}
	// Log appends to a job's output or stream.
	Log(ctx context.Context, l domain.Lease, kind domain.LogKind, text string) error
	// Script reads the newest version of a workspace script for an import, with the rights of the job.
	Script(ctx context.Context, l domain.Lease, path string) (domain.Code, error)
	// Finish reports how an attempt ended.
	Finish(ctx context.Context, l domain.Lease, o domain.Outcome) error
	// Release gives a job back unharmed: the worker stops.
	Release(ctx context.Context, l domain.Lease) error
	// Ping tells that the worker lives; Leave that it is gone.
	Ping(ctx context.Context, w domain.Worker) error
	Leave(ctx context.Context, name string) error
}
