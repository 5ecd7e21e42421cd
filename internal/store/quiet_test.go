package store

import (
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Somebody stops a campaign in the middle of its firing, which takes as long as the
// campaign is large. The next chunk waits for that, and keeps nobody waiting
// meanwhile: what is new about contacts is looked at.
func TestWhoWaitsForAStopKeepsNoNewsWaiting(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if s.dialect == segments.SQLite {
			return // one writer: nobody waits in between
		}
		ctx := t.Context()
		id, d := welcome(t, s)
		ids := consenting(t, s, 4)
		takeAll(t, s)
		check(t, s.Touch(ctx, []contacts.ID{ids[3]}))
		version, _, err := s.CurrentVersion(ctx)
		check(t, err)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: later(time.Second), LeaseTill: later(time.Minute), Topic: "guides", Step: firstSteps(d, nil)}
		must(s.EnrolChunk(ctx, in, 2))(t)

		chunk, reaction := make(chan error, 1), make(chan struct{})
		looked := 0
		check(t, s.db.write(ctx, func(q querier) error {
			if _, err := q.exec(ctx, `update campaigns set status = 'stopped' where id = $1`, id); err != nil {
				return err
			}
			go func() {
				_, err := s.EnrolChunk(ctx, in, 2)
				chunk <- err
			}()
			waiting(t, s)
			go func() {
				defer close(reaction)
				_, err := s.React(ctx, ReactInput{Now: day, Limit: 10, Version: version.ID}, func(touched []TouchedContact) []Reaction {
					looked = len(touched)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}()
			waitForLock(t, s, reaction)
			equal(t, "who waits for the firings", count(t, s, `select count(*) from pg_locks where not granted and relation = 'firings'::regclass`), int64(0))
			return nil
		}))
		<-reaction
		check(t, <-chunk)
		equal(t, "contacts that were looked at", looked, 1)
		equal(t, "messages after the stop", count(t, s, `select count(*) from messages`), int64(2))
		equal(t, "to be ended in the next turn", count(t, s, `select count(*) from enrolments where state = 'active' and due_at is not null`), int64(2))
	})
}
