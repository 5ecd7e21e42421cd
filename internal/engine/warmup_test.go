package engine

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"rapport/internal/delivery/smtp/smtptest"
)

// warming is rapport.yaml with a provider that warms up, and perhaps one beside it.
func warming(port, backup int) string {
	text := strings.Replace(live(port, ""), "tls: none } }", "tls: none }, warm_up: { start: 10, days: 3, target: 40 } }", 1)
	if backup == 0 {
		return text
	}
	return strings.Replace(text, "\nsenders:", fmt.Sprintf("\n  backup: { smtp: { host: 127.0.0.1, port: %d, tls: none } }\nsenders:", backup), 1)
}

func (r *run) states() map[string]int {
	r.t.Helper()
	states := map[string]int{}
	for _, m := range r.messages() {
		states[m]++
	}
	return states
}

func TestAWarmUpGrowsDayByDay(t *testing.T) {
	r := start(t, 0, smtptest.Options{}, "", nil)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": warming(r.server.Port, 0), "campaigns/welcome.yaml": one + "deliver: { expire: 30d }\n"}))
	signUp(t, r.Store, 100, monday)
	r.settle()
	r.at(0, 9, 0)
	if want := map[string]int{"sent": 10, "queued: warm-up of main: 10 a day": 90}; !maps.Equal(r.states(), want) {
		t.Fatalf("%v, want %v", r.states(), want)
	}
	r.at(0, 23, 59)
	for day, want := range []int{10, 30, 70, 100} {
		if day > 0 {
			r.at(day, 0, 0) // in Berlin: the evening before, in Greenwich
			r.settle()
		}
		if n := len(r.server.Messages()); n != want {
			t.Errorf("%d messages on day %d, want %d", n, day+1, want)
		}
	}
	if n := r.server.Duplicates(); n != 0 {
		t.Errorf("%d twice", n)
	}
}

func TestAFullDayLeavesTheRestToTheNextProvider(t *testing.T) {
	backup := smtptest.Start(t, smtptest.Options{})
	r := start(t, 0, smtptest.Options{}, "", nil)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": warming(r.server.Port, backup.Port), "campaigns/welcome.yaml": one}))
	signUp(t, r.Store, 100, monday)
	r.settle()
	r.at(0, 9, 0)
	if a, b := len(r.server.Messages()), len(backup.Messages()); a != 10 || b != 90 {
		t.Errorf("%d and %d messages, want 10 and 90", a, b)
	}
	if want := map[string]int{"sent": 100}; !maps.Equal(r.states(), want) {
		t.Errorf("%v, want %v", r.states(), want)
	}
}

// What is refused or deferred has not left, and takes nobody's place.
func TestADayCountsWhatHasLeft(t *testing.T) {
	var to []string
	r := start(t, 0, smtptest.Options{Script: func(s smtptest.Step) *smtptest.Action {
		if s.Verb != "rcpt" {
			return nil
		}
		to = append(to, s.To)
		if len(to) <= 4 {
			return &smtptest.Action{Reply: []string{"550 5.1.1 no such user", "450 4.2.0 later"}[len(to)%2]}
		}
		return nil
	}}, "", nil)
	apply(t, r.Engine, shopWith(t, map[string]string{"rapport.yaml": warming(r.server.Port, 0), "campaigns/welcome.yaml": one}))
	signUp(t, r.Store, 30, monday)
	r.settle()
	r.at(0, 9, 0)
	for range 3 { // what was given back is there after a minute
		r.clock.Advance(2 * time.Minute)
		r.settle()
	}
	if n := len(r.server.Messages()); n != 10 {
		t.Errorf("%d messages on a day of 10", n)
	}
	r.at(1, 0, 0)
	r.settle()
	if want := map[string]int{"sent": 28, "failed: refused at rcpt: 550 5.1.1 no such user": 2}; !maps.Equal(r.states(), want) {
		t.Errorf("%v, want %v", r.states(), want)
	}
}
