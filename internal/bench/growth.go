package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Growth measures whether the rate stays as contacts, processes and limits grow.
var Growth = Bench{
	Name: "growth", Size: 1_000_000, Run: runGrowth,
	Short: "the rate with more contacts, and with more processes",
	Long: `Sends campaigns to everybody while the database grows: 10,000, 100,000, 1,000,000
and 5,000,000 contacts, as far as --contacts goes. Then, on PostgreSQL and Redis,
one, two and four processes send side by side, and four of them keep one rate
limit between them.`,
	Example: `  rapport bench growth
  rapport bench growth --contacts 5000000
  rapport bench growth --contacts 20000 --embedded`,
}

// The limit that four processes keep between them: of a provider, cluster-wide.
const (
	limitRate   = 200 // messages a second
	limitWindow = time.Minute
	limitTime   = 80 * time.Second // how long a whole run takes
)

// processCounts are how many processes send side by side, in this order.
var processCounts = []int{1, 2, 4}

// part of the contacts that is mailed where the rate of processes is measured.
const processPart = 100_000

// growing is a growth bench at work.
type growing struct {
	*mailHouse
	near  *receiver
	steps []growthStep
}

// growthStep is one size of the list.
type growthStep struct {
	size      int64
	campaigns []string // all to everybody
}

func runGrowth(ctx context.Context, r *Run) error {
	b := &growing{steps: growthSteps(r.Size)}
	if err := b.install(ctx, r); err != nil {
		return err
	}
	if err := b.serve(ctx, 1); err != nil {
		return err
	}
	if err := b.sizes(ctx); err != nil {
		return err
	}
	if r.Embedded {
		r.Note("the embedded default is one process: nothing is measured with more")
		return nil
	}
	if err := b.processes(ctx); err != nil {
		return err
	}
	return b.limit(ctx)
}

// growthSteps are the sizes up to n. A small list is mailed often, because one
// campaign is over too soon to be measured well.
func growthSteps(n int64) (steps []growthStep) {
	sizes := []int64{10_000, 100_000, 1_000_000, 5_000_000}
	sizes = slices.DeleteFunc(sizes, func(size int64) bool { return size >= n })
	if len(sizes) == 0 {
		sizes = []int64{max(1, n/10)}
	}
	for _, size := range append(sizes, n) {
		step := growthStep{size: size}
		times := int64(1)
		if n >= 10_000 {
			times = max(1, min(5, 50_000/size))
		}
		for i := range times {
			step.campaigns = append(step.campaigns, fmt.Sprintf("at-%d-%d", size, i+1))
		}
		steps = append(steps, step)
	}
	return steps
}

func (b *growing) install(ctx context.Context, r *Run) (err error) {
	if b.near, err = r.startReceiver(ReceiverOptions{}); err != nil {
		return err
	}
	connections := cmp.Or(r.Connections, sendConnections)
	o := shop{providers: []provider{{name: "near", port: b.near.port, connections: connections},
		{name: "limited", port: b.near.port, connections: connections, rate: strconv.Itoa(limitRate) + "/s"}}}
	for _, step := range b.steps {
		for _, name := range step.campaigns {
			o.campaigns = append(o.campaigns, mailing{name: name, sender: "near"})
		}
	}
	for _, n := range processCounts {
		o.campaigns = append(o.campaigns, mailing{name: processCampaign(n), sender: "near", audience: numbers{0, min(r.Size, processPart)}})
	}
	o.campaigns = append(o.campaigns, mailing{name: "limited", sender: "limited", audience: numbers{0, min(r.Size, int64(limitRate*limitTime.Seconds()))}})
	b.mailHouse, err = r.install(ctx, o, b.steps[0].size)
	return err
}

func processCampaign(n int) string { return fmt.Sprintf("by-%d", n) }

