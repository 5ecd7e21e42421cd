package scheduler

import (
	"context"
	"fmt"
)

// refreshSize bounds how many contacts one refresh of a segment touches.
const refreshSize = 10_000

// Enter follows the segments that campaigns start from. Contacts of whom
// something is new are followed by React within moments; here everybody is
// compared every segments.refresh, by one elected scheduler, because time alone
// moves people too.
func (s *Scheduler) Enter(ctx context.Context, m moment) (did int, err error) {
	applied, now := m.applied, m.now
	every := applied.RefreshSegments
	for _, name := range applied.EnterSegments() {
		hash := applied.SegmentHash(name)
		if last, ok := s.refreshed[name+hash]; ok && now.Sub(last) < every {
			continue
		}
		held, err := s.Store.Lease(ctx, "segment "+name, s.ID, now, now.Add(every))
		if err != nil {
			return did, err
		}
		s.refreshed[name+hash] = now
		if !held {
			continue
		}
		n, err := s.Store.RefreshSegment(ctx, applied.Followed(name, now), now, refreshSize)
		if err != nil {
			return did, fmt.Errorf("segment %s: %w", name, err)
		}
		did += int(n)
	}
	return did, nil
}
