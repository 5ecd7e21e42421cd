package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

func TestIngestResolvesWhomItIsAbout(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		ids := people(t, s, "ana@example.com", "bob@example.com")
		message := sent(t, s, k, ids[1], "sent")
		takeAll(t, s)
		got := must(s.Ingest(ctx, []Incoming{
			{Event: contacts.Event{Name: "order.placed", Key: "o1", Contact: ids[0], At: day, Properties: map[string]any{"total": 89, "note": "a\x00"}}},
			{Event: contacts.Event{Name: "order.placed", Key: "o2"}, Email: "bob@example.com"},
			{Event: contacts.Event{Name: "order.placed", Key: "o3"}, Email: "carl@example.com"},
			{Event: contacts.Event{Name: "order.placed", Key: "o4"}, Email: "dora@example.com", CreateContact: true},
			{Event: contacts.Event{Name: "order.placed", Key: "o5"}, Email: "dora@example.com", CreateContact: true},
			{Event: contacts.Event{Name: "email.clicked", Key: "c1", Message: message, Link: "https://northwind.example/", At: later(48 * time.Hour)}},
			{Event: contacts.Event{Name: "email.opened", Key: "p1", Message: message, Machine: true}},
			{Event: contacts.Event{Name: "email.clicked", Key: "c2", Message: message + 1}},
			{Event: contacts.Event{Name: "order.placed", Key: "o6", Contact: 4711}},
			{Event: contacts.Event{Name: "order.placed", Key: "o7"}},
			{Event: contacts.Event{Name: "order.placed", Key: "o1", Contact: ids[0]}},
		}, later(time.Hour)))(t)
		var why []string
		for _, r := range got {
			why = append(why, fmt.Sprintf("%v %v %s", r.Event != 0, r.Duplicate, r.Unmatched))
		}
		equal(t, "the results", why, []string{
			"true false ", "true false ", "false false there is no contact with this address", "true false ", "true false ",
			"true false ", "true false ", "false false there is no message " + ident.Format(message+1),
			"false false there is no such contact", "false false it names no contact", "false true ",
		})
		dora := got[3].Contact
		if dora == 0 || got[4].Contact != dora || got[5].Contact != ids[1] {
			t.Fatalf("the contacts are %+v", got)
		}
		facts := must(s.LoadFacts(ctx, []contacts.ID{ids[0], ids[1], dora, 4711}))(t)
		equal(t, "how many have facts", len(facts), 3)
		equal(t, "ana's order", facts[ids[0]].Events[0], contacts.Event{ID: got[0].Event, Contact: ids[0], Name: "order.placed", At: day, Key: "o1",
			Properties: map[string]any{"total": 89.0, "note": "a"}})
		click := facts[ids[1]].Events
		equal(t, "bob's events", []string{click[0].Name, click[1].Name, click[2].Name, click[3].Name}, []string{"email.sent", "email.clicked", "order.placed", "email.opened"})
		equal(t, "bob's click", click[1], contacts.Event{ID: got[5].Event, Contact: ids[1], Name: "email.clicked", At: later(time.Hour), Key: "c1",
			Campaign: "welcome", Template: "welcome", Link: "https://northwind.example/", Message: message})
		equal(t, "bob's mail", click[0], contacts.Event{Contact: ids[1], Name: "email.sent", At: later(time.Minute), Key: "sent:" + ident.Format(message),
			Campaign: "welcome", Template: "welcome", Message: message})
		equal(t, "bob's campaigns", facts[ids[1]].Campaigns, []contacts.Participation{{Campaign: "welcome", Enrolment: ident.Enrolment(message), State: "active", StartedAt: day}})
		equal(t, "touched", len(takeAll(t, s)), 5) // the machine's open touches nobody
	})
}

