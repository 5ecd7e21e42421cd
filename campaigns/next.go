package campaigns

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Next runs an enrolment on from where it stands until it parks on a send,
// waits, or ends. It is a pure function: the same input gives the same
// decision, and nothing happens until somebody applies it.
//
// Every step is preceded by a look at the exits. A step is never run a second
// time: a send whose outcome is known is passed over. An enrolment that has
// ended comes back as it is.
func Next(in Input) Decision {
	r := newRun(in)
	switch r.e.State {
	case Control:
		r.closeControl()
	case Active, Parked:
		r.walk()
	}
	return r.out()
}

// run is one call of Next.
type run struct {
	in   Input
	cur  *Definition
	ix   *index
	e    Enrolment
	d    Decision
	zone *time.Location // in which days are counted
	own  bool           // the facts are a copy of our own, for `set`
	// clear says that the exits were looked at and nothing has changed since.
	clear bool
}

func newRun(in Input) *run {
	r := &run{in: in, cur: in.current(), ix: in.Pinned.flow(), e: in.Enrolment}
	r.zone = r.cur.Zone(&in.Question.Facts.Contact, in.Zone)
	r.e.Arms, r.e.Took = maps.Clone(in.Enrolment.Arms), maps.Clone(in.Enrolment.Took)
	if r.e.WaitSince.IsZero() {
		r.e.WaitSince = r.e.StartedAt
	}
	return r
}

func (in *Input) current() *Definition {
	if in.Current != nil {
		return in.Current
	}
	return in.Pinned
}

func (r *run) out() Decision {
	r.d.Enrolment = r.e
	return r.d
}

func (r *run) trace(step, what, why string) {
	r.d.Trace = append(r.d.Trace, Trace{Step: step, What: what, Why: why})
}

// walk goes from step to step. It ends because the flow has no way back.
func (r *run) walk() {
	at, ok := r.ix.find(r.e.Position)
	if !ok {
		r.exit(fmt.Sprintf("its step %q is not in the version that it runs", r.e.Position))
		return
	}
	r.e.Position = r.ix.id(at)
	if r.e.State == Parked {
		if at, ok = r.unpark(at); !ok {
			return
		}
	}
	for {
		if at == ended {
			r.finish() // there is no step before which to look at the exits
			return
		}
		if reason, leave := r.exits(); leave {
			r.exit(reason)
			return
		}
		next, since, going := r.step(&r.ix.nodes[at])
		if !going {
			return
		}
		at = next
		r.arrive(at, since)
	}
}

// arrive moves the enrolment to a place in the flow; waits there count from since.
func (r *run) arrive(at int, since time.Time) {
	r.e.Position = r.ix.id(at)
	r.e.WaitSince = since
	r.e.WaitUntil = time.Time{}
}

// unpark looks for the outcome of the message that the enrolment is parked
// for, and goes on from the moment of that outcome.
func (r *run) unpark(at int) (int, bool) {
	n := &r.ix.nodes[at]
	if n.step.Kind != StepSend {
		r.e.State = Active
		return at, true
	}
	message := ident.Message(r.e.ID, n.step.Number)
	o, ok := r.outcome(message)
	if !ok {
		if reason, leave := r.exits(); leave {
			r.d.Withdraw = message
			r.exit(reason)
			return at, false
		}
		r.e.DueAt = time.Time{}
		return at, false
	}
	r.e.State = Active
	r.trace(n.step.ID, string(o.State), o.Reason)
	r.arrive(n.next, o.At)
	return n.next, true
}

func (r *run) outcome(message int64) (Outcome, bool) {
	for _, o := range r.in.Outcomes {
		if o.Message == message && o.State.Settled() {
			return o, true
		}
	}
	return Outcome{}, false
}

// lookAgain is how soon an enrolment that parks for a message which is there
// already looks for its outcome: it may have come a moment before.
const lookAgain = time.Minute

