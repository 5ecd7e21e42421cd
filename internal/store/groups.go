package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/measure"
	"rapport/segments"
)

// CompareInput asks for the groups of a comparison within a campaign.
type CompareInput struct {
	Test
	Campaign int64
	Now      time.Time

	// Of a split: what its arms are judged by, and how long they have for answers.
	Split  string
	By     string // campaigns.ByGoal and so on
	Within time.Duration
}

// first restricts enrolments e to those of the test, of each contact the first:
// somebody who comes five times is one person and not five.
func (in *CompareInput) first(b *statement) string {
	part := func(e string) string {
		return e + ".version_id >= " + b.arg(in.Version) + " and " + e + ".started_at >= " + b.arg(ms(in.Since))
	}
	return part("e") + ` and (e.run = 0 or not exists (select 1 from enrolments b where b.contact_id = e.contact_id
		and b.campaign_id = e.campaign_id and b.run < e.run and ` + part("b") + `))`
}

// bounded is a value within what one conversion may be worth: its square fits.
func (*statement) bounded(value string) string {
	most := strconv.FormatFloat(campaigns.MostValue, 'f', 1, 64)
	return "case when " + value + " > " + most + " then " + most + " when " + value + " < -" + most + " then -" + most + " else " + value + " end"
}

// Controls counts who was let into a campaign and who was held out, by assignment:
// everybody counts in the group that chance gave them, whatever was sent to them.
func (s *Store) Controls(ctx context.Context, in CompareInput) (u measure.Uplift, err error) {
	b := s.statement()
	value := "(" + b.bounded("e.value") + ")"
	text := `select case when e.state = 'control' then 1 else 0 end, count(*), count(e.converted_at), coalesce(sum(` + value + `), 0), coalesce(sum(` + value + ` * ` + value + `), 0),
			sum(case when e.goal_until > ` + b.arg(ms(in.Now)) + ` then 1 else 0 end)
		from enrolments e where e.campaign_id = ` + b.arg(in.Campaign) + ` and ` + in.first(b) + ` group by 1`
	err = each(ctx, s.db, text, b.args, func(scan func(...any) error) error {
		var held int
		var g measure.Group
		err := scan(&held, &g.Of, &g.Count, &g.Sum.Total, &g.Sum.Squares, &g.Open)
		if held == 1 {
			u.Control = g
		} else {
			u.Treated = g
		}
		return err
	})
	if err != nil {
		return u, fmt.Errorf("cannot compare with the control group: %w", err)
	}
	return u, nil
}

