package relationship

import (
	"fmt"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/segments"
)

// Definition is relationship.yaml.
type Definition struct {
	Ladder   []Rung // lowest first
	Health   Health
	Signals  []Signal
	Programs Programs

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
	Value    string        // its property that tells what was paid
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
	Loyalty  Loyalty
	Referral *Referral // nil: there is no such program
	Surveys  []Survey
	Partners []Partner
}

// Loyalty says what earns points and what they are worth.
type Loyalty struct {
	Runs   bool               // there is such a program
	Points map[string]Earning // by the name of the event
	Expire calendar.Span      // so long after they were earned; zero is never
	Tiers  []Tier             // lowest first
}

// Earning is what an event earns: so many points, or so many per unit of a
// property.
type Earning struct {
	Fixed float64
	Per   string // the property; "" is Fixed
	Rate  float64
}

// Tier is one tier of the loyalty program.
type Tier struct {
	Name     string
	From     float64 // points
	Benefits []string
}

// Referral says what bringing a friend is worth.
type Referral struct {
	Points int            // for who brought somebody that has bought
	Friend map[string]any // fields of the friend that are set when it joins
}

// Partner is somebody through whom contacts come.
type Partner struct {
	Name  string // what the attribute PartnerAttribute of such a contact holds
	Title string
	Code  string // what stands in the partner's links
}

// PartnerAttribute is the attribute that says through whom a contact came.
const PartnerAttribute = "partner"

// PartnerOf is the partner with a code, whatever the case of its letters; nil when
// there is none.
func (p *Programs) PartnerOf(code string) *Partner {
	for i := range p.Partners {
		if code != "" && contacts.Fold(p.Partners[i].Code) == contacts.Fold(code) {
			return &p.Partners[i]
		}
	}
	return nil
}

// Survey asks one question.
type Survey struct {
	Name      string
	Question  string
	Low, High int    // of the scale, 0-10 unless said
	Below     int    // answers below it are told to Webhook
	Webhook   string // "" tells nobody
}

// Scale is the scale as it is written.
func (s *Survey) Scale() string { return fmt.Sprintf("%d-%d", s.Low, s.High) }

// Survey is a survey by name; nil when there is none.
func (d *Definition) Survey(name string) *Survey {
	for i := range d.Programs.Surveys {
		if d.Programs.Surveys[i].Name == name {
			return &d.Programs.Surveys[i]
		}
	}
	return nil
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
	// Scores are what the events have added up to, by name. Who has none of a
	// score is left out.
	Scores []contacts.Score
	// NextChange is the earliest moment after now at which time alone can
	// change stage or health, or let points expire; zero when it never can.
	NextChange time.Time
}
