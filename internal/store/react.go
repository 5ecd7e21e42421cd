package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
)

// TouchedContact is a contact of whom something new is known.
type TouchedContact struct {
	Facts *contacts.Facts
	// News are the events that are new, in the order of their ids. Those that
	// nobody needs have only their id, contact and name.
	News    []contacts.Event
	Unknown bool     // something else is new too, and nobody says what
	Member  []string // segments it was in so far, of those that campaigns start from
	// Baselines is the hash of each segment that is followed: who is in one
	// without a baseline has not entered it.
	Baselines map[string]string
	Entries   []Due // enrolments that run, or whose goal may still be reached
}

// Reaction is what follows for a contact.
type Reaction struct {
	Contact contacts.ID
	State   *StateChange // nil: nothing that is new can move it
	Enter   []string     // segments
	Leave   []string
	Enrol   []NewEnrolment
	Refuse  []Refusal
	Restart []int64                        // enrolments to end, because they start again
	Wake    []int64                        // enrolments the step machine is to look at now
	Convert map[int64]campaigns.Conversion // enrolment to how its goal was reached
	Tell    []contacts.Event               // of any contact; one whose key is known is left out
	Predict *Prediction                    // nil: what was predicted stands
}

// NewEnrolment is an enrolment to write.
type NewEnrolment struct {
	Campaign, Version int64
	StartedAt         time.Time
	Origin            campaigns.Origin
	Control           bool
	Once              bool // not if the contact was ever in this campaign
	HasGoal           bool
	GoalTill          time.Time
}

// Refusal says why a contact was not enrolled.
type Refusal struct {
	Campaign int64
	Reason   string
}

// ReactInput says who looks at how many touched contacts, and by which rules.
type ReactInput struct {
	Now     time.Time
	Limit   int
	Version int64 // of the workspace that decide goes by
	// Needs says which facts decide looks at for a contact, and which of the
	// News; of its Facts only Contact is there yet, of the News only what they are
	// called. It may say too much. Nil: everything.
	Needs func(*TouchedContact) contacts.Needs
}

// ErrStale says that a version was applied that the caller does not know yet.
var ErrStale = errors.New("another version of the workspace was applied meanwhile")

// TurnError is a turn of React that failed, with those whom it was about.
type TurnError struct {
	Touched []Touched
	err     error
}

func (e *TurnError) Error() string { return e.err.Error() }
func (e *TurnError) Unwrap() error { return e.err }

// React takes touched contacts, under their locks, asks decide what follows,
// and writes it in the same transaction. It locks the contacts in the order of
// their ids, and then their enrolments in the order of theirs, as a claim does.
// It returns how many touched rows there were. It
// leaves them with ErrStale when decide would go by a version that stands no
// longer: an apply touches everybody once, for the new ladder. Any other failure
// after they were taken is a *TurnError.
func (s *Store) React(ctx context.Context, in ReactInput, decide func([]TouchedContact) []Reaction) (n int, err error) {
	// Ids are reserved before the transaction. A contact seldom starts more
	// than one campaign at once; when they need more, the turn is taken again.
	for room := in.Limit; ; {
		reserved, err := s.ids(ctx, room, in.Now)
		if err != nil {
			return 0, err
		}
		n, needed, err := s.reactOnce(ctx, in, reserved, decide)
		if errors.Is(err, errRoom) {
			room = needed
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("cannot react to what is new: %w", err)
		}
		return n, nil
	}
}

// errRoom takes a transaction back that needs more ids than were reserved.
var errRoom = errors.New("more ids are needed")

func (s *Store) reactOnce(ctx context.Context, in ReactInput, reserved ids, decide func([]TouchedContact) []Reaction) (n, needed int, err error) {
	now := in.Now
	var rows []Touched
	err = s.db.write(ctx, func(q querier) error {
		if rows, err = s.takeTouched(ctx, q, in.Now, in.Limit); err != nil {
			return err
		}
		if n = len(rows); n == 0 {
			return nil
		}
		if err := s.settled(ctx, q); err != nil {
			return err
		}
		// Asked after the touched rows were taken: who sees those of an apply
		// sees its version too, for they are of one transaction.
		current, found, err := currentVersion(ctx, q)
		if err != nil {
			return err
		}
		if found && current.ID != in.Version {
			return ErrStale
		}
		touched, err := s.touchedContacts(ctx, q, rows, in.Needs)
		if err != nil {
			return err
		}
		reactions := decide(touched)
		var changes []StateChange
		needed = 0
		for _, r := range reactions {
			if r.State != nil {
				changes = append(changes, *r.State)
			}
			needed += len(r.Enrol)
		}
		if int64(needed) > reserved.n {
			return errRoom
		}
		if err := s.saveStates(ctx, q, changes); err != nil {
			return err
		}
		if err := s.saveMemberships(ctx, q, reactions, now); err != nil {
			return err
		}
		var told []contacts.Event
		var predicted []Prediction
		var of []int64
		for _, r := range reactions {
			told = append(told, r.Tell...)
			if r.Predict != nil {
				predicted, of = append(predicted, *r.Predict), append(of, int64(r.Contact))
			}
		}
		known, err := s.predicted(ctx, q, of)
		if err != nil {
			return err
		}
		if err := s.savePredictions(ctx, q, predicted, known, now); err != nil {
			return err
		}
		if err := s.tell(ctx, q, told, now); err != nil {
			return err
		}
		if err := s.saveReactedEnrolments(ctx, q, reactions, now); err != nil {
			return err
		}
		return s.insertReactedEnrolments(ctx, q, reactions, now, reserved.again())
	})
	if err != nil && len(rows) > 0 && !errors.Is(err, errRoom) && !errors.Is(err, ErrStale) {
		err = &TurnError{rows, err}
	}
	return n, needed, err
}

