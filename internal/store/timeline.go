package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
)

// The kinds of a timeline's entries.
const (
	EntryEvent     = "event"
	EntryMessage   = "message"
	EntryConsent   = "consent"
	EntryStage     = "stage"
	EntryHealth    = "health"
	EntryEnrolment = "enrolment" // its start
	EntryEnd       = "end"       // of an enrolment
	EntryGoal      = "goal"      // of a campaign, reached
	EntryRefusal   = "refusal"   // not enrolled
)

// Entry is one line of a contact's timeline.
type Entry struct {
	At   time.Time
	Kind string
	ID   int64 // of the event, message or enrolment; the event behind a stage

	Name       string // of the event; the topic of a consent
	Campaign   string
	Template   string
	Link       string
	State      string // of the message, the enrolment, the consent
	Reason     string // why: of a message, an end, a refusal; the source of a consent; the rule of a stage
	From, To   string // of stage and health
	Machine    bool
	Properties map[string]any
}

// Page is a place in a timeline: pass what Timeline returned to get what is older.
type Page struct {
	At   time.Time // zero is the newest
	Skip int       // entries of that very moment that were shown
}

// Timeline tells what is known of a contact, newest first: events, messages
// with their state and reason, consents, moves, and the way through campaigns.
// next is the page that follows; more is false when there is none.
func (s *Store) Timeline(ctx context.Context, id contacts.ID, page Page, limit int) (list []Entry, next Page, more bool, err error) {
	t := timeline{Store: s, id: int64(id), until: int64(1) << 62, limit: limit + page.Skip + 1}
	if !page.At.IsZero() {
		t.until = ms(page.At)
	}
	for _, read := range []func(context.Context) error{t.events, t.messages, t.consents, t.changes, t.enrolments, t.refusals} {
		if err := read(ctx); err != nil {
			return nil, Page{}, false, fmt.Errorf("cannot read the timeline of contact %d: %w", id, err)
		}
	}
	slices.SortStableFunc(t.list, func(a, b Entry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Kind, b.Kind)) // within these as they were read
	})
	list = t.list[min(page.Skip, len(t.list)):]
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	if len(list) > 0 {
		next.At = list[len(list)-1].At
		for i := len(list) - 1; i >= 0 && list[i].At.Equal(next.At); i-- {
			next.Skip++
		}
		if next.At.Equal(page.At) {
			next.Skip += page.Skip
		}
	}
	return list, next, more, nil
}

type timeline struct {
	*Store
	id    int64
	until int64
	limit int
	list  []Entry
}

// source is where entries come from: a statement without its WHERE, and its
// columns of the contact, of the time, and that order what has the same time.
type source struct{ text, contact, when, then string }

// read runs a statement that ends in a WHERE clause about the contact, with
// the newest rows first; a source says by which columns.
func (t *timeline) read(ctx context.Context, b *statement, from source, add func(scan func(...any) error) (Entry, error)) error {
	text := from.text + ` where ` + from.contact + ` = ` + b.arg(t.id) + ` and ` + from.when + ` <= ` + b.arg(t.until) +
		` order by ` + from.when + ` desc, ` + from.then + ` limit ` + b.arg(t.limit)
	return each(ctx, t.db, text, b.args, func(scan func(...any) error) error {
		e, err := add(scan)
		t.list = append(t.list, e)
		return err
	})
}

func (t *timeline) events(ctx context.Context) error {
	b := t.statement()
	return t.read(ctx, b, source{t.selectEvents(b) + ` from events e`, "e.contact_id", "e.at", "e.id desc"}, func(scan func(...any) error) (Entry, error) {
		e, err := scanEvent(scan)
		return Entry{At: e.At, Kind: EntryEvent, ID: e.ID, Name: e.Name, Campaign: e.Campaign, Template: e.Template,
			Link: e.Link, Machine: e.Machine, Properties: e.Properties}, err
	})
}

func (t *timeline) messages(ctx context.Context) error {
	when := "coalesce(m.decided_at, m.claimed_at, m.created_at)"
	return t.read(ctx, t.statement(), source{`select m.id, ` + when + `, coalesce(k.name, ''), m.template, m.state, m.reason
		from messages m left join campaigns k on k.id = m.campaign_id`, "m.contact_id", when, "m.id desc"},
		func(scan func(...any) error) (Entry, error) {
			e := Entry{Kind: EntryMessage}
			var when int64
			err := scan(&e.ID, &when, &e.Campaign, &e.Template, &e.State, &e.Reason)
			e.At = at(when)
			return e, err
		})
}

func (t *timeline) consents(ctx context.Context) error {
	return t.read(ctx, t.statement(), source{`select at, topic, state, source from consent_acts`,
		"contact_id", "at", "topic, case when state = '" + contacts.ConsentWithdrawn + "' then 0 else 1 end, key desc"}, // as contacts.CompareConsents says
		func(scan func(...any) error) (Entry, error) {
			e := Entry{Kind: EntryConsent}
			var when int64
			err := scan(&when, &e.Name, &e.State, &e.Reason)
			e.At = at(when)
			return e, err
		})
}

func (t *timeline) changes(ctx context.Context) error {
	return t.read(ctx, t.statement(), source{`select contact_id, kind, from_value, to_value, rule, event_id, event_key, at from stage_changes`,
		"contact_id", "at", "kind, position desc"},
		func(scan func(...any) error) (Entry, error) {
			c, err := scanStageChange(scan)
			return Entry{At: c.At, Kind: c.Kind, ID: c.Event, From: c.From, To: c.To, Reason: c.Rule}, err
		})
}

// enrolments become up to three entries each: the start, the goal, the end.
func (t *timeline) enrolments(ctx context.Context) error {
	for _, part := range []struct{ kind, when, reason string }{
		{EntryEnrolment, "e.started_at", "''"},
		{EntryGoal, "e.converted_at", "''"},
		{EntryEnd, "e.ended_at", "e.reason"},
	} {
		if err := t.read(ctx, t.statement(), source{`select e.id, ` + part.when + `, k.name, e.state, ` + part.reason + `
			from enrolments e join campaigns k on k.id = e.campaign_id`, "e.contact_id", part.when, "e.id desc"},
			func(scan func(...any) error) (Entry, error) {
				e := Entry{Kind: part.kind}
				var when int64
				err := scan(&e.ID, &when, &e.Campaign, &e.State, &e.Reason)
				e.At = at(when)
				return e, err
			}); err != nil {
			return err
		}
	}
	return nil
}

func (t *timeline) refusals(ctx context.Context) error {
	return t.read(ctx, t.statement(), source{`select r.last_at, k.name, r.reason from refusals r join campaigns k on k.id = r.campaign_id`,
		"r.contact_id", "r.last_at", "r.campaign_id, r.reason"},
		func(scan func(...any) error) (Entry, error) {
			e := Entry{Kind: EntryRefusal}
			var when int64
			err := scan(&when, &e.Campaign, &e.Reason)
			e.At = at(when)
			return e, err
		})
}
