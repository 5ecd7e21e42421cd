package campaigns

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/calendar"
	"rapport/segments"
)

// everything is the campaign of the language's own page: it uses every part.
const everything = `# campaigns/welcome.yaml
campaign: welcome
description: Three useful guides before the first offer
purpose: acquire
sender: mia
topic: guides
audience:
  segment: new-prospects
  exclude: [competitors, open-tickets]
start:
  schedule: "0 9 * * MON-FRI"
  timezone: Europe/Berlin
reentry: never
deliver:
  window: { days: MON-FRI, from: "09:00", to: "18:00", timezone: contact }
  send_time: best
priority: 50
goal: { event: order.placed, within: 14d, value: total }
exit:
  - event: order.placed
  - stage: { at_least: customer }
  - email: replied
control: 10%
kind: marketing
steps:
  - send: welcome
  - wait: 3d
  - send: { template: guide-fit, subject: "Does your bike fit you?" }
  - wait_for: { email: clicked, template: guide-fit, up_to: 4d }
    then:
      - send: guide-routes
      - award: { points: 20, for: reading the fit guide }
    else:
      - send: guide-fit-short
  - wait: 2d
  - split:
      name: first-offer
      winner: { by: goal, after: 500, certainty: 90% }
      arms:
        - { arm: discount, weight: 50, steps: [ { send: offer-discount } ] }
        - { arm: service,  weight: 50, steps: [ { send: offer-free-service } ] }
  - wait: 2d
  - if: { attribute: country, is: DE }
    then: [ { send: store-invitation } ]
    else: [ { send: online-consultation } ]
  - set: { attributes.onboarded: true }
  - notify: { webhook: crm, task: Call this contact }
  - survey: { nps: after-welcome }
`

func northwind() (*segments.Env, *References) {
	return &segments.Env{
			Segments: []string{"new-prospects", "competitors", "open-tickets"},
			Stages:   []string{"stranger", "prospect", "customer", "client"},
			Topics:   []string{"guides", "offers"},
			Templates: []string{
				"welcome", "guide-fit", "guide-routes", "guide-fit-short", "offer-discount", "offer-free-service",
				"store-invitation", "online-consultation", "after-welcome",
			},
			Campaigns: []string{"welcome"},
		}, &References{
			Senders: []string{"mia"}, Webhooks: []string{"crm"}, Surveys: []string{"after-welcome"}, Loyalty: true,
			TopicSenders: map[string]string{"offers": "mia"},
		}
}

func TestDecodeTheWholeLanguage(t *testing.T) {
	env, refs := northwind()
	d, findings := decode(everything, env, refs)
	for _, f := range findings {
		t.Errorf("%d:%d: %s", f.Line, f.Column, f.Message)
	}
	if d.Name != "welcome" || d.Purpose != "acquire" || d.Control != 0.1 || d.Priority != 50 || d.Topic != "guides" || d.Sender != "mia" {
		t.Errorf("head %+v", d)
	}
	if d.Start.Kind != StartSchedule || d.Start.Expr != "0 9 * * MON-FRI" || d.Start.Timezone != "Europe/Berlin" || d.Start.CatchUp != DefaultCatchUp {
		t.Errorf("start %+v", d.Start)
	}
	if w := d.Deliver.Window; w == nil || w.From != 9*60 || w.To != 18*60 || d.Deliver.Zone != ContactZone || d.Deliver.SendTime != BestTime {
		t.Errorf("deliver %+v", d.Deliver)
	}
	if d.Goal.Within != (calendar.Span{Days: 14}) || d.Goal.Value != "total" || len(d.Exit) != 3 || len(d.Steps) != 11 {
		t.Errorf("goal %+v, %d exits, %d steps", d.Goal, len(d.Exit), len(d.Steps))
	}
	if s := d.Steps[2].Send; s.Subject != "Does your bike fit you?" || s.Template != "guide-fit" {
		t.Errorf("send %+v", s)
	}
	if s := d.Steps[5].Split; s.Winner.Certainty != 0.9 || s.Arms[1].Weight != 50 {
		t.Errorf("split %+v", s)
	}
	if got := len(d.Sends()); got != 9 {
		t.Errorf("%d sends, want 9", got)
	}
}

