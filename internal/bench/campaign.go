package bench

import (
	"context"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// destination is a mail server that campaigns are sent to.
type destination interface {
	reset() error
	counts() (Counts, error) // of messages and bytes since the reset
	tally() (Tally, error)   // the zero Tally where copies are not counted
	pid() int
	portOf() int
}

// cost is what each part of the machine has used.
type cost struct{ engine, postgres, redis, receiver spent }

func (in *mailHouse) cost(v destination) cost {
	c := cost{engine: usageOf(in.pids()...), receiver: usageOf(v.pid())}
	if in.postgresPid != 0 {
		c.postgres = treeUsage(in.postgresPid)
	}
	if in.redisPid != 0 {
		c.redis = usageOf(in.redisPid)
	}
	return c
}

// sample is how many messages a destination had at a moment.
type sample struct {
	at       time.Time
	messages int64
}

// sent is a campaign that was sent.
type sent struct {
	enrolled int64
	fired    time.Time // when the campaign started
	settled  time.Time // when the last outcome was recorded
	curve    []sample
	before   cost // when it started
	after    cost // when the last enrolment had ended too
	outcomes map[campaigns.MessageState]int64
	counted  bool // the destination counts copies
	tally    Tally
}

// stillTime is how long nothing may happen before a run has failed.
const stillTime = 2 * time.Minute

// askEvery is how often the destination is asked for its counts.
const askEvery = 50 * time.Millisecond

// send lets a campaign start and waits until everything about it is recorded.
// watch, where it is not nil, is called with every sample.
func (in *mailHouse) send(ctx context.Context, campaign string, v destination, watch func(sample)) (*sent, error) {
	known, err := in.store.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	if err := v.reset(); err != nil {
		return nil, err
	}
	id := known[campaign].ID
	if err := in.move(ctx, campaign, store.Running, store.Paused); err != nil {
		return nil, err
	}
	s := &sent{}
	err = poll(ctx, 5*time.Millisecond, func() (bool, error) {
		firings, err := in.store.RecentFirings(ctx, id, 1)
		if err == nil && len(firings) == 0 {
			err = in.alive()
		}
		return len(firings) > 0, err
	})
	if err != nil {
		return nil, err
	}
	s.fired, s.before = in.Clock.Now(), in.cost(v)
	if err := in.follow(ctx, s, id, v, watch); err != nil {
		return nil, err
	}
	s.after = in.cost(v)
	progress, err := in.store.Progress(ctx, id)
	if err != nil {
		return nil, err
	}
	if p := progress[id]; p != nil {
		s.outcomes = p.Messages
	}
	if s.tally, err = v.tally(); err != nil {
		return nil, err
	}
	_, s.counted = v.(*receiver)
	return s, s.check(campaign)
}

// follow watches a campaign to its end.
func (in *mailHouse) follow(ctx context.Context, s *sent, campaign int64, v destination, watch func(sample)) error {
	moved := s.fired // when something was seen to happen
	complete := false
	return poll(ctx, askEvery, func() (bool, error) {
		counts, err := v.counts()
		if err != nil {
			return false, err
		}
		now := in.Clock.Now()
		if n := len(s.curve); n == 0 || s.curve[n-1].messages != counts.Messages {
			moved = now
		}
		s.curve = append(s.curve, sample{now, counts.Messages})
		if watch != nil {
			watch(sample{now, counts.Messages})
		}
		in.Step("sending", counts.Messages, s.enrolled)
		if !complete {
			firings, err := in.store.RecentFirings(ctx, campaign, 1)
			if err != nil || len(firings) == 0 {
				return false, err
			}
			s.enrolled, complete = firings[0].Enrolled, firings[0].State == "done"
		}
		// The database is asked only when the end is near, or nothing comes.
		near := 100*counts.Messages >= 99*s.enrolled || now.Sub(moved) > time.Second
		if !complete || !near {
			return false, in.alive()
		}
		p, err := in.store.Pending(ctx, now)
		if err != nil {
			return false, err
		}
		if s.settled.IsZero() && !p.Open && !p.Batches && (counts.Messages >= s.enrolled || !p.Enrolments) {
			s.settled = now
		}
		if !s.settled.IsZero() && !p.Enrolments {
			return true, nil
		}
		if now.Sub(moved) > stillTime {
			return false, fmt.Errorf("nothing has come for %s: %d of %d messages were received; rapport serve said: %s",
				stillTime, counts.Messages, s.enrolled, in.engines[0].output)
		}
		return false, in.alive()
	})
}

// seconds is how long it took from the start to the last outcome.
func (s *sent) seconds() float64 { return s.settled.Sub(s.fired).Seconds() }

// messages is how many were sent.
func (s *sent) messages() int64 { return s.outcomes[campaigns.Sent] }

// steady is the rate between the tenth and the ninetieth percent of the
// messages, in messages a second; 0 where that was too short to be measured.
func (s *sent) steady() float64 {
	from, to := s.reached(0.1), s.reached(0.9)
	if span := to.at.Sub(from.at); span >= 2*askEvery {
		return float64(to.messages-from.messages) / span.Seconds()
	}
	return 0
}

// reached is the first sample with that share of all messages.
func (s *sent) reached(share float64) sample {
	if len(s.curve) == 0 {
		return sample{}
	}
	last := s.curve[len(s.curve)-1]
	for _, x := range s.curve {
		if float64(x.messages) >= share*float64(last.messages) {
			return x
		}
	}
	return last
}

// each is what a message has cost one part of the machine, in µs of CPU.
func (s *sent) each(of func(cost) spent) float64 {
	used := of(s.after).cpu - of(s.before).cpu
	return float64(used.Microseconds()) / float64(s.messages())
}

// ours is what a message has cost the engine and PostgreSQL, in µs of CPU.
func (s *sent) ours() float64 {
	return s.each(func(c cost) spent { return spent{cpu: c.engine.cpu + c.postgres.cpu} })
}

// check is an error when a message was lost or came twice.
func (s *sent) check(campaign string) error {
	all := int64(0)
	for _, n := range s.outcomes {
		all += n
	}
	switch {
	case s.tally.Twice > 0:
		return fmt.Errorf("%d messages of %s came more than once, such as %v", s.tally.Twice, campaign, s.tally.Examples)
	case s.tally.Unnamed > 0:
		return fmt.Errorf("%d messages of %s came without an X-Rapport-Id", s.tally.Unnamed, campaign)
	case s.counted && s.tally.Distinct != s.messages():
		return fmt.Errorf("of %s %d messages are recorded as sent and %d have come", campaign, s.messages(), s.tally.Distinct)
	case all != s.enrolled || s.messages() != all:
		return fmt.Errorf("%d contacts were enrolled in %s, and the outcomes are %v", s.enrolled, campaign, s.outcomes)
	}
	return nil
}
