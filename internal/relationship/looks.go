package relationship

import (
	"maps"
	"slices"
	"strings"

	"rapport/internal/contacts"
	"rapport/segments"
)

// looks is what the rules of a definition look at. What they do not look at
// changes no answer: Fold passes over it, and nobody has to load it.
type looks struct {
	names    map[string]bool // of events
	consents bool
	fields   bool
	asked    map[string]bool // scores
	rules    map[*segments.Condition]*uses
	scored   bool // there are scores to add up
	scoring  *segments.Scoring
	bounds   []segments.ScoreBound // that predicted scores are compared with
	stages   []string              // of the ladder
	needs    contacts.Needs        // of Fold
}

func newLooks(d *Definition) *looks {
	l := &looks{names: map[string]bool{d.Health.Purchase: true, contacts.EventPlaced: true}, asked: map[string]bool{}, rules: map[*segments.Condition]*uses{}}
	for _, r := range d.Ladder {
		l.add(r.When)
		l.add(r.Keep)
	}
	for _, s := range d.Health.States {
		l.add(s.When)
	}
	l.scores(d)
	l.stages = d.Stages()
	l.needs = contacts.Needs{Consents: l.consents, Sent: l.names[contacts.EventSent], Events: slices.Sorted(maps.Keys(l.names))}
	if l.fields {
		l.needs = l.needs.And(contacts.Needs{Events: []string{contacts.EventChanged}})
	}
	if l.consents { // a change names the act that caused it
		l.needs = l.needs.And(contacts.Needs{Events: []string{contacts.EventConsentGiven, contacts.EventConsentWithdrawn, contacts.EventConsentPending}})
	}
	return l
}

// scores looks at what adds up to a score.
func (l *looks) scores(d *Definition) {
	l.scoring = newScoring(d)
	names := map[string]bool{}
	for _, s := range d.Signals {
		for name := range s.Weights {
			names[name] = true
		}
	}
	if p := d.Programs.Loyalty; p.Runs || l.asked[contacts.ScorePoints] {
		names[contacts.EventAwarded] = true
		for name := range p.Points {
			names[name] = true
		}
	}
	if len(d.Programs.Surveys) > 0 || l.asked[contacts.ScoreNPS] {
		names[contacts.EventSurveyed] = true
	}
	if len(l.bounds) > 0 {
		names[contacts.EventPredicted] = true
	}
	l.scored = len(names) > 0
	for name := range names {
		l.names[name] = true
		l.consents = l.consents || strings.HasPrefix(name, "consent.")
		l.fields = l.fields || name == contacts.EventChanged
	}
}

func (l *looks) add(c *segments.Condition) {
	if c == nil {
		return
	}
	u := usesOf(c)
	l.rules[c] = u
	for name := range u.events {
		l.names[name] = true
	}
	l.consents = l.consents || u.consents
	l.fields = l.fields || u.fields
	all := c.Uses()
	for _, name := range all.Scores {
		l.asked[name] = true
	}
	for _, b := range all.Bounds {
		if slices.Contains(contacts.PredictedScores, b.Score) && !slices.Contains(l.bounds, b) {
			l.bounds = append(l.bounds, b)
		}
	}
}

// at reports whether events of a name can change an answer.
func (l *looks) at(name string) bool {
	return l.names[name] || l.fields && name == contacts.EventChanged || l.consents && strings.HasPrefix(name, "consent.")
}

// LooksAt reports whether an event of this name can move anybody on the ladder
// or change their health. Without such an event only time does, or an edit of
// the rules.
func (d *Definition) LooksAt(name string) bool { return d.looks.at(name) }

// Needs says which facts Fold looks at. It is the same for everybody, and is not
// to be changed.
func (d *Definition) Needs() contacts.Needs { return d.looks.needs }
