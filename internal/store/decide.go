package store

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/perm"
)

// Decide is perm.Decide with the grants that it needs read from s, which may be a transaction.
func Decide(ctx context.Context, s Grants, who domain.Identity, p perm.Permission, path string) (perm.Decision, error) {
	var a domain.Access
	if perm.NeedsAccess(who, path) {
		var err error
		if a, err = s.AccessTo(ctx, who.Workspace, who.Username, path); err != nil {
			return perm.Decision{}, err
		}
	}
	return perm.Decide(who, p, path, a), nil
}
