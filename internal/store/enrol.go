package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/segments"
)

// EnrolInput is a campaign's audience at one firing.
type EnrolInput struct {
	Firing  FiringKey
	Owner   string
	Version int64
	// Now is the moment of the firing: conditions are asked of it, however
	// late the rows are written.
	Now       time.Time
	LeaseTill time.Time
	// Written is when the rows are written; their ids begin with that second and
	// not with the firing's, which may have more contacts than a second has ids.
	// Zero means Now.
	Written time.Time

	Audience *segments.Condition            // nil means everybody
	Exclude  map[string]*segments.Condition // by segment name
	Control  string                         // salt of the bucket, see campaigns.ControlSalt
	Share    float64                        // held out, 0 to 1
	Apart    float64                        // held out of everything, 0 to 1
	Topic    string                         // whose consent is needed; "" for transactional mail
	Reentry  campaigns.ReentryMode
	Before   time.Time // with ReentryAfter: the latest start that no longer counts
	GoalTill time.Time // zero: without a goal, or without limit
	HasGoal  bool

	Exit []*segments.Condition // any of them ends an enrolment

	// Listens says that what is new of a contact can move an enrolment of it: see
	// campaigns.Definition.
	Listens bool

	// Limited says that limits per contact hold the campaign's mail back; mail from
	// before CountsSince counts for none of them.
	Limited     bool
	CountsSince time.Time

	SQL segments.SQL // how conditions are compiled

	// Ahead keeps who is still to come between the chunks of one firing. Nil:
	// each chunk looks for itself.
	Ahead *Audience

	// Step is asked about each new enrolment at once, in the transaction that
	// writes it: most go to their first message, and are written once and not
	// twice. Nil leaves them due.
	Step *Step

	crowded bool // others enrol the same contacts at the same time
}

// EnrolResult is what one transaction of a firing did.
type EnrolResult struct {
	Enrolled int64
	Refused  int64
	Done     bool    // the audience has been gone through
	Ready    []Batch // of first messages, to put on the queue now that they are durable
}

// ErrLost says that another scheduler owns the firing now.
var ErrLost = errors.New("another scheduler has taken this firing over")

// EnrolChunk enrols the next up to limit contacts of a firing's audience in one
// transaction, or a few times as many where it goes straight, and moves the firing's
// cursor with them. Who is in the audience was
// asked before; whether they may be mailed and may come (again) is decided here,
// and who may not be mailed is recorded with the reason.
func (s *Store) EnrolChunk(ctx context.Context, in EnrolInput, limit int) (EnrolResult, error) {
	if in.Ahead == nil {
		in.Ahead = &Audience{limit: limit}
	}
	result, err := s.enrolChunk(ctx, in, limit)
	if errors.Is(err, errMoved) { // somebody else had the firing in between
		in.Ahead.looked = false
		result, err = s.enrolChunk(ctx, in, limit)
	}
	if isTaken(err, "enrolments_once") {
		in.crowded = true
		result, err = s.enrolChunk(ctx, in, limit)
	}
	if poisoned(err) && in.Step != nil {
		// One first step that the database refuses must not hold up a whole firing:
		// they come in without theirs, and StepDue finds the one.
		in.Step = nil
		result, err = s.enrolChunk(ctx, in, limit)
	}
	if err != nil {
		return EnrolResult{}, fmt.Errorf("cannot enrol: %w", err)
	}
	return result, nil
}

// errMoved says that a firing's cursor is not where its audience was looked for.
var errMoved = errors.New("the firing has gone on")

