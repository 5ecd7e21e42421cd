package scheduler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/measure"
	"rapport/internal/results"
	"rapport/internal/store"
)

// How soon a split is looked for again: at least an hour later, for to count its
// arms goes through the campaign, and at most a day.
const (
	winnersEvery = time.Hour
	winnersLate  = 24 * time.Hour
)

// testKey is a split in a version.
type testKey struct {
	campaign, split string
	version         int64
}

// Winners calls the winners of splits, by one elected scheduler. Who comes to the
// split from then on takes the arm that was called.
func (s *Scheduler) Winners(ctx context.Context, m moment) (did int, err error) {
	if !s.weighed.IsZero() && m.now.Sub(s.weighed) < winnersEvery {
		return 0, nil
	}
	s.weighed = m.now
	var asked bool
	for _, d := range m.applied.Workspace.Campaigns {
		asked = asked || asksForWinner(d)
	}
	if !asked {
		return 0, nil
	}
	held, err := s.Store.Lease(ctx, "winners", s.ID, m.now, m.now.Add(2*winnersEvery))
	if err != nil || !held {
		return 0, err
	}
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(m.applied.Workspace.Campaigns)) {
		d := m.applied.Workspace.Campaigns[name]
		if status := m.applied.Campaigns[name].Status; status != store.Running && status != store.Paused {
			continue
		}
		for _, split := range slices.Sorted(maps.Keys(d.Splits())) {
			called, err := s.weigh(ctx, m, d, split)
			if err != nil {
				failed = append(failed, fmt.Errorf("campaign %s: %w", name, err))
			}
			did += called
		}
	}
	if did > 0 {
		_, err := s.Catalog.Refresh(ctx)
		failed = append(failed, err)
	}
	return did, errors.Join(failed...)
}

func asksForWinner(d *campaigns.Definition) bool {
	for _, s := range d.Splits() {
		if s.Winner != nil {
			return true
		}
	}
	return false
}

// weigh looks at one split, when it is time. It returns 1 when a winner was called.
func (s *Scheduler) weigh(ctx context.Context, m moment, d *campaigns.Definition, name string) (called int, err error) {
	key := testKey{d.Name, name, m.applied.ID}
	if d.Splits()[name].Winner == nil || m.now.Before(s.weighs[key]) {
		return 0, nil
	}
	split, err := results.OfSplit(ctx, s.Store, m.applied, d, name, m.now)
	if err != nil {
		return 0, err
	}
	if split.Winner() != "" {
		s.weighs[key] = m.now.Add(winnersLate)
		return 0, nil
	}
	look, due := split.Look(m.now)
	if !due {
		s.weighs[key] = m.now.Add(again(*split.Rule, split, m.now))
		return 0, nil
	}
	saved, err := s.Store.SaveLook(ctx, split.Test, look)
	if err != nil || !saved {
		return 0, err
	}
	if look.Winner == "" {
		s.Log.Info("a split was looked at, and has no winner yet", "campaign", d.Name, "split", name, "look", look.Look, "leader", look.Leader, "doubt", look.Doubt)
		return 0, nil
	}
	s.Log.Info("a split has a winner", "campaign", d.Name, "split", name, "winner", look.Winner, "look", look.Look, "doubt", look.Doubt)
	return 1, nil
}

// again is when to count again: after half of the time that what is missing takes
// at the pace so far; while nobody counts yet, after an eighth of the test's age.
func again(rule measure.Rule, s results.Split, now time.Time) time.Duration {
	needed := rule.Needed(len(s.Looks) + 1)
	fewest := measure.Smallest(s.Arms)
	if s.Since.IsZero() {
		return winnersEvery
	}
	age := float64(now.Sub(s.Since))
	wait := age / 8
	if fewest > 0 {
		wait = age / float64(fewest) * float64(needed-fewest) / 2
	}
	return time.Duration(min(float64(winnersLate), max(float64(winnersEvery), wait)))
}
