package postgres

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/tidemill/tidemill/internal/errs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the numbered changes of the tables, to compare with those of other databases.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // cannot be: the folder is part of the program
	}
	return sub
}

// migrationLock is the key of the advisory lock that lets one process at a time change the tables: "tidemill" in hex.
const migrationLock = 0x746964656d696c6c

// migrate brings the tables up to date, on connections of its own without a limit of time.
func migrate(ctx context.Context, config *pgx.ConnConfig, log *slog.Logger) error {
	db := stdlib.OpenDB(*config)
	defer db.Close()
	var conn *sql.Conn
	err := retry(ctx, readable, func() (err error) {
		conn, err = db.Conn(ctx)
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close() // and with it the lock
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return translate(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, Migrations(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return errs.Wrap(errs.Internal, err, "the migrations of this program are broken")
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return translate(err)
	}
	if current > newest {
		return errs.New(errs.Unavailable, "the database is of schema version %d and this Tidemill knows only %d", current, newest).
			WithHint("start the newer Tidemill that wrote it, or use another database")
	}
	if current == newest {
		return nil
	}
	log.Info("migrating the database", "from", current, "to", newest)
	_, err = provider.Up(ctx)
	return translate(err)
}
