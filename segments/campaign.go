package segments

import (
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// campaignLeaf asks where the contact is in a campaign. Several enrolments may
// answer: one of them is enough, except for never, which wants none. A contact
// that was held out as control was never in it, is not in it and has not
// finished it, but has been enrolled.
type campaignLeaf struct{ name, is string }

func decodeCampaign(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("campaign")
	l := &campaignLeaf{}
	var ok bool
	if l.name, ok = n.Name(); !ok {
		return nil, false
	}
	good := d.known(n, "campaign", l.name, d.campaigns())
	is := m.Get("is")
	if !m.Has("is") {
		n.Hintf(strict.CodeMissingKey, "add is: in, finished, converted or never", "what about the campaign %s?", l.name)
		return nil, false
	}
	l.is, ok = is.Choice("in", "finished", "converted", "never")
	return l, good && ok
}

func (l *campaignLeaf) String() string { return "campaign " + l.name + " is " + l.is }

func (l *campaignLeaf) answer(q *Question) bool {
	for i := range q.Facts.Campaigns {
		p := &q.Facts.Campaigns[i]
		if p.Campaign != l.name {
			continue
		}
		if l.is == "never" {
			return false
		}
		if l.matches(p) {
			return true
		}
	}
	return l.is == "never"
}

func (l *campaignLeaf) matches(p *contacts.Participation) bool {
	switch l.is {
	case "in":
		return p.State == "active" || p.State == "parked"
	case "finished":
		return p.State == "finished" || p.State == "exited"
	}
	return !p.ConvertedAt.IsZero()
}

func (l *campaignLeaf) why(q *Question) string {
	var last *contacts.Participation
	for i := range q.Facts.Campaigns {
		if q.Facts.Campaigns[i].Campaign == l.name {
			last = &q.Facts.Campaigns[i]
		}
	}
	if last == nil {
		return "never in " + l.name
	}
	text := l.name + ": " + last.State
	if !last.StartedAt.IsZero() {
		text += ", started " + last.StartedAt.In(zoneOr(q.Zone)).Format("2006-01-02")
	}
	if !last.ConvertedAt.IsZero() {
		text += ", converted " + last.ConvertedAt.In(zoneOr(q.Zone)).Format("2006-01-02")
	}
	return text
}

func (l *campaignLeaf) next(*Question) time.Time { return time.Time{} }
func (l *campaignLeaf) uses(u *Uses)             { u.Campaigns = append(u.Campaigns, l.name) }

func (l *campaignLeaf) sql(p *SQL) string {
	id := p.campaignID(l.name)
	if id == 0 { // never applied: nobody was ever in it
		if l.is == "never" {
			return yes
		}
		return no
	}
	r := &rows{table: tableEnrolments + " n", alias: "n"}
	r.and("n." + colCampaignID + " = " + strconv.FormatInt(id, 10))
	switch l.is {
	case "in":
		r.and("n." + colState + " in ('active', 'parked')")
	case "finished":
		r.and("n." + colState + " in ('finished', 'exited')")
	case "converted":
		r.and("n." + colEnrolmentConvertedAt + " is not null")
	}
	if l.is == "never" {
		return not(r.any(p))
	}
	return r.any(p)
}
