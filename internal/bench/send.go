package bench

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// Send measures how fast a campaign leaves.
var Send = Bench{Name: "send", Short: "how fast a campaign leaves, and what a message costs", Size: 200_000, Run: runSend}

// sendConnections are those of the provider where nobody says otherwise: a few
// carry all that two cores can make when the server is near (docs/performance.md).
const sendConnections = 8

func runSend(ctx context.Context, r *Run) error {
	s, err := r.services(ctx)
	if err != nil {
		return err
	}
	v, err := r.startReceiver(ReceiverOptions{})
	if err != nil {
		return err
	}
	in, err := r.install(ctx, s, setup{contacts: r.Size, dkim: r.DKIM != "",
		shop: shop{campaigns: 1, port: v.port, connections: cmp.Or(r.Connections, sendConnections)}})
	if err != nil {
		return err
	}
	if err := in.serve(ctx, cmp.Or(r.Workers, 1)); err != nil {
		return err
	}
	if err := in.settle(ctx); err != nil {
		return err
	}
	sent, err := in.send(ctx, 0, v, nil)
	if err != nil {
		return err
	}
	in.figures(sent)
	return sent.check()
}

// figures writes down what a campaign has cost.
func (in *installation) figures(s *sent) {
	n := float64(s.tally.Messages)
	in.Figure("messages received", n, "")
	in.Figure("from the start to the last outcome", s.seconds(), "s")
	in.Figure("rate", n/s.seconds(), "messages/s")
	in.Figure("steady rate", s.steady(), "messages/s")
	in.Figure("copies beyond the first", float64(s.tally.Twice), "")
	in.Figure("lost", float64(s.outcomes[campaigns.Sent]-s.tally.Distinct), "")
	if !measurable() || n == 0 {
		return
	}
	each := func(of func(cost) usage) float64 {
		return float64((of(s.after).cpu - of(s.before).cpu).Microseconds()) / n
	}
	engine := each(func(c cost) usage { return c.engine })
	in.Figure("CPU of the engine", engine, "µs/message")
	if in.postgresPid != 0 {
		postgres := each(func(c cost) usage { return c.postgres })
		in.Figure("CPU of PostgreSQL", postgres, "µs/message")
		in.Figure("CPU of engine and PostgreSQL", engine+postgres, "µs/message")
	}
	if in.redisPid != 0 {
		in.Figure("CPU of Redis", each(func(c cost) usage { return c.redis }), "µs/message")
	}
	in.Figure("CPU of the receiving server", each(func(c cost) usage { return c.receiver }), "µs/message")
	in.Figure("peak memory of an engine process", float64(s.after.engine.peak)/(1<<20), "MB")
}

// cost is what a campaign has cost each part of the machine.
type cost struct{ engine, postgres, redis, receiver usage }

func (in *installation) cost(v *receiver) cost {
	pids := make([]int, len(in.engines))
	for i, p := range in.engines {
		pids[i] = p.pid()
	}
	c := cost{engine: usageOf(pids...), receiver: usageOf(v.pid())}
	if in.postgresPid != 0 {
		c.postgres = treeUsage(in.postgresPid)
	}
	if in.redisPid != 0 {
		c.redis = usageOf(in.redisPid)
	}
	return c
}

// sample is how many messages the receiver had at a moment.
type sample struct {
	at       time.Time
	messages int64
}

// sent is a campaign that was sent.
type sent struct {
	enrolled int64
	fired    time.Time // when the campaign started
	settled  time.Time // when the last outcome was recorded
	ended    time.Time // when the last enrolment had ended too
	curve    []sample
	before   cost
	after    cost
	outcomes map[campaigns.MessageState]int64
	tally    Tally
}

// stillTime is how long nothing may happen before a run has failed.
const stillTime = 2 * time.Minute

