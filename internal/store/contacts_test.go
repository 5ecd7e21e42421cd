package store

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/contacts"
)

func TestUpsertCreatesThenMerges(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		in := []ContactInput{
			{Contact: contacts.Contact{Email: "ana@example.com", FirstName: "Ana", Attributes: map[string]any{"country": "DE", "likes": []any{"gravel"}}},
				Set: map[string]any{"zip": "20457"}, Consents: []contacts.Consent{{Topic: "guides", State: "given", Source: "form", At: day}}},
			{Contact: contacts.Contact{Email: "bob@example.com", Seed: 7, CreatedAt: later(-time.Hour)}},
			{Contact: contacts.Contact{}},
			{Contact: contacts.Contact{Email: "ana@example.com", LastName: "Öz"}},
		}
		got := must(s.UpsertContacts(ctx, in, day))(t)
		equal(t, "the first result", got, []ContactResult{{ID: 1, Created: true}, {ID: 2, Created: true}, {Rejected: "there is no address"}, {ID: 1}},
			cmp.Comparer(func(a, b contacts.ID) bool { return (a == 0) == (b == 0) }))
		ana, found, err := s.ContactByEmail(ctx, "ana@example.com")
		check(t, err)
		if !found || got[3].ID != ana.ID {
			t.Fatalf("ana is %v, found %v; the second row has the id %d", ana, found, got[3].ID)
		}
		equal(t, "ana", ana, contacts.Contact{ID: got[0].ID, Email: "ana@example.com", FirstName: "Ana", LastName: "Öz",
			Attributes: map[string]any{"country": "DE", "zip": "20457", "likes": []any{"gravel"}},
			CreatedAt:  day, UpdatedAt: day, Health: "none", Seed: ana.Seed})
		bob, _, err := s.Contact(ctx, got[1].ID)
		check(t, err)
		if bob.Seed != 7 || !bob.CreatedAt.Equal(later(-time.Hour)) {
			t.Errorf("bob has the seed %d and was created at %s", bob.Seed, bob.CreatedAt)
		}
		equal(t, "who is touched", takeAll(t, s), []Touched{{Contact: ana.ID}, {Contact: bob.ID}})

		// The same again changes nothing, another value is told as an event.
		got = must(s.UpsertContacts(ctx, in[:2], later(time.Hour)))(t)
		equal(t, "the same again", got, []ContactResult{{ID: ana.ID}, {ID: bob.ID}})
		equal(t, "who is touched by the same again", takeAll(t, s), []Touched(nil))
		got = must(s.UpsertContacts(ctx, []ContactInput{{Contact: contacts.Contact{Email: "ana@example.com"},
			Set: map[string]any{"attributes.country": "AT", "zip": nil, "first_name": "Anna", "age": 41}}}, later(time.Hour)))(t)
		equal(t, "a change", got, []ContactResult{{ID: ana.ID, Changed: true}})
		facts := must(s.LoadFacts(ctx, []contacts.ID{ana.ID}))(t)[ana.ID]
		equal(t, "the attributes", facts.Contact.Attributes, map[string]any{"country": "AT", "age": 41.0, "likes": []any{"gravel"}})
		last := facts.Events[len(facts.Events)-1]
		equal(t, "the event", last.Properties, map[string]any{"changes": map[string]any{
			"country":    map[string]any{"from": "DE", "to": "AT"},
			"zip":        map[string]any{"from": "20457", "to": nil},
			"age":        map[string]any{"to": 41.0},
			"first_name": map[string]any{"from": "Ana", "to": "Anna"},
		}})
		equal(t, "who is touched by a change", takeAll(t, s), []Touched{{Contact: ana.ID, Event: last.ID}})
		n := count(t, s, `select count(*) from contacts where `+folded(s, "country")+` = 'at'`)
		equal(t, "contacts whose folded country is at", n, int64(1))
	})
}

// folded reads a folded text attribute in either dialect.
func folded(s *Store, name string) string {
	if s.Embedded() {
		return `folded->>'$.t.` + name + `'`
	}
	return `folded->'t'->>'` + name + `'`
}

func TestUpsertTakesTextThatDatabasesRefuse(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		in := []ContactInput{{Contact: contacts.Contact{Email: "x@example.com", FirstName: "a\x00b\xff", Attributes: map[string]any{"k\x00": "v\x00"}}}}
		must(s.UpsertContacts(t.Context(), in, day))(t)
		c, _, err := s.ContactByEmail(t.Context(), "x@example.com")
		check(t, err)
		equal(t, "the name", c.FirstName, "ab\uFFFD")
		equal(t, "the attributes", c.Attributes, map[string]any{"k": "v"})
		got := must(s.UpsertContacts(t.Context(), in, day))(t)
		equal(t, "the same again", got, []ContactResult{{ID: c.ID}})
	})
}

