package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
)

// ContactInput is what a source says about one person.
type ContactInput struct {
	// Contact names the person by Email, as contacts.ParseAddress writes it.
	// Profile fields and attributes that are set are merged in. Seed and
	// CreatedAt are used when the contact is new; by default they are derived
	// from the id and now.
	Contact  contacts.Contact
	Set      map[string]any // more fields, as in AttributeChange; they win
	Consents []contacts.Consent
	Source   string // of consents that name none
}

// ContactResult is what became of a ContactInput.
type ContactResult struct {
	ID       contacts.ID
	Created  bool
	Changed  bool     // the profile of a contact that was there is different now
	Rejected string   // why nothing was stored, or ""
	Refused  []string // consents that were not taken, with the reason
}

// UpsertContacts adds people and merges what is said of those who are known.
// It is the way of imports: a consent in it never makes mailable who has
// withdrawn, and an address on the suppression list stays there (rule 27). Two
// inputs with one address are merged in their order. Give it up to a few
// thousand at a time; each call is one transaction.
func (s *Store) UpsertContacts(ctx context.Context, in []ContactInput, now time.Time) ([]ContactResult, error) {
	u, err := s.newUpsert(ctx, in, now)
	if err != nil {
		return nil, fmt.Errorf("cannot store contacts: %w", err)
	}
	if err := s.db.write(ctx, u.run); err != nil {
		return nil, fmt.Errorf("cannot store contacts: %w", err)
	}
	return u.results, nil
}

// upsert is one call of UpsertContacts.
type upsert struct {
	*Store
	ctx      context.Context
	in       []ContactInput
	now      time.Time
	firstID  int64
	database string
	erasure  []byte
	eventIDs []int64

	results []ContactResult
	byEmail map[string][]int // the inputs of an address
	known   map[string]contacts.Contact
}

func (s *Store) newUpsert(ctx context.Context, in []ContactInput, now time.Time) (*upsert, error) {
	u := &upsert{Store: s, ctx: ctx, in: in, now: now, byEmail: map[string][]int{}}
	for i := range in {
		email := in[i].Contact.Email
		u.byEmail[email] = append(u.byEmail[email], i)
	}
	var err error
	if u.firstID, err = s.reserve(ctx, "contacts", len(u.byEmail)); err != nil {
		return nil, err
	}
	if u.database, err = s.DatabaseID(ctx); err != nil {
		return nil, err
	}
	if u.erasure, err = s.erasureKey(ctx); err != nil {
		return nil, err
	}
	u.eventIDs, err = s.reserveEvents(ctx, len(u.byEmail), now)
	return u, err
}

// run may run again from the beginning when the database asks for it.
func (u *upsert) run(q querier) error {
	u.results, u.known = make([]ContactResult, len(u.in)), map[string]contacts.Contact{}
	if err := u.lockAddresses(u.ctx, q, false); err != nil {
		return err
	}
	suppressed, err := u.reject(q)
	if err != nil {
		return err
	}
	created, err := u.create(q, suppressed)
	if err != nil {
		return err
	}
	if err := u.change(q); err != nil {
		return err
	}
	agreed, err := u.consent(q)
	if err != nil {
		return err
	}
	return u.touch(u.ctx, q, touchedBy(uniqueIDs(append(created, agreed...)), 0))
}

// reject notes who is not taken, and returns the suppressions of the others.
func (u *upsert) reject(q querier) (map[string]Suppression, error) {
	marks := make(map[string]string, len(u.byEmail))
	var look []string
	for _, email := range sortedKeys(u.byEmail) {
		mark := erasedMark(u.erasure, email)
		marks[mark] = email
		look = append(look, email, mark)
	}
	suppressed, err := u.suppressionsOf(u.ctx, q, look)
	if err != nil {
		return nil, err
	}
	refuse := func(email, why string) {
		for _, i := range u.byEmail[email] {
			u.results[i].Rejected = why
		}
	}
	for mark, email := range marks {
		if _, erased := suppressed[mark]; erased {
			refuse(email, "this address was erased; take it off the suppression list first")
		}
	}
	if _, ok := u.byEmail[""]; ok {
		refuse("", "there is no address")
	}
	return suppressed, nil
}

