package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/clock"
)

// Callbacks measures how fast callbacks come in: single signed events and lists
// of 20, each answered only when it is durable, opens, and how soon stages
// follow. The engine runs in processes of its own, as rapport serve; the client
// is this process and speaks HTTP over connections that it keeps.
var Callbacks = Bench{
	Name: "callbacks", Size: wholeCallbacks, Run: runCallbacks,
	Short: "how fast callbacks are taken, and how soon stages follow",
	Long: `Sends signed callbacks over connections that it keeps: single events, then lists
of 20, then opens, then 4,000 events a second of people whose stage they move.
The time is in proportion to the size; at the whole one the first part takes a
minute. In the end every event that was answered must be stored, once.`,
	Example: "  rapport bench callbacks --contacts 20000",
}

// What a bench of the whole size does; smaller ones take less time in
// proportion.
const (
	wholeCallbacks = 200_000 // contacts
	singleTime     = 60 * time.Second
	batchTime      = 15 * time.Second
	openTime       = 10 * time.Second
	steadyTime     = 25 * time.Second
	steadyRate     = 4000 // events a second
	callers        = 256  // connections that send one event at a time
	listCallers    = 16   // connections that send lists
	listLength     = 20
	catchUpTime    = 10 * time.Minute // until a bench gives up waiting for stages
)

func runCallbacks(ctx context.Context, r *Run) (err error) {
	b, err := newCallbackBench(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, phase := range []func(context.Context) error{b.singles, b.lists, b.opens, b.steady, b.count} {
		if err := phase(ctx); err != nil {
			return err
		}
	}
	return nil
}

// callbackBench is a bench of callbacks at work. The first half of the contacts
// takes the load, the second half waits for the part that watches stages.
type callbackBench struct {
	*Run
	*installation
	answered int64 // events that were answered with 200
	failed   int64 // requests that were answered with anything else
}

// scaled is a time in proportion to the size of the bench.
func (b *callbackBench) scaled(whole time.Duration) time.Duration {
	return max(time.Second, whole*time.Duration(b.Report.Size)/wholeCallbacks)
}

func (b *callbackBench) singles(ctx context.Context) error {
	b.Step("single events", 0, 0)
	l := load{address: b.listen, connections: callers, during: b.scaled(singleTime), next: b.orders("one", callers, 1, b.Report.Size/2)}
	return b.run(ctx, "single", l, 1, true)
}

func (b *callbackBench) lists(ctx context.Context) error {
	b.Step("lists of events", 0, 0)
	l := load{address: b.listen, connections: listCallers, during: b.scaled(batchTime), next: b.orders("list", listCallers, listLength, b.Report.Size/2)}
	return b.run(ctx, "batch", l, listLength, true)
}

// run measures one kind of load, and how long the stages take to catch up.
func (b *callbackBench) run(ctx context.Context, name string, l load, events int64, stages bool) error {
	before := b.cpu()
	done, err := l.run(ctx)
	if err != nil {
		return err
	}
	used := b.cpu().since(before)
	n := done.good * events
	b.failed += done.bad
	if done.good == 0 {
		return fmt.Errorf("none of %d requests was taken: %s", done.bad, done.wrong)
	}
	b.Figure(name+" events", float64(n)/done.took.Seconds(), "events/s")
	b.Figure(name+" p50", done.percentile(50).Seconds()*1000, "ms")
	b.Figure(name+" p99", done.percentile(99).Seconds()*1000, "ms")
	b.figureCPU(name, used, n)
	if done.bad > 0 {
		b.Note("%d requests of %s were not taken: %s", done.bad, name, done.wrong)
	}
	if !stages {
		return nil
	}
	b.answered += n
	behind, err := b.store.TouchedWaiting(ctx)
	if err != nil {
		return err
	}
	took, err := b.catchUp(ctx)
	if err != nil {
		return err
	}
	b.Figure(name+" behind at its end", float64(behind), "events")
	b.Figure(name+" stages caught up after", took.Seconds(), "s")
	return nil
}

// catchUp waits until nothing that is new waits to be looked at.
func (b *callbackBench) catchUp(ctx context.Context) (time.Duration, error) {
	begun := clock.System{}.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		waiting, err := b.store.TouchedWaiting(ctx)
		took := clock.System{}.Now().Sub(begun)
		if err != nil || waiting == 0 {
			return took, err
		}
		b.Step("stages catch up", 0, waiting)
		if took > catchUpTime {
			return took, fmt.Errorf("%d contacts still wait to be looked at after %s", waiting, catchUpTime)
		}
		select {
		case <-ctx.Done():
			return took, ctx.Err()
		case <-tick.C:
		}
	}
}

// count looks whether every event that was answered is there, once. Which of the
// requests that got another answer were stored nobody can know.
func (b *callbackBench) count(ctx context.Context) error {
	b.Step("counting", 0, 0)
	totals, err := b.store.Totals(ctx)
	if err != nil {
		return err
	}
	stored := totals.Events[ordered]
	if stored < b.answered || stored > b.answered+b.failed*listLength {
		return fmt.Errorf("%d events were answered and %d are stored", b.answered, stored)
	}
	twice, err := b.store.DoubledEvents(ctx)
	if err != nil {
		return err
	}
	if twice > 0 {
		return fmt.Errorf("%d events are stored twice", twice)
	}
	b.Figure("answered", float64(b.answered), "events")
	b.Figure("lost", 0, "events")
	b.Figure("stored twice", 0, "events")
	return nil
}
