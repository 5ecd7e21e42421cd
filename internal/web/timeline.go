package web

import (
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/store"
)

// day is the entries of one day in the company's zone, newest first.
type day struct {
	At      time.Time
	Entries []line
}

// line is an entry of a timeline in words.
type line struct {
	At    time.Time
	Tone  string // of the mark beside it: mail, act, stage, consent, campaign, bad, machine
	Title string
	Text  string
	Link  string // to where more is known
}

func (q *request) days(list []store.Entry) (out []day) {
	last := ""
	for _, e := range list {
		date := e.At.In(q.zone).Format(time.DateOnly)
		if date != last {
			out = append(out, day{At: e.At})
			last = date
		}
		d := &out[len(out)-1]
		d.Entries = append(d.Entries, describe(e))
	}
	return out
}

// describe puts an entry into words.
func describe(e store.Entry) line {
	l := line{At: e.At, Tone: "campaign", Text: e.Reason}
	if e.Campaign != "" {
		l.Link = "/campaigns/" + e.Campaign
	}
	switch e.Kind {
	case store.EntryEvent:
		return describeEvent(e, l)
	case store.EntryMessage:
		return describeMessage(e, l)
	case store.EntryConsent:
		l.Tone, l.Link = "consent", ""
		l.Title = "Consent to " + e.Name + " " + e.State
		if e.State == contacts.ConsentPending {
			l.Title = "Consent to " + e.Name + " waits for confirmation"
		}
	case store.EntryStage, store.EntryHealth:
		l.Tone, l.Link = "stage", ""
		l.Title = title(e.Kind) + ": " + from(e.From) + " → " + e.To
	case store.EntryEnrolment:
		l.Title = "Entered " + e.Campaign
		if e.State == string(campaigns.Control) {
			l.Title += " as control: gets nothing, for comparison"
		}
	case store.EntryEnd:
		l.Title = "Left " + e.Campaign
		if e.State == string(campaigns.Finished) {
			l.Title = "Finished " + e.Campaign
		}
	case store.EntryGoal:
		l.Tone, l.Title = "act", "Reached the goal of "+e.Campaign
	case store.EntryRefusal:
		l.Tone, l.Title = "bad", "Not enrolled in "+e.Campaign
	default:
		l.Title = e.Kind
	}
	return l
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func from(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func describeMessage(e store.Entry, l line) line {
	l.Tone = "mail"
	switch campaigns.MessageState(e.State) {
	case campaigns.Sent:
		l.Title = "Was sent " + e.Template
	case campaigns.Queued:
		l.Title = "Will be sent " + e.Template
	case campaigns.Sending:
		l.Title = "Is being sent " + e.Template
	case campaigns.Unknown:
		l.Tone, l.Title = "bad", "May have been sent "+e.Template
	default:
		l.Tone, l.Title = "bad", "Was not sent "+e.Template+": "+e.State
	}
	return l
}

// answers is what the engine's own events are called.
var answers = map[string]string{
	contacts.EventDelivered: "Delivered", contacts.EventOpened: "Opened", contacts.EventClicked: "Clicked", contacts.EventReplied: "Replied to",
	contacts.EventBounced: "Bounced", contacts.EventComplained: "Complained about", contacts.EventUnsubscribed: "Unsubscribed through",
}

func describeEvent(e store.Entry, l line) line {
	verb, mail := answers[e.Name]
	switch {
	case mail:
		l.Tone, l.Title = "mail", verb
		if e.Template != "" {
			l.Title += " " + e.Template
		}
		if e.Link != "" {
			l.Text = e.Link
		} else {
			l.Text = propertiesText(e.Properties)
		}
		switch {
		case e.Machine:
			l.Tone, l.Title = "machine", l.Title+", by a machine"
			if why, ok := e.Properties["machine"].(string); ok {
				l.Text = why
			}
		case e.Name == contacts.EventBounced, e.Name == contacts.EventComplained, e.Name == contacts.EventUnsubscribed:
			l.Tone = "bad"
		}
	case e.Name == contacts.EventChanged:
		l.Tone, l.Title, l.Text = "consent", "Profile changed", changesText(e.Properties)
	default:
		l.Tone, l.Title, l.Text = "act", e.Name, propertiesText(e.Properties)
	}
	return l
}

// changesText writes what a contact.changed event says: field, from, to.
func changesText(properties map[string]any) string {
	changes, ok := properties["changes"].(map[string]any)
	if !ok {
		return propertiesText(properties)
	}
	words := map[string]any{}
	for field, raw := range changes {
		c, ok := raw.(map[string]any)
		if !ok {
			words[field] = raw
			continue
		}
		words[field] = valueText(c["from"]) + " → " + valueText(c["to"])
	}
	return propertiesText(words)
}
