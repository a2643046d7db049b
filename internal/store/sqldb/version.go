package sqldb

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/errs"
)

// CurrentVersion asks a migrated database for its schema version.
const CurrentVersion = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`

// NewestVersion is the highest number among migrations.
func NewestVersion(migrations fs.FS) (int64, error) {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return 0, errs.Wrap(errs.Internal, err, "the migrations of this program are broken")
	}
	var newest int64
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, errs.Wrap(errs.Internal, err, "the migrations of this program are broken")
		}
		newest = max(newest, n)
	}
	return newest, nil
}
