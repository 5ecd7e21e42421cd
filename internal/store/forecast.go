package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/segments"
)

// What is asked here writes nothing: it tells what would happen.

// StartInput asks whom a campaign's start would reach at some moments.
type StartInput struct {
	Campaign int64       // 0: it was never applied
	Moments  []time.Time // oldest first; at least one
	Audience *segments.Condition
	Exclude  []*segments.Condition
	Topic    string  // whose consent is needed; "" for transactional mail
	Control  string  // salt of the bucket, see campaigns.ControlSalt
	Share    float64 // held out, 0 to 1
	Apart    float64 // held out of everything, 0 to 1
	Reentry  campaigns.ReentryMode
	Before   []time.Time // with ReentryAfter, for each moment: the latest start that no longer counts
	SQL      segments.SQL
	Since    time.Time // contacts created since then are counted by the day on which they came
	Full     []int64   // contacts at a limit
	Sample   *Sample   // ask those only, and count each for many; nil: everybody
}

// Sample is a part of the contacts that stands for all of them: stretches of
// their ids, spread evenly over everybody.
type Sample struct {
	Scale float64 // how many contacts each of the sample stands for
	parts []span
}

// stretches is into how many pieces a sample is cut: contacts who came at the
// same time are alike.
const stretches = 10

// Samples are parts of the contacts; nil where there are not many more.
type Samples struct {
	Most, Few *Sample // Few is taken out of Most
	Newest    *Sample // those since a moment, all of them: their ids are the last, where hardly a stretch lies
}

// SampleContacts takes samples of about so many contacts, and those since a moment.
func (s *Store) SampleContacts(ctx context.Context, most, few int64, since time.Time) (out Samples, err error) {
	err = s.db.readMany(ctx, func(q querier) error {
		out = Samples{}
		var n, fresh int64
		newest := span{after: ident.New(since, 0) - 1}
		if _, err := one(ctx, q, `select count(*), count(case when `+newest.of("id")+` then 1 end) from contacts`, nil, &n, &fresh); err != nil || n < 2*most {
			return err
		}
		if fresh > 0 && fresh < most {
			out.Newest = &Sample{Scale: 1, parts: []span{newest}}
		}
		step, long, short := n/stretches, most/stretches, few/stretches
		middle := (step - long) / 2 // of each part: who came first of all is not like the others
		out.Most, out.Few = &Sample{Scale: float64(n) / float64(long*stretches)}, &Sample{Scale: float64(n) / float64(short*stretches)}
		var first int64
		return each(ctx, q, `select n % $1, id from (select id, row_number() over (order by id) - 1 - $5 as n from contacts) as ranked
			where n >= 0 and n < $2 and n % $1 in (0, $3, $4) order by n`, []any{step, step * stretches, short - 1, long - 1, middle}, func(scan func(...any) error) error {
			var place, id int64
			err := scan(&place, &id)
			switch place {
			case 0:
				first = id
			case short - 1:
				out.Few.parts = append(out.Few.parts, span{after: first - 1, last: id})
			case long - 1:
				out.Most.parts = append(out.Most.parts, span{after: first - 1, last: id})
			}
			return err
		})
	})
	if err != nil {
		return Samples{}, fmt.Errorf("cannot take a sample of the contacts: %w", err)
	}
	return out, nil
}

// What a start does with a contact whom it reaches.
const (
	ReachEnrols     = "enrols"
	ReachControl    = "control"
	ReachApart      = "held out of everything"
	ReachIn         = "already in"
	ReachBefore     = "was in before"
	ReachSuppressed = "suppressed"
	ReachExcluded   = "excluded"
	ReachNoConsent  = "no consent"
)

// Reached counts contacts who are the same in all that matters.
type Reached struct {
	Moment  int // the first of the moments at which the contact is in the audience and may come
	Verdict string
	Full    bool // it was sent as much as a limit allows
	Age     int  // days since Since at which it was created; -1: before
	Count   int64
}

