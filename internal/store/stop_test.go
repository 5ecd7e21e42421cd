package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"rapport/segments"
)

// A campaign of very many is stopped a few thousand at a time: somebody who has one of
// them in hand, or waits for one, is not kept for as long as the whole takes.
func TestAStopHoldsNobodyForLong(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		const people = stopSize + 3
		_, err := s.db.exec(ctx, map[segments.Dialect]string{
			segments.Postgres: `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, parked_for)
				select n * 1024, $1, n, 1, 0, 'parked', n * 1024 + 1 from generate_series(1, $2::bigint) as n`,
			segments.SQLite: `with recursive n(n) as (select 1 union all select n + 1 from n where n < $2)
				insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, parked_for) select n * 1024, $1, n, 1, 0, 'parked', n * 1024 + 1 from n`,
		}[s.dialect], id, people)
		check(t, err)
		stop := func() error {
			must(s.SetCampaignStatus(ctx, "welcome", Stopped, []CampaignStatus{Running}, day))(t)
			return s.WakeStopped(ctx, "welcome", day)
		}
		if s.dialect == segments.SQLite { // its one writer would wait for the test
			check(t, stop())
		} else {
			stopped := make(chan error, 1)
			check(t, s.db.write(ctx, func(q querier) error {
				if _, err := q.exec(ctx, `select 1 from enrolments where contact_id = $1 for update`, people); err != nil {
					return err
				}
				go func() { stopped <- stop() }()
				waiting(t, s)
				equal(t, "woken meanwhile", count(t, s, `select count(*) from enrolments where due_at is not null`), int64(stopSize))
				_, err := q.exec(ctx, `select 1 from enrolments where contact_id = 1 for update nowait`)
				return err
			}))
			check(t, <-stopped)
		}
		equal(t, "woken in the end", count(t, s, `select count(*) from enrolments where due_at is not null and rev = 1`), int64(people))
	})
}

// Whoever asks for a stop may go away, and a process may die, before everybody in the
// campaign is told. Asked for again, and by the maintenance, the rest is told.
func TestAStopThatBrokeOffIsFinished(t *testing.T) {
	for name, finish := range map[string]func(s *Store, t *testing.T){
		"by whoever asks again": func(s *Store, t *testing.T) {
			equal(t, "changed again", must(s.SetCampaignStatus(t.Context(), "welcome", Stopped, []CampaignStatus{Running, Paused}, day))(t), false)
			check(t, s.WakeStopped(t.Context(), "welcome", day))
		},
		"by the maintenance": func(s *Store, t *testing.T) {
			equal(t, "woken", must(s.Maintain(t.Context(), day))(t).Woken, 6)
			equal(t, "woken again", must(s.Maintain(t.Context(), day))(t).Woken, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				ctx := t.Context()
				id, _ := welcome(t, s)
				for n := range int64(10) { // one is over, one is due, one runs elsewhere and one is in the control group
					campaign, state, due := id, "active", ms(day.AddDate(0, 3, 0))
					switch n {
					case 0:
						state = "finished"
					case 1:
						due = ms(day) - 1
					case 2:
						campaign++
					case 3:
						state = "control"
					}
					_, err := s.db.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, due_at) values ($1, $2, $3, 1, 0, $4, $5)`,
						(n+1)*1024, campaign, n, state, due)
					check(t, err)
				}
				check(t, s.WakeStopped(ctx, "welcome", day))
				equal(t, "woken of a campaign that runs", must(s.Maintain(ctx, day))(t).Woken, 0)
				must(s.SetCampaignStatus(ctx, "welcome", Stopped, []CampaignStatus{Running}, day))(t)
				gone, leave := context.WithCancel(ctx)
				leave()
				if err := s.WakeStopped(gone, "welcome", day); !errors.Is(err, context.Canceled) {
					t.Errorf("the stop breaks off with %v", err)
				}
				finish(s, t)
				equal(t, "woken", count(t, s, `select count(*) from enrolments where due_at = `+fmt.Sprint(ms(day))+` and rev = 1`), int64(6))
			})
		})
	}
}
