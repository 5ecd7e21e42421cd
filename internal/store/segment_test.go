package store

import (
	"fmt"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/strict"
	"rapport/segments"
)

// condition reads a condition as a workspace would have it.
func condition(t *testing.T, yaml string) *segments.Condition {
	t.Helper()
	var f strict.Findings
	n, ok := strict.Parse("segment.yaml", []byte(yaml), &f)
	if !ok {
		t.Fatalf("%s: %v", yaml, f.All())
	}
	c, ok := segments.Decode(n, nil)
	if !ok {
		t.Fatalf("%s: %v", yaml, f.All())
	}
	return c
}

// What the store writes and loads gives the same answer from both sides: the
// database's and that of the facts.
func TestSegmentsAgreeWithFacts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		got := must(s.UpsertContacts(ctx, []ContactInput{
			{Contact: contacts.Contact{Email: "ana@example.com", FirstName: "Ana", Attributes: map[string]any{"country": "DE", "likes": []any{"gravel", "Touring"}, "age": 41.5}},
				Consents: []contacts.Consent{{Topic: "guides", State: "given", Source: "form", At: day}}},
			{Contact: contacts.Contact{Email: "bob@example.com", Attributes: map[string]any{"country": "at", "renewal_date": "2026-03-10", "vip": true}}},
			{Contact: contacts.Contact{Email: "carl@example.com"}},
			{Contact: contacts.Contact{Email: "dora@example.com", Attributes: map[string]any{"country": "DE"}}},
		}, day))(t)
		var ids []contacts.ID
		for _, r := range got {
			ids = append(ids, r.ID)
		}
		message := sent(t, s, k, ids[0], campaigns.Sent)
		sent(t, s, k, ids[1], campaigns.Unknown)
		in := []Incoming{
			{Event: contacts.Event{Name: "email.clicked", Key: "1", Message: message, Link: "https://northwind.example/", At: later(time.Hour)}},
			{Event: contacts.Event{Name: "order.placed", Key: "2", Contact: ids[0], At: later(2 * time.Hour), Properties: map[string]any{"total": 89.9}}},
			{Event: contacts.Event{Name: "order.placed", Key: "3", Contact: ids[0], At: later(3 * time.Hour), Properties: map[string]any{"total": 20}}},
			{Event: contacts.Event{Name: "order.placed", Key: "4", Contact: ids[2], At: later(-90 * 24 * time.Hour), Properties: map[string]any{"total": 300}}},
			{Event: contacts.Event{Name: "email.complained", Key: "5", Contact: ids[2], At: later(time.Hour)}},
		}
		now := later(4 * time.Hour)
		must(s.Ingest(ctx, in, now))(t)
		check(t, s.SaveStates(ctx, []StateChange{{Contact: ids[0], Stage: "customer", StageSince: later(2 * time.Hour), Health: "new", HealthSince: later(2 * time.Hour)},
			{Contact: ids[1], Stage: "stranger", StageSince: day, Health: "none", HealthSince: day}}))
		must(s.Erase(ctx, "dora@example.com", now))(t)

		set := segments.Set{"german": {Name: "german", Description: "From Germany", Where: condition(t, "{attribute: country, is: de}")}}
		question := Question{Now: now, Segments: set, Zone: time.UTC, Ladder: []string{"stranger", "prospect", "customer"}}
		facts := must(s.LoadFacts(ctx, ids[:3]))(t)
		for _, yaml := range []string{
			"{segment: german}", "{not: {segment: german}}", "{attribute: country, in: [De, AT]}", "{attribute: likes, has: touring}",
			"{attribute: age, above: 41.4}", "{attribute: renewal_date, in_next: 10d}", "{attribute: vip, is: true}", "{attribute: email, starts_with: B}",
			"{event: order.placed, in_last: 60d}", "{event: order.placed, count: {at_least: 2}}", "{event: order.placed, sum: {of: total, above: 109.8}}",
			"{event: order.placed, where: {total: {above: 50}}}", "{not: {event: order.placed}}",
			"{email: sent}", "{email: sent, campaign: welcome}", "{email: clicked, template: welcome}", "{email: clicked, link: 'https://northwind.example/'}", "{email: complained}",
			"{stage: customer}", "{stage: {at_most: customer}}", "{health: new}", "{consent: guides}", "{consent: guides, is: none}",
			"{campaign: welcome, is: in}", "{campaign: welcome, is: never}", "{campaign: other, is: never}", "{sample: 50%}",
		} {
			c := condition(t, yaml)
			found := must(s.ContactsInSegment(ctx, ids, c, question))(t)
			in := map[contacts.ID]bool{}
			for _, id := range found {
				in[id] = true
			}
			equal(t, "how many are in "+yaml, must(s.CountSegment(ctx, c, question))(t), int64(len(found)))
			for _, id := range ids[:3] {
				q := segments.Question{Facts: facts[id], Now: now, Segments: set, Zone: time.UTC, Ladder: question.Ladder}
				if held := c.Match(&q); held != in[id] {
					t.Errorf("%s of %s: the facts say %v, the database %v", yaml, facts[id].Contact.Email, held, in[id])
				}
			}
		}
		c := condition(t, "{not: {attribute: country, is: at}}")
		list := must(s.ListSegment(ctx, c, question, 0, 10))(t)
		equal(t, "the list", fmt.Sprint(list[0].Email, list[1].Email, len(list)), "ana@example.comcarl@example.com2")
		equal(t, "the next page", len(must(s.ListSegment(ctx, c, question, list[0].ID, 10))(t)), 1)
		equal(t, "one contact", must(s.ContactInSegment(ctx, ids[1], c, question))(t), false)
		equal(t, "the sizes", must(s.SegmentSizes(ctx, question))(t), []SegmentSize{{"german", "From Germany", 1}})
		takeAll(t, s)
		equal(t, "touched by a condition", must(s.TouchMatching(ctx, c, question))(t), int64(2))
		equal(t, "touched, all", must(s.TouchMatching(ctx, nil, question))(t), int64(3))
	})
}

// Ids that lie close together are asked for as a part of the contacts: who is in
// the part and was not asked for stays out, and nobody is missing at its ends.
func TestFactsOfContactsThatLieCloseTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		all := consenting(t, s, 3*nearLeast)
		var events []Incoming
		for i, id := range all {
			events = append(events, Incoming{Event: contacts.Event{Contact: id, Name: "order.placed", At: day, Key: fmt.Sprint("order:", i)}})
		}
		must(s.Ingest(t.Context(), events, day))(t)
		var ids []contacts.ID
		for i := 0; i < len(all); i += 2 {
			ids = append(ids, all[i])
		}
		facts := must(s.LoadFacts(t.Context(), ids))(t)
		equal(t, "how many have facts", len(facts), len(ids))
		for _, id := range ids {
			var names []string
			for _, e := range facts[id].Events {
				names = append(names, e.Name)
			}
			equal(t, fmt.Sprint("the events of ", id), names, []string{"consent.given", "order.placed"})
		}
	})
}
