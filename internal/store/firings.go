package store

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// FiringKey names one occurrence of a campaign's start.
type FiringKey struct {
	Campaign int64
	Start    string // which schedule: the expression, or the time of a once
	Wall     string // the local wall time of the occurrence
}

// Firing is an occurrence as it is recorded.
type Firing struct {
	FiringKey
	At       time.Time
	State    string // running, done or missed
	Cursor   int64  // the last contact looked at
	Enrolled int64
	Refused  int64
	Owner    string
	EndedAt  time.Time
}

// LastFiring is the latest recorded occurrence of a start, by its time.
func (s *Store) LastFiring(ctx context.Context, campaign int64, start string) (f Firing, found bool, err error) {
	var happened int64
	found, err = one(ctx, s.db, `select wall, at, state from firings
		where campaign_id = $1 and start_key = $2 order by at desc, wall desc limit 1`,
		[]any{campaign, start}, &f.Wall, &happened, &f.State)
	f.Campaign, f.Start, f.At = campaign, start, at(happened)
	return f, found, err
}

// startSetting is where the schedule of a campaign stands: since when, and its name.
const startSetting = "start:"

// saveStarts notes since when each schedule stands. One that is taken away is
// forgotten, so that it is new when it comes back.
func saveStarts(ctx context.Context, q querier, starts map[string]string, now time.Time) error {
	stand := map[string]string{}
	if err := each(ctx, q, `select key, value from settings where key like 'start:%'`, nil, func(scan func(...any) error) error {
		var key, value string
		err := scan(&key, &value)
		stand[strings.TrimPrefix(key, startSetting)] = value
		return err
	}); err != nil {
		return err
	}
	for _, name := range sortedKeys(stand) {
		_, start, _ := strings.Cut(stand[name], " ")
		if given, ok := starts[name]; ok && given == start {
			continue
		}
		delete(stand, name)
		if _, err := q.exec(ctx, `delete from settings where key = $1`, startSetting+name); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(starts) {
		if _, known := stand[name]; known {
			continue
		}
		if _, err := q.exec(ctx, `insert into settings (key, value) values ($1, $2)`,
			startSetting+name, strconv.FormatInt(ms(now), 10)+" "+starts[name]); err != nil {
			return err
		}
	}
	return nil
}

// StartStands is since when a campaign has had the schedule that it has now.
func (s *Store) StartStands(ctx context.Context, campaign string) (since time.Time, err error) {
	var value string
	found, err := one(ctx, s.db, `select value from settings where key = $1`, []any{startSetting + campaign}, &value)
	if err != nil || !found {
		return time.Time{}, err
	}
	moment, _, _ := strings.Cut(value, " ")
	n, err := strconv.ParseInt(moment, 10, 64)
	return at(n), err
}

// ClaimFiring records an occurrence for one scheduler. Of all that try, one
// gets true.
func (s *Store) ClaimFiring(ctx context.Context, k FiringKey, happens time.Time, owner string, leaseUntil time.Time) (claimed bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `insert into firings (campaign_id, start_key, wall, at, state, owner, lease_until)
			values ($1, $2, $3, $4, 'running', $5, $6) on conflict (campaign_id, start_key, wall) do nothing`,
			k.Campaign, k.Start, k.Wall, ms(happens), owner, ms(leaseUntil))
		claimed = n == 1
		return err
	})
	return claimed, err
}

// RenewFiring says that the owner of a firing still works on it. It is false when
// somebody else has taken it over.
func (s *Store) RenewFiring(ctx context.Context, k FiringKey, owner string, until time.Time) (held bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `update firings set lease_until = $1 where campaign_id = $2 and start_key = $3 and wall = $4
			and owner = $5 and state = 'running' and lease_until < $1`, ms(until), k.Campaign, k.Start, k.Wall, owner)
		held = n == 1
		return err
	})
	return held, err
}

// MissFirings records occurrences that nobody will run.
func (s *Store) MissFirings(ctx context.Context, missed []Firing, now time.Time) error {
	return s.db.write(ctx, func(q querier) error {
		for _, f := range missed {
			if _, err := q.exec(ctx, `insert into firings (campaign_id, start_key, wall, at, state, ended_at)
				values ($1, $2, $3, $4, 'missed', $5) on conflict (campaign_id, start_key, wall) do nothing`,
				f.Campaign, f.Start, f.Wall, ms(f.At), ms(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ResumeFirings takes over running firings whose owner let the lease run out.
func (s *Store) ResumeFirings(ctx context.Context, owner string, now, leaseUntil time.Time) ([]Firing, error) {
	var out []Firing
	err := s.db.write(ctx, func(q querier) error {
		out = nil
		return each(ctx, q, `update firings set owner = $1, lease_until = $2
			where state = 'running' and lease_until < $3
			returning campaign_id, start_key, wall, at, cursor, enrolled, refused`,
			[]any{owner, ms(leaseUntil), ms(now)}, func(scan func(...any) error) error {
				f := Firing{State: "running", Owner: owner}
				var happened int64
				err := scan(&f.Campaign, &f.Start, &f.Wall, &happened, &f.Cursor, &f.Enrolled, &f.Refused)
				f.At = at(happened)
				out = append(out, f)
				return err
			})
	})
	return out, err
}
