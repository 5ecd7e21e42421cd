package store

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"rapport/campaigns"
)

// Workers claim several batches at a time, each of them more than once, some with
// what another has moved meanwhile; they hold, skip, defer and settle what they
// find, and record it together with the next step, while enrolments exit under
// their hands. Nothing goes twice under one token, a batch counts what it has, and
// nobody waits for a message that is settled.
func TestRule17ManyWorkersLeaveNoMessageBehind(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, d := welcome(t, s)
		const n = 300
		consenting(t, s, n)
		enrolAll(t, s, id, n)
		_, first := step(t, s, d, day)
		next := func(due []Due) []Stepped {
			out := make([]Stepped, len(due))
			for i, x := range due {
				in := campaigns.Input{Pinned: d, Enrolment: x.Enrolment, Outcomes: x.Outcomes, Now: later(time.Minute), Zone: time.UTC}
				in.Question.Facts = x.Facts
				decision := campaigns.Next(in)
				out[i] = Stepped{Enrolment: decision.Enrolment, Withdraw: decision.Withdraw}
			}
			return out
		}
		var mu sync.Mutex
		all := append([]Batch(nil), first...)
		left := map[int64]int{} // message to how often it has gone
		some := func(r *rand.Rand) (ids []int64) {
			mu.Lock()
			defer mu.Unlock()
			for range 4 {
				ids = append(ids, all[r.IntN(len(all))].ID)
			}
			return ids
		}
		ready := func(more []Batch) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, more...)
		}
		work := func(seed uint64, rounds int, last bool) error {
			r := rand.New(rand.NewPCG(seed, 7))
			for range rounds {
				in := ClaimInput{Batches: some(r), Worker: "w", Limit: 20 + r.IntN(200), Split: 1 + r.IntN(BatchSize), Now: day, Needs: everything}
				claim, err := s.Claim(ctx, in, func(found []Candidate) []Verdict {
					out := allGo(found)
					for i := range out {
						switch k := r.IntN(10); {
						case last:
						case k == 0:
							out[i] = Verdict{Skip: "a test"}
						case k < 3:
							out[i] = Verdict{Until: day, Reason: "held"}
						}
					}
					return out
				})
				if err != nil {
					return err
				}
				ready(claim.Ready)
				list := outcomes(claim.Claimed, campaigns.Sent, day)
				for i := range list {
					switch k := r.IntN(10); {
					case last:
					case k == 0:
						list[i].State = campaigns.Failed
					case k == 1:
						list[i].State = campaigns.Unknown
					case k < 5:
						list[i].State = campaigns.Queued
					}
					if list[i].State != campaigns.Queued {
						mu.Lock()
						left[list[i].Message]++
						mu.Unlock()
					}
				}
				for range 1 + r.IntN(2) { // the answer to the first may have been lost
					more, err := s.RecordAndStep(ctx, list, Step{Needs: everyStep, Decide: next}, later(time.Minute))
					if err != nil {
						return err
					}
					ready(more)
				}
			}
			return nil
		}
		exits := func() error {
			for i := range 10 {
				err := s.db.write(ctx, func(q querier) error {
					_, err := q.exec(ctx, `update enrolments set due_at = $1 where state = 'parked' and contact_id % 20 = $2`, ms(day), i)
					return err
				})
				if err != nil {
					return err
				}
				if _, _, err := s.StepDue(ctx, later(time.Minute), n, deciding(func(due []Due) []Stepped {
					out := next(due)
					for i, x := range due {
						if x.Enrolment.State == campaigns.Parked && out[i].Enrolment.State == campaigns.Parked {
							out[i].Enrolment.State, out[i].Enrolment.Reason, out[i].Enrolment.EndedAt = campaigns.Exited, "a test", day
							out[i].Withdraw = x.Enrolment.ID | 1
						}
					}
					return out
				})); err != nil {
					return err
				}
			}
			return nil
		}
		var group sync.WaitGroup
		failed := make(chan error, 5)
		for seed := range uint64(4) {
			group.Go(func() { failed <- work(seed, 12, false) })
		}
		group.Go(func() { failed <- exits() })
		group.Wait()
		close(failed)
		for err := range failed {
			check(t, err)
		}
		for round := uint64(0); count(t, s, `select count(*) from messages where state = 'queued'`) > 0; round++ {
			if round == 50 {
				t.Fatal("messages are queued in batches that nobody was told of")
			}
			mu.Lock()
			known := append([]Batch(nil), all...)
			mu.Unlock()
			for _, b := range known {
				claim := must(s.Claim(context.WithoutCancel(ctx), ClaimInput{Batches: []int64{b.ID}, Worker: "w", Limit: n, Now: day, Needs: everything}, allGo))(t)
				ready(claim.Ready)
				for _, c := range claim.Claimed {
					left[c.ID]++
				}
				must(s.RecordAndStep(ctx, outcomes(claim.Claimed, campaigns.Sent, day), Step{Needs: everyStep, Decide: next}, later(time.Minute)))(t)
			}
		}
		for m, times := range left {
			if times > 1 {
				t.Errorf("message %d was final %d times", m, times)
			}
		}
		equal(t, "messages", count(t, s, `select count(*) from messages`), int64(n))
		equal(t, "unsettled messages", count(t, s, `select count(*) from messages where state in ('queued', 'sending')`), int64(0))
		equal(t, "batches that count wrong", count(t, s, `select count(*) from batches where open_count <> 0`), int64(0))
		equal(t, "enrolments that wait for a settled message and are not due",
			count(t, s, `select count(*) from enrolments where state = 'parked' and due_at is null`), int64(0))
		equal(t, "messages that went", int64(len(left)), count(t, s, `select count(*) from messages where state in ('sent', 'failed', 'unknown')`))
	})
}
