package campaigns

import (
	"math"
	"testing"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/strict"
	"rapport/segments"
)

func TestRule04_Firings(t *testing.T) {
	daily := define(t, head+"steps: [ { send: a } ]\n")
	type want struct {
		wall, reason string
	}
	for _, c := range []struct {
		name, last, now string
		want            []want
	}{
		{"on time", "2026-03-02 09:00", "2026-03-03 09:00", []want{{"2026-03-03T09:00", ""}}},
		{"a little late", "2026-03-02 09:00", "2026-03-03 20:59", []want{{"2026-03-03T09:00", ""}}},
		{"at the catch-up", "2026-03-02 09:00", "2026-03-03 21:00", []want{{"2026-03-03T09:00", ""}}},
		{"later than the catch-up", "2026-03-02 09:00", "2026-03-03 21:01", []want{{"2026-03-03T09:00", "missed by more than 12h"}}},
		{"after a downtime the latest runs", "2026-03-02 09:00", "2026-03-05 10:00", []want{
			{"2026-03-03T09:00", "missed: a later firing runs instead"},
			{"2026-03-04T09:00", "missed: a later firing runs instead"},
			{"2026-03-05T09:00", ""},
		}},
		{"nothing to do", "2026-03-02 09:00", "2026-03-03 08:59", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := daily.Firings(at(c.last), at(c.now), berlin)
			if len(got) != len(c.want) {
				t.Fatalf("%d firings %+v, want %d", len(got), got, len(c.want))
			}
			for i, f := range got {
				if f.Wall != c.want[i].wall || f.Reason != c.want[i].reason || f.Run != (f.Reason == "") {
					t.Errorf("firing %+v, want %+v", f, c.want[i])
				}
			}
		})
	}
}

func TestRule04_DoubledHourAndOnce(t *testing.T) {
	night := define(t, `
campaign: welcome
topic: guides
sender: mia
start: { schedule: "30 2 * * *" }
steps: [ { send: a } ]
`)
	if got := night.Firings(at("2026-10-24 12:00"), at("2026-10-25 12:00"), berlin); len(got) != 1 {
		t.Errorf("a fixed hour in the doubled hour fires %d times, want once: %+v", len(got), got)
	}
	once := define(t, `
campaign: welcome
topic: guides
sender: mia
start: { once: 2026-12-01 09:00 }
steps: [ { send: a } ]
`)
	for now, run := range map[string]bool{"2026-12-01 09:00": true, "2026-12-01 20:00": true, "2026-12-03 09:00": false} {
		got := once.Firings(time.Time{}, at(now), berlin)
		if len(got) != 1 || got[0].Run != run || got[0].Wall != "2026-12-01T09:00" || !got[0].At.Equal(at("2026-12-01 09:00")) {
			t.Errorf("at %s: %+v, want it to run: %v", now, got, run)
		}
	}
	if got := once.Firings(time.Time{}, at("2026-12-01 08:59"), berlin); len(got) != 0 {
		t.Errorf("fires early: %+v", got)
	}
	if f, ok := once.NextFiring(at("2026-11-01 00:00"), berlin); !ok || !f.At.Equal(at("2026-12-01 09:00")) {
		t.Errorf("next firing %+v %v", f, ok)
	}
	if _, ok := once.NextFiring(at("2026-12-01 09:00"), berlin); ok {
		t.Error("a once that has fired has no next firing")
	}
}

// applicant asks for a contact with consent to guides.
func applicant(d *Definition, now string, before ...contacts.Participation) Applicant {
	return Applicant{
		Definition: d, Now: at(now), Zone: berlin,
		Facts: &contacts.Facts{
			Contact:   contacts.Contact{ID: 1, Seed: 5},
			Consents:  []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, At: at("2026-01-01 00:00")}},
			Campaigns: before,
		},
	}
}

