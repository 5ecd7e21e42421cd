package store

import (
	"context"
	"errors"
	"testing"

	"rapport/internal/contacts"
)

func TestADatabaseInMemoryIsOneLikeTheOthers(t *testing.T) {
	s := openStore(t, Memory)
	if !s.Embedded() {
		t.Error("it is not embedded")
	}
	for range 3 { // statements that come again are prepared
		ids := people(t, s, "ana@example.com", "ben@example.com")
		facts := must(s.LoadFacts(t.Context(), ids))(t)
		equal(t, "addresses", []string{facts[ids[0]].Contact.Email, facts[ids[1]].Contact.Email}, []string{"ana@example.com", "ben@example.com"})
		must(s.Ingest(t.Context(), []Incoming{{Event: contacts.Event{Contact: ids[0], Name: "order.placed", Key: "1", At: day}}}, day))(t)
	}
	equal(t, "events", must(s.Totals(t.Context()))(t).Events, map[string]int64{"order.placed": 1})
	// A statement whose rows are being read runs a second time beside itself.
	text := `select email from contacts order by email`
	var seen []string
	err := each(t.Context(), s.db, text, nil, func(scan func(...any) error) error {
		var outer string
		if err := scan(&outer); err != nil {
			return err
		}
		return each(t.Context(), s.db, text, nil, func(scan func(...any) error) error {
			var inner string
			err := scan(&inner)
			seen = append(seen, outer[:3]+" "+inner[:3])
			return err
		})
	})
	check(t, err)
	equal(t, "pairs", seen, []string{"ana ana", "ana ben", "ben ana", "ben ben"})
}

func TestATransactionThatFailsSpoilsADatabaseInMemory(t *testing.T) {
	s := openStore(t, Memory)
	people(t, s, "ana@example.com")
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.UpsertContacts(ended, []ContactInput{{Contact: contacts.Contact{Email: "ben@example.com"}}}, day); !errors.Is(err, context.Canceled) {
		t.Errorf("a transaction whose context has ended: %v", err)
	}
	people(t, s, "ben@example.com") // nothing had begun
	fault := errors.New("a fault")
	if err := s.db.write(t.Context(), func(querier) error { return fault }); !errors.Is(err, fault) || !errors.Is(err, errSpoiled) {
		t.Errorf("the transaction that fails: %v", err)
	}
	if _, err := s.UpsertContacts(t.Context(), []ContactInput{{Contact: contacts.Contact{Email: "cleo@example.com"}}}, day); !errors.Is(err, errSpoiled) {
		t.Errorf("the next one: %v", err)
	}
}
