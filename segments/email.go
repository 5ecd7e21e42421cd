package segments

import (
	"math"
	"slices"
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// emailKinds are the answers to our mail that can be asked for.
var emailKinds = []string{"sent", "delivered", "opened", "clicked", "replied", "bounced", "complained"}

// emailLeaf asks how the contact answered our mail.
type emailLeaf struct {
	kind     string
	event    string // its name among the events
	campaign string
	template string
	link     string
	count    interval
	window   window
	ever     bool
	text     string
}

func decodeEmail(d *decoder, m strict.Map) (leaf, bool) {
	l := &emailLeaf{count: interval{1, unbounded}}
	good := true
	var ok bool
	if l.kind, ok = m.Get("email").Choice(emailKinds...); !ok {
		good = false
	}
	l.event = "email." + l.kind
	l.text = "email " + l.kind
	if n := m.Get("campaign"); n.Present() {
		l.campaign, ok = n.Name()
		good = good && ok && d.known(n, "campaign", l.campaign, d.campaigns())
		l.text += " campaign " + l.campaign
	}
	if n := m.Get("template"); n.Present() {
		l.template, ok = n.Text()
		good = good && ok && d.known(n, "template", l.template, d.templates())
		l.text += " template " + l.template
	}
	if n := m.Get("link"); n.Present() {
		l.link, ok = n.Text()
		good = good && ok
		l.text += " link " + l.link
		if l.kind != "" && l.kind != "clicked" {
			m.Key("link").Hintf(CodeWrongOperator, "ask for email: clicked", "link: goes with clicked, not with %s", l.kind)
			good = false
		}
	}
	if n := m.Get("count"); n.Present() {
		var text string
		l.count, text, ok = d.countOf(n)
		good = good && ok
		l.text += " count " + text
	}
	w, text, ok := d.window(m)
	good = good && ok
	l.window, l.text = w, l.text+text
	l.ever, ok = d.ever(m)
	return l, good && ok
}

func (l *emailLeaf) String() string { return l.text }

// visible is what is seen of the past. A campaign that is named is asked about
// as a whole and not within one enrolment.
func (l *emailLeaf) visible(s Scope) visible {
	v := s.visible(l.ever)
	if l.campaign != "" {
		v.enrolment = 0
	}
	return v
}

// stepBits are the bits of a message's id that number the step within its
// enrolment; the rest is the enrolment's id.
const stepBits = 10

// fits tells whether an event is one of those that are asked for; bounds of
// time are another matter.
func (l *emailLeaf) fits(e *contacts.Event, at int64, v visible) bool {
	return e.Name == l.event && !e.Machine && at >= v.since &&
		(v.origin == 0 || l.kind == "sent" || e.ID != v.origin) &&
		(v.enrolment == 0 || e.Message>>stepBits<<stepBits == v.enrolment) &&
		(l.campaign == "" || e.Campaign == l.campaign) &&
		(l.template == "" || e.Template == l.template) &&
		(l.link == "" || e.Link == l.link)
}

func (l *emailLeaf) tally(q *Question, enough bool) tally {
	var t tally
	b := l.window.bounds(q.clock())
	v := l.visible(q.Scope)
	enough = enough && l.count.high == unbounded
	for i := range q.Facts.Events {
		e := &q.Facts.Events[i]
		if e.Name != l.event {
			continue
		}
		if at := e.At.UnixMilli(); l.fits(e, at, v) && b.hold(at) {
			t.add(at)
			if enough && t.count >= l.count.low {
				break
			}
		}
	}
	return t
}

func (l *emailLeaf) answer(q *Question) bool {
	t := l.tally(q, true)
	return l.count.holds(t.count)
}

func (l *emailLeaf) why(q *Question) string {
	t := l.tally(q, false)
	return t.why(l.kind, l.count, q.clock())
}

func (l *emailLeaf) next(q *Question) time.Time {
	s := spans{bounds: l.window.bounds(q.clock()), window: l.window.last}
	v := l.visible(q.Scope)
	for i := range q.Facts.Events {
		e := &q.Facts.Events[i]
		if at := e.At.UnixMilli(); l.fits(e, at, v) {
			s.take(at)
		}
	}
	return s.change(l.count, true)
}

func (l *emailLeaf) uses(u *Uses) {
	u.Emails = append(u.Emails, l.kind)
	if l.campaign != "" {
		u.Campaigns = append(u.Campaigns, l.campaign)
	}
	if l.template != "" {
		u.Templates = append(u.Templates, l.template)
	}
	u.Time = u.Time || l.window.last > 0
}

// sql reads messages for what was sent, and events for every answer.
func (l *emailLeaf) sql(p *SQL) string {
	table, at, message := tableEvents, "e."+colEventAt, "e."+colEventMessage
	if l.kind == "sent" {
		table, at, message = tableMessages, "e."+colMessageDecidedAt, "e."+colID
	}
	v := l.visible(p.Scope)
	r := &rows{table: table + " e", alias: "e"}
	if l.kind == "sent" {
		r.and("e." + colState + " = 'sent'")
	} else {
		r.and("e."+colEventName+" = "+p.text(l.event), "not e."+colEventMachine)
		r.and(l.window.bounds(p.clock()).stored(p, "e."+colID)...)
		r.and(bounds{after: math.MinInt64, since: v.since}.stored(p, "e."+colID)...)
		if v.origin != 0 {
			r.and("e." + colID + " <> " + strconv.FormatInt(v.origin, 10))
		}
	}
	if v.since != math.MinInt64 {
		r.and(at + " >= " + strconv.FormatInt(v.since, 10))
	}
	if v.enrolment != 0 {
		r.and(message+" >= "+strconv.FormatInt(v.enrolment, 10), message+" < "+strconv.FormatInt(v.enrolment+1<<stepBits, 10))
	}
	if l.campaign != "" {
		id := p.campaignID(l.campaign)
		if id == 0 { // never applied, so nothing of it was ever sent
			r.and(no)
		}
		r.and("e." + colCampaignID + " = " + strconv.FormatInt(id, 10))
	}
	if l.template != "" {
		r.and("e." + colTemplate + " = " + p.text(l.template))
	}
	if l.link != "" {
		r.and("e." + colEventLink + " = " + p.text(l.link))
	}
	r.and(l.window.bounds(p.clock()).sql(at)...)
	return r.count(p, l.count, "", interval{})
}

func (p *SQL) campaignID(name string) int64 {
	if p.CampaignIDs == nil {
		return 0
	}
	return p.CampaignIDs(name)
}

func (d *decoder) campaigns() []string {
	if d.env == nil {
		return nil
	}
	return d.env.Campaigns
}

func (d *decoder) templates() []string {
	if d.env == nil {
		return nil
	}
	return slices.Clone(d.env.Templates)
}
