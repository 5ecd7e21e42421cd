package store

import (
	"context"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/ident"
)

// Worker is a process that sends. Its beat is a counter and not a clock, so
// that a sweeper judges it by its own watch.
type Worker struct {
	ID   string
	Beat int64
	Host string
	Boot string // of the machine, see journal.BootID
	// Stopped workers are listed while they own open batches: somebody died
	// while giving them up.
	Stopped bool
}

// StartWorker makes a worker known.
func (s *Store) StartWorker(ctx context.Context, w Worker, now time.Time) error {
	return s.db.write(ctx, func(q querier) error {
		if err := s.awaitClaims(ctx, q, w.ID); err != nil {
			return err
		}
		_, err := q.exec(ctx, `insert into workers (id, host, boot, started_at) values ($1, $2, $3, $4)
			on conflict (id) do update set host = $2, boot = $3, started_at = $4, beat = workers.beat + 1, stopped = false`,
			w.ID, w.Host, w.Boot, ms(now))
		return err
	})
}

// awaitClaims waits until no claim of a worker is on its way to its commit: what
// the process that was killed took last is seen then.
func (s *Store) awaitClaims(ctx context.Context, q querier, worker string) error {
	b := s.statement()
	var known int
	_, err := one(ctx, q, `select 1 from workers where id = `+b.arg(worker)+b.lock("for update"), b.args, &known)
	return err
}

// Beat says that a worker lives. It is false when a sweeper has given it up:
// the worker must claim nothing more under this id.
func (s *Store) Beat(ctx context.Context, worker string) (alive bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `update workers set beat = beat + 1 where id = $1 and not stopped`, worker)
		alive = n == 1
		return err
	})
	return alive, err
}

// Workers lists the workers that have not stopped, and those that were given
// up and still own open batches: somebody died while giving them up.
func (s *Store) Workers(ctx context.Context) ([]Worker, error) {
	var out []Worker
	err := each(ctx, s.db, `select id, beat, host, boot, stopped from workers
		where not stopped or exists (select 1 from batches b where b.owner = workers.id and b.open_count > 0 and b.fence > 0) order by id`, nil,
		func(scan func(...any) error) error {
			var w Worker
			err := scan(&w.ID, &w.Beat, &w.Host, &w.Boot, &w.Stopped)
			out = append(out, w)
			return err
		})
	return out, err
}

// StopWorker ends a worker that has nothing in flight. One that could not record
// everything before it had to end stays as it is: its journal settles the rest
// when it starts again, or else a sweep gives it up.
func (s *Store) StopWorker(ctx context.Context, worker string) error {
	return s.db.write(ctx, func(q querier) error {
		_, err := q.exec(ctx, `update workers set stopped = true where id = $1
			and not exists (select 1 from batches b where b.owner = $1 and b.open_count > 0 and b.fence > 0)`, worker)
		return err
	})
}

// fellSilent is why a sweep made a message unknown. Of these the worker's journal
// may know more. Of every other unknown message the worker or its journal has said
// all that there is, and the journal has let go of it: asked again, it would
// prove that the message never left.
const fellSilent = "its worker fell silent while sending"

// InDoubt lists what a worker has claimed and nobody has settled: sending, or
// unknown since it fell silent. Its journal may know more.
func (s *Store) InDoubt(ctx context.Context, worker string) ([]Outcome, error) {
	return s.claimedBy(ctx, worker, "owner = $1 and (open_count > 0 or doubtful)", "(m.state = 'sending' or m.state = 'unknown' and m.reason = '"+fellSilent+"')")
}

