package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/contacts"
)

// equalMoments are acts of one contact, all at the same time, so that their keys
// alone decide which one counts.
func equalMoments(id contacts.ID) (acts []ConsentChange) {
	say := func(topic, state, source, key string) {
		acts = append(acts, ConsentChange{Contact: id, Topic: topic, State: state, Source: source, At: day, Key: key})
	}
	for i := range 20 {
		topic := fmt.Sprintf("topic %02d", i)
		say(topic, contacts.ConsentGiven, topic+" fair", "")
		say(topic, contacts.ConsentGiven, topic+" shop", "")

		topic = fmt.Sprintf("waiting %02d", i)
		say(topic, contacts.ConsentGiven, topic+" fair", "")
		say(topic, contacts.ConsentPending, topic+" form", "")
	}
	for _, key := range []string{"form a", "Form A", "FORM A"} { // one counts, two do not
		say("cases", contacts.ConsentGiven, "form", key)
	}
	return acts
}

// The keys of acts are replaced when a contact is erased, and with them what decides
// between acts of one moment: the act that counts stays the same one for whoever
// reads, and what is said later is recorded as ever.
func TestConsentsOfTheErasedCountAsBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id := people(t, s, "ana@example.com")[0]
		refused := must(s.SetConsent(ctx, equalMoments(id), day))(t)
		equal(t, "refused", slices.Compact(refused), []string{""})
		acts := func() (acts []contacts.Consent) {
			t.Helper()
			return must(s.LoadFacts(ctx, []contacts.ID{id}))(t)[id].Consents
		}
		nameless := func(list []contacts.Consent) []contacts.Consent {
			list = slices.Clone(list)
			for i := range list {
				list[i].Key, list[i].Source = "", ""
			}
			return list
		}
		before := acts()
		equal(t, "acts", len(before), 83)
		held := must(s.Consents(ctx, []contacts.ID{id}))(t)[id]

		equal(t, "erased", must(s.Erase(ctx, "ana@example.com", later(time.Minute)))(t), true)
		equal(t, "what was said, in its order", nameless(acts()), nameless(before))
		equal(t, "what holds", must(s.Consents(ctx, []contacts.ID{id}))(t)[id], nameless(held))
		f := contacts.Facts{Consents: acts()}
		for _, c := range held {
			equal(t, "what counts for "+c.Topic, f.ConsentFor(c.Topic).State, c.State)
		}

		withdrawal := ConsentChange{Contact: id, State: contacts.ConsentWithdrawn, Source: "mail", At: later(time.Hour)}
		for range 2 {
			equal(t, "refused", must(s.SetConsent(ctx, []ConsentChange{withdrawal}, later(time.Hour)))(t), []string{""})
		}
		for _, c := range must(s.Consents(ctx, []contacts.ID{id}))(t)[id] {
			equal(t, "the consent to "+c.Topic, c, contacts.Consent{Topic: c.Topic, State: contacts.ConsentWithdrawn, Source: "mail", At: later(time.Hour)})
		}
		equal(t, "topics", count(t, s, `select count(*) from consents`), int64(41))
		equal(t, "acts", count(t, s, `select count(*) from consent_acts`), int64(83+41))
	})
}

// Whatever the keys of acts say, the act that is told to count is the one that counts.
func TestWhichConsentCountsIsNotAskedOfKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id := people(t, s, "ana@example.com")[0]
		say := func(state, key string, at time.Time) {
			t.Helper()
			change := ConsentChange{Contact: id, Topic: "guides", State: state, Source: key, At: at, Key: key}
			equal(t, "refused", must(s.SetConsent(ctx, []ConsentChange{change}, later(time.Hour)))(t), []string{""})
		}
		say(contacts.ConsentPending, "a", day)
		say(contacts.ConsentGiven, "b", day)
		if _, err := s.db.exec(ctx, `update consent_history set key = 'c'`); err != nil { // greater than that of the act that counts
			t.Fatal(err)
		}
		say(contacts.ConsentWithdrawn, "later", later(time.Hour))
		equal(t, "what holds", must(s.Consents(ctx, []contacts.ID{id}))(t)[id],
			[]contacts.Consent{{Topic: "guides", State: contacts.ConsentWithdrawn, Source: "later", At: later(time.Hour)}})
		for _, key := range []string{"b", "c"} {
			say(contacts.ConsentGiven, key, later(time.Hour)) // known already
		}
		equal(t, "acts", count(t, s, `select count(*) from consent_acts`), int64(3))
	})
}
