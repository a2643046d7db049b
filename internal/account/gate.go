package account

import (
	"net/netip"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/errs"
)

// gate slows guessing down. Failures are counted for an account from one address, for an address over all accounts, and
// for an account over all addresses. The first two close the gate for a while, doubling with each failure. The third never
// closes it, or a stranger could lock the owner out: it only lowers how often each single address may try.
//
// It is kept in memory: a restart forgets it, several servers each keep their own. That multiplies an attacker's few
// tries by a small number, which the cost of a hash and the length of passwords allow for.
type gate struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]*tries
}

type tries struct {
	failures int
	last     time.Time
}

const (
	freePair    = 5   // failures of an account from an address before it waits
	freePairHot = 2   // the same when the account is under attack
	freeAddress = 30  // failures of an address over all accounts
	hotAccount  = 20  // failures of an account over all addresses that make it "under attack"
	maxTries    = 1e4 // entries kept
	firstWait   = 2 * time.Second
	firstHot    = time.Minute
	longestWait = 15 * time.Minute
	forgetAfter = time.Hour
)

func newGate(now func() time.Time) *gate { return &gate{now: now, entries: map[string]*tries{}} }

// network is what counts as one address: an IPv4 address, or the /64 that one IPv6 customer gets.
func network(address string) string {
	if ap, err := netip.ParseAddrPort(address); err == nil {
		address = ap.Addr().String()
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// check refuses a try that comes too early: errs.RateLimited that says when to come back.
func (g *gate) check(email, address string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	address = network(address)
	free, first := freePair, firstWait
	if t := g.get("account " + email); t != nil && t.failures >= hotAccount {
		free, first = freePairHot, firstHot
	}
	wait := max(g.wait("pair "+email+" "+address, free, first), g.wait("address "+address, freeAddress, firstWait))
	if wait <= 0 {
		return nil
	}
	return errs.New(errs.RateLimited, "too many failed attempts").
		WithHint("wait %s and try again", wait.Round(time.Second)+time.Second)
}

// failed notes a failure; passed forgets those of an account from an address. What the address did to other accounts
// stays, or an attacker would clear it with an account of his own.
func (g *gate) failed(email, address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	address = network(address)
	for _, key := range []string{"account " + email, "pair " + email + " " + address, "address " + address} {
		t := g.get(key)
		if t == nil {
			g.makeRoom()
			t = &tries{}
			g.entries[key] = t
		}
		t.failures++
		t.last = g.now()
	}
}

func (g *gate) passed(email, address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.entries, "pair "+email+" "+network(address))
}

func (g *gate) get(key string) *tries {
	t := g.entries[key]
	if t != nil && g.now().Sub(t.last) > forgetAfter {
		delete(g.entries, key)
		return nil
	}
	return t
}

func (g *gate) wait(key string, free int, first time.Duration) time.Duration {
	t := g.get(key)
	if t == nil || t.failures < free {
		return 0
	}
	d := longestWait
	if n := t.failures - free; n < 16 {
		d = min(d, first<<n)
	}
	return t.last.Add(d).Sub(g.now())
}

// makeRoom keeps the memory bounded: first what is forgotten anyway goes, then the quietest.
func (g *gate) makeRoom() {
	if len(g.entries) < maxTries {
		return
	}
	now := g.now()
	for k, t := range g.entries {
		if now.Sub(t.last) > forgetAfter {
			delete(g.entries, k)
		}
	}
	for drop := 1; len(g.entries) >= maxTries; drop++ { // few failures first: they cost an attacker the least to lose
		for k, t := range g.entries {
			if t.failures <= drop {
				delete(g.entries, k)
			}
			if len(g.entries) < maxTries*9/10 {
				return
			}
		}
	}
}
