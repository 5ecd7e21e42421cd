package engine

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/results"
	"rapport/internal/store"
)

// offers is a campaign with a split, which a click decides within two days.
const offers = `
campaign: welcome
topic: guides
audience: { segment: prospects }
start: { schedule: "0 9 * * *" }
goal: { event: order.placed, within: 2d, value: total }
steps:
  - split:
      name: offer
      winner: { by: goal, after: 30, certainty: 90% }
      arms:
        - { arm: first, steps: [ { send: one } ] }
        - { arm: second, steps: [ { send: two } ] }
`

// arms are the arms that enrolments took which started at a moment or later.
func (r *run) arms(since time.Time) map[string]string {
	r.t.Helper()
	out := map[string]string{}
	list, err := r.Store.Messages(r.t.Context(), store.MessageFilter{Limit: 10_000})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, m := range list {
		if !m.Created.Before(since) {
			out[m.Email] = m.Template
		}
	}
	return out
}

func (r *run) split() results.Split {
	r.t.Helper()
	c, err := results.Of(r.t.Context(), r.Store, r.Catalog.Current(), "welcome", r.clock.Now())
	if err != nil || len(c.Splits) != 1 {
		r.t.Fatal(err, c.Splits)
	}
	return c.Splits[0]
}

func TestAWinnerIsCalledAtItsNumberAndNewArrivalsTakeIt(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": offers})
	signUpAt(t, r.Store, "here.example", 100, monday)
	r.settle()
	r.at(0, 9, 0)
	took := r.arms(monday)
	count := map[string]int{}
	for _, arm := range took {
		count[arm]++
	}
	if len(took) != 100 || count["one"] < 30 || count["two"] < 30 {
		t.Fatalf("the arms got %v of 100", count)
	}
	for email, arm := range took { // of the second arm everybody buys, of the first nobody
		if arm == "two" {
			r.event("order.placed", email, "order "+email, map[string]any{"total": 20})
		}
	}
	r.later(3 * time.Hour)
	if s := r.split(); s.Winner() != "" || len(s.Looks) != 0 || s.Arms[1].Of != 0 || s.Arms[1].Open != int64(count["two"]) {
		t.Fatalf("before its time was over: %+v", s)
	}
	r.later(46 * time.Hour) // the goal's two days are over
	s := r.split()
	if s.Winner() != "second" || len(s.Looks) != 1 || s.Looks[0].Arms[1].Count != int64(count["two"]) {
		t.Fatalf("%+v", s)
	}
	if want := "Who comes to the split now takes it."; !strings.HasSuffix(s.Sentence(), want) {
		t.Error(s.Sentence())
	}
	before := r.clock.Now()
	signUpAt(t, r.Store, "late.example", 40, before)
	r.later(24 * time.Hour)
	late := r.arms(before)
	if len(late) != 40 {
		t.Fatalf("%d came after the call", len(late))
	}
	for email, arm := range late {
		if arm != "two" {
			t.Errorf("%s took %s after the second arm was called", email, arm)
		}
	}
	if again := r.arms(monday); len(again) != 140 {
		t.Errorf("%d were mailed", len(again))
	}
	for email, arm := range took {
		if now := r.arms(monday)[email]; now != arm {
			t.Errorf("%s had %s and has %s", email, arm, now)
		}
	}

	// Another weight is another test: what was called holds for those before it.
	w := shopWith(t, map[string]string{"rapport.yaml": live(r.server.Port, ""), "campaigns/welcome.yaml": strings.Replace(offers, "arm: first,", "arm: first, weight: 9,", 1)})
	apply(t, r.Engine, w)
	r.refresh()
	if s := r.split(); s.Winner() != "" || s.Arms[0].Open+s.Arms[0].Of != 0 {
		t.Errorf("after another weight: %+v", s)
	}
	before = r.clock.Now()
	signUpAt(t, r.Store, "new.example", 40, before)
	r.later(24 * time.Hour)
	first := 0
	for _, arm := range r.arms(before) {
		if arm == "one" {
			first++
		}
	}
	if first < 25 {
		t.Errorf("%d of 40 took the arm of weight 9 of 10", first)
	}
}

func TestWeightsStayUntilAWinnerIsCertain(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": offers})
	signUpAt(t, r.Store, "here.example", 100, monday)
	r.settle()
	r.at(0, 9, 0)
	n := map[string]int{}
	for email, arm := range r.arms(monday) { // as many in each
		if n[arm]++; n[arm] <= 10 {
			r.event("order.placed", email, "order "+email, nil)
		}
	}
	r.later(3 * 24 * time.Hour)
	r.later(3 * 24 * time.Hour)
	s := r.split()
	if s.Winner() != "" || len(s.Looks) != 1 {
		t.Fatalf("%+v", s)
	}
	before := r.clock.Now()
	signUpAt(t, r.Store, "late.example", 40, before)
	r.later(24 * time.Hour)
	late := map[string]int{}
	for _, arm := range r.arms(before) {
		late[arm]++
	}
	if late["one"] < 8 || late["two"] < 8 {
		t.Errorf("without a winner the arms got %v of 40", late)
	}
}