// underWay reports whether a message is queued or being sent.
func (r *run) underWay(message int64) bool {
	for _, o := range r.in.Outcomes {
		if o.Message == message && !o.State.Settled() {
			return true
		}
	}
	return false
}

// step runs one step. It returns where to go on and since when waits count
// there; going is false when the enrolment stands still or has ended.
func (r *run) step(n *node) (next int, since time.Time, going bool) {
	s, since := n.step, r.e.WaitSince
	switch s.Kind {
	case StepSend:
		return r.send(n)
	case StepWait:
		return r.wait(n)
	case StepWaitFor:
		return r.waitFor(n)
	case StepIf:
		way := 1
		if s.If.When.Match(r.question()) {
			way = 0
		}
		r.trace(s.ID, [...]string{"took then", "took else"}[way], s.If.When.String())
		return n.lists[way], since, true
	case StepBranch:
		return r.branch(n), since, true
	case StepSplit:
		return r.split(n), since, true
	case StepSet:
		r.set(s)
		return n.next, since, true
	case StepAward:
		r.award(s)
		return n.next, since, true
	case StepNotify:
		r.d.Notices = append(r.d.Notices, Noticed{s.ID, *s.Notify})
		r.trace(s.ID, "notified", s.Notify.Webhook)
		return n.next, since, true
	case StepExit:
		r.exit(s.Exit)
		return 0, since, false
	}
	panic("a step of kind " + string(s.Kind) + " was decoded, and nobody runs it")
}

func (r *run) send(n *node) (int, time.Time, bool) {
	s, e := n.step, &r.e
	message := ident.Message(e.ID, s.Number)
	if s.Number < 1 || s.Number > MaxSends {
		r.exit(fmt.Sprintf("step %s has no number in the campaign's registry: apply the workspace again", s.ID))
		return 0, time.Time{}, false
	}
	if o, ok := r.outcome(message); ok {
		since := e.WaitSince
		if o.At.After(since) {
			since = o.At
		}
		r.trace(s.ID, "passed", "this step has been sent for before: "+string(o.State))
		return n.next, since, true
	}
	if r.underWay(message) {
		// It was moved away from this step and back: the message is there. Until
		// its outcome is looked for once more nobody may be waiting to be woken.
		e.State, e.DueAt, r.d.ParkedFor = Parked, r.in.Now.Add(lookAgain), message
		r.trace(s.ID, "waits", "its message is on its way already")
		return 0, time.Time{}, false
	}
	permit := r.cur.Permit(r.in.Permit, &r.in.Question.Facts.Contact, r.in.Zone)
	notBefore, hold := permit.Allowed(r.in.Now)
	expires, timing := r.cur.Expires(permit, r.in.Now), hold
	switch {
	case notBefore.IsZero():
		// Nothing will ever let it go: it waits, and expires with that reason.
		notBefore = expires
	case r.cur.Deliver.SendTime == BestTime:
		f, moved := r.in.Question.Facts, false
		if notBefore, timing, moved = bestTime(permit, &f.Contact, f.Clicks, notBefore, expires, r.in.Now); moved {
			hold = timing
		}
	}
	r.d.Message = &NewMessage{
		ID: message, StepID: s.ID, Number: s.Number,
		Template: s.Send.Template, Subject: s.Send.Subject, Priority: r.cur.Priority,
		NotBefore: notBefore, Hold: hold, Expires: expires,
	}
	e.State = Parked
	e.DueAt = time.Time{}
	r.trace(s.ID, "planned", timing)
	return 0, time.Time{}, false
}

func (r *run) branch(n *node) int {
	for i, c := range n.step.Branch {
		if c.When == nil {
			r.trace(n.step.ID, "took else", "")
			return n.lists[i]
		}
		if c.When.Match(r.question()) {
			r.trace(n.step.ID, fmt.Sprintf("took %d", i+1), c.When.String())
			return n.lists[i]
		}
	}
	r.trace(n.step.ID, "passed", "no case holds")
	return n.next
}

