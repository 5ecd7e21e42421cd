package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/segments"
)

// SegmentInput names a segment and how its condition becomes SQL.
type SegmentInput struct {
	Name      string
	Hash      string // of its condition, with the segments it names
	Condition *segments.Condition
	SQL       segments.SQL // Now, Segments, Zone, Ladder and CampaignIDs
}

// compiled is the condition, or its opposite, for a part of the contacts.
func (s *Store) compiled(b *statement, in SegmentInput, part span, want bool) string {
	p := in.SQL
	p.Dialect, p.Args, p.Bound = b.dialect, b.args, part.of
	c := in.Condition
	if !want {
		c = c.Not()
	}
	text := c.SQL(&p)
	b.args = p.Args
	return text
}

// RefreshSegment brings the membership of a segment up to date. The first time,
// and after its condition changed, who is in now is the baseline and enrols
// nobody. Later it touches the contacts who came or went without anybody
// noticing, because time passed, and React does the rest. It goes through
// everybody, limit contacts in a transaction, and returns how many it touched.
func (s *Store) RefreshSegment(ctx context.Context, in SegmentInput, now time.Time, limit int) (touched int64, err error) {
	r := refresh{Store: s, in: in, now: now}
	if err = s.db.write(ctx, func(q querier) error { return r.begin(ctx, q) }); err != nil {
		return 0, fmt.Errorf("cannot refresh segment %s: %w", in.Name, err)
	}
	for part := (span{}); ; part.after = part.last {
		last := false
		var n int64
		err = s.db.writeMany(ctx, func(q querier) error {
			if err := r.stands(ctx, q); err != nil {
				return err
			}
			if last, err = r.next(ctx, q, &part, limit); err != nil {
				return err
			}
			if n, err = r.through(ctx, q, part); err != nil || !last {
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
		if touched += n; last {
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

// next finds the end of the next part of the contacts; last: there is none behind it.
func (r *refresh) next(ctx context.Context, q querier, part *span, limit int) (last bool, err error) {
	var n int64
	_, err = one(ctx, q, `select coalesce(max(id), 0), count(*) from (select id from contacts where id > $1 order by id limit $2) as part`,
		[]any{part.after, limit}, &part.last, &n)
	part.last = max(part.last, part.after)
	return n < int64(limit), err
}

// through looks at the contacts of a part.
func (r *refresh) through(ctx context.Context, q querier, part span) (touched int64, err error) {
	if part.last == part.after {
		return 0, nil
	}
	if r.first {
		return 0, r.baseline(ctx, q, part)
	}
	came, err := r.compare(ctx, q, part, true)
	if err != nil {
		return 0, err
	}
	went, err := r.compare(ctx, q, part, false)
	return came + went, err
}

// compare touches those who are in and were not, or the other way round.
func (r *refresh) compare(ctx context.Context, q querier, part span, came bool) (int64, error) {
	b := r.statement()
	was := `exists (select 1 from memberships m where m.contact_id = c.id and m.segment = ` + b.arg(r.in.Name) + ` and ` + part.of("m.contact_id") + `)`
	if came {
		was = "not " + was
	}
	return r.touchSelected(ctx, q, `select c.id from contacts c where not c.erased and `+part.of("c.id")+
		` and `+was+` and `+r.compiled(b, r.in, part, came), b.args...)
}

// baseline writes who is in now.
func (r *refresh) baseline(ctx context.Context, q querier, part span) error {
	b := r.statement()
	if _, err := q.exec(ctx, `delete from memberships where segment = `+b.arg(r.in.Name)+` and `+part.of("contact_id"), b.args...); err != nil {
		return err
	}
	b = r.statement()
	_, err := q.exec(ctx, `insert into memberships (segment, contact_id, entered_at) select `+b.arg(r.in.Name)+`, c.id, cast(`+b.arg(ms(r.now))+
		` as bigint) from contacts c where not c.erased and `+part.of("c.id")+` and `+r.compiled(b, r.in, part, true)+` on conflict do nothing`, b.args...)
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
