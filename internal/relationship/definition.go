package relationship

import (
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/segments"
)

// Definition is relationship.yaml.
type Definition struct {
	Ladder   []Rung // lowest first
	Health   Health
	Signals  []Signal // read and checked; nothing acts on them yet
	Programs Programs // read and checked; nothing acts on them yet

	looks *looks // what the rules look at
}

// Rung is one stage of the ladder.
type Rung struct {
	Stage string
	When  *segments.Condition // what earns it; nil for the lowest, which everybody has
	Keep  *segments.Condition // what must hold from then on; nil holds for ever
}

// Health is the second axis: how alive the relationship is.
type Health struct {
	Purchase string        // the name of the event that counts as a purchase
	New      calendar.Span // for so long after the first purchase a contact is new; a day is 24 hours
	States   []HealthState // the first that matches wins
}

// HealthState is one named state of health.
type HealthState struct {
	Health string
	When   *segments.Condition
}

// The states of health that need no rule.
const (
	HealthNone   = "none"   // no purchase yet
	HealthNew    = "new"    // shortly after the first purchase
	HealthActive = "active" // bought, and no other state holds
)

// Healths are the states of health there can be.
var Healths = []string{HealthNone, HealthNew, HealthActive, "at-risk", "lapsed", "lost"}

// Signal is a score that events add to and time halves.
type Signal struct {
	Name     string
	HalfLife calendar.Span
	Weights  map[string]float64 // by the name of the event
}

// Programs are loyalty, referral, survey and partners.
type Programs struct {
	Tiers    []Tier   // of the loyalty program, lowest first
	Surveys  []string // names
	Partners []string // names
}

// Tier is one tier of the loyalty program.
type Tier struct {
	Name     string
	From     float64 // points
	Benefits []string
}

// Stages are the names of the ladder's rungs, lowest first.
func (d *Definition) Stages() []string {
	names := make([]string, len(d.Ladder))
	for i, r := range d.Ladder {
		names[i] = r.Stage
	}
	return names
}

// Kinds of change.
const (
	KindStage  = "stage"
	KindHealth = "health"
)

// State is where a contact stands at a moment, and how it came there.
type State struct {
	Stage       string
	Health      string
	StageSince  time.Time
	HealthSince time.Time
	// Changes are all moves on both axes, oldest first. The first stage and
	// the first health are no change.
	Changes []contacts.StageChange
	// NextChange is the earliest moment after now at which time alone can
	// change stage or health; zero when it never can.
	NextChange time.Time
}
