package segments

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"modernc.org/sqlite"

	"rapport/internal/contacts"
	"rapport/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// database is one of the two, with the tables of the migrations and one
// transaction that is never committed.
type database struct {
	dialect Dialect
	exec    func(text string, args ...any) error
	query   func(text string, args ...any) ([][]int64, error)
}

func migration(t testing.TB, dialect string) string {
	t.Helper()
	all := ""
	for _, name := range []string{"00001_first", "00010_scores", "00017_tallies"} {
		text, err := os.ReadFile("../internal/store/migrations/" + dialect + "/" + name + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}

func init() {
	sqlite.MustRegisterDeterministicScalarFunction(MatchFunction, 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		pattern, isPattern := args[0].(string)
		text, isText := args[1].(string)
		return isPattern && isText && MatchPortable(pattern, text), nil
	})
}

func openSQLite(t testing.TB) database {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(migration(t, "sqlite")); err != nil {
		t.Fatal(err)
	}
	return database{
		dialect: SQLite,
		exec: func(text string, args ...any) error {
			_, err := db.Exec(text, args...)
			return err
		},
		query: func(text string, args ...any) ([][]int64, error) {
			rows, err := db.Query(text, args...)
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			return scanAll(rows, func() (int, error) { c, err := rows.Columns(); return len(c), err })
		},
	}
}

func openPostgres(t testing.TB) database {
	t.Helper()
	ctx := context.Background()
	db, err := pgx.Connect(ctx, testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(ctx) })
	if _, err := db.Exec(ctx, migration(t, "postgres")); err != nil {
		t.Fatal(err)
	}
	return database{
		dialect: Postgres,
		exec: func(text string, args ...any) error {
			_, err := db.Exec(ctx, text, args...)
			return err
		},
		query: func(text string, args ...any) ([][]int64, error) {
			rows, err := db.Query(ctx, text, args...)
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			return scanAll(rows, func() (int, error) { return len(rows.FieldDescriptions()), nil })
		},
	}
}

type scanner interface {
	Next() bool
	Scan(...any) error
	Err() error
}

