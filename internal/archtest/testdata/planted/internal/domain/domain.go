// Package domain acts.
package domain

import (
	"os"
	"time"

	"github.com/tidemill/tidemill/internal/store"
)

func F() {
	go func() { _ = time.Now() }()
	_ = os.Args
	_ = store.X
}
