package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// AttributeChange writes fields of a contact.
type AttributeChange struct {
	Contact contacts.ID
	// Set is field to value: first_name, last_name, language, timezone, else
	// an attribute, with "attributes." before its name or without. Nil removes.
	Set map[string]any
	Key string // of the contact.changed event: the same key changes nothing twice
}

// SetAttributes writes fields of contacts. What really changes is told as a
// contact.changed event, because the ladder and conditions look at it.
func (s *Store) SetAttributes(ctx context.Context, changes []AttributeChange, now time.Time) error {
	err := s.db.write(ctx, func(q querier) error { return s.setAttributes(ctx, q, changes, now) })
	if err != nil {
		return fmt.Errorf("cannot set attributes: %w", err)
	}
	return nil
}

// setAttributes is SetAttributes inside a transaction. It takes the locks of
// the contacts.
func (s *Store) setAttributes(ctx context.Context, q querier, changes []AttributeChange, now time.Time) error {
	var ids []contacts.ID
	for _, c := range changes {
		ids = append(ids, c.Contact)
	}
	if ids = uniqueIDs(ids); len(ids) == 0 {
		return nil
	}
	list, err := s.readContacts(ctx, q, ids, "for update")
	if err != nil {
		return err
	}
	keys := make([]string, len(changes))
	for i, c := range changes {
		keys[i] = c.Key
	}
	done, err := s.knownKeys(ctx, q, keys)
	if err != nil {
		return err
	}
	at := make(map[contacts.ID]int, len(list))
	for i := range list {
		at[list[i].ID] = i
	}
	var moved []int
	var events []contacts.Event
	for _, c := range changes {
		i, found := at[c.Contact]
		if !found || list[i].Erased || done[c.Key] {
			continue
		}
		done[c.Key] = true
		if fields := merge(&list[i], c.Set); len(fields) > 0 {
			moved = append(moved, i)
			events = append(events, changedEvent(c.Contact, fields, c.Key, now))
		}
	}
	slices.Sort(moved)
	var save []contacts.Contact
	for _, i := range slices.Compact(moved) {
		save = append(save, list[i])
	}
	if err := s.saveProfiles(ctx, q, save, now); err != nil {
		return err
	}
	return s.tell(ctx, q, events, now)
}

// merge writes fields into a contact and returns what was different, as the
// contact.changed event tells it: {field: {from, to}}.
func merge(c *contacts.Contact, set map[string]any) map[string]any {
	changes := map[string]any{}
	note := func(field string, from, to any) {
		change := map[string]any{"to": to}
		if from != nil {
			change["from"] = from
		}
		changes[field] = change
	}
	c.Attributes = maps.Clone(c.Attributes)
	if c.Attributes == nil {
		c.Attributes = map[string]any{}
	}
	for _, field := range sortedKeys(set) {
		value := cleanValue(set[field])
		if text := builtIn(c, field); text != nil {
			to, _ := value.(string)
			if *text != to {
				note(field, *text, to)
				*text = to
			}
			continue
		}
		name := cleanText(strings.TrimPrefix(field, "attributes."))
		from, had := c.Attributes[name]
		if name == "" || value == nil && !had || had && reflect.DeepEqual(from, value) {
			continue
		}
		shown := name
		if contacts.Builtin(name) {
			shown = "attributes." + name
		}
		if note(shown, from, value); value == nil {
			delete(c.Attributes, name)
		} else {
			c.Attributes[name] = value
		}
	}
	return changes
}

// builtIn is the field of a contact that the engine itself knows, or nil.
// The address is not among them: it is who the contact is.
func builtIn(c *contacts.Contact, field string) *string {
	switch field {
	case "first_name":
		return &c.FirstName
	case "last_name":
		return &c.LastName
	case "language":
		return &c.Language
	case "timezone":
		return &c.Timezone
	}
	return nil
}

func changedEvent(who contacts.ID, fields map[string]any, key string, now time.Time) contacts.Event {
	return contacts.Event{Contact: who, Name: contacts.EventChanged, At: now, Key: key, Properties: map[string]any{"changes": fields}}
}

// changeKey tells one change of a contact from every other when the caller
// has no name for it.
func changeKey(who contacts.ID, fields map[string]any, now time.Time) string {
	sum := sha256.Sum256([]byte(jsonText(fields)))
	return fmt.Sprintf("changed:%s:%d:%s", ident.Format(int64(who)), ms(now), hex.EncodeToString(sum[:6]))
}

// saveProfiles writes names, language, time zone and attributes of contacts
// that are locked, and what conditions compare of them.
func (s *Store) saveProfiles(ctx context.Context, q querier, list []contacts.Contact, now time.Time) error {
	if len(list) == 0 {
		return nil
	}
	n := len(list)
	id := make([]int64, n)
	first, last, language, zone := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	attributes, folded := make([]string, n), make([]string, n)
	for i := range list {
		c := &list[i]
		id[i], first[i], last[i], language[i], zone[i] = int64(c.ID), c.FirstName, c.LastName, c.Language, c.Timezone
		attributes[i], folded[i] = jsonText(c.Attributes), contacts.Folded(c)
	}
	b := s.statement()
	updated := b.arg(ms(now))
	from := b.table("r", bigints("id", id), texts("first_name", first), texts("last_name", last), texts("language", language),
		texts("timezone", zone), texts("attributes", attributes), texts("folded", folded))
	_, err := q.exec(ctx, `update contacts set first_name = r.first_name, last_name = r.last_name, language = r.language,
		timezone = r.timezone, attributes = `+b.json("r.attributes")+`, folded = `+b.json("r.folded")+`, updated_at = `+updated+`
		from `+from+` where contacts.id = r.id`, b.args...)
	return err
}
