package scheduler

import (
	"context"
	"errors"
	"fmt"
)

// refreshSize is how many contacts a refresh of a segment goes through in one transaction.
const refreshSize = 10_000

// refreshKey is a segment in a version: an apply that died before it set the
// baselines is made up for at once.
type refreshKey struct {
	segment string
	version int64
}

// Enter follows the segments that campaigns start from. Contacts of whom
// something is new are followed by React within moments; here everybody is
// compared every segments.refresh, by one elected scheduler, because time alone
// moves people too.
func (s *Scheduler) Enter(ctx context.Context, m moment) (did int, err error) {
	applied, now := m.applied, m.now
	var failed []error
	every := applied.RefreshSegments
	for _, name := range applied.EnterSegments() {
		key := refreshKey{name, applied.ID}
		if last, ok := s.refreshed[key]; ok && now.Sub(last) < every {
			continue
		}
		held, err := s.Store.Lease(ctx, "segment "+name, s.ID, now, now.Add(every))
		if err != nil {
			return did, err
		}
		s.refreshed[key] = now
		if !held {
			continue
		}
		n, err := s.Store.RefreshSegment(ctx, applied.Followed(name, now), now, refreshSize)
		if err != nil {
			failed = append(failed, fmt.Errorf("segment %s: %w", name, err))
		}
		did += int(n)
	}
	return did, errors.Join(failed...)
}
