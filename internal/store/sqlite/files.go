package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	msqlite "modernc.org/sqlite"

	"github.com/tidemill/tidemill/internal/errs"
)

// connector opens connections of a file without the global registry of drivers.
type connector struct{ dsn string }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return &msqlite.Driver{} }

var _ driver.Connector = connector{}

// prepareFiles makes the folder (0700) and the file (0600), whatever the umask. A folder that was there keeps its mode:
// it may be the user's.
func prepareFiles(path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return folderError(err, path)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			return folderError(err, path)
		}
	} else if err != nil {
		return folderError(err, path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		if errors.Is(err, unix.ENOSPC) {
			return full(err)
		}
		return folderError(err, path)
	}
	defer f.Close()
	// SQLite gives the files beside it the same mode.
	if err := f.Chmod(0o600); err != nil {
		return folderError(err, path)
	}
	return nil
}

// lockFolder takes the folder for this process, or says who has it. The lock ends with the process, however it ends.
func lockFolder(dir string) (*os.File, error) {
	path := filepath.Join(dir, "tidemill.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, folderError(err, path)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid := "unknown"
		if text, err := os.ReadFile(path); err == nil {
			if p := strings.TrimSpace(string(text)); p != "" {
				pid = p
			}
		}
		_ = f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, folderError(err, path)
		}
		return nil, errs.Wrap(errs.Unavailable, err, "another Tidemill, process %s, is using the data folder %s", pid, dir).
			WithHint("stop that process, or choose another folder for this one")
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		if err != nil {
			_ = f.Close()
			return nil, folderError(err, path)
		}
	}
	return f, nil
}

// lockMigration makes processes that open the same file at once take turns.
func lockMigration(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".migrate", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, folderError(err, path)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, folderError(err, path)
	}
	return func() { _ = f.Close() }, nil
}
