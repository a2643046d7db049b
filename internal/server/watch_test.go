package server

import (
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/events"
)

var watchStarted = events.Filter{Kinds: []domain.EventKind{domain.EventStarted}}