func TestIngestFollowsUp(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		ids := people(t, s, "hard@example.com", "soft@example.com", "angry@example.com", "gone@example.com", "all@example.com")
		for _, id := range ids {
			must(s.SetConsent(ctx, []ConsentChange{{Contact: id, Topic: "guides", State: "given", Source: "form", At: day},
				{Contact: id, Topic: "offers", State: "given", Source: "form", At: day}}, day))(t)
		}
		about := func(i int, name, key string) Incoming {
			return Incoming{Event: contacts.Event{Name: name, Key: key, Message: sent(t, s, k, ids[i], "sent"), At: later(time.Hour)}, Source: "webhook main"}
		}
		hard, soft, angry, gone, all := about(0, "email.bounced", "1"), about(1, "email.bounced", "2"), about(2, "email.complained", "3"),
			about(3, "email.unsubscribed", "4"), about(4, "email.unsubscribed", "5")
		hard.Properties, soft.Properties = map[string]any{"type": "hard"}, map[string]any{"type": "soft"}
		gone.Topic, all.Suppress = "guides", contacts.ReasonUnsubscribedAll
		batch := []Incoming{hard, soft, angry, gone, all}
		must(s.Ingest(ctx, batch, later(2*time.Hour)))(t)
		for _, r := range must(s.Ingest(ctx, batch, later(3*time.Hour)))(t) {
			equal(t, "a duplicate", r.Duplicate, true)
		}
		var got []string
		for _, c := range must(s.Contacts(ctx, ids))(t) {
			state := c.Email
			if c.Suppression != nil {
				state += " " + c.Suppression.Reason + " by " + c.Suppression.Source + " at " + c.Suppression.At.Format("15:04")
			}
			for _, k := range must(s.Consents(ctx, []contacts.ID{c.ID}))(t)[c.ID] {
				state += " " + k.Topic + "=" + k.State
			}
			got = append(got, state)
		}
		equal(t, "the contacts", got, []string{
			"hard@example.com hard-bounce by webhook main at 09:00 guides=given offers=given",
			"soft@example.com guides=given offers=given",
			"angry@example.com complaint by webhook main at 09:00 guides=given offers=given",
			"gone@example.com guides=withdrawn offers=given",
			"all@example.com unsubscribed-all by webhook main at 09:00 guides=given offers=given",
		})
	})
}

// Rule 15: an answer to a message that nobody was sure of settles it.
func TestRule15EvidenceSettlesUnknown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		ids := people(t, s, "a@example.com", "b@example.com", "c@example.com", "d@example.com")
		var in []Incoming
		states := []campaigns.MessageState{campaigns.Unknown, campaigns.Failed, campaigns.Unknown}
		for i, state := range states {
			in = append(in, Incoming{Event: contacts.Event{Name: "email.delivered", Key: fmt.Sprint(i), Message: sent(t, s, k, ids[i], state)}})
		}
		in[2].Name = "order.placed" // is no proof
		must(s.Ingest(ctx, in, later(time.Hour)))(t)
		for i, want := range []campaigns.MessageState{campaigns.Sent, campaigns.Failed, campaigns.Unknown} {
			m, _, err := s.Message(ctx, in[i].Message)
			check(t, err)
			equal(t, fmt.Sprint("the state of message ", i), m.State, want)
		}
		equal(t, "enrolments that go on", count(t, s, `select count(*) from enrolments where due_at = $1`, ms(later(time.Hour))), int64(1))

		// The answer may come first: while the message is sending it changes
		// nothing, and a worker that then falls silent has sent it.
		early := sent(t, s, k, ids[3], campaigns.Sending)
		must(s.Ingest(ctx, []Incoming{{Event: contacts.Event{Name: "email.clicked", Key: "early", Message: early}}}, later(time.Hour)))(t)
		m, _, err := s.Message(ctx, early)
		check(t, err)
		equal(t, "the state of a message that is sending", m.State, campaigns.Sending)
		must(s.Record(ctx, []Outcome{{Message: early, State: campaigns.Unknown, Reason: "silent", At: day}}, campaigns.BySweep, later(2*time.Hour)))(t)
		m, _, err = s.Message(ctx, early)
		check(t, err)
		equal(t, "the state of an answered message whose worker is gone", []any{m.State, m.Reason, m.Decided}, []any{campaigns.Sent, "", day})
	})
}

