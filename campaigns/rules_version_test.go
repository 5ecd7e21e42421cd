package campaigns

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/contacts"
)

func TestRule13_StepsArePinnedAndTheRestIsCurrent(t *testing.T) {
	old := define(t, head+"steps: [ { wait: 1d }, { send: old } ]\n")
	s := begin(t, old, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")

	s.current = define(t, strings.Replace(head, "guides", "offers", 1)+"steps: [ { send: new } ]\n")
	if reason, _ := ExitReason(s.input("2026-03-02 10:00")); reason != "no consent to offers" {
		t.Errorf("the current topic counts: %q", reason)
	}
	s.current = define(t, head+"exit: [ { event: order.placed } ]\nsteps: [ { send: new } ]\n")
	s.event("order.placed", "2026-03-02 12:00", nil)
	if reason, _ := ExitReason(s.input("2026-03-02 12:00")); reason != "event order.placed" {
		t.Errorf("the current exits count: %q", reason)
	}
	s.facts.Events = nil
	s.current = define(t, head+"priority: 90\ndeliver: { window: { from: \"20:00\", to: \"21:00\" } }\nsteps: [ { send: new } ]\n")
	s.next("2026-03-03 09:00")
	s.parked("old")
	if m := s.last.Message; !m.NotBefore.Equal(at("2026-03-03 20:00")) || m.Priority != 90 {
		t.Errorf("the current delivery rules count: %+v", m)
	}
}

func TestRule13_SplitWeightsArePinned(t *testing.T) {
	text := head + `
steps:
  - split:
      name: offer
      arms:
        - { arm: left, weight: 1, steps: [ { wait: 1d }, { send: left } ] }
        - { arm: right, weight: 1, steps: [ { wait: 1d }, { send: right } ] }
`
	d := define(t, text)
	s := begin(t, d, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	arm := s.e.Arms["offer"]
	s.pinned = define(t, strings.Replace(text, "arm: "+arm+", weight: 1,", "arm: "+arm+", weight: 0,", 1))
	s.next("2026-03-03 09:00")
	s.parked(arm)

	given := begin(t, d, "2026-03-02 09:00")
	given.e.Arms = map[string]string{"offer": "right"}
	given.next("2026-03-02 09:00")
	given.waits("split:offer/right/wait#1", "2026-03-03 09:00")
}

func TestRule13_WhatARunningEnrolmentCanReach(t *testing.T) {
	d := define(t, head+`
steps:
  - send: a
  - if: { attribute: country, is: DE }
    then: [ { wait: 1d }, { send: b }, { exit: done }, { send: never } ]
    else: [ { wait: 1d }, { send: c } ]
  - send: d
`)
	for position, want := range map[string]string{
		"": "a b d c", "send:a": "a b d c", "if#1/then/wait#1": "b", "if#1/else/wait#1": "c d", End: "", "gone": "",
	} {
		var got []string
		for _, s := range d.Reaches(position) {
			got = append(got, s.Send.Template)
		}
		slices.Sort(got)
		wanted := strings.Fields(want)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("from %q it reaches %v, want %v", position, got, wanted)
		}
	}
}

func TestRule14_StepsHaveIdentity(t *testing.T) {
	d := define(t, head+`
steps:
  - send: welcome
  - wait: 1d
  - send: welcome
  - wait: 2d
    id: second-wait
  - wait: 3d
  - wait_for: { email: clicked, up_to: 4d }
    then: [ { send: routes }, { set: { attributes.a: 1 } } ]
    else: [ { send: short } ]
  - split:
      name: first-offer
      arms:
        - { arm: discount, weight: 50, steps: [ { send: offer-discount } ] }
        - { arm: service,  weight: 50, steps: [ { send: offer-free-service } ] }
  - branch:
      - { if: { attribute: country, is: DE }, then: [ { send: store } ] }
      - { else: [ { exit: abroad } ] }
  - if: { attribute: country, is: DE }
    id: by-country
    then: [ { send: store }, { notify: { webhook: crm } } ]
  - survey: { nps: after-welcome }
  - award: { points: 3 }
`)
	var ids []string
	walk(d.Steps, func(s *Step) { ids = append(ids, s.ID) })
	want := []string{
		"send:welcome", "wait#1", "send:welcome#2", "second-wait", "wait#2",
		"wait_for#1", "wait_for#1/then/send:routes", "wait_for#1/then/set#1", "wait_for#1/else/send:short",
		"split:first-offer", "split:first-offer/discount/send:offer-discount", "split:first-offer/service/send:offer-free-service",
		"branch#1", "branch#1/1/send:store", "branch#1/else/exit#1",
		"by-country", "by-country/then/send:store", "by-country/then/notify#1",
		"survey:after-welcome", "award#1",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("identities (-want +got):\n%s", diff)
	}
	for _, id := range ids {
		if d.Step(id) == nil || d.Step(id).ID != id {
			t.Errorf("step %s is not found", id)
		}
	}
}

func TestRule14_NumbersAreNeverUsedAgain(t *testing.T) {
	first := define(t, head+"steps: [ { send: a }, { send: b } ]\n")
	known, err := first.AssignNumbers(nil)
	if err != nil {
		t.Fatal(err)
	}
	second := define(t, head+"steps: [ { send: c }, { send: b } ]\n")
	after, err := second.AssignNumbers(known)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"send:a": 1, "send:b": 2, "send:c": 3}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("registry (-want +got):\n%s", diff)
	}
	if second.Step("send:b").Number != 2 || second.Step("send:c").Number != 3 || len(known) != 2 {
		t.Errorf("numbers %d %d, known %v", second.Step("send:b").Number, second.Step("send:c").Number, known)
	}
	known["send:gone"] = MaxSends
	_, err = second.AssignNumbers(known)
	const message = "campaign welcome: all its versions together have more than 1023 send steps: go on under a new name"
	if err == nil || err.Error() != message {
		t.Errorf("error %v, want %s", err, message)
	}
}

