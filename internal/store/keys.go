package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Key is an API key as it is kept: the secret itself is not.
type Key struct {
	ID      int64
	Name    string
	Scopes  []string
	Created time.Time
	Revoked time.Time // zero while it is good
}

// May reports whether the key is good and has a scope.
func (k Key) May(scope string) bool { return k.Revoked.IsZero() && slices.Contains(k.Scopes, scope) }

// secretPrefix lets people and scanners see what a leaked string is.
const secretPrefix = "rpk_"

// CreateKey makes an API key. The secret is shown this once: only its SHA-256
// is stored, which is enough for 160 random bits.
func (s *Store) CreateKey(ctx context.Context, name string, scopes []string, now time.Time) (k Key, secret string, err error) {
	reserved, err := s.ids(ctx, 1, now)
	if err != nil {
		return Key{}, "", err
	}
	raw := make([]byte, 20)
	rand.Read(raw) // never fails
	secret = secretPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(raw))
	k = Key{ID: reserved.again()(), Name: name, Scopes: slices.Clone(scopes), Created: at(ms(now))}
	err = s.db.write(ctx, func(q querier) error {
		_, err := q.exec(ctx, `insert into api_keys (id, name, hash, scopes, created_at) values ($1, $2, $3, $4, $5)`,
			k.ID, k.Name, hashSecret(secret), strings.Join(scopes, " "), ms(now))
		return err
	})
	if err != nil {
		return Key{}, "", fmt.Errorf("cannot create a key: %w", err)
	}
	return k, secret, nil
}

// FindKey returns the key with a secret, unless it was revoked.
func (s *Store) FindKey(ctx context.Context, secret string) (k Key, found bool, err error) {
	if !strings.HasPrefix(secret, secretPrefix) {
		return Key{}, false, nil
	}
	list, err := s.keys(ctx, `where hash = $1 and revoked_at is null`, hashSecret(secret))
	if err != nil || len(list) == 0 {
		return Key{}, false, err
	}
	return list[0], true, nil
}

// Keys lists all keys, oldest first.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	return s.keys(ctx, `order by created_at, id`)
}

// RevokeKey ends a key for good. It reports whether there was such a key that
// was still good.
func (s *Store) RevokeKey(ctx context.Context, id int64, now time.Time) (revoked bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `update api_keys set revoked_at = $1 where id = $2 and revoked_at is null`, ms(now), id)
		revoked = n > 0
		return err
	})
	return revoked, err
}

func (s *Store) keys(ctx context.Context, where string, args ...any) ([]Key, error) {
	var out []Key
	err := each(ctx, s.db, `select id, name, scopes, created_at, revoked_at from api_keys `+where, args,
		func(scan func(...any) error) error {
			var k Key
			var scopes string
			var created int64
			var revoked *int64
			if err := scan(&k.ID, &k.Name, &scopes, &created, &revoked); err != nil {
				return err
			}
			k.Scopes, k.Created, k.Revoked = strings.Fields(scopes), at(created), atNull(revoked)
			out = append(out, k)
			return nil
		})
	return out, err
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
