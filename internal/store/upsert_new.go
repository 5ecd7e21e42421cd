package store

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
)

// freshContact is a new contact, with its columns as they are stored.
type freshContact struct {
	contacts.Contact
	attributes, folded string
	place              *place // nil: nobody has given it one
}

func fresh(c contacts.Contact) *freshContact {
	return &freshContact{Contact: c, attributes: string(contacts.AppendJSON(make([]byte, 0, 128), c.Attributes)), folded: contacts.Folded(&c)}
}

// prepare makes those who seem to be new ready to be written.
func (u *upsert) prepare(strangers []string) error {
	if len(strangers) == 0 {
		return nil
	}
	next, err := u.reserve(u.ctx, "contacts", len(strangers))
	if err != nil {
		return err
	}
	database, err := u.DatabaseID(u.ctx)
	if err != nil {
		return err
	}
	u.fresh = make([]*freshContact, len(strangers))
	var acts []ConsentChange
	var of []int
	for n, email := range strangers { // ids in the order of the file
		c := contacts.Contact{ID: contacts.ID(next + int64(n)), Email: email, Health: noHealth, CreatedAt: at(ms(u.now)), UpdatedAt: at(ms(u.now))}
		c.Seed = seedOf(database, c.ID)
		for _, i := range u.byEmail[email] {
			from := &u.in[i].Contact
			if from.Seed != 0 {
				c.Seed = from.Seed
			}
			if !from.CreatedAt.IsZero() && from.CreatedAt.Before(c.CreatedAt) {
				c.CreatedAt = at(ms(from.CreatedAt))
			}
			for _, act := range u.acts(i, c.ID, u.before) {
				acts, of = append(acts, act), append(of, i)
			}
		}
		if given := u.byEmail[email]; len(given) == 1 && len(u.in[given[0]].Set) == 0 {
			take(&c, &u.in[given[0]].Contact)
		} else {
			merge(&c, u.said(email))
		}
		u.fresh[n] = fresh(c)
	}
	u.told = weigh(acts, make(map[topicOf]*record, len(acts)))
	noteRefused(u.before, of, u.told.refused)
	u.meet(contacts.ID(next))
	slices.SortFunc(u.fresh, func(a, b *freshContact) int { return strings.Compare(a.Email, b.Email) })
	return nil
}

// take is merge for a contact of whom nothing is known yet.
func take(c, from *contacts.Contact) {
	c.FirstName, c.LastName = cleanText(from.FirstName), cleanText(from.LastName)
	c.Language, c.Timezone = cleanText(from.Language), cleanText(from.Timezone)
	if c.Attributes = from.Attributes; isClean(from.Attributes) {
		return
	}
	c.Attributes = make(map[string]any, len(from.Attributes))
	for name, value := range from.Attributes {
		if name, value = cleanText(name), cleanValue(value); name != "" && value != nil {
			c.Attributes[name] = value
		}
	}
}

// isClean tells whether attributes are as they would be read again.
func isClean(attributes map[string]any) bool {
	for name, value := range attributes {
		switch v := value.(type) {
		case bool:
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		case string:
			if cleanText(v) != v {
				return false
			}
		default:
			return false
		}
		if name == "" || cleanText(name) != name {
			return false
		}
	}
	return attributes != nil
}

// create inserts those who are not known yet, with their consents and their
// places. It returns who has to be looked at, and the addresses of those whom
// somebody else has made meanwhile.
func (u *upsert) create(q querier) (look []contacts.ID, late []string, err error) {
	if len(u.fresh) == 0 {
		return nil, nil, nil
	}
	placing, err := u.placing(q)
	if err != nil {
		return nil, nil, err
	}
	suppressed, err := u.suppressedOf(q)
	if err != nil {
		return nil, nil, err
	}
	list := make([]*freshContact, 0, len(u.fresh))
	for _, c := range u.fresh {
		if u.results[u.byEmail[c.Email][0]].Rejected != "" {
			continue
		}
		if x, ok := suppressed[c.Email]; ok { // it has its place as somebody who may be mailed
			other := *c
			other.Suppression, other.place = &contacts.Suppression{Reason: x.Reason, At: x.At, Source: x.Source}, nil
			c = &other
		}
		list = append(list, c)
	}
	if !placing {
		list = unplaced(list)
	}
	is, err := u.insertContacts(u.ctx, q, list, u.now)
	if err != nil {
		return nil, nil, err
	}
	created := make([]*freshContact, 0, len(list))
	for _, c := range list {
		if !is(c.ID) {
			late = append(late, c.Email)
			continue
		}
		created = append(created, c)
		if c.place == nil || c.place.more {
			look = append(look, c.ID)
		}
		u.results[u.byEmail[c.Email][0]].Created = true
		for _, i := range u.byEmail[c.Email] {
			u.results[i].ID = c.ID
		}
	}
	if err := u.savePlaces(u.ctx, q, created); err != nil {
		return nil, nil, err
	}
	told := u.told
	if len(created) < len(u.fresh) {
		told = told.of(created)
	}
	return look, late, u.saveWeighed(u.ctx, q, &told)
}

