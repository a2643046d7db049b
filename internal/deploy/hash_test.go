package deploy

import (
	"testing"

	"github.com/tidemill/tidemill/internal/domain"
)

func TestHashesDependOnAllThatMatters(t *testing.T) {
	lock := "l"
	base := func() (domain.Script, *string) {
		return domain.Script{Workspace: "main", Path: "f/a/x", Language: "x", Kind: domain.KindScript, Content: "a", Schema: domain.JSON(`{}`)}, nil
	}
	seen := map[string]int{}
	for i, change := range []func(s *domain.Script, lock **string){
		func(*domain.Script, **string) {},
		func(s *domain.Script, _ **string) { s.Workspace = "other" },
		func(s *domain.Script, _ **string) { s.Path = "f/a/y" },
		func(s *domain.Script, _ **string) { s.Language = "y" },
		func(s *domain.Script, _ **string) { s.Kind = domain.KindApproval },
		func(s *domain.Script, _ **string) { s.Content = "b" },
		func(s *domain.Script, _ **string) { s.Schema = domain.JSON(`{"a":1}`) },
		func(_ *domain.Script, l **string) { *l = &lock },
		func(_ *domain.Script, l **string) { *l = new(string) },
		func(s *domain.Script, _ **string) { s.Settings.Timeout = 5 },
		func(s *domain.Script, _ **string) { s.Settings.Rest = map[string]domain.JSON{"x": domain.JSON("1")} },
		func(s *domain.Script, _ **string) { s.Summary = "s" },
		func(s *domain.Script, _ **string) { s.Description = "s" },
		func(s *domain.Script, _ **string) { s.ParentHashes = []string{"0000000000000001"} },
	} {
		s, l := base()
		change(&s, &l)
		h := hash(s, l, "")
		if j, ok := seen[h]; ok {
			t.Errorf("changes %d and %d give one hash", i, j)
		}
		seen[h] = i
	}
	// What is said about a version is not what it is.
	s, l := base()
	s.Message, s.CreatedBy = "fix", "ada@example.com"
	if seen[hash(s, l, "")] != 0 || len(seen) != 14 {
		t.Error("the message is part of the hash")
	}
}