func (s *Store) enrolChunk(ctx context.Context, in EnrolInput, limit int) (result EnrolResult, err error) {
	if err := s.lookAhead(ctx, in); err != nil {
		return result, err
	}
	size := limit
	if in.Ahead.straight {
		size *= straightTimes
	}
	people, last := in.Ahead.next(size)
	written := in.Written
	if written.IsZero() {
		written = in.Now
	}
	reserved, err := s.ids(ctx, in.idsFor(len(people)), written)
	if err != nil {
		return result, err
	}
	alone := 0
	err = s.db.write(ctx, func(q querier) error {
		in := in // as it stands in this transaction
		result = EnrolResult{Done: last}
		// Asked first: to wait for somebody who stops the campaign must not keep
		// news of all the others waiting.
		if in.Step, err = s.stepping(ctx, q, in); err != nil {
			return err
		}
		if err := s.quiet(ctx, q); err != nil {
			return err
		}
		cursor, found, err := s.cursorOf(ctx, q, in, "for update")
		switch {
		case err != nil:
			return err
		case !found:
			return ErrLost
		case cursor != in.Ahead.after:
			return errMoved
		}
		next := reserved.again()
		straight, ready, rest, err := s.straight(ctx, q, in, people, written, next)
		if err != nil {
			return err
		}
		if len(rest) == len(people) && len(people) > limit { // the short way has closed
			people, rest, last = people[:limit], rest[:limit], false
			result.Done = false
		}
		alone = len(rest)
		come, refused, err := s.admit(ctx, q, in, rest)
		if err != nil {
			return err
		}
		in.Ahead.meet(come)
		if in.Reentry == campaigns.ReentryRestart {
			if err := s.endForRestart(ctx, q, in, come); err != nil {
				return err
			}
		}
		if result.Enrolled, result.Ready, err = s.begin(ctx, q, in, come, written, next); err != nil {
			return err
		}
		result.Enrolled, result.Ready = result.Enrolled+straight, append(ready, result.Ready...)
		if err = s.insertRefusals(ctx, q, in, refused); err != nil {
			return err
		}
		result.Refused = int64(len(refused))
		if err = s.catchUp(ctx, q, in, enrolledOf(people, rest, come), written); err != nil {
			return err
		}
		return s.moveCursor(ctx, q, in, people, result)
	})
	if err == nil {
		in.Ahead.straight = straightTimes*alone <= len(people)
		in.Ahead.take(len(people))
	}
	return result, err
}

// cursorOf is how far a firing has come, where this owner runs it.
func (s *Store) cursorOf(ctx context.Context, q querier, in EnrolInput, lock string) (cursor int64, found bool, err error) {
	b := s.statement()
	text := `select cursor from firings where campaign_id = ` + b.arg(in.Firing.Campaign) + ` and start_key = ` + b.arg(in.Firing.Start) +
		` and wall = ` + b.arg(in.Firing.Wall) + ` and owner = ` + b.arg(in.Owner) + ` and state = 'running'`
	if lock != "" {
		text += b.lock(lock)
	}
	found, err = one(ctx, q, text, b.args, &cursor)
	return cursor, found, err
}

func (s *Store) moveCursor(ctx context.Context, q querier, in EnrolInput, people []applicant, result EnrolResult) error {
	cursor := in.Ahead.after
	if len(people) > 0 {
		cursor = people[len(people)-1].id
	}
	b := s.statement()
	text := `update firings set cursor = ` + b.arg(cursor) + `, enrolled = enrolled + ` + b.arg(result.Enrolled) +
		`, refused = refused + ` + b.arg(result.Refused) + `, lease_until = ` + b.greatest("lease_until", b.arg(ms(in.LeaseTill)))
	if result.Done {
		text += `, state = 'done', ended_at = ` + b.arg(ms(in.Now))
	}
	text += ` where campaign_id = ` + b.arg(in.Firing.Campaign) + ` and start_key = ` + b.arg(in.Firing.Start) + ` and wall = ` + b.arg(in.Firing.Wall)
	_, err := q.exec(ctx, text, b.args...)
	return err
}

// refused is a contact who may not be mailed, and why.
type refused struct {
	id     int64
	reason string
}

// admitted is a contact who may come, for the how manieth time.
type admitted struct {
	contacts.Contact
	run int64 // from 0
}

