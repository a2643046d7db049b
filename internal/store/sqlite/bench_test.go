package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/storetest"
)

func Benchmark(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b, filepath.Join(b.TempDir(), "t.db")) })
}
