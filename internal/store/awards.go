package store

import (
	"context"
	"time"

	"rapport/internal/contacts"
)

// Award gives points to the contact of an enrolment.
type Award struct {
	Points     int
	Key        string         // of the points.awarded event: the same key gives nothing twice
	Properties map[string]any // of that event, points excepted
}

// saveAwards tells awards as events, from which the points follow. Until that is
// worked out, the points are added to those that are stored: the mail that the
// next step sends may tell of them. It expects the enrolments to be locked.
func (s *Store) saveAwards(ctx context.Context, q querier, stepped []Stepped, now time.Time) error {
	var keys []string
	for _, st := range stepped {
		for _, a := range st.Awards {
			keys = append(keys, a.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	given, err := s.knownKeys(ctx, q, keys)
	if err != nil {
		return err
	}
	var events []contacts.Event
	points := map[contacts.ID]int64{}
	for _, st := range stepped {
		for _, a := range st.Awards {
			if given[a.Key] {
				continue
			}
			who := st.Enrolment.Contact
			properties := map[string]any{"points": float64(a.Points)}
			for name, value := range a.Properties {
				properties[name] = value
			}
			events = append(events, contacts.Event{Contact: who, Name: contacts.EventAwarded, At: now, Key: a.Key, Properties: properties})
			points[who] += int64(a.Points) * contacts.Million
		}
	}
	if len(events) == 0 {
		return nil
	}
	var who, more []int64
	for _, id := range sortedKeys(points) {
		who, more = append(who, int64(id)), append(more, points[id])
	}
	b := s.statement()
	name := b.arg(contacts.ScorePoints)
	from := b.table("r", bigints("contact_id", who), bigints("more", more))
	if _, err := q.exec(ctx, `insert into scores (contact_id, name, sign, value) select r.contact_id, `+name+`, 0, r.more from `+from+` where true
		on conflict (contact_id, name) do update set value = scores.value + excluded.value`, b.args...); err != nil {
		return err
	}
	return s.tell(ctx, q, events, now) // last, as React does: the ids of events are waited for
}
