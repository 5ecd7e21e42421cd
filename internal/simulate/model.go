package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Rates are how likely people do what, for a person of middling warmth.
type Rates struct {
	Open        float64 // of a message, by a person
	Proxy       float64 // of a message, by a mail proxy or scanner
	Click       float64 // of an opened message
	Reply       float64
	Unsubscribe float64
	Complain    float64
	Buy         float64 // after a click
	Browse      float64 // a day, unasked: puts something in the cart
	Order       float64 // of those who browse
	Again       float64 // a day, of those who bought before
	Review      float64 // of an order
	Refer       float64 // of an order: a friend comes through them
}

// DefaultRates are what a well-kept list of a small shop sees.
var DefaultRates = Rates{Open: 0.5, Proxy: 0.15, Click: 0.22, Reply: 0.012, Unsubscribe: 0.006, Complain: 0.0012,
	Buy: 0.16, Browse: 0.012, Order: 0.45, Again: 0.010, Review: 0.22, Refer: 0.05}

// Deed is something a person does at a moment.
type Deed struct {
	At     time.Time
	Do     string // join, open, proxy, click, reply, bounce, unsubscribe, complain, cart, order, review, refer
	Person int
	Mail   *Mail   // what it answers; nil for what is unasked
	Total  float64 // of cart and order
	Key    string  // tells deeds apart
}

// Mail is a message as its reader sees it.
type Mail struct {
	ID          string // X-Rapport-Id
	Pixel       string // addresses, "" where there is none
	Links       []string
	Unsubscribe string
}

// Model decides what people do.
type Model struct {
	Seed   uint64
	Rates  Rates
	People []Person
	bought map[int]int // person to orders
}

// NewModel makes a model over people.
func NewModel(seed uint64, people []Person) *Model {
	return &Model{Seed: seed, Rates: DefaultRates, People: people, bought: map[int]int{}}
}

// Answer is what a person does about a message.
func (m *Model) Answer(person int, mail *Mail, now time.Time) []Deed {
	p := m.People[person]
	r := draw(m.Seed, "mail "+mail.ID)
	var out []Deed
	add := func(do string, after time.Duration) {
		out = append(out, Deed{At: now.Add(after), Do: do, Person: person, Mail: mail, Key: do + ":" + mail.ID})
	}
	if p.Dead {
		add("bounce", minutes(r, 1, 5))
		return out
	}
	if r.Float64() < m.Rates.Proxy {
		add("proxy", seconds(r, 1, 20))
	}
	warm := 0.4 + 1.2*p.Warmth
	if r.Float64() >= m.Rates.Open*warm {
		return out
	}
	opened := minutes(r, 5, 60*20)
	add("open", opened)
	if len(mail.Links) > 0 && r.Float64() < m.Rates.Click*warm {
		add("click", opened+seconds(r, 20, 240))
		if r.Float64() < m.Rates.Buy*warm {
			out = append(out, m.order(person, now.Add(opened+minutes(r, 10, 60*30)), r, "order:"+mail.ID))
		}
	}
	switch x := r.Float64(); {
	case x < m.Rates.Reply*warm:
		add("reply", opened+minutes(r, 2, 600))
	case x > 1-m.Rates.Complain/warm:
		add("complain", opened+seconds(r, 5, 60))
	case x > 1-(m.Rates.Complain+m.Rates.Unsubscribe)/warm:
		add("unsubscribe", opened+seconds(r, 5, 120))
	}
	return out
}

// Day is what a person does on a day without being asked.
func (m *Model) Day(person int, midnight time.Time) []Deed {
	p := m.People[person]
	if p.Joins.After(midnight) || p.Dead {
		return nil
	}
	r := draw(m.Seed, fmt.Sprintf("day %d %s", person, midnight.Format(time.DateOnly)))
	warm := 0.4 + 1.2*p.Warmth
	at := midnight.Add(minutes(r, 7*60, 22*60))
	key := fmt.Sprintf("%d:%s", person, midnight.Format(time.DateOnly))
	if m.bought[person] > 0 && r.Float64() < m.Rates.Again*warm {
		return []Deed{m.order(person, at, r, "order:"+key)}
	}
	if r.Float64() < m.Rates.Browse*warm {
		deeds := []Deed{{At: at, Do: "cart", Person: person, Total: price(r), Key: "cart:" + key}}
		if r.Float64() < m.Rates.Order {
			deeds = append(deeds, m.order(person, at.Add(minutes(r, 3, 60*40)), r, "order:"+key))
		}
		return deeds
	}
	return nil
}

// Follow is what comes of a deed later.
func (m *Model) Follow(d Deed) []Deed {
	if d.Do != "order" {
		return nil
	}
	m.bought[d.Person]++
	r := draw(m.Seed, "after "+d.Key)
	var out []Deed
	if r.Float64() < m.Rates.Review {
		out = append(out, Deed{At: d.At.Add(minutes(r, 60*24*3, 60*24*12)), Do: "review", Person: d.Person, Key: "review:" + d.Key})
	}
	if r.Float64() < m.Rates.Refer*(0.2+1.6*m.People[d.Person].Warmth) {
		out = append(out, Deed{At: d.At.Add(minutes(r, 60*24*2, 60*24*20)), Do: "refer", Person: d.Person, Key: "refer:" + d.Key})
	}
	return out
}

func (m *Model) order(person int, at time.Time, r *rand.Rand, key string) Deed {
	return Deed{At: at, Do: "order", Person: person, Total: price(r), Key: key}
}

// price is mostly small things, and now and then a bicycle.
func price(r *rand.Rand) float64 {
	if r.Float64() < 0.08 {
		return float64(790 + r.IntN(1800))
	}
	return float64(12+r.IntN(140)) + 0.9
}

func seconds(r *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+r.IntN(to-from)) * time.Second
}

func minutes(r *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+r.IntN(to-from)) * time.Minute
}
