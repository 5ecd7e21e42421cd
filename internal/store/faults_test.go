package store

import (
	"errors"
	"sync"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/testenv"
	"rapport/segments"
)

func TestRule15AWorkerThatStopsWithMailInFlightIsNotForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 3)
		enrolAll(t, s, id, 10)
		_, batches := step(t, s, d, day)
		check(t, s.StartWorker(ctx, Worker{ID: "a"}, day))
		claimAll(t, s, "a", batches, day)

		// The database did not take its outcomes before it had to end, and its
		// machine does not come back.
		check(t, s.StopWorker(ctx, "a"))
		left := must(s.Workers(ctx))(t)
		if len(left) != 1 || left[0].Stopped {
			t.Fatalf("workers %+v: it must stay listed as silent, for what it was sending", left)
		}
		equal(t, "unknown", must(s.GiveUp(ctx, left[0], later(time.Hour)))(t), 3)
		n, _ := step(t, s, d, later(time.Hour))
		equal(t, "enrolments that go on", n, 3)
		equal(t, "left", len(must(s.Workers(ctx))(t)), 0)
	})
}

func TestIdsOfAFiringWithMoreContactsThanASecondHasNumbers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		consenting(t, s, 20)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Written: day}
		first := must(s.reserve(ctx, "ids", 1))(t) + 1
		equal(t, "first", must(s.EnrolChunk(ctx, in, 10))(t).Enrolled, int64(10))

		// The numbers have gone round once. In the same second nobody is left out
		// without a word; a chunk of a later second has ids of its own.
		around := func() { s.reserved["ids"] = block{first + ident.Sequences, first + 2*ident.Sequences} }
		around()
		if _, err := s.EnrolChunk(ctx, in, 10); err == nil {
			t.Error("ids that are taken: no error")
		}
		around()
		in.Written = later(time.Second)
		equal(t, "second", must(s.EnrolChunk(ctx, in, 10))(t).Enrolled, int64(10))
		equal(t, "all of the firing's moment", count(t, s, `select count(*) from enrolments where started_at = $1`, ms(day)), int64(20))
	})
}

func TestRestartLeavesTheControlGroupAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		consenting(t, s, 40)
		for i, wall := range []string{"1", "2"} {
			key := FiringKey{Campaign: id, Start: "schedule", Wall: wall}
			at := later(time.Duration(i) * time.Hour)
			must(s.ClaimFiring(ctx, key, at, "a", at.Add(time.Minute)))(t)
			must(s.EnrolChunk(ctx, EnrolInput{Firing: key, Owner: "a", Version: 1, Now: at, LeaseTill: at.Add(time.Minute), Topic: "guides",
				Reentry: campaigns.ReentryRestart, Control: "salt", Share: 0.5, HasGoal: true, GoalTill: at.Add(72 * time.Hour)}, 100))(t)
		}
		control := count(t, s, `select count(*) from enrolments where state = 'control'`)
		active := count(t, s, `select count(*) from enrolments where state = 'active'`)
		equal(t, "everybody is in once", control+active, int64(40))
		equal(t, "started anew", count(t, s, `select count(*) from enrolments where state = 'exited'`), active)
		equal(t, "held out since the first", count(t, s, `select count(*) from enrolments where state = 'control' and started_at = $1`, ms(day)), control)
	})
}

func TestAPausedCampaignThatIsTakenAwayStaysPaused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		welcome(t, s)
		must(s.SetCampaignStatus(ctx, "welcome", Paused, []CampaignStatus{Running}, day))(t)
		_, _, err := s.Apply(ctx, ApplyInput{Hash: "without"}, later(time.Hour))
		check(t, err)
		equal(t, "status", must(s.Campaigns(ctx))(t)["welcome"].Status, Paused)
	})
}

func TestTwoAppliesAtOnceGiveOutNoNumberTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		apply := func(hash string, numbers map[string]int) error {
			_, _, err := s.Apply(ctx, ApplyInput{Hash: hash, Numbers: map[string]map[string]int{"welcome": numbers}}, day)
			return err
		}
		check(t, apply("base", map[string]int{"send:one": 1}))
		check(t, apply("mine", map[string]int{"send:one": 1, "send:two": 2}))
		if err := apply("yours", map[string]int{"send:one": 1, "send:three": 2}); !errors.Is(err, ErrApplied) {
			t.Errorf("got %v, want %v", err, ErrApplied)
		}
		check(t, apply("after all", map[string]int{"send:one": 1, "send:two": 2, "send:three": 3}))
	})
}

