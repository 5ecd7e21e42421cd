package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A statement that waits for the next one fails there, or with the commit, and takes
// the whole transaction with it.
func TestWhatWaitsFailsWithWhatItTravelsWith(t *testing.T) {
	insert := `insert into counters (name, next) values ($1, $2)`
	for name, f := range map[string]func(ctx context.Context, q querier) error{
		"with a statement": func(ctx context.Context, q querier) error {
			_, err := q.exec(ctx, `select next from counters where name = $1`, "other")
			return err
		},
		"with a statement without arguments": func(ctx context.Context, q querier) error {
			_, err := q.exec(ctx, `set local jit = off; set local work_mem = '4MB'`)
			return err
		},
		"with a question": func(ctx context.Context, q querier) error {
			var n int
			_, err := one(ctx, q, `select next from counters where name = $1`, []any{"other"}, &n)
			return err
		},
		"with rows": func(ctx context.Context, q querier) error {
			_, err := q.(copier).copyIn(ctx, `copy counters (name, next) from stdin (format binary)`, copyData([]column{texts("name", []string{"other"}), bigints("next", []int64{1})}))
			return err
		},
		"with the commit": func(context.Context, querier) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, opens["postgres"](t))
			ctx := t.Context()
			travelled := false
			err := s.db.write(ctx, func(q querier) error {
				check(t, sendLater(ctx, q, insert, "good", 1))
				check(t, sendLater(ctx, q, insert, "good", 2))
				err := f(ctx, q)
				travelled = err != nil
				return err
			})
			if !isTaken(err, "counters_pkey") || travelled == (name == "with the commit") {
				t.Errorf("it fails with %v, within the transaction: %t", err, travelled)
			}
			if err != nil {
				equal(t, "how often it says so", strings.Count(err.Error(), "counters_pkey"), 1)
			}
			var n int
			must(one(ctx, s.db, `select count(*) from counters where name in ('good', 'other')`, nil, &n))(t)
			equal(t, "what is stored", n, 0)
			check(t, s.db.write(ctx, func(q querier) error { return sendLater(ctx, q, insert, "good", 3) }))
			must(one(ctx, s.db, `select next from counters where name = 'good'`, nil, &n))(t)
			equal(t, "what is stored by the next transaction", n, 3)
		})
	}
}

// Who passes over an error has no transaction any more, and is told.
func TestACommitThatRollsBackIsAnError(t *testing.T) {
	s := openStore(t, opens["postgres"](t))
	ctx := t.Context()
	err := s.db.write(ctx, func(q querier) error {
		_, _ = q.exec(ctx, `insert into counters (name, next) values ('good', 1)`)
		_, _ = q.exec(ctx, `select 1 / 0`)
		return nil
	})
	if !errors.Is(err, pgx.ErrTxCommitRollback) {
		t.Errorf("it fails with %v", err)
	}
	var n int
	must(one(ctx, s.db, `select count(*) from counters where name = 'good'`, nil, &n))(t)
	equal(t, "what is stored", n, 0)
}

// A transaction that PostgreSQL ends for the sake of another one runs again, with what
// it begins with and what waits in it.
func TestATransactionRunsAgainWhole(t *testing.T) {
	s := openStore(t, opens["postgres"](t))
	ctx := t.Context()
	times := 0
	check(t, s.db.write(ctx, func(q querier) error {
		times++
		check(t, sendLater(ctx, q, `insert into counters (name, next) values ($1, $2)`, "good", times))
		if times == 1 {
			_, err := q.exec(ctx, `do $$ begin raise exception 'the other one first' using errcode = 'deadlock_detected'; end $$`)
			return err
		}
		return nil
	}))
	var n int
	must(one(ctx, s.db, `select next from counters where name = 'good'`, nil, &n))(t)
	equal(t, "which run is stored", n, 2)
}

// How a transaction finds its rows is its own affair.
func TestSettingsEndWithTheirTransaction(t *testing.T) {
	s := must(Open(t.Context(), opens["postgres"](t), Options{Connections: 1}))(t)
	defer s.Close()
	ctx := t.Context()
	read := func(q querier) string {
		var a, b, c string
		must(one(ctx, q, `select current_setting('enable_seqscan'), current_setting('plan_cache_mode'), current_setting('work_mem')`, nil, &a, &b, &c))(t)
		return strings.Join([]string{a, b, c}, " ")
	}
	outside := read(s.db)
	for name, x := range map[string]struct {
		run  func(context.Context, func(querier) error) error
		want string
	}{
		"write":     {s.db.write, "off force_generic_plan 4MB"},
		"writeMany": {s.db.writeMany, "on force_custom_plan 64MB"},
		"readMany":  {s.db.readMany, "on force_custom_plan 64MB"},
	} {
		check(t, x.run(ctx, func(q querier) error {
			equal(t, name, read(q), x.want)
			return nil
		}))
		equal(t, "after "+name, read(s.db), outside)
	}
	check(t, s.db.write(ctx, func(q querier) error {
		check(t, s.freely(ctx, q, func() error {
			equal(t, "freely", read(q), "on force_custom_plan 64MB")
			return nil
		}))
		equal(t, "after it was free", read(q), "off force_generic_plan 64MB")
		return nil
	}))
	if err := s.db.readMany(ctx, func(q querier) error { _, err := q.exec(ctx, `delete from counters`); return err }); err == nil {
		t.Error("who only reads may write")
	}
}
