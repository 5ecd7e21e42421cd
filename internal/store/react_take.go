package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"rapport/internal/contacts"
)

// touchedContacts locks the contacts of touched rows and reads what a decision
// about each of them depends on.
func (s *Store) touchedContacts(ctx context.Context, q querier, rows []Touched, needing func(*TouchedContact) contacts.Needs) ([]TouchedContact, error) {
	ids := make([]contacts.ID, 0, len(rows))
	for _, t := range rows {
		ids = append(ids, t.Contact)
	}
	people, err := s.readContacts(ctx, q, uniqueIDs(ids), "for update")
	if err != nil {
		return nil, err
	}
	list := make([]TouchedContact, len(people))
	of := make(map[contacts.ID]*TouchedContact, len(people))
	for i := range people {
		list[i].Facts = &contacts.Facts{Contact: people[i]}
		of[people[i].ID] = &list[i]
	}
	plain := make([]int64, len(people))
	for i := range people {
		plain[i] = int64(people[i].ID)
	}
	if err := s.addNews(ctx, q, rows, of); err != nil {
		return nil, err
	}
	if err := s.addMemberships(ctx, q, plain, of); err != nil {
		return nil, err
	}
	if err := s.addEntries(ctx, q, plain, of); err != nil {
		return nil, err
	}
	if err := s.addFacts(ctx, q, list, needing); err != nil {
		return nil, err
	}
	for i := range list {
		list[i].tellNews()
	}
	return list, nil
}

// tellNews takes the rest of the news from the facts, where what is looked at is.
func (t *TouchedContact) tellNews() {
	if len(t.News) == 0 {
		return
	}
	known := make(map[int64]int, len(t.News))
	for i := range t.News {
		known[t.News[i].ID] = i
	}
	for i := range t.Facts.Events {
		if at, ok := known[t.Facts.Events[i].ID]; ok {
			t.News[at] = t.Facts.Events[i]
		}
	}
}

// addNews reads the names of the events that touched the contacts, which say what
// else is needed, and counts them in the tallies. An event that is gone was the last trace of something that
// nobody can tell any more.
func (s *Store) addNews(ctx context.Context, q querier, rows []Touched, of map[contacts.ID]*TouchedContact) error {
	var events []int64
	for _, r := range rows {
		t := of[r.Contact]
		switch {
		case t == nil:
		case r.Event == 0:
			t.Unknown = true
		default:
			events = append(events, r.Event)
		}
	}
	if len(events) == 0 {
		return nil
	}
	if err := s.addTallies(ctx, q, uniqueIDs(events)); err != nil {
		return err
	}
	b := s.statement()
	if err := each(ctx, q, `select e.id, e.contact_id, e.name from events e where `+b.inKeys("e.id", uniqueIDs(events)), b.args, func(scan func(...any) error) error {
		var e contacts.Event
		err := scan(&e.ID, &e.Contact, &e.Name)
		if t := of[e.Contact]; t != nil {
			t.News = append(t.News, e)
		}
		return err
	}); err != nil {
		return err
	}
	for _, t := range of {
		slices.SortFunc(t.News, func(a, b contacts.Event) int { return cmp.Compare(a.ID, b.ID) })
	}
	return nil
}

// addMemberships reads which of the segments that campaigns start from the
// contacts were in so far. Without such segments nobody is in one.
func (s *Store) addMemberships(ctx context.Context, q querier, ids []int64, of map[contacts.ID]*TouchedContact) error {
	baselines := map[string]string{}
	if err := each(ctx, q, `select name, hash from segments`, nil, func(scan func(...any) error) error {
		var name, hash string
		err := scan(&name, &hash)
		baselines[name] = hash
		return err
	}); err != nil || len(baselines) == 0 {
		return err
	}
	for _, t := range of {
		t.Baselines = baselines
	}
	b := s.statement()
	return each(ctx, q, `select contact_id, segment from memberships where `+b.in("contact_id", ids)+` order by segment`, b.args,
		func(scan func(...any) error) error {
			var id contacts.ID
			var segment string
			err := scan(&id, &segment)
			of[id].Member = append(of[id].Member, segment)
			return err
		})
}

// addEntries reads and locks enrolments that run, or whose goal may still be
// reached.
func (s *Store) addEntries(ctx context.Context, q querier, ids []int64, of map[contacts.ID]*TouchedContact) error {
	b := s.statement()
	entries, err := s.readEnrolments(ctx, q, b, b.in("e.contact_id", ids)+
		` and (e.ended_at is null or e.goal_until is not null and e.converted_at is null)`,
		// Who steps one of them may have read the facts before the news: then it
		// is looked at where that step has left it, and woken from there.
		" order by e.id"+b.lock("for update of e"), 0)
	for _, e := range entries {
		t := of[e.Enrolment.Contact]
		t.Entries = append(t.Entries, e)
	}
	return err
}

// addFacts loads the facts that are needed, in one go for all contacts that
// need the same ones.
func (s *Store) addFacts(ctx context.Context, q querier, list []TouchedContact, needing func(*TouchedContact) contacts.Needs) error {
	needs := map[string]contacts.Needs{}
	groups := map[string][]contacts.Contact{}
	for i := range list {
		n := contacts.Everything
		if needing != nil {
			n = needing(&list[i])
		}
		name := needsName(n)
		needs[name] = n
		groups[name] = append(groups[name], list[i].Facts.Contact)
	}
	facts := make(map[contacts.ID]*contacts.Facts, len(list))
	for _, name := range sortedKeys(groups) {
		found, err := s.factsOf(ctx, q, groups[name], needs[name])
		if err != nil {
			return err
		}
		for id, f := range found {
			facts[id] = f
		}
	}
	for i := range list {
		t := &list[i]
		t.Facts = facts[t.Facts.Contact.ID]
		for j := range t.Entries {
			t.Entries[j].Facts = t.Facts
		}
	}
	return nil
}

// needsName is the same for the same needs.
func needsName(n contacts.Needs) string {
	name := make([]byte, 0, 128)
	for _, on := range [...]bool{n.Contact, n.Permits, n.Consents, n.AllEvents, n.Sent, n.Campaigns, n.Changes, n.Scores, n.Clicks, n.Ledger, n.Outcomes} {
		name = strconv.AppendBool(name, on)
	}
	for _, event := range n.Events {
		name = append(append(name, ' '), event...)
	}
	return string(name)
}
