package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/strict"
)

// welcome is a campaign of two mails, three days apart.
func welcome(t *testing.T, s *Store) (id int64, d *campaigns.Definition) {
	t.Helper()
	var f strict.Findings
	n, ok := strict.Parse("campaigns/welcome.yaml", []byte(`
campaign: welcome
sender: mia
topic: guides
start: { schedule: "0 9 * * *" }
steps:
  - send: welcome
  - wait: 3d
  - send: guide
`), &f)
	if ok {
		d, ok = campaigns.Decode(n, nil, nil)
	}
	if !ok || f.Errors() > 0 {
		t.Fatal(f.All())
	}
	numbers := must(d.AssignNumbers(nil))(t)
	_, _, err := s.Apply(t.Context(), ApplyInput{Hash: "welcome", Numbers: map[string]map[string]int{"welcome": numbers}}, day)
	check(t, err)
	return must(s.Campaigns(t.Context()))(t)["welcome"].ID, d
}

// consenting adds people who want guides.
func consenting(t *testing.T, s *Store, n int) []contacts.ID {
	t.Helper()
	emails := make([]string, n)
	for i := range emails {
		emails[i] = fmt.Sprintf("p%04d@example.com", i)
	}
	ids := people(t, s, emails...)
	changes := make([]ConsentChange, n)
	for i, id := range ids {
		changes[i] = ConsentChange{Contact: id, Topic: "guides", State: contacts.ConsentGiven, Source: "form", At: day}
	}
	_, err := s.SetConsent(t.Context(), changes, day)
	check(t, err)
	return ids
}

func firing(campaign int64) FiringKey {
	return FiringKey{Campaign: campaign, Start: "schedule", Wall: "2026-03-02T09:00"}
}

// enrolAll fires and enrols everybody who may be enrolled, in chunks.
func enrolAll(t *testing.T, s *Store, campaign int64, chunk int) (sum EnrolResult) {
	t.Helper()
	key := firing(campaign)
	if !must(s.ClaimFiring(t.Context(), key, day, "a", later(time.Minute)))(t) {
		t.Fatal("the firing was claimed before")
	}
	for !sum.Done {
		r := must(s.EnrolChunk(t.Context(), EnrolInput{Firing: key, Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute),
			Topic: "guides", Reentry: campaigns.ReentryNever}, chunk))(t)
		sum.Enrolled += r.Enrolled
		sum.Refused += r.Refused
		sum.Done = r.Done
	}
	return sum
}

// step runs the machine over all that is due.
func step(t *testing.T, s *Store, d *campaigns.Definition, now time.Time) (n int, batches []Batch) {
	t.Helper()
	for {
		did, more, err := s.StepDue(t.Context(), now, 100, deciding(func(due []Due) []Stepped {
			out := make([]Stepped, len(due))
			for i, x := range due {
				in := campaigns.Input{Pinned: d, Enrolment: x.Enrolment, Outcomes: x.Outcomes, Now: now, Zone: time.UTC}
				in.Question.Facts = x.Facts
				decision := campaigns.Next(in)
				out[i] = Stepped{Enrolment: decision.Enrolment, Withdraw: decision.Withdraw}
				if m := decision.Message; m != nil {
					out[i].Message = &PlannedMessage{ID: m.ID, Contact: x.Enrolment.Contact, Campaign: x.Enrolment.Campaign,
						Template: m.Template, Lane: "50.mia", NotBefore: m.NotBefore, Expires: m.Expires}
				}
			}
			return out
		}))
		check(t, err)
		n, batches = n+did, append(batches, more...)
		if did == 0 {
			return n, batches
		}
	}
}

// everything is needed where a test does not care.
func everything(campaigns.Enrolment) contacts.Needs { return contacts.Everything }

func everyStep(campaigns.Enrolment, bool) contacts.Needs { return contacts.Everything }

func deciding(f func([]Due) []Stepped) Step { return Step{Needs: everyStep, Decide: f} }

// allGo lets every candidate go.
func allGo(found []Candidate) []Verdict {
	out := make([]Verdict, len(found))
	for i := range out {
		out[i] = Verdict{Go: true, Provider: "main"}
	}
	return out
}

func claimAll(t *testing.T, s *Store, worker string, batches []Batch, now time.Time) (claimed []Claimed) {
	t.Helper()
	for _, b := range batches {
		r := must(s.Claim(t.Context(), ClaimInput{Batches: []int64{b.ID}, Needs: everything, Worker: worker, Limit: BatchSize, Now: now}, allGo))(t)
		claimed = append(claimed, r.Claimed...)
	}
	return claimed
}

