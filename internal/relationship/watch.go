package relationship

import (
	"time"

	"rapport/segments"
)

// watched is a rule whose answer is kept for as long as nothing that it looks
// at has changed. Most events concern few rules, so most are never asked again.
type watched struct {
	cond *segments.Condition
	uses *uses

	known bool
	holds bool
	// change is when time alone can change the answer; zero is never.
	change time.Time
	// stage and since are what the answer was given for.
	stage string
	since time.Time
}

// watcher makes the watched rules of one contact, all in one piece of memory.
func (l *looks) watcher() func(*segments.Condition) *watched {
	all := make([]watched, 0, len(l.rules))
	return func(c *segments.Condition) *watched {
		if c == nil {
			return nil
		}
		all = append(all, watched{cond: c, uses: l.rules[c]})
		return &all[len(all)-1]
	}
}

// rescore forgets the answer when it depends on a score.
func (w *watched) rescore() {
	if w != nil && w.uses.scores {
		w.known = false
	}
}

// touch forgets the answer when the moment can have changed it.
func (w *watched) touch(m moment) {
	if w != nil && w.known && w.uses.concerns(m) {
		w.known = false
	}
}

func (w *watched) ask(q *segments.Question) bool {
	c := &q.Facts.Contact
	if w.known && w.uses.stage && (w.stage != c.Stage || !w.since.Equal(c.StageSince)) {
		w.known = false
	}
	if w.known && !w.change.IsZero() && !q.Now.Before(w.change) {
		w.known = false
	}
	if w.known {
		return w.holds
	}
	w.known = true
	w.stage, w.since = c.Stage, c.StageSince
	w.holds = w.cond.Match(q)
	w.change = w.cond.NextChange(q)
	if !w.change.After(q.Now) {
		w.change = time.Time{}
	}
	return w.holds
}

// uses is what can change the answer of a rule.
type uses struct {
	events   map[string]bool // by full name, e-mail events too
	consents bool
	fields   bool
	stage    bool
	scores   bool
}

func usesOf(c *segments.Condition) *uses {
	all := c.Uses()
	u := uses{
		events:   map[string]bool{},
		consents: len(all.Topics) > 0,
		fields:   len(all.Attributes) > 0,
		stage:    all.Stage,
		scores:   len(all.Scores) > 0 || all.Tier,
	}
	for _, name := range all.Events {
		u.events[name] = true
	}
	for _, kind := range all.Emails {
		u.events["email."+kind] = true
	}
	return &u
}

func (u *uses) concerns(m moment) bool {
	return m.event != nil && u.events[m.event.Name] ||
		u.consents && len(m.consents) > 0 ||
		u.fields && len(m.fields) > 0
}
