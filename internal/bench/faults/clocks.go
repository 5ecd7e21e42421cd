package faults

import (
	"context"
	"time"
)

// clocks are machines whose time somebody sets.
func clocks() []Scenario {
	return []Scenario{
		{Name: "clock-jumps", Short: "the clock of one machine jumps an hour forward or back", Long: 50, Brief: 6, Break: jumps},
		{Name: "clock-jumps-embedded", Short: "the clock jumps an hour forward and back", Long: 50, Brief: 6, Embedded: true, Break: jumps},
	}
}

// jumps sets clocks, each at most an hour off the right time, and right again in
// the end.
func jumps(ctx context.Context, t *trial) error {
	off := make([]time.Duration, len(t.machines))
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		i := t.random.IntN(len(t.machines))
		by := time.Hour
		if off[i] > 0 || off[i] == 0 && t.random.IntN(2) == 0 {
			by = -by
		}
		off[i] += by
		if err := t.machines[i].shift(off[i]); err != nil {
			return err
		}
	}
	for _, m := range t.machines {
		if err := m.shift(0); err != nil {
			return err
		}
	}
	return nil
}
