package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Call is something to tell a webhook of the workspace.
type Call struct {
	Key     string // the same key is told once
	Webhook string // its name in rapport.yaml
	Type    string // such as campaign.notify
	Contact contacts.Contact
	Data    map[string]any // beside the contact
}

// The states of a call. All but the first are final.
const (
	CallWaiting   = "waiting"
	CallDelivered = "delivered"
	CallFailed    = "failed"
	CallCaught    = "caught" // mail to this contact does not leave the house, so nothing about it does
)

// WaitingCall is a call that somebody has taken to make it.
type WaitingCall struct {
	ID       string
	Webhook  string
	Contact  contacts.ID
	Email    string
	Body     string
	Attempts int64 // with this one
	Created  time.Time
}

// CallResult is what became of a call.
type CallResult struct {
	WaitingCall
	State  string
	Reason string
	Next   time.Time // when a waiting one is tried again
}

// callID is the id under which a call is told: receivers know a repetition by it.
func callID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "msg_" + hex.EncodeToString(sum[:12])
}

// callBody is what goes over the wire, after the form of Standard Webhooks
// (standardwebhooks.com): type, timestamp and data.
func callBody(c Call, now time.Time) string {
	who := &c.Contact
	person := map[string]any{"id": ident.Format(int64(who.ID)), "email": who.Email, "attributes": who.Attributes}
	for name, text := range map[string]string{"first_name": who.FirstName, "last_name": who.LastName, "language": who.Language,
		"timezone": who.Timezone, "stage": who.Stage, "health": who.Health} {
		if text != "" {
			person[name] = text
		}
	}
	data := map[string]any{"contact": person}
	for name, value := range c.Data {
		data[name] = value
	}
	return jsonText(map[string]any{"type": c.Type, "timestamp": now.UTC().Format(time.RFC3339Nano), "data": data})
}

// saveCalls writes calls in the transaction of what they tell about.
func (s *Store) saveCalls(ctx context.Context, q querier, calls []Call, now time.Time) error {
	n := len(calls)
	if n == 0 {
		return nil
	}
	id, webhook, kind, body, who := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]int64, n)
	for i, c := range calls {
		id[i], webhook[i], kind[i], body[i], who[i] = callID(c.Key), c.Webhook, c.Type, callBody(c, now), int64(c.Contact.ID)
	}
	b := s.statement()
	when := b.arg(ms(now))
	from := b.table("r", texts("id", id), texts("webhook", webhook), texts("kind", kind), texts("body", body), bigints("contact_id", who))
	_, err := q.exec(ctx, `insert into outbox (id, webhook, contact_id, kind, body, due_at, created_at)
		select r.id, r.webhook, r.contact_id, r.kind, r.body, cast(`+when+` as bigint), cast(`+when+` as bigint) from `+from+` where true
		on conflict (id) do nothing`, b.args...)
	return err
}

// TakeCalls takes calls to a webhook that are due, the longest due first. Until
// the moment until nobody else takes them: then whoever took them has died.
func (s *Store) TakeCalls(ctx context.Context, webhook string, now, until time.Time, limit int) (out []WaitingCall, err error) {
	err = s.db.write(ctx, func(q querier) error {
		out = nil
		b := s.statement()
		text := `update outbox set attempts = attempts + 1, due_at = ` + b.arg(ms(until)) + ` where id in (select id from outbox where state = 'waiting' and webhook = ` +
			b.arg(webhook) + ` and due_at <= ` + b.arg(ms(now)) + ` order by due_at limit ` + b.arg(limit) + b.lock("for update skip locked") +
			`) returning id, webhook, contact_id, body, attempts, created_at`
		if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
			var c WaitingCall
			var created int64
			err := scan(&c.ID, &c.Webhook, &c.Contact, &c.Body, &c.Attempts, &created)
			c.Created = at(created)
			out = append(out, c)
			return err
		}); err != nil || len(out) == 0 {
			return err
		}
		var ids []contacts.ID
		for _, c := range out {
			ids = append(ids, c.Contact)
		}
		people, err := s.readContacts(ctx, q, uniqueIDs(ids), "")
		email := map[contacts.ID]string{}
		for i := range people {
			email[people[i].ID] = people[i].Email
		}
		for i := range out {
			out[i].Email = email[out[i].Contact]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot take calls to the webhook %s: %w", webhook, err)
	}
	return out, nil
}

