package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/ident"
	"rapport/segments"
)

// quarterly are the tables with a partition for each quarter in PostgreSQL, and how
// those are stored: a message's row changes a few times after it was written. What
// is known of a contact is looked up in every partition, so there are few.
var quarterly = []struct{ table, with string }{
	{"events", ""},
	{"messages", " with (fillfactor = 27)"},
}

// ahead is how long before its quarter a partition is there: a maintenance that
// fails for weeks leaves nothing behind.
const ahead = 45 * 24 * time.Hour

// lockPatience is how long making a partition waits for a lock. Whoever comes
// after it waits too, so it gives up soon and comes again with the next maintenance.
const lockPatience = "set local lock_timeout = '2s'"

// undoTime is how long undoing takes at most: a process that is told to stop does not
// wait for a silent database, and the next attempt begins with it.
const undoTime = 5 * time.Second

// quarter is a partition to be: the rows whose ids were made in one quarter.
type quarter struct {
	table, with string
	from, until int64 // ids
	name        string
}

func quarterOf(table, with string, day time.Time) quarter {
	n := (int(day.UTC().Month()) - 1) / 3
	first := time.Date(day.UTC().Year(), time.Month(3*n+1), 1, 0, 0, 0, 0, time.UTC)
	return quarter{table, with, ident.Base(first), ident.Base(first.AddDate(0, 3, 0)), fmt.Sprintf("%s_%dq%d", table, first.Year(), n+1)}
}

// makePartitions makes the partitions of this quarter and of one that is near, if
// they are not there yet, and returns their names. A quarter of which rows are in
// the default partition already stays there: no row is ever moved.
func (s *Store) makePartitions(ctx context.Context, now time.Time) (made []string, err error) {
	if s.dialect == segments.SQLite {
		return nil, nil
	}
	for _, t := range quarterly {
		for _, day := range []time.Time{now, now.Add(ahead)} {
			p := quarterOf(t.table, t.with, day)
			ok, err := s.makePartition(ctx, p)
			if err != nil {
				return made, fmt.Errorf("cannot make the partition %s: %w", p.name, err)
			}
			if ok {
				made = append(made, p.name)
			}
		}
	}
	return made, nil
}

// makePartition makes one. To attach it, PostgreSQL must be sure that the default
// partition has no row of the quarter, and would read all of it while nobody can
// write; so a constraint says it, which is checked without holding anybody up.
func (s *Store) makePartition(ctx context.Context, m quarter) (made bool, err error) {
	var attached, exists, taken bool
	if _, err := one(ctx, s.db, `select to_regclass($1) is not null,
			exists (select 1 from pg_inherits where inhrelid = to_regclass($1))`, []any{m.name}, &exists, &attached); err != nil || attached {
		return false, err
	}
	rest := m.table + "_default"
	if _, err := one(ctx, s.db, `select exists (select 1 from `+rest+` where id >= $1 and id < $2)`, []any{m.from, m.until}, &taken); err != nil || taken {
		return false, err
	}
	check := m.name + "_elsewhere"
	within := fmt.Sprintf("id >= %d and id < %d", m.from, m.until)
	if !exists {
		if err := s.define(ctx, fmt.Sprintf("create table %s (like %s including defaults, constraint %s check (%s))%s", m.name, m.table, m.name+"_quarter", within, m.with)); err != nil {
			return false, err
		}
	}
	// A row of this quarter that comes in meanwhile fails against the constraint,
	// so one that has begun only stands for what is about to be attached.
	drop := "alter table " + rest + " drop constraint if exists " + check
	if err := s.define(ctx, drop, fmt.Sprintf("alter table %s add constraint %s check (not (%s)) not valid", rest, check, within)); err != nil {
		return false, err
	}
	err = s.define(ctx, "alter table "+rest+" validate constraint "+check)
	if err == nil {
		err = s.define(ctx,
			fmt.Sprintf("alter table %s attach partition %s for values from (%d) to (%d)", m.table, m.name, m.from, m.until),
			"alter table "+m.name+" drop constraint "+m.name+"_quarter")
	}
	undone, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	if undo := s.define(undone, drop); err == nil {
		err = undo
	}
	return err == nil, err
}

// define runs statements that change tables, in one transaction.
func (s *Store) define(ctx context.Context, statements ...string) error {
	return s.db.write(ctx, func(q querier) error {
		for _, text := range append([]string{lockPatience}, statements...) {
			if _, err := q.exec(ctx, text); err != nil {
				return err
			}
		}
		return nil
	})
}
