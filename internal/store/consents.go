package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
)

// ConsentChange is what a contact has said about a topic, or what was
// confirmed for it.
type ConsentChange struct {
	Contact contacts.ID
	Topic   string // "" with ConsentWithdrawn means every topic the contact ever had a say in
	State   string // contacts.ConsentGiven, ConsentWithdrawn or ConsentPending
	Source  string // where it was said: "preference page", "import march.csv"
	At      time.Time
	Key     string // tells a repetition of the same act from a new one; made of the rest when ""

	// Imported marks what a file says, and not the contact: it never makes
	// mailable who has withdrawn, needs a source, and a time after what is
	// known (semantics.md, rule 27).
	Imported bool
}

func (c *ConsentChange) check(now time.Time) error {
	if c.State != contacts.ConsentGiven && c.State != contacts.ConsentWithdrawn && c.State != contacts.ConsentPending {
		return fmt.Errorf("the consent of contact %d to %q is %q: it must be given, withdrawn or pending", c.Contact, c.Topic, c.State)
	}
	if c.Topic == "" && c.State != contacts.ConsentWithdrawn {
		return fmt.Errorf("the consent of contact %d names no topic", c.Contact)
	}
	if c.At.IsZero() || c.At.After(now) {
		c.At = now
	}
	if c.Key == "" {
		c.Key = fmt.Sprintf("%s:%d:%s", c.State, ms(c.At), c.Source)
	}
	c.Source, c.Key = cleanText(c.Source), cleanText(c.Key)
	return nil
}

// SetConsent records changes of consent under the contacts' locks. The current
// consent is the latest by time of the act, then by key, in whatever order acts
// come in; an act that comes twice changes nothing. Contacts whose record has
// changed are touched. The result tells for each change why it was refused, or "".
func (s *Store) SetConsent(ctx context.Context, changes []ConsentChange, now time.Time) (refused []string, err error) {
	changes = slices.Clone(changes)
	ids := make([]contacts.ID, len(changes))
	for i := range changes {
		if err := changes[i].check(now); err != nil {
			return nil, err
		}
		ids[i] = changes[i].Contact
	}
	err = s.db.write(ctx, func(q querier) error {
		if err := s.lockContacts(ctx, q, uniqueIDs(slices.Clone(ids))); err != nil {
			return err
		}
		var changed []contacts.ID
		if refused, changed, err = s.applyConsents(ctx, q, changes); err != nil {
			return err
		}
		return s.touch(ctx, q, touchedBy(changed, 0))
	})
	if err != nil {
		return nil, fmt.Errorf("cannot record consent: %w", err)
	}
	return refused, nil
}

// topicOf is a contact and a topic.
type topicOf struct {
	contact contacts.ID
	topic   string
}

// applyConsents expects checked changes and locked contacts. It returns why
// each change was refused, and whose record has changed.
func (s *Store) applyConsents(ctx context.Context, q querier, changes []ConsentChange) (refused []string, changed []contacts.ID, err error) {
	refused = make([]string, len(changes))
	if len(changes) == 0 {
		return refused, nil, nil
	}
	current, seen, err := s.consentState(ctx, q, changes)
	if err != nil {
		return nil, nil, err
	}
	var history []ConsentChange
	moved := map[topicOf]bool{}
	for i, c := range changes {
		for _, c := range spread(c, current) {
			of := topicOf{c.Contact, c.Topic}
			now, known := current[of]
			if c.Imported && known && now.State == c.State {
				continue // the file says what is known
			}
			said := contacts.Consent{Topic: c.Topic, State: c.State, Source: c.Source, At: c.At, Key: c.Key}
			if c.Imported {
				if refused[i] = contacts.RefuseImport(now, said); refused[i] != "" {
					continue
				}
			}
			if seen[of] == nil {
				seen[of] = map[string]bool{}
			}
			if seen[of][c.Key] {
				continue
			}
			seen[of][c.Key] = true
			history = append(history, c)
			changed = append(changed, c.Contact)
			if !known || said.After(now) {
				current[of], moved[of] = said, true
			}
		}
	}
	if err := s.insertConsentHistory(ctx, q, history); err != nil {
		return nil, nil, err
	}
	return refused, uniqueIDs(changed), s.saveConsents(ctx, q, current, moved)
}

