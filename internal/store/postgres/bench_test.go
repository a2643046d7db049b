package postgres_test

import (
	"testing"

	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/pgtest"
	"github.com/tidemill/tidemill/internal/store/storetest"
)

// Run with TIDEMILL_PGTEST_DURABLE=1, so that commits wait for the disk as they do in earnest.
func Benchmark(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b, pgtest.URL(b)) })
}
