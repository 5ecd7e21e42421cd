package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"rapport/internal/contacts"
)

// Many are read in two halves, and each of them as if it were read alone; what nobody
// needs is not read.
func TestFactsOfManyAreThoseOfEach(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		var inputs []ContactInput
		for i := range 2*sharedLeast + 1 {
			inputs = append(inputs, ContactInput{Contact: contacts.Contact{Email: fmt.Sprintf("p%d@example.com", i)}})
		}
		var ids []contacts.ID
		var in []Incoming
		for i, r := range must(s.UpsertContacts(ctx, inputs, day))(t) {
			ids = append(ids, r.ID)
			for _, name := range []string{"order.placed", "page.viewed"} {
				in = append(in, Incoming{Event: contacts.Event{Contact: r.ID, Name: name, Key: fmt.Sprint(name, i), At: day, Properties: map[string]any{"number": float64(i)}}})
			}
		}
		must(s.Ingest(ctx, in, day))(t)
		all := must(s.LoadFacts(ctx, ids))(t)
		equal(t, "contacts", len(all), len(ids))
		for _, id := range ids {
			alone := must(s.LoadFacts(ctx, []contacts.ID{id}))(t)[id]
			if len(alone.Events) != 2 || !reflect.DeepEqual(all[id], alone) {
				t.Fatalf("among many: %+v\nalone: %+v", all[id], alone)
			}
		}
		for id, f := range must(s.LoadNeeded(ctx, ids, contacts.Needs{Events: []string{"order.placed"}}))(t) {
			if len(f.Events) != 1 || f.Events[0].Name != "order.placed" {
				t.Fatalf("needed of %d: %+v", id, f.Events)
			}
		}
	})
}

// Events and who was erased before the indexes were there are found by them too.
func TestIndexesOfSegmentsKnowWhatWasThere(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 22)
			sevenContacts(t, db)
			for id := int64(1); id <= 70; id++ {
				writeEvent(t, db, id)
			}
			_, err := db.Exec(`update contacts set erased = true where id = (select max(contact_id) from events where not machine)`)
			check(t, err)
			check(t, db.Close())
			s := openStore(t, address)
			found := must(s.CountSegment(t.Context(), condition(t, `{event: order.placed, where: {nothing: {exists: false}}}`), Question{Now: day.Add(24 * time.Hour)}))(t)
			want := count(t, s, `select count(distinct e.contact_id) from events e join contacts c on c.id = e.contact_id where not c.erased and not e.machine and e.name = 'order.placed'`)
			if found != want || want == 0 {
				t.Errorf("%d are found, and %d have events", found, want)
			}
		})
	}
}
