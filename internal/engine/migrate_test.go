package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/plan"
	"rapport/internal/store"
	"rapport/internal/testenv"
	"rapport/internal/workspace"
)

// onBothDatabases runs a test on PostgreSQL and on the embedded database.
func onBothDatabases(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("postgres", func(t *testing.T) { f(t, testenv.Postgres(t)) })
	t.Run("embedded", func(t *testing.T) { f(t, filepath.Join(t.TempDir(), "rapport.db")) })
}

// startOn is start on a database of one's own, with a campaign of these steps
// and nobody signed up.
func startOn(t *testing.T, database string, o smtptest.Options, steps string) *run {
	t.Helper()
	r := &run{t: t, clock: clock.NewManual(monday), server: smtptest.Start(t, o)}
	r.Engine = openEngine(t, Options{Clock: r.clock, Database: database})
	apply(t, r.Engine, r.version(steps, nil))
	return r
}

// version is the shop with a campaign of these steps, every morning at nine.
func (r *run) version(steps string, more map[string]string) *workspace.Workspace {
	r.t.Helper()
	files := map[string]string{"rapport.yaml": live(r.server.Port, ""),
		"campaigns/welcome.yaml": "campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\nsteps:\n" + steps}
	for name, text := range more {
		files[name] = text
	}
	return shopWith(r.t, files)
}

// moveOn applies with --migrate.
func (r *run) moveOn(w *workspace.Workspace, ways plan.Ways) (Applied, error) {
	r.t.Helper()
	done, err := Order{Author: "test", Ways: ways}.Apply(r.t.Context(), r.Store, w, r.clock.Now())
	if err == nil {
		if err := r.Refresh(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
	}
	return done, err
}

// signUpAs signs people up with a prefix of their own.
func (r *run) signUpAs(prefix string, n int) {
	r.t.Helper()
	in := make([]store.ContactInput, n)
	for i := range in {
		in[i] = store.ContactInput{Source: "list.csv", Contact: contacts.Contact{Email: fmt.Sprintf("%s%02d@example.com", prefix, i)},
			Consents: []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, Source: "list.csv", At: r.clock.Now()}}}
	}
	if _, err := r.Store.UpsertContacts(r.t.Context(), in, r.clock.Now()); err != nil {
		r.t.Fatal(err)
	}
}

// received counts at the mail server what each group got: "a one 10" for ten
// copies of one to people whose address begins with a. A second copy to somebody
// is an error.
func (r *run) received() []string {
	r.t.Helper()
	counts, seen := map[string]int{}, map[string]bool{}
	for _, m := range r.server.Messages() {
		subject := ""
		for line := range strings.Lines(string(m.Data)) {
			if rest, ok := strings.CutPrefix(line, "Subject: "); ok {
				subject, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
				break
			}
		}
		if key := m.To + " " + subject; seen[key] {
			r.t.Errorf("%s was mailed twice", key)
		} else {
			seen[key] = true
		}
		counts[m.To[:1]+" "+subject]++
	}
	var out []string
	for key, n := range counts {
		out = append(out, fmt.Sprint(key, " ", n))
	}
	slices.Sort(out)
	return out
}

func (r *run) gets(when string, want ...string) {
	r.t.Helper()
	if got := r.received(); !slices.Equal(got, want) {
		r.t.Errorf("%s: received %v, want %v", when, got, want)
	}
}

const (
	longWay  = "  - send: one\n  - { id: pause, wait: 2d }\n  - send: two\n  - { id: rest, wait: 1d }\n  - send: three\n"
	shortWay = "  - send: one\n  - { id: pause, wait: 3d }\n  - send: three\n"
)

