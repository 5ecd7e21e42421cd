package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/ident"
)

// Outcome is what a worker learnt about a message it had claimed.
type Outcome struct {
	Message  int64
	Fence    int64
	State    campaigns.MessageState // Sent, Failed, Unknown, or Queued: deferred until NotBefore
	Reason   string
	Reply    string // the mail server's last answer
	Provider string
	At       time.Time // sent: when the server took it; else the decision

	NotBefore time.Time // with Queued
	Untried   bool      // with Queued: the attempt does not count, nothing was said to a server

	TemplateHash string
	Subject      string // as rendered
	Mailbox      bool   // the built-in mailbox took it

	Entry *Due // its enrolment as the claim found it; nil: it is read, where it is needed
}

// Record writes the outcomes of messages that are sending under the fencing
// tokens given, wakes their enrolments, and gives deferred ones a new batch. A
// stale token gives evidence only: it settles what is unknown and never takes
// a message back from another worker. It returns batches that may go at once.
func (s *Store) Record(ctx context.Context, outcomes []Outcome, by campaigns.Mover, now time.Time) ([]Batch, error) {
	return s.record(ctx, outcomes, by, nil, now)
}

// RecordAndStep is Record by the worker that has sent, and asks the step machine
// about the enrolments at once, in the same transaction: most have nothing else
// to wait for, and are written once and not twice.
func (s *Store) RecordAndStep(ctx context.Context, outcomes []Outcome, step Step, now time.Time) ([]Batch, error) {
	return s.record(ctx, outcomes, campaigns.ByWorker, &step, now)
}

func (s *Store) record(ctx context.Context, outcomes []Outcome, by campaigns.Mover, step *Step, now time.Time) ([]Batch, error) {
	if len(outcomes) == 0 {
		return nil, nil
	}
	outcomes = slices.Clone(outcomes)
	slices.SortFunc(outcomes, func(a, b Outcome) int { return int(min(max(a.Message-b.Message, -1), 1)) })
	reserved, err := s.ids(ctx, 5*len(outcomes), now)
	if err != nil {
		return nil, err
	}
	var ready []Batch
	err = s.db.write(ctx, func(q querier) error {
		next := reserved.again()
		closed := map[int64]int64{}
		var final []Outcome
		rest := outcomes
		if by == campaigns.ByWorker {
			if final, rest, err = s.settleOwn(ctx, q, outcomes, closed); err != nil {
				return err
			}
		}
		standing, err := s.standing(ctx, q, rest)
		if err != nil {
			return err
		}
		var late []Outcome
		var deferred []heldOutcome
		for _, o := range rest {
			m, known := standing[o.Message]
			if !known {
				continue
			}
			mover := by
			if by == campaigns.ByWorker && (m.fence != o.Fence || m.state == campaigns.Unknown) {
				mover = campaigns.ByLate
			}
			// What a sweep made unknown and the journal cannot tell either stays
			// unknown for the journal's reason, so that it is not asked again.
			same := by == campaigns.ByJournal && m.state == campaigns.Unknown && o.State == campaigns.Unknown
			if !same && !campaigns.Allowed(m.state, o.State, mover) {
				continue
			}
			if o.State == campaigns.Queued {
				deferred = append(deferred, heldOutcome{o, m})
				if m.state.Settled() { // unknown, proven never to have left: its batch counts it again
					closed[m.batch]--
				}
				continue
			}
			late = append(late, o)
			if !m.state.Settled() {
				closed[m.batch]++
			}
		}
		if err := s.markFinal(ctx, q, late); err != nil {
			return err
		}
		final = append(final, late...)
		if err := s.closeBatches(ctx, q, closed); err != nil {
			return err
		}
		if ready, err = s.goOn(ctx, q, final, step, now, next); err != nil {
			return err
		}
		if err := s.settleAnswered(ctx, q, final, now); err != nil {
			return err
		}
		more, err := s.putBack(ctx, q, deferred, now, next)
		ready = append(ready, more...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot record %d outcomes: %w", len(outcomes), err)
	}
	return ready, nil
}

// settleOwn writes the final outcomes of messages that are sending under the very
// tokens given, which is how it goes unless something went wrong, and returns the
// rest. It counts in closed what each batch has less.
func (s *Store) settleOwn(ctx context.Context, q querier, outcomes []Outcome, closed map[int64]int64) (final, rest []Outcome, err error) {
	decided := outcomes
	if isQueued := func(o Outcome) bool { return o.State == campaigns.Queued }; slices.ContainsFunc(outcomes, isQueued) {
		decided = slices.DeleteFunc(slices.Clone(outcomes), isQueued)
	}
	if len(decided) == 0 {
		return nil, outcomes, nil
	}
	own := make(map[int64]bool, len(decided))
	b := s.statement()
	text := s.setFinal(b, decided) + ` and messages.state = 'sending' and messages.fence = r.fence returning messages.id, messages.batch_id`
	if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
		var id, batch int64
		err := scan(&id, &batch)
		own[id] = true
		closed[batch]++
		return err
	}); err != nil {
		return nil, nil, err
	}
	if len(own) == len(outcomes) {
		return outcomes, nil, nil
	}
	for _, o := range outcomes {
		if own[o.Message] {
			final = append(final, o)
		} else {
			rest = append(rest, o)
		}
	}
	return final, rest, nil
}

