package simulate

import (
	"context"
	"slices"
	"testing"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Surveys are answered by some, within their scale, and otherwise by nobody: the
// event is not one that people bring about unasked.
func TestPeopleAnswerSurveys(t *testing.T) {
	eachExample(t, func(t *testing.T, name string, w *workspace.Workspace) {
		trade := TradeOf(w)
		if slices.ContainsFunc(trade.Habits, func(h Habit) bool { return h.Event == "survey.answered" }) {
			t.Error("surveys are answered unasked")
		}
		now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		m := NewModel(3, trade, trade.People(Crowd{Seed: 3, Size: 400, Start: now, Days: 1}))
		s := &relationship.Survey{Name: "after", Low: 1, High: 5}
		scores := map[float64]int{}
		for i := range m.People {
			for _, d := range m.Answer(i, &Mail{Key: m.People[i].Email, Survey: s}, now) {
				if d.Do == "answer" {
					scores[d.Properties["score"].(float64)]++
				}
			}
		}
		total := 0
		for score, n := range scores {
			total += n
			if score < 1 || score > 5 {
				t.Errorf("somebody answers %g on a scale of 1 to 5", score)
			}
		}
		if total < 20 || total > 100 || scores[5] <= scores[1] {
			t.Errorf("of 400 people %d answer: %v", total, scores)
		}
	})
}

func TestLinksToASurveyTellItsScale(t *testing.T) {
	for want, links := range map[[2]int][]string{
		{0, 10}: {"/s/abc"},
		{1, 5}:  {"/s/abc?score=3", "/s/abc?score=1", "/s/abc?score=5"},
	} {
		var m Mail
		for _, l := range links {
			m.asks(l)
		}
		if got := [2]int{m.Survey.Low, m.Survey.High}; got != want || m.Asks != "/s/abc" {
			t.Errorf("%v: %v on %s", links, got, m.Asks)
		}
	}
}

// Who comes on the way confirms a topic with double opt-in by mail, and some do not.
func TestNewcomersConfirmADoubleOptIn(t *testing.T) {
	w, _ := workspace.Load("../../examples/otterbrook", secrets)
	states := map[string]int{}
	from := calendar.Date{Year: 2026, Month: 3, Day: 2}
	s := Simulation{Workspace: w, Env: secrets, Log: quiet(t), From: from, Days: 12, Seed: 7, Contacts: 150}
	s.inspect = func(ctx context.Context, db *store.Store) error {
		ids, err := db.ContactIDs(ctx, 0, 1000)
		if err != nil {
			return err
		}
		facts, err := db.LoadFacts(ctx, ids)
		for _, f := range facts {
			if f.Contact.CreatedAt.After(from.At(0, time.UTC)) {
				states[f.ConsentFor("letters").State]++
			}
		}
		return err
	}
	r, err := Simulate(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	given, pending := states[contacts.ConsentGiven], states[contacts.ConsentPending]
	if given <= pending || pending == 0 || r.Campaigns["confirm-letters"].Sent < int64(given) {
		t.Errorf("%v, after %d mails that ask", states, r.Campaigns["confirm-letters"].Sent)
	}
}