// The same callbacks from eight sides at once, in different orders and
// groups, end as one event each, with all that follows from them.
func TestRule18ACallbackCountsOnceFromManySides(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		const n = 60
		var emails []string
		for i := range n {
			emails = append(emails, fmt.Sprintf("p%02d@example.com", i))
		}
		ids := people(t, s, emails...)
		var all []Incoming
		names := []string{"email.delivered", "email.clicked", "email.bounced", "email.complained", "email.unsubscribed"}
		for i, id := range ids {
			message := sent(t, s, k, id, "unknown")
			for _, name := range names {
				all = append(all, Incoming{Event: contacts.Event{Name: name, Key: fmt.Sprint(name, i), Message: message,
					Properties: map[string]any{"type": "hard"}}, Topic: "guides"})
			}
			all = append(all, Incoming{Event: contacts.Event{Name: "signed.up", Key: fmt.Sprint("signed.up", i)},
				Email: fmt.Sprintf("new%02d@example.com", i/2), CreateContact: true})
		}
		var wait sync.WaitGroup
		var told atomic.Int64
		for side := range 8 {
			wait.Go(func() {
				r := rand.New(rand.NewPCG(uint64(side), 1))
				mine := make([]Incoming, len(all))
				for i, at := range r.Perm(len(all)) {
					mine[i] = all[at]
				}
				for len(mine) > 0 {
					size := min(len(mine), 1+r.IntN(80))
					results, err := s.Ingest(ctx, mine[:size], later(time.Hour))
					if err != nil {
						t.Error(err)
						return
					}
					for _, result := range results {
						if result.Event != 0 && !result.Duplicate {
							told.Add(1)
						}
					}
					mine = mine[size:]
				}
			})
		}
		wait.Wait()
		equal(t, "events", count(t, s, `select count(*) from events`), int64(len(all)))
		equal(t, "events told to be new", told.Load(), int64(len(all)))
		equal(t, "different keys", count(t, s, `select count(distinct key) from events`), int64(len(all)))
		equal(t, "ids of events", count(t, s, `select count(distinct id) from events`), int64(len(all)))
		equal(t, "contacts", count(t, s, `select count(*) from contacts`), int64(n+n/2))
		equal(t, "messages settled", count(t, s, `select count(*) from messages where state = 'sent'`), int64(n))
		equal(t, "complaints", count(t, s, `select count(*) from contacts where suppressed = 'complaint'`), int64(n))
		equal(t, "consent history", count(t, s, `select count(*) from consent_acts`), int64(n))
		equal(t, "enrolments that went on", count(t, s, `select count(*) from enrolments where due_at is not null and rev = 1`), int64(n))
	})
}

// Among events that are new, those that are known and those that come twice in one
// call are told apart, each in its place.
func TestKnownEventsAmongNewOnes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		people(t, s, "ana@example.com", "bob@example.com")
		takeAll(t, s)
		bring := func(keys ...string) (told []string) {
			var in []Incoming
			for i, key := range keys {
				in = append(in, Incoming{Event: contacts.Event{Name: "order.placed", Key: key}, Email: []string{"bob@example.com", "ana@example.com"}[i%2]})
			}
			for i, r := range must(s.Ingest(ctx, in, day))(t) {
				if (r.Event != 0) == r.Duplicate || r.Unmatched != "" {
					t.Fatalf("%s: %+v", keys[i], r)
				}
				told = append(told, fmt.Sprint(keys[i], " ", !r.Duplicate))
			}
			return told
		}
		equal(t, "all new", bring("b", "d"), []string{"b true", "d true"})
		equal(t, "some known", bring("e", "d", "c", "b", "a", "c", "e"), []string{"e true", "d false", "c true", "b false", "a true", "c false", "e false"})
		equal(t, "all known", bring("a", "b", "c", "d", "e"), []string{"a false", "b false", "c false", "d false", "e false"})
		equal(t, "events", count(t, s, `select count(*) from events`), int64(5))
		equal(t, "touched", len(takeAll(t, s)), 5)
	})
}

// Claims, consents, suppressions and imports of the same contacts at once do
// not end in each other's way.
func TestChangesAtOnceDoNotDeadlock(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		var emails []string
		for i := range 30 {
			emails = append(emails, fmt.Sprintf("p%02d@example.com", i))
		}
		ids := people(t, s, emails...)
		var wait sync.WaitGroup
		for side := range 8 {
			wait.Go(func() {
				r := rand.New(rand.NewPCG(uint64(side), 2))
				for round := range 6 {
					var err error
					order := r.Perm(len(ids))
					now := later(time.Duration(round) * time.Hour)
					switch (side + round) % 4 {
					case 0:
						var changes []ConsentChange
						for _, i := range order {
							changes = append(changes, ConsentChange{Contact: ids[i], Topic: "guides", State: "given", Source: "form", Key: fmt.Sprint(side, round)})
						}
						_, err = s.SetConsent(ctx, changes, now)
					case 1:
						var list []Suppression
						for _, i := range order[:10] {
							list = append(list, Suppression{Email: emails[i], Reason: "manual"})
						}
						_, err = s.Suppress(ctx, list, now)
					case 2:
						var in []ContactInput
						for _, i := range order {
							in = append(in, ContactInput{Contact: contacts.Contact{Email: emails[i]}, Set: map[string]any{"n": fmt.Sprint(side, round)}})
						}
						_, err = s.UpsertContacts(ctx, in, now)
					case 3:
						var changes []AttributeChange
						for _, i := range order {
							changes = append(changes, AttributeChange{Contact: ids[i], Set: map[string]any{"m": fmt.Sprint(side, round)}, Key: fmt.Sprint("set", side, round, i)})
						}
						err = s.SetAttributes(ctx, changes, now)
					}
					if err != nil {
						t.Errorf("side %d, round %d: %v", side, round, err)
					}
				}
			})
		}
		wait.Wait()
	})
}
