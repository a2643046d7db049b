package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tidemill/tidemill/internal/errs"
)

// Codes of PostgreSQL, appendix A of its manual.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	serialization       = "40001"
	deadlock            = "40P01"
	lockNotAvailable    = "55P03"
	queryCanceled       = "57014"
	diskFull            = "53100"
	badEncoding         = "22021"
	badText             = "22P02"
	untranslatable      = "22P05"
	programLimit        = "54000"
)

// before marks a failure ahead of COMMIT on a connection that broke: nothing was changed.
type before struct{ error }

func (b before) Unwrap() error { return b.error }

// unknown marks a COMMIT without an answer. It must never run again by itself, although the driver may call the error safe
// to retry: it speaks of a connection that was closed, not of what was sent before.
type unknown struct{ error }

func (u unknown) Unwrap() error { return u.error }

// dropped says whether the connection broke or could not be made.
func dropped(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code[:2] {
		case "57": // the server is being stopped or started
			return refused.Code != queryCanceled
		case "08":
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &network) || pgconn.SafeToRetry(err) && !ended(err)
}

// refused says whether a connection could not even be made.
func refused(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect)
}

func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// conflicted says whether the server rolled back because of what others did at the same time.
func conflicted(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == serialization || refused.Code == deadlock)
}

// unchanged says whether a failed change certainly changed nothing and may run again.
func unchanged(err error) bool {
	var late unknown
	if ended(err) || errors.As(err, &late) {
		return false
	}
	var early before
	return errors.As(err, &early) || conflicted(err) || pgconn.SafeToRetry(err)
}

// readable says whether a failed read may run again.
func readable(err error) bool { return !ended(err) && (dropped(err) || conflicted(err)) }

// translate turns an error of the driver into ours, by its code.
func translate(err error) error {
	var own *errs.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case uniqueViolation:
			return errs.Wrap(errs.Conflict, err, "it exists already")
		case foreignKeyViolation:
			return errs.Wrap(errs.NotFound, err, "something that this refers to does not exist")
		case diskFull:
			return errs.Wrap(errs.StorageFull, err, "the disk of the database is full; nothing was written").
				WithHint("free some space on the database server")
		case badEncoding, badText, untranslatable:
			return errs.Wrap(errs.Invalid, err, "a text contains something that the database cannot store")
		case programLimit:
			return errs.Wrap(errs.TooLarge, err, "the value is too large for the database")
		case serialization, deadlock, lockNotAvailable:
			return errs.Wrap(errs.Unavailable, err, "the database is busy").WithHint("try again")
		case queryCanceled:
			return errs.Wrap(errs.Timeout, err, "the database took longer than allowed").WithHint("ask for less at once, or try again later")
		}
		switch refused.Code[:2] {
		case "08", "53", "57", "28", "3D":
			return unavailable(err)
		}
		return errs.Wrap(errs.Internal, err, "the database failed")
	}
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) {
		return errs.Wrap(errs.Unavailable, err, "the database is closed")
	}
	var connect *pgconn.ConnectError
	if ended(err) && !errors.As(err, &connect) {
		return err
	}
	if dropped(err) {
		return unavailable(err)
	}
	return errs.Wrap(errs.Internal, err, "the database failed")
}

func unavailable(err error) error {
	return errs.Wrap(errs.Unavailable, err, "the database cannot be reached").
		WithHint("check that PostgreSQL runs and that the database URL is right, then try again")
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
