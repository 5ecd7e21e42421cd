package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"rapport/segments"
)

// querier runs statements: a transaction, or the pool for reading.
type querier interface {
	exec(ctx context.Context, sql string, args ...any) (int64, error)
	query(ctx context.Context, sql string, args ...any) (rows, error)
}

type rows interface {
	Next() bool
	Scan(...any) error
	Err() error
	Close()
}

// database is what a driver gives the Store.
type database interface {
	querier
	// write runs f in one transaction, again when the database asks for it. Its
	// statements find their rows by key.
	write(ctx context.Context, f func(querier) error) error
	// writeMany is write for statements that go through whole tables.
	writeMany(ctx context.Context, f func(querier) error) error
	// readMany runs f for statements that read whole tables.
	readMany(ctx context.Context, f func(querier) error) error
	ping(ctx context.Context) error
	close()
}

// one scans a single row; found is false when there is none.
func one(ctx context.Context, q querier, text string, args []any, into ...any) (found bool, err error) {
	r, err := q.query(ctx, text, args...)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if r.Next() {
		if err := r.Scan(into...); err != nil {
			return false, err
		}
		return true, nil
	}
	return false, r.Err()
}

// each calls f for every row after scanning it into the targets.
func each(ctx context.Context, q querier, text string, args []any, f func(scan func(...any) error) error) error {
	r, err := q.query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := f(r.Scan); err != nil {
			return err
		}
	}
	return r.Err()
}

// PostgreSQL, through pgx itself.

type postgres struct{ pool *pgxpool.Pool }

func (p postgres) exec(ctx context.Context, text string, args ...any) (int64, error) {
	tag, err := p.pool.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}

func (p postgres) query(ctx context.Context, text string, args ...any) (rows, error) {
	return p.pool.Query(ctx, text, args...)
}

func (p postgres) ping(ctx context.Context) error { return p.pool.Ping(ctx) }

// closeTime is how long the connections have to take leave.
const closeTime = 2 * time.Second

// close leaves connections that do not take leave in time to the end of the process.
// One that was cut off within a transaction has 15 seconds from its pool, and one that
// is in use as long as it likes.
func (p postgres) close() {
	closed := make(chan struct{})
	go func() { p.pool.Close(); close(closed) }()
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// byKey makes a transaction one whose statements find their rows by an index. What
// PostgreSQL believes of a table's size is minutes old: of one that fills up it
// reads all for each batch, where a few hundred rows are asked for by key. Without
// other ways to choose from, a plan is as good for the next call as for this one,
// and making it anew costs as much as a batch of messages does.
const byKey = "select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), " +
	"set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true), " +
	"set_config('plan_cache_mode', 'force_generic_plan', true)"

// freely is for a statement about a whole part of the contacts among those that
// find their rows by key: for it the planner may choose again.
func (s *Store) freely(ctx context.Context, q querier, ask func() error) error {
	if s.dialect == segments.SQLite {
		return ask()
	}
	if _, err := q.exec(ctx, "set local enable_seqscan = on; set local enable_hashjoin = on; set local enable_mergejoin = on; set local enable_bitmapscan = on; "+
		"set local plan_cache_mode = force_custom_plan; "+wide); err != nil {
		return err
	}
	if err := ask(); err != nil {
		return err
	}
	_, err := q.exec(ctx, byKey)
	return err
}

func (p postgres) write(ctx context.Context, f func(querier) error) error {
	return p.run(ctx, []string{"begin", byKey}, f)
}

// Statements about everybody hash and sort a million ids in memory, and read
// indexes that are in memory too. They find few of many rows, which PostgreSQL
// cannot foresee of most conditions, so that it would not share the work for fear of
// what it has to hand over; no contact comes twice, so remembering what was found of
// one is in vain; and compiling takes longer than it saves.
const wide = "select set_config('work_mem', '64MB', true), set_config('random_page_cost', '1.1', true), " +
	"set_config('parallel_tuple_cost', '0.001', true), set_config('enable_memoize', 'off', true), set_config('jit', 'off', true)"

func (p postgres) writeMany(ctx context.Context, f func(querier) error) error {
	return p.run(ctx, []string{"begin", wide}, f)
}

func (p postgres) readMany(ctx context.Context, f func(querier) error) error {
	return p.run(ctx, []string{"begin read only", wide}, f)
}

const unique = "23505"

// isTaken reports whether a row was refused because of an unique index.
func isTaken(err error, index string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == unique && refused.ConstraintName == index
}

// SQLite: one connection writes, a few read.

type sqlite struct {
	writer, readers *sql.DB
	lock            *fileLock
}

func (s sqlite) exec(ctx context.Context, text string, args ...any) (int64, error) {
	return sqlExec(ctx, s.writer, text, args)
}

func (s sqlite) query(ctx context.Context, text string, args ...any) (rows, error) {
	return sqlQuery(ctx, s.readers, text, args)
}

func (s sqlite) ping(ctx context.Context) error { return s.writer.PingContext(ctx) }

func (s sqlite) close() {
	s.readers.Close()
	s.writer.Close()
	s.lock.release()
}

func (s sqlite) writeMany(ctx context.Context, f func(querier) error) error { return s.write(ctx, f) }
func (s sqlite) readMany(_ context.Context, f func(querier) error) error    { return f(s) }

func (s sqlite) write(ctx context.Context, f func(querier) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := f(sqlTx{tx}); err != nil {
		return err
	}
	return tx.Commit()
}

type sqlTx struct{ *sql.Tx }

func (t sqlTx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	return sqlExec(ctx, t.Tx, text, args)
}

func (t sqlTx) query(ctx context.Context, text string, args ...any) (rows, error) {
	return sqlQuery(ctx, t.Tx, text, args)
}

type sqlRunner interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

func sqlExec(ctx context.Context, r sqlRunner, text string, args []any) (int64, error) {
	result, err := r.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func sqlQuery(ctx context.Context, r sqlRunner, text string, args []any) (rows, error) {
	found, err := r.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return sqlRows{found}, nil
}

type sqlRows struct{ *sql.Rows }

func (r sqlRows) Close() { r.Rows.Close() }
