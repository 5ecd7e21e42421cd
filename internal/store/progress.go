package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"rapport/campaigns"
	"rapport/internal/contacts"
)

// Progress is where a campaign stands.
type Progress struct {
	Enrolled  int64 // all who were let in; the control group is not among them
	Active    int64
	Parked    int64
	Finished  int64
	Exited    int64
	Control   int64
	Converted int64 // of those enrolled
	// ConvertedControl is how many of the control group reached the goal unaided.
	ConvertedControl int64

	ExitReasons []ReasonCount // most frequent first
	Refused     int64         // contacts who were not let in at least once
	Refusals    []ReasonCount // most frequent first

	Messages map[campaigns.MessageState]int64
	Answers  Answers
	Steps    []StepProgress // by number
}

// Answers counts messages that people answered in some way, each message once
// for each way; machines do not count.
type Answers struct {
	Delivered, Opened, Clicked, Replied, Bounced, Complained, Unsubscribed int64
}

// StepProgress is what became of the messages of one send step.
type StepProgress struct {
	Number   int
	Template string
	Messages map[campaigns.MessageState]int64
	Answers  Answers
}

// ReasonCount is a reason and how many times it held.
type ReasonCount struct {
	Reason string
	Count  int64
}

// Progress counts where campaigns stand, by campaign: those given, or all.
func (s *Store) Progress(ctx context.Context, ids ...int64) (map[int64]*Progress, error) {
	p := progress{Store: s, only: ids, out: map[int64]*Progress{}}
	for _, count := range []func(context.Context) error{p.enrolments, p.refusals, p.messages, p.answers} {
		if err := count(ctx); err != nil {
			return nil, fmt.Errorf("cannot count the progress of campaigns: %w", err)
		}
	}
	for _, x := range p.out {
		for _, reasons := range [][]ReasonCount{x.ExitReasons, x.Refusals} {
			slices.SortFunc(reasons, func(a, b ReasonCount) int {
				return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
			})
		}
		slices.SortFunc(x.Steps, func(a, b StepProgress) int { return cmp.Compare(a.Number, b.Number) })
	}
	return p.out, nil
}

type progress struct {
	*Store
	only []int64
	out  map[int64]*Progress
}

func (p *progress) of(campaign int64) *Progress {
	x := p.out[campaign]
	if x == nil {
		x = &Progress{Messages: map[campaigns.MessageState]int64{}}
		p.out[campaign] = x
	}
	return x
}

func (x *Progress) step(number int) *StepProgress {
	for i := range x.Steps {
		if x.Steps[i].Number == number {
			return &x.Steps[i]
		}
	}
	x.Steps = append(x.Steps, StepProgress{Number: number, Messages: map[campaigns.MessageState]int64{}})
	return &x.Steps[len(x.Steps)-1]
}

// where is the restriction to the campaigns asked for.
func (p *progress) where(b *statement) string {
	if len(p.only) == 0 {
		return "true"
	}
	return b.in("campaign_id", p.only)
}

// enrolments counts where they stand and why they were left, in one pass.
func (p *progress) enrolments(ctx context.Context) error {
	b := p.statement()
	return each(ctx, p.db, `select campaign_id, state, case when state = 'exited' then reason else '' end, count(*), count(converted_at) from enrolments
		where `+p.where(b)+` group by 1, 2, 3`, b.args,
		func(scan func(...any) error) error {
			var campaign, n, converted int64
			var state campaigns.State
			var reason string
			if err := scan(&campaign, &state, &reason, &n, &converted); err != nil {
				return err
			}
			x := p.of(campaign)
			if state == campaigns.Control {
				x.Control, x.ConvertedControl = n, converted
				return nil
			}
			x.Enrolled += n
			x.Converted += converted
			switch state {
			case campaigns.Active:
				x.Active = n
			case campaigns.Parked:
				x.Parked = n
			case campaigns.Finished:
				x.Finished = n
			case campaigns.Exited:
				x.Exited += n
				x.ExitReasons = append(x.ExitReasons, ReasonCount{reason, n})
			}
			return nil
		})
}

func (p *progress) refusals(ctx context.Context) error {
	b := p.statement()
	if err := each(ctx, p.db, `select campaign_id, reason, count(*) from refusals
		where `+p.where(b)+` group by campaign_id, reason`, b.args,
		func(scan func(...any) error) error {
			var campaign int64
			var r ReasonCount
			err := scan(&campaign, &r.Reason, &r.Count)
			p.of(campaign).Refusals = append(p.of(campaign).Refusals, r)
			return err
		}); err != nil {
		return err
	}
	b = p.statement()
	return each(ctx, p.db, `select campaign_id, count(distinct contact_id) from refusals where `+p.where(b)+` group by campaign_id`, b.args,
		func(scan func(...any) error) error {
			var campaign, n int64
			err := scan(&campaign, &n)
			p.of(campaign).Refused = n
			return err
		})
}

func (p *progress) messages(ctx context.Context) error {
	b := p.statement()
	return each(ctx, p.db, `select campaign_id, id & 1023, state, max(template), count(*) from messages
		where `+p.where(b)+` group by campaign_id, id & 1023, state`, b.args,
		func(scan func(...any) error) error {
			var campaign, n int64
			var number int
			var state campaigns.MessageState
			var template string
			if err := scan(&campaign, &number, &state, &template, &n); err != nil {
				return err
			}
			x := p.of(campaign)
			x.Messages[state] += n
			step := x.step(number)
			step.Template = max(step.Template, template)
			step.Messages[state] += n
			return nil
		})
}

func (p *progress) answers(ctx context.Context) error {
	b := p.statement()
	return each(ctx, p.db, `select campaign_id, message_id & 1023, name, count(distinct message_id) from events
		where message_id <> 0 and not machine and `+p.where(b)+` group by campaign_id, message_id & 1023, name`, b.args,
		func(scan func(...any) error) error {
			var campaign, n int64
			var number int
			var name string
			if err := scan(&campaign, &number, &name, &n); err != nil {
				return err
			}
			x := p.of(campaign)
			x.Answers.add(name, n)
			x.step(number).Answers.add(name, n)
			return nil
		})
}

func (a *Answers) add(name string, n int64) {
	switch name {
	case contacts.EventDelivered:
		a.Delivered += n
	case contacts.EventOpened:
		a.Opened += n
	case contacts.EventClicked:
		a.Clicked += n
	case contacts.EventReplied:
		a.Replied += n
	case contacts.EventBounced:
		a.Bounced += n
	case contacts.EventComplained:
		a.Complained += n
	case contacts.EventUnsubscribed:
		a.Unsubscribed += n
	}
}
