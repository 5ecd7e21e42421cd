package acceptance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// connections is how many messages a killed process can have had between their
// last byte and the server's answer: `connections` of rapport.yaml.
const connections = 4

// The scenario, while a process that sends is killed five times without a
// warning: every contact has one outcome for each step, nobody gets a second
// copy, and no more is unknown than was on the wire.
func TestKilledWhileSending(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			s := newSink(t).start()
			// A server that takes its time, or everything is sent between two looks.
			front := newFront(t, s.port)
			front.slow(5 * time.Millisecond)
			in := install(t, options{backend: b, smtp: front.port})
			in.prepare(everybody)
			in.serve()
			r := newResponder(in)
			s.follow(r.take)
			ever := in.killFiveTimes(t, s)
			in.over(everybody, s, r, 150*time.Second)
			r.done()

			ledger, received := in.ledger(), s.received()
			unknown := in.checkLedger(ledger, received)
			t.Logf("over after %s: %d messages, %d of them unknown by now, %d were after a kill",
				time.Since(begun).Round(time.Millisecond), len(ledger), unknown, len(ever))
			in.compare(everybody, in.excused(ledger, ever))
		})
	}
}

// killFiveTimes kills the processes that send in turn, while they do, and starts
// them again. It returns all messages that were unknown then.
func (in *installation) killFiveTimes(t *testing.T, s *sink) map[int64]bool {
	ever := map[int64]bool{}
	workers := in.workers()
	for kill, copies := range []int{everybody / 10, everybody * 4 / 10, everybody * 6 / 10, everybody * 11 / 10, everybody * 14 / 10} {
		eventually(t, 90*time.Second, fmt.Sprintf("%d messages are there and more on their way", copies), func() (bool, string) {
			return s.taken() >= copies && in.inFlight() > 0, fmt.Sprint(s.taken())
		})
		moment := time.NewTimer(time.Duration(rand.IntN(30)) * time.Millisecond)
		<-moment.C
		victim := workers[kill%len(workers)]
		in.running[victim].kill()
		sending := in.inFlight()
		in.restart(victim)
		fresh := in.unknown()
		maps.DeleteFunc(fresh, func(id int64, _ bool) bool { return ever[id] })
		t.Logf("kill %d at %d messages: %d in flight in all processes, %d unknown", kill+1, s.taken(), sending, len(fresh))
		if len(fresh) > connections {
			t.Errorf("%d messages are unknown after one kill, with %d connections", len(fresh), connections)
		}
		maps.Copy(ever, fresh)
	}
	return ever
}

// inFlight is how many messages are claimed and not recorded.
func (in *installation) inFlight() int {
	in.Helper()
	list, err := in.store.Messages(in.Context(), store.MessageFilter{State: campaigns.Sending, Limit: 1000})
	if err != nil {
		in.Fatal(err)
	}
	return len(list)
}

// excused are the contacts with a message that was unknown: the engine takes it
// for sent, and nobody answers what has not arrived.
func (in *installation) excused(ledger []store.Message, unknown map[int64]bool) map[int]bool {
	out := map[int]bool{}
	for _, m := range ledger {
		if unknown[m.ID] || m.State == campaigns.Unknown {
			out[numberOf(m.Email)] = true
		}
	}
	return out
}
