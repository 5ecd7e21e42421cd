package engine

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/plan"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// contentOf is a digest of every row of every table.
func contentOf(t *testing.T, database string) map[string]string {
	t.Helper()
	driver, tables := "sqlite", `select name from sqlite_master where type = 'table' and name not like 'sqlite%'`
	if strings.HasPrefix(database, "postgres://") {
		driver, tables = "pgx", `select tablename from pg_tables where schemaname = 'public'`
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := map[string]string{}
	for _, table := range rowsOf(t, db, tables) {
		rows := rowsOf(t, db, `select * from `+table)
		slices.Sort(rows)
		out[table] = fmt.Sprintf("%d rows, %x", len(rows), sha256.Sum256([]byte(strings.Join(rows, "\n"))))
	}
	return out
}

// rowsOf are the rows of a query, each as one text.
func rowsOf(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(context.WithoutCancel(t.Context()), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *run) plans(s *store.Store, w *workspace.Workspace, ways plan.Ways) *plan.Plan {
	r.t.Helper()
	p, err := plan.Make(r.t.Context(), plan.Input{Store: s, Folder: w, Now: r.clock.Now(), Days: 7, Ways: ways})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// A plan writes nothing: it can be made in a session that may not write, and
// every row of every table is what it was.
func TestAPlanWritesNothing(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		r := startOn(t, database, smtptest.Options{}, longWay)
		r.signUpAs("a", 5)
		r.at(0, 9, 0)
		r.signUpAs("b", 5)
		before := contentOf(t, database)
		s := r.Store
		if strings.HasPrefix(database, "postgres://") {
			separator := "?"
			if strings.Contains(database, "?") {
				separator = "&"
			}
			var err error
			if s, err = store.Open(t.Context(), database+separator+"default_transaction_read_only=on", store.Options{Shared: true}); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.SetSetting(t.Context(), "x", "y"); err == nil {
				t.Fatal("the session can write, so this test shows nothing")
			}
		}
		for _, ways := range []plan.Ways{{}, {Migrate: true}, {Stop: true}} {
			if p := r.plans(s, r.version(shortWay, map[string]string{"templates/two.md": ""}), ways); len(p.Changes) != 2 {
				t.Errorf("%d changes, want those of the campaign and of the template", len(p.Changes))
			}
		}
		for table, rows := range contentOf(t, database) {
			if rows != before[table] {
				t.Errorf("table %s: %s, and before it was %s", table, rows, before[table])
			}
		}
	})
}

// What a plan expects is what comes, where nobody answers and nothing new happens.
func TestWhatAPlanExpectsComes(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		r := startOn(t, database, smtptest.Options{}, longWay)
		r.signUpAs("a", 4)
		r.at(0, 9, 0)
		r.signUpAs("b", 6)
		p := r.plans(r.Store, r.version(longWay, nil), plan.Ways{})
		if !p.Same() || len(p.Campaigns) != 1 || p.Campaigns[0].OnTheirWay != 4 {
			t.Fatalf("%+v", p)
		}
		total := 4 // who was mailed already, on the first day
		for day, d := range p.Days {
			r.at(day, 9, 1)
			total += int(d.Mail)
			if n := len(r.server.Messages()); n != total {
				t.Errorf("%s: %d mails so far, the plan expects %d", d.Date, n, total)
			}
		}
		progress, err := r.Store.Progress(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		enrolled := int64(4)
		for _, d := range p.Days {
			enrolled += d.Enrol
		}
		for _, x := range progress {
			if x.Enrolled != enrolled || x.Enrolled != 10 {
				t.Errorf("%d are enrolled, the plan expects %d", x.Enrolled, enrolled)
			}
		}
	})
}

func TestRule05APlanShowsTheBaseline(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		r := startOn(t, database, smtptest.Options{}, longWay)
		r.signUpAs("a", 7)
		r.settle()
		enter := "campaign: enter\ntopic: guides\naudience: { segment: prospects }\nstart: { enter: segment%s }\nsteps: [ { send: one } ]\n"
		p := r.plans(r.Store, r.version(longWay, map[string]string{"campaigns/enter.yaml": fmt.Sprintf(enter, "")}), plan.Ways{})
		if c := p.Campaigns[0]; c.Name != "enter" || c.Status != "new" || c.Baseline != 7 || c.Days[0].Enrol != 0 {
			t.Errorf("%+v, want a baseline of 7", c)
		}
		p = r.plans(r.Store, r.version(longWay, map[string]string{"campaigns/enter.yaml": fmt.Sprintf(enter, ", include_current: true")}), plan.Ways{})
		if c := p.Campaigns[0]; c.Baseline != 0 || c.Days[0].Enrol != 7 || c.Days[0].Mail != 7 {
			t.Errorf("%+v, want 7 enrolled and mailed today", c)
		}
	})
}

func TestAPlanShowsWhoMovesWhere(t *testing.T) {
	r := startOn(t, t.TempDir()+"/rapport.db", smtptest.Options{}, longWay)
	r.signUpAs("a", 3)
	r.at(0, 9, 0)
	r.at(2, 9, 0)
	r.signUpAs("b", 2)
	r.at(3, 8, 0)
	p := r.plans(r.Store, r.version("  - send: one\n  - { id: pause, wait: 4d }\n  - send: three\n", nil), plan.Ways{Migrate: true})
	var got []string
	for _, m := range p.Campaigns[0].Moves {
		got = append(got, fmt.Sprintf("%s→%s %s %d", m.From, m.To, m.Change, m.Contacts))
	}
	if want := []string{"rest→send:three removed 3"}; !slices.Equal(got, want) || p.Campaigns[0].OldSteps != 3 {
		t.Errorf("moves %q, want %q", got, want)
	}
}