// TestTheScenarioOfTheLanguage walks through the example of the language's page.
func TestTheScenarioOfTheLanguage(t *testing.T) {
	s := begin(t, define(t, everything), "2026-03-02 09:00")
	s.facts.Contact.Stage = "prospect"
	s.facts.Contact.Attributes = map[string]any{"country": "DE"}
	send := func(template, now string) {
		t.Helper()
		s.next(now)
		s.parked(template)
		if !s.last.Message.NotBefore.Equal(at(now)) {
			t.Errorf("%s may go at %s, want %s", template, s.last.Message.NotBefore.In(berlin), now)
		}
		s.settled(Sent, "", now)
		s.mail("email.sent", template, now)
	}
	send("welcome", "2026-03-02 09:00")
	s.next("2026-03-02 09:00")
	s.waits("wait#1", "2026-03-05 09:00")
	send("guide-fit", "2026-03-05 09:00")
	s.next("2026-03-05 09:00")
	s.waits("wait_for#1", "2026-03-09 09:00")
	s.mail("email.clicked", "guide-fit", "2026-03-05 12:00")
	send("guide-routes", "2026-03-05 12:00")
	s.next("2026-03-05 12:00")
	s.traced("wait_for#1/then/award#1", "awarded")
	s.waits("wait#2", "2026-03-07 12:00")
	s.event("order.placed", "2026-03-06 10:00", map[string]any{"total": 89.0})
	s.next("2026-03-06 10:00")
	s.ended(Exited, "event order.placed")
	if c, ok := Converted(s.input("2026-03-06 10:00")); !ok || c.Value != 89 || !c.At.Equal(at("2026-03-06 10:00")) {
		t.Errorf("converted %+v %v", c, ok)
	}
}

func TestDecodeStartsAndReentry(t *testing.T) {
	for start, want := range map[string]StartKind{
		`{ schedule: "@daily", catch_up: 2h }`:                                 StartSchedule,
		`{ once: 2026-12-01 09:00, timezone: Asia/Tokyo }`:                     StartOnce,
		`{ event: cart.abandoned }`:                                            StartEvent,
		`{ event: { name: cart.abandoned } }`:                                  StartEvent,
		`{ event: { name: cart.abandoned, where: { total: { above: 30 } } } }`: StartEvent,
		`{ enter: segment, include_current: true }`:                            StartEnter,
	} {
		d := define(t, "campaign: welcome\ntopic: guides\nsender: mia\naudience: { segment: s }\nreentry: { after: 90d }\nstart: "+start+"\nsteps: [ { send: a } ]\n")
		if d.Start.Kind != want || d.Reentry != (Reentry{ReentryAfter, calendar.Span{Days: 90}}) {
			t.Errorf("%s: %+v %+v", start, d.Start, d.Reentry)
		}
	}
}

func TestStartMatches(t *testing.T) {
	d := define(t, "campaign: welcome\ntopic: guides\nsender: mia\nstart: { event: { name: cart.abandoned, where: { total: { above: 30 } } } }\nsteps: [ { send: a } ]\n")
	s := &story{t: t}
	s.event("cart.abandoned", "2026-03-02 09:00", map[string]any{"total": 31.0})
	s.event("cart.abandoned", "2026-03-02 09:00", map[string]any{"total": 30.0})
	s.event("order.placed", "2026-03-02 09:00", map[string]any{"total": 31.0})
	for i, want := range []bool{true, false, false} {
		if got := d.Start.Matches(&s.facts.Events[i], berlin); got != want {
			t.Errorf("event %d: %v, want %v", i, got, want)
		}
	}
}

// lines are the parts of a campaign that the tests below replace.
var lines = map[string]string{
	"campaign": "welcome", "topic": "guides", "sender": "mia", "start": `{ schedule: "0 9 * * *" }`,
	"steps": "[ { send: welcome }, { wait: 1d }, { send: guide-fit } ]",
}

var order = []string{"campaign", "topic", "sender", "kind", "audience", "start", "reentry", "deliver", "priority", "goal", "exit", "control", "on_unknown", "steps"}

