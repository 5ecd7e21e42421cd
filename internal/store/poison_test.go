package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/segments"
)

// refuse lets the database refuse an enrolment in a state.
func refuse(t *testing.T, s *Store, column string, value int64, state string) {
	t.Helper()
	texts := []string{fmt.Sprintf(`alter table enrolments add constraint no_such check (%s <> %d or state <> '%s')`, column, value, state)}
	if s.dialect == segments.SQLite {
		texts = nil
		for _, verb := range []string{"insert", "update"} {
			texts = append(texts, fmt.Sprintf(`create trigger no_%[1]s before %[1]s on enrolments when new.%[2]s = %[3]d and new.state = '%[4]s' begin select raise(abort, 'no'); end`, verb, column, value, state))
		}
	}
	for _, text := range texts {
		_, err := s.db.exec(t.Context(), text)
		check(t, err)
	}
}

// What the database refuses of one enrolment must not hold up the others that
// are due with it, in this turn or any later one.
func TestOneEnrolmentThatCannotBeWrittenHoldsUpNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		for i, contact := range consenting(t, s, 20) {
			_, err := s.db.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, due_at) values ($1, $2, $3, 1, 0, 'active', $4)`,
				int64(1024*(i+1)), id, int64(contact), ms(day))
			check(t, err)
		}
		const bad = 1024 * 7
		refuse(t, s, "id", bad, "finished")
		finish := deciding(func(due []Due) []Stepped {
			out := make([]Stepped, len(due))
			for i, d := range due {
				e := d.Enrolment
				e.State, e.EndedAt, e.DueAt = campaigns.Finished, day, time.Time{}
				out[i] = Stepped{Enrolment: e}
			}
			return out
		})
		var told []string
		for {
			n, _, err := s.StepDue(ctx, later(time.Second), 100, finish)
			switch {
			case errors.Is(err, ErrPoison):
				told = append(told, err.Error())
			case err != nil:
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		equal(t, "ended", count(t, s, `select count(*) from enrolments where state = 'finished'`), int64(19))
		if len(told) != 1 || !strings.HasPrefix(told[0], fmt.Sprintf(`enrolment %d at "": its step cannot be written, it rests for an hour: `, bad)) {
			t.Errorf("it says %q", told)
		}
		n, _, err := s.StepDue(ctx, later(poisonPause+time.Minute), 100, finish)
		if n != 1 || !errors.Is(err, ErrPoison) {
			t.Errorf("an hour later %d are looked at: %v", n, err)
		}
	})
}

func TestOneFirstStepThatCannotBeWrittenHoldsUpNoFiring(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		people := consenting(t, s, 30)
		refuse(t, s, "contact_id", int64(people[7]), "parked")
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Step: firstSteps(d, nil)}
		r := must(s.EnrolChunk(ctx, in, 1000))(t)
		equal(t, "enrolled", r.Enrolled, int64(30))
		poison := 0
		for {
			n, _, err := s.StepDue(ctx, day, 100, *in.Step)
			switch {
			case errors.Is(err, ErrPoison):
				poison++
			case err != nil:
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		equal(t, "put off", poison, 1)
		equal(t, "who wait for their message", count(t, s, `select count(*) from enrolments where state = 'parked'`), int64(29))
	})
}
