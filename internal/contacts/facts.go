package contacts

import "time"

// ID identifies a contact. It is 63 bits wide and grows with time.
type ID int64

// Contact is one person. Text fields are empty and times are zero when nothing
// is known.
type Contact struct {
	ID        ID
	Email     string // as ParseAddress returns it
	FirstName string
	LastName  string
	Language  string // BCP 47, such as "de" or "pt-BR"
	Timezone  string // an IANA name

	// Attributes holds what the company knows besides: string, float64, bool,
	// []any and map[string]any, as encoding/json decodes them.
	Attributes map[string]any

	CreatedAt time.Time
	UpdatedAt time.Time

	// Seed is the contact's fixed random number, from which samples and control
	// groups are drawn.
	Seed uint32

	Stage       string
	StageSince  time.Time
	Health      string
	HealthSince time.Time

	Suppression *Suppression // nil when mail is allowed in principle
	Erased      bool
}

// Suppression says that an address gets no mail at all, whatever the topic.
type Suppression struct {
	Reason string // hard-bounce, complaint, unsubscribed-all, manual, erased
	At     time.Time
	Source string
}

// Reasons of a suppression.
const (
	ReasonHardBounce      = "hard-bounce"
	ReasonComplaint       = "complaint"
	ReasonUnsubscribedAll = "unsubscribed-all"
	ReasonManual          = "manual"
	ReasonErased          = "erased"
)

// Consent is one statement about one topic. Key tells repeated reports of the
// same statement apart.
type Consent struct {
	Topic  string
	State  string // given, withdrawn, pending
	Source string // where it was said: a form, a file, a link
	At     time.Time
	Key    string
}

// States of a consent. ConsentNone is what a topic without any statement has;
// it is never stored.
const (
	ConsentGiven     = "given"
	ConsentWithdrawn = "withdrawn"
	ConsentPending   = "pending"
	ConsentNone      = "none"
)

// Event is something that happened. Names that start with "email." tell how the
// contact answered our mail, "consent." what was allowed, "contact.changed"
// that a field changed; every other name is the company's own.
type Event struct {
	ID         int64
	Contact    ID
	Name       string
	At         time.Time // when it happened
	Key        string    // the same event reported twice has the same key
	Properties map[string]any

	// For email.* events: the campaign's name, the template, the link that was
	// clicked and the message it is about.
	Campaign string
	Template string
	Link     string
	Message  int64

	// Machine marks opens and clicks of mail proxies and scanners. They are
	// kept and never counted.
	Machine bool
}

// Names of the events that the engine writes itself.
const (
	EventSent         = "email.sent"
	EventDelivered    = "email.delivered"
	EventOpened       = "email.opened"
	EventClicked      = "email.clicked"
	EventReplied      = "email.replied"
	EventBounced      = "email.bounced"
	EventComplained   = "email.complained"
	EventUnsubscribed = "email.unsubscribed"

	EventConsentGiven     = "consent.given"
	EventConsentWithdrawn = "consent.withdrawn"
	EventConsentPending   = "consent.pending"

	EventChanged = "contact.changed"

	EventAwarded  = "points.awarded"  // points: how many
	EventSurveyed = "survey.answered" // survey, score, scale

	// EventRequested asks for the confirmation of a consent: topic, source.
	EventRequested = "confirmation.requested"

	EventJoined    = "referral.joined"    // by: the id of the contact who brought this one
	EventConverted = "referral.converted" // friend: the id of the one who was brought, and has bought

	// EventPredicted tells the ladder what is predicted of the contact, when that
	// answers one of its rules otherwise than before: the scores by their names.
	EventPredicted = "score.predicted"

	EventTold   = "webhook.delivered" // webhook, attempts
	EventUntold = "webhook.failed"    // and the reason
	EventCaught = "webhook.caught"    // mail to the contact does not leave the house

	// EventPlaced gives a contact the stage and the health in its properties, as
	// if an earlier life that nobody recorded had earned them: see
	// relationship.Fold. Scenarios and simulations begin with it.
	EventPlaced = "contact.placed"
)

// UndeclaredEvents are those of them that conditions may ask for as events, though
// no workspace declares them.
var UndeclaredEvents = []string{EventChanged, EventAwarded, EventSurveyed, EventRequested, EventJoined, EventConverted, EventPredicted, EventTold, EventUntold, EventCaught}

// Participation is one enrolment of the contact in a campaign.
type Participation struct {
	Campaign    string
	Enrolment   int64
	State       string // active, parked, finished, exited, control
	StartedAt   time.Time
	EndedAt     time.Time // zero while it runs
	ConvertedAt time.Time // zero until the goal is reached
}

// StageChange is one step on the ladder or of health, with its cause.
type StageChange struct {
	Contact  ID
	From, To string
	Rule     string // what in the definition decided it
	Kind     string // stage or health
	Event    int64  // the event that caused it; 0 when time alone did
	EventKey string
	At       time.Time
}

// Facts is everything that conditions can be asked of one contact.
type Facts struct {
	Contact   Contact
	Consents  []Consent       // the history, oldest first, or the end of it: see Needs
	Events    []Event         // everything, email.sent and consent.* too, by (At in ms, Key)
	Campaigns []Participation // every enrolment, running or over
	Changes   []StageChange   // oldest first
	Scores    []Score         // by name
	// Clicks are when it clicked, machines excepted, each at the beginning of its
	// quarter of an hour: what the best hour is learnt from.
	Clicks []time.Time
}

// ConsentFor returns the statement that counts for a topic: the last one of the
// history. Its State is empty when the contact never said anything.
func (f *Facts) ConsentFor(topic string) Consent {
	for i := len(f.Consents) - 1; i >= 0; i-- {
		if f.Consents[i].Topic == topic {
			return f.Consents[i]
		}
	}
	return Consent{Topic: topic}
}
