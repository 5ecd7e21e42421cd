package faults

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"rapport/internal/engine"
)

// stops are processes that are asked to end. They leave nothing unknown.
func stops() []Scenario {
	return []Scenario{
		{Name: "stop", Short: "SIGTERM to any process", Long: 50, Brief: 4, Callbacks: true, Break: stoppedInTurn},
		{Name: "stop-embedded", Short: "SIGTERM to the one process of an embedded installation", Long: 50, Brief: 3, Embedded: true, Callbacks: true, Break: stoppedInTurn},
		{Name: "rolling", Short: "workers are restarted one after the other, under load", Long: 48, Brief: 6,
			Machines: []string{"scheduler,web", "worker", "worker", "worker"}, Break: rolling},
		{Name: "stop-silent", Short: "SIGTERM to a worker whose mail server is silent, and kill -9 when it waits for that", Long: 20, Brief: 2, Break: stoppedInSilence},
		{Name: "stop-unanswered", Short: "SIGTERM to a worker whose mail server is silent for longer than it may take to stop", Long: 6, Brief: 1, Break: stoppedUnanswered},
		{Name: "suspend", Short: "any process is suspended (SIGSTOP) for some seconds", Long: 50, Brief: 4, Callbacks: true, Break: suspended},
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

// stoppedInSilence asks a worker to end while the server owes it answers, and
// kills it a little later, as those do that start and stop programs.
func stoppedInSilence(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		for range 2 * connections { // of two workers
			t.receiver.arm(trouble{at: "dot", hang: 4 * time.Second, drop: true, keep: t.random.IntN(2) == 0})
		}
		// The other worker has its connections cut in the same moment.
		t.allowed += 2 * connections
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		m := t.one(engine.RoleWorker)
		if err := m.process.signal(syscall.SIGTERM); err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		m.process.kill()
		t.receiver.disarm()
		if err := m.restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stoppedUnanswered asks a worker to end whose server owes it answers for longer than
// that may take. It ends by itself.
func stoppedUnanswered(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		for range 2 * connections { // of two workers
			t.receiver.arm(trouble{at: "dot", hang: 2 * stopLimit, drop: true, keep: t.random.IntN(2) == 0})
		}
		t.allowed += 2 * connections
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		m := t.one(engine.RoleWorker)
		err := m.process.stop(ctx)
		t.receiver.disarm()
		if err != nil {
			return err
		}
		if err := m.restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// suspended stops a process in its tracks for a while.
func suspended(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		m := t.machines[t.random.IntN(len(t.machines))]
		if err := m.process.signal(syscall.SIGSTOP); err != nil {
			return err
		}
		err := pause(ctx, time.Duration(t.random.Int64N(int64(3*time.Second))))
		if err := m.process.signal(syscall.SIGCONT); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}