// split follows the arm the enrolment was given. Without one it takes the winner,
// where one was called, or the hash gives it by the weights; it is written down,
// so that changed weights and winners move nobody.
func (r *run) split(n *node) int {
	s := n.step.Split
	if len(s.Arms) == 0 {
		return n.next
	}
	for i, a := range s.Arms {
		if given, ok := r.e.Arms[s.Name]; ok && given == a.Name {
			r.trace(n.step.ID, "took "+a.Name, "given before")
			return n.lists[i]
		}
	}
	chosen, why := s.arm(r.in.Pinned.Name, r.in.Question.Facts.Contact.Seed), "by weight"
	for i := range s.Arms {
		if won, ok := r.in.Won[s.Name]; ok && s.Arms[i].Name == won {
			chosen, why = &s.Arms[i], "it has won"
		}
	}
	if r.e.Arms == nil {
		r.e.Arms = map[string]string{}
	}
	if r.e.Took == nil {
		r.e.Took = map[string]int64{}
	}
	r.e.Arms[s.Name], r.e.Took[s.Name] = chosen.Name, r.in.Now.UnixMilli()
	r.trace(n.step.ID, "took "+chosen.Name, why)
	for i := range s.Arms {
		if &s.Arms[i] == chosen {
			return n.lists[i]
		}
	}
	return n.next
}

// set writes fields, and lets the steps after it see them.
func (r *run) set(s *Step) {
	if r.d.Set == nil {
		r.d.Set = map[string]any{}
	}
	r.ownFacts()
	for field, value := range s.Set {
		r.d.Set[field] = value
		assign(&r.in.Question.Facts.Contact, field, value)
	}
	r.clear = false
	r.trace(s.ID, "set", "")
}

// award gives points, and lets the steps after it see them.
func (r *run) award(s *Step) {
	r.d.Awards = append(r.d.Awards, Awarded{s.ID, *s.Award})
	r.ownFacts()
	r.in.Question.Facts.AddPoints(s.Award.Points)
	r.clear = false
	r.trace(s.ID, "awarded", fmt.Sprintf("%d points", s.Award.Points))
}

// ownFacts makes the facts a copy of our own, which steps may change.
func (r *run) ownFacts() {
	if r.own {
		return
	}
	facts := *r.in.Question.Facts
	facts.Contact.Attributes = maps.Clone(facts.Contact.Attributes)
	if facts.Contact.Attributes == nil {
		facts.Contact.Attributes = map[string]any{}
	}
	facts.Scores = slices.Clone(facts.Scores)
	r.in.Question.Facts = &facts
	r.own = true
}

func (r *run) exit(reason string) {
	r.e.State = Exited
	r.e.Reason = reason
	r.end()
	r.trace("", "exited", reason)
}

func (r *run) finish() {
	r.e.State = Finished
	r.e.Position = End
	r.end()
	r.trace("", "finished", "")
}

func (r *run) end() {
	r.e.EndedAt = r.in.Now
	r.e.DueAt = time.Time{}
	r.e.WaitUntil = time.Time{}
}

// closeControl ends the watch over a held-out contact when the goal's window
// has ended; no step runs.
func (r *run) closeControl() {
	closes := r.cur.GoalEnd(&r.e, r.zone)
	switch {
	case !r.e.EndedAt.IsZero():
		return
	case r.in.Now.Before(closes):
		r.e.DueAt = closes
		return
	}
	r.e.EndedAt = closes
	r.e.DueAt = time.Time{}
	r.trace("", "closed", "control: the goal's window has ended")
}

// Begin is the enrolment of a contact who was admitted. id has its low ten
// bits zero. The result is due at once.
func Begin(id int64, contact contacts.ID, verdict Verdict, now time.Time) Enrolment {
	e := Enrolment{ID: id, Contact: contact, State: Active, StartedAt: now, DueAt: now, WaitSince: now}
	if verdict == HeldOut {
		e.State = Control
	}
	return e
}
