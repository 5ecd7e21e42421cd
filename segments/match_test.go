package segments

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

var testNow = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func daysAgo(n int) time.Time { return testNow.Add(-time.Duration(n) * 24 * time.Hour) }

func asked(f *contacts.Facts) *Question {
	return &Question{Facts: f, Now: testNow, Ladder: worldLadder, Zone: time.UTC}
}

func with(events ...contacts.Event) *contacts.Facts {
	order(events)
	return &contacts.Facts{Events: events}
}

func did(name string, at time.Time) contacts.Event { return contacts.Event{Name: name, At: at} }

func check(t *testing.T, text string, q *Question, want bool) {
	t.Helper()
	if got := parse(t, text).Match(q); got != want {
		t.Errorf("%s: %v; %+v", text, got, parse(t, text).Explain(q))
	}
}

func TestRule2WindowsAreFixedAndEndNow(t *testing.T) {
	const text = "{event: order.placed, in_last: 7d}"
	for _, c := range []struct {
		at   time.Time
		want bool
	}{
		{daysAgo(7), false}, // the instant at which it leaves
		{daysAgo(7).Add(time.Millisecond), true},
		{testNow, true},
		{testNow.Add(time.Millisecond), false}, // not yet happened
	} {
		check(t, text, asked(with(did("order.placed", c.at))), c.want)
	}
	// A day is 24 hours, also over the change of clocks on 29 March.
	berlin, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	q := asked(with(did("order.placed", time.Date(2026, 3, 28, 12, 0, 0, 0, berlin))))
	q.Zone, q.Now = berlin, time.Date(2026, 3, 29, 12, 30, 0, 0, berlin)
	check(t, "{event: order.placed, in_last: 1d}", q, true)
	q.Now = time.Date(2026, 3, 29, 13, 0, 0, 0, berlin)
	check(t, "{event: order.placed, in_last: 1d}", q, false)
}

func TestRule2DatesCompareInTheCompanysZone(t *testing.T) {
	auckland, err := calendar.LoadZone("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	f := &contacts.Facts{Contact: contacts.Contact{
		CreatedAt:  time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC), // 2 March in Auckland
		Attributes: map[string]any{"renewal": "2026-03-02", "birthday": "1984-02-29"},
	}}
	q := asked(f)
	check(t, "{attribute: created_at, is: 2026-03-01}", q, true)
	check(t, "{attribute: renewal, in_next: 1d}", q, true)
	q.Zone = auckland
	check(t, "{attribute: created_at, is: 2026-03-02}", q, true)
	check(t, "{attribute: created_at, before: 2026-03-02}", q, false)
	// 9:00 UTC is 22:00 of 2 March there: still the same day.
	check(t, "{attribute: renewal, in_last: 1d}", q, true)
	q.Now = testNow.Add(3 * time.Hour) // 3 March
	check(t, "{attribute: renewal, in_next: 1d}", q, false)
}

func TestAnniversaries(t *testing.T) {
	for _, c := range []struct {
		born, today string
		days        int
		want        bool
	}{
		{"1984-02-29", "2026-02-21", 7, true}, // 28 February stands for it
		{"1984-02-29", "2026-02-28", 1, true},
		{"1984-02-29", "2026-03-01", 7, false},
		{"1984-02-29", "2024-02-27", 1, false},
		{"1984-02-29", "2024-02-28", 1, true},
		{"1984-02-29", "2024-02-29", 1, true},
		{"1984-02-28", "2024-02-29", 1, false},
		{"1984-03-01", "2026-02-28", 1, true},
		{"1990-01-02", "2026-12-30", 3, true}, // over the turn of the year
		{"1990-12-31", "2026-12-30", 3, true},
		{"1990-12-29", "2026-12-30", 3, false},
		{"2026-03-01", "2026-02-27", 7, false}, // the day itself is no anniversary
		{"2026-03-01", "2027-02-27", 7, true},
		{"2030-03-01", "2027-02-27", 7, false},
	} {
		today, _ := calendar.ParseDate(c.today)
		q := asked(&contacts.Facts{Contact: contacts.Contact{Attributes: map[string]any{"born": c.born, "at": c.born + "T12:00:00Z"}}})
		q.Now = today.At(0, time.UTC).Add(15 * time.Hour)
		check(t, fmt.Sprintf("{attribute: born, anniversary_in: %dd}", c.days), q, c.want)
		check(t, fmt.Sprintf("{attribute: at, anniversary_in: %dd}", c.days), q, c.want)
	}
}

