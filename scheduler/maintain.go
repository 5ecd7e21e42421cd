package scheduler

import (
	"context"
	"time"
)

// maintainEvery is how often the tables are looked after.
const maintainEvery = time.Hour

// Maintain has the store look after its tables, by one elected scheduler.
func (s *Scheduler) Maintain(ctx context.Context, m moment) (did int, err error) {
	if !s.maintained.IsZero() && m.now.Sub(s.maintained) < maintainEvery {
		return 0, nil
	}
	s.maintained = m.now
	held, err := s.Store.Lease(ctx, "maintenance", s.ID, m.now, m.now.Add(maintainEvery))
	if err != nil || !held {
		return 0, err
	}
	made, err := s.Store.Maintain(ctx, m.now)
	if len(made.Partitions)+made.Batches+made.Woken > 0 {
		s.Log.Info("tables were looked after", "partitions", made.Partitions, "batches", made.Batches, "woken", made.Woken)
	}
	return 0, err
}
