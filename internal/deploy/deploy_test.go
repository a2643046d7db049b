package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemill/tidemill/internal/deploy"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/pgtest"
	"github.com/tidemill/tidemill/internal/store/postgres"
	"github.com/tidemill/tidemill/internal/store/sqlite"
)

// lines is a language of one word per line: "param NAME", "need PACKAGE", "import PATH", "library"; anything else that
// begins with "!" is a syntax error.
type lines struct{ lang.Language }

func (lines) Manifest() lang.Manifest { return lang.Manifest{ID: "lines", Title: "Lines"} }

func (lines) Signature(source string) (sig lang.Signature, err error) {
	for n, line := range strings.Split(source, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(word, "!"):
			return sig, &lang.SyntaxError{Line: n + 1, Column: 1, Message: "unexpected !"}
		case word == "param":
			sig.Params = append(sig.Params, lang.Param{Name: rest, Schema: &lang.Schema{Type: "string"}})
		case word == "library":
			sig.NoMain = true
		}
	}
	return sig, nil
}

func (lines) Imports(_, source string) (im lang.Imports, err error) {
	for _, line := range strings.Split(source, "\n") {
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "need":
			im.Requirements = append(im.Requirements, rest)
		case "import":
			im.Scripts = append(im.Scripts, rest)
		}
	}
	return im, nil
}

// office is a workspace with three developers.
type office struct {
	*deploy.Service
	store store.Store
	mu    sync.Mutex
	jobs  []domain.Script // dependency jobs that were asked for
	notes int
}

func (o *office) Dependencies(_ context.Context, who domain.Identity, s domain.Script) (domain.Job, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.jobs = append(o.jobs, s)
	return domain.Job{ID: id.New(), Email: who.Email}, nil
}

func (o *office) Publish(_ context.Context, events ...domain.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range events {
		if e.Kind == domain.EventDeployed && e.Workspace == "main" {
			o.notes++
		}
	}
}

func developer(name string) domain.Identity {
	return domain.Identity{Email: name + "@example.com", Workspace: "main", Username: name, Role: domain.RoleDeveloper}
}

func each(t *testing.T, fn func(t *testing.T, o *office)) {
	t.Parallel()
	open := map[string]func(t *testing.T) (store.Store, error){
		"sqlite": func(t *testing.T) (store.Store, error) {
			return sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "t.db")})
		},
		"postgres": func(t *testing.T) (store.Store, error) {
			return postgres.Open(t.Context(), postgres.Options{URL: pgtest.URL(t)})
		},
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			ctx := t.Context()
			for _, name := range []string{"ada", "bob", "eve"} {
				if err := s.UserCreate(ctx, domain.User{Email: name + "@example.com"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.WorkspaceCreate(ctx, domain.Workspace{ID: "main", Name: "Main", CreatedBy: "ada@example.com"}); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"ada", "bob", "eve"} {
				if err := s.MemberPut(ctx, domain.Member{Workspace: "main", Email: name + "@example.com", Username: name, Role: domain.RoleDeveloper}); err != nil {
					t.Fatal(err)
				}
			}
			o := &office{store: s}
			o.Service = deploy.New(deploy.Options{Store: s, Languages: lang.Registry{lines{}}, Engine: o, Hub: o})
			fn(t, o)
		})
	}
}

func draft(path, content, parent string) deploy.Draft {
	d := deploy.Draft{Script: domain.Script{Path: path, Content: content, Language: "lines", Kind: domain.KindScript}}
	if parent != "" {
		d.ParentHashes = []string{parent}
	}
	return d
}

