package store

import (
	"testing"
	"time"

	"rapport/segments"
)

// A worker is killed while its claim is on its way to the commit, and starts
// again: it must not look for what it has claimed before that commit is through.
func TestAWorkerThatStartsAgainWaitsForItsLastClaim(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if s.dialect == segments.SQLite {
			return // its one process is dead, and its transaction with it
		}
		ctx := t.Context()
		id, d := welcome(t, s)
		consenting(t, s, 3)
		enrolAll(t, s, id, 100)
		_, batches := step(t, s, d, day)
		w := Worker{ID: "w"}
		check(t, s.StartWorker(ctx, w, day))
		marked, commit, claimed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			claimed <- s.db.write(ctx, func(q querier) error {
				in := ClaimInput{Batches: []int64{batches[0].ID}, Worker: w.ID, Limit: 10, Now: day, Needs: everything}
				found, _, _, err := s.candidates(ctx, q, in, &ClaimResult{})
				if err != nil {
					return err
				}
				list := make([]Claimed, len(found))
				for i, c := range found {
					list[i] = Claimed{Candidate: c, Fence: 7}
				}
				_, err = s.markSending(ctx, q, in, 7, list, in.Batches)
				close(marked)
				<-commit
				return err
			})
		}()
		<-marked
		alive := must(s.Beat(ctx, w.ID))(t) // a heart beats beside a claim
		equal(t, "alive", alive, true)
		started := make(chan error, 1)
		go func() { started <- s.StartWorker(ctx, w, day) }()
		waiting(t, s)
		close(commit)
		check(t, <-claimed)
		check(t, <-started)
		doubt := must(s.InDoubt(ctx, w.ID))(t)
		equal(t, "in doubt", len(doubt), 3)
	})
}

// waiting returns when a transaction waits for another one's lock.
func waiting(t *testing.T, s *Store) {
	t.Helper()
	waits(t, func() int64 { return count(t, s, waitForLocks) })
}

const waitForLocks = `select count(*) from pg_locks where not granted and pid in (select pid from pg_stat_activity where datname = current_database())`

// waits returns when what is counted is there.
func waits(t *testing.T, n func() int64) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for n() == 0 {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("nobody waits for a lock")
		}
	}
}
