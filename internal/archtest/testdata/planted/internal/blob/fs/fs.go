// Package fs imports its sibling.
package fs

import "github.com/tidemill/tidemill/internal/blob/s3"

var _ = s3.X
