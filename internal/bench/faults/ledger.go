package faults

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers by which the tables are read
	_ "modernc.org/sqlite"
)

// ledger reads the tables of an installation, from outside.
type ledger struct{ db *sql.DB }

func openLedger(name string) (*ledger, error) {
	driver, address := "pgx", name
	if !strings.HasPrefix(name, "postgres://") {
		driver, address = "sqlite", "file:"+name+"?_pragma=busy_timeout(10000)&_pragma=query_only(on)"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2)
	return &ledger{db}, nil
}

func (l *ledger) close() { l.db.Close() }

// row is one message as the installation has it.
type row struct {
	id            int64
	email         string
	template      string
	state, reason string
}

func (l *ledger) messages(ctx context.Context) ([]row, error) {
	return each(ctx, l.db, `select m.id, c.email, m.template, m.state, m.reason from messages m join contacts c on c.id = m.contact_id`,
		func(r *row) []any { return []any{&r.id, &r.email, &r.template, &r.state, &r.reason} })
}

// way is one contact's way through the campaign.
type way struct {
	email  string
	state  string
	reason string
	ended  bool
}

func (l *ledger) ways(ctx context.Context) ([]way, error) {
	return each(ctx, l.db, `select c.email, e.state, e.reason, e.ended_at is not null from enrolments e join contacts c on c.id = e.contact_id`,
		func(w *way) []any { return []any{&w.email, &w.state, &w.reason, &w.ended} })
}

// events are the keys of the events with a name.
func (l *ledger) events(ctx context.Context, name string) ([]string, error) {
	return each(ctx, l.db, `select key from events where name = '`+name+`'`, func(key *string) []any { return []any{key} })
}

// totals is how many messages and enrolments there are in each state.
func (l *ledger) totals(ctx context.Context) (totals, error) {
	out := totals{messages: map[string]int{}, enrolments: map[string]int{}}
	for table, into := range map[string]map[string]int{"messages": out.messages, "enrolments": out.enrolments} {
		type count struct {
			state string
			n     int
		}
		list, err := each(ctx, l.db, `select state, count(*) from `+table+` group by state`, func(c *count) []any { return []any{&c.state, &c.n} })
		if err != nil {
			return out, err
		}
		for _, c := range list {
			into[c.state] = c.n
		}
	}
	return out, nil
}

type totals struct{ messages, enrolments map[string]int }

func (t totals) String() string {
	return fmt.Sprintf("messages %v, enrolments %v", t.messages, t.enrolments)
}

// over reports whether so many contacts have come to their end and no message
// is on the way.
func (t totals) over(contacts int) bool {
	return t.enrolments["finished"]+t.enrolments["exited"] >= contacts && t.messages["queued"]+t.messages["sending"] == 0
}

func each[T any](ctx context.Context, db *sql.DB, text string, into func(*T) []any) ([]T, error) {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(into(&v)...); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
