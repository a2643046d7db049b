package fs_test

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/blob"
	"github.com/tidemill/tidemill/internal/blob/blobtest"
	"github.com/tidemill/tidemill/internal/blob/fs"
	"github.com/tidemill/tidemill/internal/errs"
)

func open(t *testing.T, dir string) *fs.Store {
	t.Helper()
	s, err := fs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) (blob.Store, func() blob.Store) {
		dir := filepath.Join(t.TempDir(), "blobs")
		return open(t, dir), func() blob.Store { return open(t, dir) }
	})
}

// TestLeftovers: what a crash left half-written is no value and goes away in time; what somebody writes now stays.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "k", strings.NewReader("v")); err != nil {
		t.Fatal(err)
	}
	old, recent := filepath.Join(dir, "tmp", "old"), filepath.Join(dir, "tmp", "recent")
	for _, path := range []string{old, recent} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if _, err := os.Stat(old); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("an old leftover stays: %v", err)
	}
	if _, err := os.Stat(recent); err != nil {
		t.Errorf("a file that may be in use is gone: %v", err)
	}
	var keys []string
	if err := s.List(t.Context(), "", func(key string, _ int64) error { keys = append(keys, key); return nil }); err != nil || len(keys) != 1 {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestOutside: a link that leads out of the folder is not followed, and a key below a value is refused.
func TestOutside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir)
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "values", "link")); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Get(t.Context(), "link/secret", 0); err == nil {
		_ = r.Close()
		t.Error("a link out of the folder was followed")
	}
	if _, err := s.Put(t.Context(), "link/new", strings.NewReader("x")); err == nil {
		t.Error("a link out of the folder was followed")
	}
	if _, err := s.Put(t.Context(), "a", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "a/b", strings.NewReader("x")); !errs.Is(err, errs.Conflict) {
		t.Errorf("got %v (%s)", err, errs.KindOf(err))
	}
	if _, err := s.Put(t.Context(), "c/d", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "c", strings.NewReader("x")); !errs.Is(err, errs.Conflict) {
		t.Errorf("got %v (%s)", err, errs.KindOf(err))
	}
}

func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "x")} {
		if _, err := fs.Open(dir); !errs.Is(err, errs.Unavailable) || errs.As(err).Hint == "" {
			t.Errorf("%s: got %v", dir, err)
		}
	}
}