func TestRule14_Migrating(t *testing.T) {
	const old = "steps: [ { send: a }, { wait: 3d }, { send: b }, { wait: 5d, id: long }, { send: c } ]\n"
	for _, c := range []struct {
		name, fresh string
		stand       string
		want        Move
	}{
		{"nothing changed", old, "wait#1", Move{From: "wait#1", To: "wait#1"}},
		{"a changed wait", strings.Replace(old, "5d", "6d", 1), "long", Move{From: "long", To: "long", Changed: true}},
		{"a removed wait", "steps: [ { send: a }, { send: b }, { wait: 5d, id: long }, { send: c } ]\n", "wait#1", Move{From: "wait#1", To: "send:b", Removed: true}},
		{"and what follows it is gone too", "steps: [ { send: a }, { wait: 5d, id: long }, { send: c } ]\n", "wait#1", Move{From: "wait#1", To: "long", Removed: true}},
		{"nothing survives after it", "steps: [ { send: a } ]\n", "wait#1", Move{From: "wait#1", To: End, Removed: true}},
		{"a removed send", "steps: [ { send: a }, { wait: 3d }, { wait: 5d, id: long } ]\n", "send:b", Move{From: "send:b", To: "long", Removed: true, Number: 2}},
		{"more waits at the end", old[:len(old)-3] + ", { wait: 1d }, { send: d } ]\n", "wait#1", Move{From: "wait#1", To: "wait#1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := PlanMoves(define(t, head+old), define(t, head+c.fresh))
			if len(m.Ambiguous) > 0 {
				t.Fatal(m.Ambiguous)
			}
			if got := m.ByStep[c.stand]; got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRule14_OutOfAListThatIsGone(t *testing.T) {
	old := define(t, head+`
steps:
  - if: { attribute: country, is: DE }
    then: [ { wait: 1d }, { send: store } ]
  - send: after
`)
	fresh := define(t, head+"steps: [ { send: after } ]\n")
	m := PlanMoves(old, fresh)
	if got, want := m.ByStep["if#1/then/wait#1"], (Move{From: "if#1/then/wait#1", To: "send:after", Removed: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestRule14_AmbiguousStepsAskForAnID(t *testing.T) {
	old := define(t, head+"steps: [ { send: a }, { wait: 3d }, { send: b }, { wait: 5d }, { send: c } ]\n")
	for name, c := range map[string]struct{ fresh, want string }{
		"one more before it":     {"steps: [ { wait: 1d }, { send: a }, { wait: 3d }, { send: b }, { wait: 5d }, { send: c } ]\n", "step wait#1: there were 2 of its kind and now there are 3; give it an id: in both versions"},
		"two that change places": {"steps: [ { send: a }, { wait: 5d }, { send: b }, { wait: 3d }, { send: c } ]\n", "step wait#1: it has changed its place among those of its kind; give it an id: in both versions"},
	} {
		t.Run(name, func(t *testing.T) {
			m := PlanMoves(old, define(t, head+c.fresh))
			if len(m.Ambiguous) != 2 || m.Ambiguous[0].Error() != c.want {
				t.Fatalf("%v, want %s", m.Ambiguous, c.want)
			}
			s := begin(t, old, "2026-03-02 09:00")
			s.e.Position = "wait#1"
			if _, _, err := Migrate(Migration{Enrolment: s.e, Moves: m, Now: at("2026-03-03 09:00")}); err == nil {
				t.Error("an ambiguous plan moves nobody")
			}
		})
	}
}

func TestRule14_AChangedWaitIsCountedAnew(t *testing.T) {
	old := define(t, head+"steps: [ { wait: 3d }, { send: a } ]\n")
	for _, c := range []struct{ wait, now, until string }{
		{"5d", "2026-03-04 12:00", "2026-03-07 09:00"}, // from its own start
		{"1d", "2026-03-04 12:00", "2026-03-04 12:00"}, // never into the past
	} {
		fresh := define(t, head+"steps: [ { wait: "+c.wait+" }, { wait: 2d, id: more }, { send: a } ]\n")
		s := begin(t, old, "2026-03-02 09:00")
		s.next("2026-03-02 09:00")
		e, _, err := Migrate(Migration{
			Enrolment: s.e, Moves: PlanMoves(old, fresh), To: fresh,
			Contact: &contacts.Contact{}, Now: at(c.now), Zone: berlin,
		})
		if err != nil {
			t.Fatal(err)
		}
		if !e.WaitUntil.Equal(at(c.until)) {
			t.Errorf("%s: until %s, want %s", c.wait, e.WaitUntil.In(berlin), c.until)
		}
		s.e, s.pinned = e, fresh
		s.next(c.until)
		if got, want := s.e.WaitUntil, at(c.until).AddDate(0, 0, 2); !got.Equal(want) {
			t.Errorf("%s: the wait after it ends %s, want %s", c.wait, got, want)
		}
	}
}

func TestRule14_ARemovedSendWithdrawsItsMessage(t *testing.T) {
	old := define(t, head+"steps: [ { send: a }, { wait: 1d }, { send: b } ]\n")
	fresh := define(t, head+"steps: [ { wait: 1d }, { send: b } ]\n")
	s := begin(t, old, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	e, withdraw, err := Migrate(Migration{
		Enrolment: s.e, Moves: PlanMoves(old, fresh), To: fresh, Contact: &contacts.Contact{}, Now: at("2026-03-02 10:00"), Zone: berlin,
	})
	if err != nil || withdraw != enrolmentID|1 || e.State != Active || e.Position != "wait#1" {
		t.Fatalf("%+v, withdraws %d, %v", e, withdraw, err)
	}
	s.e, s.pinned = e, fresh
	s.next("2026-03-02 10:00")
	s.waits("wait#1", "2026-03-03 10:00")
}

func TestRule14_AStepRunsOnceHoweverTheOrderChanges(t *testing.T) {
	old := define(t, head+"steps: [ { send: a }, { wait: 1d }, { send: b } ]\n")
	fresh := define(t, head+"steps: [ { wait: 1d }, { send: a }, { send: b } ]\n")
	s := begin(t, old, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.settled(Sent, "", "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.pinned = fresh
	s.next("2026-03-03 09:00")
	s.parked("b")
	s.traced("send:a", "passed")
}

func TestRule14_APositionThatTheVersionDoesNotHave(t *testing.T) {
	d := define(t, head+"steps: [ { send: a } ]\n")
	s := begin(t, d, "2026-03-02 09:00")
	s.e.Position = "send:gone"
	s.next("2026-03-02 09:00")
	s.ended(Exited, `its step "send:gone" is not in the version that it runs`)
}

func TestRule15_Moves(t *testing.T) {
	states := []MessageState{Queued, Sending, Sent, Failed, Skipped, Unknown}
	movers := []Mover{ByClaim, ByWorker, ByLate, BySweep, ByJournal, ByCallback, ByPerson, ByPolicy, ByScheduler}
	want := map[string]string{
		"queued sending":  "claim",
		"queued skipped":  "claim person scheduler",
		"sending sent":    "worker late journal callback",
		"sending failed":  "worker late journal",
		"sending queued":  "worker journal",
		"sending unknown": "worker sweep journal",
		"unknown sent":    "late journal callback person",
		"unknown failed":  "late journal callback person",
		"unknown queued":  "journal policy",
	}
	for _, from := range states {
		for _, to := range states {
			var by []string
			for _, m := range movers {
				if Allowed(from, to, m) {
					by = append(by, string(m))
				}
			}
			if got := strings.Join(by, " "); got != want[string(from)+" "+string(to)] {
				t.Errorf("%s to %s: %q, want %q", from, to, got, want[string(from)+" "+string(to)])
			}
		}
	}
	if Allowed(Queued, Sending, ByLate) {
		t.Error("a stale fencing token may not claim")
	}
}
