package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/tidemill/tidemill/internal/errs"
)

// MinPassword and MaxPassword bound the length of a password: in characters below, in bytes above.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// Cost is how expensive hashing a password is made. It is stored in every hash, so it can be changed at any time: old
// hashes are verified at their own cost and renewed at the next sign-in.
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// DefaultCost takes about 50 ms and 32 MiB on a small server, above what OWASP asks for argon2id.
func DefaultCost() Cost { return Cost{Memory: 32 << 10, Passes: 2, Threads: 1} }

// The most that a stored hash may ask for: a damaged row must not stop the server.
const (
	maxMemory = 1 << 20 // KiB
	maxPasses = 64
)

// CheckPassword says whether a password may be set. The error is Invalid on the field.
func CheckPassword(field, password string) error {
	bad := errs.New(errs.Invalid, "the password is not valid")
	switch {
	case !utf8.ValidString(password):
		return bad.WithField(field, "must be text")
	case utf8.RuneCountInString(password) < MinPassword:
		return bad.WithField(field, "must have at least %d characters", MinPassword)
	case len(password) > MaxPassword:
		return bad.WithField(field, "must have at most %d bytes", MaxPassword)
	case strings.TrimSpace(password) == "":
		return bad.WithField(field, "must not be only spaces")
	}
	return nil
}

func hashPassword(password string, c Cost) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails: it ends the program instead
	key := argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Threads, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// verifyPassword compares a password with a hash in PHC form; cost is what the hash was made with.
func verifyPassword(password, phc string) (ok bool, cost Cost) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return false, Cost{}
	}
	var c Cost
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &c.Threads); err != nil || n != 3 {
		return false, Cost{}
	}
	if c.Memory == 0 || c.Memory > maxMemory || c.Passes == 0 || c.Passes > maxPasses || c.Threads == 0 {
		return false, Cost{}
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) == 0 || len(salt) > 64 {
		return false, Cost{}
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false, Cost{}
	}
	got := argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, c
}

// hash makes a hash when its turn comes: each takes Cost.Memory, and a crowd of sign-ins must not take all there is.
func (s *Service) hash(ctx context.Context, password string) (string, error) {
	release, err := s.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return hashPassword(password, s.cost), nil
}

func (s *Service) verify(ctx context.Context, password, phc string) (bool, Cost, error) {
	release, err := s.turn(ctx)
	if err != nil {
		return false, Cost{}, err
	}
	defer release()
	if phc == "" {
		_, _ = verifyPassword(password, s.dummy()) // as long as a real one
		return false, s.cost, nil
	}
	ok, c := verifyPassword(password, phc)
	return ok, c, nil
}

func (s *Service) turn(ctx context.Context) (release func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, errs.Wrap(errs.KindOf(ctx.Err()), ctx.Err(), "the request ended before the password was checked")
	}
}
