package store

import (
	"errors"
	"testing"
	"time"

	"rapport/segments"
)

// A refresh that goes by an older condition ends where a newer one has begun:
// memberships by two conditions would be entries that never were.
func TestRefreshesByTwoConditionsDoNotMix(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		consenting(t, s, 3)
		refreshOf := func(hash, where string) *refresh {
			return &refresh{Store: s, now: day, in: SegmentInput{Name: "one", Hash: hash, Condition: condition(t, where), SQL: segments.SQL{Now: day, Zone: time.UTC}}}
		}
		run := func(f func(querier) error) error { return s.db.writeMany(ctx, f) }
		older, newer := refreshOf("1", "{ attribute: email, exists: true }"), refreshOf("2", "{ attribute: email, exists: false }")
		check(t, run(func(q querier) error { return older.begin(ctx, q) }))
		check(t, run(func(q querier) error { return older.stands(ctx, q) }))
		check(t, run(func(q querier) error { return newer.begin(ctx, q) }))
		if err := run(func(q querier) error { return older.stands(ctx, q) }); !errors.Is(err, errOtherCondition) {
			t.Errorf("the older one goes on: %v", err)
		}
		check(t, run(func(q querier) error { return newer.stands(ctx, q) }))
		equal(t, "touched", must(s.RefreshSegment(ctx, newer.in, day, 2))(t), int64(0))
		equal(t, "members", count(t, s, `select count(*) from memberships where segment = 'one'`), int64(0))
		equal(t, "baseline", count(t, s, `select count(*) from segments where name = 'one' and hash = '2'`), int64(1))
	})
}
