package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Events take their numbers from a counter of their own. A transaction that
// finds out only on its way that it has something to tell takes them there
// with eventIDsWithin; the others reserve them before they begin.

// reserveEvents returns n ids for events. It must not be called inside a
// transaction.
func (s *Store) reserveEvents(ctx context.Context, n int, now time.Time) ([]int64, error) {
	if n == 0 {
		return nil, nil
	}
	first, err := s.reserve(ctx, "events", n)
	if err != nil {
		return nil, err
	}
	return eventIDs(first, n, now), nil
}

// eventIDsWithin takes n ids for events inside a transaction: others who want
// any wait until it ends, and get the same numbers if it fails.
func eventIDsWithin(ctx context.Context, q querier, n int, now time.Time) ([]int64, error) {
	var end int64
	_, err := one(ctx, q, `insert into counters (name, next) values ('events', 1 + cast($1 as bigint))
		on conflict (name) do update set next = counters.next + $1 returning next`, []any{n}, &end)
	return eventIDs(end-int64(n), n, now), err
}

func eventIDs(first int64, n int, now time.Time) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = ident.New(now, first+int64(i))
	}
	return ids
}

// tell writes events of the engine's own inside a transaction, leaves out those
// whose key is known, and touches their contacts.
func (s *Store) tell(ctx context.Context, q querier, events []contacts.Event, now time.Time) error {
	if len(events) == 0 {
		return nil
	}
	ids, err := eventIDsWithin(ctx, q, len(events), now)
	if err != nil {
		return err
	}
	for i := range events {
		events[i].ID = ids[i]
	}
	return s.tellReserved(ctx, q, events)
}

// tellReserved is tell for events that have their ids.
func (s *Store) tellReserved(ctx context.Context, q querier, events []contacts.Event) error {
	if len(events) == 0 {
		return nil
	}
	fresh, err := s.insertKeys(ctx, q, events)
	if err != nil {
		return err
	}
	rows := make([]eventRow, 0, len(events))
	touched := make([]Touched, 0, len(events))
	for _, e := range events {
		if fresh[e.ID] {
			rows = append(rows, eventRow{Event: e})
			touched = append(touched, Touched{Contact: e.Contact, Event: e.ID})
		}
	}
	if err := s.insertEvents(ctx, q, rows); err != nil {
		return err
	}
	return s.touch(ctx, q, touched)
}

// insertKeys claims the keys of events and returns the ids of those that were
// first. Keys are written in order, so that two who bring the same ones wait
// for each other and do not deadlock. They are sorted here, byte by byte, because
// the database would do it by the rules of a language.
func (s *Store) insertKeys(ctx context.Context, q querier, events []contacts.Event) (fresh map[int64]bool, err error) {
	order := make([]int, len(events))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(strings.Compare(events[a].Key, events[b].Key), cmp.Compare(events[a].ID, events[b].ID))
	})
	keys, ids := make([]string, len(events)), make([]int64, len(events))
	for i, at := range order {
		keys[i], ids[i] = events[at].Key, events[at].ID
	}
	fresh = make(map[int64]bool, len(events))
	b := s.statement()
	from := b.table("r", texts("key", keys), bigints("event_id", ids))
	n, err := q.exec(ctx, `insert into event_keys (key, event_id) select r.key, r.event_id from `+from+` where true on conflict (key) do nothing`, b.args...)
	if err != nil {
		return nil, err
	}
	if int(n) == len(events) { // as nearly always, so nobody asks which
		for _, id := range ids {
			fresh[id] = true
		}
		return fresh, nil
	}
	b = s.statement()
	err = each(ctx, q, `select event_id from event_keys where `+b.inText("key", keys), b.args, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		fresh[id] = true
		return err
	})
	return fresh, err
}

// knownKeys returns those of the keys that an event has already.
func (s *Store) knownKeys(ctx context.Context, q querier, keys []string) (map[string]bool, error) {
	known := map[string]bool{}
	b := s.statement()
	err := each(ctx, q, `select key from event_keys where `+b.inText("key", keys), b.args, func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		known[key] = true
		return err
	})
	return known, err
}

// eventRow is an event with the id of its campaign, as the table has it.
type eventRow struct {
	contacts.Event
	campaign int64
}

func (s *Store) insertEvents(ctx context.Context, q querier, list []eventRow) error {
	if len(list) == 0 {
		return nil
	}
	n := len(list)
	id, who, when, campaign, message := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	name, key, template, link := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	properties, folded := make([]string, n), make([]string, n)
	machine := make([]bool, n)
	var buffer []byte
	for i := range list {
		e := &list[i].Event
		id[i], who[i], when[i], campaign[i], message[i] = e.ID, int64(e.Contact), ms(e.At), list[i].campaign, e.Message
		name[i], key[i], template[i], link[i], machine[i] = e.Name, e.Key, e.Template, e.Link, e.Machine
		properties[i], folded[i] = "{}", "{}"
		if len(e.Properties) > 0 {
			buffer = contacts.AppendJSON(buffer[:0], e.Properties)
			properties[i], folded[i] = string(buffer), contacts.FoldedProperties(e)
		}
	}
	_, err := s.insertRows(ctx, q, "events", "", bigints("id", id), bigints("contact_id", who), texts("name", name), bigints("at", when),
		texts("key", key), jsons("properties", properties), jsons("folded", folded), bigints("campaign_id", campaign),
		texts("template", template), texts("link", link), bigints("message_id", message), bools("machine", machine))
	return err
}
