package store

import (
	"context"
	"fmt"
	"slices"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Harm is what the guard asks about a campaign: how many of some messages in a
// row drew an event.
type Harm struct {
	Campaign Campaign // of whose messages those count that were decided since its status changed
	Event    string   // contacts.EventBounced or contacts.EventComplained
	Row      int      // how many messages are looked at
	Cases    int      // how many cases the closest row is to be looked for by
}

// Harmed is how many of a row of messages drew it.
type Harmed struct{ Cases, Of int }

// Share is the part of the row, 0 to 1.
func (h Harmed) Share() float64 { return float64(h.Cases) / float64(max(h.Of, 1)) }

const (
	// onlyHarm is what the index of these events is of.
	onlyHarm = "name in ('" + contacts.EventBounced + "', '" + contacts.EventComplained + "')"
	// harmMost is how many reports are looked at, the newest.
	harmMost = 10_000
	// rowMost is how many rows of the ledger are read to find a row of messages of
	// one campaign between those of others.
	rowMost = 500_000
)

// LastHarm is the newest bounce or complaint about each running campaign's mail,
// by campaign: without a new one there is nothing to judge.
func (s *Store) LastHarm(ctx context.Context) (map[int64]int64, error) {
	out := map[int64]int64{}
	err := each(ctx, s.db, `select k.id, coalesce((select max(e.id) from events e where e.campaign_id = k.id and e.`+onlyHarm+`), 0)
		from campaigns k where k.status = 'running'`, nil, func(scan func(...any) error) error {
		var campaign, event int64
		err := scan(&campaign, &event)
		out[campaign] = event
		return err
	})
	return out, err
}

// Harm finds the rows of messages that look worst and counts the cases in each:
// the row around the cases that are closest together, and the one around the
// last. Reports come minutes and hours after the mail, so the last messages of
// all would always look well while a campaign goes fast.
//
// Messages are in the order of their enrolments, which is that of their ids: the
// events have an index of their own, and of the ledger one range of the primary
// key is read for each row.
func (s *Store) Harm(ctx context.Context, in Harm) ([]Harmed, error) {
	cases, err := s.harmedMessages(ctx, in)
	if err != nil || len(cases) == 0 {
		return nil, err
	}
	size := min(max(in.Cases, 1), len(cases))
	closest := 0
	for i := range len(cases) - size + 1 {
		if cases[i+size-1]-cases[i] < cases[closest+size-1]-cases[closest] {
			closest = i
		}
	}
	var out []Harmed
	for _, first := range slices.Compact([]int{closest, len(cases) - size}) {
		low, high, n, err := s.rowFrom(ctx, in, cases[first])
		if err != nil {
			return nil, err
		}
		h := Harmed{Of: n}
		for _, id := range cases {
			if id >= low && id <= high {
				h.Cases++
			}
		}
		out = append(out, h)
	}
	return out, nil
}

// harmedMessages are the messages that drew the event, in order.
func (s *Store) harmedMessages(ctx context.Context, in Harm) ([]int64, error) {
	var ids []int64
	err := each(ctx, s.db, fmt.Sprintf(`select e.message_id from (select message_id, name from events
			where campaign_id = $1 and %s and name = $2 and id >= $3 order by id desc limit %d) e
		join messages m on m.id = e.message_id where m.decided_at >= $4 and %s`, onlyHarm, harmMost, counted("m.")),
		[]any{in.Campaign.ID, in.Event, ident.Base(in.Campaign.Changed), ms(in.Campaign.Changed)}, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// counted is what was given to a mail server: what it took, and what it refused.
func counted(m string) string {
	return fmt.Sprintf("(%[1]sstate in ('%[2]s', '%[3]s') or %[1]sstate = '%[4]s' and %[1]sreply <> '')", m, campaigns.Sent, campaigns.Unknown, campaigns.Failed)
}

// rowFrom is the row of messages that begins with one, filled up with those
// before it where too few came after.
func (s *Store) rowFrom(ctx context.Context, in Harm, first int64) (low, high int64, n int, err error) {
	row := func(side, order string, most int) (low, high *int64, n int, err error) {
		_, err = one(ctx, s.db, fmt.Sprintf(`select min(id), max(id), count(*) from (select id from
				(select id, campaign_id, state, reply, decided_at from messages where id %[1]s $1 order by id %[2]s limit %[3]d) near
			where campaign_id = $2 and decided_at >= $3 and %[4]s order by id %[2]s limit $4) found`, side, order, rowMost, counted("")),
			[]any{first, in.Campaign.ID, ms(in.Campaign.Changed), most}, &low, &high, &n)
		return low, high, n, err
	}
	from, to, n, err := row(">=", "asc", in.Row)
	if err != nil || n == 0 {
		return first, first, 0, err
	}
	low, high = *from, *to
	if n < in.Row {
		before, _, more, err := row("<", "desc", in.Row-n)
		if err != nil {
			return 0, 0, 0, err
		}
		if more > 0 {
			low, n = *before, n+more
		}
	}
	return low, high, n, nil
}
