package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// ClaimInput says who claims what.
type ClaimInput struct {
	Batch  int64
	Worker string
	Limit  int // at most this many go: what leaves within a second
	Now    time.Time
}

// Candidate is a queued message under its contact's lock.
type Candidate struct {
	ID       int64
	Template string
	Subject  string // of the step; "" means the template's
	Lane     string
	Attempts int64
	Due      time.Time
	Expires  time.Time
	Deferred bool // an earlier attempt was answered with "later"
	Entry    Due  // its enrolment, and all that is known of the contact
}

// Verdict is what is to become of a candidate: exactly one of Go, Skip and
// Until is set.
type Verdict struct {
	Go       bool
	Skip     string    // the reason, for good
	Until    time.Time // not before then
	Reason   string    // why not before then
	Provider string    // with Go: through whom
}

// Claimed is a message that this worker, and nobody else, may send.
type Claimed struct {
	Candidate
	Fence    int64
	Provider string
}

// ClaimResult is what one claim found.
type ClaimResult struct {
	Claimed []Claimed
	Skipped int
	Held    int     // moved to other batches
	Paused  bool    // nothing was touched: the campaign is paused
	Ready   []Batch // new batches that may go at once
}

// Claim locks the contacts of a batch's queued messages in the order of their
// ids, asks decide about each message, and moves it: to sending with a new
// fencing token, to skipped, or to a later batch. Consent, suppression and
// erasure take the same lock, so what decide sees holds when it is written.
func (s *Store) Claim(ctx context.Context, in ClaimInput, decide func([]Candidate) []Verdict) (ClaimResult, error) {
	fence, err := s.reserve(ctx, "fences", 1)
	if err != nil {
		return ClaimResult{}, err
	}
	reserved, err := s.ids(ctx, 2*BatchSize, in.Now)
	if err != nil {
		return ClaimResult{}, err
	}
	var result ClaimResult
	err = s.db.write(ctx, func(q querier) error {
		next := reserved.again()
		result = ClaimResult{}
		found, beyond, err := s.candidates(ctx, q, in, &result)
		if err != nil || len(found) == 0 {
			return err
		}
		verdicts := decide(found)
		if len(verdicts) != len(found) {
			panic("store: a verdict for each candidate, please")
		}
		var skip []Stepped
		// What is beyond the limit goes into a batch of its own, so that a
		// batch has one owner for good and a sweep knows whose messages it holds.
		hold := beyond
		for i, v := range verdicts {
			c := found[i]
			switch {
			case v.Go:
				result.Claimed = append(result.Claimed, Claimed{c, fence, v.Provider})
			case v.Skip != "":
				skip = append(skip, Stepped{Enrolment: campaigns.Enrolment{ID: c.Entry.Enrolment.ID, Reason: v.Skip}, Withdraw: c.ID})
			default:
				hold = append(hold, heldMessage{waitingMessage{c.ID, c.Lane, c.Entry.Enrolment.Campaign, v.Until}, v.Reason})
			}
		}
		result.Skipped, result.Held = len(skip), len(hold)
		if err := s.markSending(ctx, q, in, fence, result.Claimed); err != nil {
			return err
		}
		if err := s.withdraw(ctx, q, skip, in.Now); err != nil {
			return err
		}
		var woken []wake
		for _, st := range skip {
			woken = append(woken, wake{st.Withdraw, in.Now})
		}
		if err := s.wakeEnrolments(ctx, q, woken); err != nil {
			return err
		}
		result.Ready, err = s.moveToBatches(ctx, q, hold, in.Batch, in.Now, next)
		return err
	})
	if err != nil {
		return ClaimResult{}, fmt.Errorf("cannot claim batch %s: %w", ident.Format(in.Batch), err)
	}
	return result, nil
}

func (s *Store) candidates(ctx context.Context, q querier, in ClaimInput, result *ClaimResult) (_ []Candidate, beyond []heldMessage, _ error) {
	b := s.statement()
	var packed []byte
	var lane string
	var campaign int64
	var status CampaignStatus
	// No lock here: the messages' own state and lock decide, and a batch that
	// is delivered twice may be looked at by two workers.
	found, err := one(ctx, q, `select b.messages, b.lane, b.campaign_id, k.status from batches b join campaigns k on k.id = b.campaign_id
		where b.id = $1 and b.open_count > 0`, []any{in.Batch}, &packed, &lane, &campaign, &status)
	if err != nil || !found {
		return nil, nil, err
	}
	if status == Paused {
		result.Paused = true
		return nil, nil, nil
	}
	ids, err := ident.Unpack(packed)
	if err != nil {
		return nil, nil, err
	}
	people, err := s.lockContactsOf(ctx, q, in.Batch, ids)
	if err != nil || len(people) == 0 {
		return nil, nil, err
	}
	var out []Candidate
	b = s.statement()
	text := `select id, template, subject, attempts, due_at, expires_at from messages
		where ` + b.in("id", ids) + ` and state = 'queued' and batch_id = ` + b.arg(in.Batch) + ` order by id` + b.lock("for update")
	if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
		c := Candidate{Lane: lane}
		var due, expires int64
		err := scan(&c.ID, &c.Template, &c.Subject, &c.Attempts, &due, &expires)
		c.Due, c.Expires, c.Deferred = at(due), at(expires), c.Attempts > 0
		out = append(out, c)
		return err
	}); err != nil {
		return nil, nil, err
	}
	if len(out) > in.Limit {
		for _, c := range out[in.Limit:] {
			beyond = append(beyond, heldMessage{waitingMessage{ID: c.ID, Lane: lane, Campaign: campaign}, ""})
		}
		out = out[:in.Limit]
	}
	return out, beyond, s.addEnrolments(ctx, q, out)
}

