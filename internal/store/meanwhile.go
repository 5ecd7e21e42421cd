package store

import (
	"cmp"
	"context"
	"slices"
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
	slices.Sort(enrolled)
	part := span{enrolled[0] - 1, enrolled[len(enrolled)-1]}
	dense, err := s.dense(ctx, q, part, len(enrolled))
	if err != nil {
		return err
	}
	b := s.statement()
	among := part.of
	if !dense {
		who := b.table("w", bigints("id", enrolled))
		among = func(column string) string { return column + ` in (select w.id from ` + who + `)` }
	}
	when := b.arg(ms(since))
	// An event counts by when it came in: it may tell of an hour ago.
	text := `select e.contact_id from events e where e.id >= ` + b.arg(ident.Base(since)) + ` and not e.machine and ` + among("e.contact_id") + `
		union select c.id from contacts c where ` + among("c.id") + ` and (c.stage_since >= ` + when + ` or c.health_since >= ` + when + `)
		union select k.contact_id from consents k where ` + among("k.contact_id") + ` and k.at >= ` + when
	var news []Touched
	if err := s.freely(ctx, q, func() error {
		return each(ctx, q, text, b.args, func(scan func(...any) error) error {
			var t Touched
			err := scan(&t.Contact)
			if _, came := slices.BinarySearch(enrolled, int64(t.Contact)); came {
				news = append(news, t)
			}
			return err
		})
	}); err != nil {
		return err
	}
	slices.SortFunc(news, func(a, b Touched) int { return cmp.Compare(a.Contact, b.Contact) })
	return s.touch(ctx, q, news)
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