// Rule 27: an import never makes mailable who is not.
func TestRule27ImportNeverRevives(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "bob@example.com")
		_, err := s.SetConsent(ctx, []ConsentChange{{Contact: ids[0], Topic: "guides", State: "withdrawn", Source: "one click", At: day}}, day)
		check(t, err)
		n := must(s.Suppress(ctx, []Suppression{{Email: "bob@example.com", Reason: "complaint", Source: "webhook"}, {Email: "new@example.com", Reason: "hard-bounce"}}, day))(t)
		equal(t, "new suppressions", n, 2)

		given := func(topic, source string, at time.Time) []contacts.Consent {
			return []contacts.Consent{{Topic: topic, State: "given", Source: source, At: at}}
		}
		got := must(s.UpsertContacts(ctx, []ContactInput{
			{Contact: contacts.Contact{Email: "ana@example.com"}, Consents: given("guides", "list.csv", later(time.Hour))},
			{Contact: contacts.Contact{Email: "bob@example.com"}, Consents: given("guides", "list.csv", later(time.Hour))},
			{Contact: contacts.Contact{Email: "new@example.com"}, Consents: given("guides", "", later(time.Hour))},
		}, later(2*time.Hour)))(t)
		equal(t, "refused for ana", got[0].Refused, []string{"consent to guides: withdrawn on 2026-03-02; only the contact can give it again"})
		equal(t, "refused for bob", got[1].Refused, []string(nil))
		equal(t, "refused for new", got[2].Refused, []string{"consent to guides: an imported consent needs a source"})
		facts := must(s.LoadFacts(ctx, []contacts.ID{ids[0], ids[1], got[2].ID}))(t)
		equal(t, "ana's consent", facts[ids[0]].ConsentFor("guides").State, "withdrawn")
		equal(t, "bob's suppression", facts[ids[1]].Contact.Suppression, &contacts.Suppression{Reason: "complaint", Source: "webhook", At: day})
		equal(t, "the suppression of a new contact", facts[got[2].ID].Contact.Suppression, &contacts.Suppression{Reason: "hard-bounce", At: day})
	})
}

func TestSetAttributesOnceForEachKey(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "bob@example.com")
		takeAll(t, s)
		set := []AttributeChange{
			{Contact: ids[1], Set: map[string]any{"attributes.onboarded": true}, Key: "set:1"},
			{Contact: ids[0], Set: map[string]any{"attributes.points": 5.0, "last_name": "Öz"}, Key: "set:2"},
			{Contact: 4711, Set: map[string]any{"attributes.points": 5.0}, Key: "set:3"},
		}
		check(t, s.SetAttributes(ctx, set, day))
		set[1].Set["attributes.points"] = 6.0
		check(t, s.SetAttributes(ctx, set, day))
		list := must(s.Contacts(ctx, ids))(t)
		equal(t, "ana's attributes", list[0].Attributes, map[string]any{"points": 5.0})
		equal(t, "ana's name", list[0].LastName, "Öz")
		equal(t, "bob's attributes", list[1].Attributes, map[string]any{"onboarded": true})
		equal(t, "events", count(t, s, `select count(*) from events`), int64(2))
		equal(t, "touched", len(takeAll(t, s)), 2)
	})
}

func TestSearchAndPages(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(s.UpsertContacts(ctx, []ContactInput{
			{Contact: contacts.Contact{Email: "a_1@example.com", FirstName: "Özlem"}},
			{Contact: contacts.Contact{Email: "ab1@example.com", LastName: "STRASSE"}},
			{Contact: contacts.Contact{Email: "ac1@example.com"}},
		}, day))(t)
		find := func(text string, after contacts.ID, limit int) (emails []string) {
			t.Helper()
			for _, c := range must(s.Search(ctx, text, after, limit))(t) {
				emails = append(emails, c.Email[:3])
			}
			return emails
		}
		equal(t, "a_", find("A_", 0, 10), []string{"a_1"})
		equal(t, "özl", find("öZL", 0, 10), []string{"a_1"})
		equal(t, "straße", find("straße", 0, 10), []string{"ab1"})
		equal(t, "nobody", find("%", 0, 10), []string(nil))
		equal(t, "the first page", find("", 0, 2), []string{"a_1", "ab1"})
		second := must(s.Search(ctx, "", 0, 2))(t)[1].ID
		equal(t, "the next page", find("", second, 2), []string{"ac1"})
		var all []string
		for e, err := range s.Export(ctx) {
			check(t, err)
			all = append(all, e.Contact.Email[:3])
		}
		equal(t, "the export", all, []string{"a_1", "ab1", "ac1"})
		equal(t, "ids", len(must(s.ContactIDs(ctx, 0, 10))(t)), 3)
		equal(t, "how many", must(s.CountContacts(ctx))(t), int64(3))
	})
}