// Reach counts whom a start would reach, with the verdict on each. Conditions are
// asked of what is known now, as of each moment.
func (s *Store) Reach(ctx context.Context, in StartInput) (out []Reached, err error) {
	parts, scale := []span{{}}, 1.0
	if in.Sample != nil {
		parts, scale = in.Sample.parts, in.Sample.Scale
	}
	counts := map[Reached]int64{}
	err = s.db.readMany(ctx, func(q querier) error {
		clear(counts)
		for _, part := range parts { // one at a time: then each reads its own part of every index
			if err := s.reach(ctx, q, in, part, counts); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count whom a campaign would reach: %w", err)
	}
	for r, n := range counts {
		r.Count = int64(float64(n)*scale + 0.5)
		out = append(out, r)
	}
	return out, nil
}

func (s *Store) reach(ctx context.Context, q querier, in StartInput, part span, counts map[Reached]int64) error {
	b := s.statement()
	bound := func(string) string { return "true" }
	if part != (span{}) {
		bound = part.of
		in.SQL.Bound = bound
	}
	first, where := in.first(b)
	again := "0"
	if in.Reentry == campaigns.ReentryAfter {
		var text strings.Builder
		for i, before := range in.Before {
			fmt.Fprintf(&text, " when e.last <= %s then %d", b.arg(ms(before)), i)
		}
		again = "case when e.last is null then 0" + text.String() + " end"
	}
	text := `select first, again, verdict, at_limit, age, count(*) from (
		select ` + first + ` as first, ` + again + ` as again, ` + in.verdict(b) + ` as verdict, ` + in.full(b) + ` as at_limit, case when c.created_at < ` + b.arg(ms(in.Since)) + ` then -1 else (c.created_at - ` + b.arg(ms(in.Since)) + `) / 86400000 end as age
		from contacts c left join (select contact_id, max(started_at) as last, max(case when ended_at is null then 1 else 0 end) as running
				from enrolments where campaign_id = ` + b.arg(in.Campaign) + ` and ` + bound("contact_id") + ` group by contact_id) as e on e.contact_id = c.id
			left join consents k on k.contact_id = c.id and k.state = 'given' and k.topic = ` + b.arg(in.Topic) + `
		where not c.erased and ` + bound("c.id") + ` and ` + where + ` limit -1 offset 0) as reached where first is not null group by 1, 2, 3, 4, 5`
	if s.dialect == segments.Postgres { // the same fence, in its own words
		text = strings.Replace(text, "limit -1 offset 0", "offset 0", 1)
	}
	if len(in.Moments) == 1 { // nothing to keep apart
		text = strings.NewReplacer("limit -1 offset 0", "", "offset 0", "").Replace(text)
	}
	return each(ctx, q, text, b.args, func(scan func(...any) error) error {
		var r Reached
		var again *int
		var n int64
		if err := scan(&r.Moment, &again, &r.Verdict, &r.Full, &r.Age, &n); err != nil {
			return err
		}
		switch {
		case again == nil:
			r.Verdict = ReachBefore
		case r.Verdict == ReachEnrols || r.Verdict == ReachControl:
			r.Moment = max(r.Moment, *again)
		}
		counts[r] += n
		return nil
	})
}

// first is the first moment at which the audience holds, and what restricts the
// contacts. A condition that asks the same at every moment is asked once.
func (in *StartInput) first(b *statement) (first, where string) {
	if in.Audience == nil {
		return "0", "true"
	}
	var ways []string
	var text strings.Builder
	for i, m := range in.Moments {
		alone := *in
		alone.SQL.Dialect, alone.SQL.Now, alone.SQL.Args = b.dialect, m, nil
		way := in.Audience.SQL(&alone.SQL)
		if key := fmt.Sprint(way, alone.SQL.Args); len(ways) == 0 || key != ways[len(ways)-1] {
			ways = append(ways, key)
			compiled := b.condition(in.SQL, in.Audience, m)
			fmt.Fprintf(&text, " when %s then %d", compiled, i)
			where = compiled
		}
	}
	if len(ways) == 1 {
		return "0", where
	}
	return "case" + text.String() + " end", "true"
}

// condition compiles a condition as of a moment.
func (b *statement) condition(p segments.SQL, c *segments.Condition, now time.Time) string {
	p.Dialect, p.Now, p.Args = b.dialect, now, b.args
	text := c.SQL(&p)
	b.args = p.Args
	return "(" + text + ")"
}

// verdict is what becomes of a contact, in the order in which admitting asks.
func (in *StartInput) verdict(b *statement) string {
	var text strings.Builder
	when := func(condition, verdict string) { fmt.Fprintf(&text, " when %s then '%s'", condition, verdict) }
	if in.Reentry != campaigns.ReentryRestart {
		when("e.running = 1", ReachIn)
	}
	if in.Topic == "" {
		when("c.suppressed <> '"+contacts.ReasonUnsubscribedAll+"'", ReachSuppressed)
	} else {
		when("c.suppressed is not null", ReachSuppressed)
		when("k.contact_id is null", ReachNoConsent)
	}
	for _, c := range in.Exclude {
		when(b.condition(in.SQL, c, in.Moments[0]), ReachExcluded)
	}
	if in.Reentry == campaigns.ReentryNever {
		when("e.contact_id is not null", ReachBefore)
	}
	if in.Apart > 0 {
		when(segments.SampleSQL("c.seed", campaigns.ApartSalt, in.Apart), ReachApart)
	}
	if in.Share > 0 {
		when(segments.SampleSQL("c.seed", in.Control, in.Share), ReachControl)
	}
	return "case" + text.String() + " else '" + ReachEnrols + "' end"
}

func (in *StartInput) full(b *statement) string {
	if len(in.Full) == 0 {
		return "false"
	}
	return b.in("c.id", in.Full)
}

// Standing counts enrolments that stand on the same step until the same day.
type Standing struct {
	Campaign, Version int64
	State             campaigns.State
	Position          string
	Day               int // of the days asked for, when they go on; -1: an outcome moves them
	Count             int64
}

// Standings counts where the enrolments stand that are not over. Days end at the
// moments given; what is due after the last one has the day len(ends).
func (s *Store) Standings(ctx context.Context, ends []time.Time) (out []Standing, err error) {
	b := s.statement()
	text := `select campaign_id, version_id, state, position, ` + b.day("due_at", ends) + `, count(*) from enrolments
		where ended_at is null and state in ('active', 'parked') group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`
	err = s.db.readMany(ctx, func(q querier) error {
		out = nil
		return each(ctx, q, text, b.args, func(scan func(...any) error) error {
			var x Standing
			err := scan(&x.Campaign, &x.Version, &x.State, &x.Position, &x.Day, &x.Count)
			out = append(out, x)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count those on their way: %w", err)
	}
	return out, nil
}

// day is the number of the day that a moment lies in, -1 where there is none.
func (b *statement) day(column string, ends []time.Time) string {
	var text strings.Builder
	for i, end := range ends {
		fmt.Fprintf(&text, " when %s < %s then %d", column, b.arg(ms(end)), i)
	}
	return fmt.Sprintf("case when %s is null then -1%s else %d end", column, text.String(), len(ends))
}

// WaitingMail counts queued messages by campaign and the day on which they may go.
func (s *Store) WaitingMail(ctx context.Context, ends []time.Time) (out map[int64]map[int]int64, err error) {
	b := s.statement()
	out = map[int64]map[int]int64{}
	err = each(ctx, s.db, `select campaign_id, `+b.day("not_before", ends)+`, cast(sum(open_count) as bigint) from batches
		where open_count > 0 group by 1, 2`, b.args, func(scan func(...any) error) error {
		var campaign, n int64
		var day int
		if err := scan(&campaign, &day, &n); err != nil {
			return err
		}
		if out[campaign] == nil {
			out[campaign] = map[int]int64{}
		}
		out[campaign][day] += n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count the mail that waits: %w", err)
	}
	return out, nil
}

// AtLimit lists the contacts who were sent, or are being sent, at least so many
// messages since a moment, those of some campaigns left out.
func (s *Store) AtLimit(ctx context.Context, most int, since time.Time, without []int64) (out []int64, err error) {
	err = s.db.readMany(ctx, func(q querier) error {
		out = nil
		b := s.statement()
		where := `state in ('sent', 'sending', 'unknown') and coalesce(decided_at, claimed_at, created_at) >= ` + b.arg(ms(since))
		if len(without) > 0 {
			where += ` and not (` + b.in("campaign_id", without) + `)`
		}
		return each(ctx, q, `select contact_id from messages where `+where+` group by contact_id having count(*) >= `+b.arg(most), b.args,
			func(scan func(...any) error) error {
				var id int64
				err := scan(&id)
				out = append(out, id)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count who is at a limit: %w", err)
	}
	return out, nil
}

// StartedSince counts the enrolments that began since a moment, by campaign; the
// control group is not among them.
func (s *Store) StartedSince(ctx context.Context, since time.Time) (out map[int64]int64, err error) {
	err = s.db.readMany(ctx, func(q querier) error {
		out = map[int64]int64{}
		return each(ctx, q, `select campaign_id, count(*) from enrolments where started_at >= $1 and state <> 'control' group by campaign_id`, []any{ms(since)},
			func(scan func(...any) error) error {
				var campaign, n int64
				err := scan(&campaign, &n)
				out[campaign] = n
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count who started lately: %w", err)
	}
	return out, nil
}

// FirstDays is the first day on which mail left through each provider that warms up.
func (s *Store) FirstDays(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	err := each(ctx, s.db, `select provider, min(day) from provider_days where sent > 0 group by provider`, nil, func(scan func(...any) error) error {
		var provider, day string
		err := scan(&provider, &day)
		out[provider] = day
		return err
	})
	return out, err
}