// lockContactsOf locks the contacts of the batch's queued messages, in id order.
func (s *Store) lockContactsOf(ctx context.Context, q querier, batch int64, ids []int64) ([]contacts.ID, error) {
	b := s.statement()
	text := `select c.id from contacts c where c.id in (select m.contact_id from messages m where ` +
		b.in("m.id", ids) + ` and m.state = 'queued' and m.batch_id = ` + b.arg(batch) + `) order by c.id` + b.lock("for update of c")
	var out []contacts.ID
	err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
		var id contacts.ID
		err := scan(&id)
		out = append(out, id)
		return err
	})
	return out, err
}

// addEnrolments completes candidates with their enrolments and facts.
func (s *Store) addEnrolments(ctx context.Context, q querier, out []Candidate) error {
	var ids []int64
	for _, c := range out {
		ids = append(ids, ident.Enrolment(c.ID))
	}
	b := s.statement()
	entries, err := s.readEnrolments(ctx, q, b, b.in("e.id", ids), " order by e.id")
	if err != nil {
		return err
	}
	if err := s.complete(ctx, q, entries); err != nil {
		return err
	}
	for i := range out {
		at, found := slices.BinarySearchFunc(entries, ident.Enrolment(out[i].ID), func(d Due, id int64) int {
			return int(min(max(d.Enrolment.ID-id, -1), 1))
		})
		if !found {
			return fmt.Errorf("message %s has no enrolment", ident.Format(out[i].ID))
		}
		out[i].Entry = entries[at]
	}
	return nil
}

func (s *Store) markSending(ctx context.Context, q querier, in ClaimInput, fence int64, claimed []Claimed) error {
	if len(claimed) == 0 {
		return nil
	}
	ids, providers := make([]int64, len(claimed)), make([]string, len(claimed))
	for i, c := range claimed {
		ids[i], providers[i] = c.ID, c.Provider
	}
	b := s.statement()
	set := `state = 'sending', reason = '', attempts = attempts + 1, provider = r.provider, fence = ` + b.arg(fence) + `, claimed_at = ` + b.arg(ms(in.Now))
	from := b.table("r", bigints("id", ids), texts("provider", providers))
	if _, err := q.exec(ctx, `update messages set `+set+` from `+from+` where messages.id = r.id and state = 'queued'`, b.args...); err != nil {
		return err
	}
	_, err := q.exec(ctx, `update batches set owner = $1, fence = $2 where id = $3`, in.Worker, fence, in.Batch)
	return err
}

type heldMessage struct {
	waitingMessage
	reason string
}

// moveToBatches puts queued messages into new batches that go later.
func (s *Store) moveToBatches(ctx context.Context, q querier, hold []heldMessage, from int64, now time.Time, next func() int64) ([]Batch, error) {
	if len(hold) == 0 {
		return nil, nil
	}
	waiting := make([]waitingMessage, len(hold))
	for i, h := range hold {
		waiting[i] = h.waitingMessage
	}
	ready, of, err := s.insertBatches(ctx, q, waiting, now, next)
	if err != nil {
		return nil, err
	}
	n := len(hold)
	ids, batch, notBefore, reasons := make([]int64, n), make([]int64, n), make([]int64, n), make([]string, n)
	for i, h := range hold {
		ids[i], batch[i], notBefore[i], reasons[i] = h.ID, of[h.ID], ms(h.NotBefore), h.reason
	}
	if err := s.assignBatches(ctx, q, ids, batch, notBefore, reasons); err != nil {
		return nil, err
	}
	return ready, s.closeBatches(ctx, q, map[int64]int64{from: int64(n)})
}

// assignBatches tells queued messages which batch they are in, not before when
// they go, and why; the slices run in parallel.
func (s *Store) assignBatches(ctx context.Context, q querier, ids, batch, notBefore []int64, reasons []string) error {
	b := s.statement()
	from := b.table("r", bigints("id", ids), bigints("batch_id", batch), bigints("not_before", notBefore), texts("reason", reasons))
	_, err := q.exec(ctx, `update messages set batch_id = r.batch_id, not_before = r.not_before, reason = r.reason from `+from+
		` where messages.id = r.id`, b.args...)
	return err
}

// wake is a settled message whose parked enrolment goes on.
type wake struct {
	message int64
	at      time.Time
}

// wakeEnrolments makes the enrolments of settled messages due.
func (s *Store) wakeEnrolments(ctx context.Context, q querier, woken []wake) error {
	if len(woken) == 0 {
		return nil
	}
	n := len(woken)
	ids, messages, due := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, w := range woken {
		ids[i], messages[i], due[i] = ident.Enrolment(w.message), w.message, ms(w.at)
	}
	b := s.statement()
	from := b.table("r", bigints("id", ids), bigints("message", messages), bigints("due_at", due))
	// Late news of a message that the enrolment no longer waits for wakes nobody.
	_, err := q.exec(ctx, `update enrolments set due_at = r.due_at, rev = rev + 1 from `+from+
		` where enrolments.id = r.id and enrolments.state = 'parked' and enrolments.parked_for = r.message`, b.args...)
	return err
}
