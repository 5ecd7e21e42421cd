package simulate

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// direct is the Hand of people inside the process: their mail is taken from the
// catcher, and what they do goes into the store as the addresses in the mail and
// the HTTP interface would bring it there.
type direct struct {
	*lab
	model  *Model
	topics map[string]string // campaign to topic
	start  time.Time
	double map[string]string   // campaign that asks for a confirmation to its topic
	ids    map[int]contacts.ID // of people who were asked for one
	caught []int64
	copies map[string]int // how often a person got a template
}

// take notes a message that has left.
func (h *direct) take(_ string, data []byte) {
	const field = "X-Rapport-Id: "
	if i := bytes.Index(data, []byte(field)); i >= 0 {
		line, _, _ := bytes.Cut(data[i+len(field):], []byte("\r\n"))
		if id, err := ident.Parse(string(line)); err == nil {
			h.caught = append(h.caught, id)
		}
	}
}

// Collect asks what the messages are that have come since.
func (h *direct) Collect(ctx context.Context) (letters []Letter, err error) {
	caught := h.caught
	h.caught = nil
	for chunk := range slices.Chunk(caught, 1000) {
		list, err := h.Store.Letters(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			key := l.Template + " to " + l.Email
			h.copies[key]++
			letters = append(letters, Letter{l.Email, &Mail{ID: ident.Format(l.ID), Key: fmt.Sprintf("%s %d", key, h.copies[key]),
				Campaign: l.Campaign, Template: l.Template, Stage: l.Stage, Clickable: true,
				Confirm: h.double[l.Campaign], Survey: h.model.Trade.Surveys[[2]string{l.Campaign, l.Template}]}})
		}
	}
	return letters, nil
}

// joinSize is how many people sign up in one transaction.
const joinSize = 1000

// Join makes contacts of people, with what they did before.
func (h *direct) Join(ctx context.Context, list []Deed) error {
	now := h.clock.Now()
	for chunk := range slices.Chunk(list, joinSize) {
		var in []store.ContactInput
		var past []store.Incoming
		for _, d := range chunk {
			p := &h.model.People[d.Person]
			since := p.Since
			if since.IsZero() {
				since = d.At
			}
			c := store.ContactInput{Source: "simulation", Contact: contacts.Contact{Email: p.Email, FirstName: p.First, LastName: p.Last,
				Language: p.Language, Timezone: p.Timezone, Attributes: p.Attributes, Seed: p.Seed, CreatedAt: since}}
			for _, topic := range p.Topics {
				consent := contacts.Consent{Topic: topic, State: contacts.ConsentGiven, Source: "simulation", At: since}
				if _, double := h.double[workspace.ConfirmCampaign(topic)]; double && d.At.After(h.start) {
					consent.State = contacts.ConsentPending
					past = append(past, store.Incoming{Email: p.Email, Source: "simulation", Event: contacts.Event{Name: contacts.EventRequested, At: now,
						Key: "confirmation:" + topic + ":" + p.Email, Properties: map[string]any{"topic": topic, "source": "simulation"}}})
				}
				c.Consents = append(c.Consents, consent)
			}
			in = append(in, c)
			if p.Stage != "" || p.Health != "" {
				past = append(past, store.Incoming{Email: p.Email, Source: "simulation", Event: contacts.Event{Name: contacts.EventPlaced, At: since,
					Key: "placed:" + p.Email, Properties: map[string]any{"stage": p.Stage, "health": p.Health}}})
			}
			for _, d := range p.Past {
				past = append(past, store.Incoming{Email: p.Email, Source: "simulation",
					Event: contacts.Event{Name: d.Event, At: d.At, Key: d.Key, Properties: d.Properties}})
			}
		}
		made, err := h.Store.UpsertContacts(ctx, in, now)
		if err != nil {
			return err
		}
		for i, d := range chunk {
			if len(h.double) > 0 && d.At.After(h.start) {
				h.ids[d.Person] = made[i].ID
			}
		}
		if err := h.been(ctx, chunk, made); err != nil {
			return err
		}
		if err := h.ingest(ctx, past); err != nil {
			return err
		}
	}
	return nil
}

// been writes down the campaigns that people were in before. What was on its way
// is over: the copy does not know how far it had come.
func (h *direct) been(ctx context.Context, joined []Deed, made []store.ContactResult) error {
	var list []store.PastEnrolment
	now := h.clock.Now()
	for i, d := range joined {
		for _, was := range h.model.People[d.Person].Been {
			id := h.Catalog.Current().CampaignID(was.Campaign)
			if id == 0 || !was.StartedAt.Before(now) {
				continue
			}
			e := store.PastEnrolment{Campaign: id, Contact: made[i].ID, State: was.State, Started: was.StartedAt, Ended: was.EndedAt}
			if e.Ended.IsZero() || !e.Ended.Before(now) {
				e.State, e.Ended = string(campaigns.Exited), now.Add(-time.Millisecond)
			}
			list = append(list, e)
		}
	}
	return h.Store.PutEnrolments(ctx, list, now)
}

// Do stores what people do.
func (h *direct) Do(ctx context.Context, list []Deed) error {
	in := make([]store.Incoming, 0, len(list))
	var confirmed []store.ConsentChange
	for _, d := range list {
		if d.Do == "confirm" {
			confirmed = append(confirmed, store.ConsentChange{Contact: h.ids[d.Person], Topic: d.Mail.Confirm, State: contacts.ConsentGiven,
				Source: "simulation", At: d.At, Key: d.Key})
			continue
		}
		x, err := h.incoming(d)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	if len(confirmed) > 0 {
		if _, err := h.Store.SetConsent(ctx, confirmed, h.clock.Now()); err != nil {
			return err
		}
	}
	return h.ingest(ctx, in)
}

func (h *direct) ingest(ctx context.Context, in []store.Incoming) error {
	for chunk := range slices.Chunk(in, joinSize) {
		if _, err := h.Store.Ingest(ctx, chunk, h.clock.Now()); err != nil {
			return err
		}
	}
	return nil
}

// answers are the events that deeds about mail make.
var answers = map[string]string{
	"open": contacts.EventOpened, "proxy": contacts.EventOpened, "click": contacts.EventClicked, "reply": contacts.EventReplied,
	"answer": contacts.EventSurveyed, "bounce": contacts.EventBounced, "complain": contacts.EventComplained, "unsubscribe": contacts.EventUnsubscribed,
}

func (h *direct) incoming(d Deed) (store.Incoming, error) {
	x := store.Incoming{Source: "simulation", Event: contacts.Event{At: d.At, Key: d.Key, Properties: d.Properties}}
	if d.Do == "event" {
		x.Email, x.Name = h.model.People[d.Person].Email, d.Event
		return x, nil
	}
	name, ok := answers[d.Do]
	if !ok {
		return x, fmt.Errorf("nobody knows how to %s", d.Do)
	}
	var err error
	x.Name, x.Machine = name, d.Do == "proxy"
	switch d.Do {
	case "bounce":
		x.Properties = map[string]any{"type": "hard", "reply": "550 5.1.1 no such user"}
	case "unsubscribe":
		x.Source, x.Topic = "one click", h.topics[d.Mail.Campaign]
	}
	x.Message, err = ident.Parse(d.Mail.ID)
	return x, err
}
