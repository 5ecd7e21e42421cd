package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// Control measures how soon people get what they ask for while very much is sent.
var Control = Bench{
	Name: "control", Size: 200_000, Run: runControl,
	Short: "how soon a pause takes effect, and who waits behind whom",
	Long: `Sends a campaign to all contacts through one provider. In the middle of it a small
campaign starts, through the same provider and for the same sender; then the large
one is paused, resumed, and stopped, each by the command that people use. A moment
is counted from when that command has answered.`,
	Example: `  rapport bench control
  rapport bench control --contacts 50000 --json`,
}

// control is a control bench at work.
type control struct {
	*mailHouse
	near *receiver
	few  int64 // contacts of the small campaigns
}

const (
	toFew      = "to-few"       // while the large one is sent
	toFewFirst = "to-few-first" // while nothing is
	look       = 5 * time.Millisecond
	// quiet is how long nothing may come until a campaign counts as silent.
	quiet = 2 * time.Second
)

func runControl(ctx context.Context, r *Run) (err error) {
	b := &control{few: max(10, min(1000, r.Size/20))}
	if b.near, err = r.startReceiver(ReceiverOptions{}); err != nil {
		return err
	}
	o := shop{
		providers: []provider{{name: "near", port: b.near.port, connections: cmp.Or(r.Connections, sendConnections)}},
		campaigns: []mailing{{name: toAll, sender: "near"},
			{name: toFew, sender: "near", audience: numbers{0, b.few}}, {name: toFewFirst, sender: "near", audience: numbers{b.few, 2 * b.few}}},
	}
	if b.mailHouse, err = r.install(ctx, o, r.Size); err != nil {
		return err
	}
	if err := b.serve(ctx, cmp.Or(r.Workers, 1)); err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	alone, err := b.small(ctx, toFewFirst)
	if err != nil {
		return err
	}
	if err := b.near.reset(); err != nil {
		return err
	}
	if err := b.move(ctx, toAll, store.Running, store.Paused); err != nil {
		return err
	}
	if err := b.come(ctx, r.Size/10); err != nil {
		return err
	}
	beside, err := b.small(ctx, toFew)
	if err != nil {
		return err
	}
	r.Figure("messages of the small campaign", float64(b.few), "")
	r.Figure("small campaign alone: from its start to its last outcome", alone.Seconds(), "s")
	r.Figure("small campaign behind a large one: the same", beside.Seconds(), "s")
	if err := b.holds(ctx); err != nil {
		return err
	}
	t, err := b.near.tally()
	if err == nil && t.Twice > 0 {
		err = fmt.Errorf("%d messages came more than once, such as %v", t.Twice, t.Examples)
	}
	return err
}

// holds pauses, resumes and stops the large campaign.
func (b *control) holds(ctx context.Context) error {
	if err := b.say(ctx, "pause"); err != nil {
		return err
	}
	last, more, err := b.silence(ctx)
	if err != nil {
		return err
	}
	b.Figure("paused: from the command's answer to the last message", last.Seconds(), "s")
	b.Figure("paused: messages that came after its answer", float64(more), "")

	before, err := b.near.counts()
	if err != nil {
		return err
	}
	if before.Messages >= b.Size+b.few {
		return errors.New("the campaign was over before it could be paused: take more contacts")
	}
	if err := b.say(ctx, "resume"); err != nil {
		return err
	}
	from := b.Clock.Now()
	if err := b.come(ctx, before.Messages+1); err != nil {
		return err
	}
	b.Figure("resumed: from the command's answer to the next message", b.Clock.Now().Sub(from).Seconds(), "s")
	if err := b.come(ctx, min(before.Messages+b.Size/10, b.Size)); err != nil {
		return err
	}
	if err := b.say(ctx, "stop"); err != nil {
		return err
	}
	if last, more, err = b.silence(ctx); err != nil {
		return err
	}
	b.Figure("stopped: from the command's answer to the last message", last.Seconds(), "s")
	b.Figure("stopped: messages that came after its answer", float64(more), "")
	return nil
}

// say runs rapport campaigns with a word for the large campaign.
func (b *control) say(ctx context.Context, word string) error {
	arguments := []string{"--dir", b.dir, "campaigns", word, toAll}
	if word == "stop" {
		arguments = append(arguments, "--yes")
	}
	c := exec.CommandContext(ctx, b.Program, arguments...)
	c.Env = environment(b.variables()...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("rapport campaigns %s: %w: %s", word, err, out)
	}
	return nil
}

// small starts a small campaign and tells how long it took until all its outcomes
// were recorded.
func (b *control) small(ctx context.Context, campaign string) (took time.Duration, err error) {
	known, err := b.store.Campaigns(ctx)
	if err != nil {
		return 0, err
	}
	id := known[campaign].ID
	from := b.Clock.Now()
	if err := b.move(ctx, campaign, store.Running, store.Paused); err != nil {
		return 0, err
	}
	err = b.until(ctx, func() (bool, error) {
		progress, err := b.store.Progress(ctx, id)
		took = b.Clock.Now().Sub(from)
		if err != nil || progress[id] == nil {
			return false, err
		}
		return progress[id].Messages[campaigns.Sent] == b.few, nil
	})
	return took, err
}

// come waits until so many messages have come.
func (b *control) come(ctx context.Context, n int64) error {
	return b.until(ctx, func() (bool, error) {
		c, err := b.near.counts()
		b.Step("sending", c.Messages, b.Size)
		return c.Messages >= n, err
	})
}

// silence waits until nothing comes any more, and tells when and how much did.
func (b *control) silence(ctx context.Context) (last time.Duration, more int64, err error) {
	from := b.Clock.Now()
	first, err := b.near.counts()
	if err != nil {
		return 0, 0, err
	}
	seen, moved := first.Messages, from
	err = b.until(ctx, func() (bool, error) {
		c, err := b.near.counts()
		now := b.Clock.Now()
		if c.Messages != seen {
			seen, moved = c.Messages, now
		}
		return now.Sub(moved) >= quiet, err
	})
	return moved.Sub(from), seen - first.Messages, err
}

// until waits for something that comes while the engine lives.
func (b *control) until(ctx context.Context, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stillTime, fmt.Errorf("nothing has come of it for %s; rapport serve said: %s", stillTime, b.engines[0].output))
	defer cancel()
	return poll(ctx, look, func() (bool, error) {
		done, err := is()
		return done, errors.Join(err, b.alive())
	})
}
