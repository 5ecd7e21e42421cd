package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// enrolmentData is what campaigns.Enrolment has beyond the columns.
type enrolmentData struct {
	Origin    campaigns.Origin  `json:"origin,omitzero"`
	WaitSince time.Time         `json:"wait_since,omitzero"`
	WaitUntil time.Time         `json:"wait_until,omitzero"`
	Arms      map[string]string `json:"arms,omitempty"`
	Took      map[string]int64  `json:"took,omitempty"`
}

// readEnrolments reads enrolments e with the status of their campaign, which is
// asked for apart: joined, the planner would begin with the campaign, and read
// all of its enrolments. There are about so many.
func (s *Store) readEnrolments(ctx context.Context, q querier, b *statement, where, tail string, about int) ([]Due, error) {
	due := make([]Due, 0, about)
	err := each(ctx, q, `select `+s.enrolmentColumns(b)+` from enrolments e where `+where+tail, b.args,
		func(scan func(...any) error) error {
			due = append(due, Due{})
			d := &due[len(due)-1]
			return scanEnrolment(scan, d)
		})
	if err != nil {
		return nil, err
	}
	return due, s.addStatus(ctx, q, due)
}

// addStatus says of each enrolment how its campaign stands.
func (s *Store) addStatus(ctx context.Context, q querier, due []Due) error {
	if len(due) == 0 {
		return nil
	}
	of := map[int64]CampaignStatus{}
	for _, d := range due {
		of[d.Enrolment.Campaign] = ""
	}
	b := s.statement()
	if err := each(ctx, q, `select id, status from campaigns where `+b.in("id", sortedKeys(of)), b.args, func(scan func(...any) error) error {
		var id int64
		var status CampaignStatus
		err := scan(&id, &status)
		of[id] = status
		return err
	}); err != nil {
		return err
	}
	for i := range due {
		due[i].Status = of[due[i].Enrolment.Campaign]
	}
	return nil
}

// enrolmentColumns are what scanEnrolment reads of enrolments e.
func (s *Store) enrolmentColumns(b *statement) string {
	return `e.id, e.campaign_id, e.contact_id, e.version_id, e.started_at, e.state, e.position, e.due_at,
		` + b.readJSON("e.data") + `, e.reason, e.goal_until, e.converted_at, e.ended_at, e.rev, coalesce(e.parked_for, 0)`
}

// scanEnrolment reads the columns before, and those of an enrolment.
func scanEnrolment(scan func(...any) error, d *Due, before ...any) error {
	var started int64
	var dueAt, goal, converted, ended *int64
	var data string
	e := &d.Enrolment
	if err := scan(append(before, &e.ID, &e.Campaign, &e.Contact, &e.Version, &started, &e.State, &e.Position, &dueAt,
		&data, &e.Reason, &goal, &converted, &ended, &d.rev, &d.parkedFor)...); err != nil {
		return err
	}
	if data != "{}" {
		var rest enrolmentData
		if err := json.Unmarshal([]byte(data), &rest); err != nil {
			return fmt.Errorf("enrolment %d: %w", e.ID, err)
		}
		e.Origin, e.WaitSince, e.WaitUntil, e.Arms, e.Took = rest.Origin, rest.WaitSince, rest.WaitUntil, rest.Arms, rest.Took
	}
	e.StartedAt, e.DueAt, e.ConvertedAt, e.EndedAt = at(started), atNull(dueAt), atNull(converted), atNull(ended)
	d.GoalTill = atNull(goal)
	return nil
}

// needsOf is what any of these is needed for, each place asked about once.
func needsOf(due []*Due, needing func(*Due) contacts.Needs) (needs contacts.Needs) {
	type place struct {
		campaign, version int64
		position          string
		state             campaigns.State
		settled           bool
	}
	asked := map[place]bool{}
	for _, d := range due {
		e := d.Enrolment
		if at := (place{e.Campaign, e.Version, e.Position, e.State, len(d.Outcomes) > 0}); !asked[at] {
			asked[at] = true
			needs = needs.And(needing(d))
		}
	}
	return needs
}

// complete adds the facts of these people that are needed, what became of the
// messages and what counts for limits.
func (s *Store) complete(ctx context.Context, q querier, due []*Due, needs contacts.Needs, people []contacts.Contact) error {
	if len(due) == 0 {
		return nil
	}
	facts, err := s.factsOf(ctx, q, people, needs)
	if err != nil {
		return err
	}
	for i := range due {
		due[i].Facts = facts[due[i].Enrolment.Contact]
	}
	if needs.Outcomes {
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
		due[i].Sent, due[i].Waiting = nil, nil // it may be asked about for the second time
		for _, m := range ledger[due[i].Enrolment.Contact] {
			if m.counts() {
				due[i].Sent = append(due[i].Sent, Went{m.Campaign, m.At})
			}
			if m.State == campaigns.Queued {
				due[i].Waiting = append(due[i].Waiting, m.Waiting)
			}
		}
	}
	return nil
}

// addOutcomes tells what became of the messages of each enrolment, in place of
// what is said already. Those on their way are among them: a step that has one
// must not plan another.
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
		from %s join messages m on m.id > r.id and m.id < r.id + %d`, from, ident.Steps), b.args,
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
