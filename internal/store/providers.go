package store

import (
	"context"
	"fmt"
	"time"
)

// ProviderState says whether mail may go through a provider. One that was never
// closed is its zero value.
type ProviderState struct {
	Closed  bool      // nothing goes through it until a person opens it
	Reason  string    // why it is closed
	Changed time.Time // when it was closed or opened last; zero: never
}

// ClosedByHand is the reason of a provider that a person has closed.
const ClosedByHand = "closed by hand"

// ProviderStates are the states of the providers that were ever closed, by name.
func (s *Store) ProviderStates(ctx context.Context) (map[string]ProviderState, error) {
	out := map[string]ProviderState{}
	err := each(ctx, s.db, `select name, closed, reason, changed_at from providers`, nil, func(scan func(...any) error) error {
		var name string
		var p ProviderState
		var changed int64
		err := scan(&name, &p.Closed, &p.Reason, &changed)
		p.Changed = at(changed)
		out[name] = p
		return err
	})
	return out, err
}

// CloseProvider lets no mail go through a provider until OpenProvider. It reports
// false when it was closed already, or somebody has opened it since was was read.
func (s *Store) CloseProvider(ctx context.Context, name, reason string, was ProviderState, now time.Time) (closed bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `insert into providers (name, closed, reason, changed_at) values ($1, true, $2, $3)
			on conflict (name) do update set closed = true, reason = excluded.reason, changed_at = excluded.changed_at
			where not providers.closed and providers.changed_at = $4`, name, reason, ms(now), ms(was.Changed))
		closed = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot close the provider %s: %w", name, err)
	}
	return closed, nil
}

// OpenProvider lets mail go through a closed provider again. The guard counts
// anew from now on. It reports false when it was not closed.
func (s *Store) OpenProvider(ctx context.Context, name string, now time.Time) (opened bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `update providers set closed = false, reason = '', changed_at = $1 where name = $2 and closed`, ms(now), name)
		opened = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot open the provider %s: %w", name, err)
	}
	return opened, nil
}

// ProviderDay is what has left through a provider that warms up.
type ProviderDay struct {
	First string // day on which something left first
	Sent  int    // on the day that was asked about
}

// ProviderDays tells what has left on a day (2006-01-02, in the company's zone)
// through each provider that warms up; of the others nothing is counted.
func (s *Store) ProviderDays(ctx context.Context, day string) (map[string]ProviderDay, error) {
	out := map[string]ProviderDay{}
	err := each(ctx, s.db, `select provider, min(day), cast(sum(case when day = $1 then sent else 0 end) as bigint) from provider_days
		where sent > 0 group by provider`, []any{day}, func(scan func(...any) error) error {
		var name string
		var d ProviderDay
		err := scan(&name, &d.First, &d.Sent)
		out[name] = d
		return err
	})
	return out, err
}
