package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/segments"
)

// Due is an enrolment that the step machine is to look at, with what its
// decision depends on and the store knows.
type Due struct {
	Enrolment campaigns.Enrolment
	GoalTill  time.Time
	Status    CampaignStatus      // of its campaign
	Outcomes  []campaigns.Outcome // of its messages, when it is stepped; Step is left to the caller: it knows the numbers
	Facts     *contacts.Facts
	Sent      []Went    // sent, sending and unknown messages of the contact, where the limits are needed
	Waiting   []Waiting // the contact's queued messages, where the limits are needed

	rev       int64 // counts changes of the row
	parkedFor int64 // the message that a parked one waits for
}

// Went is a message that went to a contact, or may have. Which of them count for
// the limits depends on the campaign.
type Went struct {
	Campaign int64
	At       time.Time // sent: then; sending and unknown: the claim
}

// Waiting is a queued message of a contact.
type Waiting struct {
	ID        int64
	Campaign  int64
	Due       time.Time // when its step wanted it to go
	NotBefore time.Time
}

// Stepped is what became of a Due.
type Stepped struct {
	Enrolment campaigns.Enrolment // as it is now
	Message   *PlannedMessage     // at most one
	Set       map[string]any      // fields of the contact to write
	ParkedFor int64               // the message that it waits for, where that was there before
	Awards    []Award             // one whose key is known is left out
	Calls     []Call              // to webhooks
	Withdraw  int64               // a queued message to skip, for Enrolment.Reason
	Watches   bool                // it stands where news of the contact can move it on
}

// PlannedMessage is a message to be written as queued.
type PlannedMessage struct {
	ID        int64
	Contact   contacts.ID
	Campaign  int64
	Template  string
	Subject   string
	Lane      string
	NotBefore time.Time
	Reason    string // why it is held until NotBefore
	Expires   time.Time
}

// Batch is a group of messages that goes over the queue under one id.
type Batch struct {
	ID        int64
	Lane      string
	NotBefore time.Time
}

// BatchSize is how many messages travel under one id of the queue.
const BatchSize = 100

// Step is how the step machine is asked inside of a transaction.
type Step struct {
	// Needs says which facts Decide looks at. It may say too much. Of a parked
	// enrolment the outcome that it waits for is known without being asked for;
	// settled says that it is known already.
	Needs func(e campaigns.Enrolment, settled bool) contacts.Needs
	// Decide is the step machine. Every Due comes back as a Stepped, in order.
	Decide func([]Due) []Stepped
	// First is what Decide makes of a new enrolment of any contact in a time zone of
	// whom no exit holds, and of whose mail none counts for the limits, when that is
	// a wait or one message and nothing else comes of it; ok is false when it depends
	// on more. Nil: it always does. The enrolment has no id, so the id of the message
	// is the number of its step.
	First func(e campaigns.Enrolment, timezone string) (stands Stepped, ok bool)
}

// StepDue takes enrolments whose time has come, asks the step machine about
// them, and writes all of its decisions in the same transaction. Enrolments that
// another scheduler holds are passed over. It returns how many there were, and
// the batches to put on the queue now that they are durable.
func (s *Store) StepDue(ctx context.Context, now time.Time, limit int, step Step) (n int, batches []Batch, err error) {
	reserved, err := s.ids(ctx, idsPerStep*limit, now)
	if err != nil {
		return 0, nil, err
	}
	var due []Due
	err = s.db.write(ctx, func(q querier) error {
		next := reserved.again()
		batches = nil
		if due, err = s.takeDue(ctx, q, now, limit); err != nil || len(due) == 0 {
			return err
		}
		batches, err = s.step(ctx, q, due, step, now, next)
		return err
	})
	switch {
	case err == nil:
		return len(due), batches, nil
	case poisoned(err) && len(due) > 0:
		return s.stepFewer(ctx, now, due, step, err)
	}
	return 0, nil, fmt.Errorf("cannot step enrolments: %w", err)
}

// takeDue takes of every campaign that has something due its share of the
// limit, the longest due first, and of the others what one leaves of its share:
// a campaign with a million does not keep another's ten waiting.
func (s *Store) takeDue(ctx context.Context, q querier, now time.Time, limit int) ([]Due, error) {
	waiting, err := s.campaignsDue(ctx, q, now)
	if err != nil {
		return nil, err
	}
	var due []Due
	for i, campaign := range waiting {
		left := len(waiting) - i
		share := (limit - len(due) + left - 1) / left
		if share == 0 {
			break
		}
		b := s.statement()
		// Those of one firing are all due at once; their ids are not asked for
		// here, or the database would sort a million of them each time.
		more, err := s.readEnrolments(ctx, q, b, `e.campaign_id = `+b.arg(campaign)+` and e.due_at <= `+b.arg(ms(now)),
			` order by e.due_at limit `+b.arg(share)+b.lock("for update of e skip locked"), share)
		if err != nil {
			return nil, err
		}
		due = append(due, more...)
	}
	slices.SortFunc(due, func(a, b Due) int {
		return cmp.Or(a.Enrolment.DueAt.Compare(b.Enrolment.DueAt), cmp.Compare(a.Enrolment.ID, b.Enrolment.ID))
	})
	return due, nil
}

