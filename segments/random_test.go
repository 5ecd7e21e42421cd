package segments

import (
	"fmt"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Random facts and conditions for the agreement of the matchers. Facts and the
// operands of conditions come from the same small worlds, so that they meet.

var (
	worldTexts = []string{
		"DE", "de", "At", "Straße", "STRASSE", "strasse", "café", "cafe\u0301", "İstanbul", "ﬁnal", "K", "Ωmega",
		"O'Brien", "'; drop table contacts; --", "100%", "a_b", `back\slash`, `say "hi"`, "two\nlines", "😀 smile",
		"  padded ", "$1", "?", "2026-03-02", "2024-02-29", "1984-02-29", "1990-12-28", "2026-03-29 01:30",
		"2026-03-02T00:30:00+01:00", "2025-03-01T23:30:00Z", "1999-01-02T10:00:00Z", "12", "12.5", "true", "x",
	}
	worldNumbers = []float64{
		0, 1, -1, 5, 12, 49.99, 50, 50.000001, 50.0000001, 0.1, 0.3, 1e-6, 1e-7, -49.99, 100, 1_000_000,
		9_007_199_254.740992, 9_007_199_255, 1e15, -1e15, 1e300, -2.5e-9, 123456.789,
	}
	worldPaths  = []string{"country", "address.city", "age", "tags", "birthday", "it's", "x.y.z", "größe", "a<b>&c", "123"}
	worldEvents = []string{"order.placed", "cart.abandoned", "o'event", "contact.changed"}
	worldZones  = []string{"UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "America/St_Johns", "America/Havana", "Asia/Beirut"}
	worldLadder = []string{"stranger", "prospect", "customer", "client", "advocate"}
	worldTopics = []string{"guides", "offers"}
	campaignIDs = map[string]int64{"welcome": 11, "winback": 12}
	worldLinks  = []string{"https://northwind.example/guides/fit", "https://northwind.example/Guides/Fit"}
	worldDates  = []string{"2026-03-02", "2026-03-01", "2024-02-29", "1984-02-29", "2025-03-01", "1999-01-02", "2026-03-29", "2030-01-01"}
	worldNames  = []string{"welcome", "winback"}
	worldMails  = []string{"welcome", "guide-fit"}
	worldDays   = []int{1, 2, 7, 30, 60, 365}

	worldHalfLife = 30 * 24 * time.Hour
	worldScores   = []float64{-100, -20, -1, -0.5, 0, 0.5, 1, 7, 9, 20, 100, 500, 2000}
	worldScoring  = &Scoring{
		HalfLives: map[string]time.Duration{"engagement": worldHalfLife},
		Tiers:     []Tier{{"bronze", 0}, {"silver", 500_000_000}, {"gold", 2_000_000_000}},
	}
)

const testEnrolment = 7 << 10

// world is one draw: people, a moment, and the company's zone.
type world struct {
	now    time.Time
	zone   *time.Location
	people []*contacts.Facts
	scope  Scope
}

// choose draws one of n evenly: rapid prefers small numbers, and would draw the
// last operators hardly ever.
func choose(t *rapid.T, label string, n int) int {
	x := rapid.Uint64().Draw(t, label)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // the finaliser of splitmix64
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int((x ^ x>>31) % uint64(n))
}

func pick[T any](t *rapid.T, label string, from []T) T { return from[choose(t, label, len(from))] }

func between(t *rapid.T, low, high int, label string) int { return low + choose(t, label, high-low+1) }

// one tells yes once in n.
func one(t *rapid.T, in int, label string) bool { return choose(t, label, in) == 0 }

func drawWorld(t *rapid.T, people int) world {
	zone, err := calendar.LoadZone(pick(t, "zone", worldZones))
	if err != nil {
		t.Fatal(err)
	}
	start := pick(t, "now", []string{"2026-03-02T09:00:00Z", "2026-03-01T23:30:00Z", "2024-02-28T12:00:00Z", "2025-12-29T12:00:00Z", "2026-03-29T00:30:00Z", "2027-02-28T10:00:00Z"})
	now, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	w := world{now: now.Add(time.Duration(between(t, 0, 2000, "ms")) * time.Millisecond), zone: zone}
	if one(t, 4, "scoped") {
		w.scope = Scope{Since: w.drawMoment(t), Enrolment: testEnrolment, Ever: one(t, 5, "ever")}
	}
	for i := range people {
		w.people = append(w.people, w.drawFacts(t, contacts.ID(i+1)))
	}
	if events := w.people[0].Events; !w.scope.Since.IsZero() && len(events) > 0 && one(t, 2, "origin") {
		w.scope.Origin = pick(t, "which", events).ID
	}
	return w
}

// drawMoment is a moment near an edge that conditions can have.
func (w *world) drawMoment(t *rapid.T) time.Time {
	now := w.now
	switch between(t, 0, 4, "moment") {
	case 0: // exactly N days ago, or a millisecond beside it
		edge := now.Add(-time.Duration(pick(t, "days", worldDays)) * 24 * time.Hour)
		return edge.Add(time.Duration(between(t, -1, 1, "beside")) * time.Millisecond)
	case 1:
		return now.Add(time.Duration(between(t, -1, 2, "beside now")) * time.Millisecond)
	case 2: // the beginning of a day, or a millisecond beside it
		date, _ := calendar.ParseDate(pick(t, "date", worldDates))
		return date.At(0, w.zone).Add(time.Duration(between(t, -1, 1, "beside")) * time.Millisecond)
	}
	return now.Add(-time.Duration(between(t, 0, 100*24*60, "minutes")) * time.Minute)
}

func (w *world) drawValue(t *rapid.T, depth int) any {
	switch between(t, 0, 12, "value") {
	case 12: // a date near an edge of in_last, in_next and anniversary_in
		days := pick(t, "days", []int{0, 1, 3, 7, 30, 60}) + between(t, -1, 1, "beside")
		if one(t, 2, "past") {
			days = -days
		}
		date := calendar.Of(w.now, w.zone).AddDays(days)
		date.Year -= pick(t, "years", []int{0, 0, 1, 20})
		if one(t, 3, "instant") {
			return date.At(0, w.zone).Add(time.Duration(between(t, -1, 1, "beside")) * time.Millisecond).Format(time.RFC3339Nano)
		}
		return date.At(0, time.UTC).Format(time.DateOnly) // 29 February of a common year is 1 March
	case 0, 1, 2, 3:
		return pick(t, "text", worldTexts)
	case 4, 5, 6:
		return pick(t, "number", worldNumbers)
	case 7:
		return one(t, 2, "bool")
	case 8, 9:
		list := []any{}
		for range between(t, 0, 4, "items") {
			list = append(list, pick(t, "item", []any{"gravel", "Gravel", "road", "Straße", 5.0, 0.1, 1e300, true, nil, "", "O'Brien", "2026-03-02", []any{"x"}}))
		}
		return list
	case 10:
		if depth > 0 {
			return map[string]any{"city": w.drawValue(t, depth-1), "y": map[string]any{"z": w.drawValue(t, 0)}}
		}
		return ""
	}
	return nil
}

func (w *world) drawValues(t *rapid.T) map[string]any {
	m := map[string]any{}
	for _, path := range append([]string{"address", "x", "x.y"}, worldPaths...) {
		if one(t, 2, "has "+path) {
			m[path] = w.drawValue(t, 2)
			if len(w.people) > 0 && one(t, 2, "as the first") {
				m[path] = w.people[0].Contact.Attributes[path]
			}
		}
	}
	m["email"] = "hidden by the built-in field"
	return m
}

func (w *world) drawFacts(t *rapid.T, id contacts.ID) *contacts.Facts {
	f := &contacts.Facts{Contact: contacts.Contact{
		ID: id, Email: fmt.Sprintf("p%d@example.com", id), Attributes: w.drawValues(t),
		FirstName: pick(t, "first", append([]string{""}, worldTexts...)), Language: pick(t, "language", []string{"", "de", "EN"}),
		CreatedAt: w.drawMoment(t), Seed: rapid.Uint32().Draw(t, "seed"),
		Stage: pick(t, "stage", append([]string{"", "gone"}, worldLadder...)), Health: pick(t, "health", healths),
	}}
	c := &f.Contact
	if one(t, 2, "stage since") {
		c.StageSince = w.drawMoment(t)
	}
	if one(t, 2, "health since") {
		c.HealthSince = w.drawMoment(t)
	}
	for i := range between(t, 0, 10, "events") {
		f.Events = append(f.Events, w.drawEvent(t, f, i))
	}
	order(f.Events)
	for _, topic := range worldTopics {
		if one(t, 2, "consent") {
			f.Consents = append(f.Consents, contacts.Consent{Topic: topic, State: pick(t, "state", []string{"given", "withdrawn", "pending"}), Source: "test", At: w.now})
		}
	}
	f.Scores = w.drawScores(t)
	for _, campaign := range worldNames {
		for i := range between(t, 0, 2, "enrolments") {
			p := contacts.Participation{Campaign: campaign, Enrolment: int64(c.ID)<<20 + campaignIDs[campaign]<<12 + int64(i)<<10, StartedAt: w.now, State: pick(t, "state", []string{"finished", "exited"})}
			if i == 0 {
				p.State = pick(t, "running", []string{"active", "parked", "finished", "exited", "control"})
			}
			if one(t, 2, "converted") {
				p.ConvertedAt = w.now
			}
			f.Campaigns = append(f.Campaigns, p)
		}
	}
	return f
}

// drawScores has scores at the edges that conditions ask for: exactly so much
// now, or a millisecond of decay beside it.
func (w *world) drawScores(t *rapid.T) []contacts.Score {
	var list []contacts.Score
	if one(t, 2, "signal") {
		value := pick(t, "value", worldScores) * pick(t, "times", []float64{1, 1, 1, 1.5, 4})
		s := contacts.HalvingScore("engagement", value, w.now, worldHalfLife)
		if s.Sign != 0 {
			s.Value += int64(between(t, -1, 1, "beside"))
		}
		list = append(list, s)
	}
	for _, name := range []string{contacts.ScoreLifetime, contacts.ScoreNPS, contacts.ScorePoints} {
		if !one(t, 3, "without "+name) {
			list = append(list, contacts.Score{Name: name, Value: int64(max(0, pick(t, "value", worldScores))*contacts.Million) + int64(between(t, 0, 1, "beside"))})
		}
	}
	return list
}

func (w *world) drawEvent(t *rapid.T, f *contacts.Facts, i int) contacts.Event {
	e := contacts.Event{
		Contact: f.Contact.ID, At: w.drawMoment(t),
		Key: pick(t, "key", []string{"a", "B", "é", "_"}) + strconv.Itoa(i),
	}
	// Stored when it happened, or later.
	number := int64(f.Contact.ID)*100 - 100 + int64(i) + 1
	e.ID = ident.New(e.At.Add(time.Duration(between(t, 0, 2000, "stored"))*time.Millisecond), number)
	if one(t, 2, "mail") {
		e.Name = "email." + pick(t, "kind", emailKinds)
		e.Campaign, e.Template = pick(t, "campaign", worldNames), pick(t, "template", worldMails)
		e.Message = pick(t, "message", []int64{testEnrolment, 6 << 10, 8 << 10}) + int64(between(t, 1, 1023, "step"))
		if e.Name == contacts.EventClicked {
			e.Link = pick(t, "link", worldLinks)
		}
		if e.Name == contacts.EventSent { // the message's own row, whose id is unique
			e.Message = e.Message>>10<<10 + number
			e.Key, e.ID = "sent", 0
			return e
		}
		e.Machine = one(t, 3, "machine")
		return e
	}
	e.Name = pick(t, "name", worldEvents)
	e.Properties = w.drawValues(t)
	if one(t, 2, "total") {
		e.Properties["total"] = pick(t, "total", worldNumbers)
	}
	return e
}

// YAML in flow form; text stands in quotes whose escapes YAML and Go share.
