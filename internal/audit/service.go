package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// Options say what a Service works with.
type Options struct {
	Store     store.Store
	Log       *slog.Logger     // nil: none
	Retention time.Duration    // how long lines are kept; 0: for ever
	Now       func() time.Time // nil: time.Now
}

// Service keeps the log in its bounds and notes refused access.
type Service struct {
	store     store.Store
	log       *slog.Logger
	retention time.Duration
	now       func() time.Time

	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	refused map[refusal]time.Time
}

type refusal struct{ workspace, email, operation, resource string }

// New makes a Service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{store: o.Store, log: o.Log, retention: o.Retention, now: o.Now, refused: map[refusal]time.Time{}}
}

// The pace of retention.
const (
	trimEvery = time.Hour
	trimBatch = 500 // lines of a transaction: others who write the same log wait so long
)

// Start removes what is too old, now and every hour, until Stop.
func (s *Service) Start(ctx context.Context) error {
	if s.retention <= 0 {
		return nil
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		again := time.NewTicker(trimEvery)
		defer again.Stop()
		for {
			if n, err := s.Trim(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("old lines of the audit log could not be removed", "err", err)
			} else if n > 0 {
				s.log.Info("removed old lines of the audit log", "lines", n)
			}
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// Stop ends what Start began, after the batch at hand.
func (s *Service) Stop(context.Context) error {
	if s.cancel != nil {
		s.cancel()
		<-s.done
	}
	return nil
}

// Trim removes the lines that are older than the retention, in batches, and returns how many.
func (s *Service) Trim(ctx context.Context) (removed int, err error) {
	if s.retention <= 0 {
		return 0, nil
	}
	chains, err := s.store.AuditChains(ctx)
	if err != nil {
		return 0, err
	}
	before := s.now().UTC().Add(-s.retention)
	for _, c := range chains {
		for {
			n, err := s.store.AuditTrim(ctx, c.Workspace, before, trimBatch)
			removed += n
			if err != nil {
				return removed, err
			}
			if n < trimBatch {
				break
			}
		}
	}
	return removed, nil
}

// A refusal that is repeated is noted once in this time, and no more than so many are remembered: a program that knocks on
// a closed door all day must not fill the log, nor the memory.
const (
	refusedEvery = time.Minute
	maxRefused   = 10_000
)

// Refused notes that who was refused an operation, on the resource if it names one. Nothing was done, so a failure to
// write is logged and does not change the answer.
func (s *Service) Refused(ctx context.Context, who domain.Identity, workspace, operation, resource, reason string) {
	if !s.first(refusal{workspace, who.Email, operation, resource}) {
		return
	}
	e := Entry{
		Workspace: workspace, Action: AccessRefused, Kind: domain.AuditExecute, Resource: resource,
		Changes: Diff(nil, map[string]any{"operation": operation, "reason": reason}),
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error { return Record(ctx, tx, who, e) })
	if err != nil {
		s.log.Error("a refused access could not be noted in the audit log", "by", who.Email, "operation", operation, "resource", resource,
			"err", err, "kind", errs.KindOf(err))
	}
}

func (s *Service) first(r refusal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if at, ok := s.refused[r]; ok && now.Sub(at) < refusedEvery && !at.After(now) {
		return false
	}
	if len(s.refused) >= maxRefused {
		for k, at := range s.refused {
			if age := now.Sub(at); age >= refusedEvery || age < 0 {
				delete(s.refused, k)
			}
		}
		if len(s.refused) >= maxRefused {
			return false // more different ones in a minute than a person can try
		}
	}
	s.refused[r] = now
	return true
}
