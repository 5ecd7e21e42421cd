package engine

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"rapport/internal/delivery/smtp/smtptest"
)

// An event that nobody can read any more holds up its contact, and nobody else.
func TestAContactWhoCannotBeDecidedAboutDoesNotHoldUpTheOthers(t *testing.T) {
	const people = 7
	r := start(t, people, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": ""})
	for i := range people {
		r.event("order.placed", fmt.Sprintf("p%05d@example.com", i), fmt.Sprint("order ", i), map[string]any{"total": 40})
	}
	raw, err := sql.Open("sqlite", "file:"+r.Database+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	set := func(text string) {
		t.Helper()
		if _, err := raw.Exec(`update events set properties = ` + text + ` where key = 'order 3'`); err != nil {
			t.Fatal(err)
		}
	}
	stages := func() (customers int) {
		t.Helper()
		totals, err := r.Store.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(totals.Stages["customer"])
	}
	set(`x'ff'`)
	r.settle()
	if n := stages(); n != people-1 {
		t.Fatalf("%d customers, want %d: all but the one", n, people-1)
	}
	if n, err := r.Store.TouchedWaiting(t.Context()); err != nil || n != 1 {
		t.Errorf("%d contacts wait, %v: the one is not forgotten", n, err)
	}
	set(`jsonb('{"total":40}')`)
	r.clock.Advance(time.Hour)
	r.settle()
	if n := stages(); n != people {
		t.Errorf("%d customers once it is mended, want %d", n, people)
	}
}
