package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/calendar"
	"rapport/internal/simulate"
	"rapport/internal/workspace"
)

// showSimulation draws what a simulation came to.
func (a *app) showSimulation(w *workspace.Workspace, r *simulate.Report) {
	var sent int64
	for _, d := range r.Days {
		sent += d.Sent
	}
	a.printf("%s\n", a.head(fmt.Sprintf("%s from %s, %s, seed %d: %s", of(len(r.Days), "day"), r.From, of(r.Contacts, "contact"), r.Seed, of(sent, "mail"))))
	a.showDays(r.Days)
	a.showLadder(w.Relationship.Stages(), r.Stages)
	a.showCampaigns(r.Campaigns)
	a.showMarketing(r.Marketing)
	a.showLimits(r)
	a.printf("\n%s\n", a.faint(a.hung("Answers are those of a model. Ranges hold with 95 %, as far as chance among so many contacts goes.", 0)))
}

// mostBars is how many days are drawn one by one; more are drawn by the week.
const mostBars = 45

func (a *app) showDays(days []simulate.Day) {
	what := "Mail per day"
	if len(days) > mostBars {
		what, days = "Mail per week, from", weeks(days)
	}
	a.printf("\n%s\n", a.head(what))
	var most int64 = 1
	for _, d := range days {
		most = max(most, d.Sent)
	}
	width := int64(max(10, min(50, a.columns()-40)))
	for _, d := range days {
		bar := (d.Sent*width + most - 1) / most
		line := fmt.Sprintf("  %s  %s%s %8s", weekday(d.Date), a.cyan(strings.Repeat("█", int(bar))), strings.Repeat(" ", int(width-bar)), count(d.Sent))
		if d.Skipped > 0 {
			line += a.faint(fmt.Sprintf("  %s skipped", count(d.Skipped)))
		}
		if d.Failed > 0 {
			line += "  " + a.yellow(count(d.Failed)+" failed")
		}
		a.printf("%s\n", line)
	}
}

// weekday is a date with its day of the week.
func weekday(date string) string {
	d, err := calendar.ParseDate(date)
	if err != nil {
		return date
	}
	return date + " " + d.Weekday().String()[:3]
}

// weeks adds up days, seven at a time.
func weeks(days []simulate.Day) (out []simulate.Day) {
	for chunk := range slices.Chunk(days, 7) {
		week := simulate.Day{Date: chunk[0].Date}
		for _, d := range chunk {
			week.Sent, week.Skipped, week.Failed = week.Sent+d.Sent, week.Skipped+d.Skipped, week.Failed+d.Failed
		}
		out = append(out, week)
	}
	return out
}

func (a *app) showLadder(stages []string, s simulate.StageReport) {
	a.printf("\n%s\n", a.head("Ladder"))
	t := a.newTable("", "START", "END", "")
	for _, name := range slices.Backward(stages) {
		change := s.End[name] - s.Start[name]
		t.row("  "+name, count(s.Start[name]), count(s.End[name]), signed(change))
	}
	t.print()
	for _, m := range s.Months {
		var moves []string
		for _, way := range m.Moves[:min(len(m.Moves), 8)] {
			moves = append(moves, fmt.Sprintf("%s → %s %s", way.From, way.To, count(way.Count)))
		}
		if rest := len(m.Moves) - len(moves); rest > 0 {
			moves = append(moves, fmt.Sprintf("%d more ways", rest))
		}
		a.printf("%s\n", a.hung("  "+a.faint(m.Month)+"  "+strings.Join(moves, ", "), len("  2006-01  ")))
	}
}

func signed(n int64) string {
	if n > 0 {
		return "+" + count(n)
	}
	if n == 0 {
		return ""
	}
	return count(n)
}

// showMarketing shows what all campaigns do, beside the control group of the
// workspace.
func (a *app) showMarketing(g *simulate.Goal) {
	if g == nil || g.Uplift == nil {
		return
	}
	a.printf("\n%s\n  %s of %s who may be mailed did it, and %s of %s held out: %+.1f points (%+.1f to %+.1f)\n", a.head("All marketing"), share(g.Treated.Value),
		of(g.Treated.Of, "contact"), share(g.Control.Value), count(g.Control.Of), 100*g.Uplift.Value, 100*g.Uplift.Low, 100*g.Uplift.High)
}

// wideCampaigns is how many columns the whole table of campaigns takes.
const wideCampaigns = 110

// showCampaigns shows what each campaign came to; on a narrow terminal in two
// tables, because a range that is cut off says nothing.
func (a *app) showCampaigns(all map[string]simulate.CampaignReport) {
	a.printf("\n%s\n", a.head("Campaigns"))
	t := a.newTable("", "ENROLLED", "CONTROL", "MAIL", "WAITED", "SKIPPED", "GOAL", "UPLIFT")
	worth := t
	if a.isTerminal(a.stdout) && a.columns() < wideCampaigns {
		t, worth = a.newTable(t.heads[:6]...), a.newTable("", "GOAL", "UPLIFT")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		goal, uplift := "", ""
		if c.Goal != nil && c.Goal.Treated.Of > 0 {
			goal = fmt.Sprintf("%s (%s to %s)", share(c.Goal.Treated.Value), share(c.Goal.Treated.Low), share(c.Goal.Treated.High))
			if u := c.Goal.Uplift; u != nil {
				uplift = fmt.Sprintf("%+.1f points (%+.1f to %+.1f)", 100*u.Value, 100*u.Low, 100*u.High)
			}
		}
		cells := []string{"  " + name, count(c.Enrolled), count(c.Control), count(c.Sent), count(total(c.Waited)), count(total(c.Skipped))}
		switch {
		case worth == t:
			cells = append(cells, goal, uplift)
		case goal != "":
			worth.row("  "+name, goal, uplift)
		}
		t.row(cells...)
	}
	t.drop("CONTROL", "SKIPPED", "WAITED", "UPLIFT")
	t.print()
	if worth != t && len(worth.rows) > 0 {
		a.printf("\n")
		worth.drop("UPLIFT")
		worth.print()
	}
}

func share(x float64) string { return fmt.Sprintf("%.1f%%", 100*x) }

func total(m map[string]int64) (n int64) {
	for _, x := range m {
		n += x
	}
	return n
}

func (a *app) showLimits(r *simulate.Report) {
	if len(r.Limits) > 0 {
		a.printf("\n%s\n", a.head("What mail waited for"))
		t := a.newTable()
		reasons := slices.SortedFunc(maps.Keys(r.Limits), func(x, y string) int {
			return cmp.Or(cmp.Compare(r.Limits[y], r.Limits[x]), strings.Compare(x, y))
		})
		for _, reason := range reasons {
			t.row("  "+plain(reason), count(r.Limits[reason]))
		}
		t.print()
	}
	if len(r.Competing) == 0 {
		return
	}
	a.printf("\n%s\n", a.head("Campaigns that mailed the same contacts within a week"))
	t := a.newTable()
	for _, c := range r.Competing[:min(len(r.Competing), 10)] {
		t.row("  "+c.Campaigns[0]+" and "+c.Campaigns[1], of(c.Contacts, "contact"))
	}
	t.print()
}