func (u *upsert) rejected(email string) bool { return u.results[u.byEmail[email][0]].Rejected != "" }

// create inserts those who are not known yet, complete.
func (u *upsert) create(q querier, suppressed map[string]Suppression) ([]contacts.ID, error) {
	taken, err := u.emails(q)
	if err != nil {
		return nil, err
	}
	var list []contacts.Contact
	next := u.firstID
	for first := range u.in { // ids in the order of the file
		email := u.in[first].Contact.Email
		if u.byEmail[email][0] != first || u.rejected(email) || taken[email] {
			continue
		}
		id := contacts.ID(next)
		next++
		c := contacts.Contact{ID: id, Email: email, Seed: seedOf(u.database, id), CreatedAt: u.now}
		for _, i := range u.byEmail[email] {
			from := &u.in[i].Contact
			if from.Seed != 0 {
				c.Seed = from.Seed
			}
			if !from.CreatedAt.IsZero() && from.CreatedAt.Before(c.CreatedAt) {
				c.CreatedAt = from.CreatedAt
			}
			merge(&c, said(u.in[i]))
		}
		if x, ok := suppressed[email]; ok {
			c.Suppression = &contacts.Suppression{Reason: x.Reason, At: x.At, Source: x.Source}
		}
		list = append(list, c)
	}
	created, err := u.insertContacts(u.ctx, q, list, u.now)
	if err != nil {
		return nil, err
	}
	var ids []contacts.ID
	for _, c := range list {
		if created[c.Email] {
			ids = append(ids, c.ID)
			u.known[c.Email] = c
			u.results[u.byEmail[c.Email][0]].Created = true
		}
	}
	return ids, nil
}

// emails tells which addresses have a contact already.
func (u *upsert) emails(q querier) (map[string]bool, error) {
	taken := map[string]bool{}
	b := u.statement()
	err := each(u.ctx, q, `select email from contacts where `+b.inText("email", sortedKeys(u.byEmail)), b.args, func(scan func(...any) error) error {
		var email string
		err := scan(&email)
		taken[email] = true
		return err
	})
	return taken, err
}

// change merges what is said of contacts that were there.
func (u *upsert) change(q querier) error {
	var others []string
	for _, email := range sortedKeys(u.byEmail) {
		if _, created := u.known[email]; !created && !u.rejected(email) {
			others = append(others, email)
		}
	}
	if len(others) == 0 {
		return nil
	}
	b := u.statement()
	list, err := u.contactsWhere(u.ctx, q, b, b.inText("c.email", others)+` order by c.id`+b.lock("for update"))
	if err != nil {
		return err
	}
	var changed []contacts.Contact
	var events []contacts.Event
	for _, c := range list {
		all := map[string]any{}
		for _, i := range u.byEmail[c.Email] {
			maps.Copy(all, said(u.in[i]))
		}
		if fields := merge(&c, all); len(fields) > 0 {
			e := changedEvent(c.ID, fields, changeKey(c.ID, fields, u.now), u.now)
			e.ID = u.eventIDs[len(events)]
			events, changed = append(events, e), append(changed, c)
			u.results[u.byEmail[c.Email][0]].Changed = true
		}
		u.known[c.Email] = c
	}
	if err := u.saveProfiles(u.ctx, q, changed, u.now); err != nil {
		return err
	}
	return u.tellReserved(u.ctx, q, events)
}

