package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/errs"
)

// folder is a data folder that this process holds.
//
//	tidemill.db   the embedded database (not with PostgreSQL)
//	blobs/        large arguments and results
//	cache/        installed packages and compiled programs, by content; may be deleted while nothing runs
//	tools/        language runtimes that were installed
//	work/         directories of running jobs
//	tidemill.lock the process that uses the folder
type folder struct {
	path string
	lock *os.File // only shared
}

func (f *folder) blobs() string { return filepath.Join(f.path, "blobs") }
func (f *folder) cache() string { return filepath.Join(f.path, "cache") }
func (f *folder) tools() string { return filepath.Join(f.path, "tools") }

// workspace takes a folder for the jobs of one worker, which no other worker has while the returned file is open: workers
// empty theirs when they start.
func (f *folder) workspace() (dir string, hold *os.File, err error) {
	base := filepath.Join(f.path, "work")
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", nil, folderError(f.path, err)
	}
	for n := 1; ; n++ {
		dir = filepath.Join(base, strconv.Itoa(n))
		hold, err = os.OpenFile(dir+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return "", nil, folderError(f.path, err)
		}
		err = unix.Flock(int(hold.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return dir, hold, nil
		}
		_ = hold.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return "", nil, folderError(f.path, err)
		}
	}
}

// openFolder makes the folder when it is missing and closes it to others. The embedded database takes the folder for its
// process alone; with PostgreSQL (shared) several processes may share one, but not with an embedded database.
func openFolder(path string, shared bool) (*folder, error) {
	if err := private(path); err != nil {
		return nil, err
	}
	f := &folder{path: path}
	for _, dir := range []string{f.blobs(), f.cache(), f.tools()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, folderError(path, err)
		}
	}
	if !shared {
		return f, nil
	}
	lock, err := os.OpenFile(filepath.Join(path, "tidemill.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, folderError(path, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, folderError(path, err)
		}
		return nil, errs.New(errs.Unavailable, "the data folder %s belongs to a running Tidemill with an embedded database", path).
			WithHint("name another folder with --data")
	}
	f.lock = lock
	return f, nil
}

// close gives the folder back. The lock file stays: removing it would race with the next one to come.
func (f *folder) close() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.Close()
}

// private makes a folder that only its owner can read. One that is there already is closed to others, unless it is one
// that others have reason to use.
func private(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return folderError(path, err)
		}
		return nil
	}
	if err != nil {
		return folderError(path, err)
	}
	if !info.IsDir() {
		return errs.New(errs.Invalid, "%s is a file, not a folder", path).WithHint("name a folder with --data")
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	home, _ := os.UserHomeDir()
	if path == "/" || path == home || info.Mode()&fs.ModeSticky != 0 {
		return errs.New(errs.Invalid, "%s cannot be a data folder: others use it too", path).
			WithHint("name a folder of its own with --data, like %s", filepath.Join(path, "tidemill"))
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return errs.New(errs.Invalid, "others can read the data folder %s, and that cannot be changed", path).
			WithHint("as its owner: chmod 700 %s", path)
	}
	return nil
}

func folderError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errs.Wrap(errs.Invalid, err, "the data folder %s cannot be written", path).
			WithHint("make it yours, or name another one with --data")
	case errors.Is(err, syscall.ENOSPC):
		return errs.Wrap(errs.StorageFull, err, "the disk of the data folder %s is full", path).WithHint("make room and start again")
	case errors.Is(err, syscall.EROFS):
		return errs.Wrap(errs.Invalid, err, "the data folder %s is on a disk that is read-only", path).
			WithHint("name another one with --data")
	}
	return errs.Wrap(errs.Invalid, err, "the data folder %s cannot be used", path).WithHint("name another one with --data")
}
