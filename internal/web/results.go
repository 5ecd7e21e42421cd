package web

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/measure"
	"rapport/internal/results"
)

// worth is what mailing was worth: all of it, and each campaign that compares
// something.
type worth struct {
	all  *results.Whole
	list []results.Campaign
}

func (w *Web) weigh(ctx context.Context) (out worth, err error) {
	if a := w.Applied(); a != nil {
		out.all, out.list, err = results.Everything(ctx, w.Store, a, w.Now())
	}
	return out, err
}

// weighOne is for the page of one campaign, which does not wait for the others.
func (w *Web) weighOne(ctx context.Context, name string) (results.Campaign, error) {
	a := w.Applied()
	if a == nil {
		return results.Campaign{}, nil
	}
	return results.Of(ctx, w.Store, a, name, w.Now())
}

type resultsData struct {
	All       *comparison
	Reached   [2]int64 // whom campaigns enrolled of those compared, and would have of those held out
	Campaigns []campaignWorth
	Share     string // that is held out of everything
}

// campaignWorth is what one campaign is worth.
type campaignWorth struct {
	Name       string
	Comparison *comparison
	Splits     []splitView
}

// comparison is who was mailed beside who was held out.
type comparison struct {
	Counted    string // what they did or did not
	Since      time.Time
	Bars       []bar
	Open       int64 // whose time is not over
	Difference string
	Reaches    string // where the difference lies
	Worth      string // the same in money, or why not
	Verdict    string // a class of the page
	Sentence   string
}

// bar is a share with its range on a scale from 0.
type bar struct {
	Name            string
	Of, Count, Open int64
	Share, Range    string
	At, From, Width string // percent of the scale
	Won             bool
}

// splitView is a split as it stands.
type splitView struct {
	Name, By, Within string
	Since            time.Time
	Bars             []bar
	Seen             []string
	Sentence         string
	Won              bool
}

func (w *Web) resultsRoom(q *request) (view, error) {
	known, err := w.worth.get(q.Context())
	if err != nil {
		return view{}, err
	}
	var d resultsData
	if all := known.all; all != nil {
		d.All, d.Reached, d.Share = compared(all.Uplift, all.Event, all.Since), all.Reached, measure.Percent(all.Control.Share)
	}
	for _, c := range known.list {
		d.Campaigns = append(d.Campaigns, q.worthOf(c))
	}
	return view{page: "results", room: "results", title: "Results", data: d, live: 10}, nil
}

func (q *request) worthOf(c results.Campaign) campaignWorth {
	out := campaignWorth{Name: c.Name}
	if c.Control != nil {
		out.Comparison = compared(c.Control.Uplift, c.Goal, c.Control.Since)
	}
	for _, s := range c.Splits {
		out.Splits = append(out.Splits, q.splitOf(s))
	}
	return out
}

func compared(u measure.Uplift, counted string, since time.Time) *comparison {
	treated, control, d := u.Shares()
	out := &comparison{Counted: counted, Since: since, Open: u.Treated.Open + u.Control.Open, Sentence: u.Sentence(),
		Verdict: map[string]string{measure.Works: "good", measure.Harms: "bad"}[u.Verdict()]}
	top := scale(treated, control)
	out.Bars = []bar{barOf("mailed", u.Treated.Of, u.Treated.Count, treated, top), barOf("held out", u.Control.Of, u.Control.Count, control, top)}
	if u.Treated.Of == 0 || u.Control.Of == 0 {
		return out
	}
	out.Difference, out.Reaches = measure.Points(d.Value), measure.PointsFrom(d)
	if a, b, d, ok := u.Values(); ok {
		out.Worth = fmt.Sprintf("Worth %.2f for each contact who was mailed and %.2f for each held out: %s (%s to %s).",
			a.Value, b.Value, measure.Amount(d.Value), measure.Amount(d.Low), measure.Amount(d.High))
	} else if u.Valued && !u.TooFew() {
		out.Worth = fmt.Sprintf("Its worth is told from %d buyers on each side on.", measure.FewValues)
	}
	return out
}

func (q *request) splitOf(s results.Split) splitView {
	out := splitView{Name: s.Split, By: measure.Did(s.By), Within: s.Within, Since: s.Since, Sentence: s.Sentence(), Won: s.Winner() != ""}
	var shares []measure.Range
	for _, a := range s.Arms {
		if a.Of > 0 {
			shares = append(shares, a.Share())
		}
	}
	top := scale(shares...)
	for _, a := range s.Arms {
		b := barOf(a.Name, a.Of, a.Count, a.Share(), top)
		b.Open, b.Won = a.Open, a.Name == s.Winner()
		out.Bars = append(out.Bars, b)
	}
	for _, l := range s.Looks {
		said := "no winner"
		if l.Winner != "" {
			said = l.Winner + " has won"
		}
		out.Seen = append(out.Seen, fmt.Sprintf("Look %d, %s: %s", l.Look, l.At.In(q.zone).Format("2 Jan 2006, 15:04"), said))
	}
	return out
}

// scale is where the widest range ends; at least a hundredth.
func scale(shares ...measure.Range) float64 {
	top := 0.01
	for _, s := range shares {
		top = max(top, s.High)
	}
	return top
}

func barOf(name string, of, n int64, s measure.Range, top float64) bar {
	b := bar{Name: name, Of: of, Count: n}
	if of == 0 {
		return b
	}
	at := func(x float64) string { return fmt.Sprintf("%.2f", 100*min(1, x/top)) }
	b.Share, b.Range = measure.Percent(s.Value), measure.Percent(s.Low)+" to "+measure.Percent(s.High)
	b.At, b.From, b.Width = at(s.Value), at(s.Low), at(s.High-s.Low)
	return b
}
