package typescript

import (
	"slices"
	"testing"
)

func TestWhatALockDoesNotAnswer(t *testing.T) {
	lock := "{\"dependencies\": {\"zod\": \"3.23.8\", \"@scope/x\": \"latest\"}}" + lockSplit + "{}"
	for _, c := range []struct {
		lock string
		ask  []string
		want []string
	}{
		{lock, []string{"zod", "zod@3.23.8", "@scope/x"}, nil},
		{lock, []string{"zod@4.0.0", "lodash", "@scope/y@1"}, []string{"zod@4.0.0", "lodash", "@scope/y@1"}},
		{"", []string{"zod"}, []string{"zod"}},
		{emptyLock, []string{"zod"}, []string{"zod"}},
		{"something else", []string{"zod"}, nil},
	} {
		if got := (language{}).Missing(c.lock, c.ask); !slices.Equal(got, c.want) {
			t.Errorf("%q in %q: %v", c.ask, c.lock, got)
		}
	}
}
