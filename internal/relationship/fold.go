package relationship

import (
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Fold computes where a contact stands at now, from the beginning. It is a
// pure function: f is not changed, its events may come in any order and more
// than once, and what lies after now is not seen.
//
// A rung is held at t if its `when` was true at some moment e until t and its
// `keep` has held from e on. The rules are asked at every event and at every
// moment at which time alone can change an answer; in between nothing can
// happen. Events that no rule looks at are passed over: Needs says which facts
// are enough. zone is the company's.
//
// A contact that contacts.EventPlaced has placed holds the rung it names, and all
// below, as if `when` had been true; without `keep` until that is true for the
// first time; and has the health it names until the next purchase.
func Fold(def *Definition, f *contacts.Facts, now time.Time, zone *time.Location, segs segments.Set) State {
	c := newClimb(def, f, now, zone, segs)
	c.begin()
	for _, m := range c.moments {
		c.until(m.at)
		c.happen(m)
	}
	c.until(now.Add(1))
	return c.finish()
}

// climb is one contact on its way through time.
type climb struct {
	def     *Definition
	now     time.Time
	moments []moment
	later   time.Time // the first event after now, if any

	facts  contacts.Facts // what is known so far
	q      segments.Question
	rungs  []rung
	states []*watched
	bought time.Time // the first purchase; zero before it
	scores *tallies  // nil: there are none
	given  string    // the health that the contact was placed with; "" without

	// below[i] is where the contact stands on the ladder without rung i and
	// all above it; the last entry is where it stands.
	below []standing
	state State
	soon  time.Time // the next moment at which time alone can change an answer
}

// rung is the state of one rung of the ladder.
type rung struct {
	held       bool
	placed     bool     // held without `keep`, until that is true for the first time
	when, keep *watched // nil where the definition has none
}

// standing is a place on the ladder and since when.
type standing struct {
	at    int // rung
	since time.Time
}

func newClimb(def *Definition, f *contacts.Facts, now time.Time, zone *time.Location, segs segments.Set) *climb {
	c := &climb{def: def, now: now}
	h := order(f, now, def.looks)
	c.moments, c.later = h.moments, h.later
	c.facts = contacts.Facts{Contact: h.contact}
	c.facts.Events = h.events[:0:len(h.events)]
	c.facts.Consents = h.consents[:0:len(h.consents)]
	c.scores = newTallies(def, &c.facts)
	c.q = segments.Question{Facts: &c.facts, Segments: segs, Zone: zone, Ladder: def.looks.stages, Scoring: def.looks.scoring}
	watch := def.looks.watcher()
	c.rungs = make([]rung, len(def.Ladder))
	for i := range def.Ladder {
		c.rungs[i] = rung{when: watch(def.Ladder[i].When), keep: watch(def.Ladder[i].Keep)}
	}
	c.states = make([]*watched, len(def.Health.States))
	for i := range def.Health.States {
		c.states[i] = watch(def.Health.States[i].When)
	}
	c.below = make([]standing, len(c.rungs)+1)
	return c
}

// begin finds where the contact stood before anything happened.
func (c *climb) begin() {
	start := c.facts.Contact.CreatedAt
	if len(c.moments) > 0 && (start.IsZero() || c.moments[0].at.Before(start)) {
		start = c.moments[0].at
	}
	if start.IsZero() || start.After(c.now) {
		start = c.now
	}
	for i := range c.below {
		c.below[i].since = start
	}
	c.judge(start)
	c.state.Stage, c.state.StageSince = c.stage(len(c.rungs))
	c.state.Health, _ = c.health(start)
	c.state.HealthSince = start
}

// until lets time pass up to, but not including, t.
func (c *climb) until(t time.Time) {
	for !c.soon.IsZero() && c.soon.Before(t) {
		c.rescore(c.scores.pass(c.soon))
		c.record(c.soon, nil)
	}
}

// happen takes in what happened at one moment.
func (c *climb) happen(m moment) {
	m.apply(&c.facts)
	if m.event != nil && m.event.Name == c.def.Health.Purchase && c.bought.IsZero() {
		c.bought = m.at
		if c.given != "" && c.given != HealthNone { // it is not the first of this life
			c.bought = m.at.Add(-c.def.Health.New.Fixed())
		}
		c.given = ""
	}
	if m.event != nil && m.event.Name == contacts.EventPlaced {
		c.place(m.event)
	}
	c.each(func(w *watched) { w.touch(m) })
	c.rescore(c.scores.pass(m.at))
	c.rescore(c.scores.happen(m.event))
	c.record(m.at, m.event)
}

// each visits the rules.
func (c *climb) each(do func(*watched)) {
	for i := range c.rungs {
		do(c.rungs[i].when)
		do(c.rungs[i].keep)
	}
	for _, s := range c.states {
		do(s)
	}
}

// rescore has rules asked again that depend on a score that has moved.
func (c *climb) rescore(moved bool) {
	if moved {
		c.each((*watched).rescore)
	}
}

// place gives the contact the stage and the health of an event.
func (c *climb) place(e *contacts.Event) {
	stage, _ := e.Properties["stage"].(string)
	for i := slices.Index(c.def.looks.stages, stage); i >= 0; i-- {
		c.rungs[i].held, c.rungs[i].placed = true, true
	}
	if c.bought.IsZero() {
		c.given, _ = e.Properties["health"].(string)
	}
}

// record asks all rules at t and writes down what has changed.
func (c *climb) record(t time.Time, cause *contacts.Event) {
	before := c.below[len(c.rungs)].at
	c.judge(t)
	if after := c.below[len(c.rungs)].at; after != before {
		rule := c.stageRule(before, after)
		if after > before && cause != nil && cause.Name == contacts.EventPlaced {
			rule = placedRule
		}
		c.change(KindStage, c.state.Stage, c.def.Ladder[after].Stage, rule, t, cause)
		c.state.Stage, c.state.StageSince = c.stage(len(c.rungs))
	}
	if health, rule := c.health(t); health != c.state.Health {
		c.change(KindHealth, c.state.Health, health, rule, t, cause)
		c.state.Health, c.state.HealthSince = health, t
	}
}

// judge goes up the ladder at t. soon becomes the next moment at which one of
// the answers that count can change by itself.
func (c *climb) judge(t time.Time) {
	c.q.Now, c.soon = t, c.scores.next()
	for i := range c.rungs {
		r := &c.rungs[i]
		contact := &c.facts.Contact
		contact.Stage, contact.StageSince = c.stage(i)
		switch {
		case r.when == nil && r.keep == nil:
			r.held = true
		case r.held && r.keep != nil:
			r.held = c.ask(r.keep)
			r.placed, r.held = r.placed && !r.held, r.held || r.placed
		case !r.held:
			r.held = (r.when == nil || c.ask(r.when)) && (r.keep == nil || c.ask(r.keep))
		}
		above := c.below[i].at
		if r.held {
			above = i
		}
		if c.below[i+1].at != above {
			c.below[i+1] = standing{above, t}
		}
	}
}

// stage is where the contact stands without rung n and all above it.
func (c *climb) stage(n int) (string, time.Time) {
	if len(c.rungs) == 0 || n == 0 {
		return "", c.below[0].since
	}
	s := c.below[n]
	return c.def.Ladder[s.at].Stage, s.since
}

// ask answers a rule now and notes when the answer can change.
func (c *climb) ask(w *watched) bool {
	holds := w.ask(&c.q)
	c.note(w.change)
	return holds
}

func (c *climb) note(t time.Time) {
	if !t.IsZero() && (c.soon.IsZero() || t.Before(c.soon)) {
		c.soon = t
	}
}

// health is the state of health at t and the rule that gave it.
func (c *climb) health(t time.Time) (name, rule string) {
	contact := &c.facts.Contact
	contact.Stage, contact.StageSince = c.stage(len(c.rungs))
	contact.Health, contact.HealthSince = c.state.Health, c.state.HealthSince
	if c.bought.IsZero() {
		if c.given != "" {
			return c.given, placedRule
		}
		return HealthNone, "no purchase"
	}
	for i, s := range c.states {
		if s != nil && c.ask(s) {
			state := &c.def.Health.States[i]
			return state.Health, "when " + state.When.String()
		}
	}
	if end := c.bought.Add(c.def.Health.New.Fixed()); t.Before(end) {
		c.note(end)
		return HealthNew, "within " + c.def.Health.New.String() + " of the first purchase"
	}
	return HealthActive, "no other state holds"
}

// placedRule is the rule of who was placed.
const placedRule = "placed there"

// stageRule says by which rule the stage moved.
func (c *climb) stageRule(before, after int) string {
	if after > before {
		if c.def.Ladder[after].When == nil {
			return "everybody"
		}
		return "when " + c.def.Ladder[after].When.String()
	}
	return "keep " + c.def.Ladder[before].Keep.String() + " no longer holds"
}

func (c *climb) change(kind, from, to, rule string, at time.Time, cause *contacts.Event) {
	change := contacts.StageChange{
		Contact: c.facts.Contact.ID, Kind: kind, From: from, To: to, Rule: rule, At: at,
	}
	if cause != nil {
		change.Event, change.EventKey = cause.ID, cause.Key
	}
	c.state.Changes = append(c.state.Changes, change)
}

func (c *climb) finish() State {
	c.note(c.later)
	c.state.NextChange = c.soon
	// What is predicted is stored by who predicts it, every night, and is told to
	// the ladder only when it matters there.
	c.state.Scores, _ = contacts.Predicted(c.facts.Scores)
	return c.state
}