// everything is a control group of the workspace.
const everything = "control: { share: 30%, value: total }\n"

func TestTheControlGroupOfTheWorkspaceGetsNoMarketing(t *testing.T) {
	byEvent := strings.NewReplacer("campaign: welcome", "campaign: thanks", `schedule: "0 9 * * *"`, "event: order.placed", "audience: { segment: prospects }", "").Replace(one)
	receipt := "campaign: receipt\nkind: transactional\nsender: mia\nstart: { event: service.booked }\nreentry: always\nsteps: [ { send: receipt } ]\n"
	changes := map[string]string{"campaigns/thanks.yaml": byEvent, "campaigns/receipt.yaml": receipt,
		"templates/receipt.md": "---\nsubject: We have your booking\nkind: transactional\n---\nThank you.\n"}
	r := start(t, 0, smtptest.Options{}, everything, changes)
	signUpAt(t, r.Store, "here.example", 100, monday)
	r.settle()
	r.at(0, 9, 0)
	mailed := r.arms(monday)
	held := r.heldOut(0.3)
	if len(held) < 15 || len(held)+len(mailed) != 100 {
		t.Fatalf("%d were mailed, and %d are held out, of 100", len(mailed), len(held))
	}
	for email := range held {
		if mailed[email] != "" {
			t.Errorf("%s is held out and was mailed", email)
		}
		r.event("order.placed", email, "order "+email, map[string]any{"total": 10})
		r.event("service.booked", email, "booking "+email, nil)
	}
	r.later(time.Hour)
	progress, err := r.Store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"welcome", "thanks"} {
		p := progress[r.campaign(name).ID]
		want := []store.ReasonCount{{Reason: campaigns.ReasonApart, Count: int64(len(held))}}
		if len(p.Refusals) != 1 || p.Refusals[0] != want[0] {
			t.Errorf("%s: not enrolled %v, want %v", name, p.Refusals, want)
		}
	}
	if p := progress[r.campaign("receipt").ID]; p.Enrolled != int64(len(held)) || p.Messages[campaigns.Sent] != int64(len(held)) {
		t.Errorf("what they asked for themselves: %+v", p)
	}
	w, err := results.All(t.Context(), r.Store, r.Catalog.Current())
	if err != nil {
		t.Fatal(err)
	}
	if w.Apart.Control.Of != int64(len(held)) || w.Apart.Control.Count != int64(len(held)) || w.Apart.Control.Sum.Total != float64(10*len(held)) ||
		w.Reached[1] != int64(len(held)) || w.Treated.Of == 0 || w.Treated.Count != 0 || w.Reached[0] != w.Treated.Of {
		t.Errorf("%+v", w)
	}
}

// heldOut are the addresses of the contacts in a share.
func (r *run) heldOut(share float64) map[string]bool {
	r.t.Helper()
	out := map[string]bool{}
	list, err := r.Store.Search(r.t.Context(), "", 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range list {
		if campaigns.IsApart(c.Seed, share) {
			out[c.Email] = true
		}
	}
	return out
}

func TestWhoIsOnTheWayWhenTheControlGroupIsMadeLeaves(t *testing.T) {
	twice := strings.Replace(one, "steps: [ { send: one } ]", "steps: [ { send: one }, { wait: 2d }, { send: two } ]", 1)
	changes := map[string]string{"campaigns/welcome.yaml": twice}
	r := start(t, 0, smtptest.Options{}, "", changes)
	signUpAt(t, r.Store, "here.example", 60, monday)
	r.settle()
	r.at(0, 9, 0)
	files := map[string]string{"rapport.yaml": live(r.server.Port, everything)}
	maps.Copy(files, changes)
	apply(t, r.Engine, shopWith(t, files))
	r.refresh()
	r.later(3 * 24 * time.Hour)
	held, second := r.heldOut(0.3), 0
	list, err := r.Store.Messages(context.Background(), store.MessageFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if m.Template == "two" && m.State == campaigns.Sent {
			second++
			if held[m.Email] {
				t.Errorf("%s is held out, and was mailed", m.Email)
			}
		}
	}
	if len(held) < 8 || second != 60-len(held) {
		t.Errorf("%d got the second mail, and %d are held out, of 60", second, len(held))
	}
	progress, err := r.Store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := progress[r.campaign("welcome").ID].ExitReasons; len(got) != 1 || got[0] != (store.ReasonCount{Reason: campaigns.ReasonApart, Count: int64(len(held))}) {
		t.Errorf("they left for %v", got)
	}
}