// A change is applied with --migrate while people wait, their mail is queued, and
// mail is being sent: nobody is mailed twice, and nobody is dropped.
func TestRule14MigratingInTheMiddleOfEverything(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		// The server holds the mail of the second step until the change is applied.
		var holds atomic.Bool
		inside, release := make(chan struct{}, 1), make(chan struct{})
		o := smtptest.Options{Script: func(s smtptest.Step) *smtptest.Action {
			if s.Verb == "dot" && holds.CompareAndSwap(true, false) {
				inside <- struct{}{}
				<-release
			}
			return nil
		}}
		r := startOn(t, database, o, longWay)
		r.signUpAs("a", 10)
		r.at(0, 9, 0)
		r.signUpAs("b", 10)
		r.at(1, 9, 0) // b waits from now on
		r.signUpAs("c", 10)
		r.clock.Set(monday.AddDate(0, 0, 2).Add(time.Hour))
		if _, err := r.Scheduler.Tick(t.Context()); err != nil { // two to a and one to c are queued
			t.Fatal(err)
		}
		r.gets("before", "a one 10", "b one 10")

		holds.Store(true)
		sent := make(chan error, 1)
		go func() { _, err := r.Worker.Drain(t.Context()); sent <- err }()
		<-inside // some are claimed, one is in the middle of its data
		done, err := r.moveOn(r.version(shortWay, map[string]string{"templates/two.md": ""}), plan.Ways{Migrate: true})
		close(release)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if done.Version.Moved != 30 {
			t.Errorf("%d were moved, want 30", done.Version.Moved)
		}
		r.settle()
		for day := 3; day < 8; day++ {
			r.at(day, 9, 0)
		}
		got := r.received()
		for _, want := range []string{"a one 10", "b one 10", "c one 10", "a three 10", "b three 10", "c three 10"} {
			if !slices.Contains(got, want) {
				t.Errorf("received %v, without %q", got, want)
			}
		}
		for _, line := range r.messages() {
			if line != "sent" && line != "skipped: its step was taken away" && !strings.HasPrefix(line, "skipped: ") {
				t.Errorf("a message ended as %s", line)
			}
		}
		totals, err := r.Store.Progress(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range totals {
			if p.Finished != 30 {
				t.Errorf("%d have finished, want 30: %+v", p.Finished, p)
			}
		}
	})
}

// A wait that says something else is counted anew from its own start, and never
// into the past.
func TestRule14AChangedWaitIsCountedAnew(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		r := startOn(t, database, smtptest.Options{}, "  - send: one\n  - wait: 5d\n  - send: two\n")
		r.signUpAs("a", 2)
		r.at(0, 9, 0)
		r.at(2, 9, 0)
		r.signUpAs("b", 2)
		r.at(3, 9, 0)
		if _, err := r.moveOn(r.version("  - send: one\n  - wait: 2d\n  - send: two\n", nil), plan.Ways{Migrate: true}); err != nil {
			t.Fatal(err)
		}
		r.settle() // a waits since Monday, longer than two days; b since Thursday
		r.gets("at once", "a one 2", "a two 2", "b one 2")
		r.at(4, 23, 0)
		r.gets("before its time", "a one 2", "a two 2", "b one 2")
		r.at(5, 9, 0)
		r.gets("after two days", "a one 2", "a two 2", "b one 2", "b two 2")
	})
}

// Who was moved away from a step whose mail is still being sent, and comes back
// to it, waits for that mail and is not mailed again.
func TestRule14AMessageOnItsWayIsNotPlannedAgain(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		r := startOn(t, database, smtptest.Options{}, "  - send: two\n  - { id: pause, wait: 5m }\n  - send: three\n")
		r.signUpAs("a", 3)
		r.clock.Set(monday.Add(time.Hour))
		if _, err := r.Scheduler.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		held := claimAll(t, r)
		if len(held.Claimed) != 3 {
			t.Fatalf("%d messages are being sent, want 3", len(held.Claimed))
		}
		// The step is taken away, and comes back behind the wait.
		for _, steps := range []string{"  - { id: pause, wait: 5m }\n  - send: three\n", "  - { id: pause, wait: 5m }\n  - send: two\n  - send: three\n"} {
			if _, err := r.moveOn(r.version("  - send: one\n"+steps, nil), plan.Ways{Migrate: true}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Scheduler.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r.clock.Set(monday.Add(time.Hour + 10*time.Minute))
		r.settle()
		r.gets("while two is being sent")
		if got := r.messages(); !slices.Equal(got, []string{"sending", "sending", "sending"}) {
			t.Fatalf("messages: %v", got)
		}
		outcomes := make([]store.Outcome, len(held.Claimed))
		for i, c := range held.Claimed {
			outcomes[i] = store.Outcome{Message: c.ID, Fence: held.Fence, State: campaigns.Sent, At: r.clock.Now()}
		}
		if _, err := r.Store.Record(t.Context(), outcomes, campaigns.ByWorker, r.clock.Now()); err != nil {
			t.Fatal(err)
		}
		r.clock.Set(monday.Add(time.Hour + 20*time.Minute))
		r.settle()
		r.gets("when it has been sent", "a three 3")
	})
}

