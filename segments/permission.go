package segments

import (
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// consentLeaf asks for the permission for a topic, as it is now.
type consentLeaf struct{ topic, state string }

func decodeConsent(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("consent")
	l := &consentLeaf{state: contacts.ConsentGiven}
	var ok bool
	if l.topic, ok = n.Name(); !ok {
		return nil, false
	}
	var topics []string
	if d.env != nil {
		topics = d.env.Topics
	}
	good := d.known(n, "topic", l.topic, topics)
	if is := m.Get("is"); is.Present() {
		l.state, ok = is.Choice(contacts.ConsentGiven, contacts.ConsentWithdrawn, contacts.ConsentPending, contacts.ConsentNone)
		good = good && ok
	}
	return l, good
}

func (l *consentLeaf) String() string {
	if l.state == contacts.ConsentGiven {
		return "consent " + l.topic
	}
	return "consent " + l.topic + " is " + l.state
}

func (l *consentLeaf) answer(q *Question) bool {
	state := q.Facts.ConsentFor(l.topic).State
	if state == "" {
		state = contacts.ConsentNone
	}
	return state == l.state
}

func (l *consentLeaf) why(q *Question) string {
	c := q.Facts.ConsentFor(l.topic)
	if c.State == "" {
		return "nothing was ever said about " + l.topic
	}
	return l.topic + " is " + c.State + " since " + c.At.In(zoneOr(q.Zone)).Format("2006-01-02") + " (" + c.Source + ")"
}

func (l *consentLeaf) next(*Question) time.Time { return time.Time{} }
func (l *consentLeaf) uses(u *Uses)             { u.Topics = append(u.Topics, l.topic) }

func (l *consentLeaf) sql(p *SQL) string {
	r := &rows{table: tableConsents + " k", alias: "k"}
	r.and("k." + colConsentTopic + " = " + p.text(l.topic))
	if l.state == contacts.ConsentNone {
		return not(r.any(p))
	}
	r.and("k." + colState + " = " + p.text(l.state))
	return r.any(p)
}
