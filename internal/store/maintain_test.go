package store

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/ident"
	"rapport/segments"
)

func TestMaintainMakesPartitionsAhead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)
		event := func(at time.Time, n int64) {
			t.Helper()
			_, err := s.db.exec(ctx, `insert into events (id, contact_id, name, at, key) values ($1, 1, 'seen', $2, 'k')`, ident.New(at, n), ms(at))
			if err != nil {
				t.Fatal(err)
			}
		}
		// This quarter has rows in the default partition already, so it stays there.
		event(now, 1)
		did := must(s.Maintain(ctx, now))(t)
		want := []string{"events_2027q1", "messages_2026q4", "messages_2027q1"}
		if s.dialect == segments.SQLite {
			want = nil
		}
		equal(t, "partitions", fmt.Sprint(did.Partitions), fmt.Sprint(want))
		event(now, 2)
		event(now.Add(2*time.Hour), 3)
		event(now.AddDate(1, 0, 0), 4) // of a quarter that nobody thought of
		equal(t, "again", len(must(s.Maintain(ctx, now))(t).Partitions), 0)
		if s.dialect == segments.SQLite {
			return
		}
		for table, rows := range map[string]int64{"events_default": 3, "events_2027q1": 1} {
			var n int64
			if _, err := one(ctx, s.db, `select count(*) from `+table, nil, &n); err != nil {
				t.Fatal(err)
			}
			equal(t, table, n, rows)
		}
		var options, left string
		if _, err := one(ctx, s.db, `select array_to_string(reloptions, ','), (select count(*)::text from pg_constraint where conname like '%elsewhere' or conname like '%quarter')
			from pg_class where relname = 'messages_2027q1'`, nil, &options, &left); err != nil {
			t.Fatal(err)
		}
		equal(t, "how messages are stored", options, "fillfactor=27")
		equal(t, "constraints that are left", left, "0")
	})
}

func TestMaintainTrimsSettledBatches(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
		old, young := now.Add(-keepBatches-time.Hour), now.Add(-keepBatches+time.Hour)
		batch := func(at time.Time, n, open int64, state string) {
			t.Helper()
			id, message := ident.New(at, n), ident.Message(ident.New(at, n), 1)
			if _, err := s.db.exec(ctx, `insert into batches (id, lane, campaign_id, messages, open_count, not_before, created_at) values ($1, 'main', 1, $2, $3, 0, 0)`,
				id, ident.Pack([]int64{message}), open); err != nil {
				t.Fatal(err)
			}
			if _, err := s.db.exec(ctx, `insert into messages (id, contact_id, campaign_id, template, state, batch_id, due_at, not_before, expires_at, created_at)
				values ($1, 1, 1, 'x', $2, $3, 0, 0, 0, 0)`, message, state, id); err != nil {
				t.Fatal(err)
			}
		}
		batch(old, 1, 0, "sent")
		batch(old, 2, 0, "unknown") // settled later, by its batch
		batch(old, 3, 1, "queued")
		batch(young, 4, 0, "sent")
		equal(t, "batches taken away", must(s.Maintain(ctx, now))(t).Batches, 1)
		equal(t, "batches taken away again", must(s.Maintain(ctx, now))(t).Batches, 0)
		var left int64
		if _, err := one(ctx, s.db, `select count(*) from batches`, nil, &left); err != nil {
			t.Fatal(err)
		}
		equal(t, "batches left", left, int64(3))
	})
}
