package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// Memory measures what a large campaign takes.
var Memory = Bench{
	Name: "memory", Size: 1_000_000, Run: runMemory,
	Short: "how much memory a campaign to very many takes",
	Long: `Sends one campaign to all contacts and watches the resident memory of every
process of the engine on the way: it must not grow with the list.`,
	Example: `  rapport bench memory
  rapport bench memory --contacts 100000
  rapport bench memory --embedded --json`,
}

func runMemory(ctx context.Context, r *Run) error {
	if !measurable() {
		return errors.New("this system does not tell how much memory a process has: run it on Linux")
	}
	v, err := r.startReceiver(ReceiverOptions{})
	if err != nil {
		return err
	}
	in, err := r.install(ctx, shop{
		providers: []provider{{name: "near", port: v.port, connections: cmp.Or(r.Connections, sendConnections)}},
		campaigns: []mailing{{name: toAll, sender: "near"}},
	}, r.Size)
	if err != nil {
		return err
	}
	if err := in.serve(ctx, cmp.Or(r.Workers, 1)); err != nil {
		return err
	}
	if err := in.settle(ctx); err != nil {
		return err
	}
	r.Figure("before the campaign", megabytes(in.memory().now), "MB")
	var curve []memorySample
	s, err := in.send(ctx, toAll, v, func(at sample) {
		curve = append(curve, memorySample{at.messages, in.memory().now})
	})
	if err != nil {
		return err
	}
	last := int64(0)
	for _, part := range []int64{10, 50, 100} {
		last = most(curve, last, s.messages()*part/100, func(bytes int64) {
			r.Figure(fmt.Sprintf("the most until %d %% were sent", part), megabytes(bytes), "MB")
		})
	}
	r.Figure("peak of any engine process in its life", megabytes(s.after.engine.peak), "MB")
	r.Figure("messages received", float64(s.tally.Messages), "")
	r.Figure("copies beyond the first", float64(s.tally.Twice), "")
	r.measured("steady rate, from 10 % to 90 %", s.steady(), "messages/s")
	return nil
}

// memory is that of the engine's largest process.
func (in *mailHouse) memory() spent { return usageOf(in.pids()...) }

// memorySample is how large the largest process was when so many messages had
// come.
type memorySample struct{ messages, bytes int64 }

// most tells the largest sample between two counts of messages, and returns the
// later one.
func most(curve []memorySample, from, to int64, tell func(int64)) int64 {
	largest := int64(0)
	for _, s := range curve {
		if s.messages >= from && s.messages <= to {
			largest = max(largest, s.bytes)
		}
	}
	if largest > 0 {
		tell(largest)
	}
	return to
}
