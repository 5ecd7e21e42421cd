package campaigns

import (
	"testing"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

func TestRule01_ASendParksAndTheWaitCountsFromItsOutcome(t *testing.T) {
	d := define(t, head+"steps: [ { send: a }, { wait: 3d }, { send: b } ]\n")
	for _, c := range []struct {
		state MessageState
		at    string // of the outcome: sent, the intent, or the decision
		until string
	}{
		{Sent, "2026-03-05 08:00", "2026-03-08 08:00"},
		{Unknown, "2026-03-05 07:59", "2026-03-08 07:59"},
		{Skipped, "2026-03-04 12:00", "2026-03-07 12:00"},
		{Failed, "2026-03-02 09:30", "2026-03-05 09:30"},
	} {
		t.Run(string(c.state), func(t *testing.T) {
			s := begin(t, d, "2026-03-02 09:00")
			s.next("2026-03-02 09:00")
			s.parked("a")
			s.next("2026-03-04 09:00") // no outcome: nothing happens
			if s.e.State != Parked || s.last.Message != nil {
				t.Fatalf("moved without an outcome: %+v", s.last)
			}
			s.settled(c.state, "", c.at)
			s.next("2026-03-05 08:00")
			s.waits("wait#1", c.until)
			s.traced("send:a", string(c.state))
			s.next(c.until)
			s.parked("b")
			s.settled(Sent, "", "2026-03-20 09:00")
			s.next("2026-03-20 09:00")
			s.ended(Finished, "")
		})
	}
}

func TestRule01_WaitForDoesNotExpireBeforeItsMailHasLeft(t *testing.T) {
	d := define(t, head+`
steps:
  - send: a
  - wait_for: { email: clicked, template: a, up_to: 4d }
    then: [ { send: yes } ]
    else: [ { send: no } ]
`)
	s := begin(t, d, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.settled(Sent, "", "2026-03-12 09:00") // held back for ten days
	s.next("2026-03-12 09:00")
	s.waits("wait_for#1", "2026-03-16 09:00")
	s.mail("email.clicked", "a", "2026-03-15 20:00")
	s.next("2026-03-15 20:00")
	s.parked("yes")
}

func TestRule01_WindowsQuietHoursAndLimitsMoveTheMessage(t *testing.T) {
	d := define(t, head+`
deliver: { window: { days: MON-FRI, from: "09:00", to: "18:00", timezone: Europe/Berlin } }
steps: [ { send: a } ]
`)
	s := begin(t, d, "2026-03-06 19:00") // a Friday
	s.permit = Permit{Limits: []Limit{{Max: 1, Per: calendar.Span{Days: 3}}}}
	s.permit.Sent = append(s.permit.Sent, at("2026-03-06 10:00"))
	s.next("2026-03-06 19:00")
	s.parked("a")
	if got, want := s.last.Message.NotBefore, at("2026-03-09 09:00"); !got.Equal(want) {
		t.Errorf("not before %s, want %s", got, want)
	}
	const hold = "outside the delivery window; from 2026-03-09 09:00"
	if s.last.Message.Hold != hold {
		t.Errorf("held for %q, want %q", s.last.Message.Hold, hold)
	}
}

func TestRule02_DaysKeepTheWallTime(t *testing.T) {
	for _, c := range []struct{ name, wait, from, until string }{
		{"over the change to summer time", "3d", "2026-03-27 09:00", "2026-03-30 09:00"},
		{"over the change to winter time", "1d", "2026-10-24 09:00", "2026-10-25 09:00"},
		{"a wall time that does not exist", "1d", "2026-03-28 02:30", "2026-03-29 03:00"},
		{"weeks", "2w", "2026-03-27 09:00", "2026-04-10 09:00"},
		{"hours follow the clock", "24h", "2026-03-28 09:00", "2026-03-29 10:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := define(t, head+"steps: [ { wait: "+c.wait+" }, { send: a } ]\n")
			s := begin(t, d, c.from)
			s.next(c.from)
			s.waits("wait#1", c.until)
		})
	}
}

func TestRule02_TheZoneOfDays(t *testing.T) {
	tokyo, newYork := mustZone("Asia/Tokyo"), mustZone("America/New_York")
	contact := &contacts.Contact{Timezone: "America/New_York"}
	for _, c := range []struct {
		name, text string
		want       string
	}{
		{"of the window", `deliver: { window: { from: "09:00", to: "18:00", timezone: contact } }`, newYork.String()},
		{"a window that names none", `deliver: { window: { from: "09:00", to: "18:00" } }`, tokyo.String()},
		{"of the start", `{}`, tokyo.String()},
	} {
		text := "campaign: welcome\ntopic: guides\nsender: mia\nstart: { schedule: \"0 9 * * *\", timezone: Asia/Tokyo }\nsteps: [ { send: a } ]\n"
		if c.text != "{}" {
			text += c.text + "\n"
		}
		if got := define(t, text).Zone(contact, berlin).String(); got != c.want {
			t.Errorf("%s: days are counted in %s, want %s", c.name, got, c.want)
		}
	}
	d := define(t, head+"steps: [ { send: a } ]\n")
	if got := d.Zone(contact, berlin); got != berlin {
		t.Errorf("without window and zone days are counted in %s, want the company's", got)
	}
	d.Deliver.Zone = ContactZone
	if got := d.Zone(&contacts.Contact{Timezone: "Nowhere/Land"}, berlin); got != berlin {
		t.Errorf("a contact in no real zone counts days in %s, want the company's", got)
	}
}

func TestRule02_WaitUntilAWeekday(t *testing.T) {
	d := define(t, head+`steps: [ { wait: { until: "TUE 10:00" } }, { send: a } ]`+"\n")
	for _, c := range []struct{ name, from, looked, until string }{
		{"the next Tuesday", "2026-03-04 09:00", "2026-03-04 09:00", "2026-03-10 10:00"},
		{"later on the same day", "2026-03-03 09:00", "2026-03-03 09:00", "2026-03-03 10:00"},
		{"the hour has passed", "2026-03-03 10:01", "2026-03-03 10:01", "2026-03-10 10:00"},
		{"a scheduler that was away over Tuesday", "2026-03-02 09:00", "2026-03-05 09:00", "2026-03-10 10:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := begin(t, d, c.from)
			s.next(c.looked)
			s.waits("wait#1", c.until)
		})
	}
	t.Run("the moment itself passes at once", func(t *testing.T) {
		s := begin(t, d, "2026-03-03 10:00")
		s.next("2026-03-03 10:00")
		s.parked("a")
	})
	t.Run("a scheduler that is late on the day", func(t *testing.T) {
		s := begin(t, d, "2026-03-02 09:00")
		s.next("2026-03-03 15:00")
		s.parked("a")
	})
}

