package bench

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
)

// fillSize is how many contacts are written in one transaction.
const fillSize = 2000

// fill puts contacts into the store who agreed to the topic: those with the
// numbers from first up to and without n. Their attribute number tells them apart.
func (r *Run) fill(ctx context.Context, s *store.Store, first, n int64) error {
	agreed := r.Clock.Now().Add(-30 * 24 * time.Hour)
	for i := first; i < n; {
		r.Step("writing contacts", i, n)
		in := make([]store.ContactInput, 0, fillSize)
		for ; i < n && len(in) < fillSize; i++ {
			in = append(in, person(i, agreed))
		}
		results, err := s.UpsertContacts(ctx, in, r.Clock.Now())
		if err != nil {
			return err
		}
		for k, result := range results {
			if result.Rejected != "" || len(result.Refused) > 0 {
				return fmt.Errorf("contact %s was not taken: %s %v", in[k].Contact.Email, result.Rejected, result.Refused)
			}
		}
	}
	r.Step("writing contacts", n, n)
	return nil
}

var firstNames = []string{"Ana", "Björn", "Chloé", "Dmitri", "Elif", "Finn", "Grażyna", "Hugo"}

func person(i int64, agreed time.Time) store.ContactInput {
	attributes := MailAttributes(i)
	attributes["number"] = float64(i)
	return store.ContactInput{
		Source: "bench",
		Contact: contacts.Contact{
			Email: fmt.Sprintf("contact-%d@customers%d.example", i, i%97), FirstName: firstNames[i%int64(len(firstNames))],
			LastName: "Ågren", Language: "en", Timezone: "Europe/Berlin", Attributes: attributes, CreatedAt: agreed,
		},
		Consents: []contacts.Consent{{Topic: "offers", State: contacts.ConsentGiven, At: agreed}},
	}
}
