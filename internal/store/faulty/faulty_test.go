package faulty_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/faulty"
	"github.com/tidemill/tidemill/internal/store/sqlite"
	"github.com/tidemill/tidemill/internal/store/storetest"
)

func open(t *testing.T) store.Store {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "t.db"))
}

func reopen(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestTransparent: without rules the wrapped store keeps the whole contract.
func TestTransparent(t *testing.T) {
	storetest.RunQuick(t, func(t *testing.T) (store.Store, func() store.Store) {
		path := filepath.Join(t.TempDir(), "t.db")
		s := reopen(t, path)
		return faulty.New(1).Wrap(s), func() store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return faulty.New(1).Wrap(reopen(t, path))
		}
	})
}

func TestFailAndAfter(t *testing.T) {
	in := open(t)
	f := faulty.New(7,
		faulty.Rule{Methods: []string{"SettingPut"}, Mode: faulty.Fail, Rate: 1, Limit: 1},
		faulty.Rule{Methods: []string{"Setting*"}, Mode: faulty.After, Rate: 1, Skip: 1, Limit: 1})
	s := f.Wrap(in)
	ctx := t.Context()
	if err := s.SettingPut(ctx, "a", domain.JSON(`1`)); !errs.Is(err, errs.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if _, err := in.SettingGet(ctx, "a"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a failed call did its work: %v", err)
	}
	if err := s.SettingPut(ctx, "b", domain.JSON(`1`)); err != nil { // skipped
		t.Fatal(err)
	}
	if err := s.SettingPut(ctx, "c", domain.JSON(`1`)); !errs.Is(err, errs.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if _, err := in.SettingGet(ctx, "c"); err != nil {
		t.Errorf("a call of unknown outcome did not do its work: %v", err)
	}
	if err := s.SettingPut(ctx, "d", domain.JSON(`1`)); err != nil { // over the limits
		t.Fatal(err)
	}
	if want := []string{"fail SettingPut", "after SettingPut"}; !slices.Equal(f.Hits(), want) {
		t.Errorf("%v", f)
	}
}

func TestTx(t *testing.T) {
	in := open(t)
	mine := errors.New("mine")
	f := faulty.New(7, faulty.Rule{Methods: []string{"WorkspaceCreate"}, Mode: faulty.Fail, Rate: 1, Err: mine},
		faulty.Rule{Methods: []string{"Tx"}, Mode: faulty.After, Rate: 1, Skip: 1})
	s := f.Wrap(in)
	ctx := t.Context()
	put := func(key string, more bool) error {
		return s.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
			if err := tx.SettingPut(ctx, key, domain.JSON(`1`)); err != nil || !more {
				return err
			}
			return tx.WorkspaceCreate(ctx, domain.Workspace{ID: "w"})
		})
	}
	if err := put("a", true); !errors.Is(err, mine) {
		t.Fatalf("got %v", err)
	}
	if _, err := in.SettingGet(ctx, "a"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a failure inside did not roll back: %v", err)
	}
	if err := put("b", false); !errs.Is(err, errs.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if _, err := in.SettingGet(ctx, "b"); err != nil {
		t.Errorf("a commit of unknown outcome is not there: %v", err)
	}
}

func TestDelay(t *testing.T) {
	f := faulty.New(7, faulty.Rule{Methods: []string{"Ping"}, Mode: faulty.Delay, Rate: 1})
	reached, goOn := make(chan string), make(chan struct{})
	f.Wait = func(ctx context.Context, method string) error {
		reached <- method
		select {
		case <-goOn:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s := f.Wrap(open(t))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if m := <-reached; m != "Ping" {
		t.Errorf("waits in %s", m)
	}
	close(goOn)
	wg.Wait()
}

// TestSeed: the same seed and calls fail the same, another seed fails otherwise, and about as often as asked.
func TestSeed(t *testing.T) {
	in := open(t)
	run := func(seed uint64) []string {
		f := faulty.New(seed, faulty.Rule{Mode: faulty.Fail, Rate: 0.25})
		s := f.Wrap(in)
		var failed []string
		for i := range 200 {
			if _, err := s.UserCount(t.Context()); err != nil {
				failed = append(failed, fmt.Sprint(i))
			}
		}
		f.Stop()
		for range 50 {
			if _, err := s.UserCount(t.Context()); err != nil {
				t.Fatal("a stopped rule hit")
			}
		}
		if len(f.Hits()) != len(failed) {
			t.Errorf("%v", f)
		}
		return failed
	}
	a, b, c := run(1), run(1), run(2)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("failures do not follow from the seed")
	}
	if len(a) < 25 || len(a) > 80 {
		t.Errorf("%d of 200 failed, want about 50", len(a))
	}
}
