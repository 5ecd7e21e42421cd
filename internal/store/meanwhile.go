package store

import (
	"context"
	"time"

	"rapport/internal/ident"
)

// An audience is enrolled as of the moment of its firing, and written later: after
// the audience was looked for, after a scheduler was down, chunk after chunk. What
// happened to a contact in between may have been looked at already, when there was
// no enrolment yet that it could have moved, and is told to nobody again.

// catchUp has those of a chunk who were enrolled looked at once more, if there is
// something new about them since the moment after which nobody has asked: a goal is
// reached, an exit holds, or what a first step waits for has come.
func (s *Store) catchUp(ctx context.Context, q querier, in EnrolInput, enrolled []int64, written time.Time) error {
	if len(enrolled) == 0 || !in.Listens {
		return nil
	}
	since := written // first steps and exits were asked as of then
	if in.HasGoal && (in.GoalTill.IsZero() || in.GoalTill.After(in.Now)) {
		since = in.Now // a goal counts from the firing on
	}
	b := s.statement()
	who := b.table("w", bigints("id", enrolled))
	when := b.arg(ms(since))
	// An event counts by when it came in: it may tell of an hour ago.
	news := `select e.contact_id as id from events e where e.id >= ` + b.arg(ident.Base(since)) + ` and not e.machine and e.contact_id in (select w.id from ` + who + `)
		union select c.id from contacts c where c.id in (select w.id from ` + who + `) and (c.stage_since >= ` + when + ` or c.health_since >= ` + when + `)
		union select k.contact_id from consents k where k.contact_id in (select w.id from ` + who + `) and k.at >= ` + when
	return s.freely(ctx, q, func() error {
		_, err := s.touchSelected(ctx, q, news, b.args...)
		return err
	})
}

// enrolledOf are those of a chunk who came: all but those who were looked at one by
// one, and of these those who may come.
func enrolledOf(people, rest []applicant, come []admitted) []int64 {
	out := make([]int64, 0, len(people))
	i := 0
	for _, p := range people {
		if i < len(rest) && rest[i].id == p.id {
			i++
			continue
		}
		out = append(out, p.id)
	}
	for _, c := range come {
		out = append(out, int64(c.ID))
	}
	return out
}