func TestEraseKeepsWhatCounts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		id := people(t, s, "ana@example.com")[0]
		message := sent(t, s, k, id, "sent")
		must(s.UpsertContacts(ctx, []ContactInput{{Contact: contacts.Contact{Email: "ana@example.com", FirstName: "Ana", Attributes: map[string]any{"phone": "040 123"}}}}, day))(t)
		_, err := s.SetConsent(ctx, []ConsentChange{{Contact: id, Topic: "guides", State: "given", Source: "Ana at the fair", At: day, Key: "ana@example.com"}}, day)
		check(t, err)
		must(s.Ingest(ctx, []Incoming{
			{Event: contacts.Event{Name: "order.placed", Key: "order of ana", Contact: id, Properties: map[string]any{"to": "Ana"}}},
			{Event: contacts.Event{Name: "email.clicked", Key: "click:1", Message: message, Link: "https://x.example/ana"}},
		}, later(time.Hour)))(t)

		equal(t, "erased", must(s.Erase(ctx, "ana@example.com", later(2*time.Hour)))(t), true)
		equal(t, "erased again", must(s.Erase(ctx, "ana@example.com", later(2*time.Hour)))(t), false)
		facts := must(s.LoadFacts(ctx, []contacts.ID{id}))(t)[id]
		if c := facts.Contact; !c.Erased || !strings.HasPrefix(c.Email, "erased:") || c.FirstName != "" || len(c.Attributes) > 0 || c.Suppression.Reason != "erased" {
			t.Errorf("the contact is %+v", c)
		}
		for _, e := range facts.Events {
			if strings.Contains(strings.ToLower(e.Key+e.Link), "ana") {
				t.Errorf("event %+v still tells of Ana", e)
			}
			if e.Properties["to"] != nil || e.Properties["changes"] != nil || e.Properties["source"] == "Ana at the fair" {
				t.Errorf("event %+v still has what she told", e)
			}
		}
		equal(t, "clicks", count(t, s, `select count(*) from events where name = 'email.clicked'`), int64(1))
		equal(t, "orders", count(t, s, `select count(*) from events where name = 'order.placed'`), int64(1))
		equal(t, "sent", count(t, s, `select count(*) from messages where state = 'sent'`), int64(1))

		// She does not come back by an import or by an order, and news of her
		// old message still count.
		got := must(s.UpsertContacts(ctx, []ContactInput{{Contact: contacts.Contact{Email: "ana@example.com"}}}, later(3*time.Hour)))(t)
		equal(t, "an import", got[0].Rejected, "this address was erased; take it off the suppression list first")
		results := must(s.Ingest(ctx, []Incoming{
			{Event: contacts.Event{Name: "order.placed", Key: "another"}, Email: "ana@example.com", CreateContact: true},
			{Event: contacts.Event{Name: "order.placed", Key: "a third", Contact: id}},
			{Event: contacts.Event{Name: "email.opened", Key: "open:1", Message: message, Properties: map[string]any{"ip": "192.0.2.1"}}},
			{Event: contacts.Event{Name: "email.clicked", Key: "click:1", Message: message}},
		}, later(3*time.Hour)))(t)
		equal(t, "an order by address", results[0].Unmatched, "this address was erased")
		equal(t, "an order by id", results[1].Unmatched, "this contact was erased")
		equal(t, "an open", results[2].Contact, id)
		equal(t, "a click again", results[3].Duplicate, true)
		equal(t, "off the list", must(s.Unsuppress(ctx, []string{"ana@example.com"}))(t), 1)
		got = must(s.UpsertContacts(ctx, []ContactInput{{Contact: contacts.Contact{Email: "ana@example.com"}}}, later(4*time.Hour)))(t)
		if !got[0].Created || got[0].ID == id {
			t.Errorf("after that an import gives %+v", got[0])
		}
		equal(t, "erased a second time", must(s.Erase(ctx, "ana@example.com", later(5*time.Hour)))(t), true)
	})
}

