package fs_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/tidemill/tidemill/internal/errs"
)

// TestFullDisk: on a full disk a put says so and leaves nothing, on a real file system of a megabyte.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("SKIPPED, NO SMALL DISK: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "k", strings.NewReader("old")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "k", strings.NewReader(strings.Repeat("x", 2<<20))); !errs.Is(err, errs.StorageFull) || errs.As(err).Hint == "" {
		t.Errorf("got %v (%s)", err, errs.KindOf(err))
	}
	if n, err := s.Size(t.Context(), "k"); err != nil || n != 3 {
		t.Errorf("the old value: %d, %v", n, err)
	}
	if _, err := s.Put(t.Context(), "l", strings.NewReader(strings.Repeat("x", 800<<10))); err != nil {
		t.Errorf("the failed put kept its space: %v", err)
	}
}
