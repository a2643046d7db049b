package sqlite

import (
	"context"
	"database/sql"
	"errors"

	msqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tidemill/tidemill/internal/errs"
)

// translate turns an error of the driver into ours, by its code.
func translate(err error) error {
	var own *errs.Error
	if err == nil || errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) {
		return errs.Wrap(errs.Unavailable, err, "the database is closed")
	}
	var e *msqlite.Error
	if !errors.As(err, &e) {
		return errs.Wrap(errs.Internal, err, "the database failed")
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return errs.Wrap(errs.Conflict, err, "it exists already")
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return errs.Wrap(errs.NotFound, err, "something that this refers to does not exist")
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return full(err)
	case sqlite3.SQLITE_INTERRUPT:
		return errs.Wrap(errs.Canceled, err, "the request was canceled")
	case sqlite3.SQLITE_TOOBIG:
		return errs.Wrap(errs.TooLarge, err, "the value is too large for the database")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return errs.Wrap(errs.Unavailable, err, "the database is busy").WithHint("try again")
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_PERM:
		return errs.Wrap(errs.Unavailable, err, "the database file cannot be read or written").
			WithHint("check the disk, the owner and the permissions of the data folder; the log has the details")
	}
	return errs.Wrap(errs.Internal, err, "the database failed")
}

func full(err error) error {
	return errs.Wrap(errs.StorageFull, err, "the disk of the database is full; nothing was written").
		WithHint("free some space on the disk of the data folder")
}
