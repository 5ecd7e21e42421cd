package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/contacts"
)

// Proof says that an Incoming that counts as a machine's may turn out to be a
// person's. It is kept with the event, in its transaction, so that no process
// has to live until then.
type Proof struct {
	Key   string    // of the event as a person's
	Links int       // how many the message has
	Due   time.Time // when it is proved, if nothing speaks against it by then
}

// Unproved is a click whose time to be proved has come.
type Unproved struct {
	Click  contacts.Event   // as a person's
	Links  int              // how many its message has
	Others []contacts.Event // all clicks of the message, itself included
}

// keepUnproved notes the new events that may turn out to be a person's.
func (g *ingest) keepUnproved(q querier) error {
	var event, contact, message, links, when, due []int64
	var key, link []string
	for _, i := range g.fresh {
		x := &g.in[i]
		if x.Proof == nil {
			continue
		}
		event, contact, message = append(event, x.ID), append(contact, int64(g.results[i].Contact)), append(message, x.Message)
		key, link, links = append(key, cleanText(x.Proof.Key)), append(link, x.Link), append(links, int64(x.Proof.Links))
		when, due = append(when, ms(x.At)), append(due, ms(x.Proof.Due))
	}
	if len(event) == 0 {
		return nil
	}
	b := g.statement()
	from := b.table("r", bigints("event_id", event), bigints("contact_id", contact), bigints("message_id", message), texts("key", key),
		texts("link", link), bigints("links", links), bigints("at", when), bigints("due_at", due))
	_, err := q.exec(g.ctx, `insert into unproved (event_id, contact_id, message_id, key, link, links, at, due_at)
		select r.event_id, r.contact_id, r.message_id, r.key, r.link, r.links, r.at, r.due_at from `+from, b.args...)
	return err
}

// UnprovedClicks are those whose time has come, the longest due first.
func (s *Store) UnprovedClicks(ctx context.Context, now time.Time, limit int) ([]Unproved, error) {
	var list []Unproved
	b := s.statement()
	err := each(ctx, s.db, `select u.event_id, u.contact_id, u.message_id, u.key, u.link, u.links, u.at from unproved u
		where u.due_at <= `+b.arg(ms(now))+` order by u.due_at, u.event_id limit `+b.arg(limit), b.args,
		func(scan func(...any) error) error {
			u := Unproved{Click: contacts.Event{Name: contacts.EventClicked}}
			var when int64
			err := scan(&u.Click.ID, &u.Click.Contact, &u.Click.Message, &u.Click.Key, &u.Click.Link, &u.Links, &when)
			u.Click.At = at(when)
			list = append(list, u)
			return err
		})
	if err == nil && len(list) > 0 {
		err = s.addClicks(ctx, list)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the clicks that are to be proved: %w", err)
	}
	return list, nil
}

// addClicks reads all clicks of the messages.
func (s *Store) addClicks(ctx context.Context, list []Unproved) error {
	var people []int64
	of := map[int64][]contacts.Event{}
	for _, u := range list {
		people = append(people, int64(u.Click.Contact))
		of[u.Click.Message] = nil
	}
	b := s.statement()
	if err := each(ctx, s.db, s.selectEvents(b)+b.eventsOf(uniqueIDs(people), ` and e.name = 'email.clicked'`), b.args,
		func(scan func(...any) error) error {
			e, err := scanEvent(scan)
			if _, asked := of[e.Message]; asked {
				of[e.Message] = append(of[e.Message], e)
			}
			return err
		}); err != nil {
		return err
	}
	for i := range list {
		list[i].Others = of[list[i].Click.Message]
	}
	return nil
}

// Judged forgets clicks, by the id of their event, about which it is known
// whose they were.
func (s *Store) Judged(ctx context.Context, events []int64) error {
	err := s.db.write(ctx, func(q querier) error {
		b := s.statement()
		_, err := q.exec(ctx, `delete from unproved where `+b.in("event_id", events), b.args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot forget clicks that are judged: %w", err)
	}
	return nil
}
