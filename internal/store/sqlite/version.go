package sqlite

import (
	"context"
	"path/filepath"

	"github.com/tidemill/tidemill/internal/store/sqldb"
)

// Version reads the schema version of a file, the newest one that this program knows, and what SQLite calls itself. It
// changes nothing and needs no lock.
func Version(ctx context.Context, path string) (current, newest int64, program string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return 0, 0, "", folderError(err, path)
	}
	db := open(path, true)
	defer db.Close()
	if err := db.QueryRowContext(ctx, `SELECT 'SQLite ' || sqlite_version()`).Scan(&program); err != nil {
		return 0, 0, "", openError(err, path)
	}
	var tables int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`).Scan(&tables); err != nil {
		return 0, 0, "", openError(err, path)
	}
	if tables > 0 {
		if err := db.QueryRowContext(ctx, sqldb.CurrentVersion).Scan(&current); err != nil {
			return 0, 0, "", openError(err, path)
		}
	}
	newest, err = sqldb.NewestVersion(Migrations())
	return current, newest, program, err
}