func TestRule05ARefreshGoesThroughEverybody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		in := SegmentInput{Name: "all", Hash: "1", Condition: condition(t, "{ attribute: email, exists: true }"), SQL: segments.SQL{Now: day, Zone: time.UTC}}
		must(s.RefreshSegment(ctx, in, day, 2))(t)
		consenting(t, s, 7)
		takeAll(t, s)
		// Whatever the size of a transaction: the last is not kept waiting by the first.
		equal(t, "touched", must(s.RefreshSegment(ctx, in, day, 2))(t), int64(7))
		equal(t, "each once", len(takeAll(t, s)), 7)
	})
}

// News that come while a step is being written: the step has read the facts
// before them, so whoever reacts must see where it leaves the enrolment.
func TestReactSeesWhereAStepHasLeftAnEnrolment(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		who := consenting(t, s, 1)[0]
		enrolAll(t, s, id, 10)
		takeAll(t, s)
		version, _, err := s.CurrentVersion(ctx)
		check(t, err)
		var saw string
		var reacting sync.WaitGroup
		check(t, s.Touch(ctx, []contacts.ID{who}))
		_, _, err = s.StepDue(ctx, day, 10, deciding(func(due []Due) []Stepped {
			reacting.Go(func() {
				_, err := s.React(ctx, ReactInput{Now: day, Limit: 10, Version: version.ID}, func(list []TouchedContact) []Reaction {
					saw = list[0].Entries[0].Enrolment.Position
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
			<-time.After(100 * time.Millisecond) // long enough to read too early; nothing else to wait for
			e := due[0].Enrolment
			e.Position, e.DueAt = "wait_for#1", later(48*time.Hour)
			return []Stepped{{Enrolment: e}}
		}))
		check(t, err)
		reacting.Wait()
		equal(t, "position", saw, "wait_for#1")
	})
}

func TestReactLeavesNewsToWhoKnowsTheVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		welcome(t, s)
		consenting(t, s, 2)
		takeAll(t, s)
		old, _, err := s.CurrentVersion(ctx)
		check(t, err)
		fresh, _, err := s.Apply(ctx, ApplyInput{Hash: "another ladder", Touch: true}, later(time.Hour))
		check(t, err)
		none := func(list []TouchedContact) []Reaction { return nil }
		if _, err := s.React(ctx, ReactInput{Now: day, Limit: 10, Version: old.ID}, none); !errors.Is(err, ErrStale) {
			t.Errorf("got %v, want %v", err, ErrStale)
		}
		equal(t, "by the new version", must(s.React(ctx, ReactInput{Now: day, Limit: 10, Version: fresh.ID}, none))(t), 2)
	})
}

// A clock that stands still on a millisecond must not meet the same enrolment
// again and again, because its moment is a fraction of one later.
func TestNothingIsDueBeforeItsMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		who := consenting(t, s, 1)[0]
		enrolAll(t, s, id, 10)
		takeAll(t, s)
		moment := later(time.Hour + 456*time.Microsecond)
		wait := func(due []Due) []Stepped {
			e := due[0].Enrolment
			e.DueAt = moment
			return []Stepped{{Enrolment: e}}
		}
		for _, c := range []struct {
			now  time.Time
			want int
		}{{day, 1}, {later(time.Hour), 0}, {later(time.Hour + time.Millisecond), 1}} {
			n, _, err := s.StepDue(ctx, c.now, 10, deciding(wait))
			check(t, err)
			equal(t, "due at "+c.now.String(), n, c.want)
		}

		version, _, err := s.CurrentVersion(ctx)
		check(t, err)
		check(t, s.Touch(ctx, []contacts.ID{who}))
		must(s.React(ctx, ReactInput{Now: day, Limit: 10, Version: version.ID}, func(list []TouchedContact) []Reaction {
			return []Reaction{{Contact: who, State: &StateChange{Contact: who, Stage: "x", Health: "none", NextChange: moment}}}
		}))(t)
		equal(t, "too early", must(s.TouchDue(ctx, later(time.Hour), 10))(t), 0)
		equal(t, "in time", must(s.TouchDue(ctx, later(time.Hour+time.Millisecond), 10))(t), 1)
	})
}

// A worker that is cut off inside a transaction keeps its locks until PostgreSQL
// ends it. How that looks from outside is among the scenarios of
// internal/bench/faults.
func TestPostgresWaitsForNoSilentClient(t *testing.T) {
	s := openStore(t, testenv.Postgres(t))
	var patience string
	if _, err := one(t.Context(), s.db, "show idle_in_transaction_session_timeout", nil, &patience); err != nil || patience != transactionPatience {
		t.Errorf("a transaction may stay open for %q, %v, want %q", patience, err, transactionPatience)
	}
}
