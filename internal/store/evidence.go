package store

import (
	"context"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
)

// provesSent reports whether an event about a message shows that it went out.
func provesSent(name string) bool {
	return strings.HasPrefix(name, "email.") && name != contacts.EventSent
}

// settleByEvidence moves messages that nobody was sure of to sent, because an
// answer to them has come, and lets their enrolments go on where those still
// wait. What is still sending it locks and leaves alone: either its worker
// reports, or whoever makes it unknown finds the answer with settleAnswered.
func (s *Store) settleByEvidence(ctx context.Context, q querier, messages []int64, now time.Time) error {
	if len(messages) == 0 {
		return nil
	}
	b := s.statement()
	if err := each(ctx, q, `select id from messages where state in ('sending', 'unknown') and `+b.inKeys("id", messages)+
		` order by id`+b.lock("for update"), b.args, func(scan func(...any) error) error {
		var id int64
		return scan(&id)
	}); err != nil {
		return err
	}
	var woken []wake
	b = s.statement()
	text := `update messages set state = 'sent', reason = '', decided_at = coalesce(decided_at, claimed_at, ` + b.arg(ms(now)) +
		`) where state = 'unknown' and ` + b.inKeys("id", messages) + ` returning id`
	if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
		w := wake{at: now}
		err := scan(&w.message)
		woken = append(woken, w)
		return err
	}); err != nil {
		return err
	}
	return s.wakeEnrolments(ctx, q, woken)
}

// settleAnswered looks whether an answer has come already to messages that
// have just become unknown: then they were sent, whatever their worker was
// able to say.
func (s *Store) settleAnswered(ctx context.Context, q querier, outcomes []Outcome, now time.Time) error {
	var unknown []int64
	for _, o := range outcomes {
		if o.State == campaigns.Unknown {
			unknown = append(unknown, o.Message)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	var answered []int64
	b := s.statement()
	if err := each(ctx, q, `select distinct e.message_id from messages m
		join events e on e.contact_id = m.contact_id and e.message_id = m.id
		where e.name like 'email.%' and e.name <> 'email.sent' and `+b.inKeys("m.id", unknown), b.args,
		func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			answered = append(answered, id)
			return err
		}); err != nil {
		return err
	}
	return s.settleByEvidence(ctx, q, uniqueIDs(answered), now)
}
