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
		refuse := fmt.Sprintf(`alter table enrolments add constraint no_end check (id <> %d or state <> 'finished')`, bad)
		if s.dialect == segments.SQLite {
			refuse = fmt.Sprintf(`create trigger no_end before update on enrolments when new.id = %d and new.state = 'finished' begin select raise(abort, 'no'); end`, bad)
		}
		_, err := s.db.exec(ctx, refuse)
		check(t, err)
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
