package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"rapport/internal/relationship"
)

// Rates are how likely people do what about a message, for a person of middling
// warmth.
type Rates struct {
	Open        float64 `json:"open"`        // of a message, by a person
	Proxy       float64 `json:"proxy"`       // of a message, by a mail proxy or scanner
	Click       float64 `json:"click"`       // of an opened message
	Reply       float64 `json:"reply"`       // of an opened message
	Unsubscribe float64 `json:"unsubscribe"` // of an opened message
	Complain    float64 `json:"complain"`    // of an opened message
	Buy         float64 `json:"buy"`         // after a click: the campaign's goal, else a purchase
	Answer      float64 `json:"-"`           // of an opened message that asks a survey
	Confirm     float64 `json:"-"`           // of messages that ask to confirm a consent
	Order       float64 `json:"-"`           // of those who put something in the cart
	Again       float64 `json:"-"`           // a day, of those who bought before
}

// DefaultRates are what a well-kept list of a small shop sees.
var DefaultRates = Rates{Open: 0.5, Proxy: 0.15, Click: 0.22, Reply: 0.012, Unsubscribe: 0.006, Complain: 0.0012,
	Buy: 0.16, Answer: 0.25, Confirm: 0.8, Order: 0.45, Again: 0.010}

// RateKey is for what rates hold: a template sent to contacts of a stage. An
// empty field is for all of them.
type RateKey struct{ Template, Stage string }

// Deed is something a person does at a moment.
type Deed struct {
	At         time.Time
	Do         string // join, open, proxy, click, answer, confirm, reply, bounce, unsubscribe, complain, event
	Person     int
	Mail       *Mail          // what it answers; nil for what is unasked
	Event      string         // of event: its name
	Properties map[string]any // of event and answer
	Key        string         // tells deeds apart
}

// Mail is a message as its reader sees it.
type Mail struct {
	ID                        string // X-Rapport-Id
	Key                       string // what answers are drawn for
	Campaign, Template, Stage string // where they are known
	Clickable                 bool
	Confirm                   string               // where a consent is confirmed: the page or, without the web, the topic
	Survey                    *relationship.Survey // that it asks, or nil

	// Where its parts lead, for those who answer over the web.
	Pixel       string
	Links       []string
	Asks        string // the page of the survey
	Unsubscribe string
}

// Model decides what people do.
type Model struct {
	Seed   uint64
	Rates  map[RateKey]Rates // the most exact counts; the empty key is for all others
	Trade  *Trade
	People []Person
	bought map[int]int // person to purchases
}

// NewModel makes a model over people.
func NewModel(seed uint64, t *Trade, people []Person) *Model {
	m := &Model{Seed: seed, Rates: map[RateKey]Rates{{}: DefaultRates}, Trade: t, People: people, bought: map[int]int{}}
	for i, p := range people {
		for _, d := range p.Past {
			if d.Event == t.Purchase {
				m.bought[i]++
			}
		}
	}
	return m
}

// rates are those that hold for a message.
func (m *Model) rates(mail *Mail) Rates {
	for _, key := range []RateKey{{mail.Template, mail.Stage}, {mail.Template, ""}, {"", mail.Stage}} {
		if r, ok := m.Rates[key]; ok {
			return r
		}
	}
	return m.Rates[RateKey{}]
}