// sizes sends at every size of the list, and beside it raw SMTP, so that a
// slower minute of the machine is not taken for a slower engine.
func (b *growing) sizes(ctx context.Context) error {
	var message []byte
	var rates, costs, ratios []float64
	for _, step := range b.steps {
		if err := b.grow(ctx, step.size); err != nil {
			return err
		}
		if err := b.settle(ctx); err != nil {
			return err
		}
		var rate, cost, ratio []float64
		for _, name := range step.campaigns {
			s, err := b.send(ctx, name, b.near, nil)
			if err != nil {
				return err
			}
			if message == nil {
				if message, err = b.near.first(); err != nil {
					return err
				}
			}
			near := &baseline{run: b.Run, port: b.near.port, connections: sendConnections, message: message}
			raw, err := near.rate(ctx, sendRaw)
			if err != nil {
				return err
			}
			if s.steady() > 0 {
				rate, ratio = append(rate, s.steady()), append(ratio, 100*s.steady()/raw)
			}
			cost = append(cost, s.ours())
		}
		at := fmt.Sprintf("at %d contacts: ", step.size)
		b.measured(at+"steady rate", median(rate), "messages/s")
		b.measured(at+"engine to raw SMTP", median(ratio), "%")
		b.measured(at+"CPU of engine and PostgreSQL", median(cost), "µs/message")
		rates, costs, ratios = append(rates, median(rate)), append(costs, median(cost)), append(ratios, median(ratio))
	}
	b.measured("slowest to fastest of these: steady rate", 100*evenness(rates), "%")
	b.measured("slowest to fastest of these: engine to raw SMTP", 100*evenness(ratios), "%")
	b.measured("cheapest to dearest of these: CPU", 100*evenness(costs), "%")
	b.Note("the sizes were measured one after the other in one database that grew, with the messages of the earlier ones in it")
	return nil
}

// evenness is the smallest of some values as a share of the largest; 0 where one
// could not be measured.
func evenness(values []float64) float64 {
	if len(values) < 2 || slices.Min(values) == 0 {
		return 0
	}
	return slices.Min(values) / slices.Max(values)
}

// processes sends with more and more processes.
func (b *growing) processes(ctx context.Context) error {
	for _, n := range processCounts {
		if err := b.serve(ctx, n); err != nil {
			return err
		}
		s, err := b.send(ctx, processCampaign(n), b.near, nil)
		if err != nil {
			return err
		}
		with := fmt.Sprintf("with %d processes: ", n)
		if n == 1 {
			with = "with one process: "
		}
		b.measured(with+"steady rate", s.steady(), "messages/s")
		b.measured(with+"CPU of engine and PostgreSQL", s.ours(), "µs/message")
	}
	return nil
}

// limit sends with all processes through a provider with a rate.
func (b *growing) limit(ctx context.Context) error {
	s, err := b.send(ctx, "limited", b.near, nil)
	if err != nil {
		return err
	}
	window := limitWindow
	if first, last := s.ends(); last.at.Sub(first.at) < window*5/4 {
		window = last.at.Sub(first.at) * 3 / 4
		b.Note("there were too few contacts to measure a rate over a minute: it was measured over %s", window.Round(time.Millisecond))
	}
	least, most := s.within(window)
	allowed := limitRate * window.Seconds()
	b.Figure(fmt.Sprintf("%d processes limited to %d/s: messages", len(b.engines), limitRate), float64(s.messages()), "")
	b.measured("the most in any such time, to what is allowed", 100*float64(most)/allowed, "%")
	b.measured("the least in any such time, to what is allowed", 100*float64(least)/allowed, "%")
	return nil
}

// ends are the last sample without a message and the first one with all.
func (s *sent) ends() (first, last sample) {
	for _, x := range s.curve {
		if x.messages > 0 {
			break
		}
		first = x
	}
	return first, s.reached(1)
}

// within is how many messages came at least and at most in any time of that
// length between the first and the last message; 0 where it was over sooner.
func (s *sent) within(window time.Duration) (least, most int64) {
	first, last := s.ends()
	from := 0
	for _, to := range s.curve {
		if to.at.Before(first.at.Add(window)) || to.at.After(last.at) {
			continue
		}
		for from+1 < len(s.curve) && !s.curve[from+1].at.After(to.at.Add(-window)) {
			from++
		}
		n := to.messages - s.curve[from].messages
		if least == 0 || n < least {
			least = n
		}
		most = max(most, n)
	}
	return least, most
}