// goOn steps the enrolments of settled messages where the step machine is at
// hand, and makes them due where it is not, or their campaign is paused.
func (s *Store) goOn(ctx context.Context, q querier, final []Outcome, step *Step, now time.Time, next func() int64) (ready []Batch, err error) {
	if len(final) == 0 {
		return nil, nil
	}
	gone := map[int64]bool{}
	if step != nil {
		due, err := s.waitingFor(ctx, q, final)
		if err != nil {
			return nil, err
		}
		if len(due) > 0 {
			if gone, ready, err = s.stepUnlocked(ctx, q, due, *step, now, next); err != nil {
				return nil, err
			}
		}
	}
	var woken []wake
	for _, o := range final {
		if !gone[ident.Enrolment(o.Message)] {
			woken = append(woken, wake{o.Message, o.At})
		}
	}
	return ready, s.wakeEnrolments(ctx, q, woken)
}

// waitingFor are the enrolments of settled messages that wait for them, of campaigns
// that are not paused, in the order of their ids and with what became of the
// messages. They are not locked: hardly ever does anybody else want one at this
// moment. Those the claim has read are as they were then; who writes them looks
// whether they still are.
func (s *Store) waitingFor(ctx context.Context, q querier, final []Outcome) ([]Due, error) {
	due := make([]Due, 0, len(final))
	var ids, messages []int64
	of := make(map[int64][]campaigns.Outcome, len(final))
	for _, o := range final {
		id := ident.Enrolment(o.Message)
		of[id] = append(of[id], campaigns.Outcome{Message: o.Message, State: o.State, Reason: o.Reason, At: o.At})
		if e := o.Entry; e == nil {
			ids, messages = append(ids, id), append(messages, o.Message)
		} else if e.Enrolment.State == campaigns.Parked && e.parkedFor == o.Message {
			due = append(due, *e)
		}
	}
	if err := s.addStatus(ctx, q, due); err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		b := s.statement()
		read, err := s.readEnrolments(ctx, q, b, b.in("e.id", ids)+` and e.state = 'parked' and `+b.in("e.parked_for", messages), "", len(ids))
		if err != nil {
			return nil, err
		}
		due = append(due, read...)
	}
	due = slices.DeleteFunc(due, func(d Due) bool { return d.Status == Paused })
	slices.SortFunc(due, func(a, b Due) int { return cmp.Compare(a.Enrolment.ID, b.Enrolment.ID) })
	for i := range due {
		due[i].Outcomes = of[due[i].Enrolment.ID]
	}
	return due, nil
}

// standingMessage is a message as the ledger has it, under lock.
type standingMessage struct {
	state    campaigns.MessageState
	fence    int64
	batch    int64
	campaign int64
	lane     string
}

type heldOutcome struct {
	Outcome
	standingMessage
}

