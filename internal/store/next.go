package store

import (
	"context"
	"time"
)

// NextDue is the earliest moment after now at which something waits in the
// database: an enrolment, a held batch, or a stage that time moves. found is
// false when nothing does.
func (s *Store) NextDue(ctx context.Context) (next time.Time, found bool, err error) {
	var earliest *int64
	_, err = one(ctx, s.db, `select min(at) from (
		select min((select min(e.due_at) from enrolments e where e.campaign_id = k.id and e.due_at is not null)) as at
			from campaigns k where k.status <> 'paused'
		union all select min(b.not_before) from batches b join campaigns k on k.id = b.campaign_id where b.open_count > 0 and k.status <> 'paused'
		union all select min(next_change) from contacts where next_change is not null) as waiting`, nil, &earliest)
	if err != nil || earliest == nil {
		return time.Time{}, false, err
	}
	return at(*earliest), true, nil
}
