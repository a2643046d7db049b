package server

import (
	"net/http"

	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/telemetry"
)

// named gives each request an id: that of a proxy before us when it is harmless, else one of ours. It comes back in the
// answer, so that a user can quote it and the log lines are found.
func named(next http.Handler) http.Handler {
	const header = "X-Request-Id"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get(header)
		if !telemetry.ValidRequest(name) {
			name = id.New()
			r.Header.Set(header, name) // the API below takes it from there
		}
		w.Header().Set(header, name)
		next.ServeHTTP(w, r.WithContext(telemetry.WithRequest(r.Context(), name)))
	})
}
