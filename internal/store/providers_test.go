package store

import (
	"fmt"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
)

func TestAProviderIsClosedAndOpened(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		states := func() map[string]ProviderState { return must(s.ProviderStates(ctx))(t) }
		equal(t, "never closed", len(states()), 0)
		equal(t, "open already", must(s.OpenProvider(ctx, "main", day))(t), false)
		equal(t, "closed", must(s.CloseProvider(ctx, "main", "closed by hand", ProviderState{}, day))(t), true)
		equal(t, "its state", states()["main"], ProviderState{Closed: true, Reason: "closed by hand", Changed: day})
		equal(t, "closed already", must(s.CloseProvider(ctx, "main", "harm", states()["main"], later(time.Second)))(t), false)
		equal(t, "opened", must(s.OpenProvider(ctx, "main", later(time.Hour)))(t), true)
		equal(t, "its state", states()["main"], ProviderState{Changed: later(time.Hour)})
		equal(t, "by who knew it as it was before", must(s.CloseProvider(ctx, "main", "harm", ProviderState{}, later(2*time.Hour)))(t), false)
		equal(t, "closed again", must(s.CloseProvider(ctx, "main", "harm", states()["main"], later(2*time.Hour)))(t), true)

		check(t, s.CountLeaving(ctx, "main", "2026-03-02", 7))
		check(t, s.CountLeaving(ctx, "main", "2026-03-04", 11))
		check(t, s.CountLeaving(ctx, "backup", "2026-03-01", 5))
		check(t, s.CountLeaving(ctx, "spare", "2026-03-04", 0))
		equal(t, "what has left today", fmt.Sprint(must(s.ProviderDays(ctx, "2026-03-04"))(t)), "map[backup:{2026-03-01 0} main:{2026-03-02 11}]")
	})
}

func TestHarmOfAProviderIsThatOfAllItsCampaigns(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one := campaign(t, s, "one")
		two := one + 1 // removed since, and in no table
		through := func(provider string, ids []int64) []int64 {
			t.Helper()
			for _, id := range ids {
				_, err := s.db.exec(ctx, `update messages set provider = $1 where id = $2`, provider, id)
				check(t, err)
			}
			return ids
		}
		harm := func(opened time.Time) string {
			t.Helper()
			return fmt.Sprint(must(s.Harm(ctx, Harm{Provider: "main", Opened: opened, Event: contacts.EventBounced, Row: 60, Cases: 4}))(t))
		}
		equal(t, "nothing", harm(time.Time{}), "[]")
		var ones, twos []int64
		for i := range 3 {
			at := later(time.Duration(i) * time.Second)
			ones = append(ones, through("main", decided(t, s, one, at, 10, campaigns.Sent))...)
			through("backup", decided(t, s, one, at, 10, campaigns.Sent))
			twos = append(twos, through("main", decided(t, s, two, at, 10, campaigns.Failed))...)
			through("main", decided(t, s, two, at, 5, campaigns.Skipped))
		}
		reported(t, s, one, later(time.Minute), ones[1], ones[2], ones[25])
		reported(t, s, two, later(time.Minute), twos[0])
		equal(t, "of both", harm(time.Time{}), fmt.Sprintf("[{{4 60} map[%d:{3 30} %d:{1 30}]}]", one, two))
		equal(t, "since it was opened", harm(later(2*time.Second)), fmt.Sprintf("[{{1 20} map[%d:{1 10} %d:{0 10}]}]", one, two))

		pause := func(to, from CampaignStatus, at time.Time) {
			t.Helper()
			equal(t, string(to), must(s.SetCampaignStatus(ctx, "one", to, []CampaignStatus{from}, at))(t), true)
		}
		pause(Paused, Running, later(2*time.Minute))
		equal(t, "paused, it counts on", harm(time.Time{}), fmt.Sprintf("[{{4 60} map[%d:{3 30} %d:{1 30}]}]", one, two))
		pause(Running, Paused, later(3*time.Minute))
		equal(t, "resumed, it begins anew", harm(time.Time{}), fmt.Sprintf("[{{1 30} map[%d:{1 30}]}]", two))
	})
}
