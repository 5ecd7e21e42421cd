package store

import (
	"context"
	"time"
)

// stopSize is how many enrolments of a campaign that was stopped are woken by one
// transaction. Who waits for one of their rows may keep others waiting: a reaction
// keeps all enrolling out for as long.
const stopSize = 5000

// WakeStopped makes everybody in a campaign that was stopped due, who are told there
// to exit. Who comes in meanwhile is due already. A campaign that is not stopped is
// left alone. What a call that breaks off has not done the next one does, or else
// Maintain; who is never woken exits at the next step.
func (s *Store) WakeStopped(ctx context.Context, name string, now time.Time) error {
	var campaign int64
	found, err := one(ctx, s.db, `select id from campaigns where name = $1 and status = 'stopped'`, []any{name}, &campaign)
	if err != nil || !found {
		return err
	}
	var ids []int64
	for after := int64(0); after == 0 || len(ids) == stopSize; after = ids[len(ids)-1] {
		if err := s.db.write(ctx, func(q querier) error {
			b := s.statement()
			ids, err = s.wake(ctx, q, b, now, `campaign_id = `+b.arg(campaign)+` and id > `+b.arg(after)+` and state in ('active', 'parked')
				and (due_at is null or due_at > `+b.arg(ms(now))+`) order by id limit `+b.arg(stopSize)+b.lock("for update"))
			return err
		}); err != nil || len(ids) == 0 {
			return err
		}
	}
	return nil
}

// wakeForgotten wakes whom a process that died was about to, of all campaigns that
// were stopped. It asks an index of who waits for a time: who waits for the outcome
// of a message is woken by that, as the mail of such a campaign is withdrawn. Whoever
// is in somebody's hands is passed over until the next time.
func (s *Store) wakeForgotten(ctx context.Context, now time.Time) (woken int, err error) {
	var stopped []int64
	if err := each(ctx, s.db, `select id from campaigns where status = 'stopped' order by id`, nil, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		stopped = append(stopped, id)
		return err
	}); err != nil {
		return 0, err
	}
	for _, campaign := range stopped {
		for n := stopSize; n == stopSize; woken += n {
			if err := s.db.write(ctx, func(q querier) error {
				b := s.statement()
				ids, err := s.wake(ctx, q, b, now, `campaign_id = `+b.arg(campaign)+` and due_at > `+b.arg(ms(now))+` and state in ('active', 'parked')
					order by due_at limit `+b.arg(stopSize)+b.lock("for update skip locked"))
				n = len(ids)
				return err
			}); err != nil {
				return woken, err
			}
		}
	}
	return woken, nil
}

// wake makes the enrolments that which describes, in b, due now.
func (s *Store) wake(ctx context.Context, q querier, b *statement, now time.Time, which string) (ids []int64, err error) {
	if err := each(ctx, q, `select id from enrolments where `+which, b.args, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	}); err != nil || len(ids) == 0 {
		return nil, err
	}
	b = s.statement()
	_, err = q.exec(ctx, `update enrolments set due_at = `+b.arg(ms(now))+`, rev = rev + 1 where `+b.in("id", ids), b.args...)
	return ids, err
}
