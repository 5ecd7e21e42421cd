package store

import (
	"context"

	"rapport/segments"
)

// Nobody sees a new enrolment before it is committed: whoever reacted to news of
// its contact meanwhile would pass it by, and the news would be told to nobody
// again. So the two never overlap. Reactions hold the table of firings in a mode
// that lets each other in and nobody who enrols; those who enrol hold it in one
// that lets each other in and nobody who reacts. PostgreSQL lets them in turn by
// turn, and a turn is short. SQLite has one writer anyway.
//
// To lock the contacts instead would write to each of their rows.

// quiet keeps news from being looked at until the transaction ends.
func (s *Store) quiet(ctx context.Context, q querier) error {
	return s.lockFirings(ctx, q, "row exclusive")
}

// settled waits until what is being enrolled can be seen, and keeps it that way.
func (s *Store) settled(ctx context.Context, q querier) error {
	return s.lockFirings(ctx, q, "share")
}

func (s *Store) lockFirings(ctx context.Context, q querier, mode string) error {
	if s.dialect == segments.SQLite {
		return nil
	}
	_, err := q.exec(ctx, "lock table firings in "+mode+" mode")
	return err
}
