package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/segments"
)

// LoadFacts returns everything conditions are asked of, for up to about a
// thousand contacts at a time: one statement for each table, however many
// contacts there are. An id that does not exist is left out.
func (s *Store) LoadFacts(ctx context.Context, ids []contacts.ID) (map[contacts.ID]*contacts.Facts, error) {
	return s.LoadNeeded(ctx, ids, contacts.Everything)
}

// LoadNeeded is LoadFacts for who knows what will be looked at, as
// segments.Condition.Needs tells: what nobody asks for is not read.
func (s *Store) LoadNeeded(ctx context.Context, ids []contacts.ID, needs contacts.Needs) (map[contacts.ID]*contacts.Facts, error) {
	half := len(ids) / 2
	if s.dialect == segments.SQLite || half < sharedLeast {
		return s.loadFacts(ctx, s.db, ids, needs)
	}
	work, ctx := errgroup.WithContext(ctx)
	var parts [2]map[contacts.ID]*contacts.Facts
	for i, some := range [][]contacts.ID{ids[:half], ids[half:]} {
		work.Go(func() (err error) {
			parts[i], err = s.loadFacts(ctx, s.db, some, needs)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	maps.Copy(parts[0], parts[1])
	return parts[0], nil
}

// sharedLeast is how many contacts are worth a connection of their own to a server:
// most of the time goes by in it, looking for each of them in each quarter's events.
const sharedLeast = 100

// loadFacts loads what is needed, and perhaps more.
func (s *Store) loadFacts(ctx context.Context, q querier, people []contacts.ID, needs contacts.Needs) (map[contacts.ID]*contacts.Facts, error) {
	if len(people) == 0 {
		return map[contacts.ID]*contacts.Facts{}, nil
	}
	found, err := s.readContacts(ctx, q, people, "")
	if err != nil {
		return nil, fmt.Errorf("cannot load the facts of contacts: %w", err)
	}
	return s.factsOf(ctx, q, found, needs)
}

// factsOf loads what is needed of contacts that are read already.
func (s *Store) factsOf(ctx context.Context, q querier, found []contacts.Contact, needs contacts.Needs) (map[contacts.ID]*contacts.Facts, error) {
	facts := make(map[contacts.ID]*contacts.Facts, len(found))
	ids := make([]int64, len(found))
	for i := range found {
		ids[i] = int64(found[i].ID)
		facts[found[i].ID] = &contacts.Facts{Contact: found[i]}
	}
	for _, part := range []struct {
		needed bool
		load   func() error
	}{
		{needs.Permits || needs.Consents, func() error { return s.loadConsents(ctx, q, ids, needs, facts) }},
		{needs.AllEvents || len(needs.Events) > 0, func() error { return s.loadEvents(ctx, q, ids, needs, facts) }},
		{needs.Sent, func() error { return s.loadSent(ctx, q, ids, facts) }},
		{needs.Campaigns, func() error { return s.loadParticipations(ctx, q, ids, facts) }},
		{needs.Changes, func() error { return s.loadStageChanges(ctx, q, ids, facts) }},
		{needs.Scores, func() error { return s.loadScores(ctx, q, ids, facts) }},
		{needs.Clicks, func() error { return s.loadClicked(ctx, q, ids, facts) }},
	} {
		if !part.needed {
			continue
		}
		if err := part.load(); err != nil {
			return nil, fmt.Errorf("cannot load the facts of contacts: %w", err)
		}
	}
	for _, f := range facts {
		inOrder(f)
	}
	return facts, nil
}

// loadConsents reads consents: the history, which counts among the events too where
// somebody asks for these, or what was said last.
func (s *Store) loadConsents(ctx context.Context, q querier, ids []int64, needs contacts.Needs, facts map[contacts.ID]*contacts.Facts) error {
	asEvents := needs.AllEvents || slices.ContainsFunc(needs.Events, func(name string) bool { return strings.HasPrefix(name, "consent.") })
	from := "consents"
	if needs.Consents {
		from = "consent_acts"
	}
	b := s.statement()
	return each(ctx, q, `select contact_id, topic, state, source, at, key from `+from+`
		where `+b.in("contact_id", ids)+` order by contact_id, at, key, topic`, b.args,
		func(scan func(...any) error) error {
			var who contacts.ID
			var c contacts.Consent
			var when int64
			if err := scan(&who, &c.Topic, &c.State, &c.Source, &when, &c.Key); err != nil {
				return err
			}
			c.At = at(when)
			if f := facts[who]; f != nil {
				f.Consents = append(f.Consents, c)
				if asEvents {
					f.Events = append(f.Events, consentEvent(who, c))
				}
			}
			return nil
		})
}

// consentEvent is a change of consent as an event.
func consentEvent(who contacts.ID, c contacts.Consent) contacts.Event {
	return contacts.Event{
		Contact: who, Name: "consent." + c.State, At: c.At, Key: "consent:" + c.Topic + ":" + c.Key,
		Properties: map[string]any{"topic": c.Topic, "source": c.Source},
	}
}

func (s *Store) loadEvents(ctx context.Context, q querier, ids []int64, needs contacts.Needs, facts map[contacts.ID]*contacts.Facts) error {
	b := s.statement()
	return each(ctx, q, s.neededEvents(b, ids, needs), b.args,
		func(scan func(...any) error) error {
			e, err := scanEvent(scan)
			if err != nil {
				return err
			}
			if f := facts[e.Contact]; f != nil {
				f.Events = append(f.Events, e)
			}
			return nil
		})
}

// neededEvents reads those events of some contacts that are needed.
func (s *Store) neededEvents(b *statement, ids []int64, needs contacts.Needs) string {
	names := ""
	if !needs.AllEvents {
		names = ` and ` + b.inText(b.unindexed("e.name", "''"), needs.Events) + ` and not ` + b.unindexed("e.machine", "false") // whom no condition sees
	}
	return s.selectEvents(b) + b.eventsOf(ids, names)
}

// selectEvents reads whole events with the names of their campaigns; what follows
// says from where they come, by the name e. Few events have a campaign, so it is
// looked up for those alone.
func (s *Store) selectEvents(b *statement) string {
	return `select e.id, e.contact_id, e.name, e.at, e.key, ` + b.readJSON("e.properties") + `,
		case when e.campaign_id = 0 then '' else coalesce((select k.name from campaigns k where k.id = e.campaign_id), '') end,
		e.template, e.link, e.message_id, e.machine`
}

// unindexed keeps PostgreSQL from finding rows by a column, which is never null:
// instead says what it would be then. The index of names would be asked once for
// each name, in each partition: a contact has fewer events than there are names in
// a ladder, times months. Nor may a condition on machine let that index in: while
// the table is empty going through all of it looks as cheap as the index of
// contacts, and a plan from then is kept when a million events stand there.
func (b *statement) unindexed(column, instead string) string {
	if b.dialect == segments.Postgres {
		return "coalesce(" + column + ", " + instead + ")"
	}
	return column
}

// eventsOf are the events of some contacts for which a condition holds too, which
// begins with "and" or is "". PostgreSQL is told to go from contact to contact:
// before it has counted a table that fills up, it believes it to be small, and
// reads the events of everybody rather than look up those of a few hundred.
func (b *statement) eventsOf(ids []int64, and string) string {
	if b.dialect == segments.Postgres {
		return ` from unnest(` + b.arg(ids) + `::bigint[]) as who(id) cross join lateral
			(select e.* from events e where e.contact_id = who.id` + and + ` offset 0) as e`
	}
	return ` from events e where ` + b.in("e.contact_id", ids) + and
}

func scanEvent(scan func(...any) error) (contacts.Event, error) {
	var e contacts.Event
	var when int64
	var properties string
	if err := scan(&e.ID, &e.Contact, &e.Name, &when, &e.Key, &properties,
		&e.Campaign, &e.Template, &e.Link, &e.Message, &e.Machine); err != nil {
		return e, err
	}
	e.At = at(when)
	if properties != "{}" {
		var err error
		if e.Properties, err = decodeMap(properties); err != nil {
			return e, fmt.Errorf("event %s: %w", ident.Format(e.ID), err)
		}
	}
	return e, nil
}

// loadSent tells sent messages as events. A message whose fate nobody knows is
// none: it counts for limits, not for conditions.
func (s *Store) loadSent(ctx context.Context, q querier, ids []int64, facts map[contacts.ID]*contacts.Facts) error {
	b := s.statement()
	return each(ctx, q, `select m.id, m.contact_id, coalesce(m.decided_at, m.created_at), coalesce(k.name, ''), m.template
		from messages m left join campaigns k on k.id = m.campaign_id
		where m.state = 'sent' and `+b.near("m.contact_id", ids), b.args,
		func(scan func(...any) error) error {
			e := contacts.Event{Name: "email.sent"}
			var when int64
			if err := scan(&e.Message, &e.Contact, &when, &e.Campaign, &e.Template); err != nil {
				return err
			}
			e.At, e.Key = at(when), "sent:"+ident.Format(e.Message)
			if f := facts[e.Contact]; f != nil {
				f.Events = append(f.Events, e)
			}
			return nil
		})
}

// loadParticipations tells where each contact is, and was, in campaigns. An
// enrolment that waits for its message is active to everybody outside.
func (s *Store) loadParticipations(ctx context.Context, q querier, ids []int64, facts map[contacts.ID]*contacts.Facts) error {
	b := s.statement()
	return each(ctx, q, `select e.contact_id, e.id, k.name, case when e.state = 'parked' then 'active' else e.state end,
		e.started_at, e.ended_at, e.converted_at
		from enrolments e join campaigns k on k.id = e.campaign_id
		where `+b.in("e.contact_id", ids)+` order by e.contact_id, e.started_at, e.id`, b.args,
		func(scan func(...any) error) error {
			var who contacts.ID
			var p contacts.Participation
			var started int64
			var ended, converted *int64
			if err := scan(&who, &p.Enrolment, &p.Campaign, &p.State, &started, &ended, &converted); err != nil {
				return err
			}
			p.StartedAt, p.EndedAt, p.ConvertedAt = at(started), atNull(ended), atNull(converted)
			if f := facts[who]; f != nil {
				f.Campaigns = append(f.Campaigns, p)
			}
			return nil
		})
}

func (s *Store) loadStageChanges(ctx context.Context, q querier, ids []int64, facts map[contacts.ID]*contacts.Facts) error {
	b := s.statement()
	return each(ctx, q, `select contact_id, kind, from_value, to_value, rule, event_id, event_key, at from stage_changes
		where `+b.in("contact_id", ids)+` order by contact_id, at, kind desc, position`, b.args,
		func(scan func(...any) error) error {
			c, err := scanStageChange(scan)
			if err != nil {
				return err
			}
			if f := facts[c.Contact]; f != nil {
				f.Changes = append(f.Changes, c)
			}
			return nil
		})
}

func scanStageChange(scan func(...any) error) (contacts.StageChange, error) {
	var c contacts.StageChange
	var when int64
	err := scan(&c.Contact, &c.Kind, &c.From, &c.To, &c.Rule, &c.Event, &c.EventKey, &when)
	c.At = at(when)
	return c, err
}

func plainIDs[T ~int64](ids []T) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}
