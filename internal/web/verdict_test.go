package web

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rapport/internal/store"
)

// "Why is nothing sending?" has one answer, the first that holds.
func TestVerdict(t *testing.T) {
	paused := map[string]store.Campaign{"welcome": {Status: store.Paused}, "other": {Status: store.Running}}
	queued := store.Totals{Messages: map[string]int64{"queued": 1200}}
	for _, c := range []struct {
		name        string
		in          situation
		tone, title string
		text        string
	}{
		{"nothing applied", situation{}, "wait", "Nothing is applied yet", "Run `rapport apply` in the workspace's folder, and what it says begins to run."},
		{"no queue", situation{applied: true, workers: 1, queueErr: errors.New("the queue is unreachable")}, "bad", "Nothing is sending: the queue does not answer",
			"Nothing is lost. Callbacks, schedules and stages go on, and sending starts again by itself when it is back. the queue is unreachable"},
		{"no worker", situation{applied: true, totals: queued}, "bad", "Nothing is sending: no worker is running", "1\u202f200 messages wait. Start one with `rapport serve --roles worker`."},
		{"paused", situation{applied: true, workers: 1, totals: queued, campaigns: paused, hasRate: true, reasons: []store.ReasonCount{{Reason: whyPaused, Count: 900}, {Reason: "quiet hours", Count: 300}}}, "wait", "Paused",
			"1\u202f200 messages wait, most of them because their campaign is paused."},
		{"sending", situation{applied: true, workers: 1, totals: queued, rate: 12.4, hasRate: true}, "good", "Sending", "12 a second over the last half minute."},
		{"sending though one is paused", situation{applied: true, workers: 1, totals: queued, campaigns: paused, rate: 3.25, hasRate: true}, "good", "Sending", "3.2 a second over the last half minute."},
		{"one on the way", situation{applied: true, workers: 1, totals: store.Totals{Messages: map[string]int64{"sending": 1}}}, "good", "Sending", "1 message is on the way at this moment."},
		{"held back", situation{applied: true, workers: 1, totals: queued, reasons: []store.ReasonCount{{Reason: "quiet hours", Count: 1200}}}, "quiet", "Waiting for the right moment",
			"1\u202f200 messages are ready and held back. The most frequent reason: quiet hours."},
		{"closed", situation{applied: true, workers: 1, totals: queued, reasons: []store.ReasonCount{{Reason: whyShut + "provider main is closed by hand", Count: 1200}}}, "bad", "Nothing is sending: the providers are closed",
			"1\u202f200 messages wait, most of them because no provider of their sender is open."},
		{"nothing due", situation{applied: true, workers: 1, now: noon, upcoming: []upcoming{{Campaign: "birthday", At: noon.Add(4 * time.Hour)}}}, "quiet", "Nothing is due", "All planned mail has left. Next start: birthday, in 4 h."},
		{"nothing at all", situation{applied: true, workers: 1}, "quiet", "Nothing is due", "All planned mail has left."},
	} {
		v := judge(c.in)
		if v.Tone != c.tone || v.Title != c.title || v.Text != c.text {
			t.Errorf("%s:\n got %s, %s, %s\nwant %s, %s, %s", c.name, v.Tone, v.Title, v.Text, c.tone, c.title, c.text)
		}
	}
}

func TestNotes(t *testing.T) {
	v := judge(situation{applied: true, touched: 6000, totals: store.Totals{Messages: map[string]int64{"unknown": 1, "failed": 2}},
		campaigns: map[string]store.Campaign{"a": {Status: store.Paused}, "b": {Status: store.Paused},
			"c": {Status: store.Paused, Reason: "paused by the guard: 9 of 10 messages bounced (90.0%, above 5%)"}},
		failing: []Failing{{Name: "main", Reason: "421 4.3.2 closing", Since: noon.Add(-time.Hour)}}, now: noon})
	var got []string
	for _, n := range v.Notes {
		got = append(got, n.Text)
	}
	want := "Of 1 message nobody knows whether the mail server took it.|2 messages have failed for good.|Mail through main fails: 421 4.3.2 closing.|c was paused by the guard: 9 of 10 messages bounced (90.0%, above 5%).|2 paused: a, b.|6\u202f000 contacts wait to be looked at again after news of them.|No worker is running."
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestRate(t *testing.T) {
	var r rate
	if _, ok := r.see(noon, 100); ok {
		t.Error("one point makes no rate")
	}
	if got, ok := r.see(noon.Add(2*time.Second), 120); !ok || got != 10 {
		t.Errorf("got %v %v, want 10", got, ok)
	}
	if got, _ := r.see(noon.Add(2500*time.Millisecond), 500); got != 10 {
		t.Errorf("a point that comes too soon changes the rate to %v", got)
	}
	for i := range 60 {
		r.see(noon.Add(time.Duration(10+i)*time.Second), 120)
	}
	if got, ok := r.see(noon.Add(70*time.Second), 120); !ok || got != 0 {
		t.Errorf("nothing was sent for half a minute, and the rate is %v %v", got, ok)
	}
	if got, ok := r.see(noon.Add(time.Hour), 200); ok {
		t.Errorf("nobody has looked for an hour, and the rate is %v", got)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -1500: "−1\u202f500"} {
		if got := num(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	for _, c := range []struct {
		n, of int64
		want  string
	}{{0, 0, "–"}, {0, 10, "0 %"}, {1, 5000, "< 0.1 %"}, {5, 100, "5.0 %"}, {38, 100, "38 %"}, {10, 10, "100 %"}} {
		if got := share(c.n, c.of); got != c.want {
			t.Errorf("%d of %d: got %q, want %q", c.n, c.of, got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{0: "now", 5 * time.Second: "now", 30 * time.Second: "30 s ago", -5 * time.Minute: "in 5 min", 26 * time.Hour: "26 h ago", 72 * time.Hour: "3 days ago"} {
		if got := ago(noon, noon.Add(-d)); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

func TestFlowSaysItInWords(t *testing.T) {
	stages := []string{"stranger", "prospect", "customer"}
	moves := []store.Move{{From: "stranger", To: "prospect", Count: 12}, {From: "customer", To: "stranger", Count: 1}}
	svg := string(flow(stages, []rung{{Stage: "customer"}, {Stage: "prospect"}, {Stage: "stranger <b>"}, {Stage: "stranger"}}, moves))
	for _, want := range []string{`aria-label="12 rose from stranger to prospect; 1 fell from customer to stranger."`, `class="up"`, `class="down"`, "stranger &lt;b&gt;"} {
		if !strings.Contains(svg, want) {
			t.Errorf("there is no %s in %s", want, svg)
		}
	}
	if flow(stages, nil, nil) != "" {
		t.Error("a ladder without anybody is drawn")
	}
}