func TestRule3Scope(t *testing.T) {
	const enrolment, other = 5 << 10, 6 << 10
	start := daysAgo(3)
	f := with(
		contacts.Event{ID: 1, Name: "order.placed", At: start},
		contacts.Event{ID: 2, Name: "email.clicked", At: daysAgo(1), Message: enrolment + 1, Campaign: "welcome"},
		contacts.Event{ID: 3, Name: "email.opened", At: daysAgo(1), Message: other + 1, Campaign: "winback"},
		contacts.Event{ID: 4, Name: "email.replied", At: daysAgo(9), Message: other + 1, Campaign: "winback"},
	)
	f.Contact.Attributes = map[string]any{}
	q := asked(f)
	q.Segments = Set{"orders": {Name: "orders", Where: parse(t, "{event: order.placed}")}}
	q.Scope = Scope{Since: start, Enrolment: enrolment}
	check(t, "{event: order.placed}", q, true) // in the millisecond of the start
	q.Scope.Origin = 1
	check(t, "{event: order.placed}", q, false) // it is what started the enrolment
	check(t, "{event: order.placed, ever: true}", q, true)
	check(t, "{segment: orders}", q, true)
	check(t, "{email: clicked}", q, true)
	check(t, "{email: opened}", q, false)
	check(t, "{email: opened, campaign: winback}", q, true)
	check(t, "{email: replied, campaign: winback}", q, false)
	check(t, "{email: replied, ever: true}", q, true)
	q.Scope.Ever = true
	check(t, "{email: replied}", q, true)
}

func TestRule20MissingAndMistypedFailEveryPositiveOperator(t *testing.T) {
	for _, value := range []any{nil, "", []any{}, map[string]any{}} {
		q := asked(&contacts.Facts{Contact: contacts.Contact{Attributes: map[string]any{"x": value}}})
		for _, test := range []string{"is: a", "is: 3", "in: [a, 3, true]", "contains: a", "starts_with: a", "ends_with: a", "matches: '.*'", "above: -1e300",
			"at_least: 0", "below: 1e300", "at_most: 0", "between: [-1, 1]", "exists: true", "before: 2100-01-01", "after: 1900-01-01", "in_last: 900d", "in_next: 900d", "anniversary_in: 364d", "has: a", "has_any: [a]", "has_all: [a]"} {
			check(t, "{attribute: x, "+test+"}", q, false)
		}
		check(t, "{attribute: x, is_not: a}", q, true)
		check(t, "{attribute: x, not_in: [a]}", q, true)
		check(t, "{attribute: x, exists: false}", q, true)
	}
	q := asked(&contacts.Facts{Contact: contacts.Contact{Attributes: map[string]any{"zip": "20457"}}})
	check(t, "{attribute: zip, is: 20457}", q, false)
	check(t, "{attribute: zip, at_least: 1}", q, false)
	if why := parse(t, "{attribute: zip, is: 20457}").Explain(q).Why; why != `zip is "20457", which is text and not a number` {
		t.Error(why)
	}
}

func TestMachinesNeverCount(t *testing.T) {
	open := did("email.opened", daysAgo(1))
	open.Machine = true
	check(t, "{email: opened}", asked(with(open)), false)
	check(t, "{email: opened, count: {at_least: 2}}", asked(with(open, did("email.opened", daysAgo(2)))), false)
	check(t, "{email: opened}", asked(with(open, did("email.opened", daysAgo(2)))), true)
}