// Arms counts the contacts of each arm of a split. One counts once its time is
// over, and not as soon as it has done it: else whoever is quick would count, and
// whoever is slow not yet. A goal that was reached before the split is left out:
// no arm has had a part in it.
func (s *Store) Arms(ctx context.Context, in CompareInput) (map[string]measure.Arm, error) {
	b := s.statement()
	now := b.arg(ms(in.Now))
	took := "coalesce(cast(" + b.field("e.data", "took", in.Split) + " as bigint), e.started_at)"
	// A goal that an older version did not have has no end, and is no part of it.
	counts, judged, did := `goal_until is not null and (converted_at is null or converted_at >= took)`, `goal_until <= `+now, `converted_at is not null`
	if in.By != campaigns.ByGoal {
		within, event := b.arg(in.Within.Milliseconds()), b.arg(answers[in.By])
		counts, judged = `true`, `took + `+within+` <= `+now
		did = `exists (select 1 from events v where v.contact_id = a.contact_id and v.name = ` + event + ` and not v.machine
			and v.message_id - (v.message_id & ` + b.arg(ident.Steps-1) + `) = a.id and v.at >= a.took and v.at < a.took + ` + within + `)`
	}
	text := `select arm, coalesce(sum(case when ` + judged + ` then 1 else 0 end), 0), coalesce(sum(case when ` + judged + ` and ` + did + ` then 1 else 0 end), 0),
			coalesce(sum(case when ` + judged + ` then 0 else 1 end), 0)
		from (select e.id, e.contact_id, e.goal_until, e.converted_at, ` + b.field("e.data", "arms", in.Split) + ` as arm, ` + took + ` as took
			from enrolments e where e.campaign_id = ` + b.arg(in.Campaign) + ` and e.state <> 'control' and ` + in.first(b) + `) as a
		where arm is not null and ` + counts + ` group by arm`
	out := map[string]measure.Arm{}
	err := each(ctx, s.db, text, b.args, func(scan func(...any) error) error {
		var a measure.Arm
		err := scan(&a.Name, &a.Of, &a.Count, &a.Open)
		out[a.Name] = a
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count the arms of the split %s: %w", in.Split, err)
	}
	return out, nil
}

// answers are the events that arms are judged by.
var answers = map[string]string{campaigns.ByClicked: contacts.EventClicked, campaigns.ByReplied: contacts.EventReplied}

// ApartInput asks for the contacts who are held out of everything, and for as many
// who are not.
type ApartInput struct {
	Share     float64
	Since     time.Time
	Event     string  // what is counted of both
	Value     string  // the dotted path of its property with a worth, or ""
	Marketing []int64 // the campaigns that mail the one and not the other
}

// Apart is what became of both groups. Count is of contacts who did it at least once.
type Apart struct {
	measure.Uplift
	Events  [2]int64 // how often it was done, treated and held out
	Reached [2]int64 // whom a campaign enrolled, or would have
}

// Apart counts both groups, by assignment: everybody in the two buckets, mailed or
// not. The one that is compared lies at the other end of the same draw, so that
// both can grow without exchanging anybody.
func (s *Store) Apart(ctx context.Context, in ApartInput) (out Apart, err error) {
	held := segments.SampleSQL("c.seed", campaigns.ApartSalt, in.Share)
	treated := "not " + segments.SampleSQL("c.seed", campaigns.ApartSalt, 1-in.Share)
	err = s.db.readMany(ctx, func(q querier) error {
		out = Apart{}
		b := s.statement()
		worth := "0.0"
		if in.Value != "" {
			worth = `cast(` + b.amount("v", in.Value) + ` as double precision) / 1000000`
		}
		since := b.arg(ms(in.Since))
		text := `select g.held, count(*), count(o.n), coalesce(sum(o.n), 0), coalesce(sum(o.value), 0.0), coalesce(sum(o.value * o.value), 0.0),
				sum(case when exists (select 1 from enrolments e where e.contact_id = g.id and e.started_at >= ` + since + ` and ` + b.in("e.campaign_id", in.Marketing) + `) then 1 else 0 end)
			from (select c.id, case when ` + held + ` then 1 else 0 end as held from contacts c where ` + held + ` or ` + treated + `) as g
			left join (select v.contact_id, count(*) as n, sum(` + worth + `) as value from events v where v.name = ` + b.arg(in.Event) + ` and v.at >= ` + since + `
				and not v.machine group by v.contact_id) as o on o.contact_id = g.id group by g.held`
		if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
			var held int
			var g measure.Group
			var events, reached int64
			if err := scan(&held, &g.Of, &g.Count, &events, &g.Sum.Total, &g.Sum.Squares, &reached); err != nil {
				return err
			}
			out.Events[held] = events
			if held == 1 {
				out.Control = g
			} else {
				out.Treated, out.Reached[0] = g, reached
			}
			return nil
		}); err != nil {
			return err
		}
		out.Valued = in.Value != ""
		_, err := one(ctx, q, `select count(distinct contact_id) from refusals where reason = $1 and last_at >= $2`,
			[]any{campaigns.ReasonApart, ms(in.Since)}, &out.Reached[1])
		return err
	})
	if err != nil {
		return out, fmt.Errorf("cannot compare with the control group of the workspace: %w", err)
	}
	return out, nil
}