func outcomes(claimed []Claimed, state campaigns.MessageState, at time.Time) []Outcome {
	out := make([]Outcome, len(claimed))
	for i := range claimed {
		c := &claimed[i]
		out[i] = Outcome{Message: c.ID, Fence: c.Fence, State: state, At: at, NotBefore: at, Entry: &c.Entry}
	}
	return out
}

func TestMessageGoesItsWay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 250)
		people(t, s, "nobody@example.com")
		got := enrolAll(t, s, id, 100)
		equal(t, "enrolment", got, EnrolResult{Enrolled: 250, Refused: 1, Done: true})
		equal(t, "refusals", count(t, s, `select count(*) from refusals where reason = 'no consent to guides'`), int64(1))

		n, batches := step(t, s, d, day)
		equal(t, "stepped", n, 250)
		if len(batches) != 3 {
			t.Fatalf("%d batches, want 3 of 100, 100 and 50", len(batches))
		}
		claimed := claimAll(t, s, "w", batches, day)
		equal(t, "claimed", len(claimed), 250)
		at := later(time.Minute)
		_, err := s.Record(ctx, outcomes(claimed, campaigns.Sent, at), campaigns.ByWorker, at)
		check(t, err)
		equal(t, "sent", count(t, s, `select count(*) from messages where state = 'sent'`), int64(250))
		equal(t, "open", count(t, s, `select coalesce(sum(open_count), 0) from batches`), int64(0))

		// The wait counts from when the message was sent.
		n, _ = step(t, s, d, at)
		equal(t, "woken", n, 250)
		n, _ = step(t, s, d, later(72*time.Hour))
		equal(t, "too early", n, 0)
		n, batches = step(t, s, d, at.AddDate(0, 0, 3))
		equal(t, "second step", n, 250)
		claimed = claimAll(t, s, "w", batches, at)
		_, err = s.Record(ctx, outcomes(claimed, campaigns.Sent, at), campaigns.ByWorker, at)
		check(t, err)
		step(t, s, d, at.AddDate(0, 0, 3))
		equal(t, "finished", count(t, s, `select count(*) from enrolments where state = 'finished'`), int64(250))
		equal(t, "messages", count(t, s, `select count(*) from messages where state = 'sent'`), int64(500))
	})
}

func TestRule04AFiringIsClaimedOnceAndResumed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		consenting(t, s, 30)
		key := firing(id)
		var wg sync.WaitGroup
		won := make([]bool, 8)
		for i := range won {
			wg.Go(func() {
				won[i], _ = s.ClaimFiring(ctx, key, day, fmt.Sprint("scheduler", i), later(time.Minute))
			})
		}
		wg.Wait()
		owner := slices.Index(won, true)
		if owner < 0 || slices.Index(won[owner+1:], true) >= 0 {
			t.Fatalf("claims: %v, want exactly one", won)
		}
		in := EnrolInput{Firing: key, Owner: fmt.Sprint("scheduler", owner), Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides"}
		first := must(s.EnrolChunk(ctx, in, 10))(t)
		equal(t, "first chunk", first, EnrolResult{Enrolled: 10})

		// Its owner falls silent, and another goes on where it was.
		left := must(s.ResumeFirings(ctx, "other", later(2*time.Minute), later(3*time.Minute)))(t)
		if len(left) != 1 || left[0].Enrolled != 10 || !left[0].At.Equal(day) {
			t.Fatalf("left behind: %+v", left)
		}
		if _, err := s.EnrolChunk(ctx, in, 10); err == nil || err.Error() != "cannot enrol: another scheduler has taken this firing over" {
			t.Fatalf("the first owner: %v", err)
		}
		in.Owner = "other"
		for !must(s.EnrolChunk(ctx, in, 10))(t).Done {
		}
		equal(t, "enrolled once each", count(t, s, `select count(distinct contact_id) from enrolments`), int64(30))
		equal(t, "enrolments", count(t, s, `select count(*) from enrolments`), int64(30))
	})
}

func TestRule15NoTwoWorkersClaimOneMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		id, d := welcome(t, s)
		consenting(t, s, 300)
		enrolAll(t, s, id, 1000)
		_, batches := step(t, s, d, day)
		var mu sync.Mutex
		claims := map[int64]int{}
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for _, b := range batches {
					r, err := s.Claim(t.Context(), ClaimInput{Batches: []int64{b.ID}, Needs: everything, Worker: fmt.Sprint("w", w), Limit: BatchSize, Now: day}, allGo)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, c := range r.Claimed {
						claims[c.ID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		equal(t, "claimed messages", len(claims), 300)
		for m, n := range claims {
			if n != 1 {
				t.Errorf("message %s was claimed %d times", ident.Format(m), n)
			}
		}
	})
}

func TestRule15AStaleTokenGivesEvidenceOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 2)
		enrolAll(t, s, id, 10)
		_, batches := step(t, s, d, day)
		stale := claimAll(t, s, "old", batches, day)
		check(t, s.StartWorker(ctx, Worker{ID: "old"}, day))

		// Its worker falls silent and is given up: what it held is unknown.
		workers := must(s.Workers(ctx))(t)
		if n := must(s.GiveUp(ctx, workers[0], later(time.Hour)))(t); n != 2 {
			t.Fatalf("%d unknown, want 2", n)
		}
		if alive := must(s.Beat(ctx, "old"))(t); alive {
			t.Error("a worker that was given up is told that it lives")
		}
		equal(t, "unknown", count(t, s, `select count(*) from messages where state = 'unknown'`), int64(2))
		equal(t, "given up for good", len(must(s.Workers(ctx))(t)), 0)

		// The machine comes back: its journal proves that the first never left.
		again, err := s.Record(ctx, outcomes(stale[:1], campaigns.Queued, later(time.Hour)), campaigns.ByJournal, later(time.Hour))
		check(t, err)
		equal(t, "queued again", count(t, s, `select count(*) from messages where state = 'queued'`), int64(1))
		fresh := claimAll(t, s, "new", again, later(2*time.Hour))
		equal(t, "claimed anew", len(fresh), 1)

		// What the old worker says late does not touch the new claim …
		_, err = s.Record(ctx, outcomes(stale[:1], campaigns.Queued, later(3*time.Hour)), campaigns.ByWorker, later(3*time.Hour))
		check(t, err)
		equal(t, "still sending", count(t, s, `select count(*) from messages where state = 'sending'`), int64(1))
		// … and settles what nobody knew.
		_, err = s.Record(ctx, outcomes(stale[1:], campaigns.Sent, later(time.Minute)), campaigns.ByWorker, later(3*time.Hour))
		check(t, err)
		equal(t, "settled", count(t, s, `select count(*) from messages where state = 'sent'`), int64(1))
		equal(t, "none unknown", count(t, s, `select count(*) from messages where state = 'unknown'`), int64(0))
		_, err = s.Record(ctx, outcomes(fresh, campaigns.Sent, later(3*time.Hour)), campaigns.ByWorker, later(3*time.Hour))
		check(t, err)
		equal(t, "counts of open messages", count(t, s, `select count(*) from batches where open_count <> 0`), int64(0))
	})
}

func TestRule08AChangeOfConsentWaitsForTheClaim(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		who := consenting(t, s, 1)[0]
		enrolAll(t, s, id, 10)
		_, batches := step(t, s, d, day)
		inside, changed := make(chan struct{}), make(chan error, 1)
		go func() {
			<-inside
			_, err := s.SetConsent(ctx, []ConsentChange{{Contact: who, Topic: "guides", State: contacts.ConsentWithdrawn, At: later(time.Second)}}, later(time.Second))
			changed <- err
		}()
		r := must(s.Claim(ctx, ClaimInput{Batches: []int64{batches[0].ID}, Needs: everything, Worker: "w", Limit: 10, Now: day}, func(found []Candidate) []Verdict {
			close(inside)
			select {
			case err := <-changed:
				t.Errorf("consent changed (%v) while the claim held the contact", err)
			case <-time.After(50 * time.Millisecond): // nothing to wait for: it must not happen
			}
			if found[0].Entry.Facts.ConsentFor("guides").State != contacts.ConsentGiven {
				t.Error("the claim does not see the consent that stands")
			}
			return allGo(found)
		}))(t)
		equal(t, "claimed", len(r.Claimed), 1)
		check(t, <-changed)
	})
}

