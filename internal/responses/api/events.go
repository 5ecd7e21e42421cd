package api

import (
	"context"
	"net/http"

	"rapport/internal/responses"
	"rapport/internal/store"
)

// Event is an event as other programs report it.
type Event struct {
	Event      string         `json:"event" doc:"What happened, such as order.placed." example:"order.placed"`
	Email      string         `json:"email,omitempty" doc:"Whom it is about, by address; or contact." example:"ana@example.com"`
	Contact    int64          `json:"contact,omitempty" doc:"Whom it is about, by the id that contacts have here."`
	ID         string         `json:"id,omitempty" doc:"Tells a repetition of the same event from a new one. Send it: then nothing counts twice." example:"order-1017"`
	At         string         `json:"at,omitempty" format:"date-time" doc:"When it happened (RFC 3339); now unless said."`
	Properties map[string]any `json:"properties,omitempty" doc:"What conditions and templates can use."`
	Create     bool           `json:"create,omitempty" doc:"Make the contact when the address is new. It has no consent then, and gets no marketing mail."`
}

type eventsAnswer struct {
	Body struct {
		Accepted   int `json:"accepted" doc:"Events that are durable now."`
		Duplicates int `json:"duplicates" doc:"Events whose id was known."`
	}
}

func (a *api) events() {
	op := a.operation(http.MethodPost, "/events", "add-events", "Report one event, or up to 1000 of them", EventsWrite)
	registerList[Event](a, op, a.addEvents)
}

func (a *api) addEvents(ctx context.Context, q *rawInput) (*eventsAnswer, error) {
	list, err := split(q.RawBody)
	if err != nil {
		return nil, err
	}
	key, _ := ctx.Value(keyOf{}).(store.Key)
	starts := a.Settings().TransactionalStarts
	var in []store.Incoming
	var index []int
	var bad []responses.BadEvent
	for i, raw := range list {
		e, wrong := parseEvent(raw)
		if wrong == "" && starts[e.Name] && !key.May(Transactional) {
			wrong = "event " + e.Name + " starts a transactional campaign: the key needs the scope " + Transactional
		}
		if wrong != "" {
			bad = append(bad, responses.BadEvent{Index: i, Error: wrong})
			continue
		}
		in, index = append(in, e), append(index, i)
	}
	results, err := a.Ingest.Ingest(ctx, in, a.Now())
	if err != nil {
		return nil, a.unavailable("add-events", err)
	}
	out := &eventsAnswer{}
	for i, r := range results {
		switch {
		case r.Unmatched != "":
			wrong := r.Unmatched
			if in[i].Email != "" && !in[i].CreateContact {
				wrong += "; send create: true to make a contact of it"
			}
			bad = append(bad, responses.BadEvent{Index: index[i], Error: wrong})
		case r.Duplicate:
			out.Body.Duplicates++
		default:
			out.Body.Accepted++
		}
	}
	if len(bad) > 0 {
		p := faulty(inOrder(bad), "events")
		p.Accepted, p.Duplicates = out.Body.Accepted, out.Body.Duplicates
		return nil, p
	}
	return out, nil
}
