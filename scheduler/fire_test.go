package scheduler

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// slowly is a database in which a firing of one campaign is enrolled, so slowly that
// its lease runs out with every chunk.
type slowly struct {
	Store
	clock  *clock.Manual
	key    store.FiringKey
	owner  string
	lease  time.Time
	chunks []*store.Audience // what each chunk knew of who is still to come
}

func (s *slowly) ResumeFirings(_ context.Context, owner string, now, until time.Time) ([]store.Firing, error) {
	if !s.lease.Before(now) {
		return nil, nil
	}
	s.owner, s.lease = owner, until
	return []store.Firing{{FiringKey: s.key, At: now, State: "running"}}, nil
}

func (s *slowly) EnrolChunk(_ context.Context, in store.EnrolInput, _ int) (store.EnrolResult, error) {
	if in.Firing != s.key || in.Owner != s.owner {
		return store.EnrolResult{}, store.ErrLost
	}
	s.chunks = append(s.chunks, in.Ahead)
	s.clock.Advance(2 * fireLease)
	return store.EnrolResult{Enrolled: 1}, nil
}

// A scheduler that was slower than its lease finds its own firing left behind. It
// goes on with it where it is: taken over anew, the firing would be enrolled by turns
// with itself, and each of them would look for the audience again.
func TestASchedulerDoesNotTakeItsOwnFiringOver(t *testing.T) {
	w, findings := workspace.FromFiles([]workspace.File{
		{Path: "rapport.yaml", Data: []byte("company: { name: Shop, address: \"Street 1, 20095 Hamburg\" }\npublic_url: https://go.shop.example\n" +
			"senders: { shop: { from: Shop <hello@shop.example> } }\ntopics: { guides: { title: Guides, sender: shop } }\n")},
		{Path: "campaigns/news.yaml", Data: []byte("campaign: news\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\nsteps: [ { wait: 1d }, { exit: done } ]\n")},
	}, nil)
	for _, f := range findings {
		if !f.Warning {
			t.Fatal(f)
		}
	}
	applied, err := catalog.Of(store.Version{ID: 1}, w, map[string]store.Campaign{"news": {ID: 7, Name: "news", Status: store.Paused}})
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewManual(time.Unix(1_800_000_000, 0))
	db := &slowly{clock: now, key: store.FiringKey{Campaign: 7, Start: "schedule", Wall: "2027-01-15T09:00"}}
	s := New(Config{ID: "a", Store: db, Clock: now, Catalog: catalog.New(away{}, nil, nil), Log: slog.New(slog.DiscardHandler)})
	for turn := range 3 {
		if _, err := s.Fire(t.Context(), moment{now: now.Now(), applied: applied, pending: store.Pending{Firings: true}}); err != nil {
			t.Fatal(err)
		}
		if len(db.chunks) != turn+1 || db.chunks[turn] != db.chunks[0] || db.owner != "a" {
			t.Fatalf("turn %d: %d chunks of %s, with one audience: %t", turn, len(db.chunks), db.owner, db.chunks[turn] == db.chunks[0])
		}
	}
}