// with writes a campaign with one line changed or added.
func with(key, value string) string {
	var b strings.Builder
	for _, k := range order {
		v, ok := lines[k]
		if k == key {
			v, ok = value, value != "-"
		}
		if ok {
			fmt.Fprintf(&b, "%s: %s\n", k, v)
		}
	}
	return b.String()
}

func TestDecodeFindings(t *testing.T) {
	for _, c := range []struct {
		key, value string
		want       []string
	}{
		{"campaign", "winter", []string{`1:11: the campaign is named "winter", but its file "welcome.yaml" [rename one of them]`}},
		{"campaign", "Welcome Series", []string{`1:11: a name is lower-case letters and digits with dashes between, not Welcome Series [write welcome-series]`}},
		{"topic", "guide", []string{`2:8: there is no topic "guide" [did you mean "guides"?]`}},
		{"topic", "-", []string{
			`1:1: "topic" is missing [name a topic of rapport.yaml: only contacts who consent to it are mailed]`,
		}},
		{"sender", "-", []string{`1:1: "sender" is missing [name a sender here or at the topic]`}},
		{"sender", "max", []string{`3:9: there is no sender "max" [known here: mia]`}},
		{"kind", "transactional", []string{`5:8: a transactional campaign cannot be started by a schedule [start it by an event, or make it kind: marketing]`}},
		{"audience", "{ segment: competitor, exclude: [ open-ticket ] }", []string{
			`4:22: there is no segment "competitor" [did you mean "competitors"?]`,
			`4:45: there is no segment "open-ticket" [did you mean "open-tickets"?]`,
		}},
		{"start", "-", []string{`1:1: "start" is missing []`}},
		{"start", "{}", []string{`4:8: one of these keys is missing: schedule, once, event or enter []`}},
		{"start", `{ schedule: "0 9 * * *", enter: segment }`, []string{`4:33: "schedule" and "enter" exclude each other []`}},
		{"start", `{ schedule: "0 9 * * *", timezone: contact }`, []string{`4:43: a start happens once for everybody and cannot follow the contact's own zone [give the contact's zone to deliver.window, which holds each message until its time]`}},
		{"start", `{ schedule: "0 9 30 2 *" }`, []string{`4:20: "0 9 30 2 *" never fires: there is no such day []`}},
		{"start", "{ enter: segment }", []string{`4:8: this start needs an audience with a segment to enter [name it under audience]`}},
		{"start", "{ event: order.placed, include_current: true, catch_up: 3h }", []string{
			`4:31: "include_current" goes with enter only []`,
			`4:54: "catch_up" goes with schedule or once only []`,
		}},
		{"reentry", "sometimes", []string{`5:10: "reentry" must be one of never, always or restart, not sometimes []`}},
		{"deliver", `{ window: { from: "09:00", to: "09:00" } }`, []string{`5:20: the window is never open: it ends at 09:00, when it starts [leave the window out if mail may go at any hour]`}},
		{"deliver", `{ window: { from: "09:00" }, expire: 0d }`, []string{`5:20: "to" is missing []`, `5:47: "expire" must be longer than nothing []`}},
		{"priority", "101", []string{`5:11: priority must be from 0 to 100, not 101 []`}},
		{"control", "100%", []string{`5:10: a control group of 100% leaves nobody to mail []`}},
		{"on_unknown", "retry", []string{`5:13: "on_unknown" must be one of keep or resend, not retry []`}},
		{"goal", "{ event: order.placed, withn: 14d }", []string{`5:30: unknown key "withn" [did you mean "within"?]`}},
		{"exit", "[ { evnt: order.placed } ]", []string{`5:11: unknown key "evnt" [did you mean "event"?]`}},
		{"steps", "-", []string{`1:1: "steps" is missing []`}},
		{"steps", "[]", []string{`5:8: "steps" must not be empty []`}},
		{"steps", "[ { send: welcom } ]", []string{`5:18: there is no template "welcom" [did you mean "welcome"?]`}},
		{"steps", "[ { sned: welcome } ]", []string{`5:12: unknown key "sned" [did you mean "send"?]`}},
		{"steps", "[ { send: welcome, then: [] } ]", []string{`5:27: "then" goes with if and wait_for only []`}},
		{"steps", "[ { wait: 0d } ]", []string{`5:18: "wait" must be longer than nothing []`}},
		{"steps", "[ { wait: 3 days } ]", []string{`5:18: "3 days" is not a length of time: write a whole number and m, h, d or w, as in 30m, 12h, 3d or 2w []`}},
		{"steps", "[ { wait: { until: \"TUE 25:00\" } } ]", []string{`5:27: "25:00" is not a time of day: write hours and minutes, as in "09:00" or "18:30" [write a day and a time, as in "TUE 10:00", or attribute.NAME]`}},
		{"steps", "[ { wait: { until: \"TUE 10:00\", offset: 1d } } ]", []string{`5:40: "offset" goes with until: attribute.… only []`}},
		{"steps", "[ { wait_for: { email: clicked } } ]", []string{`5:22: "up_to" is missing [say how long to wait at most, as in up_to: 4d]`}},
		{"steps", "[ { send: welcome }, { wait_for: { email: clicked, template: guide-fit, up_to: 1d } } ]", []string{`5:69: no step of this campaign sends "guide-fit" [known here: welcome]`}},
		{"steps", "[ { wait_for: { event: order.placed, upto: 4d } } ]", []string{`5:45: unknown key "upto" [did you mean "up_to"?]`}},
		{"steps", "[ { if: { attribute: country, is: DE } } ]", []string{`5:10: "then" is missing []`}},
		{"steps", "[ { branch: [ { else: [] }, { if: { attribute: a, is: b }, then: [] } ] } ]", []string{`5:24: the cases after else are never reached []`}},
		{"steps", "[ { split: { name: a, arms: [ { arm: x, steps: [] } ] } } ]", []string{`5:36: a split needs at least two arms []`}},
		{"steps", "[ { split: { name: a, arms: [ { arm: x, weight: 0 }, { arm: x, weight: 0 } ] } } ]", []string{
			`5:36: the weights of the arms are all 0 []`,
			`5:68: another arm of this split is named "x" []`,
		}},
		{"steps", "[ { set: { onboarded: true } } ]", []string{`5:19: "onboarded" is not a field of a contact [write attributes.onboarded]`}},
		{"steps", "[ { set: { email: a@example.com } } ]", []string{`5:19: email cannot be set by a step []`}},
		{"steps", "[ { set: { first_name: 3, timezone: Mars/North } } ]", []string{
			`5:31: first_name must be text []`,
			`5:44: "Mars/North" is not a time zone: write an IANA name, as in Europe/Berlin or America/New_York []`,
		}},
		{"steps", "[ { set: { attributes.age: old, attributes.ag: 3, attributes.since: 2026-13-01 } } ]", []string{
			`5:35: attributes.age must be a number []`,
			`5:40: there is no attribute "ag" [did you mean "a"?]`,
			`5:76: attributes.since must be a date, as in 2026-03-02 []`,
		}},
		{"steps", "[ { send: welcome, id: x }, { wait: 1d, id: x } ]", []string{`5:52: another step has the id "x" []`}},
		{"steps", "[ { exit: enough }, { send: welcome } ]", []string{`5:28: nothing gets past the exit on line 5 []`}},
	} {
		env, refs := northwind()
		env.Attributes = map[string]string{"age": "number", "since": "date", "country": "text", "a": "text"}
		_, findings := decode(with(c.key, c.value), env, refs)
		var got []string
		for _, f := range findings {
			got = append(got, fmt.Sprintf("%d:%d: %s [%s]", f.Line, f.Column, f.Message, f.Hint))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", c.key, c.value, diff)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(everything)
	f.Add(with("steps", "[ { wait: { until: 3 } }, { split: { arms: 3 } }, { branch: { if: 1 } } ]"))
	f.Add(with("start", "{ event: { name: [], where: 3 } }"))
	f.Fuzz(func(t *testing.T, text string) {
		env, refs := northwind()
		d, _ := decode(text, env, refs)
		if d == nil {
			return
		}
		s := begin(&testing.T{}, d, "2026-03-02 09:00")
		if _, err := d.AssignNumbers(nil); err == nil {
			Next(s.input("2026-03-02 09:00"))
		}
	})
}