func TestRule02_WaitUntilADateOfTheContact(t *testing.T) {
	d := define(t, head+`steps: [ { wait: { until: attribute.renewal_date, offset: -14d } }, { send: a } ]`+"\n")
	s := begin(t, d, "2026-03-02 09:00")
	s.facts.Contact.Attributes = map[string]any{"renewal_date": "2026-04-10"}
	s.next("2026-03-02 09:00")
	s.waits("wait#1", "2026-03-27 00:00")
	s.facts.Contact.Attributes = map[string]any{"renewal_date": "2026-05-10"} // it has been put off
	s.next("2026-03-27 00:00")
	s.waits("wait#1", "2026-04-26 00:00")
	s.next("2026-04-26 00:00")
	s.parked("a")

	s = begin(t, d, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.ended(Exited, "attribute renewal_date holds no date to wait for")
}

func TestRule02_ALateSchedulerShiftsNothing(t *testing.T) {
	d := define(t, head+"steps: [ { wait: 1d }, { wait: 2d }, { send: a } ]\n")
	s := begin(t, d, "2026-03-02 09:00")
	s.next("2026-03-02 09:07")
	s.waits("wait#1", "2026-03-03 09:00")
	s.next("2026-03-03 11:30")
	s.waits("wait#2", "2026-03-05 09:00")
}

func TestRule02_LimitsAndQuietHours(t *testing.T) {
	quiet := &calendar.Quiet{From: 21 * 60, To: 8 * 60}
	day := func(limit, days int) Limit { return Limit{Max: limit, Per: calendar.Span{Days: days}} }
	rolling := Limit{Max: 1, Per: calendar.Span{Clock: 12 * 60 * 60 * 1e9}}
	for _, c := range []struct {
		name   string
		permit Permit
		sent   []string
		now    string
		want   string
		reason string
	}{
		{"nothing holds it", Permit{Quiet: quiet, Limits: []Limit{day(1, 1)}}, nil, "2026-03-02 12:00", "2026-03-02 12:00", ""},
		{"quiet hours start", Permit{Quiet: quiet}, nil, "2026-03-02 21:00", "2026-03-03 08:00", "quiet hours; from 2026-03-03 08:00"},
		{"the minute before", Permit{Quiet: quiet}, nil, "2026-03-02 20:59", "2026-03-02 20:59", ""},
		{"quiet hours end", Permit{Quiet: quiet}, nil, "2026-03-02 08:00", "2026-03-02 08:00", ""},
		{"a day is today", Permit{Limits: []Limit{day(1, 1)}}, []string{"2026-03-02 00:01"}, "2026-03-02 23:00", "2026-03-03 00:00", "limit of 1 per 1d reached; from 2026-03-03 00:00"},
		{"yesterday is another day", Permit{Limits: []Limit{day(1, 1)}}, []string{"2026-03-01 23:59"}, "2026-03-02 00:00", "2026-03-02 00:00", ""},
		{"seven days are today and six before", Permit{Limits: []Limit{day(1, 7)}}, []string{"2026-03-02 09:00"}, "2026-03-08 23:59", "2026-03-09 00:00", "limit of 1 per 7d reached; from 2026-03-09 00:00"},
		{"hours roll", Permit{Limits: []Limit{rolling}}, []string{"2026-03-02 09:30"}, "2026-03-02 12:00", "2026-03-02 21:30", "limit of 1 per 12h reached; from 2026-03-02 21:30"},
		{"then quiet hours", Permit{Quiet: quiet, Limits: []Limit{rolling}}, []string{"2026-03-02 09:30"}, "2026-03-02 12:00", "2026-03-03 08:00", "limit of 1 per 12h reached, quiet hours; from 2026-03-03 08:00"},
		{"the later limit counts", Permit{Limits: []Limit{day(2, 1), day(3, 7)}}, []string{"2026-03-01 09:00", "2026-03-02 09:00", "2026-03-02 10:00"}, "2026-03-02 12:00", "2026-03-08 00:00", "limit of 3 per 7d reached; from 2026-03-08 00:00"},
		{"transactional mail is held by the window only", Permit{Transactional: true, Quiet: quiet, Limits: []Limit{day(1, 1)}}, []string{"2026-03-02 09:30"}, "2026-03-02 22:00", "2026-03-02 22:00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.permit.ContactZone, c.permit.QuietZone, c.permit.WindowZone = berlin, berlin, berlin
			for _, text := range c.sent {
				c.permit.Sent = append(c.permit.Sent, at(text))
			}
			got, reason := c.permit.Allowed(at(c.now))
			if !got.Equal(at(c.want)) || reason != c.reason {
				t.Errorf("may go at %s (%q), want %s (%q)", got.In(berlin), reason, c.want, c.reason)
			}
		})
	}
}

