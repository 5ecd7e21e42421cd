package store

import (
	"context"
	"database/sql"
	"strings"

	"rapport/segments"
)

// insertRows writes the rows of some columns into a table, in their order, and
// returns how many went in; conflict is what to do about those that are there,
// or "". It is the fastest way that each database has: PostgreSQL copies rows that
// meet none, takes arrays in one statement for others, and SQLite takes one prepared
// statement for each row.
func (s *Store) insertRows(ctx context.Context, q querier, table, conflict string, columns ...column) (int64, error) {
	if columns[0].len() == 0 {
		return 0, nil
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	into := "insert into " + table + " (" + strings.Join(names, ", ") + ")"
	if s.dialect == segments.SQLite {
		return insertEach(ctx, q.(preparer), into, conflict, columns)
	}
	if conflict == "" {
		return q.(copier).copyIn(ctx, "copy "+table+" ("+strings.Join(names, ", ")+") from stdin (format binary)", copyData(columns))
	}
	b := s.statement()
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = "r." + c.name
		if c.kind == jsonKind {
			values[i] = b.json(values[i])
			columns[i].kind = "text"
		}
	}
	// The rows come in the order of the arrays: to sort them here would compare
	// texts by the rules of a language.
	return q.exec(ctx, into+" select "+strings.Join(values, ", ")+" from "+b.table("r", columns...)+" "+conflict, b.args...)
}

// preparer is a transaction of an embedded database.
type preparer interface {
	PrepareContext(ctx context.Context, text string) (*sql.Stmt, error)
}

func insertEach(ctx context.Context, tx preparer, into, conflict string, columns []column) (inserted int64, err error) {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = "?" // a number would be looked up by its name for each row
		if c.kind == jsonKind {
			values[i] = "jsonb(" + values[i] + ")"
		}
	}
	stmt, err := tx.PrepareContext(ctx, into+" values ("+strings.Join(values, ", ")+") "+conflict)
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	// A row takes microseconds, and to watch over a context takes goroutines.
	unwatched := context.WithoutCancel(ctx)
	args := make([]any, len(columns))
	for row := range columns[0].len() {
		for i := range columns {
			args[i] = columns[i].at(row)
		}
		result, err := stmt.ExecContext(unwatched, args...)
		if err != nil {
			return inserted, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return inserted, err
		}
		inserted += n
	}
	return inserted, nil
}
