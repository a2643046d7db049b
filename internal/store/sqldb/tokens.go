package sqldb

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/id"
)

const tokenColumns = `id, digest, prefix, kind, email, label, workspace, scopes, expires_at, created_at, last_used_at`

// useEvery is how exact the last use of a token is kept: a write for each request would be waste.
const useEvery = time.Minute

func scanToken(scan func(...any) error) (t domain.Token, err error) {
	var scopes string
	err = scan(&t.ID, &t.Digest, &t.Prefix, &t.Kind, &t.Email, &t.Label, &t.Workspace, &scopes,
		Time{&t.ExpiresAt}, Time{&t.CreatedAt}, Time{&t.LastUsedAt})
	if err == nil {
		err = decodeList(scopes, &t.Scopes)
	}
	return t, err
}

// TokenCreate implements store.Tokens.
func (n *Nouns) TokenCreate(ctx context.Context, t domain.Token) error {
	if err := checkID("id", t.ID); err != nil {
		return err
	}
	_, err := n.exec(ctx, `INSERT INTO token (id, digest, prefix, kind, email, label, workspace, scopes, expires_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, @now)`,
		t.ID, t.Digest, t.Prefix, string(t.Kind), t.Email, t.Label, t.Workspace, encodeList(t.Scopes), t.ExpiresAt)
	return taken(err, "this token exists already")
}

// TokenUse implements store.Tokens.
func (n *Nouns) TokenUse(ctx context.Context, digest string) (domain.Token, error) {
	var t domain.Token
	var found, stale bool
	err := n.read(ctx, func(ctx context.Context, c *Conn) error {
		found = false
		return c.Query(ctx, `SELECT `+tokenColumns+`,
			CASE WHEN last_used_at > @now - @us * CAST(? AS bigint) THEN 0 ELSE 1 END
			FROM token WHERE digest = ? AND (expires_at IS NULL OR expires_at > @now)`,
			[]any{useEvery.Microseconds(), digest}, func(scan func(...any) error) (err error) {
				var old int
				t, err = scanToken(func(dest ...any) error { return scan(append(dest, &old)...) })
				found, stale = true, old == 1
				return err
			})
	})
	if err != nil {
		return domain.Token{}, err
	}
	if !found {
		return domain.Token{}, missing("the token is unknown or has expired")
	}
	if stale {
		err = n.write(ctx, func(ctx context.Context, c *Conn) error {
			if _, err := c.One(ctx, `UPDATE token SET last_used_at = @now WHERE id = ? RETURNING last_used_at`,
				[]any{t.ID}, Time{&t.LastUsedAt}); err != nil {
				return err
			}
			_, err := c.Exec(ctx, `UPDATE person SET last_seen_at = @now WHERE email = ?`, t.Email)
			return err
		})
	}
	return t, err
}

// TokenList implements store.Tokens.
func (n *Nouns) TokenList(ctx context.Context, email string) (out []domain.Token, err error) {
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+tokenColumns+` FROM token WHERE email = ? ORDER BY id DESC`, []any{email},
			func(scan func(...any) error) error {
				t, err := scanToken(scan)
				t.Digest = ""
				out = append(out, t)
				return err
			})
	})
	return out, err
}

// TokenDelete implements store.Tokens.
func (n *Nouns) TokenDelete(ctx context.Context, email, tokenID string) error {
	if !id.Valid(tokenID) {
		return missing("there is no token %s", tokenID)
	}
	rows, err := n.exec(ctx, `DELETE FROM token WHERE email = ? AND id = ?`, email, tokenID)
	if err == nil && rows == 0 {
		return missing("there is no token %s", tokenID)
	}
	return err
}

// TokenDeleteAll implements store.Tokens.
func (n *Nouns) TokenDeleteAll(ctx context.Context, email, except string) error {
	if !id.Valid(except) {
		_, err := n.exec(ctx, `DELETE FROM token WHERE email = ?`, email)
		return err
	}
	_, err := n.exec(ctx, `DELETE FROM token WHERE email = ? AND id <> ?`, email, except)
	return err
}

// TokenDeleteExpired implements store.Tokens.
func (n *Nouns) TokenDeleteExpired(ctx context.Context) error {
	_, err := n.exec(ctx, `DELETE FROM token WHERE expires_at <= @now`)
	return err
}

// encodeList is the stored form of a list of texts: JSON, or nothing at all for an empty one.
func encodeList[T ~string](list []T) string {
	if len(list) == 0 {
		return ""
	}
	b, _ := json.Marshal(list) // texts always marshal
	return string(b)
}

func decodeList[T ~string](s string, out *[]T) error {
	if s == "" {
		*out = nil
		return nil
	}
	return json.Unmarshal([]byte(s), out)
}