func TestSuppressionsAreOrderedByGravity(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id := people(t, s, "ana@example.com")[0]
		takeAll(t, s)
		put := func(reason string) int {
			t.Helper()
			return must(s.Suppress(ctx, []Suppression{{Email: "ana@example.com", Reason: reason}}, day))(t)
		}
		equal(t, "manual", put("manual"), 1)
		equal(t, "unsubscribed-all after manual", put("unsubscribed-all"), 0)
		equal(t, "complaint after manual", put("complaint"), 1)
		equal(t, "touched", len(takeAll(t, s)), 2)
		list := must(s.Suppressions(ctx, "", "", 10))(t)
		equal(t, "the list", list, []Suppression{{Email: "ana@example.com", Reason: "complaint", At: day}})
		equal(t, "the list of another reason", len(must(s.Suppressions(ctx, "manual", "", 10))(t)), 0)
		if _, err := s.Suppress(ctx, []Suppression{{Email: "x@example.com", Reason: "because"}}, day); err == nil ||
			err.Error() != `cannot suppress x@example.com: "because" is no reason: use hard-bounce, complaint, unsubscribed-all or manual` {
			t.Errorf("a reason that is none: %v", err)
		}
		equal(t, "removed", must(s.Unsuppress(ctx, []string{"ana@example.com", "nobody@example.com"}))(t), 1)
		c, _, err := s.Contact(ctx, id)
		check(t, err)
		equal(t, "the contact's suppression", c.Suppression, (*contacts.Suppression)(nil))
	})
}

func TestConsentIsTheLatestActInAnyOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id := people(t, s, "ana@example.com")[0]
		takeAll(t, s)
		acts := []ConsentChange{
			{Contact: id, Topic: "guides", State: "withdrawn", At: later(3 * time.Hour), Source: "page"},
			{Contact: id, Topic: "guides", State: "given", At: later(2 * time.Hour), Source: "form"},
			{Contact: id, Topic: "offers", State: "given", At: later(1 * time.Hour), Source: "form"},
			{Contact: id, Topic: "guides", State: "pending", At: later(1 * time.Hour), Source: "form"},
		}
		now := later(5 * time.Hour)
		for _, a := range acts {
			must(s.SetConsent(ctx, []ConsentChange{a}, now))(t)
		}
		equal(t, "touched", len(takeAll(t, s)), 4)
		must(s.SetConsent(ctx, acts, now))(t)
		equal(t, "touched by the same again", len(takeAll(t, s)), 0)
		equal(t, "the consents", must(s.Consents(ctx, []contacts.ID{id}))(t)[id], []contacts.Consent{
			{Topic: "guides", State: "withdrawn", Source: "page", At: later(3 * time.Hour)},
			{Topic: "offers", State: "given", Source: "form", At: later(1 * time.Hour)},
		})
		facts := must(s.LoadFacts(ctx, []contacts.ID{id}))(t)[id]
		var names []string
		for _, e := range facts.Events {
			names = append(names, e.Name+" "+e.Properties["topic"].(string))
		}
		equal(t, "the events", names, []string{"consent.pending guides", "consent.given offers", "consent.given guides", "consent.withdrawn guides"},
			cmp.Transformer("set", func(l []string) map[string]bool {
				m := map[string]bool{}
				for _, x := range l {
					m[x] = true
				}
				return m
			}))
		must(s.SetConsent(ctx, []ConsentChange{{Contact: id, State: "withdrawn", Source: "page", At: now}}, now))(t)
		for _, c := range must(s.Consents(ctx, []contacts.ID{id}))(t)[id] {
			equal(t, "consent to "+c.Topic, c.State, "withdrawn")
		}
	})
}

// Contacts and suppressions that are made at the same moment see each other.
func TestNobodySlipsPastASuppression(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		const n = 40
		var wait sync.WaitGroup
		for i := range n {
			email := "p" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "@example.com"
			wait.Go(func() {
				if _, err := s.UpsertContacts(ctx, []ContactInput{{Contact: contacts.Contact{Email: email}}}, day); err != nil {
					t.Error(err)
				}
			})
			wait.Go(func() {
				if _, err := s.Suppress(ctx, []Suppression{{Email: email, Reason: "manual"}}, day); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		equal(t, "suppressed contacts", count(t, s, `select count(*) from contacts where suppressed = 'manual'`), int64(n))
	})
}
