package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
)

// Known makes a person of a contact who is known, with a warmth that the seed
// draws. They are there from the start.
func Known(seed uint64, c contacts.Contact, topics []string, start time.Time) Person {
	r := draw(seed, "known "+c.Email)
	return Person{Email: c.Email, First: c.FirstName, Last: c.LastName, Language: c.Language, Timezone: c.Timezone, Attributes: c.Attributes,
		Topics: topics, Joins: start, Seed: 1 + r.Uint32N(1<<32-2), Warmth: (r.Float64() + r.Float64()) / 2}
}

// Copy says what to copy of a database.
type Copy struct {
	Store *store.Store
	Trade *Trade
	Size  int // how many contacts, drawn by the seed
	Seed  uint64
	Start time.Time
}

// copied is how far back a copy goes.
const copied = 400 * day

// copyPage is how many contacts are read at once.
const copyPage = 500

// People copies contacts without names and addresses: their consents, the
// attributes that the workspace asks for, where they stand, the campaigns they
// were in, and what they did lately. Whoever may get no mail at all is left out.
func (c Copy) People(ctx context.Context) ([]Person, error) {
	ids, err := c.draw(ctx)
	if err != nil {
		return nil, err
	}
	people := make([]Person, 0, len(ids))
	for chunk := range slices.Chunk(ids, copyPage) {
		facts, err := c.Store.LoadFacts(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, id := range chunk {
			if f := facts[id]; f != nil {
				people = append(people, c.person(len(people), f))
			}
		}
	}
	return people, nil
}

// draw chooses who is copied: everybody has the same chance, and the same seed
// chooses the same ones.
func (c Copy) draw(ctx context.Context) ([]contacts.ID, error) {
	r := draw(c.Seed, "copy")
	var ids []contacts.ID
	seen := 0
	for e, err := range c.Store.Export(ctx) {
		if err != nil {
			return nil, err
		}
		if e.Contact.Suppression != nil {
			continue
		}
		seen++
		if len(ids) < c.Size {
			ids = append(ids, e.Contact.ID)
		} else if at := r.IntN(seen); at < c.Size {
			ids[at] = e.Contact.ID
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (c Copy) person(i int, f *contacts.Facts) Person {
	known := contacts.Contact{Email: fmt.Sprintf("contact%d@example.com", i), Language: f.Contact.Language, Timezone: f.Contact.Timezone,
		Attributes: map[string]any{}}
	for name, asked := range c.Trade.asked {
		if v, ok := f.Contact.Field(name); ok && asked {
			known.Attributes[name] = v
		}
	}
	var topics []string
	for _, topic := range c.Trade.topics {
		if f.ConsentFor(topic).State == contacts.ConsentGiven {
			topics = append(topics, topic)
		}
	}
	p := Known(c.Seed, known, topics, c.Start)
	p.Seed, p.Since = f.Contact.Seed, f.Contact.CreatedAt
	p.Stage, p.Health = f.Contact.Stage, f.Contact.Health
	for n, e := range f.Events {
		if e.At.Before(c.Start.Add(-copied)) || e.At.After(c.Start) || len(ownEvents([]string{e.Name})) == 0 {
			continue
		}
		p.Past = append(p.Past, Deed{At: e.At, Do: "event", Event: e.Name, Key: fmt.Sprintf("past:%d:%d", i, n), Properties: c.properties(&e)})
	}
	for _, was := range f.Campaigns {
		p.Been = append(p.Been, was)
	}
	return p
}

// properties are those of an event that tell of nobody: figures, and texts that
// the workspace compares with.
func (c Copy) properties(e *contacts.Event) map[string]any {
	out := map[string]any{}
	for name, v := range e.Properties {
		switch v := v.(type) {
		case float64, bool:
			out[name] = v
		case string:
			if slices.Contains(c.Trade.values[e.Name+" "+name], v) {
				out[name] = v
			}
		}
	}
	return out
}

// drawnTowards is how many messages with the default rates are counted among
// those that were sent, so that three answers are no law.
const drawnTowards = 50

// Rates are how contacts have answered, for each template, and for each template
// and stage.
func (c Copy) Rates(ctx context.Context) (map[RateKey]Rates, error) {
	list, err := c.Store.AnswerCounts(ctx, c.Start.Add(-copied))
	if err != nil {
		return nil, err
	}
	counts := map[RateKey]map[string]float64{}
	for _, a := range list {
		for _, key := range []RateKey{{a.Template, a.Stage}, {a.Template, ""}} {
			if counts[key] == nil {
				counts[key] = map[string]float64{}
			}
			counts[key][strings.TrimPrefix(a.Event, "email.")] += float64(a.Messages)
		}
	}
	rates := map[RateKey]Rates{{}: DefaultRates}
	for key, n := range counts {
		// Of what is counted among openers, the openers are those who opened or clicked.
		towards := func(is, of, usual float64) float64 {
			return min(1, (is+drawnTowards*usual)/(of+drawnTowards))
		}
		r, opened := DefaultRates, max(n["opened"], n["clicked"])
		r.Open = towards(opened, n["sent"], r.Open)
		r.Click = towards(n["clicked"], opened, r.Click)
		r.Reply = towards(n["replied"], opened, r.Reply)
		r.Unsubscribe = towards(n["unsubscribed"], opened, r.Unsubscribe)
		r.Complain = towards(n["complained"], opened, r.Complain)
		rates[key] = r
	}
	return rates, nil
}
