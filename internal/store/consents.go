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

// record is what is known of a contact's consent to a topic.
type record struct {
	now    contacts.Consent // that counts; its State is "" while there is none
	keys   []string         // of the acts that were recorded
	stored bool             // there is a row of the one that counts
	moved  bool
}

// weighed is what changes of consent come to.
type weighed struct {
	refused []string // why, for each change, or ""
	changed []contacts.ID
	records map[topicOf]*record
	moved   []topicOf       // another act counts now
	past    []ConsentChange // acts that do not count any more, and are not recorded as such
}

// applyConsents expects checked changes and locked contacts. It returns why each
// change was refused, and whose record has changed.
func (s *Store) applyConsents(ctx context.Context, q querier, changes []ConsentChange) (refused []string, changed []contacts.ID, err error) {
	if len(changes) == 0 {
		return nil, nil, nil
	}
	records, err := s.consentRecords(ctx, q, changes)
	if err != nil {
		return nil, nil, err
	}
	w := weigh(changes, records)
	return w.refused, uniqueIDs(w.changed), s.saveWeighed(ctx, q, &w)
}

// weigh decides what checked changes come to, given what is recorded of their
// contacts.
func weigh(changes []ConsentChange, records map[topicOf]*record) weighed {
	w := weighed{refused: make([]string, len(changes)), records: records}
	for i, c := range changes {
		for _, c := range spread(c, records) {
			w.refused[i] = w.weigh(c)
		}
	}
	return w
}

func (w *weighed) weigh(c ConsentChange) (refused string) {
	of := topicOf{c.Contact, c.Topic}
	r := w.records[of]
	if r == nil {
		r = &record{}
		w.records[of] = r
	}
	said := contacts.Consent{Topic: c.Topic, State: c.State, Source: c.Source, At: c.At, Key: c.Key}
	if c.Imported {
		if r.now.State == c.State {
			return "" // the file says what is known
		}
		if refused = contacts.RefuseImport(r.now, said); refused != "" {
			return refused
		}
	}
	if slices.Contains(r.keys, c.Key) {
		return ""
	}
	r.keys = append(r.keys, c.Key)
	w.changed = append(w.changed, c.Contact)
	if r.now.State != "" && !said.After(r.now) {
		w.past = append(w.past, c)
		return ""
	}
	if before := r.now; before.State != "" {
		w.past = append(w.past, ConsentChange{Contact: c.Contact, Topic: c.Topic, State: before.State, Source: before.Source, At: before.At, Key: before.Key})
	}
	if r.now = said; !r.moved {
		r.moved, w.moved = true, append(w.moved, of)
	}
	return ""
}

func (s *Store) saveWeighed(ctx context.Context, q querier, w *weighed) error {
	if err := s.insertConsentHistory(ctx, q, w.past); err != nil {
		return err
	}
	return s.saveConsents(ctx, q, w.records, w.moved)
}

// spread turns a withdrawal from everything into one for each topic.
func spread(c ConsentChange, records map[topicOf]*record) []ConsentChange {
	if c.Topic != "" {
		return []ConsentChange{c}
	}
	var out []ConsentChange
	for of, r := range records {
		if of.contact == c.Contact && r.now.State != "" {
			one := c
			one.Topic = of.topic
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b ConsentChange) int { return strings.Compare(a.Topic, b.Topic) })
	return out
}

// consentRecords reads what is recorded for the contacts of some changes.
func (s *Store) consentRecords(ctx context.Context, q querier, changes []ConsentChange) (map[topicOf]*record, error) {
	records := make(map[topicOf]*record, len(changes))
	ids := make([]int64, len(changes))
	for i, c := range changes {
		ids[i] = int64(c.Contact)
	}
	b := s.statement()
	err := each(ctx, q, `select contact_id, topic, state, source, at, key, counts from consent_acts where `+b.in("contact_id", uniqueIDs(ids)), b.args,
		func(scan func(...any) error) error {
			var of topicOf
			var c contacts.Consent
			var when int64
			var counts bool
			if err := scan(&of.contact, &of.topic, &c.State, &c.Source, &when, &c.Key, &counts); err != nil {
				return err
			}
			c.Topic, c.At = of.topic, at(when)
			r := records[of]
			if r == nil {
				r = &record{}
				records[of] = r
			}
			r.keys = append(r.keys, c.Key)
			if counts {
				r.now, r.stored = c, true
			}
			return nil
		})
	return records, err
}

// insertConsentHistory writes acts that do not count.
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
	_, err := s.insertRows(ctx, q, "consent_history", "", bigints("contact_id", contact), texts("topic", topic), texts("state", state),
		texts("source", source), bigints("at", when), texts("key", key))
	return err
}

// saveConsents writes the consents that hold now. What has no row yet is simply
// inserted: to look for conflicts costs the database about as much again.
func (s *Store) saveConsents(ctx context.Context, q querier, records map[topicOf]*record, moved []topicOf) error {
	var anew, again []topicOf
	for _, of := range moved {
		if records[of].stored {
			again = append(again, of)
		} else {
			anew = append(anew, of)
		}
	}
	if err := s.writeConsents(ctx, q, records, anew, ""); err != nil {
		return err
	}
	return s.writeConsents(ctx, q, records, again,
		"on conflict (contact_id, topic) do update set state = excluded.state, source = excluded.source, at = excluded.at, key = excluded.key")
}

func (s *Store) writeConsents(ctx context.Context, q querier, records map[topicOf]*record, list []topicOf, conflict string) error {
	n := len(list)
	contact, when := make([]int64, n), make([]int64, n)
	topic, state, source, key := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, of := range list {
		c := &records[of].now
		contact[i], topic[i] = int64(of.contact), of.topic
		state[i], source[i], when[i], key[i] = c.State, c.Source, ms(c.At), c.Key
	}
	_, err := s.insertRows(ctx, q, "consents", conflict, bigints("contact_id", contact), texts("topic", topic), texts("state", state),
		texts("source", source), bigints("at", when), texts("key", key))
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