// campaignsDue lists the campaigns that have something due and are not paused.
// Where one turn has no room for all, others come first in the next second.
func (s *Store) campaignsDue(ctx context.Context, q querier, now time.Time) ([]int64, error) {
	var out []int64
	b := s.statement()
	err := each(ctx, q, `select k.id from campaigns k where k.status <> 'paused' and exists (
		select 1 from enrolments e where e.campaign_id = k.id and e.due_at <= `+b.arg(ms(now))+`) order by k.id`, b.args,
		func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			out = append(out, id)
			return err
		})
	if len(out) > 0 {
		first := int(now.Unix() % int64(len(out)))
		out = slices.Concat(out[first:], out[:first])
	}
	return out, err
}

// idsPerStep is how many ids the decision about one enrolment takes at most.
const idsPerStep = 3

// step asks the step machine about locked enrolments and writes what it says.
func (s *Store) step(ctx context.Context, q querier, due []Due, step Step, now time.Time, next func() int64) ([]Batch, error) {
	stepped, err := s.ask(ctx, q, due, step, nil)
	if err != nil {
		return nil, err
	}
	if _, err := s.saveEnrolments(ctx, q, stepped, nil); err != nil {
		return nil, err
	}
	return s.carryOut(ctx, q, stepped, now, next)
}

// stepUnlocked is step for enrolments that are not locked: those that somebody
// else has changed since they were read are left as they are. done are the others.
func (s *Store) stepUnlocked(ctx context.Context, q querier, due []Due, step Step, now time.Time, next func() int64) (done map[int64]bool, ready []Batch, err error) {
	revs := make(map[int64]int64, len(due))
	for _, d := range due {
		revs[d.Enrolment.ID] = d.rev
	}
	stepped, err := s.ask(ctx, q, due, step, nil)
	if err != nil {
		return nil, nil, err
	}
	// News that came in after the facts were read, and were looked at while the
	// enrolment still waited for its message, changed nothing then and are told to
	// nobody again. So who comes to watch for news is locked, and asked once more.
	err = s.askAgain(ctx, q, due, stepped, step, func(st Stepped) bool { return st.Watches }, func(again []Due) error {
		ids := make([]int64, len(again))
		for i, d := range again {
			ids[i] = d.Enrolment.ID
		}
		b := s.statement()
		return s.lockRows(ctx, q, `select e.id from enrolments e where `+b.in("e.id", ids)+` order by e.id`+b.lock("for update"), b.args)
	})
	if err != nil {
		return nil, nil, err
	}
	if done, err = s.saveEnrolments(ctx, q, stepped, revs); err != nil {
		return nil, nil, err
	}
	stepped = slices.DeleteFunc(stepped, func(st Stepped) bool { return !done[st.Enrolment.ID] })
	ready, err = s.carryOut(ctx, q, stepped, now, next)
	return done, ready, err
}

// ask tells the step machine what it needs to know about enrolments, and asks
// what becomes of them. The people are theirs; nil means that they are not read yet.
func (s *Store) ask(ctx context.Context, q querier, due []Due, step Step, people []contacts.Contact) (_ []Stepped, err error) {
	whole := make([]*Due, len(due))
	ids := make([]contacts.ID, len(due))
	for i := range due {
		whole[i], ids[i] = &due[i], due[i].Enrolment.Contact
	}
	needs := needsOf(whole, func(d *Due) contacts.Needs { return step.Needs(d.Enrolment, len(d.Outcomes) > 0) })
	switch {
	case people != nil:
	case needs.Contact:
		if people, err = s.readContacts(ctx, q, ids, ""); err != nil {
			return nil, err
		}
	default:
		for _, id := range uniqueIDs(ids) {
			people = append(people, contacts.Contact{ID: id})
		}
	}
	if err := s.complete(ctx, q, whole, needs, people); err != nil {
		return nil, err
	}
	// What it is parked for is always asked about, unless it is told already.
	missing := func(d *Due) bool { return d.Enrolment.State == campaigns.Parked && len(d.Outcomes) == 0 }
	if !needs.Outcomes && slices.ContainsFunc(whole, missing) {
		if err := s.addOutcomes(ctx, q, whole); err != nil {
			return nil, err
		}
	}
	return step.Decide(due), nil
}

// askAgain asks the step machine once more about those whose step is of some kind,
// after they were locked, and puts the answers in place of the first ones.
func (s *Store) askAgain(ctx context.Context, q querier, due []Due, stepped []Stepped, step Step, kind func(Stepped) bool, lock func([]Due) error) error {
	var again []Due
	var at []int
	for i, st := range stepped {
		if kind(st) {
			again, at = append(again, due[i]), append(at, i)
		}
	}
	if len(again) == 0 || s.dialect == segments.SQLite { // whose one writer is alone anyway
		return nil
	}
	if err := lock(again); err != nil {
		return err
	}
	answers, err := s.ask(ctx, q, again, step, nil)
	for i, st := range answers {
		stepped[at[i]] = st
	}
	return err
}

func (s *Store) lockRows(ctx context.Context, q querier, text string, args []any) error {
	return each(ctx, q, text, args, func(scan func(...any) error) error {
		var id int64
		return scan(&id)
	})
}
