package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// Version reads the schema version of a database, the newest one that this program knows, and what the server calls
// itself. It changes nothing.
func Version(ctx context.Context, url string) (current, newest int64, program string, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return 0, 0, "", errs.New(errs.Invalid, "the database URL is not valid"). // the inner error may quote the password
												WithHint("write it like postgres://user:password@host:5432/database")
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, 0, "", translate(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var known bool
	err = conn.QueryRow(ctx, `SELECT 'PostgreSQL ' || current_setting('server_version'), to_regclass('goose_db_version') IS NOT NULL`).
		Scan(&program, &known)
	if err != nil {
		return 0, 0, "", translate(err)
	}
	if known {
		if err := conn.QueryRow(ctx, sqldb.CurrentVersion).Scan(&current); err != nil {
			return 0, 0, "", translate(err)
		}
	}
	newest, err = sqldb.NewestVersion(Migrations())
	return current, newest, program, err
}
