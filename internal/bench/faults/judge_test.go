package faults

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whole is an installation with two contacts in which everything is as it must
// be: one got both messages, the other's address does not exist.
func whole() evidence {
	ana, bob := "ana@example.com", "bob@example.com"
	return evidence{
		contacts: 2,
		messages: []row{{1, ana, "one", "sent", ""}, {2, ana, "two", "sent", ""}, {3, bob, "one", "failed", "refused at RCPT: 550 5.1.1 no such user"}},
		ways:     []way{{ana, "finished", "", true}, {bob, "exited", "suppressed: hard-bounce", true}},
		received: map[letter]int{{ana, "one"}: 1, {ana, "two"}: 1},
		refusals: 1,
		answered: []string{"a", "b"}, events: []string{"webhook:main:b", "webhook:main:a", "webhook:main:c"},
	}
}

func TestJudgeSees(t *testing.T) {
	const ana, bob = "ana@example.com", "bob@example.com"
	for _, c := range []struct {
		name         string
		change       func(*evidence)
		second, lost int
		notes        []string
	}{
		{"nothing wrong", func(*evidence) {}, 0, 0, nil},
		{"a second copy", func(e *evidence) { e.received[letter{ana, "two"}] = 3 }, 2, 0,
			[]string{`"two" to ana@example.com has arrived 3 times`}},
		{"a second copy of an unknown message", func(e *evidence) { e.messages[1].state = "unknown"; e.received[letter{ana, "two"}] = 2 }, 1, 0,
			[]string{`"two" to ana@example.com has arrived 2 times`}},
		{"two messages of a step", func(e *evidence) { e.messages = append(e.messages, row{9, ana, "two", "sent", ""}) }, 0, 1,
			[]string{`ana@example.com has two messages "two": 2 and 9`}},
		{"sent and not arrived", func(e *evidence) { delete(e.received, letter{ana, "one"}) }, 0, 1,
			[]string{`"one" to ana@example.com was sent and has not arrived`}},
		{"arrived and on no record", func(e *evidence) { e.received[letter{bob, "two"}] = 1 }, 0, 1,
			[]string{`"two" to bob@example.com is on no record and has arrived`}},
		{"failed and arrived", func(e *evidence) { e.received[letter{bob, "one"}] = 1 }, 0, 1,
			[]string{`"one" to bob@example.com has failed (refused at RCPT: 550 5.1.1 no such user) and has arrived`}},
		{"failed without being refused", func(e *evidence) { e.refusals = 0 }, 0, 1,
			[]string{`1 messages have failed, and the mail server has refused 0`}},
		{"failed for another reason", func(e *evidence) { e.messages[2].reason = "given up after 72h" }, 0, 1,
			[]string{`"one" to bob@example.com has failed: given up after 72h`}},
		{"no final state", func(e *evidence) { e.messages[0].state, e.messages[0].reason = "queued", "deferred" }, 0, 1,
			[]string{`"one" to ana@example.com ended as queued: deferred`}},
		{"skipped", func(e *evidence) {
			e.messages[1].state, e.messages[1].reason = "skipped", "expired"
			delete(e.received, letter{ana, "two"})
		}, 0, 1, []string{`"two" to ana@example.com ended as skipped: expired`}},
		{"a step left out", func(e *evidence) {
			e.messages = append(e.messages[:1], e.messages[2])
			delete(e.received, letter{ana, "two"})
		}, 0, 1,
			[]string{`ana@example.com is finished and has no message two`}},
		{"somebody not enrolled", func(e *evidence) { e.contacts = 3 }, 0, 1, []string{`3 contacts have 2 enrolments`}},
		{"somebody on the way", func(e *evidence) { e.ways[0] = way{ana, "parked", "", false} }, 0, 1,
			[]string{`ana@example.com is still parked`}},
		{"somebody taken out", func(e *evidence) { e.ways[0] = way{ana, "exited", "removed", true} }, 0, 1,
			[]string{`ana@example.com was taken out: removed`}},
		{"a callback lost", func(e *evidence) { e.events = e.events[1:] }, 0, 1,
			[]string{`the event b was answered with 2xx and is there 0 times`}},
		{"a callback doubled", func(e *evidence) { e.events = append(e.events, "webhook:main:a") }, 0, 1,
			[]string{`the event a was answered with 2xx and is there 2 times`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := whole()
			c.change(&e)
			v := judge(e)
			if v.Second != c.second || v.Lost != c.lost {
				t.Errorf("%d second copies and %d losses, want %d and %d", v.Second, v.Lost, c.second, c.lost)
			}
			if diff := cmp.Diff(c.notes, v.Notes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJudgeTellsTheFirstFewFaults(t *testing.T) {
	e := evidence{received: map[letter]int{}}
	for i := range 100 {
		e.received[letter{fmt.Sprint(i), "one"}] = 1
	}
	if v := judge(e); v.Lost != 100 || len(v.Notes) != mostNotes {
		t.Errorf("%d losses and %d notes", v.Lost, len(v.Notes))
	}
}
