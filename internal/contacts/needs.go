package contacts

import "slices"

// Needs says which facts of a contact a decision looks at, so that nobody loads
// the others. The zero value needs nothing.
type Needs struct {
	Contact   bool     // its own fields; who looks at anything looks at them too
	Permits   bool     // what was said last of each topic
	Consents  bool     // the history of consent, and the events that it makes
	Events    []string // events of these names
	AllEvents bool     // every event, whatever its name
	Sent      bool     // messages that were sent, as events
	Campaigns bool     // every enrolment
	Changes   bool     // of stage and health
	Scores    bool     // signals, points and the like
	Clicks    bool     // when it clicked

	// Of the ledger, and not part of Facts:
	Ledger   bool // what was sent and what waits, for limits
	Outcomes bool // what became of the other messages of the enrolment
}

// Everything is all that can be known of a contact.
var Everything = Needs{Contact: true, Permits: true, Consents: true, AllEvents: true, Sent: true, Campaigns: true, Changes: true, Scores: true, Clicks: true, Ledger: true, Outcomes: true}

// And is what either of two decisions looks at.
func (n Needs) And(o Needs) Needs {
	out := Needs{
		Contact: n.Contact || o.Contact, Permits: n.Permits || o.Permits, Consents: n.Consents || o.Consents, AllEvents: n.AllEvents || o.AllEvents, Sent: n.Sent || o.Sent,
		Campaigns: n.Campaigns || o.Campaigns, Changes: n.Changes || o.Changes, Scores: n.Scores || o.Scores, Clicks: n.Clicks || o.Clicks,
		Ledger: n.Ledger || o.Ledger, Outcomes: n.Outcomes || o.Outcomes,
		Events: slices.Concat(n.Events, o.Events),
	}
	slices.Sort(out.Events)
	out.Events = slices.Compact(out.Events)
	return out
}
