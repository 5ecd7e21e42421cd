package simulate

import (
	"context"
	"maps"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/measure"
	"rapport/internal/results"
	"rapport/internal/store"
)

// Report is what a simulation came to.
type Report struct {
	From      string                    `json:"from"`
	Seed      uint64                    `json:"seed"`
	Contacts  int64                     `json:"contacts"`
	Days      []Day                     `json:"days"`
	Campaigns map[string]CampaignReport `json:"campaigns"`
	Stages    StageReport               `json:"stages"`
	// Limits counts messages that had to wait, by what they waited for.
	Limits    map[string]int64 `json:"limits"`
	Competing []Competing      `json:"competing"`
	// Marketing is what all campaigns together do, beside the control group of the
	// workspace; nil: there is none.
	Marketing *Goal            `json:"marketing,omitempty"`
	Answers   map[string]int64 `json:"answers"`
}

// Day is the mail of a day, in the company's zone.
type Day struct {
	Date    string `json:"date"`
	Sent    int64  `json:"sent"`
	Skipped int64  `json:"skipped"`
	Failed  int64  `json:"failed"`
}

// CampaignReport is how a campaign went.
type CampaignReport struct {
	Enrolled    int64            `json:"enrolled"` // those held out not among them
	Control     int64            `json:"control"`
	Sent        int64            `json:"sent"`
	Skipped     map[string]int64 `json:"skipped"`
	Exits       map[string]int64 `json:"exits"`
	NotEnrolled map[string]int64 `json:"not_enrolled"`
	Waited      map[string]int64 `json:"waited"` // messages, by what they waited for
	Goal        *Goal            `json:"goal"`   // nil: the campaign has none
}

// Goal is how many reached a campaign's goal, of those in it and of those held
// out: contacts, each counted once.
type Goal struct {
	Treated Share          `json:"treated"`
	Control *Share         `json:"control"` // nil: nobody was held out
	Uplift  *measure.Range `json:"uplift"`  // difference of the two shares; nil without control
}

// Share is a part of a whole, with its range.
type Share struct {
	Of    int64 `json:"of"`
	Count int64 `json:"count"`
	measure.Range
}

// judge fills in the shares and their difference. The ranges say how far chance
// among so many people goes, and nothing about how right the model of their
// answers is.
func (g *Goal) judge() {
	g.Treated.Range = measure.Share(g.Treated.Count, g.Treated.Of)
	if g.Control == nil {
		return
	}
	g.Control.Range = measure.Share(g.Control.Count, g.Control.Of)
	if g.Control.Of == 0 || g.Treated.Of == 0 {
		return
	}
	uplift := measure.Difference(g.Treated.Range, g.Control.Range)
	g.Uplift = &uplift
}

// StageReport is how many stand where, and how they moved.
type StageReport struct {
	Start  map[string]int64 `json:"start"`
	End    map[string]int64 `json:"end"`
	Months []Month          `json:"months"`
}

// Month is the moves on the ladder in a month.
type Month struct {
	Month string  `json:"month"` // 2026-03
	Moves []Moved `json:"moves"`
}

// Moved is how many moves went from one stage to another.
type Moved struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Count int64  `json:"count"`
}

// Competing is two campaigns that mailed the same contacts within a week.
type Competing struct {
	Campaigns [2]string `json:"campaigns"`
	Contacts  int64     `json:"contacts"`
}

// competingWithin is how near each other two mails compete.
const competingWithin = 7 * day

// report gathers a Report.
type report struct {
	Simulation
	*lab
	zone         *time.Location
	start, until time.Time
	holds        *holds
	out          Report
}

// begin notes where everybody stands before the first day.
func (r *report) begin(ctx context.Context) (err error) {
	r.out.Stages.Start, err = r.stages(ctx)
	return err
}

func (r *report) stages(ctx context.Context) (map[string]int64, error) {
	ladder, err := r.Store.Ladder(ctx)
	out := map[string]int64{}
	for _, stage := range r.Catalog.Current().Relationship.Stages() {
		out[stage] = 0
	}
	for _, c := range ladder {
		if c.Stage != "" {
			out[c.Stage] += c.Count
		}
	}
	return out, err
}

