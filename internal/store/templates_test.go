package store

import "testing"

// Messages that were sent before versions were written down keep their links.
func TestTemplatesKeepTheirLinksThroughTheirNewColumn(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 14)
			if _, err := db.Exec(`insert into compiled_templates (hash, name, campaign, links, created_at) values ('h', 'one', 'welcome', '[{"n":1,"url":"https://x.example/"}]', 5)`); err != nil {
				t.Fatal(err)
			}
			db.Close()
			s := openStore(t, address)
			kept, found, err := s.CompiledTemplate(t.Context(), "h")
			if err != nil || !found || kept.Version != 0 || len(kept.Links) != 1 || kept.Links[0].URL != "https://x.example/" {
				t.Errorf("%+v, %v, %v", kept, found, err)
			}
		})
	}
}

func TestWhatAMessageWasMadeFrom(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if _, found, err := s.Mailed(ctx, 1); found || err != nil {
			t.Errorf("of no message: %v, %v", found, err)
		}
		id, _ := welcome(t, s)
		if _, err := s.db.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, data)
			values (1024, $1, 7, 3, 0, 'finished', '{"origin":{"name":"order.placed"}}')`, id); err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.exec(ctx, `insert into messages (id, contact_id, campaign_id, template, subject, state, due_at, not_before, expires_at, decided_at, template_hash, created_at)
			values (1025, 7, $1, 'one', 'Hi {{ contact.name }}', 'sent', 0, 0, 0, $2, 'h', 0)`, id, ms(day)); err != nil {
			t.Fatal(err)
		}
		mailed := func() Mailed {
			m, found, err := s.Mailed(ctx, 1025)
			if err != nil || !found {
				t.Fatal(found, err)
			}
			return m
		}
		before := mailed()
		equal(t, "without a record of its template", before.Version, int64(0))
		for range 2 { // the first one stays
			if err := s.SaveTemplate(ctx, CompiledTemplate{Hash: "h", Name: "one", Campaign: "welcome", Version: 5}, day); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SaveTemplate(ctx, CompiledTemplate{Hash: "h", Name: "one", Campaign: "welcome", Version: 6}, day); err != nil {
			t.Fatal(err)
		}
		got := mailed()
		equal(t, "it", []any{got.Campaign, got.Template, got.Subject, got.At, got.Version, got.Enrolment.Version, int64(got.Enrolment.Contact), got.Enrolment.Origin.Name},
			[]any{"welcome", "one", "Hi {{ contact.name }}", day, int64(5), int64(3), int64(7), "order.placed"})
	})
}

func TestClockIsTheDatabasesOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		shown, err := s.Clock(t.Context())
		if err != nil || shown.IsZero() != s.Embedded() {
			t.Errorf("it shows %v, %v", shown, err)
		}
	})
}
