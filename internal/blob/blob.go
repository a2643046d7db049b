// Package blob is the contract of the store for large values: arguments, results and whatever else is too big for a row.
//
// Keys are slash-separated names made by us, never by users. Put is atomic: a key holds the whole value or nothing, also
// after a crash. Values are immutable: a second Put of a key replaces the whole. Missing keys are errs.NotFound; a full
// disk is errs.StorageFull. The suite in blobtest is the contract in executable form.
package blob

import (
	"context"
	"io"
)

// Store keeps large values.
type Store interface {
	// Put stores all of r under key and returns its size.
	Put(ctx context.Context, key string, r io.Reader) (int64, error)
	// Get opens a value from offset on; the caller closes it. An offset at or past the end gives an empty reader.
	Get(ctx context.Context, key string, offset int64) (io.ReadCloser, error)
	// Size is the length of a value in bytes.
	Size(ctx context.Context, key string) (int64, error)
	// Delete removes a value; a missing one is fine.
	Delete(ctx context.Context, key string) error
	// List calls fn with each key that starts with prefix, in order, until fn returns an error.
	List(ctx context.Context, prefix string, fn func(key string, size int64) error) error
}