func scanAll(rows scanner, width func() (int, error)) ([][]int64, error) {
	n, err := width()
	if err != nil {
		return nil, err
	}
	var all [][]int64
	for rows.Next() {
		row := make([]int64, n)
		into := make([]any, n)
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// order sorts events as facts hold them.
func order(events []contacts.Event) {
	slices.SortStableFunc(events, func(a, b contacts.Event) int {
		return cmp.Or(cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()), strings.Compare(a.Key, b.Key))
	})
}

// fill writes facts into the tables, as the store would.
func (d database) fill(people []*contacts.Facts) error {
	for _, f := range people {
		if err := d.write(f); err != nil {
			return err
		}
	}
	return nil
}

func (d database) json(placeholder string) string {
	if d.dialect == SQLite {
		return "jsonb(" + placeholder + ")"
	}
	return placeholder + "::text::jsonb"
}

func (d database) write(f *contacts.Facts) error {
	c := &f.Contact
	err := d.exec("insert into contacts (id, email, first_name, last_name, language, timezone, folded, seed, stage, stage_since, health, health_since, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, "+
		d.json("$7")+", $8, $9, $10, $11, $12, $13, $13)",
		int64(c.ID), c.Email, c.FirstName, c.LastName, c.Language, c.Timezone, contacts.Folded(c), int64(c.Seed), c.Stage, millis(c.StageSince), c.Health, millis(c.HealthSince), millis(c.CreatedAt))
	if err != nil {
		return fmt.Errorf("contact: %w", err)
	}
	for _, e := range f.Events {
		if e.Name == contacts.EventSent {
			err = d.exec("insert into messages (id, contact_id, campaign_id, template, state, due_at, not_before, expires_at, decided_at, created_at) values ($1, $2, $3, $4, 'sent', 0, 0, 0, $5, 0)",
				e.Message, int64(c.ID), campaignIDs[e.Campaign], e.Template, e.At.UnixMilli())
		} else {
			err = d.exec("insert into events (id, contact_id, name, at, key, folded, campaign_id, template, link, message_id, machine) values ($1, $2, $3, $4, $5, "+d.json("$6")+", $7, $8, $9, $10, $11)",
				e.ID, int64(c.ID), e.Name, e.At.UnixMilli(), e.Key, contacts.FoldedProperties(&e), campaignIDs[e.Campaign], e.Template, e.Link, e.Message, e.Machine)
		}
		if err != nil {
			return fmt.Errorf("event %s: %w", e.Name, err)
		}
	}
	for _, k := range f.Consents {
		if err := d.exec("insert into consents (contact_id, topic, state, source, at) values ($1, $2, $3, $4, $5)", int64(c.ID), k.Topic, k.State, k.Source, k.At.UnixMilli()); err != nil {
			return fmt.Errorf("consent: %w", err)
		}
	}
	for _, x := range f.Scores {
		if err := d.exec("insert into scores (contact_id, name, sign, value) values ($1, $2, $3, $4)", int64(c.ID), x.Name, x.Sign, x.Value); err != nil {
			return fmt.Errorf("score: %w", err)
		}
	}
	for _, p := range f.Campaigns {
		var converted any
		if !p.ConvertedAt.IsZero() {
			converted = p.ConvertedAt.UnixMilli()
		}
		// Only what still runs has no end; one contact may be in a campaign many times.
		var ended any
		if p.State == "finished" || p.State == "exited" {
			ended = p.StartedAt.Add(time.Hour).UnixMilli()
		}
		if err := d.exec("insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, converted_at, ended_at) values ($1, $2, $3, 1, $4, $5, $6, $7)",
			p.Enrolment, campaignIDs[p.Campaign], int64(c.ID), p.StartedAt.UnixMilli(), p.State, converted, ended); err != nil {
			return fmt.Errorf("enrolment: %w", err)
		}
	}
	return nil
}

// askTallies is ask of the tallies of what people did, which are made first, as
// the migration makes them. SQLite has none.
func (d database) askTallies(p *SQL, conditions []*Condition) ([][]int64, error) {
	if d.dialect == Postgres {
		text, err := os.ReadFile("../internal/store/migrations/postgres/00017_tallies.sql")
		if err != nil {
			return nil, err
		}
		_, fill, _ := strings.Cut(string(text), "insert into tallies")
		fill, _, _ = strings.Cut(fill, "analyze tallies")
		if err := d.exec("truncate tallies; insert into tallies" + fill); err != nil {
			return nil, err
		}
	}
	p.Tallied = d.dialect == Postgres
	return d.ask(p, conditions)
}

// settled tells whether tallies know all of a contact up to now: whoever did
// something later is asked otherwise.
func (w *world) settled(f *contacts.Facts) bool {
	return !slices.ContainsFunc(f.Events, func(e contacts.Event) bool { return e.At.After(w.now) && !e.Machine })
}

// ask compiles the conditions into one statement and gives the answers: 1, 0, or
// 2 for null, which must never come.
func (d database) ask(p *SQL, conditions []*Condition) ([][]int64, error) {
	p.Dialect = d.dialect
	inner, outer := []string{"c.id as id"}, []string{"id"}
	for i, c := range conditions {
		inner = append(inner, fmt.Sprintf("%s as v%d", c.SQL(p), i))
		outer = append(outer, fmt.Sprintf("case when v%[1]d is null then 2 when v%[1]d then 1 else 0 end", i))
	}
	statement := "select " + strings.Join(outer, ", ") + " from (select " + strings.Join(inner, ", ") + " from contacts c) as answers order by id"
	rows, err := d.query(statement, p.Args...)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s\n%v", err, statement, p.Args)
	}
	return rows, nil
}
