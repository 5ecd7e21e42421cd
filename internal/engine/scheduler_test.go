package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

// firings are the recorded firings of the campaign welcome, oldest first.
func (r *run) firings() []string {
	r.t.Helper()
	list, err := r.Store.RecentFirings(r.t.Context(), 0, 100)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, f := range list {
		out = append(out, f.Wall+" "+f.State)
	}
	slices.Sort(out)
	return out
}

func (r *run) wantFirings(want ...string) {
	r.t.Helper()
	if got := r.firings(); !slices.Equal(got, want) {
		r.t.Errorf("firings %q, want %q", got, want)
	}
}

func TestRule04AfterDowntimeTheLatestRunsAndTheOthersAreRecorded(t *testing.T) {
	r := start(t, 3, smtptest.Options{}, "", nil)
	r.at(3, 10, 0) // down on four mornings
	r.wantFirings("2026-03-02T09:00 missed", "2026-03-03T09:00 missed", "2026-03-04T09:00 missed", "2026-03-05T09:00 done")
	if n := len(r.server.Messages()); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

func TestRule04TooLateIsRecordedAndDoesNotRun(t *testing.T) {
	r := start(t, 3, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\", catch_up: 2h }\nsteps: [ { send: one } ]\n"})
	r.at(0, 12, 0)
	r.wantFirings("2026-03-02T09:00 missed")
	if n := len(r.server.Messages()); n != 0 {
		t.Errorf("%d messages, want none", n)
	}
	r.at(1, 9, 0)
	r.wantFirings("2026-03-02T09:00 missed", "2026-03-03T09:00 done")
}

func TestRule04OverBothDaylightSavingChanges(t *testing.T) {
	for _, c := range []struct {
		name string
		day  time.Time
		want []string
	}{
		// 02:30 does not exist on 29 March 2026 in Berlin, and comes twice on 25 October.
		{"spring", time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), []string{"2026-03-29T02:30 done"}},
		{"autumn", time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC), []string{"2026-10-25T02:30 done"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, 0, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": ""})
			r.clock.Set(c.day)
			apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": live(r.server.Port, ""),
				"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"30 2 * * *\" }\nsteps: [ { send: one } ]\n"}))
			for range 24 {
				r.clock.Advance(time.Hour)
				r.settle()
			}
			r.wantFirings(c.want...)
		})
	}
}

func TestRule04OnceFiresAgainOnlyWhenItsTimeChanges(t *testing.T) {
	campaign := func(at string) map[string]string {
		return map[string]string{"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { once: " + at + " }\nreentry: always\nsteps: [ { send: one } ]\n"}
	}
	r := start(t, 2, smtptest.Options{}, "", campaign("2026-03-02 10:00"))
	r.at(0, 10, 0)
	r.at(0, 11, 0)
	again := func(at, subject string) {
		files := campaign(at)
		files["rapport.yaml"] = live(r.server.Port, "")
		files["templates/one.md"] = "---\nsubject: " + subject + "\n---\nHello, [x](https://northwind.example)\n"
		apply(t, r.Engine, shopWith(t, files))
	}
	again("2026-03-02 10:00", "changed")
	r.at(0, 12, 0)
	if n := len(r.server.Messages()); n != 2 {
		t.Errorf("%d messages after the same time was applied again, want 2", n)
	}
	again("2026-03-02 13:00", "changed")
	r.at(0, 13, 0)
	if n := len(r.server.Messages()); n != 4 {
		t.Errorf("%d messages after another time was applied, want 4", n)
	}
}

const cart = `
campaign: welcome
topic: guides
start: { event: { name: cart.abandoned, where: { total: { above: 30 } } } }
reentry: %s
exit: [ { event: order.placed } ]
steps: [ { send: one }, { wait: 1d }, { send: two } ]
`