func (s *Store) saveMemberships(ctx context.Context, q querier, reactions []Reaction, now time.Time) error {
	var in, out []string
	var inID, outID []contacts.ID
	for _, r := range reactions {
		for _, name := range r.Enter {
			in, inID = append(in, name), append(inID, r.Contact)
		}
		for _, name := range r.Leave {
			out, outID = append(out, name), append(outID, r.Contact)
		}
	}
	if len(in) > 0 {
		b := s.statement()
		entered := b.arg(ms(now))
		from := b.table("r", texts("segment", in), bigints("contact_id", inID))
		if _, err := q.exec(ctx, `insert into memberships (segment, contact_id, entered_at)
			select r.segment, r.contact_id, cast(`+entered+` as bigint) from `+from+` where true on conflict do nothing`, b.args...); err != nil {
			return err
		}
	}
	if len(out) > 0 {
		b := s.statement()
		from := b.table("r", texts("segment", out), bigints("contact_id", outID))
		if _, err := q.exec(ctx, `delete from memberships where (segment, contact_id) in (select r.segment, r.contact_id from `+from+`)`, b.args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) saveReactedEnrolments(ctx context.Context, q querier, reactions []Reaction, now time.Time) error {
	var wakes, restarts, converted, convertedAt []int64
	var values []float64
	for _, r := range reactions {
		wakes = append(wakes, r.Wake...)
		restarts = append(restarts, r.Restart...)
		for _, id := range sortedKeys(r.Convert) {
			converted, convertedAt = append(converted, id), append(convertedAt, ms(r.Convert[id].At))
			values = append(values, r.Convert[id].Value)
		}
	}
	if len(wakes) > 0 {
		b := s.statement()
		if _, err := q.exec(ctx, `update enrolments set due_at = `+b.arg(ms(now))+`, rev = rev + 1 where `+b.in("id", wakes)+` and state in ('active', 'parked')`, b.args...); err != nil {
			return err
		}
	}
	if len(restarts) > 0 {
		b := s.statement()
		if _, err := q.exec(ctx, `update enrolments set state = 'exited', reason = 'restarted', due_at = null, rev = rev + 1, ended_at = `+b.arg(ms(now))+
			` where `+b.in("id", restarts)+` and ended_at is null`, b.args...); err != nil {
			return err
		}
	}
	if len(converted) > 0 {
		b := s.statement()
		from := b.table("r", bigints("id", converted), bigints("converted_at", convertedAt), floats("value", values))
		if _, err := q.exec(ctx, `update enrolments set converted_at = r.converted_at, value = r.value, rev = rev + 1 from `+from+
			` where enrolments.id = r.id and enrolments.converted_at is null`, b.args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) insertReactedEnrolments(ctx context.Context, q querier, reactions []Reaction, now time.Time, next func() int64) error {
	var id, campaign, contact, version, started, due, goal []int64
	var state, data []string
	var once []bool
	var refusedBy []int64
	var refused []contacts.ID
	var reasons []string
	for _, r := range reactions {
		for _, e := range r.Enrol {
			id, campaign, contact, version = append(id, next()), append(campaign, e.Campaign), append(contact, int64(r.Contact)), append(version, e.Version)
			started, data, once = append(started, ms(e.StartedAt)), append(data, jsonText(enrolmentData{Origin: e.Origin})), append(once, e.Once)
			till := int64(0)
			if e.HasGoal {
				till = ms(e.GoalTill)
			}
			goal = append(goal, till)
			if e.Control {
				state, due = append(state, "control"), append(due, till)
			} else {
				state, due = append(state, "active"), append(due, ms(now))
			}
		}
		for _, f := range r.Refuse {
			refusedBy, refused, reasons = append(refusedBy, f.Campaign), append(refused, r.Contact), append(reasons, f.Reason)
		}
	}
	if len(id) > 0 {
		b := s.statement()
		from := b.table("r", bigints("id", id), bigints("campaign_id", campaign), bigints("contact_id", contact), bigints("version_id", version),
			bigints("started_at", started), texts("state", state), nullable("due_at", due), texts("data", data), nullable("goal_until", goal), bools("once", once))
		// A firing may have enrolled the contact since the facts were read, and ended it.
		if _, err := q.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, due_at, data, goal_until, run)
			select r.id, r.campaign_id, r.contact_id, r.version_id, r.started_at, r.state, r.due_at, `+b.json("r.data")+`, r.goal_until,
				coalesce((select max(e.run) + 1 from enrolments e where e.contact_id = r.contact_id and e.campaign_id = r.campaign_id), 0)
			from `+from+` where not exists (select 1 from enrolments e where e.contact_id = r.contact_id and e.campaign_id = r.campaign_id and (e.ended_at is null or r.once))
			on conflict `+runsOnce+` do nothing`, b.args...); err != nil {
			return err
		}
	}
	if len(refused) > 0 {
		b := s.statement()
		when := b.arg(ms(now))
		from := b.table("r", bigints("campaign_id", refusedBy), bigints("contact_id", refused), texts("reason", reasons))
		if _, err := q.exec(ctx, `insert into refusals (campaign_id, contact_id, reason, first_at, last_at)
			select r.campaign_id, r.contact_id, r.reason, cast(`+when+` as bigint), cast(`+when+` as bigint) from `+from+` where true
			on conflict (campaign_id, contact_id, reason) do update set last_at = excluded.last_at, times = refusals.times + 1`, b.args...); err != nil {
			return err
		}
	}
	return nil
}
