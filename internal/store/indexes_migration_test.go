package store

import (
	"fmt"
	"testing"

	"rapport/internal/testenv"
)

// An engine is at work while a new version makes its indexes. Its transactions write
// into contacts and events in either order, and none of them is broken off.
func TestIndexesAreMadeBesideAnEngineAtWork(t *testing.T) {
	contact := `insert into contacts (id, email, seed, created_at, updated_at) values (1, 'a@example.com', 0, 0, 0)`
	event := fmt.Sprintf(`insert into events (id, contact_id, name, at, key) values (1, 1, 'x', %d, 'x')`, ms(day))
	for name, c := range map[string]struct{ first, then, table string }{
		"a contact and then an event": {contact, event, "contacts"},
		"an event and then a contact": {event, contact, "events"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			address := testenv.Postgres(t)
			db := migrated(t, address, 22)
			engine := must(db.BeginTx(ctx, nil))(t)
			defer engine.Rollback()
			must(engine.ExecContext(ctx, c.first))(t)
			done := make(chan error, 1)
			go func() {
				s, err := Open(ctx, address, Options{Fleeting: true})
				if err == nil {
					s.Close()
				}
				done <- err
			}()
			waits(t, func() (n int64) {
				check(t, db.QueryRowContext(ctx, `select count(*) from pg_locks where not granted and relation = $1::regclass`, c.table).Scan(&n))
				return n
			})
			must(engine.ExecContext(ctx, c.then))(t)
			check(t, engine.Commit())
			check(t, <-done)
		})
	}
}
