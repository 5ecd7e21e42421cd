package segments

import (
	"time"

	"rapport/internal/contacts"
)

// Env is what a workspace knows while conditions are read: the names that may
// be referred to, and declared types. A nil *Env checks no names at all.
type Env struct {
	Segments  []string
	Stages    []string // the ladder, lowest first
	Topics    []string
	Campaigns []string
	Templates []string

	// Attributes and Events hold what rapport.yaml declares: name to type
	// (text, number, bool, date, list), and event to property to type. Nil
	// means that nothing is declared and any name passes.
	Attributes map[string]string
	Events     map[string]map[string]string

	Zone *time.Location

	Healths []string // empty: the six of the language
	Scores  []string // signals, besides the built-in scores
	Tiers   []string
}

// Set is the segments of a workspace by name; conditions look up `segment:` in it.
type Set map[string]*Segment

// Segment is a named condition.
type Segment struct {
	Name        string
	Description string
	Where       *Condition
}

// Scope bounds what the conditions of a running enrolment look back at
// (exit, goal, wait_for). The zero Scope sees everything.
type Scope struct {
	// Since hides events and e-mails from before. What happened in the same
	// millisecond is seen.
	Since time.Time

	// Origin is the id of the event that started the enrolment; it is not seen
	// itself, so that a campaign that starts with an order is not left for that
	// same order. 0: none.
	Origin int64

	// Enrolment bounds e-mail conditions that name no campaign to its own
	// messages. 0: no bound.
	Enrolment int64

	// Ever lifts all bounds.
	Ever bool
}

// Question is one contact at one moment.
type Question struct {
	Facts    *contacts.Facts
	Now      time.Time
	Segments Set
	Scope    Scope
	Zone     *time.Location // the company's; nil is UTC
	Ladder   []string       // stage names, lowest first
	Scoring  *Scoring       // nil: no signals and no tiers

	within *path // the segments that led here, so that a circle ends
}

// Scoring is what the relationship says about scores, as conditions need it.
type Scoring struct {
	HalfLives map[string]time.Duration // of the signals, by name
	Tiers     []Tier                   // of the loyalty program, lowest first
}

// Tier is a tier of the loyalty program.
type Tier struct {
	Name string
	From int64 // points, in millionths
}

// Explanation is the answer to a condition with its reasons, as a tree.
type Explanation struct {
	Text     string        `json:"text"`
	Held     bool          `json:"held"`
	Why      string        `json:"why,omitempty"`
	Children []Explanation `json:"children,omitempty"`
}

// Uses lists what a condition refers to, each list sorted and without repeats.
type Uses struct {
	Events     []string // event names, e-mail events excluded
	Emails     []string // kinds: sent, clicked, …
	Attributes []string
	Segments   []string
	Topics     []string
	Campaigns  []string
	Templates  []string
	Scores     []string
	Bounds     []ScoreBound // that scores are compared with
	Stage      bool
	Health     bool
	Tier       bool
	Sample     bool
	Time       bool // time alone can change the answer
}

// ScoreBound is a number that a score is compared with.
type ScoreBound struct {
	Score string
	Least int64 // the least value in millionths that reaches it
}

// path is the way through segments that refer to each other.
type path struct {
	name string
	from *path
}

// holds tells whether a segment lies on the way. Circles are findings long
// before (Set.Check); a set that was never checked must not run for ever either,
// so within itself a segment is false.
func (p *path) holds(name string) bool {
	for ; p != nil; p = p.from {
		if p.name == name {
			return true
		}
	}
	return false
}
