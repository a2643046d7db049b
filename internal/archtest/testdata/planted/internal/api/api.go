// Package api breaks three rules.
package api

import (
	"database/sql"

	"github.com/tidemill/tidemill/internal/store/sqlite"
)

var _ = sql.ErrNoRows
var _ = sqlite.X
var _ = "snake3"
