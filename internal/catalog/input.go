package catalog

import (
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/segments"
)

// Input is what the pure machine needs to know about an enrolment: facts from
// the store, rules from this version.
func (a *Applied) Input(pinned *campaigns.Definition, d store.Due, now time.Time) campaigns.Input {
	return campaigns.Input{
		Pinned: pinned, Current: a.Definition(d.Enrolment.Campaign),
		Won: a.won(d.Enrolment), Enrolment: d.Enrolment, Outcomes: d.Outcomes,
		Question: a.Question(d.Facts, now), Permit: a.Permit(&d.Facts.Contact, d.Sent),
		Now: now, Zone: a.Zone,
	}
}

// won are the arms that were called, of splits as an enrolment has them pinned.
func (a *Applied) won(e campaigns.Enrolment) (out map[string]string) {
	for _, w := range a.Campaigns[a.names[e.Campaign]].Won {
		if !w.In(e.Version) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[strings.TrimPrefix(w.Split, campaigns.TestOf(""))] = w.Arm
	}
	return out
}

// Question asks conditions of a contact under this version.
func (a *Applied) Question(f *contacts.Facts, now time.Time) segments.Question {
	return segments.Question{Facts: f, Now: now, Segments: a.Segments, Zone: a.Zone, Ladder: a.Relationship.Stages(), Scoring: a.Relationship.Scoring()}
}

// SQL compiles conditions for the store under this version.
func (a *Applied) SQL(now time.Time) segments.SQL {
	return segments.SQL{Now: now, Segments: a.Segments, Zone: a.Zone, Ladder: a.Relationship.Stages(), Scoring: a.Relationship.Scoring(), CampaignIDs: a.CampaignID}
}

// Permit is what the workspace says about when a contact may be mailed, given
// what went to it. Mail of a transactional campaign takes no room in the limits:
// a receipt must not cost somebody the letter they asked for. What went for a
// campaign that was removed since counts.
func (a *Applied) Permit(c *contacts.Contact, went []store.Went) campaigns.Permit {
	p := campaigns.Permit{Limits: a.Limits.PerContact}
	for _, m := range went {
		if d := a.Definition(m.Campaign); d == nil || d.Kind != campaigns.Transactional {
			p.Sent = append(p.Sent, m.At)
		}
	}
	if q := a.Limits.QuietHours; q != nil {
		p.Quiet, p.QuietZone = &q.Quiet, q.Zone(c, a.Zone)
	}
	return p
}

// Lane is the queue lane of a campaign's mail: its band of priority, tens, its
// sender, and its name.
func (a *Applied) Lane(d *campaigns.Definition) string {
	return queue.Lane(d.Priority/10*10, a.SenderOf(d), d.Name)
}
