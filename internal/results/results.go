package results

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/measure"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Store is where it is counted.
type Store interface {
	Test(ctx context.Context, n store.TestName) (store.Test, error)
	Looks(ctx context.Context, t store.Test) ([]store.Look, error)
	Arms(ctx context.Context, in store.CompareInput) (map[string]measure.Arm, error)
	Controls(ctx context.Context, in store.CompareInput) (measure.Uplift, error)
	Apart(ctx context.Context, in store.ApartInput) (store.Apart, error)
}

// Campaign is what can be said of one campaign.
type Campaign struct {
	Name    string
	Goal    string
	Value   string   // the property of the goal's event that is worth something, or ""
	Control *Control // nil: it has no control group, or no goal
	Splits  []Split  // in the order of their names
}

// Compares reports whether there is something to compare.
func (c Campaign) Compares() bool { return c.Control != nil || len(c.Splits) > 0 }

// Control is a campaign beside its control group.
type Control struct {
	measure.Uplift
	Share float64 // that is held out
	Since time.Time
}

// Split is a split as it stands.
type Split struct {
	store.Test
	Campaign string
	Split    string // its name
	By       string
	Rule     *measure.Rule // nil: it asks for no winner
	Within   string        // how long an arm has for it: "14d"
	Arms     []measure.Arm // in the order of the file: at this moment, or when the winner was called
	Looks    []store.Look
}

// Winner is the arm that was called, or "".
func (s Split) Winner() string {
	if n := len(s.Looks); n > 0 {
		return s.Looks[n-1].Winner
	}
	return ""
}

// Sentence says how it stands.
func (s Split) Sentence() string {
	if s.Rule == nil {
		return "No winner is asked for: the weights stay."
	}
	if s.Since.IsZero() {
		return "No winner yet: this split was applied before its arms were told apart by version, and is counted from the next apply on."
	}
	return s.Rule.Standing(s.seen(), s.Arms)
}

func (s Split) seen() []measure.Evidence {
	out := make([]measure.Evidence, len(s.Looks))
	for i, l := range s.Looks {
		out[i] = l.Evidence
	}
	return out
}

// Look weighs the arms as they are now; due is false where it is too early, or
// nobody asks, or where they count enrolments of versions that may have said
// something else (store.Test).
func (s Split) Look(now time.Time) (l store.Look, due bool) {
	if s.Rule == nil || s.Winner() != "" || s.Since.IsZero() {
		return l, false
	}
	n := len(s.Looks) + 1
	return store.Look{Evidence: s.Rule.Look(n, s.Arms), At: now}, s.Rule.Due(n, s.Arms)
}

// Of says what can be said of a campaign that was applied; of one that is gone,
// nothing.
func Of(ctx context.Context, s Store, applied *catalog.Applied, name string, now time.Time) (c Campaign, err error) {
	c.Name = name
	d := applied.Workspace.Campaigns[name]
	if d == nil {
		return c, nil
	}
	if d.Goal != nil {
		c.Goal, c.Value = d.Goal.When.String(), d.Goal.Value
	}
	if d.Goal != nil && d.Control > 0 {
		if c.Control, err = control(ctx, s, applied, d, now); err != nil {
			return c, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Splits())) {
		split, err := OfSplit(ctx, s, applied, d, name, now)
		if err != nil {
			return c, err
		}
		c.Splits = append(c.Splits, split)
	}
	return c, nil
}

func control(ctx context.Context, s Store, applied *catalog.Applied, d *campaigns.Definition, now time.Time) (*Control, error) {
	test, err := s.Test(ctx, store.TestName{Campaign: d.Name, Name: campaigns.TestControl})
	if err != nil {
		return nil, err
	}
	u, err := s.Controls(ctx, store.CompareInput{Test: test, Campaign: applied.CampaignID(d.Name), Now: now})
	u.Valued = d.Goal.Value != ""
	return &Control{Uplift: u, Share: d.Control, Since: test.Since}, err
}

