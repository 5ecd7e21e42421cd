package faults

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"rapport/internal/engine"
)

// networks are workers that are cut off from the others, and from being told
// that they were given up: two may think that they own the same batch.
func networks() []Scenario {
	return []Scenario{
		{Name: "worker-off-redis", Short: "one of two workers is cut off from Redis", Long: 20, Brief: 3,
			Break: cutOff(func(m *machine) *proxy { return m.redis })},
		{Name: "worker-off-postgres", Short: "one of two workers is cut off from PostgreSQL", Long: 20, Brief: 3,
			Break: cutOff(func(m *machine) *proxy { return m.postgres })},
		{Name: "given-up-cut", Short: "a worker loses PostgreSQL inside a transaction, is given up, and comes back", Long: 3, Brief: 1, Messages: 600, Quick: true,
			Break: givenUp(cutInside, func(m *machine) error { m.postgres.heal(); return nil })},
		{Name: "given-up-suspended", Short: "a worker is suspended (SIGSTOP) until it is given up, and goes on", Long: 3, Brief: 1, Messages: 600, Quick: true,
			Break: givenUp(func(_ context.Context, m *machine) error { return m.process.signal(syscall.SIGSTOP) },
				func(m *machine) error { return m.process.signal(syscall.SIGCONT) })},
	}
}

// cutOff cuts one worker's line for a while, by refusing or by silence.
func cutOff(line func(*machine) *proxy) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		for range t.planned {
			if err := t.moment(ctx); err != nil {
				return err
			}
			p := line(t.one(engine.RoleWorker))
			if t.random.IntN(2) == 0 {
				p.cut()
			} else {
				p.hold()
			}
			err := pause(ctx, time.Duration(t.random.Int64N(int64(3*time.Second))))
			p.heal()
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// givenUp takes a worker away until a scheduler gives it up, and brings it back:
// it must notice, end, and settle what it left when it is started again.
func givenUp(take func(context.Context, *machine) error, bring func(*machine) error) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		for range t.planned {
			if err := t.moment(ctx); err != nil {
				return err
			}
			t.receiver.pace(3) // the other one must not be done before this one is back
			m := t.one(engine.RoleWorker)
			before := t.gaveUp()
			if err := take(ctx, m); err != nil {
				return err
			}
			t.allowed += connections
			err := until(ctx, 3*time.Minute, "a scheduler gives the worker up", func() (bool, string) {
				return t.gaveUp() > before, "nobody was given up"
			})
			if err != nil {
				return err
			}
			if err := bring(m); err != nil {
				return err
			}
			if err := m.noticed(ctx); err != nil {
				return err
			}
			if err := m.restart(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// cutInside has a worker's line to PostgreSQL fall silent when a transaction has
// just locked something.
func cutInside(ctx context.Context, m *machine) error {
	held := m.postgres.holdInside(1 + m.trial.random.IntN(3))
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// gaveUp counts the workers that were given up.
func (t *trial) gaveUp() (n int) {
	for _, m := range t.with(engine.RoleScheduler) {
		n += m.said("gave up a silent worker")
	}
	return n
}

// noticed waits until a worker that was given up has ended for it.
func (m *machine) noticed(ctx context.Context) error {
	err := until(ctx, time.Minute, m.name+" notices that it was given up, and ends", func() (bool, string) {
		return !m.process.running(), "it runs on"
	})
	if err != nil {
		return err
	}
	if m.process.code == 0 {
		return fmt.Errorf("%s was given up and ended with exit code 0", m.name)
	}
	return nil
}
