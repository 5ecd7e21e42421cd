package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// over waits until nobody is on the way any more and every answer has had its
// consequences.
func (in *installation) over(n int, s *sink, r *responder, limit time.Duration) {
	in.Helper()
	eventually(in.T, limit, "the campaign is over for everybody", func() (bool, string) {
		totals, err := in.store.Totals(in.Context())
		if err != nil {
			return false, err.Error()
		}
		ended := totals.Enrolments[string(campaigns.Finished)] + totals.Enrolments[string(campaigns.Exited)]
		waiting, err := in.store.TouchedWaiting(in.Context())
		if err != nil {
			return false, err.Error()
		}
		answering := int64(0)
		if r != nil {
			answering = r.waiting.Load()
		}
		return ended >= int64(n) && answering == 0 && waiting == 0 && s.complete(totals),
			fmt.Sprintf("enrolments %v, messages %v, %d copies, %d answering, %d contacts to look at",
				totals.Enrolments, totals.Messages, s.count(), answering, waiting)
	})
}

// complete tells whether every message that was sent has been read.
func (s *sink) complete(t store.Totals) bool {
	if !s.followed {
		s.scan()
	}
	return int64(s.count()) >= t.Messages[string(campaigns.Sent)]
}

// ledger is all messages, the oldest first.
func (in *installation) ledger() (all []store.Message) {
	in.Helper()
	f := store.MessageFilter{Limit: 1000}
	for {
		page, err := in.store.Messages(in.Context(), f)
		if err != nil {
			in.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < f.Limit {
			slices.Reverse(all)
			return all
		}
		f.Before = page[len(page)-1].ID
	}
}

// unknown is which messages are unknown now.
func (in *installation) unknown() map[int64]bool {
	in.Helper()
	list, err := in.store.Messages(in.Context(), store.MessageFilter{State: campaigns.Unknown, Limit: 1000})
	if err != nil {
		in.Fatal(err)
	}
	out := map[int64]bool{}
	for _, m := range list {
		out[m.ID] = true
	}
	return out
}

// person is all that is known of one contact.
type person struct {
	*contacts.Facts
	messages []store.Message // the oldest first
}

// people are all contacts by number.
func (in *installation) people(n int) []person {
	in.Helper()
	out := make([]person, n)
	var after contacts.ID
	for {
		ids, err := in.store.ContactIDs(in.Context(), after, 500)
		if err != nil {
			in.Fatal(err)
		}
		if len(ids) == 0 {
			break
		}
		facts, err := in.store.LoadFacts(in.Context(), ids)
		if err != nil {
			in.Fatal(err)
		}
		for _, f := range facts {
			out[numberOf(f.Contact.Email)] = person{Facts: f}
		}
		after = ids[len(ids)-1]
	}
	for _, m := range in.ledger() {
		i := numberOf(m.Email)
		out[i].messages = append(out[i].messages, m)
	}
	for i, p := range out {
		if p.Facts == nil || p.Contact.Email != addressOf(i) {
			in.Fatalf("contact %s is not there", addressOf(i))
		}
	}
	return out
}

// endOf is where a contact stands.
func (in *installation) endOf(p person) end {
	in.Helper()
	e := end{Stage: p.Contact.Stage, Health: p.Contact.Health}
	var sent, moves []string
	for _, m := range p.messages {
		switch m.State {
		case campaigns.Sent, campaigns.Unknown: // nobody knows better
			sent = append(sent, m.Template)
		default:
			sent = append(sent, fmt.Sprintf("%s (%s: %s)", m.Template, m.State, m.Reason))
		}
	}
	for _, c := range p.Changes {
		if c.Kind == "stage" {
			moves = append(moves, c.To)
		}
	}
	var ends []string
	for _, c := range p.Campaigns {
		text := c.State
		if c.State == string(campaigns.Exited) {
			text += ": " + in.reason(p.Contact.ID)
		}
		ends = append(ends, text)
	}
	e.Messages, e.Moves, e.End = strings.Join(sent, " "), strings.Join(moves, " "), strings.Join(ends, " and ")
	return e
}

// reason is why the contact's enrolment ended.
func (in *installation) reason(id contacts.ID) string {
	in.Helper()
	list, _, _, err := in.store.Timeline(in.Context(), id, store.Page{}, 100)
	if err != nil {
		in.Fatal(err)
	}
	for _, e := range list {
		if e.Kind == store.EntryEnd {
			return e.Reason
		}
	}
	return "no end in the timeline"
}

// checkLedger compares the ledger with the mailbox: every message has one final
// state, what was sent has arrived once, and nothing has arrived twice. It
// returns how many are unknown.
func (in *installation) checkLedger(ledger []store.Message, received map[string]int) (unknown int) {
	in.Helper()
	known := map[string]bool{}
	faults := 0
	fault := func(format string, args ...any) {
		if faults++; faults <= 10 {
			in.Errorf(format, args...)
		}
	}
	steps := map[string]int64{} // one outcome for a contact and a step
	for _, m := range ledger {
		id := ident.Format(m.ID)
		known[id] = true
		step := fmt.Sprintf("%s step %d", m.Email, m.Step)
		if other := steps[step]; other != 0 {
			fault("%s has two messages: %s and %s", step, ident.Format(other), id)
		}
		steps[step] = m.ID
		switch copies := received[id]; {
		case m.State == campaigns.Unknown:
			if unknown++; copies > 1 {
				fault("%s, unknown, has arrived %d times", id, copies)
			}
		case m.State == campaigns.Sent && copies != 1:
			fault("%s to %s was sent and has arrived %d times", id, m.Email, copies)
		case m.State == campaigns.Skipped && copies != 0:
			fault("%s to %s was skipped (%s) and has arrived", id, m.Email, m.Reason)
		case m.State != campaigns.Sent && m.State != campaigns.Skipped:
			fault("%s to %s ended as %s: %s", id, m.Email, m.State, m.Reason)
		}
	}
	for id, copies := range received {
		if !known[id] {
			fault("%s is in no ledger and has arrived %d times", id, copies)
		}
	}
	if faults > 10 {
		in.Errorf("and %d faults more", faults-10)
	}
	return unknown
}
