package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
)

// StateChange is what the ladder and health say about a contact now.
type StateChange struct {
	Contact     contacts.ID
	Stage       string
	StageSince  time.Time
	Health      string
	HealthSince time.Time
	Changes     []contacts.StageChange // the whole history, in order
	NextChange  time.Time              // when time alone can move it; zero is never
	// Scores are stored where Scored says so; else those that are stored stay.
	Scores []contacts.Score
	Scored bool
}

// SaveStates stores the states of contacts: the columns that conditions read
// and the history, which is replaced where it differs. Saving the same states
// again changes nothing.
func (s *Store) SaveStates(ctx context.Context, states []StateChange) error {
	err := s.db.write(ctx, func(q querier) error {
		ids := make([]contacts.ID, len(states))
		for i := range states {
			ids[i] = states[i].Contact
		}
		if err := s.lockContacts(ctx, q, uniqueIDs(ids)); err != nil {
			return err
		}
		return s.saveStates(ctx, q, states)
	})
	if err != nil {
		return fmt.Errorf("cannot store the stages of contacts: %w", err)
	}
	return nil
}

// saveStates expects the contacts to be locked.
func (s *Store) saveStates(ctx context.Context, q querier, states []StateChange) error {
	if len(states) == 0 {
		return nil
	}
	if err := s.saveStateColumns(ctx, q, states); err != nil {
		return err
	}
	if err := s.saveScores(ctx, q, states); err != nil {
		return err
	}
	stored, err := s.storedChanges(ctx, q, states)
	if err != nil {
		return err
	}
	var wrong []historyRow // stored, and not so any more
	var rows []historyRow
	for _, st := range states {
		gone, fresh := historyDiff(stored[st.Contact], historyRows(st))
		wrong, rows = append(wrong, gone...), append(rows, fresh...)
	}
	if err := s.deleteHistory(ctx, q, wrong); err != nil {
		return err
	}
	return s.insertHistory(ctx, q, rows)
}

// historyDiff compares what is stored with what is wanted, both ordered by kind
// and position. A later event adds to the end, so mostly nothing is gone.
func historyDiff(stored, wanted []historyRow) (gone, fresh []historyRow) {
	type place struct {
		kind     string
		position int64
	}
	is := make(map[place]historyRow, len(stored))
	for _, r := range stored {
		is[place{r.kind, r.position}] = r
	}
	for _, r := range wanted {
		at := place{r.kind, r.position}
		if old, ok := is[at]; !ok || old != r {
			fresh = append(fresh, r)
		} else {
			delete(is, at)
		}
	}
	for _, r := range stored {
		if _, ok := is[place{r.kind, r.position}]; ok {
			gone = append(gone, r)
		}
	}
	return gone, fresh
}

func (s *Store) deleteHistory(ctx context.Context, q querier, rows []historyRow) error {
	if len(rows) == 0 {
		return nil
	}
	contact, kind, position := make([]int64, len(rows)), make([]string, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		contact[i], kind[i], position[i] = int64(r.contact), r.kind, r.position
	}
	b := s.statement()
	from := b.table("r", bigints("contact_id", contact), texts("kind", kind), bigints("position", position))
	_, err := q.exec(ctx, `delete from stage_changes where (contact_id, kind, position) in (select r.contact_id, r.kind, r.position from `+from+`)`, b.args...)
	return err
}

// saveStateColumns writes what has moved. A next change that has moved further
// away stays where it was: looking at somebody too early finds the new one, and
// an order a week does not write to the contact a week.
func (s *Store) saveStateColumns(ctx context.Context, q querier, states []StateChange) error {
	n := len(states)
	id, stageSince, healthSince, next := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	stage, health := make([]string, n), make([]string, n)
	for i, st := range states {
		id[i], stage[i], health[i] = int64(st.Contact), st.Stage, st.Health
		stageSince[i], healthSince[i], next[i] = ms(st.StageSince), ms(st.HealthSince), msUp(st.NextChange)
	}
	b := s.statement()
	from := b.table("r", bigints("id", id), texts("stage", stage), bigints("stage_since", stageSince),
		texts("health", health), bigints("health_since", healthSince), nullable("next_change", next))
	_, err := q.exec(ctx, `update contacts set stage = r.stage, stage_since = r.stage_since, health = r.health,
		health_since = r.health_since, next_change = r.next_change from `+from+`
		where contacts.id = r.id and (contacts.stage <> r.stage or contacts.stage_since <> r.stage_since
			or contacts.health <> r.health or contacts.health_since <> r.health_since
			or contacts.next_change is null and r.next_change is not null or contacts.next_change > r.next_change)`, b.args...)
	return err
}

// historyRow is a row of stage_changes.
type historyRow struct {
	contact        contacts.ID
	kind           string
	position       int64
	from, to, rule string
	event          int64
	eventKey       string
	at             int64
}

func historyRows(st StateChange) []historyRow {
	rows := make([]historyRow, len(st.Changes))
	for i, c := range st.Changes {
		position := int64(0)
		for _, before := range rows[:i] {
			if before.kind == c.Kind {
				position = before.position + 1
			}
		}
		rows[i] = historyRow{st.Contact, c.Kind, position, c.From, c.To, c.Rule, c.Event, c.EventKey, ms(c.At)}
	}
	slices.SortStableFunc(rows, func(a, b historyRow) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.position, b.position))
	})
	return rows
}

func (s *Store) storedChanges(ctx context.Context, q querier, states []StateChange) (map[contacts.ID][]historyRow, error) {
	ids := make([]int64, len(states))
	for i, st := range states {
		ids[i] = int64(st.Contact)
	}
	out := map[contacts.ID][]historyRow{}
	b := s.statement()
	err := each(ctx, q, `select contact_id, kind, position, from_value, to_value, rule, event_id, event_key, at from stage_changes
		where `+b.in("contact_id", ids)+` order by contact_id, kind, position`, b.args,
		func(scan func(...any) error) error {
			var r historyRow
			err := scan(&r.contact, &r.kind, &r.position, &r.from, &r.to, &r.rule, &r.event, &r.eventKey, &r.at)
			out[r.contact] = append(out[r.contact], r)
			return err
		})
	return out, err
}

func (s *Store) insertHistory(ctx context.Context, q querier, rows []historyRow) error {
	if len(rows) == 0 {
		return nil
	}
	n := len(rows)
	contact, position, event, when := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	kind, from, to, rule, key := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, r := range rows {
		contact[i], position[i], event[i], when[i] = int64(r.contact), r.position, r.event, r.at
		kind[i], from[i], to[i], rule[i], key[i] = r.kind, r.from, r.to, r.rule, r.eventKey
	}
	_, err := s.insertRows(ctx, q, "stage_changes", "", bigints("contact_id", contact), texts("kind", kind), bigints("position", position),
		texts("from_value", from), texts("to_value", to), texts("rule", rule), bigints("event_id", event), texts("event_key", key), bigints("at", when))
	return err
}
