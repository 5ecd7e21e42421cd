package simulate

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/clock"
	"rapport/internal/engine"
)

// Grain is the smallest step of the demo's virtual time: what happens within it
// happens at its end.
const Grain = 10 * time.Minute

// look is how far virtual time jumps at most: refreshes of segments and
// schedules are looked at this often.
const look = time.Hour

// virtual runs an engine and its world as fast as they can, on a clock that
// jumps to where something happens next.
type virtual struct {
	Engine *engine.Engine
	World  *World
	Clock  *clock.Manual
	Grain  time.Duration // the clock only stands at multiples of it
	Until  time.Time
	Tell   func(time.Time) // after each jump
}

func (v *virtual) run(ctx context.Context) error {
	for {
		now := v.Clock.Now()
		if err := settle(ctx, v.Engine, v.World, now); err != nil {
			return err
		}
		v.Tell(now)
		if !now.Before(v.Until) {
			return nil
		}
		next, err := v.next(ctx, now)
		if err != nil {
			return err
		}
		if next.After(v.Until) {
			next = v.Until
		}
		v.Clock.Set(next)
	}
}

// settle lets the world and the engine react to each other until both rest.
func settle(ctx context.Context, e *engine.Engine, w *World, now time.Time) error {
	for first := true; ; first = false {
		lived, err := w.Live(ctx, now)
		if err != nil || lived == 0 && !first {
			return err // the engine rests since the last time
		}
		if _, err := e.Settle(ctx); err != nil {
			return err
		}
	}
}

// next is the next moment at which anything happens, on the grain.
func (v *virtual) next(ctx context.Context, now time.Time) (time.Time, error) {
	next := now.Add(look)
	earlier := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	earlier(v.World.Next())
	due, found, err := v.Engine.Store.NextDue(ctx)
	if err != nil {
		return next, err
	}
	if found {
		earlier(due)
	}
	if applied := v.Engine.Catalog.Current(); applied != nil {
		for _, d := range applied.Workspace.Campaigns {
			if f, ok := d.NextFiring(now, applied.Zone); ok {
				earlier(f.At)
			}
		}
	}
	at := next.Truncate(v.Grain)
	if at.Before(next) || !at.After(now) {
		at = at.Add(v.Grain)
	}
	if !at.After(now) {
		at = now.Truncate(v.Grain).Add(v.Grain)
	}
	return at, nil
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