// admit looks at each contact as it is now, and once: whether it may come (again),
// and whether it may be mailed. Who may not come is in neither list.
func (s *Store) admit(ctx context.Context, q querier, in EnrolInput, people []applicant) (come []admitted, out []refused, err error) {
	ids, excluded := make([]int64, len(people)), map[int64]string{}
	names := sortedKeys(in.Exclude)
	for i, p := range people {
		ids[i] = p.id
		if p.excluded > 0 {
			excluded[p.id] = names[p.excluded-1]
		}
	}
	if len(ids) == 0 {
		return nil, nil, nil
	}
	b := s.statement()
	// The part of the contacts that this is about stands in each table's
	// condition, or the whole table may be read for every chunk.
	part := span{ids[0] - 1, ids[len(ids)-1]}
	agreed := "true"
	if in.Topic != "" {
		agreed = in.agreed(b, part)
	}
	heldOut := "false" // and running: the control group stays, whoever restarts
	if in.Reentry == campaigns.ReentryRestart {
		heldOut = in.before(b, part, "e.state = 'control' and e.ended_at is null")
	}
	last := `(select max(e.run) from enrolments e where e.contact_id = c.id and ` + part.of("e.contact_id") + ` and e.campaign_id = ` + b.arg(in.Firing.Campaign) + `)`
	err = each(ctx, q, `select `+agreed+`, `+last+`, `+in.held(b, part)+`, `+heldOut+`, `+contactColumns(b)+` from contacts c where not c.erased and `+b.in("c.id", ids)+` order by c.id`, b.args,
		func(scan func(...any) error) error {
			var agreed, held, heldOut bool
			var last *int64
			c, err := scanContact(scan, &agreed, &last, &held, &heldOut)
			if err != nil || heldOut {
				return err
			}
			a := admitted{Contact: c}
			if last != nil {
				a.run = *last + 1
				held = held || in.Reentry == campaigns.ReentryNever || in.Reentry == ""
			}
			reason := ""
			switch segment := excluded[int64(c.ID)]; {
			case c.Suppression != nil && (in.Topic != "" || c.Suppression.Reason != contacts.ReasonUnsubscribedAll):
				reason = "suppressed: " + c.Suppression.Reason
			case !agreed:
				reason = "no consent to " + in.Topic
			case segment != "":
				reason = "excluded: in segment " + segment
			case campaigns.IsApart(c.Seed, in.Apart):
				reason = campaigns.ReasonApart
			}
			switch {
			case held && (reason != "" || in.Reentry != campaigns.ReentryRestart):
			case reason != "":
				out = append(out, refused{int64(c.ID), reason})
			default:
				come = append(come, a)
			}
			return nil
		})
	return come, out, err
}

// agreed is true for contacts c of a part with consent to the topic.
func (in *EnrolInput) agreed(b *statement, part span) string {
	return `exists (select 1 from consents k where k.contact_id = c.id and ` + part.of("k.contact_id") +
		` and k.state = 'given' and k.topic = ` + b.arg(in.Topic) + `)`
}

// held is true for contacts c of a part who were there before and may not come
// (again) yet. With reentry never, whoever was there before may not.
func (in *EnrolInput) held(b *statement, part span) string {
	switch in.Reentry {
	case campaigns.ReentryAlways, campaigns.ReentryRestart:
		return in.before(b, part, "e.ended_at is null")
	case campaigns.ReentryAfter:
		return in.before(b, part, "(e.ended_at is null or e.started_at > "+b.arg(ms(in.Before))+")")
	}
	return "false"
}

// before is true for contacts c of a part with an enrolment e in this campaign for
// which a condition holds.
func (in *EnrolInput) before(b *statement, part span, condition string) string {
	return `exists (select 1 from enrolments e where e.contact_id = c.id and ` + part.of("e.contact_id") + ` and e.campaign_id = ` + b.arg(in.Firing.Campaign) + ` and ` + condition + `)`
}

func (s *Store) insertRefusals(ctx context.Context, q querier, in EnrolInput, list []refused) error {
	n := len(list)
	campaign, contact, when, reason := make([]int64, n), make([]int64, n), make([]int64, n), make([]string, n)
	for i, r := range list {
		campaign[i], contact[i], reason[i], when[i] = in.Firing.Campaign, r.id, r.reason, ms(in.Now)
	}
	_, err := s.insertRows(ctx, q, "refusals", "on conflict (campaign_id, contact_id, reason) do update set last_at = excluded.last_at, times = refusals.times + 1",
		bigints("campaign_id", campaign), bigints("contact_id", contact), texts("reason", reason), bigints("first_at", when), bigints("last_at", when))
	return err
}

// endForRestart ends what still runs for those who start again. A contact of the
// control group stays in it.
func (s *Store) endForRestart(ctx context.Context, q querier, in EnrolInput, come []admitted) error {
	ids, runs := make([]int64, len(come)), make([]int64, len(come))
	for i, c := range come {
		ids[i], runs[i] = int64(c.ID), c.run
	}
	b := s.statement()
	// Only what was seen to run: who came in since is what these come after.
	_, err := q.exec(ctx, `update enrolments set state = 'exited', reason = 'restarted', due_at = null, rev = enrolments.rev + 1, ended_at = `+b.arg(ms(in.Now))+
		` from `+b.table("r", bigints("contact_id", ids), bigints("run", runs))+` where enrolments.contact_id = r.contact_id and enrolments.campaign_id = `+b.arg(in.Firing.Campaign)+
		` and enrolments.run < r.run and enrolments.ended_at is null and enrolments.state <> 'control'`, b.args...)
	return err
}
