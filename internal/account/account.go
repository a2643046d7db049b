// Package account is who is who: the first administrator, passwords, sessions, personal tokens and jobs' tokens.
//
// Secrets are shown once and stored as digests. Nothing is cached: what an administrator revokes, disables or removes is
// gone with the next request. Errors of signing in tell nothing about who exists.
package account

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

// Prefixes by which a secret is recognised, in a list, in a log that should not have it, and by Authenticate.
const (
	PrefixSession  = "tmses_"
	PrefixPersonal = "tmpat_"
	PrefixJob      = "tmjob_"
	PrefixInvite   = "tminv_"

	secretLength = 42 // random characters after the prefix: about 250 bits
)

// How long secrets live.
const (
	SessionLife = 30 * 24 * time.Hour
	InviteLife  = 24 * time.Hour
)

// FirstWorkspace is the id of the workspace that is created with the first administrator.
const FirstWorkspace = "main"

// Options say what a Service works with.
type Options struct {
	Store   store.Store
	Log     *slog.Logger // nil: none
	BaseURL string       // where people reach the server, without a slash at the end; links begin with it
	Cost    Cost         // of hashing a password; zero is DefaultCost()
	Now     func() time.Time
}

// Service answers who is asking and keeps the secrets by which people and programs prove it.
type Service struct {
	store store.Store
	log   *slog.Logger
	base  string
	cost  Cost
	now   func() time.Time
	gate  *gate
	slots chan struct{} // bounds how many passwords are hashed at once
	dummy func() string // hash of nobody's password, verified for unknown users so that they take as long

	mu  sync.Mutex
	key []byte // signs jobs' tokens; nil until read
}

// New makes a Service. It does not touch the store.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost()
	}
	s := &Service{
		store: o.Store, log: o.Log, base: strings.TrimSuffix(o.BaseURL, "/"), cost: o.Cost, now: o.Now,
		gate: newGate(o.Now), slots: make(chan struct{}, 2),
	}
	s.dummy = sync.OnceValue(func() string { return hashPassword(id.Secret(16), o.Cost) })
	return s
}

// Start reads the key of jobs' tokens, making it on the very first start, and sweeps what has expired.
func (s *Service) Start(ctx context.Context) error {
	if _, err := s.signingKey(ctx); err != nil {
		return err
	}
	if err := s.store.InviteDeleteExpired(ctx); err != nil {
		return err
	}
	return s.store.TokenDeleteExpired(ctx)
}

// Stop does nothing: the service has no parts that run. It is there so that a lifecycle group can hold it.
func (s *Service) Stop(context.Context) error { return nil }

var addressForm = regexp.MustCompile(`^[^\s@<>"',;:\\()\[\]]+@[^\s@<>"',;:\\()\[\]]+$`)

// normalEmail is the form in which an e-mail address is stored and compared.
func normalEmail(field, email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if len(email) > 254 || !addressForm.MatchString(email) {
		return "", errs.New(errs.Invalid, "the e-mail address is not valid").
			WithField(field, "must look like name@example.com")
	}
	return email, nil
}

var notUsername = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// usernameFrom derives a user name from the local part of an e-mail address: "ada.lovelace@…" becomes ada_lovelace.
func usernameFrom(email string) string {
	local, _, _ := strings.Cut(email, "@")
	local, _, _ = strings.Cut(local, "+")
	name := strings.Trim(notUsername.ReplaceAllString(local, "_"), "_")
	name = strings.TrimLeft(name, "0123456789_")
	if name == "" {
		name = "user"
	}
	if len(name) > 40 { // leaves room for a number
		name = name[:40]
	}
	return name
}

// freeUsername derives a name that no other member of the workspace has.
func freeUsername(ctx context.Context, tx store.Nouns, workspace, email string) (string, error) {
	members, err := tx.MemberList(ctx, workspace)
	if err != nil {
		return "", err
	}
	taken := make(map[string]bool, len(members))
	for _, m := range members {
		if m.Email != email {
			taken[strings.ToLower(m.Username)] = true
		}
	}
	base := usernameFrom(email)
	name := base
	for n := 2; taken[strings.ToLower(name)]; n++ {
		name = base + strconv.Itoa(n)
	}
	return name, nil
}

// join makes email a member of the workspace, keeping the name and a stronger role that it has already.
func join(ctx context.Context, tx store.Nouns, workspace, email string, role domain.Role) (domain.Member, error) {
	old, err := tx.MemberGet(ctx, workspace, email)
	switch {
	case err == nil:
		if rank(old.Role) >= rank(role) && !old.Disabled {
			return old, nil
		}
		if rank(role) > rank(old.Role) {
			old.Role = role
		}
		old.Disabled = false
		return old, tx.MemberPut(ctx, old)
	case !errs.Is(err, errs.NotFound):
		return domain.Member{}, err
	}
	name, err := freeUsername(ctx, tx, workspace, email)
	if err != nil {
		return domain.Member{}, err
	}
	m := domain.Member{Workspace: workspace, Email: email, Username: name, Role: role}
	return m, tx.MemberPut(ctx, m)
}

func rank(r domain.Role) int {
	return slices.Index([]domain.Role{domain.RoleOperator, domain.RoleDeveloper, domain.RoleAdmin}, r)
}
