package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Due is an enrolment that the step machine is to look at, with what its
// decision depends on and the store knows.
type Due struct {
	Enrolment campaigns.Enrolment
	GoalTill  time.Time
	Status    CampaignStatus      // of its campaign
	Outcomes  []campaigns.Outcome // of its messages, when it is stepped; Step is left to the caller: it knows the numbers
	Facts     *contacts.Facts
	Sent      []time.Time // what counts for limits, where that is needed: sent, sending and unknown
	Waiting   []Waiting   // the contact's queued messages, where the limits are needed
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
	Withdraw  int64               // a queued message to skip, for Enrolment.Reason
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
	// enrolment the outcome that it waits for is known without being asked for.
	Needs func(campaigns.Enrolment) contacts.Needs
	// Decide is the step machine. Every Due comes back as a Stepped, in order.
	Decide func([]Due) []Stepped
}

// StepDue takes enrolments whose time has come, asks the step machine about
// them, and writes all of its decisions in the same transaction. Enrolments that
// another scheduler holds are passed over. It returns how many there were, and
// the batches to put on the queue now that they are durable.
func (s *Store) StepDue(ctx context.Context, now time.Time, limit int, step Step) (n int, batches []Batch, err error) {
	reserved, err := s.ids(ctx, 3*limit, now)
	if err != nil {
		return 0, nil, err
	}
	err = s.db.write(ctx, func(q querier) error {
		next := reserved.again()
		batches = nil
		due, err := s.takeDue(ctx, q, now, limit)
		if n = len(due); err != nil || n == 0 {
			return err
		}
		batches, err = s.step(ctx, q, due, step, now, next)
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("cannot step enrolments: %w", err)
	}
	return n, batches, nil
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

// step asks the step machine about locked enrolments and writes what it says. It
// takes up to three ids for each.
func (s *Store) step(ctx context.Context, q querier, due []Due, step Step, now time.Time, next func() int64) ([]Batch, error) {
	var ids []contacts.ID
	for _, d := range due {
		ids = append(ids, d.Enrolment.Contact)
	}
	people, err := s.readContacts(ctx, q, ids, "")
	if err != nil {
		return nil, err
	}
	whole := make([]*Due, len(due))
	for i := range due {
		whole[i] = &due[i]
	}
	if err := s.complete(ctx, q, whole, step.Needs, people, true); err != nil {
		return nil, err
	}
	stepped := step.Decide(due)
	if err := s.saveEnrolments(ctx, q, stepped); err != nil {
		return nil, err
	}
	if err := s.saveSets(ctx, q, stepped, now); err != nil {
		return nil, err
	}
	if err := s.withdraw(ctx, q, stepped, now); err != nil {
		return nil, err
	}
	return s.insertMessages(ctx, q, stepped, now, next)
}

// enrolmentData is what campaigns.Enrolment has beyond the columns.
type enrolmentData struct {
	Origin    campaigns.Origin  `json:"origin,omitzero"`
	WaitSince time.Time         `json:"wait_since,omitzero"`
	WaitUntil time.Time         `json:"wait_until,omitzero"`
	Arms      map[string]string `json:"arms,omitempty"`
}

// readEnrolments reads enrolments e with the status of their campaign, which is
// asked for apart: joined, the planner would begin with the campaign, and read
// all of its enrolments. There are about so many.
func (s *Store) readEnrolments(ctx context.Context, q querier, b *statement, where, tail string, about int) ([]Due, error) {
	due := make([]Due, 0, about)
	of := map[int64]CampaignStatus{}
	err := each(ctx, q, `select `+s.enrolmentColumns(b)+` from enrolments e where `+where+tail, b.args,
		func(scan func(...any) error) error {
			due = append(due, Due{})
			d := &due[len(due)-1]
			err := scanEnrolment(scan, d)
			of[d.Enrolment.Campaign] = ""
			return err
		})
	if err != nil || len(due) == 0 {
		return nil, err
	}
	b = s.statement()
	if err := each(ctx, q, `select id, status from campaigns where `+b.in("id", sortedKeys(of)), b.args, func(scan func(...any) error) error {
		var id int64
		var status CampaignStatus
		err := scan(&id, &status)
		of[id] = status
		return err
	}); err != nil {
		return nil, err
	}
	for i := range due {
		due[i].Status = of[due[i].Enrolment.Campaign]
	}
	return due, nil
}

// enrolmentColumns are what scanEnrolment reads of enrolments e.
func (s *Store) enrolmentColumns(b *statement) string {
	return `e.id, e.campaign_id, e.contact_id, e.version_id, e.started_at, e.state, e.position, e.due_at,
		` + b.readJSON("e.data") + `, e.reason, e.goal_until, e.converted_at, e.ended_at`
}

// scanEnrolment reads the columns before, and those of an enrolment.
func scanEnrolment(scan func(...any) error, d *Due, before ...any) error {
	var started int64
	var dueAt, goal, converted, ended *int64
	var data string
	e := &d.Enrolment
	if err := scan(append(before, &e.ID, &e.Campaign, &e.Contact, &e.Version, &started, &e.State, &e.Position, &dueAt,
		&data, &e.Reason, &goal, &converted, &ended)...); err != nil {
		return err
	}
	if data != "{}" {
		var rest enrolmentData
		if err := json.Unmarshal([]byte(data), &rest); err != nil {
			return fmt.Errorf("enrolment %d: %w", e.ID, err)
		}
		e.Origin, e.WaitSince, e.WaitUntil, e.Arms = rest.Origin, rest.WaitSince, rest.WaitUntil, rest.Arms
	}
	e.StartedAt, e.DueAt, e.ConvertedAt, e.EndedAt = at(started), atNull(dueAt), atNull(converted), atNull(ended)
	d.GoalTill = atNull(goal)
	return nil
}

// complete adds the facts of these people that are needed, and what counts for
// limits; to step, what became of the messages as well.
func (s *Store) complete(ctx context.Context, q querier, due []*Due, needing func(campaigns.Enrolment) contacts.Needs, people []contacts.Contact, outcomes bool) error {
	if len(due) == 0 {
		return nil
	}
	type place struct {
		campaign, version int64
		position          string
		state             campaigns.State
	}
	var needs contacts.Needs
	asked := map[place]bool{}
	for i := range due {
		e := due[i].Enrolment
		if at := (place{e.Campaign, e.Version, e.Position, e.State}); !asked[at] {
			asked[at] = true
			needs = needs.And(needing(e))
		}
	}
	facts, err := s.factsOf(ctx, q, people, needs)
	if err != nil {
		return err
	}
	for i := range due {
		due[i].Facts = facts[due[i].Enrolment.Contact]
	}
	// What it is parked for is always asked about, unless it is told already.
	missing := func(d *Due) bool { return d.Enrolment.State == campaigns.Parked && len(d.Outcomes) == 0 }
	if needs.Outcomes || outcomes && slices.ContainsFunc(due, missing) {
		if err := s.addOutcomes(ctx, q, due); err != nil {
			return err
		}
	}
	if !needs.Ledger {
		return nil
	}
	ids := make([]int64, len(people))
	for i, c := range people {
		ids[i] = int64(c.ID)
	}
	ledger, err := s.ledgerOf(ctx, q, ids)
	if err != nil {
		return err
	}
	for i := range due {
		for _, m := range ledger[due[i].Enrolment.Contact] {
			if m.counts() {
				due[i].Sent = append(due[i].Sent, m.At)
			}
			if m.State == campaigns.Queued {
				due[i].Waiting = append(due[i].Waiting, m.Waiting)
			}
		}
	}
	return nil
}

// addOutcomes tells what became of the messages of each enrolment, in place of
// what is said already.
func (s *Store) addOutcomes(ctx context.Context, q querier, due []*Due) error {
	ids := make([]int64, len(due))
	of := make(map[int64]*Due, len(due))
	for i := range due {
		ids[i] = due[i].Enrolment.ID
		of[ids[i]] = due[i]
		due[i].Outcomes = nil
	}
	b := s.statement()
	from := b.table("r", bigints("id", ids))
	return each(ctx, q, fmt.Sprintf(`select m.id, m.state, m.reason, coalesce(m.decided_at, m.claimed_at, m.created_at)
		from %s join messages m on m.id > r.id and m.id < r.id + %d where m.state not in ('queued', 'sending')`, from, ident.Steps), b.args,
		func(scan func(...any) error) error {
			var o campaigns.Outcome
			var when int64
			err := scan(&o.Message, &o.State, &o.Reason, &when)
			o.At = at(when)
			if d := of[ident.Enrolment(o.Message)]; d != nil {
				d.Outcomes = append(d.Outcomes, o)
			}
			return err
		})
}

// ledgerLine is a message as limits see it.
type ledgerLine struct {
	Waiting
	State campaigns.MessageState
	At    time.Time // sent: then; sending and unknown: the claim
}

// counts reports whether the message counts for the limits of its contact.
func (m ledgerLine) counts() bool { return m.State == campaigns.Sending || m.State.Went() }

// ledgerOf reads what counts for the limits of contacts, and what waits to, in no
// order: asked for one by id, PostgreSQL would go through all messages by theirs.
func (s *Store) ledgerOf(ctx context.Context, q querier, ids []int64) (map[contacts.ID][]ledgerLine, error) {
	out := map[contacts.ID][]ledgerLine{}
	b := s.statement()
	err := each(ctx, q, `select contact_id, id, campaign_id, due_at, not_before, state, coalesce(decided_at, claimed_at, created_at)
		from messages where `+b.near("contact_id", ids)+` and state not in ('failed', 'skipped')`, b.args,
		func(scan func(...any) error) error {
			var who contacts.ID
			var m ledgerLine
			var due, notBefore, when int64
			err := scan(&who, &m.ID, &m.Campaign, &due, &notBefore, &m.State, &when)
			m.Due, m.NotBefore, m.At = at(due), at(notBefore), at(when)
			out[who] = append(out[who], m)
			return err
		})
	return out, err
}

func (s *Store) saveEnrolments(ctx context.Context, q querier, stepped []Stepped) error {
	n := len(stepped)
	id, due, parked, converted, ended := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	state, position, data, reason := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, st := range stepped {
		e := st.Enrolment
		id[i], state[i], position[i], reason[i] = e.ID, string(e.State), e.Position, e.Reason
		due[i], converted[i], ended[i] = msUp(e.DueAt), ms(e.ConvertedAt), ms(e.EndedAt)
		if st.Message != nil {
			parked[i] = st.Message.ID
		}
		data[i] = jsonText(enrolmentData{e.Origin, e.WaitSince, e.WaitUntil, e.Arms})
	}
	b := s.statement()
	from := b.table("r", bigints("id", id), texts("state", state), texts("position", position), nullable("due_at", due), nullable("parked_for", parked),
		texts("data", data), texts("reason", reason), nullable("converted_at", converted), nullable("ended_at", ended))
	_, err := q.exec(ctx, `update enrolments set state = r.state, position = r.position, due_at = r.due_at, 
		parked_for = case when r.state = 'parked' then coalesce(r.parked_for, enrolments.parked_for) end,
		data = `+b.json("r.data")+`, reason = r.reason, converted_at = coalesce(enrolments.converted_at, r.converted_at),
		ended_at = r.ended_at, rev = rev + 1 from `+from+` where enrolments.id = r.id`, b.args...)
	return err
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
