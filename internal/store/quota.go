package store

import (
	"context"
	"fmt"
)

// Quota is what a worker asks of the daily ceiling of a provider.
type Quota struct {
	Provider string
	Day      string // 2006-01-02, in the company's zone
	Want     int
	// Ceiling is how many may leave on Day when first was the first day on which
	// something left; below zero: as many as like.
	Ceiling func(first string) int
}

// Taken is what a Quota was granted.
type Taken struct {
	Granted int
	Ceiling int // of the day; below zero: none, and nothing was counted
	First   string
}

// TakeQuota counts up to q.Want messages as leaving today, and grants those that
// are within the day's ceiling. What does not leave is given back by CountLeaving.
// A process that ends in between leaves the count too high, so that a ceiling is
// never passed.
func (s *Store) TakeQuota(ctx context.Context, q Quota) (t Taken, err error) {
	err = s.db.write(ctx, func(db querier) error {
		var first *string
		if _, err := one(ctx, db, `select min(day) from provider_days where provider = $1 and sent > 0`, []any{q.Provider}, &first); err != nil {
			return err
		}
		t = Taken{First: q.Day, Granted: q.Want}
		if first != nil {
			t.First = *first
		}
		if t.Ceiling = q.Ceiling(t.First); t.Ceiling < 0 {
			return nil
		}
		if _, err := db.exec(ctx, `insert into provider_days (provider, day, sent) values ($1, $2, 0) on conflict do nothing`, q.Provider, q.Day); err != nil {
			return err
		}
		// Two who take at once wait for each other here.
		sent := 0
		if _, err := one(ctx, db, `select sent from provider_days where provider = $1 and day = $2`+s.statement().lock("for update"), []any{q.Provider, q.Day}, &sent); err != nil {
			return err
		}
		t.Granted = max(0, min(q.Want, t.Ceiling-sent))
		_, err := db.exec(ctx, `update provider_days set sent = sent + $3 where provider = $1 and day = $2`, q.Provider, q.Day, t.Granted)
		return err
	})
	if err != nil {
		return Taken{}, fmt.Errorf("cannot count what leaves through %s: %w", q.Provider, err)
	}
	return t, nil
}

// CountLeaving corrects what was counted on a day by what did leave: n messages
// more, or fewer where it is below zero.
func (s *Store) CountLeaving(ctx context.Context, provider, day string, n int) error {
	err := s.db.write(ctx, func(db querier) error {
		_, err := db.exec(ctx, `insert into provider_days (provider, day, sent) values ($1, $2, $3)
			on conflict (provider, day) do update set sent = provider_days.sent + excluded.sent`, provider, day, n)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot count what has left through %s: %w", provider, err)
	}
	return nil
}
