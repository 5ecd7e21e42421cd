package store

import (
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
)

func TestCallsAreMadeAtLeastOnceAndDecidedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "ben@example.com", "carl@example.com")
		ana := contacts.Contact{ID: ids[0], Email: "ana@example.com", Attributes: map[string]any{"zip": "20457"}}
		save := func(key, webhook string, who contacts.Contact) {
			t.Helper()
			check(t, s.db.write(ctx, func(q querier) error {
				return s.saveCalls(ctx, q, []Call{{Key: key, Webhook: webhook, Type: "campaign.notify", Contact: who, Data: map[string]any{"task": "Call"}}}, day)
			}))
		}
		save("1", "crm", ana)
		save("1", "crm", ana) // the same step, told twice
		save("2", "gone", contacts.Contact{ID: ids[1]})
		save("3", "crm", contacts.Contact{ID: ids[2]})
		must(s.Erase(ctx, "carl@example.com", day))(t)

		first := must(s.TakeCalls(ctx, "crm", day, later(time.Minute), 10))(t)
		equal(t, "how many were taken", len(first), 1)
		c := first[0]
		if c.Email != "ana@example.com" || c.Attempts != 1 || !c.Created.Equal(day) || !strings.Contains(c.Body, `"zip":"20457"`) || !strings.Contains(c.Body, `"task":"Call"`) {
			t.Errorf("%+v", c)
		}
		equal(t, "what waits while it is being made", must(s.CallsWait(ctx, "crm", day))(t), false)
		second := must(s.TakeCalls(ctx, "crm", later(time.Minute), later(2*time.Minute), 10))(t)
		equal(t, "who took it after the first fell silent", second[0].Attempts, int64(2))

		// The first comes back, too late.
		check(t, s.FinishCalls(ctx, []CallResult{{WaitingCall: c, State: CallFailed, Reason: "late"}}, later(time.Minute)))
		check(t, s.FinishCalls(ctx, []CallResult{{WaitingCall: second[0], State: CallWaiting, Reason: "answered 500", Next: later(time.Hour)}}, later(time.Minute)))
		equal(t, "what waits for its next attempt", must(s.CallsWait(ctx, "crm", later(59*time.Minute)))(t), false)
		third := must(s.TakeCalls(ctx, "crm", later(time.Hour), later(2*time.Hour), 10))(t)
		check(t, s.FinishCalls(ctx, []CallResult{{WaitingCall: third[0], State: CallDelivered}}, later(time.Hour)))
		check(t, s.FinishCalls(ctx, []CallResult{{WaitingCall: third[0], State: CallFailed}}, later(time.Hour)))

		three := 72 * time.Hour
		equal(t, "given up too early", must(s.GiveUpCalls(ctx, later(three-time.Minute).Add(-three), later(three-time.Minute), 10))(t), 0)
		equal(t, "given up", must(s.GiveUpCalls(ctx, later(three).Add(-three), later(three), 10))(t), 1)
		facts := must(s.LoadFacts(ctx, ids[:2]))(t)
		for i, want := range []contacts.Event{
			{Name: "webhook.delivered", Properties: map[string]any{"webhook": "crm", "attempts": 3.0}},
			{Name: "webhook.failed", Properties: map[string]any{"webhook": "gone", "attempts": 0.0, "reason": "there was no webhook of this name in rapport.yaml"}},
		} {
			events := facts[ids[i]].Events
			equal(t, "how many events", len(events), 1)
			equal(t, "the event", []any{events[0].Name, events[0].Properties}, []any{want.Name, want.Properties})
		}
		rows := func() (n, bodies int64) {
			must(one(ctx, s.db, `select count(*), count(nullif(body, '')) from outbox`, nil, &n, &bodies))(t)
			return n, bodies
		}
		n, bodies := rows()
		equal(t, "rows, and those with a body", []int64{n, bodies}, []int64{2, 0})
		must(s.Maintain(ctx, later(three+keepCalls+time.Hour)))(t)
		n, _ = rows()
		equal(t, "rows after a month", n, int64(0))
	})
}
