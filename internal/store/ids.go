package store

import (
	"context"
	"time"

	"rapport/internal/ident"
)

// block is a run of sequence numbers that this process may use.
type block struct{ next, end int64 }

// A process takes this many sequence numbers from the database at a time. What
// it does not use is lost, which costs nothing.
const blockSize = 4096

// reserve returns the first of n consecutive numbers of a counter; the very
// first is 1, so that 0 can stand for none. It writes in a transaction of its
// own, before the one that uses the numbers: a number whose user rolls back is
// lost and never given twice.
func (s *Store) reserve(ctx context.Context, counter string, n int) (first int64, err error) {
	s.sequences.Lock()
	defer s.sequences.Unlock()
	b := s.reserved[counter]
	if b.end-b.next < int64(n) {
		take := max(int64(n), blockSize)
		err = s.db.write(ctx, func(q querier) error {
			_, err := one(ctx, q, `
				insert into counters (name, next) values ($1, 1 + cast($2 as bigint))
				on conflict (name) do update set next = counters.next + $2
				returning next`, []any{counter, take}, &b.end)
			return err
		})
		if err != nil {
			return 0, err
		}
		b.next = b.end - take
	}
	first = b.next
	b.next += int64(n)
	s.reserved[counter] = b
	return first, nil
}

// ids are numbers reserved for a transaction to come.
type ids struct {
	first, n int64
	at       time.Time
}

// ids reserves n ids of the time given. It must not be called inside a
// transaction.
func (s *Store) ids(ctx context.Context, n int, now time.Time) (ids, error) {
	if n == 0 {
		return ids{at: now}, nil
	}
	first, err := s.reserve(ctx, "ids", n)
	return ids{first: first, n: int64(n), at: now}, err
}

// again returns a function that hands the ids out, from the first on. A
// transaction begins with it, because it may be tried more than once.
func (r ids) again() (next func() int64) {
	used := int64(0)
	return func() int64 {
		if used == r.n {
			panic("store: more ids used than reserved")
		}
		used++
		return ident.New(r.at, r.first+used-1)
	}
}

// ms is how a time is stored; the zero time is 0.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// msUp is how the moment of something to come is stored: never before it, or it
// would be looked at too early, found not due, and looked at again at once.
func msUp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Millisecond - 1).UnixMilli()
}

// at reads a stored time.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// atNull reads a stored time that may be null.
func atNull(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return at(*ms)
}