func TestRule02_RulesThatLeaveNoMoment(t *testing.T) {
	night := Permit{
		Window: &calendar.Window{Days: calendar.EveryDay, From: 22 * 60, To: 23 * 60}, WindowZone: berlin,
		Quiet: &calendar.Quiet{From: 21 * 60, To: 8 * 60}, QuietZone: berlin,
	}
	got, reason := night.Allowed(at("2026-03-02 12:00"))
	if !got.IsZero() || reason != "the delivery window lies wholly within quiet hours" {
		t.Errorf("may go at %s (%q), want never", got, reason)
	}
	none := Permit{Limits: []Limit{{Max: 0, Per: calendar.Span{Days: 1}}}}
	if got, reason = none.Allowed(at("2026-03-02 12:00")); !got.IsZero() || reason != "a limit of none per 1d lets nothing go" {
		t.Errorf("may go at %s (%q), want never", got, reason)
	}
}

func TestRule03_WhatExitsLookBackAt(t *testing.T) {
	d := define(t, head+"exit: [ { event: order.placed } ]\nsteps: [ { send: a }, { wait: 3d }, { send: b } ]\n")
	s := begin(t, d, "2026-03-02 09:00")
	s.event("order.placed", "2026-02-01 12:00", nil) // before the enrolment
	s.next("2026-03-02 09:00")
	s.parked("a")
	s.settled(Sent, "", "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.event("order.placed", "2026-03-03 10:00", nil)
	if reason, ok := ExitReason(s.input("2026-03-03 10:00")); !ok || reason != "event order.placed" {
		t.Fatalf("exit on the new event: %q %v", reason, ok)
	}
	s.next("2026-03-03 10:00")
	s.ended(Exited, "event order.placed")

	ever := define(t, head+"exit: [ { event: order.placed, ever: true } ]\nsteps: [ { send: a } ]\n")
	s = begin(t, ever, "2026-03-02 09:00")
	s.event("order.placed", "2026-02-01 12:00", nil)
	s.next("2026-03-02 09:00")
	if s.e.State != Exited {
		t.Errorf("ever: true must see what was before: %+v", s.e)
	}
}

func TestRule03_TheStartingEventIsNoExit(t *testing.T) {
	d := define(t, `
campaign: welcome
topic: guides
sender: mia
start: { event: order.placed }
exit: [ { event: order.placed } ]
steps: [ { wait: 1d }, { send: thanks } ]
`)
	s := begin(t, d, "2026-03-02 09:05")
	s.event("order.placed", "2026-03-02 09:00", nil)
	s.e.Origin = Origin{Event: 1, Name: "order.placed", At: at("2026-03-02 09:00")}
	s.next("2026-03-02 09:05")
	s.waits("wait#1", "2026-03-03 09:05")
	s.event("order.placed", "2026-03-02 09:02", nil) // after the event, before the enrolment was written
	s.next("2026-03-02 09:06")
	s.ended(Exited, "event order.placed")
}

func TestRule03_OnlyThisEnrolmentsMail(t *testing.T) {
	d := define(t, head+`
exit: [ { email: replied } ]
steps:
  - send: a
  - wait_for: { email: clicked, up_to: 2d }
    then: [ { send: yes } ]
    else: [ { send: no } ]
`)
	s := begin(t, d, "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.settled(Sent, "", "2026-03-02 09:00")
	s.mail("email.clicked", "a", "2026-03-02 12:00")
	s.mail("email.replied", "a", "2026-03-02 12:00")
	for i := range s.facts.Events {
		s.facts.Events[i].Message = 900 << 10 // of another enrolment
	}
	s.next("2026-03-02 12:00")
	s.waits("wait_for#1", "2026-03-04 09:00")
	s.mail("email.clicked", "a", "2026-03-02 13:00")
	s.next("2026-03-02 13:00")
	s.parked("yes")
}

func TestRule03_BranchesSeeEverything(t *testing.T) {
	d := define(t, head+`
steps:
  - if: { event: order.placed }
    then: [ { send: buyer } ]
    else: [ { send: stranger } ]
`)
	s := begin(t, d, "2026-03-02 09:00")
	s.event("order.placed", "2025-02-01 12:00", nil)
	s.next("2026-03-02 09:00")
	s.parked("buyer")
	s.traced("if#1", "took then")
}

func TestRule03_AGoalDoesNotEndTheEnrolment(t *testing.T) {
	d := define(t, head+"goal: { event: order.placed, within: 14d, value: total }\nsteps: [ { wait: 30d }, { send: a } ]\n")
	s := begin(t, d, "2026-03-02 09:00")
	s.event("order.placed", "2026-02-02 09:00", map[string]any{"total": 1.0})
	s.next("2026-03-02 09:00")
	if _, ok := Converted(s.input("2026-03-03 09:00")); ok {
		t.Error("an order before the enrolment converts nobody")
	}
	s.event("order.placed", "2026-03-10 09:00", map[string]any{"total": 89.5})
	c, ok := Converted(s.input("2026-03-20 09:00"))
	if !ok || !c.At.Equal(at("2026-03-10 09:00")) || c.Value != 89.5 || c.Event != 2 {
		t.Errorf("converted %+v %v", c, ok)
	}
	s.next("2026-03-20 09:00")
	s.waits("wait#1", "2026-04-01 09:00")

	late := begin(t, d, "2026-03-02 09:00")
	late.event("order.placed", "2026-03-16 09:01", nil)
	if got, ok := Converted(late.input("2026-03-20 09:00")); ok {
		t.Errorf("converted at %s, after the goal's 14 days", got.At)
	}
}

// The worth of a goal is found and counted as that of a purchase is.
func TestRule03_TheWorthOfAGoalIsFoundByItsPath(t *testing.T) {
	d := define(t, head+"goal: { event: order.placed, within: 14d, value: order.total }\nsteps: [ { wait: 30d }, { send: a } ]\n")
	for _, c := range []struct {
		name       string
		properties map[string]any
		want       float64
	}{
		{"nested", map[string]any{"order": map[string]any{"total": 89.5}}, 89.5},
		{"a key with a dot", map[string]any{"order.total": int64(12)}, 12},
		{"to the millionth", map[string]any{"order": map[string]any{"total": 1.0 / 3}}, 0.333333},
		{"a text", map[string]any{"order": map[string]any{"total": "89.5"}}, 0},
		{"none", nil, 0},
	} {
		s := begin(t, d, "2026-03-02 09:00")
		s.event("order.placed", "2026-03-10 09:00", c.properties)
		if got, ok := Converted(s.input("2026-03-20 09:00")); !ok || got.Value != c.want {
			t.Errorf("%s: converted %+v %v, want a worth of %v", c.name, got, ok, c.want)
		}
	}
}

func TestRule03_AGoalThatHeldAtTheStart(t *testing.T) {
	d := define(t, head+"goal: { stage: customer, within: 14d }\nsteps: [ { wait: 30d }, { send: a } ]\n")
	s := begin(t, d, "2026-03-02 09:00")
	s.facts.Contact.Stage = "customer"
	if got, ok := Converted(s.input("2026-03-05 09:00")); ok {
		t.Errorf("converted at %s although nothing has changed", got.At)
	}
	s.facts.Changes = []contacts.StageChange{{Kind: "stage", From: "prospect", To: "customer", At: at("2026-03-04 09:00")}}
	if got, ok := Converted(s.input("2026-03-05 09:00")); !ok || !got.At.Equal(at("2026-03-04 09:00")) {
		t.Errorf("converted at %s %v, want when the stage changed", got.At, ok)
	}
}
