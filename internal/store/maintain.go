package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/ident"
)

// What nobody needs any more goes after these times.
const (
	keepBatches = 7 * 24 * time.Hour  // settled ones: late answers still find their batch
	keepWorkers = 30 * 24 * time.Hour // stopped ones
	keepCalls   = 30 * 24 * time.Hour // decided ones: a step that comes again is told once
)

// trimSize bounds what one transaction takes away.
const trimSize = 500

// Maintenance is what Maintain did.
type Maintenance struct {
	Partitions []string // new ones
	Batches    int      // taken away
	Workers    int64
	Woken      int // who was in a campaign that was stopped, and was not told
}

// Maintain makes the partitions of the months to come and takes away settled
// batches, stopped workers and calls that are old. It wakes whom a stop that broke off has left
// in a campaign. It holds no lock for long; what it could not do it does the next time. Call it about once an hour.
func (s *Store) Maintain(ctx context.Context, now time.Time) (did Maintenance, err error) {
	var failed [5]error
	did.Partitions, failed[0] = s.makePartitions(ctx, now)
	did.Batches, failed[1] = s.trimBatches(ctx, now.Add(-keepBatches))
	failed[2] = s.db.write(ctx, func(q querier) error {
		did.Workers, err = q.exec(ctx, `delete from workers where stopped and started_at < $1
			and not exists (select 1 from batches b where b.owner = workers.id)`, ms(now.Add(-keepWorkers)))
		return err
	})
	failed[3] = s.trimCalls(ctx, now.Add(-keepCalls))
	did.Woken, failed[4] = s.wakeForgotten(ctx, now)
	if err := errors.Join(failed[:]...); err != nil {
		return did, fmt.Errorf("cannot maintain the tables: %w", err)
	}
	return did, nil
}

// trimBatches takes away closed batches that were made before a moment, except
// those whose messages may still move: what is unknown is settled by its batch.
func (s *Store) trimBatches(ctx context.Context, before time.Time) (n int, err error) {
	after := int64(0)
	for {
		var ids, messages []int64
		err := each(ctx, s.db, `select id, messages from batches where id > $1 and id < $2 and open_count <= 0 order by id limit $3`,
			[]any{after, ident.Base(before), trimSize}, func(scan func(...any) error) error {
				var packed []byte
				if err := scan(&after, &packed); err != nil {
					return err
				}
				more, err := ident.Unpack(packed)
				ids, messages = append(ids, after), append(messages, more...)
				return err
			})
		if err != nil || len(ids) == 0 {
			return n, err
		}
		err = s.db.write(ctx, func(q querier) error {
			b := s.statement()
			restless := `select m.batch_id from messages m where ` + b.in("m.id", messages) + ` and m.state in ('queued', 'sending', 'unknown')`
			gone, err := q.exec(ctx, `delete from batches where `+b.in("id", ids)+` and open_count <= 0 and id not in (`+restless+`)`, b.args...)
			n += int(gone)
			return err
		})
		if err != nil || len(ids) < trimSize {
			return n, err
		}
	}
}
