package store

import (
	"context"
	"iter"

	"rapport/internal/contacts"
)

// Exported is a contact with the consents that hold.
type Exported struct {
	Contact  contacts.Contact
	Consents []contacts.Consent
}

// exportPage is how many contacts are read at a time, so that an export of
// millions holds few in memory and keeps no transaction open.
const exportPage = 1000

// Export goes through all contacts that are not erased, in the order of their
// ids. An error ends it: it comes as the last pair.
func (s *Store) Export(ctx context.Context) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		for last := contacts.ID(0); ; {
			b := s.statement()
			page, err := s.contactsWhere(ctx, s.db, b, `c.id > `+b.arg(int64(last))+` and not c.erased order by c.id limit `+b.arg(exportPage))
			if err != nil {
				yield(Exported{}, err)
				return
			}
			ids := make([]contacts.ID, len(page))
			for i := range page {
				ids[i] = page[i].ID
			}
			consents, err := s.Consents(ctx, ids)
			if err != nil {
				yield(Exported{}, err)
				return
			}
			for _, c := range page {
				if !yield(Exported{c, consents[c.ID]}, nil) {
					return
				}
			}
			if len(page) < exportPage {
				return
			}
			last = ids[len(ids)-1]
		}
	}
}
