package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Counted is what a look at tallies has found: of how many contacts they were
// compared with the events, and of whom they said something else.
type Counted struct {
	Looked int
	Wrong  []contacts.ID
	Last   contacts.ID // the last contact that was looked at
}

// CheckTallies compares the tallies of up to limit contacts behind one with what
// their events add up to, but for those that wait to be counted. It is one statement,
// so it sees one moment, in which each event is counted or waits.
func (s *Store) CheckTallies(ctx context.Context, after contacts.ID, limit int) (c Counted, err error) {
	if s.dialect == segments.SQLite {
		return c, nil
	}
	err = s.db.readMany(ctx, func(q querier) error {
		c, err = checkTallies(ctx, q, after, limit)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("cannot compare tallies with events: %w", err)
	}
	return c, nil
}

func checkTallies(ctx context.Context, q querier, after contacts.ID, limit int) (c Counted, err error) {
	if _, err := one(ctx, q, `select coalesce(max(id), 0), count(*) from (select id from contacts where id > $1 order by id limit $2) as part`,
		[]any{int64(after), limit}, &c.Last, &c.Looked); err != nil || c.Looked == 0 {
		return c, err
	}
	with, rows := addedUp(`e.contact_id > $1 and e.contact_id <= $2` + settledEvents)
	return c, each(ctx, q, `with recursive `+with+`, added as (`+rows+`), `+tallyNames+`,
			kept as (select t.* from names cross join lateral (select * from tallies t where t.name = names.name and t.contact_id > $1 and t.contact_id <= $2 offset 0) as t)
		select distinct coalesce(a.contact_id, k.contact_id) as id from added a full join kept k on k.contact_id = a.contact_id and k.name = a.name
		where (a.number, a.first_at, a.last_at, a.earlier, a.sums) is distinct from (k.number, k.first_at, k.last_at, k.earlier, k.sums) order by id`,
		[]any{int64(after), int64(c.Last)}, func(scan func(...any) error) error {
			var id contacts.ID
			err := scan(&id)
			c.Wrong = append(c.Wrong, id)
			return err
		})
}

// settledEvents leaves out the events that wait to be counted.
const settledEvents = ` and e.id not in (select unnest(w.events) from touched w where w.events <> '{}')`

// tallyNames are the names of events that there are tallies of: few, among many rows.
// Tallies are found by them, for their key begins with the name.
const tallyNames = `names(name) as ((select name from tallies order by name limit 1)
	union all select (select t.name from tallies t where t.name > names.name order by t.name limit 1) from names where names.name is not null)`

// MendTallies counts the events of some contacts anew. It holds the contacts' locks,
// as whoever counts news does: an event that comes in meanwhile waits, and is counted
// afterwards.
func (s *Store) MendTallies(ctx context.Context, ids []contacts.ID) error {
	if s.dialect == segments.SQLite || len(ids) == 0 {
		return nil
	}
	err := s.db.write(ctx, func(q querier) error {
		if err := s.lockContacts(ctx, q, ids); err != nil {
			return err
		}
		if _, err := q.exec(ctx, `with recursive `+tallyNames+` delete from tallies t using names where t.name = names.name and t.contact_id = any($1::bigint[])`, plainIDs(ids)); err != nil {
			return err
		}
		with, rows := addedUp(`e.contact_id = any($1::bigint[])` + settledEvents)
		_, err := q.exec(ctx, `with `+with+` insert into tallies (contact_id, name, number, first_at, last_at, earlier, sums) `+rows, plainIDs(ids))
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot count again what contacts did: %w", err)
	}
	return nil
}

// KeepsTallies reports whether this database keeps them.
func (s *Store) KeepsTallies() bool { return s.dialect == segments.Postgres }

// A sample is so many contacts at so many places among all of them.
const (
	samplePlaces = 20
	sampleSize   = 50
)

// SampleTallies is CheckTallies for a sample of the contacts of a PostgreSQL database,
// or all where they are few, for those who have not opened it and change nothing.
// choose gives a number from 0 to below n.
func SampleTallies(ctx context.Context, name string, choose func(n int64) int64) (sum Counted, err error) {
	c, shown, err := connect(ctx, name)
	if err != nil {
		return sum, err
	}
	defer c.Close(ctx)
	err = pgx.BeginTxFunc(ctx, c, pgx.TxOptions{BeginQuery: "begin read only; " + wide}, func(tx pgx.Tx) error {
		q := &pgTx{conn: tx}
		var first, last int64
		var few bool
		if _, err := one(ctx, q, `select coalesce(min(id), 0), coalesce(max(id), 0), (select count(*) from (select 1 from contacts limit $1) as part) < $1 from contacts`,
			[]any{samplePlaces * sampleSize}, &first, &last, &few); err != nil {
			return err
		}
		if few {
			sum, err = checkTallies(ctx, q, 0, samplePlaces*sampleSize)
			return err
		}
		for range samplePlaces {
			part, err := checkTallies(ctx, q, contacts.ID(first-1+choose(last-first+1)), sampleSize)
			if err != nil {
				return err
			}
			sum.Looked, sum.Last = sum.Looked+part.Looked, part.Last
			sum.Wrong = uniqueIDs(append(sum.Wrong, part.Wrong...))
		}
		return nil
	})
	if err != nil {
		return sum, fmt.Errorf("cannot compare tallies with events in the database %s: %w", shown, err)
	}
	return sum, nil
}
