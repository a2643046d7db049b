package langtest

import (
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// Do runs a prepared program once, for tests of what is particular to a language.
func Do(t *testing.T, l lang.Language, r sandbox.Runner, p lang.Prepared, args domain.JSON) Outcome {
	t.Helper()
	s := &Suite{Language: l, Runner: r}
	return s.start(t, p, string(args), 2*time.Minute).finish(t)
}

// String is the outcome in one line: the result as JSON, or the error as "Name: message".
func (o Outcome) String() string {
	switch {
	case o.Error != nil:
		return o.Error.Name + ": " + o.Error.Message
	case o.Result == nil:
		return "no result; " + o.Stderr
	}
	return string(o.Result)
}
