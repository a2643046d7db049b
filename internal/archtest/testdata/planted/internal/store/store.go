// Package store imports its child.
package store

import "github.com/tidemill/tidemill/internal/store/sqlite"

var X = sqlite.X