func (r *report) end(ctx context.Context) (*Report, error) {
	out := &r.out
	out.From, out.Seed = r.From.String(), r.Seed
	out.Campaigns, out.Limits = map[string]CampaignReport{}, map[string]int64{}
	applied := r.Catalog.Current()
	for name, d := range applied.Workspace.Campaigns {
		c := CampaignReport{Skipped: map[string]int64{}, Exits: map[string]int64{}, NotEnrolled: map[string]int64{}, Waited: map[string]int64{}}
		if d.Goal != nil {
			c.Goal = &Goal{}
			if d.Control > 0 {
				c.Goal.Control = &Share{}
			}
		}
		out.Campaigns[name] = c
	}
	totals, err := r.Store.Totals(ctx)
	if err != nil {
		return nil, err
	}
	out.Contacts, out.Answers = totals.Contacts, totals.Events
	maps.DeleteFunc(out.Answers, func(name string, _ int64) bool { return strings.HasPrefix(name, "contact.") })
	if out.Stages.End, err = r.stages(ctx); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{r.mail, r.moves, r.courses} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	for h, campaign := range r.holds.campaigns {
		out.Limits[h.reason]++
		out.Campaigns[applied.Name(campaign)].Waited[h.reason]++
	}
	return out, nil
}

// mail counts the ledger by day and campaign, and finds who competes.
func (r *report) mail(ctx context.Context) error {
	days := map[calendar.Date]*Day{}
	for d := r.From; d.At(0, r.zone).Before(r.until); d = d.AddDays(1) {
		r.out.Days = append(r.out.Days, Day{Date: d.String()})
	}
	for i, d := 0, r.From; i < len(r.out.Days); i, d = i+1, d.AddDays(1) {
		days[d] = &r.out.Days[i]
	}
	pairs := pairs{of: map[[2]string]int64{}}
	applied := r.Catalog.Current()
	err := r.Store.EachSettled(ctx, func(l storeLine) {
		name := applied.Name(l.Campaign)
		c := r.out.Campaigns[name]
		d := days[calendar.Of(l.At, r.zone)]
		if d == nil {
			d = &Day{} // the last midnight
		}
		switch campaigns.MessageState(l.State) {
		case campaigns.Sent:
			c.Sent++
			d.Sent++
			pairs.add(l.Contact, name, l.At)
		case campaigns.Skipped:
			c.Skipped[reasonClass(l.Reason)]++
			d.Skipped++
		case campaigns.Failed:
			d.Failed++
		}
		r.out.Campaigns[name] = c
	})
	r.out.Competing = competingOf(pairs.of)
	return err
}

// moves counts the changes of stage by month.
func (r *report) moves(ctx context.Context) error {
	months := map[string]map[[2]string]int64{}
	err := r.Store.EachMove(ctx, func(c contacts.StageChange) {
		if c.Kind != "stage" || c.At.Before(r.start) {
			return
		}
		month := c.At.In(r.zone).Format("2006-01")
		if months[month] == nil {
			months[month] = map[[2]string]int64{}
		}
		months[month][[2]string{c.From, c.To}]++
	})
	r.out.Stages.Months = monthsOf(months)
	return err
}

// worth counts who reached the goals, by assignment and each contact once.
func (r *report) worth(ctx context.Context) error {
	applied := r.Catalog.Current()
	for name, c := range r.out.Campaigns {
		if c.Goal == nil {
			continue
		}
		u, err := r.Store.Controls(ctx, store.CompareInput{Test: store.Test{Since: r.start}, Campaign: applied.CampaignID(name), Now: r.until})
		if err != nil {
			return err
		}
		c.Goal.Treated.Of, c.Goal.Treated.Count = u.Treated.Of, u.Treated.Count
		if c.Goal.Control != nil {
			c.Goal.Control.Of, c.Goal.Control.Count = u.Control.Of, u.Control.Count
		}
	}
	all, err := results.All(ctx, r.Store, applied)
	if all != nil {
		r.out.Marketing = &Goal{Treated: Share{Of: all.Treated.Of, Count: all.Treated.Count}, Control: &Share{Of: all.Apart.Control.Of, Count: all.Apart.Control.Count}}
	}
	return err
}

// courses counts how enrolments went.
func (r *report) courses(ctx context.Context) error {
	applied := r.Catalog.Current()
	list, err := r.Store.Courses(ctx, r.start)
	if err != nil {
		return err
	}
	for _, course := range list {
		name := applied.Name(course.Campaign)
		c := r.out.Campaigns[name]
		if course.State == string(campaigns.Control) {
			c.Control += course.Enrolled
		} else {
			c.Enrolled += course.Enrolled
		}
		if course.State == string(campaigns.Exited) {
			c.Exits[course.Reason] += course.Enrolled
		}
		r.out.Campaigns[name] = c
	}
	if err := r.worth(ctx); err != nil {
		return err
	}
	refused, err := r.Store.Refusals(ctx)
	for _, x := range refused {
		r.out.Campaigns[applied.Name(x.Campaign)].NotEnrolled[x.Reason] += x.Count
	}
	return err
}
