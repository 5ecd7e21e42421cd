package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	embedded "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// poisoned reports whether the database refused what was written and would do so
// again: an outage ends, a value that it does not take stays.
func poisoned(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		class := pg.Code[:min(2, len(pg.Code))]
		return class == "22" || class == "23" // a value, and what a table asks of its rows
	}
	if lite := (*embedded.Error)(nil); errors.As(err, &lite) {
		code := lite.Code() & 0xff // without its extension
		return code == sqlite3.SQLITE_CONSTRAINT || code == sqlite3.SQLITE_MISMATCH || code == sqlite3.SQLITE_TOOBIG
	}
	return false
}

// poisonPause is how long an enrolment rests whose step cannot be written.
const poisonPause = time.Hour

// ErrPoison is in the chain of the error about an enrolment whose step the
// database refuses. It rests for an hour; the others go on.
var ErrPoison = errors.New("its step cannot be written, it rests for an hour")

// stepFewer takes a turn again that the database has refused, with ever fewer
// enrolments, until the one it is about is alone, and puts that off: one bad row
// must not hold up everybody who is due with it.
func (s *Store) stepFewer(ctx context.Context, now time.Time, due []Due, step Step, cause error) (int, []Batch, error) {
	if len(due) > 1 {
		return s.StepDue(ctx, now, (len(due)+1)/2, step)
	}
	e := due[0].Enrolment
	err := s.db.write(ctx, func(q querier) error {
		b := s.statement()
		_, err := q.exec(ctx, `update enrolments set due_at = `+b.arg(ms(now.Add(poisonPause)))+`, rev = rev + 1 where id = `+b.arg(e.ID)+` and due_at <= `+b.arg(ms(now)), b.args...)
		return err
	})
	return 1, nil, errors.Join(fmt.Errorf("enrolment %d at %q: %w: %w", e.ID, e.Position, ErrPoison, cause), err)
}