func (s *Store) standing(ctx context.Context, q querier, outcomes []Outcome) (map[int64]standingMessage, error) {
	out := map[int64]standingMessage{}
	if len(outcomes) == 0 {
		return out, nil
	}
	ids := make([]int64, len(outcomes))
	for i, o := range outcomes {
		ids[i] = o.Message
	}
	b := s.statement()
	err := each(ctx, q, `select m.id, m.state, m.fence, m.batch_id, m.campaign_id, b.lane
		from messages m join batches b on b.id = m.batch_id where `+b.inKeys("m.id", ids)+` order by m.id`+b.lock("for update of m"), b.args,
		func(scan func(...any) error) error {
			var id int64
			var m standingMessage
			err := scan(&id, &m.state, &m.fence, &m.batch, &m.campaign, &m.lane)
			out[id] = m
			return err
		})
	return out, err
}

func (s *Store) markFinal(ctx context.Context, q querier, final []Outcome) error {
	if len(final) == 0 {
		return nil
	}
	b := s.statement()
	text := s.setFinal(b, final)
	_, err := q.exec(ctx, text, b.args...)
	return err
}

// setFinal is the update of messages to their final states, by rows r.
func (s *Store) setFinal(b *statement, final []Outcome) string {
	n := len(final)
	id, decided, fence := make([]int64, n), make([]int64, n), make([]int64, n)
	state, reason, reply, provider, hash, subject := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	mailbox := make([]bool, n)
	for i, o := range final {
		id[i], decided[i], fence[i], state[i], reason[i], reply[i] = o.Message, ms(o.At), o.Fence, string(o.State), o.Reason, o.Reply
		provider[i], hash[i], subject[i], mailbox[i] = o.Provider, o.TemplateHash, o.Subject, o.Mailbox
	}
	from := b.table("r", bigints("id", id), bigints("decided_at", decided), bigints("fence", fence), texts("state", state), texts("reason", reason), texts("reply", reply),
		texts("provider", provider), texts("hash", hash), texts("subject", subject), bools("mailbox", mailbox))
	return `update messages set state = r.state, reason = r.reason, reply = r.reply, decided_at = r.decided_at,
		provider = case when r.provider = '' then messages.provider else r.provider end,
		template_hash = case when r.hash = '' then messages.template_hash else r.hash end,
		subject_sent = case when r.subject = '' then messages.subject_sent else r.subject end,
		mailbox = r.mailbox from ` + from + ` where messages.id = r.id`
}

// putBack queues deferred messages again, in new batches.
func (s *Store) putBack(ctx context.Context, q querier, back []heldOutcome, now time.Time, next func() int64) ([]Batch, error) {
	if len(back) == 0 {
		return nil, nil
	}
	waiting := make([]waitingMessage, len(back))
	n := len(back)
	id, untried := make([]int64, n), make([]int64, n)
	reply := make([]string, n)
	for i, o := range back {
		waiting[i] = waitingMessage{ID: o.Message, Lane: again(o.lane), Campaign: o.campaign, NotBefore: o.NotBefore}
		id[i], reply[i] = o.Message, o.Reply
		if o.Untried {
			untried[i] = 1
		}
	}
	b := s.statement()
	from := b.table("r", bigints("id", id), bigints("untried", untried), texts("reply", reply))
	if _, err := q.exec(ctx, `update messages set state = 'queued', claimed_at = null, decided_at = null, fence = 0, attempts = attempts - r.untried,
		reply = case when r.reply = '' then messages.reply else r.reply end from `+from+` where messages.id = r.id`, b.args...); err != nil {
		return nil, err
	}
	ready, of, err := s.insertBatches(ctx, q, waiting, now, next)
	if err != nil {
		return nil, err
	}
	batch, notBefore, reasons := make([]int64, n), make([]int64, n), make([]string, n)
	closed := map[int64]int64{}
	for i, o := range back {
		batch[i], notBefore[i], reasons[i] = of[o.Message], ms(o.NotBefore), o.Reason
		closed[o.batch]++
	}
	if err := s.assignBatches(ctx, q, id, batch, notBefore, reasons); err != nil {
		return nil, err
	}
	return ready, s.closeBatches(ctx, q, closed)
}
