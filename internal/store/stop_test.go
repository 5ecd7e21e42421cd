package store

import (
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
			_, err := s.SetCampaignStatus(ctx, "welcome", Stopped, []CampaignStatus{Running}, day)
			return err
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