func TestPickChoosesAmongAll(t *testing.T) {
	order := func(total float64, days int) contacts.Event {
		return contacts.Event{Name: "order.placed", At: daysAgo(days), Properties: map[string]any{"total": total}}
	}
	q := asked(with(order(10, 90), order(100, 20), order(30, 5)))
	check(t, "{event: order.placed, pick: first, where: {total: {above: 50}}}", q, false)
	check(t, "{event: order.placed, pick: last, where: {total: 30}}", q, true)
	check(t, "{event: order.placed, pick: first, in_last: 30d}", q, false)
	check(t, "{event: order.placed, pick: first, before: 2026-01-01}", q, true)
	check(t, "{event: order.placed, sum: {of: total, is: 140}}", q, true)
	check(t, "{event: order.placed, sum: {of: total, above: 130}, in_last: 30d}", q, false)
	check(t, "{event: order.placed, sum: {of: total, at_least: 130}, in_last: 30d}", q, true)
	// Without an event there is nothing to sum: the count is at least one.
	check(t, "{event: other, sum: {of: total, below: 5}}", q, false)
	check(t, "{event: other, sum: {of: total, below: 5}, count: {at_most: 0}}", q, true)
}

func TestStageSince(t *testing.T) {
	f := &contacts.Facts{Contact: contacts.Contact{Stage: "client", StageSince: daysAgo(30), CreatedAt: daysAgo(100), Health: "none"}}
	q := asked(f)
	check(t, "{stage: client, for: 30d}", q, true)
	check(t, "{stage: {is: client, for: 31d}}", q, false)
	check(t, "{stage: {at_least: customer}}", q, true)
	check(t, "{stage: {at_most: customer}}", q, false)
	check(t, "{health: none, for: 100d}", q, true) // since it was created
	check(t, "{health: none, for: 101d}", q, false)
}