func (r *run) refusals() map[string]int64 {
	r.t.Helper()
	out := map[string]int64{}
	p, err := r.Store.Progress(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, x := range p {
		for _, f := range x.Refusals {
			out[f.Reason] += f.Count
		}
	}
	return out
}

func TestRule04AnEventStartsAndIsRecordedWhenAlreadyIn(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": fmt.Sprintf(cart, "always")})
	r.event("cart.abandoned", "p00000@example.com", "cart 1", map[string]any{"total": 40})
	r.event("cart.abandoned", "p00001@example.com", "cart 2", map[string]any{"total": 20})
	r.settle()
	if n := len(r.server.Messages()); n != 1 {
		t.Fatalf("%d messages, want 1: the second cart is too small", n)
	}
	r.event("cart.abandoned", "p00000@example.com", "cart 3", map[string]any{"total": 50})
	r.settle()
	if n := len(r.server.Messages()); n != 1 {
		t.Errorf("%d messages, want 1: the contact is in the campaign", n)
	}
	if got := r.refusals()["already in"]; got != 1 {
		t.Errorf("refusals %v, want one as already in", r.refusals())
	}
	r.event("order.placed", "p00000@example.com", "order", map[string]any{"total": 50})
	r.at(2, 9, 0)
	if n := len(r.server.Messages()); n != 1 {
		t.Errorf("%d messages, want 1: the order ends it", n)
	}
}

func TestRule04RestartEndsTheOldOne(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": fmt.Sprintf(cart, "restart")})
	r.event("cart.abandoned", "p00000@example.com", "cart 1", map[string]any{"total": 40})
	r.settle()
	r.at(0, 20, 0)
	r.event("cart.abandoned", "p00000@example.com", "cart 2", map[string]any{"total": 60})
	r.settle()
	r.at(1, 9, 0) // a day after the first cart: that enrolment is over
	if n := len(r.server.Messages()); n != 2 {
		t.Fatalf("%d messages, want 2", n)
	}
	r.at(1, 20, 0)
	if n := len(r.server.Messages()); n != 3 || r.server.Duplicates() != 0 {
		t.Errorf("%d messages, want 3", n)
	}
}

const enter = `
campaign: welcome
topic: guides
audience: { segment: buyers }
start: { enter: segment%s }
steps: [ { send: one } ]
`

func TestRule05EntryEnrolsAndTheBaselineDoesNot(t *testing.T) {
	buyers := "segment: buyers\nwhere: { event: order.placed }\n"
	r := start(t, 3, smtptest.Options{}, "", nil)
	r.event("order.placed", "p00000@example.com", "early", nil)
	r.settle()
	files := map[string]string{"rapport.yaml": live(r.server.Port, ""), "campaigns/welcome.yaml": fmt.Sprintf(enter, ""), "segments/buyers.yaml": buyers}
	apply(t, r.Engine, shopWith(t, files))
	r.settle()
	if n := len(r.server.Messages()); n != 0 {
		t.Fatalf("%d messages: who was in before is the baseline", n)
	}
	r.event("order.placed", "p00001@example.com", "late", nil)
	r.settle()
	r.event("order.placed", "p00001@example.com", "again", nil)
	r.settle()
	if n := len(r.server.Messages()); n != 1 || r.server.Messages()[0].To != "p00001@example.com" {
		t.Fatalf("%d messages, want one to who entered", n)
	}
}

func TestRule05IncludeCurrentEnrolsThoseWhoAreIn(t *testing.T) {
	r := start(t, 3, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": "",
		"segments/buyers.yaml": "segment: buyers\nwhere: { event: order.placed }\n"})
	r.event("order.placed", "p00000@example.com", "early", nil)
	r.settle()
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": live(r.server.Port, ""), "campaigns/welcome.yaml": fmt.Sprintf(enter, ", include_current: true"),
		"segments/buyers.yaml": "segment: buyers\nwhere: { event: order.placed }\n"}))
	r.settle()
	if n := len(r.server.Messages()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestRule05And06TimeMovesPeopleToo(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": fmt.Sprintf(enter, ""),
		"segments/buyers.yaml":   "segment: buyers\nwhere: [ { event: order.placed }, { not: { event: order.placed, in_last: 10d } } ]\n",
		"relationship.yaml": `
ladder:
  - stage: stranger
  - stage: prospect
    when: { consent: guides }
  - stage: customer
    when: { event: order.placed, in_last: 5d }
    keep: { event: order.placed, in_last: 5d }
health: { purchase: order.placed }
`})
	r.event("order.placed", "p00000@example.com", "order", nil)
	r.settle()
	if c := r.contact("p00000@example.com"); c.Stage != "customer" {
		t.Fatalf("stage %s, want customer", c.Stage)
	}
	r.at(4, 8, 0)
	if c := r.contact("p00000@example.com"); c.Stage != "customer" {
		t.Errorf("stage %s after four days, want customer", c.Stage)
	}
	r.at(5, 8, 1)
	c := r.contact("p00000@example.com")
	if c.Stage != "prospect" || !c.StageSince.Equal(monday.AddDate(0, 0, 5)) && !c.StageSince.Equal(monday.AddDate(0, 0, 5).Add(time.Millisecond)) {
		t.Errorf("stage %s since %s, want prospect since the window ended", c.Stage, c.StageSince)
	}
	r.at(9, 8, 0)
	if n := len(r.server.Messages()); n != 0 {
		t.Fatalf("%d messages too early", n)
	}
	r.at(10, 9, 0)
	if n := len(r.server.Messages()); n != 1 {
		t.Errorf("%d messages ten days after the order, want 1", n)
	}
}

