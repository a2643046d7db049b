// Package snake is a language.
package snake

import "github.com/tidemill/tidemill/internal/lang"

var _ = lang.Manifest{ID: "snake3"}
