package simulate

import "slices"

// merge adds up the reports of people who were dealt out to several engines, and
// finds the ranges.
func merge(list []*Report) *Report {
	out := list[0]
	for _, r := range list[1:] {
		out.Contacts += r.Contacts
		for i, d := range r.Days {
			out.Days[i].Sent += d.Sent
			out.Days[i].Skipped += d.Skipped
			out.Days[i].Failed += d.Failed
		}
		for name, c := range r.Campaigns {
			out.Campaigns[name] = out.Campaigns[name].add(c)
		}
		add(out.Stages.Start, r.Stages.Start)
		add(out.Stages.End, r.Stages.End)
		out.Stages.Months = addMonths(out.Stages.Months, r.Stages.Months)
		add(out.Limits, r.Limits)
		add(out.Answers, r.Answers)
		out.Competing = addCompeting(out.Competing, r.Competing)
		out.Marketing.add(r.Marketing)
	}
	if out.Marketing != nil {
		out.Marketing.judge()
	}
	for _, c := range out.Campaigns {
		if c.Goal != nil {
			c.Goal.judge()
		}
	}
	return out
}

func add(to, from map[string]int64) {
	for name, n := range from {
		to[name] += n
	}
}

func (c CampaignReport) add(o CampaignReport) CampaignReport {
	c.Enrolled, c.Control, c.Sent = c.Enrolled+o.Enrolled, c.Control+o.Control, c.Sent+o.Sent
	add(c.Skipped, o.Skipped)
	add(c.Exits, o.Exits)
	add(c.NotEnrolled, o.NotEnrolled)
	add(c.Waited, o.Waited)
	c.Goal.add(o.Goal)
	return c
}

func (g *Goal) add(o *Goal) {
	if g == nil {
		return
	}
	g.Treated.Of, g.Treated.Count = g.Treated.Of+o.Treated.Of, g.Treated.Count+o.Treated.Count
	if g.Control != nil {
		g.Control.Of, g.Control.Count = g.Control.Of+o.Control.Of, g.Control.Count+o.Control.Count
	}
}

func addMonths(a, b []Month) []Month {
	all := map[string]map[[2]string]int64{}
	for _, m := range slices.Concat(a, b) {
		if all[m.Month] == nil {
			all[m.Month] = map[[2]string]int64{}
		}
		for _, way := range m.Moves {
			all[m.Month][[2]string{way.From, way.To}] += way.Count
		}
	}
	return monthsOf(all)
}

// monthsOf are months in order, each with its most frequent moves first.
func monthsOf(all map[string]map[[2]string]int64) []Month {
	out := []Month{}
	for _, month := range sortedKeys(all) {
		m := Month{Month: month}
		for way, n := range all[month] {
			m.Moves = append(m.Moves, Moved{way[0], way[1], n})
		}
		slices.SortFunc(m.Moves, func(a, b Moved) int {
			return compare(b.Count, a.Count, a.From+" "+a.To, b.From+" "+b.To)
		})
		out = append(out, m)
	}
	return out
}

func addCompeting(a, b []Competing) []Competing {
	all := map[[2]string]int64{}
	for _, c := range slices.Concat(a, b) {
		all[c.Campaigns] += c.Contacts
	}
	return competingOf(all)
}

// competingOf is the pairs with the most contacts first.
func competingOf(all map[[2]string]int64) []Competing {
	out := []Competing{}
	for pair, n := range all {
		out = append(out, Competing{pair, n})
	}
	slices.SortFunc(out, func(a, b Competing) int {
		return compare(b.Contacts, a.Contacts, a.Campaigns[0]+" "+a.Campaigns[1], b.Campaigns[0]+" "+b.Campaigns[1])
	})
	return out
}
