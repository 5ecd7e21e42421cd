package bench

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rapport/campaigns"
)

// Send measures how fast a campaign leaves.
var Send = Bench{
	Name: "send", Size: 200_000, Run: runSend,
	Short: "how fast a campaign leaves, and what a message costs",
	Long: `Sends one campaign to all contacts: a message of 20 KB with ten variables, a loop,
a condition and 20 tracked links, with every guard on. Then it compares: in short
rounds the engine takes turns with simpler ways of sending the same message to the
same server, because processors change their speed from minute to minute.`,
	Example: `  rapport bench send
  rapport bench send --embedded
  rapport bench send --contacts 20000 --only-engine
  rapport bench send --dkim ed25519 --json`,
}

const (
	// sendConnections are those to a server that is near, where nobody says
	// otherwise: a few carry all that a small machine can make.
	sendConnections = 8
	// To a server that is far away, connections and not the processor bound the
	// rate.
	farConnections = 32
	farLatency     = 5 * time.Millisecond

	rounds = 3  // of engine and baselines in turn
	parts  = 10 // a round mails one of so many parts of the contacts
)

// The campaigns of the bench.
const (
	toAll    = "to-all"
	toFar    = "to-far"
	toSigned = "signed"
)

var (
	roundNear = [rounds]string{"near-1", "near-2", "near-3"}
	roundSink = [rounds]string{"sink-1", "sink-2", "sink-3"}
)

// sending is a send bench at work.
type sending struct {
	*mailHouse
	near, far *receiver
	sink      *postfixSink // nil: not installed
}

func runSend(ctx context.Context, r *Run) error {
	b := &sending{}
	if err := b.install(ctx, r); err != nil {
		return err
	}
	if err := b.serve(ctx, cmp.Or(r.Workers, 1)); err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	all, err := b.send(ctx, toAll, b.near, nil)
	if all != nil && all.messages() > 0 {
		b.figures(all)
	}
	if err != nil || r.OnlyEngine {
		return err
	}
	return b.compare(ctx)
}

// install starts the mail servers and makes an installation that knows them.
func (b *sending) install(ctx context.Context, r *Run) (err error) {
	if b.near, err = r.startReceiver(ReceiverOptions{}); err != nil {
		return err
	}
	connections := cmp.Or(r.Connections, sendConnections)
	near := provider{name: "near", port: b.near.port, connections: connections}
	key, err := dkimKey(r.Dir)
	if err != nil {
		return err
	}
	if r.DKIM != "" {
		near.key = key
	}
	o := shop{providers: []provider{near}, campaigns: []mailing{{name: toAll, sender: "near"}}}
	if !r.OnlyEngine {
		if b.far, err = r.startReceiver(ReceiverOptions{Latency: farLatency}); err != nil {
			return err
		}
		if b.sink, err = r.startPostfixSink(ctx); err != nil {
			return err
		}
		o.providers = append(o.providers, provider{name: "far", port: b.far.port, connections: farConnections},
			provider{name: "signed", port: b.near.port, connections: connections, key: key})
		o.campaigns = append(o.campaigns, mailing{name: toFar, sender: "far", audience: share(r.Size, rounds, parts)}, mailing{name: toSigned, sender: "signed", audience: share(r.Size, rounds+1, parts)})
		for i, name := range roundNear {
			o.campaigns = append(o.campaigns, mailing{name: name, sender: "near", audience: share(r.Size, i, parts)})
		}
	}
	if b.sink != nil {
		o.providers = append(o.providers, provider{name: "sink", port: b.sink.port, connections: connections, key: near.key})
		for i, name := range roundSink {
			o.campaigns = append(o.campaigns, mailing{name: name, sender: "sink", audience: share(r.Size, i, parts)})
		}
	}
	b.mailHouse, err = r.install(ctx, o, r.Size)
	return err
}

