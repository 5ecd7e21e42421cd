package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// ClaimInput says who claims what.
type ClaimInput struct {
	Batches []int64
	Worker  string
	Limit   int // at most this many go: what leaves within a second
	Split   int // what is beyond goes into batches of so many; 0: BatchSize
	Now     time.Time
	// Needs says which facts the verdict on a message looks at.
	Needs func(campaigns.Enrolment) contacts.Needs
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
	Deferred bool   // an earlier attempt was answered with "later"
	Reason   string // why it was held back until now, or ""
	Entry    Due    // its enrolment, and all that is known of the contact
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
	Fence   int64 // of this claim; with an error too, because it may have been committed: see Unheard
	Claimed []Claimed
	Skipped int
	Held    int     // moved to other batches
	Paused  bool    // a batch was left as it is: its campaign is paused
	Ready   []Batch // new batches that may go at once
}

// Claim locks the contacts of the batches' queued messages in the order of their
// ids, asks decide about each message, and moves it: to sending with a new
// fencing token, to skipped, or to a later batch. Consent, suppression and
// erasure take the same lock, so what decide sees holds when it is written.
func (s *Store) Claim(ctx context.Context, in ClaimInput, decide func([]Candidate) []Verdict) (ClaimResult, error) {
	fence, err := s.reserve(ctx, "fences", 1)
	if err != nil {
		return ClaimResult{}, err
	}
	reserved, err := s.ids(ctx, 2*BatchSize*len(in.Batches), in.Now)
	if err != nil {
		return ClaimResult{}, err
	}
	result := ClaimResult{Fence: fence}
	err = s.db.write(ctx, func(q querier) error {
		next := reserved.again()
		result = ClaimResult{Fence: fence}
		found, batch, beyond, err := s.candidates(ctx, q, in, &result)
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
		owned := map[int64]bool{}
		result.Claimed = make([]Claimed, 0, len(found))
		for i, v := range verdicts {
			c := &found[i]
			switch {
			case v.Go:
				owned[batch[i]] = true
				result.Claimed = append(result.Claimed, Claimed{*c, fence, v.Provider})
			case v.Skip != "":
				skip = append(skip, Stepped{Enrolment: campaigns.Enrolment{ID: c.Entry.Enrolment.ID, Reason: v.Skip}, Withdraw: c.ID})
			default:
				hold = append(hold, heldMessage{waitingMessage{ID: c.ID, Lane: c.Lane, Campaign: c.Entry.Enrolment.Campaign, NotBefore: v.Until}, batch[i], v.Reason})
			}
		}
		result.Skipped, result.Held = len(skip), len(hold)
		if result.Claimed, err = s.markSending(ctx, q, in, fence, result.Claimed, sortedKeys(owned)); err != nil {
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
		result.Ready, err = s.moveToBatches(ctx, q, hold, in.Now, next)
		return err
	})
	if err != nil {
		names := make([]string, len(in.Batches))
		for i, b := range in.Batches {
			names[i] = ident.Format(b)
		}
		return ClaimResult{Fence: fence}, fmt.Errorf("cannot claim batch %s: %w", strings.Join(names, ", "), err)
	}
	return result, nil
}

// openBatch is a batch that may go.
type openBatch struct {
	lane     string
	campaign int64
	status   CampaignStatus
}

func (s *Store) openBatches(ctx context.Context, q querier, in ClaimInput, result *ClaimResult) (open map[int64]openBatch, messages []int64, err error) {
	open = map[int64]openBatch{}
	b := s.statement()
	// No lock here: the messages' own state and lock decide, and a batch that
	// is delivered twice may be looked at by two workers.
	err = each(ctx, q, `select b.id, b.messages, b.lane, b.campaign_id, k.status from batches b join campaigns k on k.id = b.campaign_id
		where `+b.in("b.id", in.Batches)+` and b.open_count > 0`, b.args, func(scan func(...any) error) error {
		var id int64
		var packed []byte
		var o openBatch
		if err := scan(&id, &packed, &o.lane, &o.campaign, &o.status); err != nil {
			return err
		}
		if o.status == Paused {
			result.Paused = true
			return nil
		}
		ids, err := ident.Unpack(packed)
		open[id], messages = o, append(messages, ids...)
		return err
	})
	return open, messages, err
}

// candidates are the queued messages of the batches under their contacts' locks,
// up to the limit, with the batch of each; what is beyond goes elsewhere.
func (s *Store) candidates(ctx context.Context, q querier, in ClaimInput, result *ClaimResult) (out []Candidate, batch []int64, beyond []heldMessage, _ error) {
	open, ids, err := s.openBatches(ctx, q, in, result)
	if err != nil || len(open) == 0 {
		return nil, nil, nil, err
	}
	people, err := s.lockContactsOf(ctx, q, sortedKeys(open), ids)
	if err != nil || len(people) == 0 {
		return nil, nil, nil, err
	}
	out, batch = make([]Candidate, 0, len(ids)), make([]int64, 0, len(ids))
	b := s.statement()
	text := `select m.id, m.batch_id, m.template, m.subject, m.attempts, m.due_at, m.expires_at, m.reason, ` + s.enrolmentColumns(b) + `
		from messages m join enrolments e on e.id = (m.id & ` + fmt.Sprint(-ident.Steps) + `)
		where ` + b.inKeys("m.id", ids) + ` and m.state = 'queued' and ` + b.in("m.batch_id", sortedKeys(open)) + ` order by m.id`
	// Not locked: who withdraws one of them meanwhile is found by the update.
	if err := each(ctx, q, text, b.args, func(scan func(...any) error) error {
		out = append(out, Candidate{})
		c := &out[len(out)-1]
		var in, due, expires int64
		if err := scanEnrolment(scan, &c.Entry, &c.ID, &in, &c.Template, &c.Subject, &c.Attempts, &due, &expires, &c.Reason); err != nil {
			return err
		}
		batch = append(batch, in)
		c.Lane, c.Entry.Status = open[in].lane, open[in].status
		c.Due, c.Expires, c.Deferred = at(due), at(expires), c.Attempts > 0
		return nil
	}); err != nil {
		return nil, nil, nil, err
	}
	if len(out) > in.Limit {
		for i, c := range out[in.Limit:] {
			beyond = append(beyond, heldMessage{waitingMessage{ID: c.ID, Lane: c.Lane, Campaign: c.Entry.Enrolment.Campaign, Size: in.Split}, batch[in.Limit+i], ""})
		}
		out = out[:in.Limit]
	}
	entries := make([]*Due, len(out))
	for i := range out {
		entries[i] = &out[i].Entry
	}
	needs := needsOf(entries, func(d *Due) contacts.Needs { return in.Needs(d.Enrolment) })
	return out, batch, beyond, s.complete(ctx, q, entries, needs, people)
}

// lockContactsOf locks the contacts of the batches' queued messages, in id order,
// and returns them as they are under the lock.
func (s *Store) lockContactsOf(ctx context.Context, q querier, batches, ids []int64) ([]contacts.Contact, error) {
	b := s.statement()
	return s.upToContacts(ctx, q, b, `c.id in (select m.contact_id from messages m where `+
		b.inKeys("m.id", ids)+` and m.state = 'queued' and `+b.in("m.batch_id", batches)+`) order by c.id`+b.lock("for update of c"), len(ids))
}

// markSending moves messages to sending and returns those that were still queued.
func (s *Store) markSending(ctx context.Context, q querier, in ClaimInput, fence int64, claimed []Claimed, batches []int64) ([]Claimed, error) {
	if len(claimed) == 0 {
		return nil, nil
	}
	ids, providers := make([]int64, len(claimed)), make([]string, len(claimed))
	for i, c := range claimed {
		ids[i], providers[i] = c.ID, c.Provider
	}
	b := s.statement()
	set := `state = 'sending', reason = '', attempts = attempts + 1, provider = r.provider, fence = ` + b.arg(fence) + `, claimed_at = ` + b.arg(ms(in.Now))
	from := b.table("r", bigints("id", ids), texts("provider", providers))
	marked := make(map[int64]bool, len(ids))
	if err := each(ctx, q, `update messages set `+set+` from `+from+` where messages.id = r.id and messages.state = 'queued' returning messages.id`, b.args,
		func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			marked[id] = true
			return err
		}); err != nil {
		return nil, err
	}
	b = s.statement()
	text := `update batches set owner = ` + b.arg(in.Worker) + `, fence = ` + b.arg(fence) + ` where ` + b.in("id", batches)
	if lock := b.lock("for key share"); lock != "" {
		// The last word before the commit. A worker that was killed just now and
		// starts again waits for it, or it would not see what this claim takes.
		text += ` and (select count(*) from (select 1 from workers where id = ` + b.arg(in.Worker) + lock + `) me) >= 0`
	}
	if _, err := q.exec(ctx, text, b.args...); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(claimed, func(c Claimed) bool { return !marked[c.ID] }), nil
}

