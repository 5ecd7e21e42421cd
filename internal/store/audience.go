package store

import (
	"context"
	"strconv"
	"strings"

	"rapport/segments"
)

// lookSize is how many contacts of an audience are kept in memory at a time,
// sixteen bytes each. A segment may look at everything that ever happened to answer; it
// is asked once for so many, and not for each chunk.
const lookSize = 500_000

// Audience is who is still to come of a firing: ids of contacts whom its
// conditions held for when they were asked. The zero value is ready for use.
type Audience struct {
	limit  int   // how many are looked for at a time; 0 is lookSize
	looked bool  // the rest of it stands
	after  int64 // the contact before the first one
	people []applicant
	all    bool // nobody comes after people

	zones    map[string]bool // time zones of contacts seen so far
	straight bool            // of the last chunk few were looked at one by one
}

// applicant is a contact of an audience.
type applicant struct {
	id       int64
	excluded uint16 // which of the segments to exclude holds it, from 1; 0 for none
}

// next is the first n, and whether they are the last.
func (a *Audience) next(n int) (people []applicant, last bool) {
	n = min(n, len(a.people))
	return a.people[:n], a.all && n == len(a.people)
}

// take moves on behind the first n.
func (a *Audience) take(n int) {
	if n > 0 {
		a.after, a.people = a.people[n-1].id, a.people[n:]
	}
	a.looked = len(a.people) > 0
}

// lookAhead evaluates the conditions of a firing for those behind its cursor,
// unless who is still to come is known.
func (s *Store) lookAhead(ctx context.Context, in EnrolInput) error {
	a := in.Ahead
	if a.looked {
		return nil
	}
	cursor, found, err := s.cursorOf(ctx, s.db, in, "")
	if err != nil {
		return err
	}
	if !found {
		return ErrLost
	}
	limit := a.limit
	if limit == 0 {
		limit = lookSize
	}
	p := in.SQL
	p.Now, p.Bound = in.Now, span{after: cursor}.of
	b := s.statement()
	names := sortedKeys(in.Exclude)
	conditions := []*segments.Condition{in.Audience}
	for _, name := range names {
		conditions = append(conditions, in.Exclude[name])
	}
	people := b.asking(p, conditions, func(among string, ask func(*segments.Condition) string) string {
		excluded := "0"
		if len(names) > 0 {
			var text strings.Builder
			text.WriteString("case")
			for i, name := range names {
				text.WriteString(" when (" + ask(in.Exclude[name]) + ") then " + strconv.Itoa(i+1))
			}
			excluded = text.String() + " else 0 end"
		}
		return `select c.id, ` + excluded + ` as excluded from contacts c where ` + among + ` and c.id > ` + b.arg(cursor) + ` and ` + ask(in.Audience)
	})
	people += ` order by 1 limit ` + b.arg(limit)
	err = s.db.readMany(ctx, func(q querier) error {
		a.after, a.people = cursor, a.people[:0]
		return each(ctx, q, people, b.args, func(scan func(...any) error) error {
			var p applicant
			err := scan(&p.id, &p.excluded)
			a.people = append(a.people, p)
			return err
		})
	})
	a.looked, a.all = err == nil, len(a.people) < limit
	return err
}
