package store

import (
	"context"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/segments"
)

// idsFor is how many ids a chunk of so many contacts takes at most: one for each
// enrolment, and what its first steps take.
func (in *EnrolInput) idsFor(people int) int {
	if in.Step == nil {
		return people
	}
	return people * (2 + idsPerStep) // one more who goes straight, or else it is of nobody
}

// begin writes the enrolments of those who may come, with their first steps
// where the step machine is at hand. It returns how many there are.
func (s *Store) begin(ctx context.Context, q querier, in EnrolInput, come []admitted, now time.Time, next func() int64) (int64, []Batch, error) {
	list := in.fresh(come, next)
	if in.Step != nil {
		if err := s.firstSteps(ctx, q, list, come, *in.Step); err != nil {
			return 0, nil, err
		}
	}
	n, err := s.insertEnrolments(ctx, q, list, in.crowded)
	if err != nil || in.Step == nil {
		return n, nil, err
	}
	if int(n) < len(list) {
		if list, err = s.written(ctx, q, list); err != nil {
			return 0, nil, err
		}
	}
	stepped := make([]Stepped, len(list))
	for i, f := range list {
		stepped[i] = f.Stepped
	}
	ready, err := s.carryOut(ctx, q, stepped, now, next)
	return n, ready, err
}

// newcomer is a new enrolment.
type newcomer struct {
	Stepped
	goal time.Time
	run  int64
}

// fresh are the enrolments of those who may come, before their first step.
func (in *EnrolInput) fresh(come []admitted, next func() int64) []newcomer {
	list := make([]newcomer, len(come))
	for i, c := range come {
		e := campaigns.Enrolment{ID: next(), Campaign: in.Firing.Campaign, Contact: c.ID, Version: in.Version, StartedAt: in.Now,
			State: campaigns.Active, DueAt: in.Now}
		n := newcomer{run: c.run}
		if in.HasGoal {
			n.goal = in.GoalTill
		}
		if in.Share > 0 && segments.Sampled(c.Seed, in.Control, in.Share) {
			e.State, e.DueAt = campaigns.Control, n.goal // the control group is closed then
		}
		n.Enrolment = e
		list[i] = n
	}
	return list
}

// stepping is the step machine, if first steps are taken now: not while the campaign
// is paused, or was stopped.
func (s *Store) stepping(ctx context.Context, q querier, in EnrolInput) (*Step, error) {
	if in.Step == nil {
		return nil, nil
	}
	var status CampaignStatus
	b := s.statement()
	// Who stops the campaign, or applies another version, waits for this chunk, and
	// so sees who is in it.
	found, err := one(ctx, q, `select status from campaigns where id = `+b.arg(in.Firing.Campaign)+b.lock("for share"), b.args, &status)
	if err != nil || !found || status != Running {
		return nil, err
	}
	return in.Step, nil
}

// firstSteps asks the step machine about new enrolments, but for the control group.
func (s *Store) firstSteps(ctx context.Context, q querier, list []newcomer, come []admitted, step Step) error {
	due := make([]Due, 0, len(list))
	at := make([]int, 0, len(list))
	people := make([]contacts.Contact, 0, len(list))
	for i, n := range list {
		if n.Enrolment.State == campaigns.Active {
			due, at = append(due, Due{Enrolment: n.Enrolment, GoalTill: n.goal, Status: Running}), append(at, i)
			people = append(people, come[i].Contact)
		}
	}
	stepped, err := s.ask(ctx, q, due, step, people)
	if err != nil {
		return err
	}
	// What a step tells others or writes about the contact must not outlive its
	// erasure, so that is asked once more under the lock that an erasure takes.
	writes := func(st Stepped) bool { return len(st.Calls)+len(st.Set)+len(st.Awards) > 0 }
	if err := s.askAgain(ctx, q, due, stepped, step, writes, func(again []Due) error {
		ids := make([]contacts.ID, len(again))
		for i, d := range again {
			ids[i] = d.Enrolment.Contact
		}
		b := s.statement()
		return s.lockRows(ctx, q, `select c.id from contacts c where `+b.in("c.id", plainIDs(ids))+` order by c.id`+b.lock("for key share"), b.args)
	}); err != nil {
		return err
	}
	for i, st := range stepped {
		list[at[i]].Stepped = st
	}
	return nil
}

// runsOnce names the index that keeps a contact from running twice in a campaign:
// each time it comes has its number. Whoever writes one has seen, in one look,
// that none runs and which number was the last; of two who saw the same, the
// second has nothing left to write.
const runsOnce = `(contact_id, campaign_id, run)`

func (s *Store) insertEnrolments(ctx context.Context, q querier, list []newcomer, crowded bool) (int64, error) {
	n := len(list)
	id, campaign, contact, version, run := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	started, due, parked, goal, ended := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	state, position, data, reason := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, c := range list {
		e := c.Enrolment
		id[i], campaign[i], contact[i], version[i], run[i] = e.ID, e.Campaign, int64(e.Contact), e.Version, c.run
		started[i], due[i], goal[i], ended[i] = ms(e.StartedAt), msUp(e.DueAt), ms(c.goal), ms(e.EndedAt)
		state[i], position[i], reason[i], data[i] = string(e.State), e.Position, e.Reason, enrolmentRest(e)
		if c.Message != nil {
			parked[i] = c.Message.ID
		}
	}
	// Who came in meanwhile is in; an id that is taken is an error, and not
	// somebody who is quietly left out. To be ready for it costs PostgreSQL a
	// third of the row, so it is only once somebody came.
	conflict := ""
	if crowded || s.dialect == segments.SQLite {
		conflict = "on conflict " + runsOnce + " do nothing"
	}
	return s.insertRows(ctx, q, "enrolments", conflict, bigints("id", id), bigints("campaign_id", campaign),
		bigints("contact_id", contact), bigints("version_id", version), bigints("run", run), bigints("started_at", started), texts("state", state),
		texts("position", position), nullable("due_at", due), nullable("parked_for", parked), jsons("data", data), texts("reason", reason),
		nullable("goal_until", goal), nullable("ended_at", ended))
}

// written are those of new enrolments that are there.
func (s *Store) written(ctx context.Context, q querier, list []newcomer) ([]newcomer, error) {
	ids := make([]int64, len(list))
	for i, n := range list {
		ids[i] = n.Enrolment.ID
	}
	there := make(map[int64]bool, len(ids))
	b := s.statement()
	err := each(ctx, q, `select id from enrolments where `+b.in("id", ids), b.args, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		there[id] = true
		return err
	})
	return slices.DeleteFunc(list, func(n newcomer) bool { return !there[n.Enrolment.ID] }), err
}
