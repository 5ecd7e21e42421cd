package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Question is what a condition depends on beside the contact, when it is asked
// of the database.
type Question struct {
	Now      time.Time
	Segments segments.Set
	Zone     *time.Location // the company's
	Ladder   []string       // stage names, lowest first
	Scoring  *segments.Scoring
}

// compile prepares the compilation of a condition for this database.
func (s *Store) compile(ctx context.Context, in Question) (*segments.SQL, error) {
	campaigns, err := s.Campaigns(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the campaigns that a condition may name: %w", err)
	}
	return &segments.SQL{
		Dialect: s.dialect, Now: in.Now, Segments: in.Segments, Zone: in.Zone, Ladder: in.Ladder, Scoring: in.Scoring,
		CampaignIDs: func(name string) int64 { return campaigns[name].ID },
	}, nil
}

// whereContacts is true for the rows of contacts c that a condition holds for.
// Erased contacts are in no segment; a nil condition holds for everybody else.
func whereContacts(c *segments.Condition, p *segments.SQL) string {
	if c == nil {
		return "not c.erased"
	}
	return "not c.erased and (" + c.SQL(p) + ")"
}

// asking writes a select over contacts c that asks conditions: text gives it, with
// among at the beginning of its "where" and conditions as ask compiles them.
// PostgreSQL asks what contacts did of their tallies, and of the events themselves
// for those of whom the tallies do not know all. They are few, and have a second
// select of their own behind "union all".
func (b *statement) asking(p segments.SQL, conditions []*segments.Condition, text func(among string, ask func(*segments.Condition) string) string) string {
	p.Dialect = b.dialect
	ask := func(c *segments.Condition) string {
		if c == nil {
			return "true"
		}
		p.Args = b.args
		where := c.SQL(&p)
		b.args = p.Args
		return where
	}
	if b.dialect == segments.SQLite {
		return text("not c.erased", ask)
	}
	relied, own := foresee(p, conditions)
	there := "not c.erased"
	if !own {
		// Whom a condition knows by their ids alone it finds in an index, as long as
		// nothing else is asked of their rows. Few are erased, and have one of their own.
		there = "not exists (select 1 from contacts x where x.erased and x.id = c.id)"
	}
	if !relied {
		return text(there, ask)
	}
	outer, open := p.Bound, untallied(p.Now)
	p.Tallied = true
	settled := text(there+" and not exists (select 1 from ("+open+") as w where w.contact_id = c.id)", ask)
	p.Tallied = false
	p.Bound = func(column string) string {
		in := column + " in (" + open + ")"
		if outer != nil {
			in += " and " + outer(column)
		}
		return in
	}
	return settled + " union all " + text("not c.erased and c.id in ("+open+")", ask)
}

// foresee tells whether tallies answer any of the conditions, and whether any looks
// at the contact's own row.
func foresee(p segments.SQL, conditions []*segments.Condition) (relied, own bool) {
	p.Tallied, p.Args = true, nil
	for _, c := range conditions {
		if c != nil {
			c.SQL(&p)
		}
	}
	return p.Relied, p.Own
}

// members selects the ids of the contacts that a condition holds for. Erased
// contacts are in no segment; a nil condition holds for everybody else.
func (b *statement) members(p segments.SQL, c *segments.Condition) string {
	return b.asking(p, []*segments.Condition{c}, func(among string, ask func(*segments.Condition) string) string {
		return "select c.id from contacts c where " + among + " and " + ask(c)
	})
}

// span is a part of the contacts: those with later ids than after, up to and
// including last; 0 is without end.
type span struct{ after, last int64 }

// of is the restriction of a column to the part. The numbers stand in the text,
// so that the planner knows how many there are.
func (s span) of(column string) string {
	text := fmt.Sprintf("%s > %d", column, s.after)
	if s.last != 0 {
		text += fmt.Sprintf(" and %s <= %d", column, s.last)
	}
	return text
}

// CountSegment is how many contacts a condition holds for.
func (s *Store) CountSegment(ctx context.Context, c *segments.Condition, in Question) (n int64, err error) {
	p, err := s.compile(ctx, in)
	if err != nil {
		return 0, err
	}
	b := s.statement()
	text := `select count(*) from (` + b.members(*p, c) + `) as m`
	if err = s.db.readMany(ctx, func(q querier) error {
		_, err := one(ctx, q, text, b.args, &n)
		return err
	}); err != nil {
		return 0, fmt.Errorf("cannot count a segment: %w", err)
	}
	return n, nil
}

// ListSegment returns the contacts a condition holds for, at most limit of
// those after an id, in the order of their ids.
func (s *Store) ListSegment(ctx context.Context, c *segments.Condition, in Question, after contacts.ID, limit int) ([]contacts.Contact, error) {
	p, err := s.compile(ctx, in)
	if err != nil {
		return nil, err
	}
	p.Bound = span{after: int64(after)}.of
	b := s.statement()
	where := `c.id in (select m.id from (` + b.members(*p, c) + `) as m where ` + p.Bound("m.id") + ` order by m.id limit ` + b.arg(limit) + `) order by c.id`
	var list []contacts.Contact
	if err := s.db.readMany(ctx, func(q querier) error {
		list, err = s.contactsWhere(ctx, q, b, where)
		return err
	}); err != nil {
		return nil, fmt.Errorf("cannot list a segment: %w", err)
	}
	return list, nil
}

// ContactInSegment reports whether the database finds the condition true for
// one contact: the same answer as segments.Condition.Match, from the other side.
func (s *Store) ContactInSegment(ctx context.Context, id contacts.ID, c *segments.Condition, in Question) (bool, error) {
	found, err := s.ContactsInSegment(ctx, []contacts.ID{id}, c, in)
	return len(found) == 1, err
}

// ContactsInSegment returns those of the contacts a condition holds for, in
// the order of their ids.
func (s *Store) ContactsInSegment(ctx context.Context, ids []contacts.ID, c *segments.Condition, in Question) ([]contacts.ID, error) {
	p, err := s.compile(ctx, in)
	if err != nil {
		return nil, err
	}
	b := s.statement()
	p.Bound = b.among(plainIDs(ids))
	p.Args = b.args
	where := whereContacts(c, p)
	var out []contacts.ID
	err = each(ctx, s.db, `select c.id from contacts c where `+where+` and `+p.Bound("c.id")+` order by c.id`, p.Args,
		func(scan func(...any) error) error {
			var id contacts.ID
			err := scan(&id)
			out = append(out, id)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("cannot ask a segment about contacts: %w", err)
	}
	return out, nil
}
