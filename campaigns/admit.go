package campaigns

import (
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Verdict is what becomes of a contact whom a start has reached.
type Verdict string

// The verdicts. Every one of them is recorded.
const (
	Enrol     Verdict = "enrol"
	HeldOut   Verdict = "control" // enrolled as control
	Refused   Verdict = "refused"
	AlreadyIn Verdict = "already in"
	Restart   Verdict = "restart" // the running enrolment ends, a new one starts
)

// Applicant is a contact whom a start has reached.
type Applicant struct {
	Definition *Definition
	Facts      *contacts.Facts // Campaigns says where the contact was before
	Segments   segments.Set
	Ladder     []string
	Scoring    *segments.Scoring
	Now        time.Time
	Zone       *time.Location // the company's
	// ControlOff enrols everybody: scenarios and tests run without a control group.
	ControlOff bool
}

// Admission is the verdict and, where it is not Enrol, the reason.
type Admission struct {
	Verdict Verdict
	Reason  string
}

// Admit decides whether a contact is enrolled. A contact is in a campaign at
// most once at a time. The order of the questions is the order in which a
// person would want to know: already in, permission, audience, reentry,
// the control group of the workspace, that of the campaign. A firing asks in the
// same order, in store.EnrolChunk.
func Admit(a Applicant) Admission {
	d := a.Definition
	running, latest := a.before()
	if running != nil && d.Reentry.Mode != ReentryRestart {
		return Admission{AlreadyIn, "enrolled since " + stamp(running.StartedAt, a.zone())}
	}
	if reason, ok := d.Mailable(a.Facts); !ok {
		return Admission{Refused, reason}
	}
	if reason := a.outside(); reason != "" {
		return Admission{Refused, reason}
	}
	if latest != nil && running == nil {
		if reason := a.reentry(latest); reason != "" {
			return Admission{Refused, reason}
		}
	}
	if !a.ControlOff && d.IsApart(a.Facts.Contact.Seed) {
		return Admission{Refused, ReasonApart}
	}
	if !a.ControlOff && d.InControl(a.Facts.Contact.Seed) {
		if running != nil {
			return Admission{AlreadyIn, "held out as control since " + stamp(running.StartedAt, a.zone())}
		}
		return Admission{HeldOut, "control group"}
	}
	if running != nil {
		return Admission{Restart, "started anew"}
	}
	return Admission{Verdict: Enrol}
}

// before finds the enrolment that is running and the one that started last.
func (a *Applicant) before() (running, latest *contacts.Participation) {
	for i := range a.Facts.Campaigns {
		p := &a.Facts.Campaigns[i]
		if p.Campaign != a.Definition.Name {
			continue
		}
		if p.EndedAt.IsZero() {
			running = p
		}
		if latest == nil || p.StartedAt.After(latest.StartedAt) {
			latest = p
		}
	}
	return running, latest
}

func (a *Applicant) outside() string {
	in := func(name string) bool {
		s := a.Segments[name]
		return s != nil && s.Where != nil && s.Where.Match(&segments.Question{
			Facts: a.Facts, Now: a.Now, Segments: a.Segments, Zone: a.zone(), Ladder: a.Ladder, Scoring: a.Scoring,
		})
	}
	if name := a.Definition.Audience.Segment; name != "" && !in(name) {
		return "not in segment " + name
	}
	for _, name := range a.Definition.Audience.Exclude {
		if in(name) {
			return "excluded: in segment " + name
		}
	}
	return ""
}

func (a *Applicant) reentry(latest *contacts.Participation) string {
	switch r := a.Definition.Reentry; r.Mode {
	case ReentryAlways, ReentryRestart:
		return ""
	case ReentryAfter:
		again := r.After.After(latest.StartedAt, a.Definition.Zone(&a.Facts.Contact, a.Zone))
		if a.Now.Before(again) {
			// Without the date: reasons are counted, and each would be its own.
			return "reentry only after " + r.After.String()
		}
		return ""
	default:
		return "was in this campaign before, and reentry is never"
	}
}

func (a *Applicant) zone() *time.Location {
	return zoneOf("", nil, a.Zone)
}