func (s *Store) claimedBy(ctx context.Context, worker, batches, states string) ([]Outcome, error) {
	var ids []int64
	err := each(ctx, s.db, `select messages from batches where `+batches, []any{worker}, func(scan func(...any) error) error {
		var packed []byte
		if err := scan(&packed); err != nil {
			return err
		}
		more, err := ident.Unpack(packed)
		ids = append(ids, more...)
		return err
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var out []Outcome
	// A batch lists the messages that it once had: one that was put back since
	// is in another batch, and perhaps in another worker's hands.
	b := s.statement()
	err = each(ctx, s.db, `select m.id, m.fence, m.claimed_at from messages m join batches o on o.id = m.batch_id
		where `+b.inKeys("m.id", ids)+` and o.owner = `+b.arg(worker)+` and `+states+` order by m.id`, b.args,
		func(scan func(...any) error) error {
			var o Outcome
			var claimed *int64
			err := scan(&o.Message, &o.Fence, &claimed)
			o.At = atNull(claimed)
			out = append(out, o)
			return err
		})
	return out, err
}

// GiveUp ends a worker that has fallen silent: what it was sending becomes
// unknown, at the moment it was claimed, and is not sent again by itself. The
// counter must still be the one the sweeper has watched. It returns how many
// messages became unknown.
func (s *Store) GiveUp(ctx context.Context, w Worker, now time.Time) (unknown int, err error) {
	gone := false
	err = s.db.write(ctx, func(q querier) error {
		if err := s.awaitClaims(ctx, q, w.ID); err != nil {
			return err
		}
		n, err := q.exec(ctx, `update workers set stopped = true where id = $1 and beat = $2`, w.ID, w.Beat)
		gone = n == 1
		return err
	})
	if err != nil || !gone {
		return 0, err
	}
	const held = "owner = $1 and open_count > 0 and fence > 0"
	sending, err := s.claimedBy(ctx, w.ID, held, "m.state = 'sending'")
	if err != nil {
		return 0, err
	}
	// Once its messages are unknown a batch is closed: the mark is how InDoubt
	// finds it again when the worker comes back with its journal.
	if err := s.db.write(ctx, func(q querier) error {
		_, err := q.exec(ctx, `update batches set doubtful = true where `+held, w.ID)
		return err
	}); err != nil {
		return 0, err
	}
	for i := range sending {
		sending[i].State = campaigns.Unknown
		sending[i].Reason = fellSilent
	}
	if _, err := s.Record(ctx, sending, campaigns.BySweep, now); err != nil {
		return 0, err
	}
	return len(sending), s.db.write(ctx, func(q querier) error { return release(ctx, q, w.ID) })
}

// release lets the open batches of a worker go back on the queue.
func release(ctx context.Context, q querier, worker string) error {
	_, err := q.exec(ctx, `update batches set fence = 0, queued_at = 0 where owner = $1 and open_count > 0 and fence > 0`, worker)
	return err
}

// Lease takes or renews a named lease; false: somebody else holds it.
func (s *Store) Lease(ctx context.Context, name, owner string, now, until time.Time) (held bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `insert into leases (name, owner, until) values ($1, $2, $3)
			on conflict (name) do update set owner = $2, until = $3 where leases.owner = $2 or leases.until < $4`,
			name, owner, ms(until), ms(now))
		held = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot take the lease %s: %w", name, err)
	}
	return held, nil
}

// resendTries is how many attempts a message may have had to be sent again: to a
// server that takes each copy and never says so, one a second would go for days.
const resendTries = 3

// ResendUnknown queues again what nobody is sure of, in campaigns that accept a
// second copy (`on_unknown: resend`): messages of enrolments since a moment, a
// few times each. It returns batches that may go at once.
func (s *Store) ResendUnknown(ctx context.Context, campaign []int64, since, now time.Time) ([]Batch, error) {
	var again []Outcome
	b := s.statement()
	err := each(ctx, s.db, `select id, fence from messages where state = 'unknown' and attempts < `+b.arg(resendTries)+` and `+b.in("campaign_id", campaign)+
		` and id >= `+b.arg(ident.Base(since))+` order by id limit 1000`, b.args, func(scan func(...any) error) error {
		o := Outcome{State: campaigns.Queued, Reason: "sent again: on_unknown is resend", NotBefore: now}
		err := scan(&o.Message, &o.Fence)
		again = append(again, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.Record(ctx, again, campaigns.ByPolicy, now)
}
