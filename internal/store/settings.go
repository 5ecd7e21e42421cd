package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// Settings of the engine itself.
const (
	settingDatabase = "database_id"
	settingErasure  = "erasure_key"
	settingLinks    = "link_secret"
	settingLive     = "live"
)

// Setting reads a setting; found is false when it was never set.
func (s *Store) Setting(ctx context.Context, key string) (value string, found bool, err error) {
	return setting(ctx, s.db, key)
}

func setting(ctx context.Context, q querier, key string) (value string, found bool, err error) {
	found, err = one(ctx, q, `select value from settings where key = $1`, []any{key}, &value)
	return value, found, err
}

// SetSetting writes a setting.
func (s *Store) SetSetting(ctx context.Context, key, value string) error {
	return s.db.write(ctx, func(q querier) error {
		_, err := q.exec(ctx, `insert into settings (key, value) values ($1, $2)
			on conflict (key) do update set value = excluded.value`, key, value)
		return err
	})
}

// DatabaseID names this database for ever; the first one to ask creates it. A
// restored copy has it too: who sends live mail binds it to more than this.
func (s *Store) DatabaseID(ctx context.Context) (string, error) {
	return s.randomSetting(ctx, settingDatabase, 8)
}

// LinkSecret signs links where the workspace gives no secret of its own.
func (s *Store) LinkSecret(ctx context.Context) (string, error) {
	return s.randomSetting(ctx, settingLinks, 32)
}

// SetLive notes that `delivery: live` was applied to this very database.
func (s *Store) SetLive(ctx context.Context) error {
	id, err := s.PhysicalID(ctx)
	if err != nil {
		return err
	}
	return s.SetSetting(ctx, settingLive, id)
}

// Live reports whether `delivery: live` was applied to this very database, and
// not to the one it is a copy of.
func (s *Store) Live(ctx context.Context) (bool, error) {
	id, err := s.PhysicalID(ctx)
	if err != nil {
		return false, err
	}
	bound, _, err := s.Setting(ctx, settingLive)
	return bound == id, err
}

// erasureKey is the key of the hashes that stand for erased addresses.
func (s *Store) erasureKey(ctx context.Context) ([]byte, error) {
	text, err := s.randomSetting(ctx, settingErasure, 32)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(text)
}

// randomSetting reads a setting that is random and made once, n bytes as hex.
// It writes in a transaction of its own.
func (s *Store) randomSetting(ctx context.Context, key string, n int) (string, error) {
	value, found, err := s.Setting(ctx, key)
	if err != nil || found {
		return value, err
	}
	raw := make([]byte, n)
	rand.Read(raw) // never fails
	err = s.db.write(ctx, func(q querier) error {
		if _, err := q.exec(ctx, `insert into settings (key, value) values ($1, $2) on conflict (key) do nothing`,
			key, hex.EncodeToString(raw)); err != nil {
			return err
		}
		value, _, err = setting(ctx, q, key) // that of whoever was first
		return err
	})
	if err != nil {
		return "", fmt.Errorf("cannot make the setting %s: %w", key, err)
	}
	return value, nil
}
