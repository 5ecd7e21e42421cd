package campaigns

import (
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/segments"
)

// Kinds of campaign. A transactional one ignores topic, limits and quiet
// hours, but never a hard bounce, a complaint or an erasure.
const (
	Marketing     = "marketing"
	Transactional = "transactional"
)

// What becomes of a message whose fate nobody knows.
const (
	KeepUnknown   = "keep"   // it waits for evidence or a person; never sent again
	ResendUnknown = "resend" // it is queued again: a second copy is accepted
)

// ContactZone stands for the contact's own time zone.
const ContactZone = "contact"

// Defaults of the language.
const (
	DefaultPriority = 50
	BestTime        = "best"
	AsPlanned       = "as_planned"
)

// Defaults of a winner: what Klaviyo asks for, who tell their customers to.
const (
	DefaultAfter     = 500
	DefaultCertainty = 0.9
)

// DefaultAnswerWithin is how long an arm waits for clicks and replies: a message
// may be held back for days before it goes.
var DefaultAnswerWithin = calendar.Span{Days: 7}

// DefaultCatchUp and DefaultExpire are used where a campaign says nothing.
var (
	DefaultCatchUp = calendar.Span{Clock: 12 * time.Hour}
	DefaultExpire  = calendar.Span{Days: 3}
)

// Definition is one campaign as its file says. It is not changed after
// Decode and AssignNumbers.
type Definition struct {
	Name        string
	Description string
	Purpose     string // acquire, grow, retain, win-back, or "" when not said
	Kind        string // Marketing or Transactional
	Sender      string // "" means the topic's sender
	Topic       string // "" only for a transactional campaign
	Priority    int    // higher goes first; DefaultPriority unless said
	Audience    Audience
	Start       Start
	Reentry     Reentry
	Deliver     Deliver
	Goal        *GoalRule
	Exit        []*segments.Condition // any of them ends an enrolment
	Control     float64               // share held out, 0 to 1
	// Apart is the share of contacts that no marketing campaign of the workspace
	// mails, 0 to 1; always 0 for a transactional one.
	Apart     float64
	OnUnknown string // KeepUnknown or ResendUnknown
	Steps     []Step

	File string
	Line int

	index *index
}

// Audience is who may be enrolled.
type Audience struct {
	Segment string   // "" means every contact
	Exclude []string // segments whose members are not enrolled
}

// StartKind says what enrols a contact.
type StartKind string

// The four ways a campaign starts.
const (
	StartSchedule StartKind = "schedule"
	StartOnce     StartKind = "once"
	StartEvent    StartKind = "event"
	StartEnter    StartKind = "enter"
)

// Start is the one thing that enrols contacts.
type Start struct {
	Kind     StartKind
	Cron     calendar.Cron     // schedule
	Expr     string            // schedule: the expression as written
	Once     calendar.DateTime // once: wall time
	Timezone string            // schedule and once: IANA name; "" means the company's
	Event    string            // event: its name
	Where    *segments.Filter  // event: asked of its properties; nil means any
	// CatchUp bounds how late a firing may still run; a later one is recorded only.
	CatchUp calendar.Span
	// IncludeCurrent enrols those who are in the audience when an `enter`
	// campaign is applied; otherwise they are the baseline.
	IncludeCurrent bool
}

// ReentryMode says whether a contact who was in the campaign may come again.
type ReentryMode string

// The ways of reentry.
const (
	ReentryNever   ReentryMode = "never"
	ReentryAlways  ReentryMode = "always"
	ReentryAfter   ReentryMode = "after"   // once Reentry.After has passed since the latest start
	ReentryRestart ReentryMode = "restart" // at any time; a running enrolment ends and a new one starts
)

// Reentry is the rule for contacts who were in the campaign before.
type Reentry struct {
	Mode  ReentryMode
	After calendar.Span // with ReentryAfter: calendar days from the start of the latest enrolment
}

// Deliver says when messages may leave.
type Deliver struct {
	Window   *calendar.Window // nil means at any hour
	Zone     string           // of the window: IANA name, ContactZone, or "" for the start's
	SendTime string           // AsPlanned or BestTime
	Expire   calendar.Span    // a message that waits longer is skipped, and the enrolment goes on
}

