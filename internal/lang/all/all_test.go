package all_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang/all"
	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

func TestEachLanguageIsRegisteredOnce(t *testing.T) {
	seen := map[domain.Language]bool{}
	suffixes := map[string]domain.Language{}
	for _, l := range all.Languages() {
		m := l.Manifest()
		if seen[m.ID] {
			t.Errorf("%s is registered twice", m.ID)
		}
		seen[m.ID] = true
		if other, taken := suffixes[m.Suffixes[0]]; taken {
			t.Errorf("%s and %s export to the same suffix %s", m.ID, other, m.Suffixes[0])
		}
		suffixes[m.Suffixes[0]] = m.ID
		if got, ok := all.Languages().Get(m.ID); !ok || got.Manifest().ID != m.ID {
			t.Errorf("%s is not found by its id", m.ID)
		}
	}
}

// A green suite means nothing for a language whose runtime was missing and whose cases were skipped. Where some cannot be
// had, name them: LANGTEST_MISSING="uv bun".
func TestNoRuntimeIsMissing(t *testing.T) {
	expected := strings.Fields(os.Getenv("LANGTEST_MISSING"))
	k := langtest.NewKit(t, process.New())
	for _, l := range all.Languages() {
		name, err := langtest.MissingRuntime(t.Context(), k, l)
		switch {
		case err != nil && !slices.Contains(expected, name):
			t.Errorf("MISSING RUNTIME %s of %s: %v", name, l.Manifest().Title, err)
		case err == nil:
			t.Logf("%s runs here", l.Manifest().Title)
		}
	}
}
