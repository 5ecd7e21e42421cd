package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/relationship"
	"rapport/internal/store"
)

const withPartners = `
programs:
  partners:
    velo-club: { title: Velo Club Hamburg, code: velo }
    bike-fair: { title: Bike Fair, code: Fair-26 }
`

func TestAContactCameThroughAPartner(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "attributes: { country: text }\n", map[string]string{
		"relationship.yaml":    withPartners,
		"segments/riders.yaml": "segment: riders\nwhere: [ { attribute: partner, is: velo-club } ]\n",
	})
	r.joins("ana@example.com", "VELO")
	r.joins("ana@example.com", "fair-26") // the first counts
	r.joins("ben@example.com", "fair-26")
	r.joins("carl@example.com", "nobody")
	r.joins("dora@example.com", "velo")
	r.clock.Set(r.clock.Now().AddDate(0, 0, 1))
	r.joins("p00000@example.com", "velo") // who is known was not brought
	for email, want := range map[string]any{"ana@example.com": "velo-club", "ben@example.com": "bike-fair", "carl@example.com": nil, "p00000@example.com": nil} {
		if got := r.contact(email).Attributes["partner"]; got != want {
			t.Errorf("%s came through %v, want %v", email, got, want)
		}
	}
	r.event("order.placed", "ana@example.com", "a1", map[string]any{"total": 20.5})
	r.event("order.placed", "ana@example.com", "a2", map[string]any{"total": 30.0})
	r.event("order.placed", "carl@example.com", "c1", map[string]any{"total": 99.0})
	r.settle()
	got, err := r.Store.BroughtBy(t.Context(), relationship.PartnerAttribute, store.Purchases{Event: "order.placed", Value: "total", Now: r.clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Brought{{Partner: "bike-fair", Contacts: 1}, {Partner: "velo-club", Contacts: 2, Buyers: 1, Orders: 2, Value: 50.5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	applied := r.Catalog.Current()
	p := applied.SQL(r.clock.Now())
	n, err := r.Store.CountSegment(t.Context(), applied.Segments["riders"].Where, store.Question{Now: p.Now, Segments: p.Segments, Zone: p.Zone, Ladder: p.Ladder, Scoring: p.Scoring})
	if err != nil || n != 2 {
		t.Errorf("%d in the segment of a partner, want 2 (%v)", n, err)
	}
}