func TestExplain(t *testing.T) {
	f := with(did("order.placed", daysAgo(10)), did("order.placed", daysAgo(40)), did("order.placed", daysAgo(400)))
	f.Contact = contacts.Contact{Stage: "client", StageSince: daysAgo(20), Attributes: map[string]any{"country": "FR"}}
	f.Consents = []contacts.Consent{{Topic: "guides", State: "withdrawn", At: daysAgo(5), Source: "link"}}
	f.Campaigns = []contacts.Participation{{Campaign: "welcome", State: "finished", StartedAt: daysAgo(50), ConvertedAt: daysAgo(40)}}
	q := asked(f)
	q.Segments = Set{"vips": {Name: "vips", Where: parse(t, "{attribute: vip, is: true}")}}
	e := parse(t, `
- stage: { at_least: client }
- event: order.placed
  count: { at_least: 2 }
  in_last: 365d
- not: { event: order.placed, in_last: 60d }
- any:
    - attribute: country
      in: [DE, AT, CH]
    - segment: vips
- consent: guides
- email: clicked
- campaign: welcome
  is: converted
`).Explain(q)
	want := `
false all of (3 of 7 hold)
  true stage at_least client (stage is client since 2026-02-10)
  true event order.placed count at_least 2 in_last 365d (2 of at least 2 order.placed, last 2026-02-20)
  false not ()
    true event order.placed in_last 60d (2 of at least 1 order.placed, last 2026-02-20)
  false any of (none of 2 hold)
    false country in DE, AT, CH (country is "FR")
    false segment vips ()
      false vip is true (vip is missing)
  false consent guides (guides is withdrawn since 2026-02-25 (link))
  false email clicked (none clicked, of at least 1)
  true campaign welcome is converted (welcome: finished, started 2026-01-11, converted 2026-01-21)`
	if diff := cmp.Diff(want, render1(e, "")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNextChange(t *testing.T) {
	orders := with(did("order.placed", daysAgo(10)), did("order.placed", daysAgo(40)), did("order.placed", daysAgo(400)))
	orders.Contact = contacts.Contact{Stage: "client", StageSince: daysAgo(20), Attributes: map[string]any{"renewal": "2026-03-20", "born": "1984-02-29"}}
	day := func(s string) time.Time {
		d, _ := calendar.ParseDate(s)
		return d.At(0, time.UTC)
	}
	for text, want := range map[string]time.Time{
		"{event: order.placed}":                                                 {},
		"{event: order.placed, in_last: 60d}":                                   daysAgo(10).Add(60 * 24 * time.Hour),
		"{not: {event: order.placed, in_last: 60d}}":                            daysAgo(10).Add(60 * 24 * time.Hour),
		"{event: order.placed, count: {at_least: 2}, in_last: 60d}":             daysAgo(40).Add(60 * 24 * time.Hour),
		"{event: order.placed, count: {at_least: 3}, in_last: 60d}":             {},
		"{event: order.placed, count: {at_most: 1}, in_last: 60d}":              daysAgo(40).Add(60 * 24 * time.Hour),
		"{stage: client, for: 30d}":                                             testNow.Add(10 * 24 * time.Hour),
		"{stage: client, for: 10d}":                                             {},
		"{stage: prospect, for: 30d}":                                           {},
		"{attribute: renewal, in_next: 7d}":                                     day("2026-03-13"),
		"{attribute: renewal, in_last: 7d}":                                     day("2026-03-20"),
		"{attribute: renewal, before: -3d}":                                     day("2026-03-24"),
		"{attribute: renewal, after: +3d}":                                      day("2026-03-17"),
		"{attribute: renewal, before: 2026-05-01}":                              {},
		"{attribute: born, anniversary_in: 7d}":                                 day("2027-02-21"),
		"{any: [{stage: client, for: 30d}, {attribute: renewal, in_next: 7d}]}": day("2026-03-12").Add(9 * time.Hour),
	} {
		if got := parse(t, text).NextChange(asked(orders)); !got.Equal(want) {
			t.Errorf("%s: %s; want %s", text, got, want)
		}
	}
}

// TestNothingChangesBeforeNextChange: whoever looks again at NextChange misses
// nothing, and never looks again at once.
func TestNothingChangesBeforeNextChange(t *testing.T) {
	changed, kept := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 2)
		set := Set{"inner": {Name: "inner", Where: parse(t, w.drawCondition(t, 1))}}
		for range 4 {
			text := w.drawCondition(t, 2)
			c := parse(t, text)
			for _, f := range w.people {
				q := w.question(f, set)
				before, next := c.Match(q), c.NextChange(q)
				if !next.IsZero() && !next.After(q.Now) {
					t.Fatalf("%s: the next change is %s, and it is %s", text, next, q.Now)
				}
				later := *q
				probes := []time.Duration{time.Millisecond, 11 * time.Hour, 24 * time.Hour, 29 * 24 * time.Hour, 400 * 24 * time.Hour}
				for _, d := range append(probes, time.Duration(rapid.IntRange(1, 90*24*60).Draw(t, "later"))*time.Minute) {
					later.Now = q.Now.Add(d)
					if !next.IsZero() && !later.Now.Before(next) {
						later.Now = next.Add(-time.Millisecond)
					}
					if later.Now.After(q.Now) && c.Match(&later) != before {
						t.Fatalf("%s: %v at %s and not at %s, the next change is %s\n%s", text, before, q.Now, later.Now, next, render1(c.Explain(&later), ""))
					}
				}
				if later.Now = next; !next.IsZero() && c.Match(&later) != before {
					changed++
				} else if !next.IsZero() {
					kept++
				}
			}
		}
	})
	if !t.Failed() && changed*20 < kept {
		t.Errorf("%d announced changes came, %d did not", changed, kept)
	}
}

