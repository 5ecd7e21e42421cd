package buying

import (
	"time"
)

// Day is a day in UTC, counted from 1970-01-01.
type Day int64

// DayOf is the day of a moment.
func DayOf(t time.Time) Day {
	return Day(t.UTC().Truncate(24*time.Hour).Unix() / (24 * 60 * 60))
}

// Start is the first moment of the day.
func (d Day) Start() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Purchase is one purchase.
type Purchase struct {
	At    time.Time
	Value float64 // in the company's currency
}

// History is what a customer has bought. The zero value has bought nothing.
type History struct {
	Days   []Day     // on which something was bought, each once, rising
	Values []float64 // what was bought on each of them; below zero counts as 0 in sums
}

// Add takes in a purchase that is no earlier than those before.
func (h *History) Add(p Purchase) {
	day := DayOf(p.At)
	if n := len(h.Days); n > 0 && h.Days[n-1] == day {
		h.Values[n-1] += p.Value
		return
	}
	h.Days, h.Values = append(h.Days, day), append(h.Values, p.Value)
}

// Until is the history as it was at the end of a day.
func (h History) Until(day Day) History {
	n := len(h.Days)
	for n > 0 && h.Days[n-1] > day {
		n--
	}
	return History{h.Days[:n], h.Values[:n]}
}

// Spent is all that was bought.
func (h *History) Spent() float64 { return sum(h.Values) }

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += max(v, 0)
	}
	return total
}

// Summary is what the models look at, in weeks, as Fader, Hardie and Lee write it.
type Summary struct {
	X  float64 // days with a purchase after the first
	Tx float64 // from the first to the last of them
	T  float64 // from the first until now
	M  float64 // what was bought on each of the X, on average; 0 without
}

const week = 7

// Summary sums the history up, as of a day that is not before its last.
func (h *History) Summary(now Day) Summary {
	n := len(h.Days)
	if n == 0 {
		return Summary{}
	}
	s := Summary{
		X:  float64(n - 1),
		Tx: float64(h.Days[n-1]-h.Days[0]) / week,
		T:  float64(max(now, h.Days[n-1])-h.Days[0]) / week,
	}
	if n > 1 {
		s.M = sum(h.Values[1:]) / s.X
	}
	return s
}
