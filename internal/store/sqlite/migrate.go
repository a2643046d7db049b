package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"log/slog"

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

// migrate brings the tables up to date. Processes that start at once take turns.
func migrate(ctx context.Context, db *sql.DB, path string, log *slog.Logger) error {
	unlock, err := lockMigration(path)
	if err != nil {
		return err
	}
	defer unlock()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, Migrations(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return errs.Wrap(errs.Internal, err, "the migrations of this program are broken")
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return openError(err, path)
	}
	if current > newest {
		return errs.New(errs.Unavailable, "the database %s is of schema version %d and this Tidemill knows only %d", path, current, newest).
			WithHint("start the newer Tidemill that wrote it, or use another data folder")
	}
	if current == newest {
		return nil
	}
	log.Info("migrating the database", "from", current, "to", newest)
	if _, err := provider.Up(ctx); err != nil {
		return openError(err, path)
	}
	return nil
}
