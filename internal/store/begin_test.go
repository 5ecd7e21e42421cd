package store

import (
	"slices"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/segments"
)

// firstSteps is the step machine for new enrolments of a campaign; before it
// answers, meanwhile happens.
func firstSteps(d *campaigns.Definition, meanwhile func([]Due)) *Step {
	return &Step{Needs: everyStep, Decide: func(due []Due) []Stepped {
		if meanwhile != nil {
			meanwhile(due)
		}
		out := make([]Stepped, len(due))
		for i, x := range due {
			in := campaigns.Input{Pinned: d, Enrolment: x.Enrolment, Now: day, Zone: time.UTC}
			in.Question.Facts = x.Facts
			decision := campaigns.Next(in)
			out[i] = Stepped{Enrolment: decision.Enrolment}
			if m := decision.Message; m != nil {
				out[i].Message = &PlannedMessage{ID: m.ID, Contact: x.Enrolment.Contact, Campaign: x.Enrolment.Campaign, Template: m.Template, Lane: "50.mia", Expires: m.Expires}
			}
		}
		return out
	}}
}

func TestFirstStepsAreTakenWithTheEnrolment(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 250)
		must(s.Suppress(ctx, []Suppression{{Email: "p0003@example.com", Reason: contacts.ReasonManual, At: day}}, day))(t)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides",
			Control: "salt", Share: 0.2, HasGoal: true, GoalTill: later(72 * time.Hour), Step: firstSteps(d, nil)}
		r := must(s.EnrolChunk(ctx, in, 1000))(t)
		equal(t, "enrolled", r.Enrolled, int64(249))
		control := count(t, s, `select count(*) from enrolments where state = 'control' and due_at = goal_until`)
		parked := count(t, s, `select count(*) from enrolments where state = 'parked' and due_at is null and position <> '' and parked_for = id + 1`)
		if control == 0 || control+parked != 249 {
			t.Errorf("%d are held out and %d wait for their message, of 249", control, parked)
		}
		equal(t, "messages", count(t, s, `select count(*) from messages m join enrolments e on e.parked_for = m.id and m.state = 'queued'`), parked)
		equal(t, "in batches", count(t, s, `select cast(sum(open_count) as bigint) from batches`), parked)
		equal(t, "batches to queue", int64(len(r.Ready)), count(t, s, `select count(*) from batches`))
		n, _ := step(t, s, d, day)
		equal(t, "left to the next turn", n, 0)
	})
}

func TestFirstStepsOfAPausedCampaignWait(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 20)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		must(s.SetCampaignStatus(ctx, "welcome", Paused, []CampaignStatus{Running}, day))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Step: firstSteps(d, nil)}
		must(s.EnrolChunk(ctx, in, 1000))(t)
		equal(t, "due", count(t, s, `select count(*) from enrolments where state = 'active' and due_at is not null`), int64(20))
		equal(t, "messages", count(t, s, `select count(*) from messages`), int64(0))
	})
}

