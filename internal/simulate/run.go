package simulate

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/clock"
	"rapport/internal/engine"
)

// Grain is the smallest step of virtual time: what happens within it happens
// at its end.
const Grain = 10 * time.Minute

// look is how far virtual time jumps at most: refreshes of segments and
// schedules are looked at this often.
const look = time.Hour

// Virtual runs an engine and its world as fast as they can, on a clock that
// jumps to where something happens next, until a moment or the context's end.
// tell is called after each jump.
func Virtual(ctx context.Context, e *engine.Engine, w *World, now *clock.Manual, until time.Time, tell func(time.Time)) error {
	for {
		if err := settle(ctx, e, w, now.Now()); err != nil {
			return err
		}
		tell(now.Now())
		if !now.Now().Before(until) {
			return nil
		}
		next, err := wake(ctx, e, w, now.Now())
		if err != nil {
			return err
		}
		if next.After(until) {
			next = until
		}
		now.Set(next)
	}
}

// settle lets the world and the engine react to each other until both rest.
func settle(ctx context.Context, e *engine.Engine, w *World, now time.Time) error {
	for {
		lived, err := w.Live(ctx, now)
		if err != nil {
			return err
		}
		did, err := e.Settle(ctx)
		if err != nil {
			return err
		}
		if lived+did == 0 {
			return nil
		}
	}
}

// wake is the next moment at which anything happens.
func wake(ctx context.Context, e *engine.Engine, w *World, now time.Time) (time.Time, error) {
	next := now.Add(look)
	earlier := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	earlier(w.Next())
	due, found, err := e.Store.NextDue(ctx)
	if err != nil {
		return next, err
	}
	if found {
		earlier(due)
	}
	if applied := e.Catalog.Current(); applied != nil {
		for _, d := range applied.Workspace.Campaigns {
			if f, ok := d.NextFiring(now, applied.Zone); ok {
				earlier(f.At)
			}
		}
	}
	if least := now.Add(Grain); next.Before(least) {
		next = least
	}
	return next, nil
}

// Result is what a demo came to.
type Result struct {
	Contacts      int64            `json:"contacts"`
	Messages      map[string]int64 `json:"messages"`
	Events        map[string]int64 `json:"events"`
	Stages        map[string]int64 `json:"stages"`
	StageChanges  int64            `json:"stage_changes"`
	Duplicates    int64            `json:"duplicates"`
	SimulatedDays int              `json:"simulated_days"`
	Seconds       float64          `json:"seconds"`
}

// Sum asks the engine what it came to.
func Sum(ctx context.Context, e *engine.Engine) (Result, error) {
	t, err := e.Store.Totals(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("cannot sum up: %w", err)
	}
	return Result{Contacts: t.Contacts, Messages: t.Messages, Events: t.Events, Stages: t.Stages,
		StageChanges: t.StageChanges, Duplicates: e.Box.Counts().Duplicates}, nil
}
