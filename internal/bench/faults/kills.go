package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rapport/internal/engine"
)

// kills are processes that end without a warning, and machines that never come
// back.
func kills() []Scenario {
	return []Scenario{
		{Name: "kill-worker", Short: "kill -9 of a worker", Long: 50, Brief: 4, Break: killed(engine.RoleWorker)},
		{Name: "kill-scheduler", Short: "kill -9 of one of two schedulers", Long: 50, Brief: 4,
			Machines: []string{"scheduler", "scheduler", "web", "worker"}, Break: killed(engine.RoleScheduler)},
		{Name: "kill-web", Short: "kill -9 of the web process under callbacks", Long: 50, Brief: 4, Callbacks: true, Break: killed(engine.RoleWeb)},
		{Name: "kill-all", Short: "kill -9 of all processes at once, under callbacks", Long: 50, Brief: 3, Callbacks: true, Break: killedTogether},
		{Name: "kill-embedded", Short: "kill -9 of the one process of an embedded installation, under callbacks", Long: 50, Brief: 4,
			Embedded: true, Callbacks: true, Break: killedTogether},
		{Name: "lose-disk", Short: "a worker is killed and never comes back, nor does its disk", Long: 1, Brief: 1, Messages: 600, Quick: true, Break: lost},
	}
}

// killed kills a process of a role at random moments, and starts it again.
func killed(role string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		for range t.planned {
			if err := t.moment(ctx); err != nil {
				return err
			}
			m := t.one(role)
			m.process.kill()
			if role == engine.RoleWorker {
				t.allowed += connections
			}
			if err := m.restart(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// killedTogether kills all processes at the same time, and starts them again.
func killedTogether(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		for _, m := range t.machines {
			_ = m.process.cmd.Process.Kill() // waited for below
		}
		for _, m := range t.machines {
			m.process.kill()
		}
		t.allowed += connections * len(t.with(engine.RoleWorker))
		for _, m := range t.machines {
			if err := m.restart(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost kills a worker and takes its disk away. Another goes on; what the dead
// one had claimed is all that may be unknown.
func lost(ctx context.Context, t *trial) error {
	if err := t.moment(ctx); err != nil {
		return err
	}
	t.receiver.pace(10) // so that whoever has claimed something still has it
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	m := t.busiest()
	m.process.kill()
	m.gone = true
	if err := os.RemoveAll(m.disk()); err != nil {
		return err
	}
	t.receiver.pace(0)
	// When nothing else is left to send, what is still being sent is what the
	// dead worker had.
	held := -1
	if err := t.quiet(ctx, &held); err != nil {
		return err
	}
	t.allowed += held
	const most = 4 * 200 // batches at work at once, and what one claims at most
	if held > most {
		return fmt.Errorf("the dead worker held %d messages, more than the %d of its batches", held, most)
	}
	return nil
}

// busiest is the worker that has written its journal last: it is sending.
func (t *trial) busiest() *machine {
	var best *machine
	var latest time.Time
	for _, m := range t.with(engine.RoleWorker) {
		files, _ := filepath.Glob(filepath.Join(m.disk(), "journal", "*", "*.journal")) // the pattern is a constant
		for _, name := range files {
			if info, err := os.Stat(name); err == nil && (best == nil || info.ModTime().After(latest)) {
				best, latest = m, info.ModTime()
			}
		}
	}
	if best == nil {
		return t.one(engine.RoleWorker)
	}
	return best
}

// quiet waits until the number of messages being sent has stood still for three
// seconds in which nothing arrived.
func (t *trial) quiet(ctx context.Context, sending *int) error {
	const still = 3 * time.Second
	since, arrived := t.clock.Now(), int64(-1)
	return until(ctx, 2*time.Minute, "nothing but the dead worker's messages is being sent", func() (bool, string) {
		state, err := t.ledger.totals(ctx)
		if err != nil {
			return false, err.Error()
		}
		now := t.clock.Now()
		if n := state.messages["sending"]; n != *sending || t.receiver.taken.Load() != arrived {
			*sending, arrived, since = n, t.receiver.taken.Load(), now
		}
		return now.Sub(since) > still, state.String()
	})
}
