package store

import (
	"context"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/ident"
)

// carryOut writes what was decided beside the enrolments themselves, and returns
// the batches that may go at once.
func (s *Store) carryOut(ctx context.Context, q querier, stepped []Stepped, now time.Time, next func() int64) ([]Batch, error) {
	if err := s.saveSets(ctx, q, stepped, now); err != nil {
		return nil, err
	}
	if err := s.saveAwards(ctx, q, stepped, now); err != nil {
		return nil, err
	}
	var calls []Call
	for _, st := range stepped {
		calls = append(calls, st.Calls...)
	}
	if err := s.saveCalls(ctx, q, calls, now); err != nil {
		return nil, err
	}
	if err := s.withdraw(ctx, q, stepped, now); err != nil {
		return nil, err
	}
	return s.insertMessages(ctx, q, stepped, now, next)
}

// enrolmentRest is the JSON of what has no column, without what goes without
// saying: waits count from the start until something was sent, and none counts at
// the end.
func enrolmentRest(e campaigns.Enrolment) string {
	rest := enrolmentData{e.Origin, e.WaitSince, e.WaitUntil, e.Arms, e.Took}
	if e.WaitSince.Equal(e.StartedAt) || !e.EndedAt.IsZero() {
		rest.WaitSince = time.Time{}
	}
	return jsonText(rest)
}

// saveEnrolments writes enrolments as they are now. With revs, it writes those
// that have not changed since, and returns them.
func (s *Store) saveEnrolments(ctx context.Context, q querier, stepped []Stepped, revs map[int64]int64) (done map[int64]bool, err error) {
	n := len(stepped)
	rev := make([]int64, n)
	id, due, parked, converted, ended := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	state, position, data, reason := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, st := range stepped {
		e := st.Enrolment
		id[i], state[i], position[i], reason[i] = e.ID, string(e.State), e.Position, e.Reason
		parked[i] = st.ParkedFor
		due[i], converted[i], ended[i] = msUp(e.DueAt), ms(e.ConvertedAt), ms(e.EndedAt)
		if st.Message != nil {
			parked[i] = st.Message.ID
		}
		data[i], rev[i] = enrolmentRest(e), revs[e.ID]
	}
	columns := []column{bigints("id", id), texts("state", state), texts("position", position), nullable("due_at", due), nullable("parked_for", parked),
		texts("data", data), texts("reason", reason), nullable("converted_at", converted), nullable("ended_at", ended)}
	if revs != nil {
		columns = append(columns, bigints("rev", rev))
	}
	b := s.statement()
	text := `update enrolments set state = r.state, position = r.position, due_at = r.due_at,
		parked_for = case when r.state = 'parked' then coalesce(r.parked_for, enrolments.parked_for) end,
		data = ` + b.json("r.data") + `, reason = r.reason, converted_at = coalesce(enrolments.converted_at, r.converted_at),
		ended_at = r.ended_at, rev = enrolments.rev + 1 from ` + b.table("r", columns...) + ` where enrolments.id = r.id`
	if revs == nil {
		_, err = q.exec(ctx, text, b.args...)
		return nil, err
	}
	done = make(map[int64]bool, n)
	err = each(ctx, q, text+` and enrolments.rev = r.rev returning enrolments.id`, b.args, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		done[id] = true
		return err
	})
	return done, err
}

func (s *Store) saveSets(ctx context.Context, q querier, stepped []Stepped, now time.Time) error {
	var changes []AttributeChange
	for _, st := range stepped {
		if len(st.Set) > 0 {
			changes = append(changes, AttributeChange{Contact: st.Enrolment.Contact, Set: st.Set,
				Key: fmt.Sprintf("set:%s:%s", ident.Format(st.Enrolment.ID), st.Enrolment.Position)})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return s.setAttributes(ctx, q, changes, now)
}

// withdraw skips messages that nobody has claimed yet.
func (s *Store) withdraw(ctx context.Context, q querier, stepped []Stepped, now time.Time) error {
	var ids []int64
	var reasons []string
	for _, st := range stepped {
		if st.Withdraw != 0 {
			ids, reasons = append(ids, st.Withdraw), append(reasons, st.Enrolment.Reason)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	b := s.statement()
	from := b.table("r", bigints("id", ids), texts("reason", reasons))
	text := `update messages set state = 'skipped', reason = r.reason, decided_at = ` + b.arg(ms(now)) + ` from ` + from +
		` where messages.id = r.id and messages.state = 'queued' returning messages.batch_id`
	closed := map[int64]int64{}
	if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
		var batch int64
		err := scan(&batch)
		closed[batch]++
		return err
	}); err != nil {
		return err
	}
	return s.closeBatches(ctx, q, closed)
}