func (o *office) must(t *testing.T, who domain.Identity, d deploy.Draft) domain.Script {
	t.Helper()
	s, err := o.Script(t.Context(), who, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func want(t *testing.T, err error, kind errs.Kind, texts ...string) {
	t.Helper()
	if !errs.Is(err, kind) {
		t.Fatalf("got %v, want an error of kind %s", err, kind)
	}
	text := err.Error() + " " + errs.As(err).Hint
	for _, part := range texts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

func TestAVersionHasItsSchemaHashAndLock(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		s := o.must(t, developer("ada"), draft("f/a/x", "param name", ""))
		if len(s.Hash) != 16 || s.Lock == nil || *s.Lock != "" || s.NoMain || s.CreatedBy != "ada@example.com" || s.CreatedAt.IsZero() {
			t.Fatalf("got %+v", s)
		}
		if !strings.Contains(string(s.Schema), `"name"`) || !strings.Contains(string(s.Schema), `"order"`) {
			t.Fatalf("got %s", s.Schema)
		}
		latest, err := o.store.ScriptLatest(t.Context(), store.Viewer{Workspace: "main", All: true}, "f/a/x")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, latest); d != "" {
			t.Fatal(d)
		}
		if len(o.jobs) != 0 || o.notes != 1 {
			t.Fatalf("%d jobs, %d notes", len(o.jobs), o.notes)
		}
		if lib := o.must(t, developer("ada"), draft("f/a/lib", "library", "")); !lib.NoMain {
			t.Fatal("a library is not marked")
		}
	})
}

func TestAGivenSchemaAndLockAreKept(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		d := draft("f/a/x", "param name\nneed box", "")
		d.Schema = domain.JSON(`{"type":"object","properties":{"name":{"type":"string","x-own":1}}}`)
		lock := "box==1"
		d.Lock = &lock
		s := o.must(t, developer("ada"), d)
		if string(s.Schema) != string(d.Schema) || s.Lock == nil || *s.Lock != lock || len(o.jobs) != 0 {
			t.Fatalf("got %s, %v, %d jobs", s.Schema, s.Lock, len(o.jobs))
		}
		for text, ok := range map[string]bool{`[]`: false, `"x"`: false, `{`: false, `{}`: true, `null`: true, ``: true} {
			d := draft("f/a/s"+id.Digest(text)[:8], "param name", "")
			d.Schema = domain.JSON(text)
			s, err := o.Script(t.Context(), developer("ada"), d)
			if !ok {
				want(t, err, errs.Invalid, "schema")
			} else if err != nil || !strings.Contains(string(s.Schema), `"name"`) {
				t.Errorf("%q: %s, %v", text, s.Schema, err)
			}
		}
	})
}

func TestRequirementsAreResolvedByAJob(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		s := o.must(t, developer("ada"), draft("f/a/own", "need box", ""))
		if s.Lock != nil || len(o.jobs) != 1 || o.jobs[0].Hash != s.Hash {
			t.Fatalf("got %v, %d jobs", s.Lock, len(o.jobs))
		}
		// Of what is imported, also in circles and when it is not there yet.
		o.must(t, developer("ada"), draft("f/a/middle", "import f/a/own\nimport f/a/through", ""))
		s = o.must(t, developer("ada"), draft("f/a/through", "import f/a/middle", ""))
		if s.Lock != nil || len(o.jobs) != 3 {
			t.Fatalf("got %v, %d jobs", s.Lock, len(o.jobs))
		}
		s = o.must(t, developer("ada"), draft("f/a/early", "import f/a/later", ""))
		if s.Lock == nil || *s.Lock != "" {
			t.Fatalf("got %v", s.Lock)
		}
	})
}

