package simulate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"rapport/internal/contacts"
)

// Person is somebody who may become a contact.
type Person struct {
	Email, First, Last string
	Language, Timezone string
	Attributes         map[string]any
	Topics             []string  // that they consent to
	Joins              time.Time // when they become a contact
	Seed               uint32    // of the contact; 0: the engine's choice
	// Warmth is how much they like the company, 0 to 1: it scales how often
	// they open, click and buy.
	Warmth float64
	// Dead addresses bounce.
	Dead bool
	// Past is what they did before they became a contact here, oldest first.
	Past []Deed
	// Since is when they were first known; zero: when they join.
	Since time.Time
	// Stage and Health are where they stand when they become a contact; "": where
	// their past puts them.
	Stage, Health string
	// Been are the campaigns they were in before.
	Been []contacts.Participation
}

type place struct {
	country, language, zone string
	cities, firsts, lasts   []string
}

var places = []place{
	{"DE", "de", "Europe/Berlin", []string{"Hamburg", "Bremen", "Kiel", "Berlin"}, []string{"Anna", "Jonas", "Lena", "Paul", "Marie", "Felix", "Clara", "Emil"}, []string{"Schmidt", "Weber", "Becker", "Hoffmann", "Krüger", "Vogel"}},
	{"AT", "de", "Europe/Vienna", []string{"Wien", "Graz"}, []string{"Katharina", "Lukas", "Theresa", "Maximilian"}, []string{"Gruber", "Huber", "Bauer", "Steiner"}},
	{"CH", "de", "Europe/Zurich", []string{"Bern", "Basel"}, []string{"Nina", "Luca", "Lea", "Noah"}, []string{"Meier", "Keller", "Frei"}},
	{"GB", "en", "Europe/London", []string{"Bristol", "Leeds"}, []string{"Olivia", "Harry", "Amelia", "George"}, []string{"Clarke", "Hughes", "Wright", "Patel"}},
	{"NL", "en", "Europe/Amsterdam", []string{"Utrecht", "Groningen"}, []string{"Sanne", "Daan", "Emma", "Bram"}, []string{"de Vries", "Jansen", "Bakker"}},
	{"US", "en", "America/New_York", []string{"Portland", "Boston"}, []string{"Grace", "Mason", "Zoe", "Ethan"}, []string{"Rivera", "Johnson", "Kim"}},
}

// draw is a source of random numbers for one purpose: the same seed and name
// give the same numbers, whatever was drawn before.
func draw(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// Crowd says which people to invent.
type Crowd struct {
	Seed  uint64
	Size  int
	Start time.Time
	Days  int
	// Later is the share that comes one by one over the days; the others are
	// there at the start.
	Later float64
	// Past is the share of those who are there that have bought before.
	Past float64
}

// People invents people who have what the workspace asks of contacts.
func (t *Trade) People(c Crowd) []Person {
	out := make([]Person, c.Size)
	for i := range out {
		r := draw(c.Seed, fmt.Sprintf("person %d", i))
		p := places[pick(r, 50, 8, 8, 14, 10, 10)]
		first, last := p.firsts[r.IntN(len(p.firsts))], p.lasts[r.IntN(len(p.lasts))]
		out[i] = Person{
			Email: fmt.Sprintf("%s.%s%d@example.com", ascii(first), ascii(last), i), First: first, Last: last,
			Language: p.language, Timezone: p.zone, Warmth: (r.Float64() + r.Float64()) / 2, Dead: r.Float64() < 0.01,
			Seed: 1 + r.Uint32N(1<<32-2), Joins: c.Start,
		}
		out[i].Attributes = t.attributesOf(p, c.Start, r)
		for _, topic := range t.topics {
			if r.Float64() < 0.85 {
				out[i].Topics = append(out[i].Topics, topic)
			}
		}
		if float64(i) >= float64(c.Size)*(1-c.Later) {
			out[i].Joins = c.Start.Add(time.Duration(r.Float64() * float64(c.Days) * 0.8 * float64(day))).Truncate(time.Minute)
			continue
		}
		if c.Past > 0 {
			t.past(&out[i], c, r)
		}
	}
	return out
}

// past gives a person the year before the start: when they came, and what they
// bought.
func (t *Trade) past(p *Person, c Crowd, r *rand.Rand) {
	p.Since = c.Start.Add(-time.Duration(r.Float64() * 400 * float64(day))).Truncate(time.Minute)
	if r.Float64() >= c.Past {
		return
	}
	at := p.Since
	for n := range 1 + r.IntN(4) {
		at = at.Add(time.Duration(r.Float64() * float64(c.Start.Sub(at)))).Truncate(time.Minute)
		key := fmt.Sprintf("past:%s:%d", p.Email, n)
		p.Past = append(p.Past, Deed{At: at, Do: "event", Event: t.Purchase, Key: key, Properties: t.Properties(t.Purchase, r, key)})
	}
}

// attributesOf are what a person's attributes are: known words by their meaning,
// the others by their type and by what the workspace compares them with.
func (t *Trade) attributesOf(p place, start time.Time, r *rand.Rand) map[string]any {
	out := map[string]any{}
	for _, name := range sortedKeys(t.attributes) {
		typ := t.attributes[name]
		switch {
		case name == "country":
			out[name] = p.country
		case name == "city":
			out[name] = p.cities[r.IntN(len(p.cities))]
		case typ == "date" && strings.Contains(name, "birth"):
			out[name] = time.Date(1955+r.IntN(50), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		case typ == "date" && strings.Contains(name, "since"):
			out[name] = start.AddDate(0, 0, -r.IntN(2000)).Format(time.DateOnly)
		case typ == "date":
			out[name] = start.AddDate(0, 0, 10+r.IntN(350)).Format(time.DateOnly)
		case typ == "bool": // what campaigns set, as a rule
		default:
			out[name] = t.value("", name, typ, r, "")
		}
	}
	return out
}

// pick chooses an index by weight, of a hundred.
func pick(r *rand.Rand, weights ...int) int {
	x := r.IntN(100)
	for i, w := range weights {
		if x < w {
			return i
		}
		x -= w
	}
	return len(weights) - 1
}

func ascii(s string) string {
	return strings.NewReplacer("ü", "ue", "ö", "oe", "ä", "ae", "ß", "ss", " ", "").Replace(strings.ToLower(s))
}
