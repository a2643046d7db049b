package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"testing"

	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// Path is where the file is.
func (s *Store) Path() string { return s.opts.Path }

// Waiting is how many changes wait for the writer.
func (s *Store) Waiting() int { return len(s.writer.queue) }

// Commits is how many groups were committed. Only for tests in which no change is running.
func (s *Store) Commits() int64 { return s.writer.commits.Load() }

// Broken runs any statement as a change.
func (s *Store) Broken(ctx context.Context, query string) error {
	return s.writer.do(ctx, func(ctx context.Context, q sqldb.Queryer) error {
		_, err := q.ExecContext(ctx, query)
		return err
	})
}

// LimitPages lets the file grow by so many pages and no more, as if the disk were full. It returns the pages it has.
func (s *Store) LimitPages(t *testing.T, more int) (pages int) {
	t.Helper()
	err := s.writer.do(t.Context(), func(ctx context.Context, q sqldb.Queryer) error {
		rows, err := q.QueryContext(ctx, "PRAGMA page_count")
		if err != nil {
			return err
		}
		for rows.Next() {
			if err := rows.Scan(&pages); err != nil {
				return err
			}
		}
		return rows.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	s.writer.limit(t, pages+more)
	return pages
}

func (w *writer) limit(t *testing.T, pages int) {
	t.Helper()
	if err := w.do(t.Context(), func(ctx context.Context, q sqldb.Queryer) error {
		rows, err := q.QueryContext(ctx, "PRAGMA max_page_count = "+strconv.Itoa(pages))
		if err != nil {
			return err
		}
		return rows.Close()
	}); err != nil {
		t.Fatal(err)
	}
}

// Execute runs a statement on the file from outside.
func Execute(t *testing.T, path, query string) {
	t.Helper()
	db := sql.OpenDB(connector{dsn: "file:" + path + "?_pragma=busy_timeout(10000)"})
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
