package engine

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"rapport/examples"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/testenv"
	"rapport/internal/workspace"
)

// byFile is a ladder that asks for what a file tells: attributes, dates, consents
// and what they are worth.
const byFile = `
ladder:
  - stage: stranger
  - stage: recent
    when: { attribute: created_at, in_last: 30d }
    keep: { attribute: created_at, in_last: 40d }
  - stage: neighbour
    when: { attribute: km, at_most: 20 }
  - stage: prospect
    when: { all: [ { consent: guides }, { stage: { at_least: recent } } ] }
    keep: { score: warmth, at_least: 2 }
signals:
  warmth: { half_life: 10d, consent.given: 10 }
`

// fromFile are the rows of a file that says much of some and little of others.
// Their seeds are given, for those of two databases differ.
func fromFile(topics []string, now time.Time) func() (*contacts.Row, *contacts.Reject, error) {
	const rows = 240
	i := -1
	return func() (*contacts.Row, *contacts.Reject, error) {
		if i++; i == rows {
			return nil, nil, io.EOF
		}
		r := &contacts.Row{Line: i + 2, Contact: contacts.Contact{Email: fmt.Sprintf("p%03d@example.com", i%200), Seed: uint32(i%200+1) * 2654435761,
			Attributes: map[string]any{"km": float64(i % 50), "zip": fmt.Sprint(20000 + i), "country": []string{"DE", "AT", "FR"}[i%3]}}}
		if i%4 > 0 {
			r.Contact.CreatedAt = now.Add(-time.Duration(i%60) * 24 * time.Hour).Add(time.Duration(i) * 1234567)
		}
		if i%5 > 0 {
			r.Contact.FirstName, r.Contact.Language = fmt.Sprint("P", i), "de"
		}
		for k, topic := range topics {
			if (i+k)%3 > 0 {
				r.Consents = append(r.Consents, contacts.Consent{Topic: topic, State: contacts.ConsentGiven, Source: "fair",
					At: now.Add(-time.Duration(i%20) * 24 * time.Hour).Add(time.Duration(i) * 7654321), Key: "import"})
			}
		}
		r.Repeated = i >= 200
		return r, nil, nil
	}
}

// Whoever comes by a file stands where anybody would stand of whom the same is
// known: the same stage, health, history, scores, memberships and campaigns, now
// and when time has passed.
func TestWhoComesByAFileStandsWhereAllDo(t *testing.T) {
	workspaces := map[string]*workspace.Workspace{
		"what a file tells": shopWith(t, map[string]string{
			"relationship.yaml": byFile, "campaigns/welcome.yaml": fmt.Sprintf(enter, ""),
			"segments/buyers.yaml": "segment: buyers\nwhere: { all: [ { stage: prospect }, { attribute: km, at_most: 25 } ] }\n",
		}),
	}
	for _, name := range examples.Names() {
		workspaces[name], _ = workspace.Load("../../examples/"+name, func(string) (string, bool) { return "x", true })
	}
	for name, w := range workspaces {
		for _, database := range []string{"sqlite", "postgres"} {
			t.Run(name+"/"+database, func(t *testing.T) {
				var told [2][]contacts.Facts
				var at [2]*clock.Manual
				var engines [2]*Engine
				for i := range 2 {
					at[i] = clock.NewManual(monday)
					o := Options{Clock: at[i]}
					if database == "postgres" {
						o.Database = testenv.Postgres(t)
					}
					e := openEngine(t, o)
					engines[i] = e
					apply(t, e, w)
					if _, err := e.Store.Suppress(t.Context(), []store.Suppression{{Email: "p007@example.com", Reason: contacts.ReasonManual}}, monday); err != nil {
						t.Fatal(err)
					}
					at[i].Advance(90 * time.Second)
					in := store.Import{Next: fromFile(slices.Sorted(maps.Keys(w.Topics)), at[i].Now()), Clock: at[i],
						Reject: func(*contacts.Reject) error { return nil }, Stored: func([]*contacts.Row, []store.ContactResult) error { return nil }}
					if i == 1 {
						in.Rules = func(ctx context.Context) *store.Rules {
							rules, err := e.Catalog.Rules(ctx)
							if err != nil {
								t.Error(err)
							}
							return rules
						}
					}
					if err := e.Store.Import(t.Context(), in); err != nil {
						t.Fatal(err)
					}
					waiting, err := e.Store.TouchedWaiting(t.Context())
					if err != nil || (i == 0) != (waiting >= 200) {
						t.Errorf("%d contacts have to be looked at after import %d, %v", waiting, i, err)
					}
				}
				for _, days := range []int{0, 45} {
					for i, e := range engines {
						at[i].Advance(time.Duration(days) * 24 * time.Hour)
						settle(t, e)
						told[i] = standing(t, e.Store)
					}
					if diff := gocmp.Diff(told[0], told[1]); diff != "" {
						t.Fatalf("%d days later (-looked at +met):\n%s", days, diff)
					}
				}
			})
		}
	}
}

// standing is everything that is known of everybody, without the numbers that two
// databases give differently.
func standing(t *testing.T, s *store.Store) []contacts.Facts {
	t.Helper()
	ids, err := s.ContactIDs(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := s.LoadFacts(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	var out []contacts.Facts
	for _, f := range facts {
		f.Contact.ID = 0
		for i := range f.Events {
			f.Events[i].ID, f.Events[i].Contact, f.Events[i].Message = 0, 0, 0
			if f.Events[i].Name != "consent.given" {
				f.Events[i].Key = ""
			}
		}
		for i := range f.Changes {
			f.Changes[i].Contact, f.Changes[i].Event = 0, 0
		}
		for i := range f.Campaigns {
			f.Campaigns[i].Enrolment = 0
		}
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b contacts.Facts) int { return cmp.Compare(a.Contact.Email, b.Contact.Email) })
	return out
}