// Between the look at who may come and the row, somebody else lets one in: there
// is one enrolment, and the message of the other is never written.
func TestWhoCameInMeanwhileGetsNoSecondFirstMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if s.dialect == segments.SQLite {
			return // one writer: nobody comes in meanwhile
		}
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 20)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides",
			Step: firstSteps(d, func(due []Due) {
				if count(t, s, `select count(*) from enrolments`) > 0 {
					return // it is asked once more, because somebody came
				}
				_, err := s.db.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, due_at) values (1024, $1, $2, 1, $3, 'active', $3)`,
					id, int64(due[4].Enrolment.Contact), ms(day))
				check(t, err)
			})}
		r := must(s.EnrolChunk(ctx, in, 1000))(t)
		equal(t, "enrolled", r.Enrolled, int64(19))
		equal(t, "enrolments", count(t, s, `select count(*) from enrolments`), int64(20))
		equal(t, "messages", count(t, s, `select count(*) from messages m join enrolments e on e.parked_for = m.id`), int64(19))
		equal(t, "all messages", count(t, s, `select count(*) from messages`), int64(19))
	})
}

// To look for an audience may take longer than a lease: who renews it keeps it,
// and a chunk that was asked for before does not shorten it.
func TestAFiringThatIsRenewedIsNotTakenOver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		consenting(t, s, 20)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		equal(t, "renewed", must(s.RenewFiring(ctx, firing(id), "a", later(5*time.Minute)))(t), true)
		equal(t, "by somebody else", must(s.RenewFiring(ctx, firing(id), "b", later(9*time.Minute)))(t), false)
		must(s.EnrolChunk(ctx, EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides"}, 10))(t)
		equal(t, "left behind", len(must(s.ResumeFirings(ctx, "b", later(4*time.Minute), later(9*time.Minute)))(t)), 0)
		equal(t, "left behind for good", len(must(s.ResumeFirings(ctx, "b", later(6*time.Minute), later(9*time.Minute)))(t)), 1)
	})
}

// An event wakes an enrolment while the outcome of its message is being recorded:
// the step machine saw it as it was before, so that step is not written, and it
// comes to the turn that the event asked for.
func TestAnOutcomeDoesNotOverwriteWhatCameInMeanwhile(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if s.dialect == segments.SQLite {
			return // one writer: nothing comes in meanwhile
		}
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 3)
		enrolAll(t, s, id, 100)
		_, batches := step(t, s, d, day)
		claim := must(s.Claim(ctx, ClaimInput{Batches: []int64{batches[0].ID}, Worker: "w", Limit: 10, Now: day, Needs: everything}, allGo))(t)
		woken := claim.Claimed[1].Entry.Enrolment.ID
		machine := Step{Needs: everyStep, Decide: func(due []Due) []Stepped {
			_, err := s.db.exec(ctx, `update enrolments set due_at = $1, rev = rev + 1 where id = $2`, ms(day), woken)
			check(t, err)
			out := make([]Stepped, len(due))
			for i, x := range due {
				in := campaigns.Input{Pinned: d, Enrolment: x.Enrolment, Outcomes: x.Outcomes, Now: day, Zone: time.UTC}
				in.Question.Facts = x.Facts
				out[i] = Stepped{Enrolment: campaigns.Next(in).Enrolment}
			}
			return out
		}}
		must(s.RecordAndStep(ctx, outcomes(claim.Claimed, campaigns.Sent, day), machine, day))(t)
		equal(t, "sent", count(t, s, `select count(*) from messages where state = 'sent'`), int64(3))
		equal(t, "went on", count(t, s, `select count(*) from enrolments where state <> 'parked'`), int64(2))
		equal(t, "to be looked at", count(t, s, `select count(*) from enrolments where state = 'parked' and due_at is not null and id = $1`, woken), int64(1))
		n, _ := step(t, s, d, day)
		equal(t, "looked at", n, 1)
	})
}

// What the claim has read of an enrolment saves reading it again, and is not taken
// for true where the enrolment has moved since, or its campaign was paused.
func TestAnOutcomeGoesByTheClaimOnlyWhereItStillHolds(t *testing.T) {
	for _, read := range []bool{false, true} {
		onBoth(t, func(t *testing.T, s *Store) {
			ctx := t.Context()
			id, d := welcome(t, s)
			consenting(t, s, 4)
			enrolAll(t, s, id, 100)
			_, batches := step(t, s, d, day)
			claim := must(s.Claim(ctx, ClaimInput{Batches: []int64{batches[0].ID}, Worker: "w", Limit: 10, Now: day, Needs: everything}, allGo))(t)
			asked := 0
			machine := Step{Needs: everyStep, Decide: func(due []Due) []Stepped {
				out := make([]Stepped, len(due))
				for i, x := range due {
					asked++
					if len(x.Outcomes) != 1 || x.Outcomes[0].State != campaigns.Sent {
						t.Errorf("it is told %+v", x.Outcomes)
					}
					e := x.Enrolment
					e.State, e.Position, e.DueAt = campaigns.Active, "on", time.Time{}
					out[i] = Stepped{Enrolment: e}
				}
				return out
			}}
			list := outcomes(claim.Claimed, campaigns.Sent, day)
			for i := range list {
				if read {
					list[i].Entry = nil
				}
			}
			_, err := s.db.exec(ctx, `update enrolments set state = 'exited', ended_at = $1, rev = rev + 1 where id = $2`, ms(day), ident.Enrolment(list[1].Message))
			check(t, err)
			must(s.RecordAndStep(ctx, list[:2], machine, day))(t)
			equal(t, "went on", count(t, s, `select count(*) from enrolments where position = 'on'`), int64(1))
			equal(t, "stay at their end", count(t, s, `select count(*) from enrolments where state = 'exited' and due_at is null`), int64(1))

			asked = 0
			_, err = s.db.exec(ctx, `update campaigns set status = 'paused'`)
			check(t, err)
			must(s.RecordAndStep(ctx, list[2:], machine, day))(t)
			equal(t, "asked about while their campaign is paused", asked, 0)
			equal(t, "due when it goes on", count(t, s, `select count(*) from enrolments where state = 'parked' and due_at is not null and position <> 'on'`), int64(2))
			equal(t, "sent", count(t, s, `select count(*) from messages where state = 'sent'`), int64(4))
		})
	}
}

// Ties between campaigns are broken by their ids, so these are in the same order
// however often a workspace is applied anew.
func TestCampaignsAreNumberedByTheirNames(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		in := ApplyInput{Hash: "h", Numbers: map[string]map[string]int{}}
		for _, name := range []string{"e", "b", "d", "a", "g", "c", "f"} {
			in.Numbers[name] = nil
		}
		_, _, err := s.Apply(t.Context(), in, day)
		check(t, err)
		known := must(s.Campaigns(t.Context()))(t)
		for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
			if next := string(rune('b' + i)); known[name].ID >= known[next].ID {
				t.Errorf("%s has %d, %s has %d", name, known[name].ID, next, known[next].ID)
			}
		}
	})
}

// News that come in between the facts and the row are told to nobody who still
// waits for its message: who comes to stand where news matter is asked about once
// more, under a lock.
func TestWhoComesToWatchForNewsIsAskedAboutAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if s.dialect == segments.SQLite {
			return // one writer: nothing comes in between
		}
		ctx := t.Context()
		id, d := welcome(t, s)
		people := consenting(t, s, 3)
		news := func() bool { return count(t, s, `select count(*) from events where name = 'order.placed'`) > 0 }
		machine := Step{Needs: everyStep, Decide: func(due []Due) []Stepped {
			out := make([]Stepped, len(due))
			for i, x := range due {
				if len(x.Sent) > 1 {
					t.Errorf("the one message counts %d times for the limits", len(x.Sent))
				}
				out[i] = Stepped{Enrolment: watching(x), Watches: true}
			}
			if !news() {
				order(t, s, people[1])
			}
			return out
		}}
		enrolAll(t, s, id, 100)
		_, batches := step(t, s, d, day)
		claim := must(s.Claim(ctx, ClaimInput{Batches: []int64{batches[0].ID}, Worker: "w", Limit: 10, Now: day, Needs: everything}, allGo))(t)
		must(s.RecordAndStep(ctx, outcomes(claim.Claimed, campaigns.Sent, day), machine, day))(t)
		equal(t, "on the way with the news", count(t, s, `select count(*) from enrolments where position = 'has seen it' and contact_id = $1`, int64(people[1])), int64(1))
		equal(t, "on the way", count(t, s, `select count(*) from enrolments where position like 'has%'`), int64(3))
	})
}

// watching is an enrolment where it waits for an order, or has seen it.
func watching(d Due) campaigns.Enrolment {
	e := d.Enrolment
	e.State, e.Position, e.DueAt = campaigns.Active, "has not seen it", time.Time{}
	if slices.ContainsFunc(d.Facts.Events, func(e contacts.Event) bool { return e.Name == "order.placed" }) {
		e.Position = "has seen it"
	}
	return e
}

func order(t *testing.T, s *Store, contact contacts.ID) {
	t.Helper()
	_, err := s.Ingest(t.Context(), []Incoming{{Event: contacts.Event{Name: "order.placed", Key: "o1", Contact: contact, At: day}}}, day)
	check(t, err)
}

// waitForLock waits until somebody stands before a lock on the firings, or did not
// have to.
func waitForLock(t *testing.T, s *Store, done chan struct{}) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-t.Context().Done():
			t.Fatal("nobody waits")
		case <-tick.C:
		}
		if count(t, s, `select count(*) from pg_locks where not granted and relation = 'firings'::regclass`) > 0 {
			return
		}
	}
}

// whileEnrolling runs a test in which a firing of a campaign has begun, three people
// are about to come in, and something comes in between. Where there is one writer
// nothing can.
func whileEnrolling(t *testing.T, test func(t *testing.T, s *Store, campaign int64, people []contacts.ID, version int64)) {
	onBoth(t, func(t *testing.T, s *Store) {
		if s.dialect == segments.SQLite {
			return
		}
		id, _ := welcome(t, s)
		people := consenting(t, s, 3)
		takeAll(t, s)
		version, _, err := s.CurrentVersion(t.Context())
		check(t, err)
		must(s.ClaimFiring(t.Context(), firing(id), day, "a", later(time.Minute)))(t)
		test(t, s, id, people, version.ID)
	})
}

// An enrolment that nobody sees yet would miss what is new about its contact: it is
// looked at when the enrolment is there.
func TestNewsAreToldToWhoIsJustBeingEnrolled(t *testing.T) {
	whileEnrolling(t, func(t *testing.T, s *Store, id int64, people []contacts.ID, version int64) {
		ctx := t.Context()
		told, done := 0, make(chan struct{})
		machine := &Step{Needs: everyStep, Decide: func(due []Due) []Stepped {
			order(t, s, people[1])
			go func() {
				defer close(done)
				_, err := s.React(ctx, ReactInput{Now: day, Limit: 10, Version: version}, func(touched []TouchedContact) []Reaction {
					told = len(touched[0].Entries)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}()
			waitForLock(t, s, done)
			out := make([]Stepped, len(due))
			for i, x := range due {
				out[i] = Stepped{Enrolment: watching(x), Watches: true}
			}
			return out
		}}
		must(s.EnrolChunk(ctx, EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Step: machine}, 100))(t)
		<-done
		equal(t, "enrolments that were told", told, 1)
	})
}

// The other way round: what follows from news is seen by who is enrolled after them.
func TestWhoIsEnrolledSeesWhatFollowsFromNews(t *testing.T) {
	whileEnrolling(t, func(t *testing.T, s *Store, id int64, people []contacts.ID, version int64) {
		ctx := t.Context()
		order(t, s, people[1])
		var seen []string
		done := make(chan struct{})
		machine := &Step{Needs: everyStep, Decide: func(due []Due) []Stepped {
			out := make([]Stepped, len(due))
			for i, x := range due {
				seen, out[i] = append(seen, x.Facts.Contact.Stage), Stepped{Enrolment: x.Enrolment}
			}
			return out
		}}
		must(s.React(ctx, ReactInput{Now: day, Limit: 10, Version: version}, func(touched []TouchedContact) []Reaction {
			go func() {
				defer close(done)
				in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Step: machine}
				if _, err := s.EnrolChunk(ctx, in, 100); err != nil {
					t.Error(err)
				}
			}()
			waitForLock(t, s, done)
			return []Reaction{{Contact: people[1], State: &StateChange{Contact: people[1], Stage: "customer", StageSince: day}}}
		}))(t)
		<-done
		equal(t, "stages", seen, []string{"", "customer", ""})
	})
}
