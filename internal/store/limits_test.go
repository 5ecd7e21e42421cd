package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

func TestADaysCeilingIsNeverPassed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ask := func(day string, want int) Taken {
			t.Helper()
			return must(s.TakeQuota(ctx, Quota{Provider: "main", Day: day, Want: want, Ceiling: func(first string) int {
				if day > "2026-03-03" {
					return -1
				}
				return map[string]int{"2026-03-02": 100, "2026-03-03": 50}[first]
			}}))(t)
		}
		equal(t, "first", ask("2026-03-02", 70), Taken{70, 100, "2026-03-02"})
		check(t, s.CountLeaving(ctx, "main", "2026-03-02", -70))
		// Nothing has left, so the day that counts as the first is the next one.
		equal(t, "the day after", ask("2026-03-03", 40), Taken{40, 50, "2026-03-03"})
		equal(t, "what is left", ask("2026-03-03", 40), Taken{10, 50, "2026-03-03"})
		equal(t, "none", ask("2026-03-03", 40), Taken{0, 50, "2026-03-03"})
		equal(t, "after the last day", ask("2026-03-04", 4000), Taken{4000, -1, "2026-03-03"})
		equal(t, "rows", count(t, s, `select count(*) from provider_days`), int64(2))

		granted := make([]int, 8)
		var group sync.WaitGroup
		for i := range granted {
			group.Go(func() {
				for range 20 {
					taken, err := s.TakeQuota(ctx, Quota{Provider: "backup", Day: "2026-03-02", Want: 7, Ceiling: func(string) int { return 500 }})
					if err != nil {
						t.Error(err)
						return
					}
					granted[i] += taken.Granted
				}
			})
		}
		group.Wait()
		sum := 0
		for _, n := range granted {
			sum += n
		}
		equal(t, "granted to eight at once", sum, 500)
	})
}

// decided writes n settled messages in a row and returns their ids.
func decided(t *testing.T, s *Store, campaign int64, at time.Time, n int, state campaigns.MessageState) (ids []int64) {
	t.Helper()
	check(t, s.db.write(t.Context(), func(q querier) error {
		next := must(s.ids(t.Context(), n, at))(t).again()
		for range n {
			id := ident.Message(next(), 1)
			ids = append(ids, id)
			if _, err := q.exec(t.Context(), `insert into messages (id, contact_id, campaign_id, template, state, reply, due_at, not_before, expires_at, decided_at, created_at)
				values ($1, 1, $2, 'welcome', $3, '250 ok', 0, 0, 0, $4, 0)`, id, campaign, string(state), ms(at)); err != nil {
				return err
			}
		}
		return nil
	}))
	return ids
}

// reported writes bounces of messages.
func reported(t *testing.T, s *Store, campaign int64, at time.Time, messages ...int64) {
	t.Helper()
	first := must(s.reserveEvents(t.Context(), len(messages), at))(t)
	for i, message := range messages {
		_, err := s.db.exec(t.Context(), `insert into events (id, contact_id, name, at, key, campaign_id, message_id) values ($1, 1, $2, $3, $4, $5, $6)`,
			first[i], contacts.EventBounced, ms(at), fmt.Sprint(first[i]), campaign, message)
		check(t, err)
	}
}

// harmed writes rows of messages without the parts of their campaigns.
func harmed(found []HarmedRow) string {
	out := []Harmed{}
	for _, row := range found {
		out = append(out, row.Harmed)
	}
	return fmt.Sprint(out)
}

func TestHarmIsFoundWhereItIs(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id := campaign(t, s, "welcome")
		other := id + 1
		k := must(s.Campaigns(ctx))(t)["welcome"]
		harm := func() string {
			t.Helper()
			return harmed(must(s.Harm(ctx, Harm{Campaign: k, Event: contacts.EventBounced, Row: 100, Cases: 11}))(t))
		}
		equal(t, "nothing", harm(), "[]")
		before := decided(t, s, id, day.Add(-time.Hour), 20, campaigns.Sent)
		reported(t, s, id, later(time.Second), before...) // of what was sent before it was resumed
		equal(t, "what was before", harm(), "[]")

		// Between its messages are another's, and some that never came to a server.
		var mine []int64
		for i := range 10 {
			at := later(time.Duration(i) * time.Second)
			mine = append(mine, decided(t, s, id, at, 30, campaigns.Sent)...)
			decided(t, s, other, at, 50, campaigns.Sent)
			decided(t, s, id, at, 5, campaigns.Skipped)
		}
		reported(t, s, id, later(time.Minute), mine[7], mine[7], mine[280])
		equal(t, "few, and one of them twice", harm(), "[{1 100}]") // from the first of them on
		equal(t, "no complaints", len(must(s.Harm(ctx, Harm{Campaign: k, Event: contacts.EventComplained, Row: 100, Cases: 1}))(t)), 0)

		reported(t, s, id, later(2*time.Minute), mine[100:112]...)
		equal(t, "twelve of a hundred, long before the last", harm(), "[{12 100} {10 100}]")
		equal(t, "the newest report of the campaign", must(s.LastHarm(ctx))(t)[id] > 0, true)

		paused := func(k Campaign) bool { return must(s.PauseFor(ctx, k, "harm", later(time.Hour)))(t) }
		stale := k
		stale.Changed = later(-time.Hour)
		equal(t, "changed since it was judged", paused(stale), false)
		equal(t, "paused", paused(k), true)
		equal(t, "reason", must(s.Campaigns(ctx))(t)["welcome"].Reason, "harm")
		must(s.SetCampaignStatus(ctx, "welcome", Running, []CampaignStatus{Paused}, later(2*time.Hour)))(t)
		k = must(s.Campaigns(ctx))(t)["welcome"]
		equal(t, "resumed", k.Reason, "")
		equal(t, "counted anew", harm(), "[]")
	})
}
