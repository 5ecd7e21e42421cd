package main

import (
	"fmt"
	"strings"
	"time"

	"rapport/internal/measure"
	"rapport/internal/results"
)

func (s *session) showResults(all *results.Whole, list []results.Campaign) {
	if all != nil {
		s.printf("%s  %s\n", s.head("All marketing"), s.faint(percentOf(all.Share)+" of all contacts are held out"+s.since(all.Since)))
		s.showUplift(all.Uplift, all.Event)
		s.printf("%s\n", s.faint(fmt.Sprintf("%s of those compared were enrolled somewhere, %s of those held out would have been.", count(all.Reached[0]), count(all.Reached[1]))))
		if len(list) > 0 {
			s.printf("\n")
		}
	}
	for i, c := range list {
		if i > 0 {
			s.printf("\n")
		}
		s.printf("%s\n", s.head(c.Name))
		s.showResult(c)
	}
	if all == nil && len(list) == 0 {
		s.printf("%s\n", s.hung("Nothing is compared yet: a campaign compares with control: 10% or a split, rapport.yaml with control: 5%.", 0))
	}
}

// showResult says what can be said of one campaign.
func (s *session) showResult(c results.Campaign) {
	if c.Control != nil {
		s.printf("%s\n", s.faint("goal "+c.Goal+", "+percentOf(c.Control.Share)+" held out"+s.since(c.Control.Since)))
		s.showUplift(c.Control.Uplift, "goal")
	}
	for i, split := range c.Splits {
		if i > 0 || c.Control != nil {
			s.printf("\n")
		}
		s.showSplit(split)
	}
	if c.Control == nil && len(c.Splits) == 0 {
		s.printf("It compares nothing: it has no control group with a goal, and no split.\n")
	}
}

func (s *session) since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", since " + s.when(t)
}

// percentOf writes a share as it was asked for: 5%.
func percentOf(share float64) string { return fmt.Sprintf("%g%%", float64(int64(share*1e6+0.5))/1e4) }

// showUplift shows who was mailed beside who was held out.
func (s *session) showUplift(u measure.Uplift, counted string) {
	treated, control, d := u.Shares()
	head := []string{"", "CONTACTS", counted, "SHARE", "FROM", "TO"}
	t := s.newTable(head...)
	row := func(name string, g measure.Group, r measure.Range) {
		if g.Of == 0 {
			t.row(name, "0", "0", "", "", "")
			return
		}
		t.row(name, count(g.Of), count(g.Count), pct(r.Value), pct(r.Low), pct(r.High))
	}
	row("mailed", u.Treated, treated)
	row("held out", u.Control, control)
	if u.Treated.Of > 0 && u.Control.Of > 0 {
		t.row("points between", "", "", points(d.Value), points(d.Low), points(d.High))
	}
	t.print()
	if a, b, d, ok := u.Values(); ok {
		s.printf("worth %.2f for each contact who was mailed, %.2f for each held out: %s (%s to %s)\n", a.Value, b.Value,
			measure.Amount(d.Value), measure.Amount(d.Low), measure.Amount(d.High))
	} else if u.Valued && !u.TooFew() {
		s.printf("%s\n", s.faint(fmt.Sprintf("Its worth is told from %d buyers on each side on.", measure.FewValues)))
	}
	if open := u.Treated.Open + u.Control.Open; open > 0 {
		s.printf("%s\n", s.faint(fmt.Sprintf("%s still have time to do it, on both sides alike.", of(open, "contact"))))
	}
	s.printf("%s\n", s.hung(s.said(u), 0))
}

// said is the sentence, in the colour of what it says.
func (s *session) said(u measure.Uplift) string {
	switch u.Verdict() {
	case measure.Works:
		return s.green(u.Sentence())
	case measure.Harms:
		return s.red(s.stdout, u.Sentence())
	}
	return u.Sentence()
}

func (s *session) showSplit(x results.Split) {
	by := measure.Did(x.By) + " within " + x.Within
	s.printf("%s %s  %s\n", s.faint("split"), s.head(x.Split), s.faint("by who "+by+s.since(x.Since)))
	t := s.newTable("ARM", "OF", "DID", "SHARE", "FROM", "TO", "ON THE WAY")
	for _, a := range x.Arms {
		r := a.Share()
		name := a.Name
		if a.Name == x.Winner() {
			name = s.green(a.Name)
		}
		if a.Of == 0 {
			t.row(name, "0", "0", "", "", "", count(a.Open))
			continue
		}
		t.row(name, count(a.Of), count(a.Count), pct(r.Value), pct(r.Low), pct(r.High), count(a.Open))
	}
	t.print()
	for _, l := range x.Looks {
		verdict := "no winner"
		if l.Winner != "" {
			verdict = l.Winner + " has won"
		}
		s.printf("%s\n", s.faint(fmt.Sprintf("look %d, %s: %s", l.Look, s.when(l.At), verdict)))
	}
	s.printf("%s\n", s.hung(x.Sentence(), 0))
}

// pct and points are figures of a column.
func pct(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

func points(d float64) string { return strings.TrimSuffix(measure.Points(d), " points") }
