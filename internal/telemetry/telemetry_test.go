package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"github.com/tidemill/tidemill/internal/telemetry"
)

func TestLinesNameTheRequest(t *testing.T) {
	var b bytes.Buffer
	log := telemetry.New(&b, "info", telemetry.JSON, false)
	log.With("part", "api").InfoContext(telemetry.WithRequest(t.Context(), "r-1"), "answered")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["request"] != "r-1" || line["part"] != "api" {
		t.Fatalf("got %v", line)
	}
}

func TestARequestIsNamedOnce(t *testing.T) {
	var b bytes.Buffer
	telemetry.New(&b, "info", telemetry.JSON, false).InfoContext(telemetry.WithRequest(t.Context(), "r-1"), "answered", "request", "r-1")
	if n := strings.Count(b.String(), "r-1"); n != 1 {
		t.Fatalf("got %q", b.String())
	}
}

func TestAFileGetsJSONAndATerminalText(t *testing.T) {
	var b bytes.Buffer
	telemetry.New(&b, "warn", telemetry.Auto, false).Warn("careful")
	if !strings.HasPrefix(b.String(), "{") {
		t.Fatalf("got %q", b.String())
	}
	b.Reset()
	log := telemetry.New(&b, "warn", telemetry.Text, false)
	log.Info("not shown")
	log.WithGroup("g").With("a", 1).Error("line\nbreak \x1b[31m", "b", "two words", slog.Group("h", "c", true))
	got := b.String()
	if _, rest, ok := strings.Cut(got, "ERROR "); !ok || rest != "line\\nbreak \\x1b[31m g.a=1 g.b=\"two words\" g.h.c=true\n" {
		t.Fatalf("got %q", got)
	}
}

func TestColoursAreOnlyOnDemand(t *testing.T) {
	var b bytes.Buffer
	telemetry.New(&b, "info", telemetry.Text, true).Info("x")
	if !strings.Contains(b.String(), "\x1b[36mINFO") {
		t.Fatalf("got %q", b.String())
	}
	if telemetry.Colours(&b, func(string) string { return "" }) {
		t.Fatal("a buffer is no terminal")
	}
}

func TestIdsFromOutsideAreTakenOnlyWhenHarmless(t *testing.T) {
	for id, want := range map[string]bool{"": false, "abc-1": true, "a b": false, "x\n": false, strings.Repeat("a", 65): false} {
		if telemetry.ValidRequest(id) != want {
			t.Errorf("%q: want %v", id, want)
		}
	}
}

func TestTheJSONHandlerKeepsTheContractOfSlog(t *testing.T) {
	var b bytes.Buffer
	h := telemetry.New(&b, "debug", telemetry.JSON, false).Handler()
	err := slogtest.TestHandler(h, func() []map[string]any {
		var out []map[string]any
		for line := range bytes.Lines(b.Bytes()) {
			var m map[string]any
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatal(err)
			}
			out = append(out, m)
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
}
