package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// readers is the pool of read-only connections. It keeps statements prepared: planning one costs more than running it. A
// query that finds no room is planned each time; that happens only to lists with rare combinations of filters.
type readers struct {
	db *sql.DB

	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

func newReaders(db *sql.DB) *readers { return &readers{db: db, stmts: map[string]*sql.Stmt{}} }

// QueryContext implements sqldb.Queryer.
func (r *readers) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := r.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return r.db.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

// ExecContext implements sqldb.Queryer; what changes something fails, because the connections only read.
func (r *readers) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return r.db.ExecContext(ctx, query, args...)
}

// prepare returns the kept statement of a query, nil when there is no room for one more.
func (r *readers) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.RLock()
	s, full := r.stmts[query], len(r.stmts) >= maxStatements
	r.mu.RUnlock()
	if s != nil || full {
		return s, nil
	}
	s, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept, ok := r.stmts[query]; ok { // somebody else was first
		return kept, s.Close()
	}
	r.stmts[query] = s
	return s, nil
}

func (r *readers) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []error
	for _, s := range r.stmts {
		all = append(all, s.Close())
	}
	r.stmts = map[string]*sql.Stmt{}
	return errors.Join(append(all, r.db.Close())...)
}
