package sqlite_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

// TestFullDisk is the same on a real file system of two megabytes, where mounting is allowed.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("SKIPPED, NO SMALL DISK: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := open(t, filepath.Join(dir, "t.db"))
	var pushed []string
	for {
		j := store.NewJob{Job: domain.Job{ID: id.New(), Workspace: "w", Tag: "x"}, Args: domain.Payload{Inline: []byte(strings.Repeat("x", 50_000))}}
		err := s.JobPush(t.Context(), j)
		if err == nil {
			pushed = append(pushed, j.Job.ID)
			continue
		}
		if !errs.Is(err, errs.StorageFull) {
			t.Fatalf("got %v (%s)", err, errs.KindOf(err))
		}
		break
	}
	if len(pushed) == 0 {
		t.Fatal("nothing fits")
	}
	all := store.Viewer{Workspace: "w", All: true}
	for _, jobID := range pushed {
		if _, err := s.JobGet(t.Context(), all, jobID); err != nil {
			t.Errorf("an acknowledged job is lost: %v", err)
		}
	}
}
