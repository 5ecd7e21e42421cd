package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// SegmentInput names a segment and how its condition becomes SQL.
type SegmentInput struct {
	Name      string
	Hash      string // of its condition, with the segments it names
	Condition *segments.Condition
	SQL       segments.SQL // Now, Segments, Zone, Ladder and CampaignIDs
}

// RefreshSegment brings the membership of a segment up to date. The first time,
// and after its condition changed, who is in now is the baseline and enrols
// nobody. Later it touches the contacts who came or went without anybody
// noticing, because time passed, and React does the rest. Everybody is looked at in
// one statement; what follows is written for limit contacts in a transaction. It
// returns how many it touched.
func (s *Store) RefreshSegment(ctx context.Context, in SegmentInput, now time.Time, limit int) (touched int64, err error) {
	r := refresh{Store: s, in: in, now: now}
	if err = s.db.write(ctx, func(q querier) error { return r.begin(ctx, q) }); err != nil {
		return 0, fmt.Errorf("cannot refresh segment %s: %w", in.Name, err)
	}
	list, err := r.look(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot refresh segment %s: %w", in.Name, err)
	}
	for part := (span{}); ; part.after = part.last {
		n := min(limit, len(list))
		those, rest := list[:n], list[n:]
		if part.last = 0; len(rest) > 0 {
			part.last = those[n-1]
		}
		err = s.db.writeMany(ctx, func(q querier) error {
			if err := r.stands(ctx, q); err != nil {
				return err
			}
			if err := r.write(ctx, q, part, those); err != nil || len(rest) > 0 {
				return err
			}
			return r.end(ctx, q)
		})
		if errors.Is(err, errOtherCondition) {
			return touched, nil
		}
		if err != nil {
			return touched, fmt.Errorf("cannot refresh segment %s: %w", in.Name, err)
		}
		if !r.first {
			touched += int64(n)
		}
		if list = rest; len(list) == 0 {
			return touched, nil
		}
	}
}

// refresh is one call of RefreshSegment.
type refresh struct {
	*Store
	in    SegmentInput
	now   time.Time
	first bool // there is no baseline for this condition yet: one is made
}

// unfinished stands before the hash of a condition while its baseline is being
// made. It equals no hash, so until the last contact was looked at nobody
// enters: who is in a segment without a baseline is in its baseline.
const unfinished = "unfinished "

// errOtherCondition says that a refresh with another condition has begun since.
var errOtherCondition = errors.New("the segment has another condition now")

// begin notes what is to be done, and marks a baseline that begins.
func (r *refresh) begin(ctx context.Context, q querier) error {
	var hash string
	if _, err := one(ctx, q, `select hash from segments where name = $1`, []any{r.in.Name}, &hash); err != nil {
		return err
	}
	if r.first = hash != r.in.Hash; !r.first {
		return nil
	}
	_, err := q.exec(ctx, `insert into segments (name, hash) values ($1, $2) on conflict (name) do update set hash = $2`,
		r.in.Name, unfinished+r.in.Hash)
	return err
}

// stands holds the segment's row, so that two refreshes never write memberships
// by two conditions at once, and ends the one that began earlier.
func (r *refresh) stands(ctx context.Context, q querier) error {
	var hash string
	b := r.statement()
	if _, err := one(ctx, q, `select hash from segments where name = `+b.arg(r.in.Name)+b.lock("for update"), b.args, &hash); err != nil {
		return err
	}
	want := r.in.Hash
	if r.first {
		want = unfinished + want
	}
	if hash != want {
		return errOtherCondition
	}
	return nil
}

// look finds whom there is something to write about, in the order of their ids: for
// a baseline those who are in, else those who are in and were not, or the other way
// round.
func (r *refresh) look(ctx context.Context) (list []int64, err error) {
	b := r.statement()
	text := b.members(r.in.SQL, r.in.Condition)
	if !r.first {
		name := b.arg(r.in.Name)
		text = `select coalesce(n.id, m.contact_id) as id from (` + text + `) as n
			full join (select m.contact_id from memberships m join contacts c on c.id = m.contact_id where m.segment = ` + name + ` and not c.erased) as m on m.contact_id = n.id
			where n.id is null or m.contact_id is null`
	}
	err = r.db.readMany(ctx, func(q querier) error {
		list = list[:0]
		return each(ctx, q, text+` order by 1`, b.args, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			list = append(list, id)
			return err
		})
	})
	return list, err
}

// write touches those who came or went, or makes them the baseline of a part.
func (r *refresh) write(ctx context.Context, q querier, part span, those []int64) error {
	if !r.first {
		touched := make([]Touched, len(those))
		for i, id := range those {
			touched[i].Contact = contacts.ID(id)
		}
		return r.touch(ctx, q, touched)
	}
	b := r.statement()
	if _, err := q.exec(ctx, `delete from memberships where segment = `+b.arg(r.in.Name)+` and `+part.of("contact_id"), b.args...); err != nil {
		return err
	}
	b = r.statement()
	name, when := b.arg(r.in.Name), b.arg(ms(r.now))
	from := b.table("r", bigints("contact_id", those))
	_, err := q.exec(ctx, `insert into memberships (segment, contact_id, entered_at) select `+name+`, r.contact_id, cast(`+when+` as bigint)
		from `+from+` where true on conflict do nothing`, b.args...)
	return err
}

// end notes that everybody was looked at.
func (r *refresh) end(ctx context.Context, q querier) error {
	if !r.first {
		_, err := q.exec(ctx, `update segments set refreshed_at = $1 where name = $2`, ms(r.now), r.in.Name)
		return err
	}
	_, err := q.exec(ctx, `update segments set hash = $1, refreshed_at = $2,
		size = (select count(*) from memberships m where m.segment = $3) where name = $3`, r.in.Hash, ms(r.now), r.in.Name)
	return err
}
