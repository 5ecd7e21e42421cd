package store

import (
	"context"
	"testing"
	"time"

	"rapport/internal/contacts"
)

// What was said of consent before the table of those that count had their keys is
// told as it was, and counts as it did.
func TestConsentsGoThroughTheirMigration(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 20)
			for _, text := range []string{
				`insert into contacts (id, email, seed, created_at, updated_at) values (1, 'ana@example.com', 1, 0, 0), (2, 'ben@example.com', 2, 0, 0)`,
				`insert into consents (contact_id, topic, state, source, at) values (1, 'guides', 'withdrawn', 'page', 3000), (1, 'offers', 'given', 'fair', 1000), (2, 'guides', 'given', 'nobody knows', 5000)`,
				`insert into consent_history (contact_id, topic, state, source, at, key) values (1, 'guides', 'given', 'fair', 1000, 'b'),
					(1, 'guides', 'withdrawn', 'page', 3000, 'a'), (1, 'guides', 'given', 'page', 3000, 'c'), (1, 'offers', 'given', 'fair', 1000, 'b')`,
			} {
				if _, err := db.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
					t.Fatal(err)
				}
			}
			db.Close()
			s := openStore(t, address)
			at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
			facts := must(s.LoadFacts(t.Context(), []contacts.ID{1, 2}))(t)
			equal(t, "what Ana said", facts[1].Consents, []contacts.Consent{
				{Topic: "guides", State: "given", Source: "fair", At: at(1), Key: "b"},
				{Topic: "offers", State: "given", Source: "fair", At: at(1), Key: "b"},
				{Topic: "guides", State: "given", Source: "page", At: at(3), Key: "c"},
				{Topic: "guides", State: "withdrawn", Source: "page", At: at(3), Key: "a"},
			})
			equal(t, "what Ben said", facts[2].Consents, []contacts.Consent{{Topic: "guides", State: "given", Source: "nobody knows", At: at(5)}})
			equal(t, "acts that do not count", count(t, s, `select count(*) from consent_history`), int64(2))

			// An act that was recorded before changes nothing, wherever it stands now.
			for _, key := range []string{"a", "b", "c"} {
				must(s.SetConsent(t.Context(), []ConsentChange{{Contact: 1, Topic: "guides", State: contacts.ConsentGiven, At: at(9), Key: key}}, day))(t)
			}
			equal(t, "what Ana said", must(s.LoadFacts(t.Context(), []contacts.ID{1}))(t)[1].Consents, facts[1].Consents)
		})
	}
}

// Who is asked for it can say of each consent, the first and only one too, when and
// where it was given.
func TestEachConsentIsEvidence(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		in := []ContactInput{{Contact: contacts.Contact{Email: "ana@example.com"}, Consents: []contacts.Consent{
			{Topic: "guides", State: contacts.ConsentGiven, Source: "fair", At: day, Key: "fair"},
			{Topic: "offers", State: contacts.ConsentGiven, Source: "fair", At: day, Key: "fair"},
		}}}
		id := must(s.UpsertContacts(t.Context(), in, later(time.Minute)))(t)[0].ID
		must(s.SetConsent(t.Context(), []ConsentChange{
			{Contact: id, Topic: "offers", State: contacts.ConsentWithdrawn, Source: "page", At: later(time.Hour), Key: "page"},
			{Contact: id, Topic: "offers", State: contacts.ConsentPending, Source: "form", At: later(time.Second), Key: "form"},
		}, later(2*time.Hour)))(t)
		want := []contacts.Consent{
			{Topic: "guides", State: "given", Source: "fair", At: day, Key: "fair"},
			{Topic: "offers", State: "given", Source: "fair", At: day, Key: "fair"},
			{Topic: "offers", State: "pending", Source: "form", At: later(time.Second), Key: "form"},
			{Topic: "offers", State: "withdrawn", Source: "page", At: later(time.Hour), Key: "page"},
		}
		equal(t, "what she said", must(s.LoadFacts(t.Context(), []contacts.ID{id}))(t)[id].Consents, want)
		equal(t, "rows of it", count(t, s, `select (select count(*) from consents) * 10 + (select count(*) from consent_history)`), int64(22))
	})
}

// Of one millisecond, a withdrawal counts, whatever the keys are: in the ledger, in
// the facts, and where a person reads what was said.
func TestAWithdrawalOfTheSameMomentCountsEverywhere(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for _, keys := range [][2]string{{"a", "b"}, {"b", "a"}} {
			id := people(t, s, keys[0]+"@example.com")[0]
			must(s.SetConsent(t.Context(), []ConsentChange{
				{Contact: id, Topic: "guides", State: contacts.ConsentWithdrawn, At: day, Key: keys[0]},
				{Contact: id, Topic: "guides", State: contacts.ConsentGiven, At: day, Key: keys[1]},
			}, day))(t)
			equal(t, "what counts", must(s.Consents(t.Context(), []contacts.ID{id}))(t)[id][0].State, contacts.ConsentWithdrawn)
			equal(t, "the last of the history", must(s.LoadFacts(t.Context(), []contacts.ID{id}))(t)[id].ConsentFor("guides").State, contacts.ConsentWithdrawn)
			entries, _, _, err := s.Timeline(t.Context(), id, Page{}, 10)
			check(t, err)
			equal(t, "the newest that is shown", entries[0].State, contacts.ConsentWithdrawn)
		}
	})
}