func TestWrongScriptsAreRefusedWithTheirPlace(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ctx, ada := t.Context(), developer("ada")
		change := func(fn func(d *deploy.Draft)) error {
			d := draft("f/a/x", "param a", "")
			fn(&d)
			_, err := o.Script(ctx, ada, d)
			return err
		}
		want(t, change(func(d *deploy.Draft) { d.Content = "param a\n!" }), errs.Invalid, "content", "line 2, column 1: unexpected !")
		want(t, change(func(d *deploy.Draft) { d.Language = "cobol" }), errs.Invalid, "language", `"cobol" is not one of lines`)
		want(t, change(func(d *deploy.Draft) { d.Path = "x" }), errs.Invalid, "path")
		want(t, change(func(d *deploy.Draft) { d.Settings.Envs = []string{"A=1", "B"} }), errs.Invalid, "envs[1]")
		want(t, change(func(d *deploy.Draft) { d.Settings.Tag = "a b" }), errs.Invalid, "tag")
		want(t, change(func(d *deploy.Draft) { d.Path = "u/bob/x" }), errs.Forbidden, "u/bob belongs to somebody else")
		operator := ada
		operator.Role = domain.RoleOperator
		_, err := o.Script(ctx, operator, draft("f/a/x", "", ""))
		want(t, err, errs.Forbidden)
		if list, err := o.store.ScriptList(ctx, store.ScriptListParams{Viewer: store.Viewer{Workspace: "main", All: true}, Limit: 10}); err != nil || len(list) != 0 {
			t.Fatalf("something was written: %v, %v", list, err)
		}
	})
}

func TestADeploymentOnAnOldVersionNamesWhoWasFaster(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		ada, bob := developer("ada"), developer("bob")
		first := o.must(t, ada, draft("f/a/x", "param a", ""))
		second := o.must(t, bob, draft("f/a/x", "param b", first.Hash))
		_, err := o.Script(ctx, ada, draft("f/a/x", "param c", first.Hash))
		want(t, err, errs.Conflict, "deployed by bob@example.com", second.CreatedAt.UTC().Format("2006-01-02 15:04:05"), second.Hash)
		_, err = o.Script(ctx, ada, draft("f/a/x", "param c", ""))
		want(t, err, errs.Conflict, "there is a script at f/a/x already", "bob@example.com")
		_, err = o.Script(ctx, ada, draft("f/a/new", "param c", "00000000deadbeef"))
		want(t, err, errs.Conflict, "there is no version 00000000deadbeef")
		_, err = o.Script(ctx, ada, draft("f/a/new", "param c", first.Hash))
		want(t, err, errs.Invalid, "is a version of f/a/x")

		d := draft("f/a/x", "param c", first.Hash)
		d.AutoParent = true
		third := o.must(t, ada, d)
		if diff := cmp.Diff([]string{second.Hash, first.Hash}, third.ParentHashes); diff != "" {
			t.Fatal(diff)
		}
		history, err := o.History(ctx, ada, "f/a/x", 0)
		if err != nil || len(history) != 3 || history[0].Hash != third.Hash || history[2].Hash != first.Hash {
			t.Fatalf("got %v, %v", history, err)
		}
	})
}

func TestOfTwoDeployersOnOneParentExactlyOneWins(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		first := o.must(t, developer("ada"), draft("f/a/x", "param a", ""))
		names := []string{"ada", "bob", "eve"}
		results := make([]error, 9)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() {
				_, results[i] = o.Script(context.WithoutCancel(t.Context()), developer(names[i%3]), draft("f/a/x", fmt.Sprintf("param p%d", i), first.Hash))
			})
		}
		all.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
				continue
			}
			want(t, err, errs.Conflict, "deployed by", "@example.com")
		}
		if won != 1 {
			t.Fatalf("%d won", won)
		}
	})
}

func TestRacingDeployersThatFollowAllGetIn(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		const n = 6
		var all sync.WaitGroup
		failures := make([]error, n)
		for i := range n {
			all.Go(func() {
				d := draft("f/a/x", fmt.Sprintf("param p%d", i), "")
				d.AutoParent = true
				_, failures[i] = o.Script(context.WithoutCancel(t.Context()), developer("ada"), d)
			})
		}
		all.Wait()
		if err := errors.Join(failures...); err != nil {
			t.Fatal(err)
		}
		history, err := o.History(t.Context(), developer("ada"), "f/a/x", 100)
		if err != nil || len(history) != n {
			t.Fatalf("%d versions, %v", len(history), err)
		}
		for i, v := range history[:n-1] {
			if v.ParentHashes[0] != history[i+1].Hash {
				t.Fatal("the history is not one line")
			}
		}
	})
}