// GoalRule is what the campaign is for.
type GoalRule struct {
	When   *segments.Condition
	Within calendar.Span // from the enrolment's start; zero means without limit
	Value  string        // property of the converting event that carries its worth, or ""
}

// StepKind is the head of a step.
type StepKind string

// The kinds of step. One that stands as `survey` in its file is a StepSend whose
// mail asks a question.
const (
	StepSend    StepKind = "send"
	StepWait    StepKind = "wait"
	StepWaitFor StepKind = "wait_for"
	StepIf      StepKind = "if"
	StepBranch  StepKind = "branch"
	StepSplit   StepKind = "split"
	StepSet     StepKind = "set"
	StepExit    StepKind = "exit"
	StepAward   StepKind = "award"
	StepNotify  StepKind = "notify"
	StepSurvey  StepKind = "survey"
)

// Step is one entry of a list of steps; the field of its kind is set.
type Step struct {
	ID     string // its identity across versions, see AssignIDs
	Name   string // `id:` as written, or ""
	Kind   StepKind
	Number int // send steps: 1 to MaxSends, out of the campaign's registry; else 0

	Send    *Send
	Wait    *Wait
	WaitFor *WaitFor
	If      *If
	Branch  []Case
	Split   *Split
	Set     map[string]any // field ("attributes.x" or a built-in name) → value; nil removes it
	Exit    string         // the reason that is recorded
	Award   *Award
	Notify  *Notify
	Survey  string // of a send step: the survey that its mail asks, or ""

	Line int
}

// Send plans one message.
type Send struct {
	Template string
	Subject  string // "" means the template's own
}

// Wait holds the enrolment until a moment; exactly one of its three forms is set.
type Wait struct {
	Span calendar.Span // `wait: 3d`

	Until *Until // `wait: { until: "TUE 10:00" }`

	// Attribute is the date `wait: { until: attribute.renewal_date }` waits
	// for, moved by Offset, which may be negative.
	Attribute string
	Offset    calendar.Span
}

// Until is the next moment of a weekday and hour.
type Until struct {
	Days calendar.Weekdays
	At   calendar.TimeOfDay
	Text string // as written
}

// WaitFor holds the enrolment until a condition is true, at most for UpTo.
type WaitFor struct {
	When *segments.Condition
	UpTo calendar.Span
	Then []Step // when it became true
	Else []Step // when the time ran out, or it cannot come true

	about *aboutMail
}

// If chooses between two lists of steps.
type If struct {
	When *segments.Condition
	Then []Step
	Else []Step
}

// Case is one way of a branch; a nil When is its `else`.
type Case struct {
	When  *segments.Condition
	Steps []Step
}

// Split sends each contact down one arm: by a stable hash, and once a winner was
// called, to the winner.
type Split struct {
	Name   string
	Arms   []Arm
	Winner *Winner // nil: the weights stay
}

// Arm is one way of a split.
type Arm struct {
	Name   string
	Weight int
	Steps  []Step
}

// What an arm is judged by.
const (
	ByGoal    = "goal"
	ByClicked = "clicked"
	ByReplied = "replied"
)

// Winner says when a split has a winner.
type Winner struct {
	By        string  // ByGoal, ByClicked or ByReplied
	After     int     // contacts in each arm whose outcome is known; DefaultAfter unless said
	Certainty float64 // 0.5 to 1; DefaultCertainty unless said
	// Within is how long a contact has to click or reply, from when it came to the
	// split; a goal has its own time.
	Within calendar.Span
}

// Award gives points.
type Award struct {
	Points int
	For    string
}

// Notify tells a person through a webhook.
type Notify struct {
	Webhook string
	Task    string
}

// State is the state of an enrolment.
type State string

// The states of an enrolment. The last three have ended, except that a
// control enrolment stays open until its goal's window ends.
const (
	Active   State = "active"   // runs or waits; DueAt says when to look again
	Parked   State = "parked"   // a message of it is on its way; its outcome wakes it
	Finished State = "finished" // all steps ran
	Exited   State = "exited"   // ended early, with a reason
	Control  State = "control"  // held out; no step ever runs
)

// Open reports whether the enrolment has steps before it.
func (s State) Open() bool { return s == Active || s == Parked }

// End is the position after the last step. No step can have this identity.
const End = "(end)"

