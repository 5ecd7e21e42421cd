package store

import (
	"context"
	"fmt"
	"time"
)

// Pending says which kinds of work wait at a moment, so that a scheduler with
// nothing to do costs one cheap read.
type Pending struct {
	Touched    bool // contacts of whom something is new
	Changing   bool // contacts whose stage or health time may have moved
	Enrolments bool // due, of campaigns that are not paused
	Batches    bool // held until now, and never queued since
	Firings    bool // left running by a scheduler that fell silent
	Open       bool // messages that are not settled
}

// Pending looks for work.
func (s *Store) Pending(ctx context.Context, now time.Time) (p Pending, err error) {
	_, err = one(ctx, s.db, pendingText(now), nil, &p.Touched, &p.Changing, &p.Enrolments, &p.Batches, &p.Firings, &p.Open)
	return p, err
}

// pendingText asks for all of it at once. Milliseconds stand in the text: they are
// the engine's own numbers. What has an order is asked for its first: "is there
// any" reads whole tables when there is none, while PostgreSQL believes that there
// are many.
func pendingText(now time.Time) string {
	return fmt.Sprintf(`select
		(select id from touched where not_before <= %[1]d order by id limit 1) is not null,
		coalesce((select min(next_change) from contacts where next_change is not null) <= %[1]d, false),
		exists (select 1 from campaigns k where k.status <> 'paused' and exists (select 1 from enrolments e where e.campaign_id = k.id and e.due_at <= %[1]d)),
		exists (select 1 from batches where open_count > 0 and not_before <= %[1]d and queued_at = 0),
		exists (select 1 from firings where state = 'running' and lease_until < %[1]d),
		exists (select 1 from batches where open_count > 0)`, ms(now))
}