// claimAll takes every queued message for a worker of no process.
func claimAll(t *testing.T, r *run) store.ClaimResult {
	t.Helper()
	lanes, err := r.Store.OpenLanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := r.Queue.Take(t.Context(), "other", lanes, 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	in := store.ClaimInput{Worker: "other", Limit: 100, Now: r.clock.Now(), Needs: func(campaigns.Enrolment) contacts.Needs { return contacts.Everything }}
	for _, e := range entries {
		in.Batches = append(in.Batches, e.Batch)
	}
	held, err := r.Store.Claim(t.Context(), in, func(list []store.Candidate) []store.Verdict {
		verdicts := make([]store.Verdict, len(list))
		for i := range verdicts {
			verdicts[i] = store.Verdict{Go: true, Provider: "main"}
		}
		return verdicts
	})
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestRule14WhatIsAmbiguousMovesNobody(t *testing.T) {
	r := startOn(t, filepath.Join(t.TempDir(), "rapport.db"), smtptest.Options{}, "  - send: one\n  - wait: 2d\n  - send: two\n  - wait: 4d\n  - send: three\n")
	r.signUpAs("a", 1)
	r.at(0, 9, 0)
	_, err := r.moveOn(r.version("  - send: one\n  - wait: 4d\n  - send: three\n", nil), plan.Ways{Migrate: true})
	want := "campaign welcome: step wait#1: there were 2 of its kind and now there are 1; give it an id: in both versions; " +
		"campaign welcome: step wait#2: there were 2 of its kind and now there are 1; give it an id: in both versions"
	if err == nil || err.Error() != want {
		t.Errorf("it said %v\nwant %s", err, want)
	}
}

func TestRule13WhoCannotGoOnEndsWithStop(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, database string) {
		r := startOn(t, database, smtptest.Options{}, "  - send: one\n  - wait: 2d\n  - send: two\n")
		r.signUpAs("a", 2)
		r.at(0, 9, 0)
		r.signUpAs("b", 2)
		r.clock.Set(monday.AddDate(0, 0, 1).Add(time.Hour))
		if _, err := r.Scheduler.Tick(t.Context()); err != nil { // one to b is queued
			t.Fatal(err)
		}
		done, err := r.moveOn(r.version("  - send: one\n", map[string]string{"templates/two.md": ""}), plan.Ways{Stop: true})
		if err != nil || done.Version.Moved != 4 {
			t.Fatalf("%d ended, %v, want 4", done.Version.Moved, err)
		}
		for day := 2; day < 5; day++ {
			r.at(day, 9, 0)
		}
		r.gets("afterwards", "a one 2")
		r.wants("sent", "sent", "skipped: removed: template two (campaign welcome)", "skipped: removed: template two (campaign welcome)")
	})
}

// Applied again with --migrate, what runs already takes those along who were left
// behind.
func TestMigratingLaterTakesThemAlong(t *testing.T) {
	r := startOn(t, filepath.Join(t.TempDir(), "rapport.db"), smtptest.Options{}, longWay)
	r.signUpAs("a", 2)
	r.at(0, 9, 0)
	w := r.version(shortWay, nil)
	apply(t, r.Engine, w)
	done, err := r.moveOn(w, plan.Ways{Migrate: true})
	if err != nil || done.Changed || done.Version.Moved != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	for day := 1; day < 6; day++ {
		r.at(day, 9, 0)
	}
	r.gets("afterwards", "a one 2", "a three 2")
}
