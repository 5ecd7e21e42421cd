package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// takeTouched takes touched contacts away, the oldest first: limit of them, or all
// there are. Whoever takes them must hold the contacts' locks before it reads their
// facts: otherwise a slower process with older facts could have the last word.
func (s *Store) takeTouched(ctx context.Context, q querier, now time.Time, limit int) (out []Touched, err error) {
	for taken := 0; len(out) < limit; {
		// Nobody knows how full the rows are: first they are taken as if all were,
		// and then a few more at a time where they are not.
		rows := max(1, (limit-len(out))/together)
		if len(out) < taken*together/2 {
			rows *= 4
		}
		list, err := s.takeRows(ctx, q, now, rows)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			out = append(out, r...)
		}
		if taken += len(list); len(list) < rows {
			break
		}
	}
	if len(out) <= limit {
		return out, nil
	}
	return out[:limit], s.leave(ctx, q, out[limit:])
}

// takeRows takes the oldest rows away that may be worked on, each with those that
// stand in it.
func (s *Store) takeRows(ctx context.Context, q querier, now time.Time, limit int) (list [][]Touched, err error) {
	b := s.statement()
	return s.takeThese(ctx, q, b, `not_before <= `+b.arg(ms(now))+` order by id limit `+b.arg(limit)+b.lock("for update skip locked"))
}

// takeThese takes the rows away that a condition selects.
func (s *Store) takeThese(ctx context.Context, q querier, b *statement, which string) (list [][]Touched, err error) {
	text := `delete from touched where id in (select id from touched where ` + which + `) returning id, contacts, events`
	err = each(ctx, q, text, b.args, func(scan func(...any) error) error {
		var id int64
		var who, event []int64
		if err := scan(&id, s.array(&who), s.array(&event)); err != nil {
			return err
		}
		row := make([]Touched, len(who))
		for i := range who {
			row[i] = Touched{ID: id, Contact: contacts.ID(who[i])}
			if len(event) > 0 {
				row[i].Event = event[i]
			}
		}
		list = append(list, row)
		return nil
	})
	slices.SortFunc(list, func(a, b []Touched) int { return cmp.Compare(a[0].ID, b[0].ID) })
	return list, err
}

// newsOf are the events of contacts that stand in one row as the row keeps them: none
// where nobody says what is new, for whoever has events waits to be counted.
func newsOf(events []int64) []int64 {
	if slices.ContainsFunc(events, func(e int64) bool { return e != 0 }) {
		return events
	}
	return events[:0]
}

// leave writes contacts of rows that were taken into rows of the same ids: they are
// no younger than they were.
func (s *Store) leave(ctx context.Context, q querier, list []Touched) error {
	who, event := make([]int64, len(list)), make([]int64, len(list))
	var id, from, to, told []int64 // of each row: its first place, which counts from 1, its last one, and the last one of its events
	for i, t := range list {
		who[i], event[i] = int64(t.Contact), t.Event
		if i == 0 || list[i-1].ID != t.ID {
			id, from, to = append(id, t.ID), append(from, int64(i+1)), append(to, 0)
		}
		to[len(to)-1] = int64(i + 1)
	}
	if len(list) == 0 {
		return nil
	}
	for i := range id {
		told = append(told, from[i]-1+int64(len(newsOf(event[from[i]-1:to[i]]))))
	}
	if s.dialect == segments.Postgres {
		b := s.statement()
		contacts, events := b.arg(who)+"::bigint[]", b.arg(event)+"::bigint[]"
		rows := b.table("r", bigints("id", id), bigints("first", from), bigints("last", to), bigints("told", told))
		_, err := q.exec(ctx, `insert into touched (id, contacts, events)
			select r.id, (`+contacts+`)[r.first:r.last], (`+events+`)[r.first:r.told] from `+rows, b.args...)
		return err
	}
	for i := range id {
		if _, err := q.exec(ctx, `insert into touched (id, contacts, events) values ($1, $2, $3)`,
			id[i], jsonText(who[from[i]-1:to[i]]), jsonText(event[from[i]-1:told[i]])); err != nil {
			return err
		}
	}
	return nil
}

// HoldTouched puts a touched contact off, because nobody can work on it, and returns
// it with the row that it stands in now. Others of its rows go on. found is false when
// it waits no more.
func (s *Store) HoldTouched(ctx context.Context, who contacts.ID, now, until time.Time) (t Touched, found bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		b := s.statement()
		in := `contacts @> array[` + b.arg(int64(who)) + `::bigint]`
		if s.dialect == segments.SQLite {
			in = `exists (select 1 from json_each(contacts) where value = ` + b.arg(int64(who)) + `)`
		}
		// Whoever works on one of the rows is waited for: it may be the last.
		rows, err := s.takeThese(ctx, q, b, in+` and not_before <= `+b.arg(ms(now))+` order by id`+b.lock("for update"))
		if found = len(rows) > 0; err != nil || !found {
			return err
		}
		var held, others []Touched
		for _, x := range slices.Concat(rows...) {
			if x.Contact == who {
				held = append(held, x)
			} else {
				others = append(others, x)
			}
		}
		if err := s.leave(ctx, q, others); err != nil {
			return err
		}
		t = held[0]
		contact, event := make([]int64, len(held)), make([]int64, len(held))
		for i, x := range held {
			contact[i], event[i] = int64(x.Contact), x.Event
		}
		_, err = one(ctx, q, `insert into touched (contacts, events, not_before) values ($1, $2, $3) returning id`,
			[]any{s.arrayArg(contact), s.arrayArg(newsOf(event)), ms(until)}, &t.ID)
		return err
	})
	if err != nil {
		return Touched{}, false, fmt.Errorf("cannot put a touched contact off: %w", err)
	}
	return t, found, nil
}

// array scans a list of integers: PostgreSQL has arrays, SQLite has JSON.
func (s *Store) array(into *[]int64) any {
	if s.dialect == segments.Postgres {
		return into
	}
	return jsonArray{into}
}

// arrayArg is what array scans, as an argument.
func (s *Store) arrayArg(list []int64) any {
	if s.dialect == segments.Postgres {
		return list
	}
	return jsonText(list)
}

type jsonArray struct{ into *[]int64 }

func (a jsonArray) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("a list of ids is stored as %T", value)
	}
	return json.Unmarshal([]byte(text), a.into)
}
