// Package id makes identifiers: time-ordered UUIDs for rows, secrets for tokens and links, and content hashes for
// script versions.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// New returns a UUIDv7 in its text form: later ids sort after earlier ones (to the millisecond, and within one process).
func New() string { return uuid.Must(uuid.NewV7()).String() }

// Valid reports whether s is a UUID in its canonical lower-case text form.
func Valid(s string) bool {
	u, err := uuid.Parse(s)
	return err == nil && u.String() == s
}

// Time is the moment at which a UUIDv7 was made, to the millisecond; zero for any other text.
func Time(s string) time.Time {
	u, err := uuid.Parse(s)
	if err != nil || u.Version() != 7 {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(append([]byte{0, 0}, u[:6]...)))).UTC()
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Secret returns n random characters of [0-9A-Za-z], about 5.95 bits each, for tokens and one-time links.
func Secret(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // crypto/rand.Read never fails: it crashes the program instead
		for _, b := range buf {
			if b < 248 && len(out) < n { // 248 = 4*62: rejecting the rest keeps the choice uniform
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}

// Digest is the SHA-256 of s in hex: what is stored of a secret.
func Digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Hash64 is a 64-bit content hash of the parts as 16 hex digits. Parts are length-prefixed, so that moving a character
// from one part to the next changes the hash. The top bit is clear: Windmill's clients read hashes as signed numbers.
func Hash64(parts ...[]byte) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	sum := h.Sum(nil)
	return fmt.Sprintf("%016x", binary.BigEndian.Uint64(sum)&(1<<63-1))
}
