package store

import (
	"testing"

	"rapport/internal/testenv"
)

// A connection that is in use, or was cut off within a transaction, never comes back
// to its pool where the database is silent. The process ends all the same.
func TestCloseWaitsForNoConnectionThatDoesNotTakeLeave(t *testing.T) {
	s := openStore(t, testenv.Postgres(t))
	check(t, s.db.write(t.Context(), func(q querier) error {
		s.Close()
		_, err := q.exec(t.Context(), "select 1")
		return err
	}))
}
