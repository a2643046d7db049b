package account

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tidemill/tidemill/internal/errs"
)

func TestTheGateRemembersABoundedNumber(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := newGate(func() time.Time { return now })
	for range 40 { // an attacker worth remembering
		g.failed("root@example.com", "192.0.2.1")
	}
	for i := range 3 * int(maxTries) {
		g.failed(fmt.Sprintf("user%d@example.com", i), fmt.Sprintf("198.51.%d.%d", i/256%256, i%256))
	}
	if n := len(g.entries); n > int(maxTries)+3 {
		t.Fatalf("%d entries", n)
	}
	if err := g.check("root@example.com", "192.0.2.1"); !errs.Is(err, errs.RateLimited) {
		t.Fatalf("noise made the gate forget: %v", err)
	}
	now = now.Add(forgetAfter + time.Second)
	if err := g.check("root@example.com", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
}

func TestTheGateDoublesUpToALimit(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := newGate(func() time.Time { return now })
	for range freePair {
		if err := g.check("a", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		g.failed("a", "192.0.2.1")
	}
	last := time.Duration(0)
	for i := range 40 {
		wait := g.wait("pair a 192.0.2.1", freePair, firstWait)
		if wait < last || wait > longestWait || i == 0 && wait != firstWait {
			t.Fatalf("step %d: %v after %v", i, wait, last)
		}
		last = wait
		now = now.Add(wait)
		g.failed("a", "192.0.2.1")
	}
	if last != longestWait {
		t.Fatalf("got %v", last)
	}
	g.passed("a", "192.0.2.1")
	if wait := g.wait("pair a 192.0.2.1", freePair, firstWait); wait > 0 {
		t.Fatalf("success is not honoured: %v", wait)
	}
}

func TestHashesAreVerifiedAndDamagedOnesRefused(t *testing.T) {
	t.Parallel()
	cost := Cost{Memory: 8, Passes: 1, Threads: 1}
	good := hashPassword("correct horse", cost)
	if ok, c := verifyPassword("correct horse", good); !ok || c != cost {
		t.Fatalf("got %v, %+v", ok, c)
	}
	for _, bad := range []string{
		"", "x", "$argon2id$", "$argon2id$v=19$m=99999999,t=1,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=0,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2i" + good[9:], good + "$", good[:len(good)-1],
	} {
		if ok, _ := verifyPassword("correct horse", bad); ok {
			t.Errorf("%q verifies", bad)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		if ok, _ := verifyPassword(b, hashPassword(a, cost)); ok != (a == b) {
			t.Fatalf("%q against %q: %v", a, b, ok)
		}
	})
}

// TestNobodysPasswordTakesAsLong compares the fastest of several tries, which a busy machine disturbs least. Without the
// hash of nobody's password an unknown address would be refused a hundred times faster.
func TestNobodysPasswordTakesAsLong(t *testing.T) {
	s := New(Options{Cost: Cost{Memory: 8 << 10, Passes: 2, Threads: 1}})
	known := hashPassword("correct horse", s.cost)
	fastest := func(phc string) time.Duration {
		best := time.Hour
		for range 6 {
			began := time.Now()
			if _, _, err := s.verify(t.Context(), "wrong password", phc); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	a, b := fastest(known), fastest("")
	if b < a/3 || b > 3*a {
		t.Fatalf("a known user takes %v, an unknown one %v", a, b)
	}
}

func FuzzUsername(f *testing.F) {
	for _, s := range []string{"ada@x", "42@x", "@x", "a+b@x", "_@x", "ä@x", "a.b-c@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, email string) {
		if name := usernameFrom(email); !usernameForm(name) {
			t.Fatalf("%q gives %q", email, name)
		}
	})
}