func TestClaimSkipsHoldsAndLimits(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 10)
		enrolAll(t, s, id, 10)
		_, batches := step(t, s, d, day)
		r := must(s.Claim(ctx, ClaimInput{Batches: []int64{batches[0].ID}, Needs: everything, Worker: "w", Limit: 6, Now: day}, func(found []Candidate) []Verdict {
			out := allGo(found)
			out[0] = Verdict{Skip: "consent to guides is withdrawn"}
			out[1] = Verdict{Until: later(time.Hour), Reason: "quiet hours"}
			return out
		}))(t)
		if len(r.Claimed) != 4 || r.Skipped != 1 || r.Held != 5 || len(r.Ready) != 1 {
			t.Fatalf("claimed %d, skipped %d, held %d, ready %d; want 4, 1, 5 (one later, four beyond the limit), 1", len(r.Claimed), r.Skipped, r.Held, len(r.Ready))
		}
		equal(t, "rest", len(claimAll(t, s, "w", r.Ready, day)), 4)
		equal(t, "not yet", len(must(s.DueBatches(ctx, later(time.Minute), 10))(t)), 0)
		equal(t, "later", len(claimAll(t, s, "w", must(s.DueBatches(ctx, later(time.Hour), 10))(t), later(time.Hour))), 1)
		// The enrolment of the skipped message goes on.
		n, _ := step(t, s, d, day)
		equal(t, "woken", n, 1)
	})
}

// What a worker's journal is asked of after a crash: what it had claimed itself,
// and of what is unknown only what a sweep has judged in its absence.
func TestRule15AJournalIsAskedOfItsOwnAndOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 5)
		enrolAll(t, s, id, 10)
		_, batches := step(t, s, d, day)
		check(t, s.StartWorker(ctx, Worker{ID: "a"}, day))
		claimed := claimAll(t, s, "a", batches, day)
		doubtful := func(worker string) (ids []int64) {
			for _, o := range must(s.InDoubt(ctx, worker))(t) {
				ids = append(ids, o.Message)
			}
			return ids
		}
		ids := func(list []Claimed) (ids []int64) {
			for _, c := range list {
				ids = append(ids, c.ID)
			}
			slices.Sort(ids)
			return ids
		}
		equal(t, "all that it sends", doubtful("a"), ids(claimed))

		// One is put back and claimed by somebody else; one got no answer.
		again := must(s.Record(ctx, outcomes(claimed[:1], campaigns.Queued, day), campaigns.ByWorker, day))(t)
		other := claimAll(t, s, "b", again, day)
		equal(t, "the other's", doubtful("b"), ids(other))
		_, err := s.Record(ctx, outcomes(claimed[1:2], campaigns.Unknown, day), campaigns.ByWorker, day)
		check(t, err)
		equal(t, "neither somebody else's nor what it has said itself", doubtful("a"), ids(claimed[2:]))

		// It falls silent: of what the sweep makes unknown its journal may know
		// more, and when it does not, it is asked no more.
		w := must(s.Workers(ctx))(t)[0]
		equal(t, "given up", must(s.GiveUp(ctx, w, later(time.Hour)))(t), 3)
		equal(t, "what a sweep has judged", doubtful("a"), ids(claimed[2:]))
		_, err = s.Record(ctx, outcomes(claimed[2:4], campaigns.Unknown, day), campaigns.ByJournal, later(2*time.Hour))
		check(t, err)
		equal(t, "what the journal has not spoken about", doubtful("a"), ids(claimed[4:]))
		equal(t, "unknown", count(t, s, `select count(*) from messages where state = 'unknown'`), int64(4))
		equal(t, "the other still sends", doubtful("b"), ids(other))
	})
}

func TestRule19ASecondServeOnOneFileIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rapport.db")
	openStore(t, name)
	_, err := Open(t.Context(), name, Options{})
	want := name + " is in use by another rapport process: an embedded database has one; stop it, or name a PostgreSQL database in rapport.yaml to run many"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	shared, err := Open(t.Context(), name, Options{Shared: true})
	if err != nil {
		t.Fatalf("a command beside serve: %v", err)
	}
	shared.Close()
}

func TestRule18OneEnrolmentAndStepIsOneMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		id, d := welcome(t, s)
		consenting(t, s, 1)
		enrolAll(t, s, id, 10)
		step(t, s, d, day)
		err := s.db.write(t.Context(), func(q querier) error {
			_, err := q.exec(t.Context(), `insert into messages (id, contact_id, campaign_id, template, state, due_at, not_before, expires_at, created_at)
				select id, contact_id, campaign_id, template, 'queued', due_at, not_before, expires_at, created_at from messages`)
			return err
		})
		if err == nil {
			t.Error("a second message of one enrolment and step was written")
		}
	})
}
