package campaigns

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

// Limit is one line of `limits.per_contact`.
type Limit struct {
	Max int
	Per calendar.Span // days count calendar days in the contact's zone, today included; hours roll
}

// Permit is everything that decides when a message to a contact may go.
type Permit struct {
	Window      *calendar.Window // the campaign's; nil means at any hour
	WindowZone  *time.Location
	Quiet       *calendar.Quiet // nil means none
	QuietZone   *time.Location
	ContactZone *time.Location // whose calendar days the limits count
	Limits      []Limit
	// Sent are the times of the messages of this contact that count: sent,
	// sending and unknown, of all marketing campaigns, in any order.
	Sent []time.Time
	// Transactional mail ignores quiet hours and limits.
	Transactional bool
}

// Permit completes what is known of a contact (Quiet, QuietZone, Limits,
// Sent) by what the campaign says. company is the company's zone; a zone of
// quiet hours that is not given is the contact's.
func (d *Definition) Permit(known Permit, c *contacts.Contact, company *time.Location) Permit {
	p := known
	p.Window = d.Deliver.Window
	p.WindowZone = d.Zone(c, company)
	p.ContactZone = zoneOf(ContactZone, c, company)
	if p.QuietZone == nil {
		p.QuietZone = p.ContactZone
	}
	p.Transactional = d.Kind == Transactional
	return p
}

// CountsSince is a moment before which no mail counts for any of the limits at now
// or later; limited is false without limits.
func CountsSince(limits []Limit, now time.Time) (since time.Time, limited bool) {
	since = now
	for _, l := range limits {
		// Days are those of the contact's zone, which may be a day away, and days with
		// a change of clocks are longer.
		if t := now.Add(-l.Per.Fixed() - 72*time.Hour); t.Before(since) {
			since = t
		}
	}
	return since, len(limits) > 0
}

// horizon bounds the search for a moment that suits every rule. Windows and
// quiet hours repeat by the week, so four weeks without a match are enough to
// know that there is none.
const horizon = 28 * 24 * time.Hour

// Allowed returns the earliest moment at or after now at which the message
// may go: inside the window, outside quiet hours, and with every limit kept,
// given that nothing else is sent meanwhile. The reason names what holds it
// back and is "" when it may go now. The zero time means never: the rules
// leave no moment, and the reason says which.
func (p Permit) Allowed(now time.Time) (time.Time, string) {
	var causes []string
	hold := func(cause string) {
		if !slices.Contains(causes, cause) {
			causes = append(causes, cause)
		}
	}
	t, end := now, now.Add(horizon)
	for {
		before := t
		if p.Window != nil {
			if next := p.Window.Next(t, zoneOr(p.WindowZone)); next.After(t) {
				t = next
				hold("outside the delivery window")
			}
		}
		if !p.Transactional {
			if next := p.afterQuiet(t); next.After(t) {
				t = next
				hold("quiet hours")
			}
			next, limit := p.afterLimits(t)
			if next.IsZero() {
				return time.Time{}, "a limit of none " + limit + " lets nothing go"
			}
			if next.After(t) {
				t = next
				hold("limit of " + limit + " reached")
				end = t.Add(horizon)
			}
		}
		if t.Equal(before) {
			break
		}
		if t.After(end) {
			return time.Time{}, "the delivery window lies wholly within quiet hours"
		}
	}
	if len(causes) == 0 {
		return t, ""
	}
	return t, fmt.Sprintf("%s; from %s", strings.Join(causes, ", "), stamp(t, zoneOr(p.ContactZone)))
}

// afterQuiet is t, or the end of the quiet hours that t lies in.
func (p *Permit) afterQuiet(t time.Time) time.Time {
	if p.Quiet == nil || p.Quiet.From == p.Quiet.To {
		return t
	}
	return p.Quiet.Next(t, zoneOr(p.QuietZone))
}

// afterLimits is t, or the first moment at which every limit has room.
func (p *Permit) afterLimits(t time.Time) (time.Time, string) {
	if len(p.Limits) == 0 {
		return t, ""
	}
	sent := slices.Clone(p.Sent)
	slices.SortFunc(sent, func(a, b time.Time) int { return b.Compare(a) })
	zone, by := zoneOr(p.ContactZone), ""
	for _, l := range p.Limits {
		text := fmt.Sprintf("%d per %s", l.Max, l.Per)
		if l.Max < 1 {
			return time.Time{}, "per " + l.Per.String()
		}
		if len(sent) < l.Max {
			continue
		}
		// The oldest of the last Max messages must have left the span.
		free := l.free(sent[l.Max-1], zone)
		if free.After(t) {
			t, by = free, text
		}
	}
	return t, by
}

// free is when a message sent at s no longer counts against the limit.
func (l *Limit) free(s time.Time, zone *time.Location) time.Time {
	if l.Per.Days > 0 {
		return calendar.Of(s, zone).AddDays(l.Per.Days).At(0, zone)
	}
	return s.Add(l.Per.Clock)
}

// Expires is when a message that is due at t stops waiting: deliver.expire,
// counted from the first moment the campaign's own window is open, so that a
// window of one day a week does not expire what it was meant to collect.
func (d *Definition) Expires(p Permit, due time.Time) time.Time {
	open := due
	if p.Window != nil {
		open = p.Window.Next(due, zoneOr(p.WindowZone))
	}
	span := d.Deliver.Expire
	if span.IsZero() {
		span = DefaultExpire
	}
	return span.After(open, zoneOr(p.WindowZone))
}

// Rank orders the messages that are due for one contact.
type Rank struct {
	Priority int
	Due      time.Time
	ID       int64
}

// Precedes reports whether a goes before b: the higher priority, then the
// earlier due, then the lower id.
func (a Rank) Precedes(b Rank) bool {
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	if !a.Due.Equal(b.Due) {
		return a.Due.Before(b.Due)
	}
	return a.ID < b.ID
}

// Yields reports whether a message waits because another of the same contact
// goes first: the other has a higher priority and is due within lookAhead.
func (a Rank) Yields(other Rank, now time.Time, lookAhead time.Duration) bool {
	return other.Priority > a.Priority && !other.Due.After(now.Add(lookAhead))
}

func zoneOr(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}