// CallsWait reports whether a webhook has calls that are due.
func (s *Store) CallsWait(ctx context.Context, webhook string, now time.Time) (waits bool, err error) {
	_, err = one(ctx, s.db, `select exists (select 1 from outbox where state = 'waiting' and webhook = $1 and due_at <= $2)`, []any{webhook, ms(now)}, &waits)
	return waits, err
}

// FinishCalls notes what became of calls. What is decided is told in the
// contact's history, and its body is dropped. A result of somebody whose time was
// up, and whose call was taken by another, counts for nothing.
func (s *Store) FinishCalls(ctx context.Context, results []CallResult, now time.Time) error {
	if len(results) == 0 {
		return nil
	}
	err := s.db.write(ctx, func(q querier) error { return s.finishCalls(ctx, q, results, now) })
	if err != nil {
		return fmt.Errorf("cannot note what became of %d calls: %w", len(results), err)
	}
	return nil
}

func (s *Store) finishCalls(ctx context.Context, q querier, results []CallResult, now time.Time) error {
	n := len(results)
	id, state, reason, attempts, next := make([]string, n), make([]string, n), make([]string, n), make([]int64, n), make([]int64, n)
	of := make(map[string]*CallResult, n)
	for i := range results {
		r := &results[i]
		id[i], state[i], reason[i], attempts[i], next[i] = r.ID, r.State, r.Reason, r.Attempts, msUp(r.Next)
		of[r.ID] = r
	}
	b := s.statement()
	from := b.table("r", texts("id", id), texts("state", state), texts("reason", reason), bigints("attempts", attempts), bigints("next", next))
	when := b.arg(ms(now))
	var events []contacts.Event
	if err := each(ctx, q, `update outbox set state = r.state, reason = r.reason, due_at = r.next,
		body = case when r.state = 'waiting' then body else '' end,
		decided_at = case when r.state = 'waiting' then null else cast(`+when+` as bigint) end
		from `+from+` where outbox.id = r.id and outbox.state = 'waiting' and outbox.attempts = r.attempts returning outbox.id`, b.args,
		func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			if r := of[id]; r != nil && r.State != CallWaiting {
				events = append(events, callEvent(r, now))
			}
			return err
		}); err != nil {
		return err
	}
	return s.tell(ctx, q, events, now)
}

// callEvent tells how a call ended.
func callEvent(r *CallResult, now time.Time) contacts.Event {
	properties := map[string]any{"webhook": r.Webhook, "attempts": float64(r.Attempts)}
	if r.Reason != "" {
		properties["reason"] = r.Reason
	}
	name := map[string]string{CallDelivered: contacts.EventTold, CallFailed: contacts.EventUntold, CallCaught: contacts.EventCaught}[r.State]
	return contacts.Event{Contact: r.Contact, Name: name, At: now, Key: "webhook:" + r.ID, Properties: properties}
}

// GiveUpCalls ends calls that wait since before a moment, whatever webhook they
// were for, and returns how many there were.
func (s *Store) GiveUpCalls(ctx context.Context, since, now time.Time, limit int) (int, error) {
	var results []CallResult
	err := s.db.write(ctx, func(q querier) error {
		results = nil
		b := s.statement()
		if err := each(ctx, q, `select id, webhook, contact_id, attempts, reason from outbox where state = 'waiting' and created_at <= `+b.arg(ms(since))+
			` and due_at <= `+b.arg(ms(now))+` order by id limit `+b.arg(limit)+b.lock("for update skip locked"), b.args, func(scan func(...any) error) error {
			r := CallResult{State: CallFailed}
			err := scan(&r.ID, &r.Webhook, &r.Contact, &r.Attempts, &r.Reason)
			if r.Reason == "" {
				r.Reason = "there was no webhook of this name in rapport.yaml"
			}
			results = append(results, r)
			return err
		}); err != nil || len(results) == 0 {
			return err
		}
		return s.finishCalls(ctx, q, results, now)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot give calls up: %w", err)
	}
	return len(results), nil
}

// trimCalls takes away calls that were decided before a moment.
func (s *Store) trimCalls(ctx context.Context, before time.Time) error {
	return s.db.write(ctx, func(q querier) error {
		_, err := q.exec(ctx, `delete from outbox where state <> 'waiting' and decided_at < $1`, ms(before))
		return err
	})
}
