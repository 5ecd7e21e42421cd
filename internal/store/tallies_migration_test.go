package store

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"rapport/internal/testenv"
	"rapport/segments"
)

// writeEvent stores an event as engines of before the tallies did.
func writeEvent(t *testing.T, db interface {
	Exec(string, ...any) (sql.Result, error)
}, id int64) {
	t.Helper()
	kind := []string{"n", "a", "n"}[id%3] // a number, or text that is one
	_, err := db.Exec(fmt.Sprintf(`insert into events (id, contact_id, name, at, key, folded, machine) values (%d, %d, '%s', %d, '%d', '{"%s": {"total": %d}}', %t)`,
		id, 1+id%7, []string{"order.placed", "page.viewed"}[id%2], ms(day)+id%50, id, kind, 1000000*id, id%11 == 0))
	check(t, err)
}

// sevenContacts stores those whom writeEvent names.
func sevenContacts(t *testing.T, db *sql.DB) {
	t.Helper()
	for id := range 7 {
		_, err := db.Exec(fmt.Sprintf(`insert into contacts (id, email, seed, created_at, updated_at) values (%[1]d, 'p%[1]d@example.com', 0, 0, 0)`, 1+id))
		check(t, err)
	}
}

// drain takes all that waits.
func drain(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	for n := 1; n > 0; {
		n = must(s.React(t.Context(), ReactInput{Now: now, Limit: 1000}, func([]TouchedContact) []Reaction { return nil }))(t)
	}
}

// doubtful is of how many contacts the tallies are not what the events add up to that
// do not wait: those that are counted and wait, and those that do neither.
func doubtful(t *testing.T, s *Store) int64 {
	t.Helper()
	return int64(len(must(s.CheckTallies(t.Context(), 0, 1000))(t).Wrong))
}

// An event of before the migration is tallied or it waits, and never both.
func TestEventsOfBeforeTheMigrationAreTalliedOrWait(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 17)
			sevenContacts(t, db)
			for id := int64(1); id <= 600; id++ {
				writeEvent(t, db, id)
				event, until := id, int64(0)
				switch {
				case id%5 == 0: // touched by nobody's event
					event = 0
				case id%10 == 1: // put off
					until = ms(later(time.Hour))
				case id%3 != 0: // taken before
					continue
				}
				_, err := db.Exec(fmt.Sprintf(`insert into touched (contact_id, event_id, not_before) values (%d, %d, %d)`, 1+id%7, event, until))
				check(t, err)
			}
			check(t, db.Close())
			s := openStore(t, address)
			equal(t, "waiting", must(s.TouchedWaiting(t.Context()))(t), int64(120+60+140))
			if s.dialect == segments.SQLite {
				return // it has no tallies
			}
			equal(t, "tallied of 600", count(t, s, `select sum(number) from tallies`), count(t, s, `select count(*) from events where id % 5 = 0 and id % 11 <> 0`)+
				count(t, s, `select count(*) from events where id % 5 <> 0 and id % 10 <> 1 and id % 3 <> 0 and id % 11 <> 0`))
			equal(t, "doubtful after the migration", doubtful(t, s), int64(0))
			drain(t, s, day)
			equal(t, "doubtful while some are put off", doubtful(t, s), int64(0))
			drain(t, s, later(time.Hour))
			compareTallies(t, s)
		})
	}
}

// An engine of before the tallies runs on while the tables are migrated: what it has
// begun is waited for, and what it begins then fails.
func TestNothingOfAnOldEngineIsLostByTheMigration(t *testing.T) {
	address := testenv.Postgres(t)
	db := migrated(t, address, 17)
	sevenContacts(t, db)
	for id := int64(1); id <= 20; id++ {
		writeEvent(t, db, id)
	}
	touch := `insert into touched (contact_id, event_id) values (%d, %d)`
	must(db.Exec(fmt.Sprintf(touch, 1+5%7, 5)))(t)
	begin := func() *sql.Tx { return must(db.Begin())(t) }
	reacts, ingests := begin(), begin()
	must(reacts.Exec(`delete from touched where event_id = 5`))(t)
	writeEvent(t, reacts, 30)
	must(reacts.Exec(fmt.Sprintf(touch, 1+30%7, 30)))(t)
	writeEvent(t, ingests, 40)

	var s *Store
	opened := make(chan error, 1)
	go func() {
		var err error
		s, err = Open(t.Context(), address, Options{Fleeting: true, Connections: 4})
		opened <- err
	}()
	waitsFor := func(table string) {
		t.Helper()
		tick, end := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
		defer tick.Stop()
		for waiting := false; !waiting; {
			select {
			case err := <-opened:
				t.Fatalf("the migration did not wait for %s: %v", table, err)
			case <-end:
				t.Fatalf("the migration does not come to wait for %s", table)
			case <-tick.C:
				check(t, db.QueryRow(`select exists (select 1 from pg_locks l join pg_class c on c.oid = l.relation
					where not l.granted and l.mode = 'AccessExclusiveLock' and c.relname = $1 and l.database = (select oid from pg_database where datname = current_database()))`, table).Scan(&waiting))
			}
		}
	}
	waitsFor("touched")
	check(t, reacts.Commit())
	waitsFor("events") // with tallies, and with nothing locked that the other wants
	_, err := ingests.Exec(fmt.Sprintf(touch, 1+40%7, 40))
	equal(t, "what the old engine is told", fmt.Sprint(err), `ERROR: relation "touched" does not exist (SQLSTATE 42P01)`)
	check(t, ingests.Rollback())
	check(t, <-opened)
	t.Cleanup(s.Close)

	_, err = db.Exec(fmt.Sprintf(touch, 1, 1))
	equal(t, "what it is told afterwards", fmt.Sprint(err), `ERROR: column "contact_id" of relation "touched" does not exist (SQLSTATE 42703)`)
	equal(t, "events", count(t, s, `select count(*) from events`), int64(21))
	equal(t, "waiting for event 30", count(t, s, `select count(*) from touched where contacts = '{3}' and events = '{30}'`), int64(1))
	equal(t, "waiting", must(s.TouchedWaiting(t.Context()))(t), int64(1))
	equal(t, "doubtful after the migration", doubtful(t, s), int64(0))
	drain(t, s, day)
	compareTallies(t, s)
}
