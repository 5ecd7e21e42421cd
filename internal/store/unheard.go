package store

import (
	"context"
	"fmt"

	"rapport/internal/ident"
)

// Unheard lists what a claim has taken whose answer was lost. A connection that
// breaks at the commit leaves the worker with an error and, perhaps, the database
// with messages that are being sent by nobody. It waits for the end of a commit
// that is still on its way, by asking for the same locks.
func (s *Store) Unheard(ctx context.Context, batches []int64, fence int64) (taken []Outcome, err error) {
	err = s.db.write(ctx, func(q querier) error {
		taken = nil
		var ids []int64
		b := s.statement()
		err := each(ctx, q, `select messages from batches where `+b.in("id", batches), b.args, func(scan func(...any) error) error {
			var packed []byte
			if err := scan(&packed); err != nil {
				return err
			}
			more, err := ident.Unpack(packed)
			ids = append(ids, more...)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		b = s.statement()
		return each(ctx, q, `select m.id, m.fence, m.claimed_at, m.state from messages m where `+b.inKeys("m.id", ids)+
			` order by m.id`+b.lock("for update of m"), b.args, func(scan func(...any) error) error {
			var o Outcome
			var claimed *int64
			var state string
			if err := scan(&o.Message, &o.Fence, &claimed, &state); err != nil {
				return err
			}
			if o.At = atNull(claimed); o.Fence == fence && state == "sending" {
				taken = append(taken, o)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cannot ask what a broken claim has taken: %w", err)
	}
	return taken, nil
}
