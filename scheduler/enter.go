package scheduler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/store"
	"rapport/internal/workspace"
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
	for _, name := range enterSegments(applied) {
		hash := segmentHash(applied, name)
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
		n, err := s.Store.RefreshSegment(ctx, store.SegmentInput{
			Name: name, Hash: hash, Condition: applied.Segments[name].Where,
			SQL: applied.SQL(now),
		}, now, refreshSize)
		if err != nil {
			return did, fmt.Errorf("segment %s: %w", name, err)
		}
		did += int(n)
	}
	return did, nil
}

// segmentHash changes when the segment means something else: its file, or that
// of a segment it names.
func segmentHash(applied *catalog.Applied, name string) string {
	hash := sha256.New()
	seen := map[string]bool{}
	var add func(string)
	add = func(name string) {
		segment := applied.Segments[name]
		if seen[name] || segment == nil {
			return
		}
		seen[name] = true
		i := slices.IndexFunc(applied.Files, func(f workspace.File) bool { return f.Path == "segments/"+name+".yaml" })
		if i >= 0 {
			hash.Write(applied.Files[i].Data)
		}
		for _, other := range segment.Where.Uses().Segments {
			add(other)
		}
	}
	add(name)
	return hex.EncodeToString(hash.Sum(nil))
}
