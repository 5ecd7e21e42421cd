package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Erase makes a person unrecognisable for good and keeps what counts: how many
// were sent, opened, clicked, and where the nameless contact stood. Of the
// address a keyed hash is left, so that no import brings it back. It reports
// whether there was a contact with this address.
func (s *Store) Erase(ctx context.Context, email string, now time.Time) (erased bool, err error) {
	key, err := s.erasureKey(ctx)
	if err != nil {
		return false, err
	}
	mark := erasedMark(key, email)
	err = s.db.write(ctx, func(q querier) error {
		erased = false
		if err := s.lockAddresses(ctx, q, true); err != nil {
			return err
		}
		b := s.statement()
		list, err := s.contactsWhere(ctx, q, b, "c.email = "+b.arg(email)+b.lock("for update"))
		if err != nil || len(list) == 0 {
			return err
		}
		erased = true
		c := list[0]
		if err := s.eraseHistory(ctx, q, c.ID, key); err != nil {
			return err
		}
		if _, err := q.exec(ctx, `delete from suppressions where email = $1`, email); err != nil {
			return err
		}
		if _, err := q.exec(ctx, `insert into suppressions (email, reason, source, at) values ($1, 'erased', 'erasure', $2)
			on conflict (email) do update set reason = 'erased', source = 'erasure', at = $2`, mark, ms(now)); err != nil {
			return err
		}
		// The contact's own mark has its id in it: the same person may come
		// back one day and be erased again.
		nobody := contacts.Contact{ID: c.ID, Email: fmt.Sprintf("%s:%d", mark, c.ID)}
		if err := s.eraseContact(ctx, q, nobody, now); err != nil {
			return err
		}
		return s.touch(ctx, q, touchedBy([]contacts.ID{c.ID}, 0)) // whatever runs for it ends
	})
	if err != nil {
		return false, fmt.Errorf("cannot erase a contact: %w", err)
	}
	return erased, nil
}

func (s *Store) eraseContact(ctx context.Context, q querier, nobody contacts.Contact, now time.Time) error {
	b := s.statement()
	when := b.arg(ms(now))
	_, err := q.exec(ctx, `update contacts set email = `+b.arg(nobody.Email)+`, first_name = '', last_name = '', language = '', timezone = '',
		attributes = `+b.json("'{}'")+`, folded = `+b.json(b.arg(contacts.Folded(&nobody)))+`, erased = true,
		suppressed = 'erased', suppressed_at = `+when+`, suppressed_source = 'erasure', next_change = null, updated_at = `+when+`
		where id = `+b.arg(int64(nobody.ID)), b.args...)
	return err
}

// eraseHistory takes everything out of a contact's past that could be about
// one person: what they told us, the words of mail servers, keys of others.
func (s *Store) eraseHistory(ctx context.Context, q querier, id contacts.ID, key []byte) error {
	origin := `data #- '{origin,properties}' #- '{origin,key}'`
	if s.dialect == segments.SQLite {
		origin = `jsonb_remove(data, '$.origin.properties', '$.origin.key')`
	}
	b := s.statement()
	empty := b.json("'{}'")
	texts := []string{
		// Keys of messages' events are the providers' own and keep duplicates out.
		`delete from event_keys where event_id in (select id from events where contact_id = $1 and message_id = 0)`,
		`update events set key = 'erased:' || id where contact_id = $1 and message_id = 0`,
		`update events set properties = ` + empty + `, folded = ` + empty + `, link = '' where contact_id = $1`,
		`update messages set subject_sent = '', reply = '' where contact_id = $1`,
		`update enrolments set data = ` + origin + `, rev = rev + 1 where contact_id = $1`,
		`delete from scores where contact_id = $1`,
		`delete from clicked where contact_id = $1`,
		`delete from outbox where contact_id = $1`,
		`update stage_changes set event_key = '' where contact_id = $1`,
	}
	if s.dialect == segments.Postgres {
		texts = append(texts, `update tallies set sums = '{}' where contact_id = $1 and name in (select e.name from events e where e.contact_id = $1)`)
	}
	for _, text := range texts {
		if _, err := q.exec(ctx, text, int64(id)); err != nil {
			return err
		}
	}
	return s.eraseConsentKeys(ctx, q, id, key)
}

// eraseConsentKeys keeps what was allowed and when, which must be shown for
// years, under keys that say nothing. They are in the order of those before: among
// acts of one moment the key decides, and who reads them must go on seeing that
// act last which counts. The hash keeps them apart from all that others may send.
func (s *Store) eraseConsentKeys(ctx context.Context, q querier, id contacts.ID, key []byte) error {
	type act struct{ key, topic string }
	var acts []act
	b := s.statement()
	if err := each(ctx, q, `select key, topic from consent_acts where contact_id = `+b.arg(int64(id)), b.args,
		func(scan func(...any) error) error {
			var a act
			err := scan(&a.key, &a.topic)
			acts = append(acts, a)
			return err
		}); err != nil {
		return err
	}
	slices.SortFunc(acts, func(a, b act) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.topic, b.topic)) })
	topics, keys, marks := make([]string, len(acts)), make([]string, len(acts)), make([]string, len(acts))
	hash := keyedHashes(key)
	for i, a := range acts {
		topics[i], keys[i], marks[i] = a.topic, a.key, fmt.Sprintf("%s%08d:%s", erasedPrefix, i, hash(a.key))
	}
	for _, table := range []string{"consents", "consent_history"} {
		b = s.statement()
		who := b.arg(int64(id))
		from := b.table("r", texts("topic", topics), texts("key", keys), texts("mark", marks))
		if _, err := q.exec(ctx, `update `+table+` set key = r.mark, source = '' from `+from+
			` where `+table+`.contact_id = `+who+` and `+table+`.topic = r.topic and `+table+`.key = r.key`, b.args...); err != nil {
			return err
		}
	}
	return nil
}
