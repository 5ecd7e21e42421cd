package campaigns

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/calendar"
)

func TestWhatAnEnrolmentIsGoingToGet(t *testing.T) {
	send := func(name string) Step { return Step{Kind: StepSend, Send: &Send{Template: name}} }
	wait := func(days int) Step { return Step{Kind: StepWait, Wait: &Wait{Span: calendar.Span{Days: days}}} }
	d := &Definition{Name: "x", Kind: Marketing, Steps: []Step{
		send("one"), wait(2),
		{Kind: StepWaitFor, WaitFor: &WaitFor{UpTo: calendar.Span{Days: 1}, Then: []Step{send("yes")}, Else: []Step{send("no")}}},
		{Kind: StepSplit, Split: &Split{Name: "s", Arms: []Arm{{"a", 75, []Step{send("a")}}, {"b", 25, []Step{wait(1), send("b")}}}}},
		{Kind: StepIf, If: &If{Then: []Step{send("then")}}},
	}}
	d.Prepare()
	from := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	quiet := Permit{Quiet: &calendar.Quiet{From: 20 * 60, To: 10 * 60}}
	for name, c := range map[string]struct {
		position string
		passed   bool
		permit   Permit
		want     []string
	}{
		"from the start": {"", false, Permit{}, []string{"send:one 02 09:00 1.00", "wait_for#1/else/send:no 05 09:00 1.00", "split:s/a/send:a 05 09:00 0.75", "if#1/then/send:then 05 09:00 0.38",
			"split:s/b/send:b 06 09:00 0.25", "if#1/then/send:then 06 09:00 0.12"}},
		"behind a wait": {"wait#1", true, Permit{}, []string{"wait_for#1/else/send:no 03 09:00 1.00", "split:s/a/send:a 03 09:00 0.75", "if#1/then/send:then 03 09:00 0.38",
			"split:s/b/send:b 04 09:00 0.25", "if#1/then/send:then 04 09:00 0.12"}},
		"behind the split": {"if#1", false, quiet, []string{"if#1/then/send:then 02 10:00 0.50 held"}},
		"a place it lacks": {"gone", false, Permit{}, nil},
		"at the end":       {End, false, Permit{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, x := range d.Outlook(c.position, c.passed, from, from.AddDate(0, 0, 7), c.permit, time.UTC) {
				text := fmt.Sprintf("%s %s %.2f", x.Step, x.At.Format("02 15:04"), x.Share)
				if x.Held {
					text += " held"
				}
				got = append(got, text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
	if got := d.Outlook("", false, from, from.AddDate(0, 0, 1), Permit{}, time.UTC); len(got) != 1 {
		t.Errorf("%d mails within a day, want 1", len(got))
	}
}
