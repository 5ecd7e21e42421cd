package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
)

// alone is an embedded database on one connection, for one goroutine. It keeps
// its statements prepared: in memory, reading a statement costs as much as
// running it. What is read during a transaction is read in it.
type alone struct {
	db       *sql.DB
	conn     *sql.Conn
	prepared map[string]*prepared // nil: seen once
	spoiled  error
}

// prepared is a statement that was read.
type prepared struct {
	*sql.Stmt
	busy bool // somebody reads its rows: it cannot run a second time
}

// mostPrepared bounds what is remembered. Texts with a figure in them never come
// again, and are forgotten.
const mostPrepared = 2000

func newAlone(ctx context.Context, db *sql.DB) (*alone, error) {
	conn, err := db.Conn(ctx)
	return &alone{db: db, conn: conn, prepared: map[string]*prepared{}}, err
}

// find is the prepared form of a text that comes again; nil of one that is new.
func (a *alone) find(ctx context.Context, text string) (*prepared, error) {
	p, seen := a.prepared[text]
	switch {
	case p != nil && p.busy:
		return nil, nil
	case p != nil:
		return p, nil
	case !seen:
		if len(a.prepared) >= mostPrepared {
			for old, p := range a.prepared {
				if p == nil {
					delete(a.prepared, old)
				}
			}
		}
		a.prepared[text] = nil
		return nil, nil
	}
	s, err := a.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p = &prepared{Stmt: s}
	a.prepared[text] = p
	return p, nil
}

// untilDone is a context that cannot end: a statement takes a moment, and to
// watch over its context takes two goroutines. Transactions look at it.
func untilDone(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func (a *alone) exec(ctx context.Context, text string, args ...any) (int64, error) {
	ctx = untilDone(ctx)
	p, err := a.find(ctx, text)
	if err != nil {
		return 0, err
	}
	if p == nil {
		return sqlExec(ctx, a.conn, text, args)
	}
	result, err := p.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (a *alone) query(ctx context.Context, text string, args ...any) (rows, error) {
	ctx = untilDone(ctx)
	p, err := a.find(ctx, text)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return sqlQuery(ctx, a.conn, text, args)
	}
	found, err := p.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	p.busy = true
	return preparedRows{found, p}, nil
}

// preparedRows are rows whose statement is free again once they are closed.
type preparedRows struct {
	*sql.Rows
	of *prepared
}

func (r preparedRows) Close() {
	r.Rows.Close()
	r.of.busy = false
}

// PrepareContext makes it a preparer: for one statement that runs many times.
func (a *alone) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	return a.conn.PrepareContext(untilDone(ctx), text)
}

func (a *alone) ping(ctx context.Context) error { return a.conn.PingContext(ctx) }

func (a *alone) close() {
	a.conn.Close()
	a.db.Close()
}

func (a *alone) writeMany(ctx context.Context, f func(querier) error) error { return a.write(ctx, f) }
func (a *alone) readMany(_ context.Context, f func(querier) error) error    { return f(a) }

// errSpoiled is in the chain of every error after a transaction that failed.
var errSpoiled = errors.New("the database in memory is spoiled: a transaction failed, and it keeps no journal to undo it")

// write begins and ends the transaction itself: database/sql would prepare every
// statement of it anew. There is no way back from one that fails.
func (a *alone) write(ctx context.Context, f func(querier) error) error {
	if err := cmp.Or(a.spoiled, ctx.Err()); err != nil {
		return err
	}
	if _, err := a.exec(ctx, "begin"); err != nil {
		return err
	}
	if err := f(a); err != nil {
		a.spoiled = errors.Join(err, errSpoiled)
		return a.spoiled
	}
	_, err := a.exec(ctx, "commit")
	return err
}
