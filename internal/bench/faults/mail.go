package faults

import (
	"context"
	"fmt"
	"time"
)

// mailServers are receiving servers that refuse, fall silent, hang up, crawl and
// go away.
func mailServers() []Scenario {
	return []Scenario{
		{Name: "mail-drops", Short: "the mail server hangs up at every verb, in the middle of a message and after its end", Long: 56, Brief: 8, Break: drops},
		{Name: "mail-answers", Short: "the mail server answers 421, 451, 452, 550 and 554 at every verb and to the message", Long: 60, Brief: 10, Break: answers},
		{Name: "mail-hangs", Short: "the mail server is silent for seconds at every verb, and goes on or hangs up", Long: 56, Brief: 8, Messages: 300, Break: hangs},
		{Name: "mail-silent", Short: "the mail server is silent for longer than anybody waits, at every verb at once", Long: 1, Messages: 600, Speed: 10, Break: silent},
		{Name: "mail-slow", Short: "the mail server answers a byte a second", Long: 4, Brief: 2, Messages: 400, Break: slow},
		{Name: "mail-down", Short: "the mail server is away for ten minutes (of the installation's)", Long: 20, Brief: 3, Break: down},
	}
}

// verbs are the moments of a conversation at which a mail server can fail.
var verbs = []string{"connect", "ehlo", "mail", "rcpt", "data", "body", "dot"}

// strikes arms a trouble and waits until it has happened. Greetings are for new
// connections only, so an old one is hung up on first.
func (t *trial) strikes(ctx context.Context, x trouble) error {
	if x.at == "connect" || x.at == "ehlo" {
		t.receiver.arm(trouble{at: "rcpt", drop: true})
	}
	return t.happens(ctx, t.receiver.arm(x))
}

// happens waits for an armed trouble.
func (t *trial) happens(ctx context.Context, armed *trouble) error {
	return until(ctx, 2*time.Minute, "something happens at "+armed.at, func() (bool, string) {
		select {
		case <-armed.struck:
			return true, ""
		default:
			return false, "nobody came there"
		}
	})
}

// drops hangs up at each verb in turn. Before the end of a message nothing is in
// doubt, unless the end was on its way already.
func drops(ctx context.Context, t *trial) error {
	for i := range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		x := trouble{at: verbs[i%len(verbs)], drop: true, keep: t.random.IntN(2) == 0}
		if x.at == "body" || x.at == "dot" {
			t.allowed++
		}
		if err := t.strikes(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// refusals are answers that mail servers give.
var refusals = []string{
	"421 4.3.2 the system is going down", "451 4.7.1 greylisted, come back later", "452 4.3.1 insufficient storage",
	"550 5.1.1 no such user here", "554 5.7.1 transaction failed",
}

// answers gives each answer at each verb in turn.
func answers(ctx context.Context, t *trial) error {
	at := []string{"connect", "ehlo", "mail", "rcpt", "data", "dot"}
	for i := range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		n := i
		if t.Options.Short {
			n = t.random.IntN(len(at) * len(refusals))
		}
		x := trouble{at: at[n%len(at)], reply: refusals[n/len(at)%len(refusals)]}
		if err := t.strikes(ctx, x); err != nil {
			return fmt.Errorf("%s: %w", x.reply, err)
		}
	}
	return nil
}

// hangs is silent for some seconds at each verb in turn.
func hangs(ctx context.Context, t *trial) error {
	for i := range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		x := trouble{at: verbs[i%len(verbs)], hang: time.Second + time.Duration(t.random.Int64N(int64(3*time.Second))),
			drop: t.random.IntN(2) == 0, keep: t.random.IntN(2) == 0}
		if x.drop && (x.at == "body" || x.at == "dot") {
			t.allowed++
		}
		if err := t.strikes(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// silent says nothing at any verb for longer than the time-outs are.
func silent(ctx context.Context, t *trial) error {
	if err := t.moment(ctx); err != nil {
		return err
	}
	var armed []*trouble
	for _, verb := range verbs {
		x := trouble{at: verb, hang: 6 * time.Minute, drop: true, keep: true}
		if verb == "body" || verb == "dot" {
			t.allowed++
		}
		if verb == "connect" || verb == "ehlo" {
			t.receiver.arm(trouble{at: "rcpt", drop: true})
		}
		armed = append(armed, t.receiver.arm(x))
	}
	for _, a := range armed {
		err := until(ctx, 15*time.Minute, "the silence at "+a.at+" is over", func() (bool, string) {
			select {
			case <-a.struck:
				return true, ""
			default:
				return false, "nobody came there, or the silence goes on"
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// slow has every reply come a byte a second, for a minute.
func slow(ctx context.Context, t *trial) error {
	long := time.Minute
	if t.Options.Short {
		long = 4 * time.Second
	}
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		t.receiver.drip.Store(int64(time.Second))
		err := pause(ctx, long)
		t.receiver.drip.Store(0)
		if err != nil {
			return err
		}
	}
	return nil
}

// down takes the mail server away. What was in the middle of its end may be
// unknown.
func down(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		t.allowed += t.receiver.down()
		if err := pause(ctx, 10*time.Minute/t.speed()); err != nil {
			return err
		}
		if err := t.receiver.up(); err != nil {
			return err
		}
	}
	return nil
}