// spread turns a withdrawal from everything into one for each topic.
func spread(c ConsentChange, current map[topicOf]contacts.Consent) []ConsentChange {
	if c.Topic != "" {
		return []ConsentChange{c}
	}
	var out []ConsentChange
	for of := range current {
		if of.contact == c.Contact {
			one := c
			one.Topic = of.topic
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b ConsentChange) int { return strings.Compare(a.Topic, b.Topic) })
	return out
}

// consentState reads, for the contacts of some changes, the consents that hold
// and the keys that were seen.
func (s *Store) consentState(ctx context.Context, q querier, changes []ConsentChange) (map[topicOf]contacts.Consent, map[topicOf]map[string]bool, error) {
	ids := make([]int64, len(changes))
	for i, c := range changes {
		ids[i] = int64(c.Contact)
	}
	current, seen := map[topicOf]contacts.Consent{}, map[topicOf]map[string]bool{}
	b := s.statement()
	err := each(ctx, q, `select contact_id, topic, state, source, at, key from consent_history where `+b.in("contact_id", uniqueIDs(ids)), b.args,
		func(scan func(...any) error) error {
			var of topicOf
			var c contacts.Consent
			var when int64
			if err := scan(&of.contact, &of.topic, &c.State, &c.Source, &when, &c.Key); err != nil {
				return err
			}
			c.Topic, c.At = of.topic, at(when)
			if seen[of] == nil {
				seen[of] = map[string]bool{}
			}
			seen[of][c.Key] = true
			if now, known := current[of]; !known || c.After(now) {
				current[of] = c
			}
			return nil
		})
	return current, seen, err
}

func (s *Store) insertConsentHistory(ctx context.Context, q querier, history []ConsentChange) error {
	if len(history) == 0 {
		return nil
	}
	n := len(history)
	contact, when := make([]int64, n), make([]int64, n)
	topic, state, source, key := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, c := range history {
		contact[i], when[i] = int64(c.Contact), ms(c.At)
		topic[i], state[i], source[i], key[i] = c.Topic, c.State, c.Source, c.Key
	}
	b := s.statement()
	from := b.table("r", bigints("contact_id", contact), texts("topic", topic), texts("state", state),
		texts("source", source), bigints("at", when), texts("key", key))
	_, err := q.exec(ctx, `insert into consent_history (contact_id, topic, state, source, at, key)
		select r.contact_id, r.topic, r.state, r.source, r.at, r.key from `+from, b.args...)
	return err
}

func (s *Store) saveConsents(ctx context.Context, q querier, current map[topicOf]contacts.Consent, moved map[topicOf]bool) error {
	if len(moved) == 0 {
		return nil
	}
	var contact, when []int64
	var topic, state, source []string
	for of := range moved {
		c := current[of]
		contact, topic = append(contact, int64(of.contact)), append(topic, of.topic)
		state, source, when = append(state, c.State), append(source, c.Source), append(when, ms(c.At))
	}
	b := s.statement()
	from := b.table("r", bigints("contact_id", contact), texts("topic", topic), texts("state", state),
		texts("source", source), bigints("at", when))
	_, err := q.exec(ctx, `insert into consents (contact_id, topic, state, source, at)
		select r.contact_id, r.topic, r.state, r.source, r.at from `+from+` where true
		on conflict (contact_id, topic) do update set state = excluded.state, source = excluded.source, at = excluded.at`, b.args...)
	return err
}

// Consents returns the consents that hold, by contact and in the order of their topics.
func (s *Store) Consents(ctx context.Context, ids []contacts.ID) (map[contacts.ID][]contacts.Consent, error) {
	out := map[contacts.ID][]contacts.Consent{}
	b := s.statement()
	err := each(ctx, s.db, `select contact_id, topic, state, source, at from consents where `+b.in("contact_id", plainIDs(ids))+
		` order by contact_id, topic`, b.args,
		func(scan func(...any) error) error {
			var who contacts.ID
			var c contacts.Consent
			var when int64
			err := scan(&who, &c.Topic, &c.State, &c.Source, &when)
			c.At = at(when)
			out[who] = append(out[who], c)
			return err
		})
	return out, err
}

func touchedBy(ids []contacts.ID, event int64) []Touched {
	out := make([]Touched, len(ids))
	for i, id := range ids {
		out[i] = Touched{Contact: id, Event: event}
	}
	return out
}