// figures writes down what a campaign has cost.
func (in *mailHouse) figures(s *sent) {
	in.Figure("messages received", float64(s.tally.Messages), "")
	in.Figure("copies beyond the first", float64(s.tally.Twice), "")
	in.Figure("lost", float64(s.outcomes[campaigns.Sent]-s.tally.Distinct), "")
	in.Figure("from the start to the last outcome", s.seconds(), "s")
	in.Figure("rate", float64(s.tally.Messages)/s.seconds(), "messages/s")
	in.measured("steady rate, from 10 % to 90 %", s.steady(), "messages/s")
	if !measurable() {
		return
	}
	engine := s.each(func(c cost) spent { return c.engine })
	in.Figure("CPU of the engine", engine, "µs/message")
	if in.postgresPid != 0 {
		postgres := s.each(func(c cost) spent { return c.postgres })
		in.Figure("CPU of PostgreSQL", postgres, "µs/message")
		in.Figure("CPU of engine and PostgreSQL", engine+postgres, "µs/message")
	}
	if in.redisPid != 0 {
		in.Figure("CPU of Redis", s.each(func(c cost) spent { return c.redis }), "µs/message")
	}
	in.Figure("CPU of the receiving server", s.each(func(c cost) spent { return c.receiver }), "µs/message")
	in.Figure("peak memory of an engine process", megabytes(s.after.engine.peak), "MB")
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// measured writes down a figure that could be taken: 0 stands for one that could
// not.
func (r *Run) measured(name string, value float64, unit string) {
	if value > 0 {
		r.Figure(name, value, unit)
	}
}

// compared is one round of engine and baselines, in messages a second.
type compared struct{ engine, raw, plain, sinkEngine, sinkRaw float64 }

// compare takes turns between the engine and the baselines.
func (b *sending) compare(ctx context.Context) error {
	message, err := b.near.first()
	if err != nil {
		return err
	}
	content, err := contentOf(message)
	if err != nil {
		return err
	}
	b.Figure("size of a message", float64(len(message)), "bytes")
	connections := cmp.Or(b.Connections, sendConnections)
	near := &baseline{run: b.Run, port: b.near.port, connections: connections, message: message}
	var list []compared
	for i := range rounds {
		b.Step("comparing", int64(i), rounds)
		var c compared
		if c.raw, err = near.rate(ctx, sendRaw); err != nil {
			return err
		}
		if c.engine, err = b.steady(ctx, roundNear[i], b.near); err != nil {
			return err
		}
		if c.plain, err = near.rate(ctx, content.sendPlain); err != nil {
			return err
		}
		if b.sink != nil {
			b.sink.size = int64(len(message)) + 120 // envelope and dot
			sink := &baseline{run: b.Run, port: b.sink.port, connections: connections, message: message}
			if c.sinkRaw, err = sink.rate(ctx, sendRaw); err != nil {
				return err
			}
			if c.sinkEngine, err = b.steady(ctx, roundSink[i], b.sink); err != nil {
				return err
			}
		}
		list = append(list, c)
	}
	b.ratios(list)
	return b.others(ctx, message)
}

// steady is the steady rate of a campaign, 0 where it was over too soon.
func (b *sending) steady(ctx context.Context, campaign string, v destination) (float64, error) {
	s, err := b.send(ctx, campaign, v, nil)
	if err != nil {
		return 0, err
	}
	return s.steady(), nil
}

// ratios writes down the medians of the rounds.
func (b *sending) ratios(list []compared) {
	middle := func(of func(compared) float64) float64 {
		var values []float64
		for _, c := range list {
			if v := of(c); v > 0 {
				values = append(values, v)
			}
		}
		return median(values)
	}
	share := func(part, whole func(compared) float64) float64 {
		return middle(func(c compared) float64 {
			if whole(c) == 0 {
				return 0
			}
			return part(c) / whole(c)
		})
	}
	engine := func(c compared) float64 { return c.engine }
	raw := func(c compared) float64 { return c.raw }
	plain := func(c compared) float64 { return c.plain }
	sinkEngine := func(c compared) float64 { return c.sinkEngine }
	sinkRaw := func(c compared) float64 { return c.sinkRaw }
	b.measured("in rounds: engine", middle(engine), "messages/s")
	b.measured("in rounds: a plain loop with go-mail", middle(plain), "messages/s")
	b.measured("in rounds: raw SMTP with ready bytes", middle(raw), "messages/s")
	b.measured("engine to a plain loop", share(engine, plain), "×")
	b.measured("engine to raw SMTP", 100*share(engine, raw), "%")
	if b.sink == nil {
		b.Note("smtp-sink is not installed (it comes with Postfix): nothing is compared with it")
		return
	}
	b.measured("in rounds: engine into smtp-sink", middle(sinkEngine), "messages/s")
	b.measured("in rounds: raw SMTP into smtp-sink", middle(sinkRaw), "messages/s")
	b.measured("engine to what smtp-sink takes", 100*share(sinkEngine, sinkRaw), "%")
}

// others sends to a server that is far away, and signed messages.
func (b *sending) others(ctx context.Context, message []byte) error {
	far := &baseline{run: b.Run, port: b.far.port, connections: farConnections, message: message}
	before, err := far.rate(ctx, sendRaw)
	if err != nil {
		return err
	}
	engine, err := b.steady(ctx, toFar, b.far)
	if err != nil {
		return err
	}
	after, err := far.rate(ctx, sendRaw)
	if err != nil {
		return err
	}
	raw, ideal := (before+after)/2, farConnections/farLatency.Seconds()
	b.Note("far away: every reply comes %s late, over %d connections; one message per round trip would be %.0f a second on a machine "+
		"that does nothing else and wakes at once; raw SMTP needs one round trip too and shows what this machine makes of it",
		farLatency, farConnections, ideal)
	b.measured("far away: engine", engine, "messages/s")
	b.measured("far away: raw SMTP with ready bytes", raw, "messages/s")
	b.measured("far away: engine to raw SMTP", 100*engine/raw, "%")
	b.measured("far away: engine to one message per round trip", 100*engine/ideal, "%")
	signed, err := b.send(ctx, toSigned, b.near, nil)
	if err != nil {
		return err
	}
	b.measured("signed with Ed25519: engine", signed.steady(), "messages/s")
	if measurable() {
		b.Figure("signed with Ed25519: CPU of the engine", signed.each(func(c cost) spent { return c.engine }), "µs/message")
	}
	return nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
