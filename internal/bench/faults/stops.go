package faults

import (
	"context"
	"fmt"

	"rapport/internal/engine"
)

// stops are processes that are asked to end. They leave nothing unknown.
func stops() []Scenario {
	return []Scenario{
		{Name: "stop", Short: "SIGTERM to any process", Long: 50, Brief: 4, Callbacks: true, Break: stoppedInTurn},
		{Name: "stop-embedded", Short: "SIGTERM to the one process of an embedded installation", Long: 50, Brief: 3, Embedded: true, Callbacks: true, Break: stoppedInTurn},
		{Name: "rolling", Short: "workers are restarted one after the other, under load", Long: 48, Brief: 6,
			Machines: []string{"scheduler,web", "worker", "worker", "worker"}, Break: rolling},
	}
}

// stoppedInTurn asks any one process at a time to end, and starts it again.
func stoppedInTurn(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		if err := t.machines[t.random.IntN(len(t.machines))].again(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rolling restarts the workers in turn while messages flow.
func rolling(ctx context.Context, t *trial) error {
	workers := t.with(engine.RoleWorker)
	for i := range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		if err := workers[i%len(workers)].again(ctx); err != nil {
			return err
		}
	}
	return nil
}

// again stops a machine's process and starts it anew.
func (m *machine) again(ctx context.Context) error {
	if err := m.process.stop(ctx); err != nil {
		return err
	}
	if err := m.restart(ctx); err != nil {
		return fmt.Errorf("after SIGTERM: %w", err)
	}
	return nil
}
