// Package fs keeps blobs as files of a folder: the key is the path below it.
//
// A value is written to a temporary file, synced, renamed to its name, and the folder is synced: after a crash a key holds
// the whole value or nothing. What a crash leaves in tmp/ is removed by an Open an hour later or more.
package fs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/blob"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
)

// The folder has two children: values by key, and files that are being written.
const (
	values  = "values"
	writing = "tmp"
	// maxKey and maxPart are what common file systems can hold.
	maxKey  = 1024
	maxPart = 200
	// abandoned is for how long nobody has written to a temporary file that a crash left.
	abandoned = time.Hour
)

// Store is a blob.Store in a folder. Several processes may use one folder.
type Store struct {
	root *os.Root
	dir  string
}

var _ blob.Store = (*Store)(nil)

// Open opens or makes the folder (0700) and removes what a crash left half-written long ago.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(err, dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unusable(err, dir)
	}
	s := &Store{root: root, dir: dir}
	for _, child := range []string{values, writing} {
		if err := root.Mkdir(child, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			_ = root.Close()
			return nil, unusable(err, dir)
		}
	}
	if err := s.tidy(time.Now().Add(-abandoned)); err != nil {
		_ = root.Close()
		return nil, unusable(err, dir)
	}
	return s, nil
}

// tidy removes temporary files that nobody has written to since the time.
func (s *Store) tidy(since time.Time) error {
	d, err := s.root.Open(writing)
	if err != nil {
		return err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(since) {
			_ = s.root.Remove(path.Join(writing, e.Name())) // the next Open tries again
		}
	}
	return err
}

// Close releases the folder. Readers that are open stay usable.
func (s *Store) Close() error { return s.root.Close() }

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (size int64, err error) {
	name, err := place(key)
	if err != nil {
		return 0, err
	}
	temp := path.Join(writing, id.New())
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, translate(err, key)
	}
	source := &reader{ctx: ctx, r: r}
	size, err = io.Copy(f, source)
	switch {
	case source.err != nil:
		// What the source says is its own affair: it keeps its kind.
		err = source.err
	case err != nil:
		err = translate(err, key)
	default:
		err = translate(f.Sync(), key)
	}
	if e := f.Close(); err == nil {
		err = translate(e, key)
	}
	if err == nil {
		err = s.publish(temp, name, key)
	}
	if err != nil {
		_ = s.root.Remove(temp)
		return 0, err
	}
	return size, nil
}

// publish gives a complete file its name.
func (s *Store) publish(temp, name, key string) error {
	// A Delete may remove a folder between its making and the rename; then it is made once more.
	for try := 0; ; try++ {
		made, err := s.makeDirs(path.Dir(name))
		if err == nil {
			err = s.root.Rename(temp, name)
		}
		if errors.Is(err, fs.ErrNotExist) && try < 10 {
			continue
		}
		if errors.Is(err, unix.ENOTDIR) {
			err = errBelow
		}
		if err != nil {
			return translate(err, key)
		}
		// The name lasts when its folder is on the disk, and that one's when its parent is.
		for _, dir := range append([]string{path.Dir(name)}, made...) {
			if err := s.syncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return translate(err, key)
			}
		}
		return nil
	}
}

// makeDirs makes the folder dir and returns the folders that got a new child.
func (s *Store) makeDirs(dir string) (parents []string, err error) {
	if _, err := s.root.Stat(dir); err == nil {
		return nil, nil
	}
	for i := len(values) + 1; i <= len(dir); i++ {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		switch err := s.root.Mkdir(dir[:i], 0o700); {
		case err == nil:
			parents = append(parents, path.Dir(dir[:i]))
		case !errors.Is(err, fs.ErrExist):
			return parents, err
		}
	}
	return parents, nil
}

func (s *Store) syncDir(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Get implements blob.Store.
func (s *Store) Get(_ context.Context, key string, offset int64) (io.ReadCloser, error) {
	f, _, err := s.open(key)
	if err != nil {
		return nil, err
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			_ = f.Close()
			return nil, translate(err, key)
		}
	}
	return f, nil
}