func TestRule07ControlIsHeldOutAndClosed(t *testing.T) {
	r := start(t, 200, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": one + "control: 30%\ngoal: { event: order.placed, within: 3d }\n"})
	r.at(0, 9, 0)
	sent := len(r.server.Messages())
	if sent < 110 || sent > 170 {
		t.Fatalf("%d of 200 were mailed with 30 %% held out", sent)
	}
	totals, err := r.Store.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := totals.Enrolments["control"]; n != int64(200-sent) {
		t.Errorf("%d in control, want %d", n, 200-sent)
	}
	r.at(4, 9, 0)
	held := 0
	for i := range 200 {
		id := r.contact(fmt.Sprintf("p%05d@example.com", i)).ID
		f, err := r.Store.LoadFacts(t.Context(), []contacts.ID{id})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range f[id].Campaigns {
			if p.State == "control" {
				held++
				if want := monday.AddDate(0, 0, 3).Add(time.Hour); !p.EndedAt.Equal(want) {
					t.Fatalf("control ended %s, want %s: when the goal's window does", p.EndedAt, want)
				}
			}
		}
	}
	if held != 200-sent || len(r.server.Messages()) != sent {
		t.Errorf("%d held out, want %d; %d messages, want %d", held, 200-sent, len(r.server.Messages()), sent)
	}
}

func TestRule13AWorkspaceThatTakesAwayWhatIsNeededIsRefused(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\nsteps: [ { send: one }, { wait: 2d }, { send: two } ]\n"})
	r.at(0, 9, 0)
	w := shopWith(t, map[string]string{"rapport.yaml": live(r.server.Port, ""), "campaigns/welcome.yaml": one, "templates/two.md": ""})
	_, err := Apply(t.Context(), r.Store, w, "test", r.clock.Now())
	want := "cannot remove template two (campaign welcome): enrolments on their way still need it; keep it until they have passed, move them on with --migrate, or end them with --stop"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestRule13EnrolmentsKeepTheirSteps(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "", map[string]string{
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\nsteps: [ { send: one }, { wait: 2d }, { send: two } ]\n"})
	r.at(0, 9, 0)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": live(r.server.Port, ""),
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\nsteps: [ { send: three } ]\n"}))
	signUp(t, r.Store, 2, r.clock.Now())
	r.at(1, 9, 0)
	r.at(2, 9, 0)
	list, err := r.Store.Messages(t.Context(), store.MessageFilter{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, m := range list {
		got[m.Email+" "+m.Template]++
	}
	for _, want := range []string{"p00000@example.com one", "p00000@example.com two", "p00001@example.com three"} {
		if got[want] != 1 {
			t.Errorf("%s: %d messages, want 1; all: %v", want, got[want], got)
		}
	}
}
