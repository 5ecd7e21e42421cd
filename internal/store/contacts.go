package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/contacts"
	"rapport/segments"
)

// contactColumns is what scanContact reads, from contacts c.
func contactColumns(b *statement) string {
	return `c.id, c.email, c.first_name, c.last_name, c.language, c.timezone, ` + b.readJSON("c.attributes") + `,
		c.seed, c.stage, c.stage_since, c.health, c.health_since, c.suppressed, c.suppressed_at, c.suppressed_source,
		c.erased, c.created_at, c.updated_at`
}

// scanContact reads the columns before, and those of a contact.
func scanContact(scan func(...any) error, before ...any) (contacts.Contact, error) {
	var c contacts.Contact
	var attributes string
	var seed, stageSince, healthSince, created, updated int64
	var reason, source *string
	var since *int64
	if err := scan(append(before, &c.ID, &c.Email, &c.FirstName, &c.LastName, &c.Language, &c.Timezone, &attributes,
		&seed, &c.Stage, &stageSince, &c.Health, &healthSince, &reason, &since, &source,
		&c.Erased, &created, &updated)...); err != nil {
		return c, err
	}
	c.Seed = uint32(seed)
	c.StageSince, c.HealthSince, c.CreatedAt, c.UpdatedAt = at(stageSince), at(healthSince), at(created), at(updated)
	if reason != nil {
		c.Suppression = &contacts.Suppression{Reason: *reason, At: atNull(since)}
		if source != nil {
			c.Suppression.Source = *source
		}
	}
	var err error
	if c.Attributes, err = decodeMap(attributes); err != nil {
		return c, fmt.Errorf("the attributes of contact %d: %w", c.ID, err)
	}
	return c, nil
}

// readContacts reads contacts by id, in the order of their ids; with a lock
// clause for those who will write them.
func (s *Store) readContacts(ctx context.Context, q querier, ids []contacts.ID, lock string) ([]contacts.Contact, error) {
	b := s.statement()
	where := b.in("c.id", plainIDs(ids)) + ` order by c.id`
	if lock != "" {
		where += b.lock(lock)
	}
	return s.upToContacts(ctx, q, b, where, len(ids))
}

func (s *Store) contactsWhere(ctx context.Context, q querier, b *statement, where string) ([]contacts.Contact, error) {
	return s.upToContacts(ctx, q, b, where, 0)
}

// upToContacts is contactsWhere for who knows how many there are about.
func (s *Store) upToContacts(ctx context.Context, q querier, b *statement, where string, n int) ([]contacts.Contact, error) {
	out := make([]contacts.Contact, 0, n)
	err := each(ctx, q, `select `+contactColumns(b)+` from contacts c where `+where, b.args,
		func(scan func(...any) error) error {
			c, err := scanContact(scan)
			out = append(out, c)
			return err
		})
	return out, err
}

// lockContacts takes the lock under which permission is decided: the claim,
// changes of consent and of suppression, and erasure all take it, in the order
// of the ids, before they read or write anything else of a contact.
func (s *Store) lockContacts(ctx context.Context, q querier, ids []contacts.ID) error {
	if s.dialect == segments.SQLite || len(ids) == 0 {
		return nil
	}
	b := s.statement()
	return each(ctx, q, `select id from contacts where `+b.in("id", plainIDs(ids))+` order by id for update`, b.args,
		func(scan func(...any) error) error {
			var id int64
			return scan(&id)
		})
}

// lockLiving is lockContacts for who must still be there: it returns those of the
// ids, in their order, who were not erased before the lock was theirs.
func (s *Store) lockLiving(ctx context.Context, q querier, ids []int64) (living []int64, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	b := s.statement()
	err = each(ctx, q, `select id from contacts where `+b.in("id", ids)+` and not erased order by id`+b.lock("for update"), b.args,
		func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			living = append(living, id)
			return err
		})
	return living, err
}

// Contact returns one contact; found is false when there is none.
func (s *Store) Contact(ctx context.Context, id contacts.ID) (c contacts.Contact, found bool, err error) {
	return firstContact(s.readContacts(ctx, s.db, []contacts.ID{id}, ""))
}

// ContactByEmail returns the contact with an address as contacts.ParseAddress
// writes it.
func (s *Store) ContactByEmail(ctx context.Context, email string) (c contacts.Contact, found bool, err error) {
	b := s.statement()
	return firstContact(s.contactsWhere(ctx, s.db, b, "c.email = "+b.arg(email)))
}

func firstContact(list []contacts.Contact, err error) (contacts.Contact, bool, error) {
	if err != nil || len(list) == 0 {
		return contacts.Contact{}, false, err
	}
	return list[0], true, nil
}

// Contacts returns the contacts with these ids, in the order of the ids.
func (s *Store) Contacts(ctx context.Context, ids []contacts.ID) ([]contacts.Contact, error) {
	return s.readContacts(ctx, s.db, ids, "")
}

// ContactsByEmail returns the contacts with these addresses, by address.
func (s *Store) ContactsByEmail(ctx context.Context, emails []string) (map[string]contacts.Contact, error) {
	b := s.statement()
	list, err := s.contactsWhere(ctx, s.db, b, b.inText("c.email", emails))
	out := make(map[string]contacts.Contact, len(list))
	for _, c := range list {
		out[c.Email] = c
	}
	return out, err
}

// Search finds contacts whose address, first name or last name begins with the
// text, whatever the case and form of its letters; an empty text finds everybody. It
// returns at most limit, in the order of their ids, those after the id given:
// pass the last id of a page to get the next. Erased contacts are left out.
func (s *Store) Search(ctx context.Context, text string, after contacts.ID, limit int) ([]contacts.Contact, error) {
	b := s.statement()
	where := `c.id > ` + b.arg(int64(after)) + ` and not c.erased`
	if text = strings.TrimSpace(text); text != "" {
		prefix := b.arg(likePrefix(contacts.Fold(text)))
		where += ` and (` + b.folded("email") + ` like ` + prefix + ` escape '!' or ` + b.folded("first_name") + ` like ` + prefix +
			` escape '!' or ` + b.folded("last_name") + ` like ` + prefix + ` escape '!')`
	}
	return s.contactsWhere(ctx, s.db, b, where+` order by c.id limit `+b.arg(limit))
}

// folded is the comparable text of a built-in field of contacts c.
func (b *statement) folded(field string) string {
	if b.dialect == segments.Postgres {
		return `(c.folded->'t'->>'` + field + `')`
	}
	return `(c.folded->>'$.t.` + field + `')`
}

// likePrefix is the pattern of what begins with a text.
func likePrefix(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// CountContacts is how many contacts there are, without the erased.
func (s *Store) CountContacts(ctx context.Context) (n int64, err error) {
	_, err = one(ctx, s.db, `select count(*) from contacts where not erased`, nil, &n)
	return n, err
}

// ContactIDs returns up to limit ids after the one given, in order: the way to
// go through everybody in pages.
func (s *Store) ContactIDs(ctx context.Context, after contacts.ID, limit int) ([]contacts.ID, error) {
	var out []contacts.ID
	err := each(ctx, s.db, `select id from contacts where id > $1 and not erased order by id limit $2`, []any{int64(after), limit},
		func(scan func(...any) error) error {
			var id contacts.ID
			err := scan(&id)
			out = append(out, id)
			return err
		})
	return out, err
}

// uniqueIDs sorts ids and drops what comes twice.
func uniqueIDs[T ~int64](ids []T) []T {
	slices.Sort(ids)
	return slices.Compact(ids)
}
