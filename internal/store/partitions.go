package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/ident"
	"rapport/segments"
)

// monthly are the tables with a partition for each month in PostgreSQL, and how
// those are stored: a message's row changes a few times after it was written.
var monthly = []struct{ table, with string }{
	{"events", ""},
	{"messages", " with (fillfactor = 70)"},
}

// monthsAhead is for how many months after this one partitions are there: long
// enough that a maintenance which fails for weeks leaves nothing behind.
const monthsAhead = 2

// lockPatience is how long making a partition waits for a lock. Whoever comes
// after it waits too, so it gives up soon and comes again with the next maintenance.
const lockPatience = "set local lock_timeout = '2s'"

// month is a partition to be: the rows whose ids were made in one month.
type month struct {
	table, with string
	from, until int64 // ids
	name        string
}

func monthOf(table, with string, day time.Time) month {
	first := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	return month{table, with, ident.Base(first), ident.Base(first.AddDate(0, 1, 0)), table + first.Format("_2006_01")}
}

// makePartitions makes the partitions of this month and the next ones that are
// not there yet, and returns their names. A month of which rows are in the
// default partition already stays there: no row is ever moved.
func (s *Store) makePartitions(ctx context.Context, now time.Time) (made []string, err error) {
	if s.dialect == segments.SQLite {
		return nil, nil
	}
	for _, m := range monthly {
		for ahead := range monthsAhead + 1 {
			first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
			p := monthOf(m.table, m.with, first.AddDate(0, ahead, 0))
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
// partition has no row of the month, and would read all of it while nobody can
// write; so a constraint says it, which is checked without holding anybody up.
func (s *Store) makePartition(ctx context.Context, m month) (made bool, err error) {
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
		if err := s.define(ctx, fmt.Sprintf("create table %s (like %s including defaults, constraint %s check (%s))%s", m.name, m.table, m.name+"_month", within, m.with)); err != nil {
			return false, err
		}
	}
	// A row of this month that comes in meanwhile fails against the constraint,
	// so one that has begun only stands for what is about to be attached.
	drop := "alter table " + rest + " drop constraint if exists " + check
	if err := s.define(ctx, drop, fmt.Sprintf("alter table %s add constraint %s check (not (%s)) not valid", rest, check, within)); err != nil {
		return false, err
	}
	err = s.define(ctx, "alter table "+rest+" validate constraint "+check)
	if err == nil {
		err = s.define(ctx,
			fmt.Sprintf("alter table %s attach partition %s for values from (%d) to (%d)", m.table, m.name, m.from, m.until),
			"alter table "+m.name+" drop constraint "+m.name+"_month")
	}
	if undo := s.define(context.WithoutCancel(ctx), drop); err == nil {
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
