package segments

import (
	"testing"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// What random draws hit too seldom: values that are exactly a bound. Every
// condition is asked about every contact; want says for how many it holds.

func TestRule20EdgesOnSQLite(t *testing.T)   { edges(t, openSQLite(t)) }
func TestRule20EdgesOnPostgres(t *testing.T) { edges(t, openPostgres(t)) }

func edges(t *testing.T, d database) {
	berlin, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := world{now: time.Date(2025, 12, 29, 9, 0, 0, 0, berlin), zone: berlin}
	add := func(value any) *contacts.Facts {
		id := contacts.ID(len(w.people) + 1)
		f := &contacts.Facts{Contact: contacts.Contact{ID: id, Email: string(rune('a'+id)) + "@example.com", CreatedAt: w.now, Attributes: map[string]any{"x": value}}}
		w.people = append(w.people, f)
		return f
	}
	for _, n := range []float64{50, 50.0000001, 50.000001, 49.999999, 1e300, -1e300, 1e-7, 0, 9_007_199_254.740992, 9_007_199_256} {
		add(n)
	}
	newYear := time.Date(2026, 1, 1, 0, 0, 0, 0, berlin)
	for _, text := range []string{"2026-01-01", "2025-01-01", "2024-12-29", "2024-12-28", "2025-12-29", "2025-12-22", "2025-12-21", "2026-01-05", "2026-01-06",
		newYear.Format(time.RFC3339), newYear.Add(-time.Second).Format(time.RFC3339), newYear.AddDate(-1, 0, 0).Format(time.RFC3339)} {
		add(text)
	}
	week := w.now.Add(-7 * 24 * time.Hour)
	since := time.Date(2025, 12, 1, 0, 0, 0, 0, berlin)
	for i, at := range []time.Time{week, week.Add(time.Millisecond), week.Add(-time.Millisecond), w.now, w.now.Add(time.Millisecond), since, since.Add(-time.Millisecond)} {
		f := add(nil)
		f.Events = []contacts.Event{{ID: ident.New(at, int64(i)), Contact: f.Contact.ID, Name: "e", At: at, Key: "k", Properties: map[string]any{"n": 0.1}}}
	}
	three := add([]any{"a"})
	for i := range 3 {
		three.Events = append(three.Events, contacts.Event{ID: ident.New(week, int64(100+i)), Contact: three.Contact.ID, Name: "e3", At: week, Key: string(rune('a' + i)), Properties: map[string]any{"n": 0.1, "i": float64(i)}})
	}
	cases := []struct {
		text string
		want int
	}{
		{"{attribute: x, above: 50}", 5}, {"{attribute: x, at_least: 50}", 6}, {"{attribute: x, below: 50}", 4}, {"{attribute: x, at_most: 50}", 5}, {"{attribute: x, is: 50}", 1},
		{"{attribute: x, below: 50.0000001}", 5}, {"{attribute: x, at_most: 50.0000001}", 6}, {"{attribute: x, at_least: 50.0000001}", 5}, {"{attribute: x, above: 50.0000001}", 4}, {"{attribute: x, is: 50.0000001}", 1},
		{"{attribute: x, at_least: 1e300}", 1}, {"{attribute: x, above: 1e300}", 0}, {"{attribute: x, at_most: 1e300}", 10}, {"{attribute: x, below: 1e300}", 9}, {"{attribute: x, below: -1e300}", 0}, {"{attribute: x, at_most: -1e300}", 1},
		{"{attribute: x, above: 0}", 8}, {"{attribute: x, above: 1e-7}", 7}, {"{attribute: x, above: 9007199254.740992}", 2}, {"{attribute: x, at_least: 9007199256}", 2}, {"{attribute: x, between: [50, 50.000001]}", 3},
		{"{attribute: x, anniversary_in: 2d}", 1}, {"{attribute: x, anniversary_in: 3d}", 3}, {"{attribute: x, anniversary_in: 7d}", 3},
		{"{attribute: x, in_last: 7d}", 2}, {"{attribute: x, in_last: 8d}", 3}, {"{attribute: x, in_next: 7d}", 5}, {"{attribute: x, in_next: 8d}", 6},
		{"{attribute: x, before: 2026-01-01}", 8}, {"{attribute: x, after: 2025-12-31}", 4}, {"{attribute: x, is: 2026-01-01}", 2}, {"{attribute: x, between: [2025-12-31, 2026-01-01]}", 3},
		{"{attribute: x, before: -7d}", 5}, {"{attribute: x, after: +7d}", 1},
		{"{event: e, in_last: 7d}", 2}, {"{event: e}", 6}, {"{event: e, since: 2025-12-01}", 5}, {"{event: e, before: 2025-12-01}", 1},
		{"{event: e, since: 2025-12-01, before: \"2025-12-29 09:00\"}", 4}, {"{event: e, since: \"2025-12-29 09:00\"}", 1},
		{"{event: e3, count: {at_least: 3}}", 1}, {"{event: e3, count: {above: 3}}", 0}, {"{event: e3, count: {below: 3}, where: {i: {above: 0}}}", len(w.people)},
		{"{event: e3, sum: {of: n, is: 0.3}}", 1}, {"{event: e3, sum: {of: n, above: 0.3}}", 0}, {"{event: e3, sum: {of: n, above: 0.2999999}}", 1}, {"{event: e3, sum: {of: n, at_most: 0.3}}", 1},
		{"{event: e3, pick: first, where: {i: 0}}", 1}, {"{event: e3, pick: last, where: {i: 2}}", 1}, {"{event: e3, pick: last, where: {i: 0}}", 0},
		{"{attribute: created_at, in_last: 1d}", len(w.people)}, {"{attribute: x, has: A}", 1}, {"{attribute: x, exists: false}", 7},
	}
	var conditions []*Condition
	for _, c := range cases {
		conditions = append(conditions, parse(t, c.text))
	}
	if err := d.fill(w.people); err != nil {
		t.Fatal(err)
	}
	rows, err := d.ask(w.sql(nil), conditions)
	if err != nil {
		t.Fatal(err)
	}
	tallied, err := d.askTallies(w.sql(nil), conditions)
	if err != nil {
		t.Fatal(err)
	}
	for j, c := range conditions {
		held := 0
		for i, f := range w.people {
			in := c.Match(w.question(f, nil))
			if in {
				held++
			}
			if in != (rows[i][j+1] == 1) {
				t.Errorf("%s on %v: memory says %v, the database %d", cases[j].text, f.Contact.Attributes["x"], in, rows[i][j+1])
			}
			if w.settled(f) && in != (tallied[i][j+1] == 1) {
				t.Errorf("%s on %v: memory says %v, the tallies %d", cases[j].text, f.Contact.Attributes["x"], in, tallied[i][j+1])
			}
		}
		if held != cases[j].want {
			t.Errorf("%s holds for %d; want %d", cases[j].text, held, cases[j].want)
		}
	}
}