// unplaced are the same contacts without their places.
func unplaced(list []*freshContact) []*freshContact {
	out := make([]*freshContact, len(list))
	for i, c := range list {
		other := *c
		other.place = nil
		out[i] = &other
	}
	return out
}

// of is what remains for some of the contacts.
func (w weighed) of(list []*freshContact) weighed {
	in := make(map[contacts.ID]bool, len(list))
	for _, c := range list {
		in[c.ID] = true
	}
	w.moved = slices.DeleteFunc(slices.Clone(w.moved), func(of topicOf) bool { return !in[of.contact] })
	w.past = slices.DeleteFunc(slices.Clone(w.past), func(c ConsentChange) bool { return !in[c.Contact] })
	return w
}

// suppressedOf reads the suppressions of those who seem to be new, and turns
// away who was erased.
func (u *upsert) suppressedOf(q querier) (map[string]Suppression, error) {
	// Most lists are empty when a large file comes.
	if any, err := one(u.ctx, q, `select 1 from suppressions limit 1`, nil, new(int64)); err != nil || !any {
		return nil, err
	}
	look := make([]string, 0, 2*len(u.fresh))
	mark := erasedMarks(u.erasure)
	for i := range u.fresh {
		look = append(look, u.fresh[i].Email, mark(u.fresh[i].Email))
	}
	suppressed, err := u.suppressionsOf(u.ctx, q, look)
	if err != nil || len(suppressed) == 0 {
		return nil, err
	}
	for i := range u.fresh {
		if _, erased := suppressed[look[2*i+1]]; erased {
			u.reject(u.results, u.fresh[i].Email, "this address was erased; take it off the suppression list first")
		}
	}
	return suppressed, nil
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

// insertContacts writes new contacts, who are in the order of their addresses, so
// that two who bring the same ones wait for each other and do not deadlock. It
// returns which ids are in: an address that was there keeps its contact.
func (s *Store) insertContacts(ctx context.Context, q querier, list []*freshContact, now time.Time) (is func(contacts.ID) bool, err error) {
	n := len(list)
	id, seed, since := make([]int64, n), make([]int64, n), make([]int64, n)
	createdAt, updatedAt := make([]int64, n), make([]int64, n)
	email, first, last, language, zone := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	attributes, folded := make([]string, n), make([]string, n)
	reason, source := make([]*string, n), make([]*string, n)
	stage, health := make([]string, n), make([]string, n)
	stageSince, healthSince, next := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, c := range list {
		health[i] = noHealth
		if p := c.place; p != nil {
			stage[i], stageSince[i], next[i] = p.Stage, ms(p.StageSince), msUp(p.NextChange)
			health[i], healthSince[i] = p.Health, ms(p.HealthSince)
		}
		id[i], seed[i], createdAt[i], updatedAt[i] = int64(c.ID), int64(c.Seed), ms(c.CreatedAt), ms(now)
		email[i], first[i], last[i], language[i], zone[i] = c.Email, c.FirstName, c.LastName, c.Language, c.Timezone
		attributes[i], folded[i] = c.attributes, c.folded
		if x := c.Suppression; x != nil {
			reason[i], source[i], since[i] = &x.Reason, &x.Source, ms(x.At)
		}
	}
	inserted, err := s.insertRows(ctx, q, "contacts", "on conflict (email) do nothing", bigints("id", id), texts("email", email),
		texts("first_name", first), texts("last_name", last), texts("language", language), texts("timezone", zone),
		jsons("attributes", attributes), jsons("folded", folded), bigints("seed", seed), texts("stage", stage), bigints("stage_since", stageSince),
		texts("health", health), bigints("health_since", healthSince), nullable("next_change", next), textsOrNull("suppressed", reason),
		textsOrNull("suppressed_source", source), nullable("suppressed_at", since), bigints("created_at", createdAt), bigints("updated_at", updatedAt))
	if err != nil || inserted == int64(n) {
		return func(contacts.ID) bool { return true }, err
	}
	in := make(map[contacts.ID]bool, n)
	b := s.statement()
	err = each(ctx, q, `select id from contacts where `+b.in("id", id), b.args, func(scan func(...any) error) error {
		var id contacts.ID
		err := scan(&id)
		in[id] = true
		return err
	})
	return func(id contacts.ID) bool { return in[id] }, err
}
