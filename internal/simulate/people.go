package simulate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"
)

// Person is somebody who may become a contact.
type Person struct {
	Email, First, Last          string
	Country, Language, Timezone string
	City, Bike                  string
	Likes                       []string
	Birthday, Service           string    // dates
	Joins                       time.Time // when they sign up
	// Warmth is how much they like the company, 0 to 1: it scales how often
	// they open, click and buy.
	Warmth float64
	// Dead addresses bounce.
	Dead bool
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

var (
	bikes = []string{"city", "touring", "gravel", "cargo", "road", "e-bike"}
	likes = []string{"touring", "commuting", "racing", "family"}
)

// draw is a source of random numbers for one purpose: the same seed and name
// give the same numbers, whatever was drawn before.
func draw(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// People makes n people of whom most are there at the start, and the others
// come one by one over the days that follow.
func People(seed uint64, n int, start time.Time, days int) []Person {
	out := make([]Person, n)
	for i := range out {
		r := draw(seed, fmt.Sprintf("person %d", i))
		p := places[pick(r, 50, 8, 8, 14, 10, 10)]
		first, last := p.firsts[r.IntN(len(p.firsts))], p.lasts[r.IntN(len(p.lasts))]
		out[i] = Person{
			Email: fmt.Sprintf("%s.%s%d@example.com", ascii(first), ascii(last), i),
			First: first, Last: last, Country: p.country, Language: p.language, Timezone: p.zone,
			City: p.cities[r.IntN(len(p.cities))], Bike: bikes[r.IntN(len(bikes))], Likes: []string{likes[r.IntN(len(likes))]}, Warmth: (r.Float64() + r.Float64()) / 2, Dead: r.Float64() < 0.01,
			Birthday: time.Date(1955+r.IntN(50), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
			Service:  start.AddDate(0, 0, 10+r.IntN(160)).Format(time.DateOnly),
			Joins:    start,
		}
		if i >= n*3/5 {
			out[i].Joins = start.Add(time.Duration(r.Float64() * float64(days) * 0.8 * float64(24*time.Hour))).Truncate(time.Minute)
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
	s = strings.NewReplacer("ü", "ue", "ö", "oe", "ä", "ae", "ß", "ss", " ", "").Replace(strings.ToLower(s))
	return s
}