func TestNothingNewIsNoVersion(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ada := developer("ada")
		first := o.must(t, ada, draft("f/a/x", "param a", ""))
		again := draft("f/a/x", "param a", first.Hash)
		again.SkipIfNoop, again.Message = true, "nothing"
		if s := o.must(t, ada, again); s.Hash != first.Hash {
			t.Fatal("a new version without a change")
		}
		again.Summary = "changed"
		second := o.must(t, ada, again)
		if second.Hash == first.Hash {
			t.Fatal("a change was skipped")
		}
		same := draft("f/a/x", "param a", second.Hash)
		same.Summary = "changed"
		if s := o.must(t, ada, same); s.Hash == second.Hash {
			t.Fatal("without skip_if_noop a deployment is a version")
		}
	})
}

func TestAnArchivedPathComesBack(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ctx, ada := t.Context(), developer("ada")
		first := o.must(t, ada, draft("f/a/x", "param a", ""))
		want(t, o.Archive(ctx, developer("bob"), "u/ada/x"), errs.Forbidden)
		if err := o.Archive(ctx, ada, "f/a/x"); err != nil {
			t.Fatal(err)
		}
		back := o.must(t, ada, draft("f/a/x", "param a", ""))
		if back.Hash == first.Hash || len(back.ParentHashes) != 1 || back.ParentHashes[0] != first.Hash {
			t.Fatalf("got %+v", back)
		}
		// The newest version alone is taken away and comes back on the one before.
		second := o.must(t, ada, draft("f/a/x", "param b", back.Hash))
		if err := o.ArchiveHash(ctx, ada, second.Hash); err != nil {
			t.Fatal(err)
		}
		third := o.must(t, ada, draft("f/a/x", "param b", back.Hash))
		if third.Hash == second.Hash || third.Content != second.Content {
			t.Fatalf("got %+v", third)
		}
		if err := o.Delete(ctx, ada, "f/a/x"); err != nil {
			t.Fatal(err)
		}
		if s := o.must(t, ada, draft("f/a/x", "param a", "")); s.Content != "param a" {
			t.Fatalf("got %+v", s)
		}
		want(t, o.Archive(ctx, ada, "f/a/none"), errs.NotFound)
		want(t, o.DeleteHash(ctx, ada, "00000000deadbeef"), errs.NotFound)
	})
}

func TestDiff(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ctx, ada := t.Context(), developer("ada")
		first := o.must(t, ada, draft("u/ada/x", "param a\nparam b\n", ""))
		second := o.must(t, ada, draft("u/ada/x", "param a\nparam c\n", first.Hash))
		diff, err := o.Diff(ctx, ada, first.Hash, second.Hash)
		if err != nil || !strings.Contains(diff, "-param b\n+param c\n") || !strings.Contains(diff, "u/ada/x@"+first.Hash) {
			t.Fatalf("got %q, %v", diff, err)
		}
		if diff, err := o.Diff(ctx, ada, "", first.Hash); err != nil || !strings.Contains(diff, "+param a\n+param b\n") {
			t.Fatalf("got %q, %v", diff, err)
		}
		if diff, err := o.Diff(ctx, ada, first.Hash, first.Hash); err != nil || diff != "" {
			t.Fatalf("got %q, %v", diff, err)
		}
		_, err = o.Diff(ctx, developer("bob"), first.Hash, second.Hash)
		want(t, err, errs.NotFound)
		if err := o.DeleteHash(ctx, ada, first.Hash); err != nil {
			t.Fatal(err)
		}
		_, err = o.Diff(ctx, ada, first.Hash, second.Hash)
		want(t, err, errs.NotFound)
	})
}
