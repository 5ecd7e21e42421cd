package simulate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/engine"
	"rapport/internal/store"
)

// A copy knows nobody's name, and treats nobody as a stranger.
func TestACopyIsAnonymousAndRemembers(t *testing.T) {
	ctx, w := t.Context(), northwindWith(t, nil)
	start := time.Date(2026, 5, 31, 22, 0, 0, 0, time.UTC) // midnight in Berlin
	before := func(days int) time.Time { return start.AddDate(0, 0, -days) }
	s, err := store.Open(ctx, t.TempDir()+"/real.db", store.Options{Fleeting: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := engine.Apply(ctx, s, w, "test", before(100)); err != nil {
		t.Fatal(err)
	}
	person := func(email string) store.ContactInput {
		return store.ContactInput{Source: "form", Contact: contacts.Contact{Email: email, FirstName: "Ana", LastName: "Lopez", Language: "de", CreatedAt: before(90),
			Attributes: map[string]any{"country": "DE", "city": "Kiel", "open_tickets": 0.0}},
			Consents: []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, At: before(90)}}}
	}
	made, err := s.UpsertContacts(ctx, []store.ContactInput{person("ana@firm.example"), person("gone@firm.example")}, before(90))
	if err != nil {
		t.Fatal(err)
	}
	campaigns, err := s.Campaigns(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutEnrolments(ctx, []store.PastEnrolment{{Campaign: campaigns["welcome"].ID, Contact: made[0].ID, State: "finished", Started: before(80), Ended: before(70)}}, before(70)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ingest(ctx, []store.Incoming{
		{Email: "ana@firm.example", Event: contacts.Event{Name: "order.placed", Key: "1", At: before(20), Properties: map[string]any{"total": 80.0, "category": "bike", "order": "A-17"}}},
		{Email: "ana@firm.example", Event: contacts.Event{Name: "order.placed", Key: "2", At: before(60), Properties: map[string]any{"category": "for Ana Lopez"}}},
		{Email: "gone@firm.example", Event: contacts.Event{Name: contacts.EventComplained, Key: "3", At: before(10)}, Suppress: contacts.ReasonComplaint},
	}, before(1)); err != nil {
		t.Fatal(err)
	}

	from := Copy{Store: s, Trade: TradeOf(w), Size: 10, Seed: 1, Start: start}
	people, err := from.People(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(people) != 1 {
		t.Fatalf("%d people, want Ana alone: who complained gets no mail", len(people))
	}
	p := people[0]
	if p.Email != "contact0@example.com" || p.First+p.Last != "" {
		t.Errorf("the copy has a name: %+v", p)
	}
	if diff := cmp.Diff(map[string]any{"country": "DE", "open_tickets": 0.0}, p.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	var past []map[string]any
	for _, d := range p.Past {
		past = append(past, d.Properties)
	}
	if diff := cmp.Diff([]map[string]any{{}, {"total": 80.0}}, past); diff != "" {
		t.Errorf("what they did (-want +got):\n%s", diff)
	}

	r, err := Simulate(ctx, Simulation{Workspace: w, Log: quiet(t), From: calendar.Date{Year: 2026, Month: 6, Day: 1}, Days: 5, Seed: 1, People: people})
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Campaigns["welcome"].Enrolled; n != 0 {
		t.Errorf("who was welcomed before is welcomed again")
	}
	if r.Stages.Start["client"] != 1 {
		t.Errorf("the copy stands on %v, want client", r.Stages.Start)
	}
}

// The most exact rates count.
func TestRatesAreThoseOfTheTemplateAndTheStage(t *testing.T) {
	m := NewModel(1, TradeOf(northwindWith(t, nil)), nil)
	m.Rates[RateKey{"welcome", "prospect"}] = Rates{Open: 1}
	m.Rates[RateKey{"welcome", ""}] = Rates{Open: 0.75}
	for _, c := range []struct {
		template, stage string
		want            float64
	}{{"welcome", "prospect", 1}, {"welcome", "customer", 0.75}, {"guide-fit", "prospect", DefaultRates.Open}} {
		if got := m.rates(&Mail{Template: c.template, Stage: c.stage}).Open; got != c.want {
			t.Errorf("%s to %s: %v, want %v", c.template, c.stage, got, c.want)
		}
	}
}