// Origin is what started an enrolment.
type Origin struct {
	Event      int64          `json:"event,omitempty"` // id of the starting event, 0 for the other starts
	Key        string         `json:"key,omitempty"`
	Name       string         `json:"name,omitempty"`
	At         time.Time      `json:"at,omitzero"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Enrolment is where one contact stands in one campaign. It is plain data
// and survives a round trip through JSON. The low ten bits of its ID are zero.
type Enrolment struct {
	ID        int64       `json:"id"`
	Contact   contacts.ID `json:"contact"`
	Campaign  int64       `json:"campaign"`
	Version   int64       `json:"version"` // the version of the workspace its steps are pinned to
	StartedAt time.Time   `json:"started_at"`
	Origin    Origin      `json:"origin,omitzero"`
	State     State       `json:"state"`
	// Position is the identity of the step it stands on: the one that runs
	// next, holds it in a wait, or whose message it is parked for. "" is the
	// start and End the end.
	Position string `json:"position,omitempty"`
	// DueAt is when to ask Next again; zero when only an outcome or an event
	// can move it.
	DueAt time.Time `json:"due_at,omitzero"`
	// WaitSince is when it came to its position: the moment waits count from.
	WaitSince time.Time `json:"wait_since,omitzero"`
	// WaitUntil is when the wait it stands in ends; zero outside a wait.
	WaitUntil   time.Time         `json:"wait_until,omitzero"`
	Arms        map[string]string `json:"arms,omitempty"` // split → arm it took
	Took        map[string]int64  `json:"took,omitempty"` // split → when, Unix ms
	Reason      string            `json:"reason,omitempty"`
	ConvertedAt time.Time         `json:"converted_at,omitzero"`
	EndedAt     time.Time         `json:"ended_at,omitzero"`
}

// Outcome is the state of a message of this enrolment: final, or still on its way.
type Outcome struct {
	Message int64
	Step    string // the identity of its step
	State   MessageState
	Reason  string
	// At is when it was sent; for an unknown one the intent, for a skipped or
	// failed one the decision; for one on its way the claim, or when it was planned.
	At time.Time
}

// Input is all that a decision depends on.
type Input struct {
	Pinned *Definition // whose steps and split weights it runs
	// Won are the arms that were called, by split, in tests that the pinned
	// definition is part of.
	Won       map[string]string
	Current   *Definition // whose exits, topic and delivery rules hold now; nil means Pinned
	Enrolment Enrolment
	Outcomes  []Outcome         // of all earlier messages of this enrolment
	Question  segments.Question // Facts, Segments, Ladder, Scoring; Now and Scope are filled in here
	Permit    Permit            // quiet hours, limits and what the contact was sent; the rest is filled in here
	Now       time.Time
	Zone      *time.Location // the company's
}

// NewMessage is a message to be written with state queued.
type NewMessage struct {
	ID       int64
	StepID   string
	Number   int
	Template string
	Subject  string // "" means the template's own
	Priority int
	// NotBefore is the earliest moment it may go, as far as is known now;
	// Hold says why it is later than now, or is "".
	NotBefore time.Time
	Hold      string
	// Expires ends its waiting: from then on it is skipped as expired.
	Expires time.Time
}

// Awarded are points that a step has given.
type Awarded struct {
	Step string // its identity: with the enrolment's it tells that they were given
	Award
}

// Noticed is what a step has to tell a webhook.
type Noticed struct {
	Step string // its identity
	Notify
}

// Trace is one line of the story of a decision, for people.
type Trace struct {
	Step string // identity of the step, or "" for the enrolment as a whole
	What string // "sent for", "waits", "passed", "took then", "not run", "exited", …
	Why  string
}

// Decision is what Next found: apply it as a whole, or not at all.
type Decision struct {
	Enrolment Enrolment      // as it is afterwards
	Message   *NewMessage    // at most one
	ParkedFor int64          // the message that it parks for, where that is none of this decision
	Set       map[string]any // fields of the contact to write
	Awards    []Awarded
	Notices   []Noticed
	// Withdraw is the message the enrolment was parked for when it ended: it
	// becomes skipped, for Enrolment.Reason, unless it is already on its way.
	Withdraw int64
	Trace    []Trace
}
