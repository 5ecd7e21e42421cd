package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Approval says that somebody has looked at a content and lets it run on top of
// one version.
type Approval struct {
	Hash string // of the content, whole
	Base int64  // the version that ran then; 0: none
	Key  int64
	Name string // of the key
	At   time.Time
}

// ErrUnapproved says that nobody else has approved a content on top of the
// version that runs.
var ErrUnapproved = errors.New("nobody else has approved this content on top of the version that runs")

// Approve records an approval. Giving it again changes nothing.
func (s *Store) Approve(ctx context.Context, a Approval) error {
	err := s.db.write(ctx, func(q querier) error {
		_, err := q.exec(ctx, `insert into approvals (hash, base, key_id, name, approved_at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
			a.Hash, a.Base, a.Key, a.Name, ms(a.At))
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot record the approval: %w", err)
	}
	return nil
}

// Approvals lists who has approved a content on top of a version, oldest first:
// with keys that are still good.
func (s *Store) Approvals(ctx context.Context, hash string, base int64) ([]Approval, error) {
	return approvals(ctx, s.db, hash, base)
}

func approvals(ctx context.Context, q querier, hash string, base int64) (out []Approval, err error) {
	err = each(ctx, q, `select a.hash, a.base, a.key_id, a.name, a.approved_at from approvals a
		join api_keys k on k.id = a.key_id and k.revoked_at is null where a.hash = $1 and a.base = $2 order by a.approved_at, a.key_id`,
		[]any{hash, base}, func(scan func(...any) error) error {
			var a Approval
			var when int64
			err := scan(&a.Hash, &a.Base, &a.Key, &a.Name, &when)
			a.At = at(when)
			out = append(out, a)
			return err
		})
	return out, err
}

// approvedBy finds who else than the one who applies has approved a content. Two
// keys of one name are one person.
func approvedBy(ctx context.Context, q querier, hash string, base int64, applies Key) (name string, err error) {
	list, err := approvals(ctx, q, hash, base)
	if err != nil {
		return "", err
	}
	for _, a := range list {
		if a.Key != applies.ID && a.Name != applies.Name {
			return a.Name, nil
		}
	}
	return "", ErrUnapproved
}