// Answer is what a person does about a message.
func (m *Model) Answer(person int, mail *Mail, now time.Time) []Deed {
	p, rates := &m.People[person], m.rates(mail)
	r := draw(m.Seed, "mail "+mail.Key)
	var out []Deed
	add := func(do string, after time.Duration) {
		out = append(out, Deed{At: now.Add(after), Do: do, Person: person, Mail: mail, Key: do + ":" + mail.Key})
	}
	if p.Dead {
		add("bounce", minutes(r, 1, 5))
		return out
	}
	if r.Float64() < rates.Proxy {
		add("proxy", seconds(r, 1, 20))
	}
	warm := 0.4 + 1.2*p.Warmth
	if mail.Confirm != "" {
		if r.Float64() < rates.Confirm {
			add("confirm", minutes(r, 1, 90))
		}
		return out
	}
	if r.Float64() >= rates.Open*warm {
		return out
	}
	opened := minutes(r, 5, 60*20)
	add("open", opened)
	if mail.Clickable && r.Float64() < rates.Click*warm {
		add("click", opened+seconds(r, 20, 240))
		if r.Float64() < rates.Buy*warm {
			event := m.Trade.Purchase
			if goal := m.Trade.Goals[mail.Campaign]; goal != "" {
				event = goal
			}
			out = append(out, m.event(person, event, now.Add(opened+minutes(r, 10, 60*30)), r, "after:"+mail.Key))
		}
	}
	if s := mail.Survey; s != nil && r.Float64() < rates.Answer*warm {
		add("answer", opened+seconds(r, 30, 300))
		out[len(out)-1].Properties = map[string]any{"survey": s.Name, "score": score(s, r), "scale": s.Scale()}
	}
	switch x := r.Float64(); {
	case x < rates.Reply*warm:
		add("reply", opened+minutes(r, 2, 600))
	case x > 1-rates.Complain/warm:
		add("complain", opened+seconds(r, 5, 60))
	case x > 1-(rates.Complain+rates.Unsubscribe)/warm:
		add("unsubscribe", opened+seconds(r, 5, 120))
	}
	return out
}

// Day is what a person does on a day without being asked: at most one thing.
func (m *Model) Day(person int, midnight time.Time) []Deed {
	p := &m.People[person]
	if p.Joins.After(midnight) || p.Dead {
		return nil
	}
	r := draw(m.Seed, fmt.Sprintf("day %d %d", person, midnight.Unix()))
	warm, x := 0.4+1.2*p.Warmth, r.Float64()
	for _, h := range m.Trade.Habits {
		if h.After != "" || h.Buyers && m.bought[person] == 0 {
			continue
		}
		if x < h.Chance*warm {
			return []Deed{m.event(person, h.Event, midnight.Add(minutes(r, 7*60, 22*60)), r, fmt.Sprintf("%s:%d:%s", h.Event, person, midnight.Format(time.DateOnly)))}
		}
		x -= h.Chance * warm
	}
	return nil
}

// Follow is what comes of a deed later.
func (m *Model) Follow(d Deed) []Deed {
	if d.Do != "event" {
		return nil
	}
	if d.Event == m.Trade.Purchase {
		m.bought[d.Person]++
	}
	var out []Deed
	for _, h := range m.Trade.Habits {
		if h.After != d.Event {
			continue
		}
		r := draw(m.Seed, h.Event+" after "+d.Key)
		if r.Float64() < h.Chance*(0.4+1.2*m.People[d.Person].Warmth) {
			out = append(out, m.event(d.Person, h.Event, d.At.Add(h.From+time.Duration(r.Float64()*float64(h.To-h.From)).Truncate(time.Second)), r, h.Event+":"+d.Key))
		}
	}
	return out
}

func (m *Model) event(person int, name string, at time.Time, r *rand.Rand, key string) Deed {
	return Deed{At: at, Do: "event", Event: name, Person: person, Key: key, Properties: m.Trade.Properties(name, r, key)}
}

// price is mostly small things, and now and then a large one.
func price(r *rand.Rand) float64 {
	if r.Float64() < 0.08 {
		return float64(790 + r.IntN(1800))
	}
	return float64(12+r.IntN(140)) + 0.9
}

// score is mostly at the upper end of the scale: who is content answers sooner.
func score(s *relationship.Survey, r *rand.Rand) float64 {
	return float64(s.High - int(float64(s.High-s.Low+1)*r.Float64()*r.Float64()))
}

func seconds(r *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+r.IntN(to-from)) * time.Second
}

func minutes(r *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+r.IntN(to-from)) * time.Minute
}