// consent records what the inputs say of consent, and fills in the ids. It
// returns whose record has changed.
func (u *upsert) consent(q querier) ([]contacts.ID, error) {
	var changes []ConsentChange
	var of []int
	for i, in := range u.in {
		c, ok := u.known[in.Contact.Email]
		if !ok {
			if u.results[i].Rejected == "" {
				u.results[i].Rejected = "the contact was erased at this moment"
			}
			continue
		}
		u.results[i].ID = c.ID
		for _, said := range in.Consents {
			change := ConsentChange{Contact: c.ID, Topic: said.Topic, State: said.State, Source: said.Source, At: said.At, Key: said.Key, Imported: true}
			if change.Source == "" {
				change.Source = in.Source
			}
			if err := change.check(u.now); err != nil {
				u.results[i].Refused = append(u.results[i].Refused, err.Error())
				continue
			}
			changes, of = append(changes, change), append(of, i)
		}
	}
	refused, changed, err := u.applyConsents(u.ctx, q, changes)
	if err != nil {
		return nil, err
	}
	for n, why := range refused {
		if why != "" {
			u.results[of[n]].Refused = append(u.results[of[n]].Refused, why)
		}
	}
	return changed, nil
}

// said is everything one input sets.
func said(in ContactInput) map[string]any {
	set := make(map[string]any, len(in.Set)+len(in.Contact.Attributes)+4)
	for name, value := range in.Contact.Attributes {
		set["attributes."+name] = value
	}
	for field, value := range map[string]string{"first_name": in.Contact.FirstName, "last_name": in.Contact.LastName,
		"language": in.Contact.Language, "timezone": in.Contact.Timezone} {
		if value != "" {
			set[field] = value
		}
	}
	var c contacts.Contact
	for field, value := range in.Set {
		if builtIn(&c, field) == nil {
			field = "attributes." + strings.TrimPrefix(field, "attributes.")
		}
		set[field] = value
	}
	return set
}

// seedOf is the fixed random number of a contact: other databases draw other
// samples of the same people.
func seedOf(database string, id contacts.ID) uint32 {
	h := fnv.New64a()
	h.Write([]byte(database))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(id)))
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd // FNV alone mixes its last bytes badly
	return uint32(x >> 32)
}

// insertContacts writes new contacts in the order of their addresses and
// returns the addresses of those who were not there.
func (s *Store) insertContacts(ctx context.Context, q querier, list []contacts.Contact, now time.Time) (map[string]bool, error) {
	created := map[string]bool{}
	if len(list) == 0 {
		return created, nil
	}
	slices.SortFunc(list, func(a, b contacts.Contact) int { return strings.Compare(a.Email, b.Email) })
	n := len(list)
	id, seed, since, createdAt := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	email, first, last, language, zone := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	attributes, folded, reason, source := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i := range list {
		c := &list[i]
		id[i], seed[i], createdAt[i] = int64(c.ID), int64(c.Seed), ms(c.CreatedAt)
		email[i], first[i], last[i], language[i], zone[i] = c.Email, c.FirstName, c.LastName, c.Language, c.Timezone
		attributes[i], folded[i] = "{}", jsonText(contacts.Folded(c))
		if len(c.Attributes) > 0 {
			attributes[i] = jsonText(c.Attributes)
		}
		if x := c.Suppression; x != nil {
			reason[i], source[i], since[i] = x.Reason, x.Source, ms(x.At)
		}
	}
	b := s.statement()
	updated := b.arg(ms(now))
	from := b.table("r", bigints("id", id), texts("email", email), texts("first_name", first), texts("last_name", last),
		texts("language", language), texts("timezone", zone), texts("attributes", attributes), texts("folded", folded), bigints("seed", seed),
		texts("reason", reason), texts("source", source), nullable("since", since), bigints("created_at", createdAt))
	err := each(ctx, q, `insert into contacts (id, email, first_name, last_name, language, timezone, attributes, folded, seed,
			suppressed, suppressed_source, suppressed_at, created_at, updated_at)
		select r.id, r.email, r.first_name, r.last_name, r.language, r.timezone, `+b.json("r.attributes")+`, `+b.json("r.folded")+`, r.seed,
			nullif(r.reason, ''), case when r.reason <> '' then r.source end, r.since, r.created_at, cast(`+updated+` as bigint)
		from `+from+` where true order by r.email on conflict (email) do nothing returning email`, b.args,
		func(scan func(...any) error) error {
			var email string
			err := scan(&email)
			created[email] = true
			return err
		})
	return created, err
}