func TestRule04_ReentryAndAlreadyIn(t *testing.T) {
	running := contacts.Participation{Campaign: "welcome", State: "active", StartedAt: at("2026-03-01 09:00")}
	over := contacts.Participation{Campaign: "welcome", State: "finished", StartedAt: at("2026-03-01 09:00"), EndedAt: at("2026-03-20 09:00")}
	other := contacts.Participation{Campaign: "winter", State: "active", StartedAt: at("2026-03-01 09:00")}
	for _, c := range []struct {
		name, reentry, now string
		before             contacts.Participation
		want               Admission
	}{
		{"never was in", "never", "2026-04-01 09:00", other, Admission{Enrol, ""}},
		{"running", "always", "2026-04-01 09:00", running, Admission{AlreadyIn, "enrolled since 2026-03-01 09:00"}},
		{"running, restart", "restart", "2026-04-01 09:00", running, Admission{Restart, "started anew"}},
		{"over, never", "never", "2026-04-01 09:00", over, Admission{Refused, "was in this campaign before, and reentry is never"}},
		{"over, always", "always", "2026-04-01 09:00", over, Admission{Enrol, ""}},
		{"over, restart", "restart", "2026-04-01 09:00", over, Admission{Enrol, ""}},
		{"over, too early", "{ after: 90d }", "2026-05-30 08:59", over, Admission{Refused, "reentry only after 90d"}},
		{"over, 90 calendar days after its start", "{ after: 90d }", "2026-05-30 09:00", over, Admission{Enrol, ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := define(t, head+"reentry: "+c.reentry+"\nsteps: [ { send: a } ]\n")
			if got := Admit(applicant(d, c.now, c.before)); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRule07_NotEnrolledWithTheReason(t *testing.T) {
	d := define(t, head+"audience: { segment: new, exclude: [rivals] }\nsteps: [ { send: a } ]\n")
	set := segments.Set{
		"new":    segment(t, "new", "attribute: country\n    is: DE"),
		"rivals": segment(t, "rivals", "attribute: rival\n    is: true"),
	}
	consent := func(state string) []contacts.Consent {
		return []contacts.Consent{{Topic: "guides", State: state, At: at("2026-01-01 00:00")}}
	}
	for _, c := range []struct {
		name   string
		change func(*contacts.Facts)
		want   Admission
	}{
		{"all is well", func(*contacts.Facts) {}, Admission{Enrol, ""}},
		{"no consent", func(f *contacts.Facts) { f.Consents = nil }, Admission{Refused, "no consent to guides"}},
		{"withdrawn", func(f *contacts.Facts) { f.Consents = consent("withdrawn") }, Admission{Refused, "consent to guides is withdrawn"}},
		{"pending", func(f *contacts.Facts) { f.Consents = consent("pending") }, Admission{Refused, "consent to guides is pending"}},
		{"suppressed", func(f *contacts.Facts) {
			f.Contact.Suppression = &contacts.Suppression{Reason: contacts.ReasonComplaint}
		}, Admission{Refused, "suppressed: complaint"}},
		{"erased", func(f *contacts.Facts) { f.Contact.Erased = true }, Admission{Refused, "erased"}},
		{"outside the audience", func(f *contacts.Facts) { f.Contact.Attributes["country"] = "FR" }, Admission{Refused, "not in segment new"}},
		{"excluded", func(f *contacts.Facts) { f.Contact.Attributes["rival"] = true }, Admission{Refused, "excluded: in segment rivals"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := applicant(d, "2026-03-02 09:00")
			a.Segments = set
			a.Facts.Contact.Attributes = map[string]any{"country": "DE"}
			c.change(a.Facts)
			if got := Admit(a); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func segment(t *testing.T, name, where string) *segments.Segment {
	t.Helper()
	var findings strict.Findings
	n, _ := strict.Parse("segments/"+name+".yaml", []byte("segment: "+name+"\nwhere:\n  - "+where+"\n"), &findings)
	s, ok := segments.DecodeSegment(n, "segments/"+name+".yaml", nil)
	if !ok || findings.Errors() > 0 {
		t.Fatalf("the segment of this test is wrong: %+v", findings.All())
	}
	return s
}

func TestRule07_Control(t *testing.T) {
	d := define(t, head+"control: 10%\nreentry: always\ngoal: { event: order.placed, within: 14d }\nsteps: [ { set: { attributes.x: 1 } }, { send: a } ]\n")
	const people = 20_000
	held, first := 0, uint32(0)
	for seed := range uint32(people) {
		a := applicant(d, "2026-03-02 09:00")
		a.Facts.Contact.Seed = seed
		verdict := Admit(a)
		if again := Admit(a); again != verdict {
			t.Fatalf("the same contact is %+v and then %+v", verdict, again)
		}
		if verdict.Verdict == HeldOut {
			held++
			first = seed
		}
		a.ControlOff = true
		if got := Admit(a).Verdict; got != Enrol {
			t.Fatalf("with control off: %s", got)
		}
	}
	if share := float64(held) / people; math.Abs(share-0.1) > 0.01 {
		t.Errorf("%.3f are held out, want 0.1", share)
	}

	s := begin(t, d, "2026-03-02 09:00")
	s.facts.Contact.Seed = first
	s.e = Begin(enrolmentID, 1, HeldOut, at("2026-03-02 09:00"))
	s.next("2026-03-02 09:00")
	if s.e.State != Control || s.last.Message != nil || s.last.Set != nil || !s.e.DueAt.Equal(at("2026-03-16 09:00")) {
		t.Fatalf("no step of a control enrolment runs: %+v", s.last)
	}
	s.event("order.placed", "2026-03-05 09:00", nil)
	if _, ok := Converted(s.input("2026-03-06 09:00")); !ok {
		t.Error("a held-out contact who buys has converted")
	}
	s.next("2026-03-17 09:00")
	if s.e.State != Control || !s.e.EndedAt.Equal(at("2026-03-16 09:00")) || !s.e.DueAt.IsZero() {
		t.Errorf("it closes when the goal's window ends: %+v", s.e)
	}
}

func TestRule07_PermissionLostOnTheWay(t *testing.T) {
	d := define(t, head+"steps: [ { send: a }, { wait: 1d }, { send: b } ]\n")
	s := begin(t, d, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.consent("guides", contacts.ConsentWithdrawn, "2026-03-02 10:00")
	s.next("2026-03-02 10:00") // while its message is still queued
	if want := int64(enrolmentID | 1); s.last.Withdraw != want {
		t.Errorf("withdraws message %d, want %d", s.last.Withdraw, want)
	}
	s.ended(Exited, "consent to guides is withdrawn")
}

func TestRule07_AFaultOfOneMessagePassesItsStep(t *testing.T) {
	d := define(t, head+`
steps:
  - send: a
  - wait_for: { email: clicked, template: a, up_to: 4d }
    then: [ { send: yes } ]
    else: [ { send: no } ]
`)
	for _, state := range []MessageState{Failed, Skipped} {
		s := begin(t, d, "2026-03-02 09:00")
		s.next("2026-03-02 09:00")
		s.settled(state, "the template has a fault", "2026-03-02 09:01")
		s.next("2026-03-02 09:01")
		s.parked("no")
		s.traced("wait_for#1", "took else")
	}
	s := begin(t, d, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.settled(Unknown, "", "2026-03-02 09:01") // it may have gone
	s.next("2026-03-02 09:01")
	s.waits("wait_for#1", "2026-03-06 09:01")
}

func TestRule07_WhichConditionsAreHopeless(t *testing.T) {
	for when, hopeless := range map[string]bool{
		"{ email: clicked, template: a, up_to: 1d }":                                                           true,
		"{ email: clicked, up_to: 1d }":                                                                        true,
		"{ email: clicked, template: b, up_to: 1d }":                                                           true,
		"{ email: clicked, campaign: other, up_to: 1d }":                                                       false,
		"{ email: clicked, ever: true, up_to: 1d }":                                                            false,
		"{ event: order.placed, up_to: 1d }":                                                                   false,
		"{ all: [ { email: clicked, template: a }, { event: order.placed } ], up_to: 1d }":                     true,
		"{ any: [ { email: clicked, template: a }, { event: order.placed } ], up_to: 1d }":                     false,
		"{ any: [ { email: clicked, template: a }, { email: replied } ], up_to: 1d }":                          true,
		"{ not: { all: [ { email: sent, template: a }, { email: sent, template: b } ] }, up_to: 1d }":          false,
		"{ all: [ { any: [ { email: opened }, { event: x } ] }, { not: { email: complained } } ], up_to: 1d }": false,
	} {
		d := define(t, head+"steps:\n  - send: a\n  - wait_for: "+when+"\n  - send: b\n")
		about := d.Steps[1].WaitFor.about
		if got := about.hopeless(func(string) bool { return false }); got != hopeless {
			t.Errorf("%s: hopeless %v, want %v", when, got, hopeless)
		}
		if about.hopeless(func(string) bool { return true }) {
			t.Errorf("%s: hopeless although everything went", when)
		}
	}
}

func TestRule10_PriorityAndExpiry(t *testing.T) {
	noon := at("2026-03-02 12:00")
	high := Rank{Priority: 80, Due: noon.Add(30 * time.Minute), ID: 3}
	low := Rank{Priority: 20, Due: noon, ID: 2}
	if !high.Precedes(low) || low.Precedes(high) {
		t.Error("the higher priority goes first")
	}
	if !low.Yields(high, noon, time.Hour) || high.Yields(low, noon, time.Hour) {
		t.Error("a message yields to one of higher priority that is due within the look-ahead")
	}
	if low.Yields(high, noon, 29*time.Minute) {
		t.Error("it does not yield to one that is due later")
	}
	tie := Rank{Priority: 20, Due: noon, ID: 1}
	if !tie.Precedes(low) || low.Yields(tie, noon, time.Hour) {
		t.Error("ties: earlier due, then id; nobody yields to an equal")
	}

	d := define(t, head+"deliver: { expire: 1d, window: { days: MON, from: \"09:00\", to: \"10:00\" } }\nsteps: [ { send: a }, { wait: 1d }, { send: b } ]\n")
	s := begin(t, d, "2026-03-03 09:00") // a Tuesday
	s.next("2026-03-03 09:00")
	s.parked("a")
	if got, want := s.last.Message.Expires, at("2026-03-10 09:00"); !got.Equal(want) {
		t.Errorf("expires %s, want a day after the window opens, %s", got.In(berlin), want)
	}
	s.settled(Skipped, "expired", "2026-03-10 09:00")
	s.next("2026-03-10 09:00") // the enrolment goes on
	s.waits("wait#1", "2026-03-11 09:00")
	if define(t, head+"steps: [ { send: a } ]\n").Deliver.Expire != (calendar.Span{Days: 3}) {
		t.Error("three days unless said")
	}
}

func TestRule11_Transactional(t *testing.T) {
	d := define(t, `
campaign: welcome
kind: transactional
sender: mia
start: { event: order.placed }
steps: [ { send: receipt } ]
`)
	for _, c := range []struct {
		suppression string
		reason      string
	}{
		{"", ""},
		{contacts.ReasonUnsubscribedAll, ""},
		{contacts.ReasonHardBounce, "suppressed: hard-bounce"},
		{contacts.ReasonComplaint, "suppressed: complaint"},
		{contacts.ReasonManual, "suppressed: manual"},
		{contacts.ReasonErased, "suppressed: erased"},
	} {
		f := &contacts.Facts{} // no consent to anything
		if c.suppression != "" {
			f.Contact.Suppression = &contacts.Suppression{Reason: c.suppression}
		}
		if reason, ok := d.Mailable(f); reason != c.reason || ok != (c.reason == "") {
			t.Errorf("%q: %q %v, want %q", c.suppression, reason, ok, c.reason)
		}
	}
	permit := d.Permit(Permit{Quiet: &calendar.Quiet{From: 0, To: 1439}}, &contacts.Contact{}, berlin)
	if _, reason := permit.Allowed(at("2026-03-02 12:00")); reason != "" {
		t.Errorf("held for %q", reason)
	}
	_, findings := decode(`
campaign: welcome
kind: transactional
sender: mia
start: { schedule: "0 9 * * *" }
steps: [ { send: receipt } ]
`, nil, nil)
	if len(findings) != 1 || findings[0].Message != "a transactional campaign cannot be started by a schedule" {
		t.Errorf("findings %+v", findings)
	}
}
