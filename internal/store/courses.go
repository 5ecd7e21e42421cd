package store

import (
	"context"
	"time"

	"rapport/internal/contacts"
)

// Letter is a message as the one who answers it is told: what it is of, and who
// the contact is now.
type Letter struct {
	ID                        int64
	Email                     string
	Campaign, Template, Stage string
}

// Letters are messages by their ids, in the order of ids.
func (s *Store) Letters(ctx context.Context, ids []int64) (list []Letter, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	b := s.statement()
	err = each(ctx, s.db, `select m.id, c.email, k.name, m.template, c.stage from messages m
		join contacts c on c.id = m.contact_id join campaigns k on k.id = m.campaign_id where `+b.inKeys("m.id", ids)+` order by m.id`, b.args,
		func(scan func(...any) error) error {
			var l Letter
			err := scan(&l.ID, &l.Email, &l.Campaign, &l.Template, &l.Stage)
			list = append(list, l)
			return err
		})
	return list, err
}

// LedgerLine is a message that has come to its end.
type LedgerLine struct {
	Contact  contacts.ID
	Campaign int64
	State    string
	Reason   string
	At       time.Time // when it became final
}

// EachSettled goes through all messages that have come to their end, by contact
// and time. It reads the whole ledger: it is for simulations.
func (s *Store) EachSettled(ctx context.Context, do func(LedgerLine)) error {
	return each(ctx, s.db, `select contact_id, campaign_id, state, reason, decided_at from messages
		where decided_at is not null order by contact_id, decided_at, id`, nil, func(scan func(...any) error) error {
		var l LedgerLine
		var decided int64
		err := scan(&l.Contact, &l.Campaign, &l.State, &l.Reason, &decided)
		l.At = at(decided)
		do(l)
		return err
	})
}

// EachMove goes through all changes of stage and health, oldest first.
func (s *Store) EachMove(ctx context.Context, do func(contacts.StageChange)) error {
	return each(ctx, s.db, `select contact_id, kind, from_value, to_value, rule, event_id, event_key, at from stage_changes
		order by at, contact_id, kind, position`, nil, func(scan func(...any) error) error {
		c, err := scanStageChange(scan)
		do(c)
		return err
	})
}

// Course is how the enrolments of a campaign went.
type Course struct {
	Campaign int64
	State    string
	Reason   string // of an exit
	Enrolled int64
}

// Courses counts the enrolments that started at a moment or later, by campaign,
// state and reason.
func (s *Store) Courses(ctx context.Context, since time.Time) (list []Course, err error) {
	err = each(ctx, s.db, `select campaign_id, state, reason, count(*) from enrolments where started_at >= $1
		group by campaign_id, state, reason order by campaign_id, state, reason`, []any{ms(since)}, func(scan func(...any) error) error {
		var c Course
		err := scan(&c.Campaign, &c.State, &c.Reason, &c.Enrolled)
		list = append(list, c)
		return err
	})
	return list, err
}

// Refused is how often a campaign did not take somebody, for a reason.
type Refused struct {
	Campaign int64
	Reason   string
	Count    int64 // of contacts
}

// Refusals counts the contacts that campaigns did not take.
func (s *Store) Refusals(ctx context.Context) (list []Refused, err error) {
	err = each(ctx, s.db, `select campaign_id, reason, count(*) from refusals group by campaign_id, reason order by campaign_id, reason`, nil,
		func(scan func(...any) error) error {
			var r Refused
			err := scan(&r.Campaign, &r.Reason, &r.Count)
			list = append(list, r)
			return err
		})
	return list, err
}

// PastEnrolment is one that is over, of a contact who was copied from elsewhere.
type PastEnrolment struct {
	Campaign       int64
	Contact        contacts.ID
	State          string
	Started, Ended time.Time
}

// PutEnrolments writes enrolments that are over, so that a copy of a contact is
// not taken for somebody new. Those of one contact and campaign come in their order.
func (s *Store) PutEnrolments(ctx context.Context, list []PastEnrolment, now time.Time) error {
	if len(list) == 0 {
		return nil
	}
	reserved, err := s.ids(ctx, len(list), now)
	if err != nil {
		return err
	}
	n := len(list)
	id, campaign, contact, started, ended, run := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	state := make([]string, n)
	return s.db.write(ctx, func(q querier) error {
		next, runs := reserved.again(), map[[2]int64]int64{}
		for i, e := range list {
			of := [2]int64{e.Campaign, int64(e.Contact)}
			id[i], campaign[i], contact[i], started[i], ended[i], run[i] = next(), e.Campaign, int64(e.Contact), ms(e.Started), ms(e.Ended), runs[of]
			state[i] = e.State
			runs[of]++
		}
		b := s.statement()
		from := b.table("r", bigints("id", id), bigints("campaign_id", campaign), bigints("contact_id", contact), bigints("started_at", started),
			bigints("ended_at", ended), bigints("run", run), texts("state", state))
		_, err := q.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, ended_at, run)
			select r.id, r.campaign_id, r.contact_id, 0, r.started_at, r.state, r.ended_at, r.run from `+from, b.args...)
		return err
	})
}

// AnswerCount is how many messages of a template, to contacts who stand on a
// stage now, had an answer; of email.sent, how many there were.
type AnswerCount struct {
	Template, Stage, Event string
	Messages               int64
}

// AnswerCounts tells how contacts have answered since a moment.
func (s *Store) AnswerCounts(ctx context.Context, since time.Time) (list []AnswerCount, err error) {
	err = s.db.readMany(ctx, func(q querier) error {
		return each(ctx, q, `select m.template, c.stage, 'email.sent', count(*) from messages m join contacts c on c.id = m.contact_id
				where m.state = 'sent' and m.decided_at >= $1 group by m.template, c.stage
			union all select e.template, c.stage, e.name, count(distinct e.message_id) from events e join contacts c on c.id = e.contact_id
				where e.name in ('email.opened', 'email.clicked', 'email.replied', 'email.unsubscribed', 'email.complained') and e.at >= $1
					and not e.machine and e.message_id <> 0 group by e.template, c.stage, e.name
			order by 1, 2, 3`, []any{ms(since)}, func(scan func(...any) error) error {
			var a AnswerCount
			err := scan(&a.Template, &a.Stage, &a.Event, &a.Messages)
			list = append(list, a)
			return err
		})
	})
	return list, err
}
