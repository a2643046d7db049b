// Package errs is the one error type of Tidemill: a kind from a closed list, a sentence for the person who has to act on
// it, and the inner error for us. The kind chooses the HTTP status and the exit code; nothing else does.
package errs

import (
	"context"
	"errors"
	"fmt"
)

// Kind classifies an error. The list is closed: a new kind needs a status in HTTPStatus and a line in docs/glossary.md.
type Kind string

// The kinds, each with the HTTP status it becomes.
const (
	Invalid         Kind = "invalid"         // 400: the request is wrong; Fields says where
	Unauthenticated Kind = "unauthenticated" // 401: nobody is signed in, or the token is dead
	Forbidden       Kind = "forbidden"       // 403: signed in, and may not
	NotFound        Kind = "not_found"       // 404: there is no such thing, or the caller may not know of it
	Conflict        Kind = "conflict"        // 409: somebody else was first
	TooLarge        Kind = "too_large"       // 413: over a limit that a setting names
	RateLimited     Kind = "rate_limited"    // 429: later
	Fenced          Kind = "fenced"          // 409: the lease of this attempt is over; its writes are refused
	Canceled        Kind = "canceled"        // 499: the caller went away
	Internal        Kind = "internal"        // 500: our bug
	Unavailable     Kind = "unavailable"     // 503: the database or a worker cannot be reached now; try again
	Timeout         Kind = "timeout"         // 504: it took longer than allowed
	StorageFull     Kind = "storage_full"    // 507: the disk is full; nothing was written
)

var statuses = map[Kind]int{
	Invalid: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404, Conflict: 409, TooLarge: 413, RateLimited: 429,
	Fenced: 409, Canceled: 499, Internal: 500, Unavailable: 503, Timeout: 504, StorageFull: 507,
}

// Field is one wrong place in the input.
type Field struct {
	Path    string // where, as a JSON path from the input's root: "args.customer.id"
	Message string // what is wrong with it and what would be right
}

// Error is what every exported function of Tidemill returns when it fails in a way a caller can act on.
type Error struct {
	Kind    Kind
	Message string  // what happened and why, one sentence, for the user
	Hint    string  // what to do next, one sentence; may be empty
	Fields  []Field // only with Invalid
	Err     error   // the cause, for the log; never shown to users
}

func (e *Error) Error() string {
	s := e.Message
	for _, f := range e.Fields {
		s += fmt.Sprintf("; %s: %s", f.Path, f.Message)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus is the status an error of this kind is answered with.
func (e *Error) HTTPStatus() int {
	if s, ok := statuses[e.Kind]; ok {
		return s
	}
	return 500
}

// New makes an error without a cause.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an error with a cause that only the log sees.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Err: cause}
}

// WithHint says what to do next and returns the same error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithField adds a wrong place and returns the same error.
func (e *Error) WithField(path, format string, args ...any) *Error {
	e.Fields = append(e.Fields, Field{Path: path, Message: fmt.Sprintf(format, args...)})
	return e
}

// KindOf finds the kind of any error: that of the first *Error in its chain, else Canceled or Timeout for a finished
// context, else Internal. KindOf(nil) is "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Timeout
	}
	if errors.Is(err, context.Canceled) {
		return Canceled
	}
	return Internal
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return KindOf(err) == kind }

// As returns err as an *Error, wrapping foreign errors with their KindOf and a message that tells nothing of the inside.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	kind := KindOf(err)
	message := "something went wrong on our side"
	switch kind {
	case Timeout:
		message = "this took longer than allowed"
	case Canceled:
		message = "the request was canceled"
	}
	return &Error{Kind: kind, Message: message, Err: err}
}
