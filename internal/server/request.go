package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/internal/config"
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

// behind puts the address of the client into RemoteAddr when the request came through a proxy that is trusted to name it.
// Of the addresses in X-Forwarded-For the last one counts that no trusted proxy has: what is before it, the client may
// have written itself.
func behind(proxies []string, next http.Handler) http.Handler {
	var trusted []netip.Prefix
	for _, p := range proxies {
		if n, err := config.Network(p); err == nil { // checked when the configuration was read
			trusted = append(trusted, n)
		}
	}
	if len(trusted) == 0 {
		return next
	}
	known := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !known(peer.Addr()) {
			next.ServeHTTP(w, r)
			return
		}
		client := peer.Addr()
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			a, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				break
			}
			client = a.Unmap()
			if !known(a) {
				break
			}
		}
		r = r.WithContext(r.Context())
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		next.ServeHTTP(w, r)
	})
}