type heldMessage struct {
	waitingMessage
	batch  int64 // that it is taken out of
	reason string
}

// moveToBatches puts queued messages into new batches that go later.
func (s *Store) moveToBatches(ctx context.Context, q querier, hold []heldMessage, now time.Time, next func() int64) ([]Batch, error) {
	hold, err := s.stillQueued(ctx, q, hold)
	if err != nil || len(hold) == 0 {
		return nil, err
	}
	waiting := make([]waitingMessage, len(hold))
	for i, h := range hold {
		waiting[i] = h.waitingMessage
		waiting[i].Lane = again(h.Lane)
	}
	ready, of, err := s.insertBatches(ctx, q, waiting, now, next)
	if err != nil {
		return nil, err
	}
	n := len(hold)
	ids, batch, notBefore, reasons := make([]int64, n), make([]int64, n), make([]int64, n), make([]string, n)
	closed := map[int64]int64{}
	for i, h := range hold {
		closed[h.batch]++
		ids[i], batch[i], notBefore[i], reasons[i] = h.ID, of[h.ID], ms(h.NotBefore), h.reason
	}
	if err := s.assignBatches(ctx, q, ids, batch, notBefore, reasons); err != nil {
		return nil, err
	}
	return ready, s.closeBatches(ctx, q, closed)
}

// stillQueued locks those of the messages that nobody has withdrawn.
func (s *Store) stillQueued(ctx context.Context, q querier, hold []heldMessage) ([]heldMessage, error) {
	if len(hold) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(hold))
	for i, h := range hold {
		ids[i] = h.ID
	}
	queued := make(map[int64]bool, len(hold))
	b := s.statement()
	err := each(ctx, q, `select id from messages where `+b.in("id", ids)+` and state = 'queued' order by id`+b.lock("for update"), b.args,
		func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			queued[id] = true
			return err
		})
	return slices.DeleteFunc(hold, func(h heldMessage) bool { return !queued[h.ID] }), err
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