// OfSplit says how one split stands.
func OfSplit(ctx context.Context, s Store, applied *catalog.Applied, d *campaigns.Definition, name string, now time.Time) (out Split, err error) {
	split := d.Splits()[name]
	out = Split{Campaign: d.Name, Split: name, By: d.JudgedBy(split)}
	in := store.CompareInput{Campaign: applied.CampaignID(d.Name), Now: now, Split: name, By: out.By}
	within := campaigns.DefaultAnswerWithin
	if w := split.Winner; w != nil {
		out.Rule = &measure.Rule{After: int64(w.After), Certainty: w.Certainty}
		if out.By != campaigns.ByGoal {
			within = w.Within
		}
	}
	if out.By == campaigns.ByGoal {
		if within = d.Goal.Within; within.IsZero() {
			within = campaigns.DefaultGoalWithin
		}
	}
	out.Within, in.Within = within.String(), time.Duration(within.Days)*24*time.Hour+within.Clock
	if out.Test, err = s.Test(ctx, store.TestName{Campaign: d.Name, Name: campaigns.TestOf(name)}); err != nil {
		return out, err
	}
	in.Test = out.Test
	if out.Looks, err = s.Looks(ctx, out.Test); err != nil {
		return out, err
	}
	if out.Winner() != "" {
		// Whoever came later was sent to the winner, and is no part of the test.
		for _, a := range out.Looks[len(out.Looks)-1].Arms {
			a.Open = 0
			out.Arms = append(out.Arms, a)
		}
		return out, nil
	}
	arms, err := s.Arms(ctx, in)
	for _, a := range split.Arms {
		arm := arms[a.Name]
		arm.Name = a.Name
		out.Arms = append(out.Arms, arm)
	}
	return out, err
}

// Whole is all marketing together beside the control group of the workspace.
type Whole struct {
	store.Apart
	workspace.Control
	Since time.Time
}

// All says what all marketing together is worth; nil: nobody is held out of it.
func All(ctx context.Context, s Store, applied *catalog.Applied) (*Whole, error) {
	c := applied.Workspace.Control
	if c == nil {
		return nil, nil
	}
	test, err := s.Test(ctx, store.TestName{Name: campaigns.TestControl})
	if err != nil {
		return nil, err
	}
	in := store.ApartInput{Share: c.Share, Since: test.Since, Event: c.Event, Value: c.Value}
	for name, d := range applied.Workspace.Campaigns {
		if d.Kind != campaigns.Transactional {
			in.Marketing = append(in.Marketing, applied.CampaignID(name))
		}
	}
	slices.Sort(in.Marketing)
	groups, err := s.Apart(ctx, in)
	return &Whole{Apart: groups, Control: *c, Since: test.Since}, err
}

// Everything says what can be said of a workspace: of all marketing together, and
// of each campaign that compares something, in the order of their names.
func Everything(ctx context.Context, s Store, applied *catalog.Applied, now time.Time) (all *Whole, list []Campaign, err error) {
	if all, err = All(ctx, s, applied); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(applied.Workspace.Campaigns)) {
		c, err := Of(ctx, s, applied, name, now)
		if err != nil {
			return nil, nil, err
		}
		if c.Compares() {
			list = append(list, c)
		}
	}
	return all, list, nil
}

// Tests are the comparisons of a workspace with their marks, to be noted when it
// is applied.
func Tests(w *workspace.Workspace) map[store.TestName]string {
	out := map[store.TestName]string{}
	for name, d := range w.Campaigns {
		for test, mark := range d.Tests() {
			out[store.TestName{Campaign: name, Name: test}] = mark
		}
	}
	if w.Control != nil {
		out[store.TestName{Name: campaigns.TestControl}] = strconv.FormatFloat(w.Control.Share, 'f', -1, 64)
	}
	return out
}
