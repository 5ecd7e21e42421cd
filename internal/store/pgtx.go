package store

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes after which the same transaction may be tried again.
const (
	deadlock      = "40P01"
	serialization = "40001"
)

// run runs f in a transaction that begins with some statements, again when
// PostgreSQL asks for it.
func (p postgres) run(ctx context.Context, begin []string, f func(querier) error) error {
	for try := 0; ; try++ {
		err := p.once(ctx, begin, f)
		var refused *pgconn.PgError
		if err == nil || try == 5 || !errors.As(err, &refused) || refused.Code != deadlock && refused.Code != serialization {
			return err
		}
	}
}

func (p postgres) once(ctx context.Context, begin []string, f func(querier) error) error {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // closes a connection whose transaction is not over
	t := &pgTx{conn: conn}
	for _, text := range begin {
		t.later(text)
	}
	if err := f(t); err != nil {
		if conn.Conn().PgConn().TxStatus() != 'I' {
			_, _ = conn.Exec(ctx, "rollback") // what does not arrive ends with the connection
		}
		return err
	}
	return t.commit(ctx)
}

// pgTx is a transaction of PostgreSQL. A statement whose result nobody needs waits
// for the next one and travels with it: each way there and back costs both sides as
// much as a dozen rows. So does what begins a transaction, and the last statements
// travel with the commit.
type pgTx struct {
	conn    wire
	waiting []queued
}

// wire is a connection in a transaction.
type wire interface {
	Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, text string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Conn() *pgx.Conn
}

type queued struct {
	text string
	args []any
}

// later adds one statement to those that travel with the next one. Its error is told
// there.
func (t *pgTx) later(text string, args ...any) { t.waiting = append(t.waiting, queued{text, args}) }

// send sends what waits and one more statement, and passes over the results of what
// waited.
func (t *pgTx) send(ctx context.Context, text string, args []any) (pgx.BatchResults, error) {
	b := &pgx.Batch{}
	for _, q := range t.waiting {
		b.Queue(q.text, q.args...)
	}
	b.Queue(text, args...)
	before := len(t.waiting)
	t.waiting = nil
	results := t.conn.SendBatch(ctx, b)
	for range before {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // says the same
			return nil, err
		}
	}
	return results, nil
}

// flush sends what waits.
func (t *pgTx) flush(ctx context.Context) error {
	if len(t.waiting) == 0 {
		return nil
	}
	last := t.waiting[len(t.waiting)-1]
	t.waiting = t.waiting[:len(t.waiting)-1]
	_, err := t.finish(ctx, last.text, last.args)
	return err
}

// finish sends what waits and a statement, and returns what became of that.
func (t *pgTx) finish(ctx context.Context, text string, args []any) (pgconn.CommandTag, error) {
	results, err := t.send(ctx, text, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if err != nil {
		_ = results.Close() // says the same
		return tag, err
	}
	return tag, results.Close()
}

func (t *pgTx) commit(ctx context.Context) error {
	tag, err := t.finish(ctx, "commit", nil)
	if err == nil && tag.String() == "ROLLBACK" {
		err = pgx.ErrTxCommitRollback
	}
	return err
}

// exec may be several statements where there are no arguments.
func (t *pgTx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	if len(args) > 0 && len(t.waiting) > 0 {
		tag, err := t.finish(ctx, text, args)
		return tag.RowsAffected(), err
	}
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	tag, err := t.conn.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}

func (t *pgTx) query(ctx context.Context, text string, args ...any) (rows, error) {
	if len(t.waiting) == 0 {
		return t.conn.Query(ctx, text, args...)
	}
	results, err := t.send(ctx, text, args)
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		_ = results.Close() // says the same
		return nil, err
	}
	return &lastRows{Rows: found, results: results}, nil
}

// lastRows are the rows of the last statement that was sent in one go.
type lastRows struct {
	pgx.Rows
	results pgx.BatchResults
	failed  error
}

func (r *lastRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *lastRows) Close() {
	r.Rows.Close()
	if err := r.results.Close(); r.failed == nil {
		r.failed = err
	}
}

func (r *lastRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.failed
}

// copyIn runs a COPY with its data.
func (t *pgTx) copyIn(ctx context.Context, text string, data []byte) (int64, error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	tag, err := t.conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(data), text)
	return tag.RowsAffected(), err
}

// sendLater runs a statement in a transaction whose result nobody needs. Its error may be
// told with the next one, or with the commit.
func sendLater(ctx context.Context, q querier, text string, args ...any) error {
	if t, ok := q.(*pgTx); ok {
		t.later(text, args...)
		return nil
	}
	_, err := q.exec(ctx, text, args...)
	return err
}
