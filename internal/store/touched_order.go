package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// OrderTouched puts what waits into the order of the contacts, limit touched
// contacts at most, and returns how many it were: whoever stands there several
// times stands together then, and one turn looks at all of it. What comes in
// afterwards stands behind.
func (s *Store) OrderTouched(ctx context.Context, now time.Time, limit int) (n int, err error) {
	err = s.db.write(ctx, func(q querier) error {
		rows, err := s.takeRows(ctx, q, now, limit/together)
		if err != nil {
			return err
		}
		var list []Touched
		ids := make([]int64, len(rows))
		for i, r := range rows {
			ids[i] = r[0].ID
			list = append(list, r...)
		}
		n = len(list)
		slices.SortFunc(list, func(a, b Touched) int {
			return cmp.Or(cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Event, b.Event))
		})
		for i := range list {
			list[i].ID = ids[i/together] // no row was fuller than these
		}
		return s.leave(ctx, q, list)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot put touched contacts in order: %w", err)
	}
	return n, nil
}

// NewestTouched is the newest row of touched contacts that there is, 0 without one.
func (s *Store) NewestTouched(ctx context.Context) (row int64, err error) {
	_, err = one(ctx, s.db, `select coalesce(max(id), 0) from touched`, nil, &row)
	return row, err
}

// TouchedAfter is how many touched contacts stand in rows that came after one.
func (s *Store) TouchedAfter(ctx context.Context, row int64) (n int64, err error) {
	_, err = one(ctx, s.db, `select cast(coalesce(sum(`+s.touchedLength()+`), 0) as bigint) from touched where id > $1`, []any{row}, &n)
	return n, err
}