// Size implements blob.Store.
func (s *Store) Size(_ context.Context, key string) (int64, error) {
	f, size, err := s.open(key)
	if err != nil {
		return 0, err
	}
	_ = f.Close()
	return size, nil
}

func (s *Store) open(key string) (*os.File, int64, error) {
	name, err := place(key)
	if err != nil {
		return nil, 0, err
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, 0, translate(err, key)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist // a folder of keys is no value
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, translate(err, key)
	}
	return f, info.Size(), nil
}

// Delete implements blob.Store. Folders that become empty go too.
func (s *Store) Delete(_ context.Context, key string) error {
	name, err := place(key)
	if err != nil {
		return err
	}
	if info, err := s.root.Lstat(name); err != nil || info.IsDir() {
		if err == nil || missing(err) {
			return nil
		}
		return translate(err, key)
	}
	if err := s.root.Remove(name); err != nil && !missing(err) {
		return translate(err, key)
	}
	for dir := path.Dir(name); dir != values; dir = path.Dir(dir) {
		if s.root.Remove(dir) != nil {
			break // not empty
		}
	}
	return nil
}

// List implements blob.Store.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, size int64) error) error {
	return s.walk(ctx, "", prefix, fn)
}

// walk lists the keys below a folder, in the order of whole keys: "a.b" comes before "a/b", so a folder sorts as its name
// with the slash.
func (s *Store) walk(ctx context.Context, dir, prefix string, fn func(key string, size int64) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d, err := s.root.Open(path.Join(values, dir))
	if err != nil {
		if missing(err) {
			return nil
		}
		return translate(err, dir)
	}
	entries, err := d.ReadDir(-1)
	_ = d.Close()
	if err != nil {
		return translate(err, dir)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		name := dir + e.Name()
		if e.IsDir() {
			name += "/"
			if !strings.HasPrefix(name, prefix) && !strings.HasPrefix(prefix, name) {
				continue
			}
		} else if !strings.HasPrefix(name, prefix) {
			continue
		}
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			if err := s.walk(ctx, name, prefix, fn); err != nil {
				return err
			}
			continue
		}
		info, err := s.root.Lstat(path.Join(values, name))
		if missing(err) {
			continue // deleted meanwhile
		}
		if err != nil {
			return translate(err, name)
		}
		if err := fn(name, info.Size()); err != nil {
			return err
		}
	}
	return nil
}

// place checks a key, part by part, and returns the path of its file.
func place(key string) (string, error) {
	bad := func(why string) (string, error) {
		return "", errs.New(errs.Invalid, "the key %q of a blob %s", key, why)
	}
	if key == "" || len(key) > maxKey {
		return bad("is empty or too long")
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || len(part) > maxPart {
			return bad("has a part that is empty, too long, '.' or '..'")
		}
		for _, c := range []byte(part) {
			if c < 0x20 || c == 0x7f || c == '\\' {
				return bad("has a part with a control character or a backslash")
			}
		}
	}
	return path.Join(values, key), nil
}

// reader stops at the end of the context and remembers the error of the source.
type reader struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		r.err = err
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// errBelow is the error of a key that goes on from another one: "a/b" where "a" is a value.
var errBelow = errors.New("the key goes on below a value")

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

func translate(err error, key string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		return errs.Wrap(errs.StorageFull, err, "the disk for large values is full; nothing was written").
			WithHint("free some space on the disk of the data folder")
	case errors.Is(err, unix.EISDIR) || errors.Is(err, errBelow) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, fs.ErrExist):
		return errs.Wrap(errs.Conflict, err, "the key %q of a blob is the folder of another key, or another key is its folder", key)
	case missing(err):
		return errs.Wrap(errs.NotFound, err, "there is no blob %q", key)
	}
	return errs.Wrap(errs.Unavailable, err, "the folder for large values cannot be read or written").
		WithHint("check the disk, the owner and the permissions of the data folder")
}

func unusable(err error, dir string) error {
	if errors.Is(err, unix.ENOSPC) {
		return translate(err, dir)
	}
	return errs.Wrap(errs.Unavailable, err, "the folder %s for large values cannot be used", dir).
		WithHint("check its owner and permissions, or choose another folder")
}
