package store

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Suppression says that nothing may be sent to an address.
type Suppression struct {
	Email  string // as contacts.ParseAddress writes it
	Reason string // one of contacts.Reason…
	Source string
	At     time.Time
}

// strength orders reasons: a stronger one replaces a weaker one, for a
// transactional message is kept back by the strong ones only.
func strength(reason string) int {
	return slices.Index([]string{contacts.ReasonUnsubscribedAll, contacts.ReasonManual, contacts.ReasonHardBounce,
		contacts.ReasonComplaint, contacts.ReasonErased}, reason)
}

// Suppress adds addresses to the list of those who get nothing and marks their
// contacts, in one transaction. An address that is on the list stays there with
// the graver of the two reasons. It returns how many entries are new or graver.
func (s *Store) Suppress(ctx context.Context, list []Suppression, now time.Time) (changed int, err error) {
	wanted := map[string]Suppression{}
	for _, x := range list {
		if strength(x.Reason) < 0 || x.Reason == contacts.ReasonErased {
			return 0, fmt.Errorf("cannot suppress %s: %q is no reason: use hard-bounce, complaint, unsubscribed-all or manual", x.Email, x.Reason)
		}
		if x.At.IsZero() || x.At.After(now) {
			x.At = now
		}
		x.Source = cleanText(x.Source)
		if before, ok := wanted[x.Email]; !ok || strength(before.Reason) < strength(x.Reason) {
			wanted[x.Email] = x
		}
	}
	err = s.db.write(ctx, func(q querier) error {
		if err := s.lockAddresses(ctx, q, true); err != nil {
			return err
		}
		b := s.statement()
		var ids []contacts.ID
		if err := each(ctx, q, `select id from contacts where `+b.inText("email", sortedKeys(wanted)), b.args, func(scan func(...any) error) error {
			var id contacts.ID
			err := scan(&id)
			ids = append(ids, id)
			return err
		}); err != nil {
			return err
		}
		if err := s.lockContacts(ctx, q, ids); err != nil {
			return err
		}
		changed, err = s.applySuppressions(ctx, q, wanted)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot suppress addresses: %w", err)
	}
	return changed, nil
}

// lockAddresses keeps apart those who suppress addresses that may have no
// contact yet and those who make contacts: else neither would see the other.
func (s *Store) lockAddresses(ctx context.Context, q querier, suppress bool) error {
	if s.dialect == segments.SQLite {
		return nil
	}
	text := `select pg_advisory_xact_lock_shared($1)`
	if suppress {
		text = `select pg_advisory_xact_lock($1)`
	}
	_, err := q.exec(ctx, text, int64(0x5241505054)) // a number of our own
	return err
}

// applySuppressions writes the list and the contacts, which are locked. It
// returns how many entries are new or graver.
func (s *Store) applySuppressions(ctx context.Context, q querier, wanted map[string]Suppression) (int, error) {
	if len(wanted) == 0 {
		return 0, nil
	}
	known, err := s.suppressionsOf(ctx, q, sortedKeys(wanted))
	if err != nil {
		return 0, err
	}
	var email, reason, source []string
	var when []int64
	for _, address := range sortedKeys(wanted) {
		x := wanted[address]
		if before, ok := known[address]; ok && strength(before.Reason) >= strength(x.Reason) {
			continue
		}
		email, reason, source, when = append(email, address), append(reason, x.Reason), append(source, x.Source), append(when, ms(x.At))
	}
	if len(email) == 0 {
		return 0, nil
	}
	b := s.statement()
	from := b.table("r", texts("email", email), texts("reason", reason), texts("source", source), bigints("at", when))
	if _, err := q.exec(ctx, `insert into suppressions (email, reason, source, at)
		select r.email, r.reason, r.source, r.at from `+from+` where true order by r.email
		on conflict (email) do update set reason = excluded.reason, source = excluded.source, at = excluded.at`, b.args...); err != nil {
		return 0, err
	}
	b = s.statement()
	from = b.table("r", texts("email", email), texts("reason", reason), texts("source", source), bigints("at", when))
	var touched []Touched
	err = each(ctx, q, `update contacts set suppressed = r.reason, suppressed_at = r.at, suppressed_source = r.source
		from `+from+` where contacts.email = r.email returning contacts.id`, b.args,
		func(scan func(...any) error) error {
			var t Touched
			err := scan(&t.Contact)
			touched = append(touched, t)
			return err
		})
	if err != nil {
		return 0, err
	}
	slices.SortFunc(touched, func(a, b Touched) int { return cmp.Compare(a.Contact, b.Contact) })
	return len(email), s.touch(ctx, q, touched)
}

func (s *Store) suppressionsOf(ctx context.Context, q querier, emails []string) (map[string]Suppression, error) {
	b := s.statement()
	list, err := s.readSuppressions(ctx, q, b, b.inText("email", emails))
	out := make(map[string]Suppression, len(list))
	for _, x := range list {
		out[x.Email] = x
	}
	return out, err
}

func (s *Store) readSuppressions(ctx context.Context, q querier, b *statement, where string) ([]Suppression, error) {
	var out []Suppression
	err := each(ctx, q, `select email, reason, source, at from suppressions where `+where, b.args,
		func(scan func(...any) error) error {
			var x Suppression
			var when int64
			err := scan(&x.Email, &x.Reason, &x.Source, &when)
			x.At = at(when)
			out = append(out, x)
			return err
		})
	return out, err
}

// Suppressions lists the addresses that get nothing, in their order, at most
// limit of those after one, and of one reason unless it is "". Erased addresses
// stand as the mark that is left of them.
func (s *Store) Suppressions(ctx context.Context, reason, after string, limit int) ([]Suppression, error) {
	b := s.statement()
	where := `email > ` + b.arg(after)
	if reason != "" {
		where += ` and reason = ` + b.arg(reason)
	}
	return s.readSuppressions(ctx, s.db, b, where+` order by email limit `+b.arg(limit))
}

// Unsuppress takes addresses off the list, erased ones too, and their contacts
// may be mailed again as far as they consent. It returns how many were on it.
func (s *Store) Unsuppress(ctx context.Context, emails []string) (removed int, err error) {
	key, err := s.erasureKey(ctx)
	if err != nil {
		return 0, err
	}
	all := slices.Clone(emails)
	for _, email := range emails {
		all = append(all, erasedMark(key, email))
	}
	err = s.db.write(ctx, func(q querier) error {
		if err := s.lockAddresses(ctx, q, true); err != nil {
			return err
		}
		b := s.statement()
		list, err := s.contactsWhere(ctx, q, b, `not c.erased and c.suppressed is not null and `+b.inText("c.email", emails)+` order by c.id`+b.lock("for update"))
		if err != nil {
			return err
		}
		b = s.statement()
		n, err := q.exec(ctx, `delete from suppressions where `+b.inText("email", all), b.args...)
		if removed = int(n); err != nil {
			return err
		}
		ids := make([]contacts.ID, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		b = s.statement()
		if _, err := q.exec(ctx, `update contacts set suppressed = null, suppressed_at = null, suppressed_source = null where `+
			b.in("id", plainIDs(ids)), b.args...); err != nil {
			return err
		}
		return s.touch(ctx, q, touchedBy(ids, 0))
	})
	if err != nil {
		return 0, fmt.Errorf("cannot take addresses off the suppression list: %w", err)
	}
	return removed, nil
}

const erasedPrefix = "erased:"

// erasedMark stands for an address that was erased. Who has the database can
// tell whether an address they know was erased, and not which ones were.
func erasedMark(key []byte, email string) string {
	return erasedMarks(key)(email)
}

// erasedMarks is erasedMark for many addresses.
func erasedMarks(key []byte) func(email string) string {
	hash := keyedHashes(key)
	return func(email string) string { return erasedPrefix + hash(strings.ToLower(email)) }
}

// keyedHashes stand for texts that were erased, each for exactly its own.
func keyedHashes(key []byte) func(text string) string {
	mac := hmac.New(sha256.New, key)
	var sum [sha256.Size]byte
	return func(text string) string {
		mac.Reset()
		mac.Write([]byte(text))
		return hex.EncodeToString(mac.Sum(sum[:0])[:16])
	}
}