func TestPortablePatterns(t *testing.T) {
	for text, cases := range map[string]map[string]bool{
		"^STRASSE$":      {"straße": true, "Strasse": true, "strassen": false},
		"ß":              {"Maße": true, "masse": true, "mase": false},
		"caf.":           {"CAFÉ": true, "cafe": true, "caf": false, "caf\n": false},
		`^\d{5}$`:        {"20457": true, "2045": false, "٢٠٤٥٧": false},
		"[A-C]x":         {"bX": true, "dx": false},
		"[^a-c]x":        {"Bx": false, "dx": true, "\nx": true},
		"^(de|at|ch)-":   {"DE-HH": true, "fr-": false},
		"(a|)b?c{2,}":    {"acc": true, "cc": true, "c": false},
		`\.example$`:     {"x.example": true, "xexample": false},
		"[[:punct:]]":    {"a!": true, "ab": false},
		"é":              {"e\u0301": true, "E\u0301": true, "e": false},
		`\w+@\S`:         {"a@b": true, "@b": false},
		"ς":              {"Σ": true, "σ": true},
		"^[\\]\\-\\\\]$": {"]": true, "-": true, `\`: true, "a": false},
	} {
		p, err := parsePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for value, want := range cases {
			folded := contacts.Fold(value)
			if p.match(folded) != want || MatchPortable(p.portable, folded) != want {
				t.Errorf("%s on %q: %v", text, value, !want)
			}
		}
	}
	if MatchPortable("[", "x") {
		t.Error("a broken pattern matches")
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range testPatterns {
		f.Add(seed, "straße")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		if p, err := parsePattern(text); err == nil {
			p.match(contacts.Fold(value))
		}
	})
}

// lapsing is the example of the language.
const lapsing = `
- stage: { at_least: client }
- event: order.placed
  count: { at_least: 2 }
  in_last: 365d
- not: { event: order.placed, in_last: 60d }
- any:
    - attribute: country
      in: [DE, AT, CH]
    - segment: vips
`

func lapsingQuestion(t testing.TB) (*Condition, *Question) {
	f := &contacts.Facts{Contact: contacts.Contact{Stage: "client", Attributes: map[string]any{"country": "CH"}}}
	for i := range 50 {
		name := []string{"order.placed", "email.sent", "email.opened", "page.viewed"}[i%4]
		f.Events = append(f.Events, contacts.Event{Name: name, At: daysAgo(360 - i*6), Properties: map[string]any{"total": 5.0}})
	}
	q := asked(f)
	q.Segments = Set{"vips": {Name: "vips", Where: parse(t, "{attribute: vip, is: true}")}}
	return parse(t, lapsing), q
}

func TestTheExampleOfTheLanguageHolds(t *testing.T) {
	c, q := lapsingQuestion(t)
	if !c.Match(q) {
		t.Error(render1(c.Explain(q), ""))
	}
}

func BenchmarkMatch(b *testing.B) {
	c, q := lapsingQuestion(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Match(q)
	}
}

// TestRule20LargeConditions: what is allowed to be written is not too much for a
// database.
func TestRule20LargeConditionsOnSQLite(t *testing.T)   { large(t, openSQLite(t)) }
func TestRule20LargeConditionsOnPostgres(t *testing.T) { large(t, openPostgres(t)) }

func large(t *testing.T, d database) {
	f := &contacts.Facts{Contact: contacts.Contact{ID: 1, Email: "a@b.cd", CreatedAt: daysAgo(400), Attributes: map[string]any{"x": "v999", "total": 1.0}}}
	for i := range 1100 {
		f.Events = append(f.Events, contacts.Event{ID: int64(i + 1), Contact: 1, Name: "order.placed", At: daysAgo(1), Key: fmt.Sprint(i), Properties: map[string]any{"total": 9_007_199_254.740991}})
	}
	if err := d.fill([]*contacts.Facts{f}); err != nil {
		t.Fatal(err)
	}
	var values, wide, deep []string
	for i := range maxChoices {
		values = append(values, fmt.Sprintf("v%d", i))
	}
	for i := range maxParts {
		more := ""
		if i%10 == 0 {
			more = ", {attribute: created_at, anniversary_in: 3d}"
		}
		wide = append(wide, fmt.Sprintf("{any: [{attribute: y%d, is: x}, {attribute: x, is: v999}%s]}", i, more))
	}
	for range maxDepth - 1 {
		deep = append(deep, "{not: [{attribute: x, exists: true}, ")
	}
	texts := []string{
		"{attribute: x, in: [" + strings.Join(values, ", ") + "]}",
		"[" + strings.Join(wide, ", ") + "]",
		strings.Join(deep[:9], "") + "{attribute: x, is: v999}" + strings.Repeat("]}", 9),
		"{event: order.placed, sum: {of: total, above: 1000000000000}}",
		"{event: order.placed, sum: {of: total, below: 0}}",
		"{event: order.placed, count: {is: 1100}}",
		"{attribute: created_at, anniversary_in: 364d}",
	}
	var conditions []*Condition
	for _, text := range texts {
		conditions = append(conditions, parse(t, text))
	}
	q := asked(f)
	rows, err := d.ask(&SQL{Now: q.Now, Zone: q.Zone, Ladder: q.Ladder}, conditions)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range conditions {
		if (rows[0][i+1] == 1) != c.Match(q) {
			t.Errorf("%.80s: memory says %v, the database %d", texts[i], c.Match(q), rows[0][i+1])
		}
	}
}
