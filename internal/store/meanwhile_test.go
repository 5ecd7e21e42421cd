package store

import (
	"slices"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/segments"
)

// What was looked at before there was an enrolment is looked at again once there is
// one: since the firing where a goal counts from then on, else since the moment as of
// which first steps were asked. Of whom nothing is new, nobody looks again.
func TestWhatHappenedBeforeTheEnrolmentWasWrittenIsLookedAtAgain(t *testing.T) {
	const early = 20 // who only make their time zones known
	fired := later(time.Hour)
	written := fired.Add(10 * time.Second)
	for _, way := range []string{"asked", "straight"} {
		for kind, c := range map[string]struct{ listens, goal bool }{"with a goal": {true, true}, "with an exit": {true, false}, "that listens to nothing": {}} {
			t.Run(way+" "+kind, func(t *testing.T) {
				onBoth(t, func(t *testing.T, s *Store) {
					ctx := t.Context()
					id, _ := welcome(t, s)
					d := beginningWithAWait(t, "start: { schedule: \"0 9 * * *\" }\ntopic: guides")
					ids := consenting(t, s, early+7)
					since, until, agreed, machine, moved, before, gone := ids[early], ids[early+1], ids[early+2], ids[early+3], ids[early+4], ids[early+5], ids[early+6]
					event := func(who contacts.ID, key string, at time.Time, machine bool) {
						must(s.Ingest(ctx, []Incoming{{Event: contacts.Event{Name: "order.placed", Key: key, Contact: who, At: at, Machine: machine}}}, at))(t)
					}
					event(before, "before", fired.Add(-time.Minute), false)
					event(since, "since", fired.Add(time.Second), false)
					event(machine, "machine", fired.Add(11*time.Second), true)
					event(until, "until", fired.Add(11*time.Second), false)
					event(gone, "gone", fired.Add(11*time.Second), false)
					must(s.SetConsent(ctx, []ConsentChange{{Contact: agreed, Topic: "offers", State: contacts.ConsentGiven, At: fired.Add(2 * time.Second)}}, fired.Add(2*time.Second)))(t)
					check(t, s.SaveStates(ctx, []StateChange{{Contact: moved, Stage: "customer", StageSince: fired.Add(3 * time.Second)}}))
					must(s.Suppress(ctx, []Suppression{{Email: "p0026@example.com", Reason: contacts.ReasonManual, At: day}}, day))(t)
					takeAll(t, s)

					asked := 0
					in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: fired, Written: written, LeaseTill: written.Add(time.Minute), Topic: "guides", Listens: c.listens,
						Reentry: campaigns.ReentryNever, SQL: segments.SQL{Zone: time.UTC}, Ahead: &Audience{}, Step: shortWay(d, nil, written, &asked)}
					if way == "asked" {
						in.Step.First = nil
					}
					if c.goal {
						in.HasGoal, in.GoalTill = true, fired.AddDate(0, 0, 10)
					}
					must(s.ClaimFiring(ctx, in.Firing, fired, "a", later(2*time.Hour)))(t)
					var enrolled int64
					for done := false; !done; {
						r := must(s.EnrolChunk(ctx, in, early))(t)
						enrolled, done = enrolled+r.Enrolled, r.Done
					}
					equal(t, "enrolled", enrolled, int64(early+6))
					equal(t, "went straight", asked < early+6, way == "straight")

					var want []contacts.ID
					switch {
					case c.goal:
						want = []contacts.ID{since, until, agreed, moved}
					case c.listens:
						want = []contacts.ID{until}
					}
					var again []contacts.ID
					for _, row := range takeAll(t, s) {
						equal(t, "the event, which is counted already", row.Event, int64(0))
						again = append(again, row.Contact)
					}
					slices.Sort(again)
					equal(t, "who is looked at again", again, want)
				})
			})
		}
	}
}
