package worker

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// folders makes the private folders of jobs and uses empty ones again: on a journaling file system, making two folders
// and removing them takes about as long as starting a program.
type folders struct {
	mu    sync.Mutex
	root  string
	keep  int
	next  int
	empty []string
}

// open says where folders are and how many empty ones are kept.
func (f *folders) open(root string, keep int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.root, f.keep, f.empty = root, keep, nil
}

// take gives an empty folder that holds only an empty tmp.
func (f *folders) take() (string, error) {
	f.mu.Lock()
	if n := len(f.empty); n > 0 {
		dir := f.empty[n-1]
		f.empty = f.empty[:n-1]
		f.mu.Unlock()
		return dir, nil
	}
	f.next++
	dir := filepath.Join(f.root, fmt.Sprintf("job-%d", f.next))
	f.mu.Unlock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		os.Remove(dir)
		return "", err
	}
	return dir, nil
}

// giveBack empties a folder and keeps it, or removes it when the job changed the folder itself.
func (f *folders) giveBack(dir string, log *slog.Logger) {
	if emptied(dir) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.empty) < f.keep {
			f.empty = append(f.empty, dir)
			return
		}
	}
	if err := removeAll(dir); err != nil {
		log.Warn("a job's folder could not be removed", "folder", dir, "error", err)
	}
}

// emptied removes what is in a job's folder, and reports whether it is as new.
func emptied(dir string) bool {
	if !asNew(dir) {
		return false
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	tmp := false
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Name() != "tmp" {
			if os.RemoveAll(path) != nil {
				return false
			}
			continue
		}
		inside, err := os.ReadDir(path)
		if err != nil || !asNew(path) {
			return false
		}
		for _, e := range inside {
			if os.RemoveAll(filepath.Join(path, e.Name())) != nil {
				return false
			}
		}
		tmp = true
	}
	return tmp
}

// asNew reports whether a path is a folder of ours that only we may use.
func asNew(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeDir|0o700 {
		return false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// removeAll removes a tree in which a job may have made folders read-only.
func removeAll(root string) error {
	err := os.RemoveAll(root)
	if err == nil {
		return nil
	}
	filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error { //nolint:errcheck // RemoveAll tells
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o700) //nolint:errcheck,gosec // ours, and about to go
		}
		return nil
	})
	return os.RemoveAll(root)
}