// send lets a campaign start and waits until everything about it is recorded.
// watch, where it is not nil, is called with every sample.
func (in *installation) send(ctx context.Context, campaign int, v *receiver, watch func(sample)) (*sent, error) {
	known, err := in.store.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	if err := v.reset(); err != nil {
		return nil, err
	}
	id := known[campaignName(campaign)].ID
	if err := in.move(ctx, campaign, store.Running, store.Paused); err != nil {
		return nil, err
	}
	s := &sent{}
	err = poll(ctx, 5*time.Millisecond, func() (bool, error) {
		firings, err := in.store.RecentFirings(ctx, id, 1)
		return len(firings) > 0, err
	})
	if err != nil {
		return nil, err
	}
	s.fired, s.before = in.Clock.Now(), in.cost(v)
	if err := in.watch(ctx, s, id, v, watch); err != nil {
		return nil, err
	}
	s.after = in.cost(v)
	progress, err := in.store.Progress(ctx, id)
	if err != nil {
		return nil, err
	}
	s.outcomes = progress[id].Messages
	s.tally, err = v.tally()
	return s, err
}

// watch follows a campaign to its end.
func (in *installation) watch(ctx context.Context, s *sent, campaign int64, v *receiver, watch func(sample)) error {
	moved := s.fired // when something was seen to happen
	done := false    // the audience is complete
	return poll(ctx, 50*time.Millisecond, func() (bool, error) {
		counts, err := v.counts()
		if err != nil {
			return false, err
		}
		now := in.Clock.Now()
		last := sample{now, counts.Messages}
		if n := len(s.curve); n == 0 || s.curve[n-1].messages != last.messages {
			moved = now
		}
		s.curve = append(s.curve, last)
		if watch != nil {
			watch(last)
		}
		in.Step("sending", counts.Messages, s.enrolled)
		if !done {
			firings, err := in.store.RecentFirings(ctx, campaign, 1)
			if err != nil || len(firings) == 0 {
				return false, err
			}
			s.enrolled, done = firings[0].Enrolled, firings[0].State == "done"
		}
		// The database is asked only when the end is near, or nothing comes.
		if !done || counts.Messages < s.enrolled && now.Sub(moved) < time.Second {
			return false, in.alive()
		}
		p, err := in.store.Pending(ctx, now)
		if err != nil {
			return false, err
		}
		if !p.Open && !p.Batches && (counts.Messages >= s.enrolled || !p.Enrolments) {
			if s.settled.IsZero() {
				s.settled = now
			}
			if !p.Enrolments {
				s.ended = now
				return true, nil
			}
		}
		if now.Sub(moved) > stillTime && s.settled.IsZero() {
			return false, fmt.Errorf("nothing has come for %s: %d of %d messages were received; rapport serve said: %s",
				stillTime, counts.Messages, s.enrolled, in.engines[0].output)
		}
		return false, in.alive()
	})
}

// seconds is how long it took from the start to the last outcome.
func (s *sent) seconds() float64 { return s.settled.Sub(s.fired).Seconds() }

// steady is the rate between the tenth and the ninetieth percent of the
// messages, in messages a second; 0 where it was over too soon.
func (s *sent) steady() float64 {
	if len(s.curve) == 0 {
		return 0
	}
	total := s.curve[len(s.curve)-1].messages
	var from, to sample
	for _, x := range s.curve {
		if from.at.IsZero() && 10*x.messages >= total {
			from = x
		}
		if to.at.IsZero() && 10*x.messages >= 9*total {
			to = x
		}
	}
	if span := to.at.Sub(from.at).Seconds(); span > 0 {
		return float64(to.messages-from.messages) / span
	}
	return 0
}

// check is an error when a message was lost or came twice.
func (s *sent) check() error {
	all := int64(0)
	for _, n := range s.outcomes {
		all += n
	}
	recorded := s.outcomes[campaigns.Sent]
	switch {
	case s.tally.Twice > 0:
		return fmt.Errorf("%d messages came more than once, such as %v", s.tally.Twice, s.tally.Examples)
	case s.tally.Unnamed > 0:
		return fmt.Errorf("%d messages came without an X-Rapport-Id", s.tally.Unnamed)
	case s.tally.Distinct != recorded:
		return fmt.Errorf("%d messages are recorded as sent and %d have come", recorded, s.tally.Distinct)
	case all != s.enrolled || recorded != all:
		return fmt.Errorf("%d contacts were enrolled, and the outcomes are %v", s.enrolled, s.outcomes)
	}
	return nil
}
