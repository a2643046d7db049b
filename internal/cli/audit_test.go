package cli

import (
	"testing"
	"time"
)

func TestSince(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.Local)
	for s, want := range map[string]time.Time{
		"": {}, "90m": now.Add(-90 * time.Minute), "7d": now.AddDate(0, 0, -7), "2026-01-31": time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local),
		"2026-01-31T12:00:00Z": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"yesterday", "-5m", "7 d", "2026-13-01", "999999d"} {
		if got, err := parseSince(s, now); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestCellsCannotMoveTheCursor(t *testing.T) {
	if got := plainCell("a\x1b[2J\tb\nc\u202e\u2028"); got != "a\uFFFD[2J\uFFFDb\uFFFDc\uFFFD\uFFFD" {
		t.Errorf("%q", got)
	}
}
