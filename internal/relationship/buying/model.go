package buying

import (
	"fmt"
	"math"
)

// Model is what was learnt from all customers, on a day.
type Model struct {
	Day      Day         // on which it was learnt
	Orders   *BGNBD      // nil: nothing is said about who will buy
	Amounts  *GammaGamma // nil: nothing is said about what they will spend
	Ranks    *Ranks      // nil: nobody is ranked
	Evidence Evidence
}

// Evidence is what a model rests on.
type Evidence struct {
	Customers  int     `json:"customers"`      // who bought at all
	Repeat     int     `json:"came_back"`      // who came back on another day
	Days       int     `json:"days"`           // since the first purchase of all
	Sample     int     `json:"sample"`         // customers that the parameters were fitted to
	Likelihood float64 `json:"log_likelihood"` // the logarithm, per customer of the sample
	// The check: a model that was fitted to what was known Held days before
	// foresaw Foreseen days with a purchase since, and there were Came.
	Held     int     `json:"held_days"`
	Foreseen float64 `json:"foreseen"`
	Came     int     `json:"came"`
	Missing  string  `json:"missing,omitempty"` // why there are no predictions; "" where there are
}

// Prediction is what is said about one customer. Each part may be missing.
type Prediction struct {
	PAlive   *float64 // the chance that they have not left for good, in hundredths
	Expected *float64 // days with a purchase in the Ahead to come, in hundredths
	Lifetime *float64 // what they have spent and are expected to spend in the Ahead to come, in hundredths
	RFM      *float64
}

// Ahead is how far predictions reach, in days.
const Ahead = 365

// Predict is what the model says about a customer on a day. Days before the last
// purchase count as the day of that one.
func (m *Model) Predict(h History, now Day) Prediction {
	var p Prediction
	if len(h.Days) == 0 {
		return p
	}
	s := h.Summary(now)
	if m.Orders != nil {
		expected := m.Orders.Expected(s, float64(Ahead)/week)
		p.PAlive, p.Expected = hundredths(m.Orders.PAlive(s)), hundredths(expected)
		if m.Amounts != nil {
			p.Lifetime = hundredths(h.Spent() + expected*m.Amounts.Mean(s))
		}
	}
	if m.Ranks != nil {
		rfm := float64(m.Ranks.RFM(&h))
		p.RFM = &rfm
	}
	return p
}

// MostPredicted bounds what is said of anything, below zero too: who has sent back
// more than was bought is worth less than nothing.
const MostPredicted = 1e9

func hundredths(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	v = math.Round(max(-MostPredicted, min(MostPredicted, v))*100) / 100
	return &v
}

// How much there must be to learn from: what marketers know from Klaviyo for
// predictions; for ranks a fifth must be more than a handful.
const (
	LeastCustomers = 500
	LeastRepeat    = 100
	LeastDays      = 180
	LeastRanked    = 50
	leastAmounts   = 50
	heldLeast      = 30 // days
)

// Population is whom a model is learnt from.
type Population struct {
	Customers int       // all of them
	Repeat    int       // of them, who came back on another day
	Since     Day       // of the first purchase
	Sample    []History // of customers, drawn by chance; all of them where they are few
}

// Fit learns a model. before is the one of last time, from whose parameters the
// search begins; nil: there is none.
func Fit(from Population, now Day, before *Model) Model {
	m := Model{Day: now, Evidence: Evidence{Customers: from.Customers, Repeat: from.Repeat, Sample: len(from.Sample)}}
	e := &m.Evidence
	if from.Customers > 0 {
		e.Days = int(now - from.Since)
	}
	if len(from.Sample) >= LeastRanked {
		ranks := ranksOf(from.Sample)
		m.Ranks = &ranks
	}
	switch {
	case e.Customers < LeastCustomers:
		e.Missing = fmt.Sprintf("%d of the %d customers that predictions need", e.Customers, LeastCustomers)
	case e.Repeat < LeastRepeat:
		e.Missing = fmt.Sprintf("%d of the %d customers who bought on more than one day that predictions need", e.Repeat, LeastRepeat)
	case e.Days < LeastDays:
		e.Missing = fmt.Sprintf("%d of the %d days of purchases that predictions need", e.Days, LeastDays)
	default:
		m.learn(from.Sample, now, before)
	}
	return m
}

func (m *Model) learn(sample []History, now Day, before *Model) {
	all := summaries(sample, now)
	var known []BGNBD
	if before != nil && before.Orders != nil {
		known = append(known, *before.Orders)
	}
	orders, ok := FitBGNBD(all, known...)
	if !ok {
		m.Evidence.Missing = "no model of buying and leaving fits these purchases"
		return
	}
	m.Orders = &orders
	m.Evidence.Likelihood = orders.LogLikelihood(all) / float64(len(all))
	repeat := 0
	for _, s := range all {
		if s.X > 0 && s.M > 0 {
			repeat++
		}
	}
	if amounts, ok := FitGammaGamma(all); ok && repeat >= leastAmounts {
		m.Amounts = &amounts
	}
	m.check(sample, now)
}

// check fits another model to what was known a quarter of the time ago, and counts
// what came since.
func (m *Model) check(sample []History, now Day) {
	e := &m.Evidence
	held := max(e.Days/4, heldLeast)
	then := now - Day(held)
	var known []History
	came := 0
	for _, h := range sample {
		if before := h.Until(then); len(before.Days) > 0 {
			known = append(known, before)
			came += len(h.Days) - len(before.Days)
		}
	}
	model, ok := FitBGNBD(summaries(known, then), *m.Orders)
	if !ok {
		return
	}
	foreseen := 0.0
	for i := range known {
		foreseen += model.Expected(known[i].Summary(then), float64(held)/week)
	}
	if math.IsNaN(foreseen) {
		return
	}
	e.Held, e.Foreseen, e.Came = held, math.Round(foreseen), came
}

func summaries(all []History, now Day) []Summary {
	out := make([]Summary, len(all))
	for i := range all {
		out[i] = all[i].Summary(now)
	}
	return out
}
