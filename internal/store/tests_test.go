package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rapport/internal/measure"
)

func TestAComparisonBeginsAnewWhenItComparesSomethingElse(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		split, control := TestName{"welcome", "split/offer"}, TestName{"", "control"}
		apply := func(hash string, at time.Time, tests map[TestName]string) Version {
			t.Helper()
			v, _, err := s.Apply(ctx, ApplyInput{Hash: hash, Numbers: map[string]map[string]int{"welcome": {}}, Tests: tests}, at)
			check(t, err)
			return v
		}
		equal(t, "a test that was never noted", must(s.Test(ctx, split))(t), Test{TestName: split})
		first := apply("1", day, map[TestName]string{split: "a", control: "5%"})
		equal(t, "the first", must(s.Test(ctx, split))(t), Test{split, first.ID, day.Local()})
		apply("2", later(time.Hour), map[TestName]string{split: "a", control: "5%"})
		equal(t, "the same again", must(s.Test(ctx, split))(t), Test{split, first.ID, day.Local()})

		look := Look{measure.Evidence{Look: 1, Arms: []measure.Arm{{Name: "x", Of: 9, Count: 3, Open: 2}}, Leader: "x", Doubt: 0.25, Winner: "x"}, later(2 * time.Hour).Local()}
		test := must(s.Test(ctx, split))(t)
		if !must(s.SaveLook(ctx, test, look))(t) || must(s.SaveLook(ctx, test, Look{measure.Evidence{Look: 1}, day}))(t) {
			t.Error("the first look counts, and no second of its number")
		}
		equal(t, "looks", must(s.Looks(ctx, test))(t), []Look{look})

		third := apply("3", later(3*time.Hour), map[TestName]string{split: "b", control: "5%"})
		equal(t, "another", must(s.Test(ctx, split))(t), Test{split, third.ID, later(3 * time.Hour).Local()})
		equal(t, "looks at another", len(must(s.Looks(ctx, must(s.Test(ctx, split))(t)))(t)), 0)
		won := must(s.Campaigns(ctx))(t)["welcome"].Won
		equal(t, "what was called", won, []Won{{Split: "split/offer", Arm: "x", From: first.ID, Until: third.ID}})
		equal(t, "whom it is for", []bool{won[0].In(first.ID - 1), won[0].In(first.ID), won[0].In(third.ID - 1), won[0].In(third.ID)}, []bool{false, true, true, false})

		apply("4", later(4*time.Hour), nil)
		back := apply("5", later(5*time.Hour), map[TestName]string{split: "b", control: "5%"})
		equal(t, "what was away meanwhile", must(s.Test(ctx, split))(t).Version, back.ID)
		equal(t, "the control group", must(s.Test(ctx, control))(t).Version, back.ID)
	})
}

func TestEnrolmentsOfBeforeAreComparedToo(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 12)
			for i, state := range []string{"finished", "finished", "control"} {
				text := fmt.Sprintf(`insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, goal_until, converted_at)
					values (%d, 1, %d, 1, %d, '%s', %d, %d)`, 1024*(i+1), i, ms(day), state, ms(later(time.Hour)), ms(later(time.Minute)))
				if _, err := db.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
					t.Fatal(err)
				}
			}
			db.Close()
			s := openStore(t, address)
			test := must(s.Test(t.Context(), TestName{"welcome", "control"}))(t)
			equal(t, "groups", must(s.Controls(t.Context(), CompareInput{Test: test, Campaign: 1, Now: later(2 * time.Hour)}))(t),
				measure.Uplift{Treated: measure.Group{Of: 2, Count: 2}, Control: measure.Group{Of: 1, Count: 1}})
		})
	}
}
