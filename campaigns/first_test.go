package campaigns

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rapport/internal/contacts"
)

// Whatever else is known of a contact of whom no exit holds, a first wait or send is
// that of its time zone; and where it is not, First does not say so.
func TestAFirstStepIsThatOfTheTimeZone(t *testing.T) {
	waits := []string{"wait: 3d", "wait: 30m", "wait: 1m", `wait: { until: "TUE 10:00" }`, `wait: { until: "07:30" }`, "wait: { until: attribute.renewal_date }", "send: a", "send: a"}
	known := map[bool]int{}
	rapid.Check(t, func(r *rapid.T) {
		text := head
		if rapid.Bool().Draw(r, "window") {
			text += "deliver: { window: { days: MON-FRI, from: \"09:00\", to: \"18:00\", timezone: contact } }\n"
		}
		if rapid.Bool().Draw(r, "exit") {
			text += "exit: [ { event: order.placed } ]\n"
		}
		first := (&stepWriter{t: r}).step(1)
		if rapid.IntRange(0, 2).Draw(r, "what") > 0 {
			first = rapid.SampledFrom(waits).Draw(r, "wait")
		}
		d := define(t, text+"steps: [ { "+first+" }, { if: { attribute: vip, is: true }, then: [ { send: a } ] }, { send: b } ]\n")
		started := time.Date(2026, 3, 27, 22, 0, 0, 0, time.UTC) // two days before clocks change
		now := started.Add(time.Duration(rapid.IntRange(0, 200).Draw(r, "seconds")) * time.Second)
		timezone := rapid.SampledFrom([]string{"", "Europe/Vienna", "Pacific/Auckland", "Nowhere/Else"}).Draw(r, "timezone")
		of := func(c contacts.Contact) Input {
			in := Input{Pinned: d, Enrolment: Begin(1024, c.ID, Enrol, started), Now: now, Zone: time.UTC}
			in.Question.Facts = &contacts.Facts{Contact: c, Consents: []contacts.Consent{{Topic: d.Topic, State: contacts.ConsentGiven, At: started}}}
			return in
		}
		beforehand, ok := First(of(contacts.Contact{Timezone: timezone}))
		if !ok {
			return
		}
		e := beforehand.Enrolment
		known[beforehand.Message != nil]++
		person := contacts.Contact{Timezone: timezone, ID: 7, Stage: "customer", Seed: rapid.Uint32().Draw(r, "seed"),
			Attributes: map[string]any{"vip": rapid.Bool().Draw(r, "vip"), "renewal_date": "2026-05-01"}}
		got := Next(of(person))
		e.Contact = person.ID
		if diff := cmp.Diff(e, got.Enrolment); diff != "" || !cmp.Equal(got.Message, beforehand.Message) || len(got.Set)+len(got.Awards)+len(got.Notices) > 0 {
			r.Fatalf("it stands elsewhere (-first +next):\n%s", diff)
		}
	})
	if known[false] == 0 || known[true] == 0 {
		t.Errorf("known beforehand were %d waits and %d sends", known[false], known[true])
	}
}

func TestAFirstWaitThatIsOverIsNotKnownBeforehand(t *testing.T) {
	d := define(t, head+"steps: [ { wait: 10m }, { send: a } ]\n")
	started := time.Date(2026, 3, 27, 22, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]bool{0: true, 9 * time.Minute: true, 10 * time.Minute: false, time.Hour: false} {
		in := Input{Pinned: d, Enrolment: Begin(1024, 1, Enrol, started), Now: started.Add(after), Zone: time.UTC}
		in.Question.Facts = &contacts.Facts{}
		if _, ok := First(in); ok != want {
			t.Errorf("after %s: %t", after, ok)
		}
	}
}
