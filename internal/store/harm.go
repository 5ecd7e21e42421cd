package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Harm is what the guard asks about a campaign or a provider: how many of some
// messages in a row drew an event.
type Harm struct {
	Campaign Campaign  // of whose messages those count that were decided since its status changed; or, where it has no id,
	Provider string    // through which they went,
	Opened   time.Time // decided since then, and since the status of their own campaign changed where that runs
	Event    string    // contacts.EventBounced or contacts.EventComplained
	Row      int       // how many messages are looked at
	Cases    int       // how many cases the closest row is to be looked for by
}

// Harmed is how many of a row of messages drew it.
type Harmed struct{ Cases, Of int }

// Share is the part of the row, 0 to 1.
func (h Harmed) Share() float64 { return float64(h.Cases) / float64(max(h.Of, 1)) }

// HarmedRow is a row of messages, with the part of each campaign.
type HarmedRow struct {
	Harmed
	Campaigns map[int64]Harmed
}

const (
	// onlyHarm is what the index of these events is of.
	onlyHarm = "name in ('" + contacts.EventBounced + "', '" + contacts.EventComplained + "')"
	// harmMost is how many reports are looked at, the newest.
	harmMost = 10_000
	// rowMost is how many rows of the ledger are read to find a row of messages of
	// one campaign between those of others.
	rowMost = 500_000
)

// LastHarm is the newest bounce or complaint about each campaign's mail, by
// campaign: without a new one there is nothing to judge.
func (s *Store) LastHarm(ctx context.Context) (map[int64]int64, error) {
	out := map[int64]int64{}
	err := each(ctx, s.db, `select k.id, coalesce((select max(e.id) from events e where e.campaign_id = k.id and e.`+onlyHarm+`), 0)
		from campaigns k`, nil, func(scan func(...any) error) error {
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
func (s *Store) Harm(ctx context.Context, in Harm) ([]HarmedRow, error) {
	cases, err := s.harmedMessages(ctx, in)
	if err != nil || len(cases) == 0 {
		return nil, err
	}
	size := min(max(in.Cases, 1), len(cases))
	closest := 0
	for i := range len(cases) - size + 1 {
		if cases[i+size-1].id-cases[i].id < cases[closest+size-1].id-cases[closest].id {
			closest = i
		}
	}
	var out []HarmedRow
	for _, first := range slices.Compact([]int{closest, len(cases) - size}) {
		row, err := s.rowFrom(ctx, in, cases[first].id)
		if err != nil {
			return nil, err
		}
		for _, c := range cases {
			if part, among := row.Campaigns[c.campaign]; among && c.id >= row.low && c.id <= row.high {
				part.Cases++
				row.Campaigns[c.campaign] = part
				row.Cases++
			}
		}
		out = append(out, row.HarmedRow)
	}
	return out, nil
}

// harmedMessage is a message that drew the event.
type harmedMessage struct{ id, campaign int64 }

// harmedMessages are the messages that drew the event, in order.
func (s *Store) harmedMessages(ctx context.Context, in Harm) (out []harmedMessage, err error) {
	b := s.statement()
	since, of := in.Opened, ""
	if in.Campaign.ID != 0 {
		since, of = in.Campaign.Changed, "campaign_id = "+b.arg(in.Campaign.ID)+" and "
	}
	text := `select m.id, m.campaign_id from (select message_id, name from events
			where ` + of + onlyHarm + ` and name = ` + b.arg(in.Event) + ` and id >= ` + b.arg(ident.Base(since)) +
		fmt.Sprintf(` order by id desc limit %d) e
		join messages m on m.id = e.message_id where `, harmMost) + in.whose(b, "m") + ` and ` + counted("m.")
	err = each(ctx, s.db, text, b.args, func(scan func(...any) error) error {
		var m harmedMessage
		err := scan(&m.id, &m.campaign)
		out = append(out, m)
		return err
	})
	slices.SortFunc(out, func(a, b harmedMessage) int { return cmp.Compare(a.id, b.id) })
	return slices.Compact(out), err
}

// whose are the messages that are judged. A running campaign that was resumed
// begins anew for its provider too: for what it did before it was paused.
func (in Harm) whose(b *statement, m string) string {
	if in.Campaign.ID != 0 {
		return m + ".campaign_id = " + b.arg(in.Campaign.ID) + " and " + m + ".decided_at >= " + b.arg(ms(in.Campaign.Changed))
	}
	return m + ".provider = " + b.arg(in.Provider) + " and " + m + ".decided_at >= " + b.arg(ms(in.Opened)) +
		" and " + m + ".decided_at >= coalesce((select k.changed_at from campaigns k where k.id = " + m + ".campaign_id and k.status = 'running'), 0)"
}

// counted is what was given to a mail server: what it took, and what it refused.
func counted(m string) string {
	return fmt.Sprintf("(%[1]sstate in ('%[2]s', '%[3]s') or %[1]sstate = '%[4]s' and %[1]sreply <> '')", m, campaigns.Sent, campaigns.Unknown, campaigns.Failed)
}

// foundRow is a row with the first and the last of its messages.
type foundRow struct {
	HarmedRow
	low, high int64
}

// rowFrom is the row of messages that begins with one, filled up with those
// before it where too few came after. Nobody has counted the cases yet.
func (s *Store) rowFrom(ctx context.Context, in Harm, first int64) (foundRow, error) {
	row := foundRow{HarmedRow: HarmedRow{Campaigns: map[int64]Harmed{}}, low: first, high: first}
	side := func(side, order string, most int) error {
		b := s.statement()
		text := fmt.Sprintf(`select campaign_id, min(id), max(id), count(*) from (select id, campaign_id from
				(select id, campaign_id, provider, state, reply, decided_at from messages where id %[1]s %[2]s order by id %[3]s limit %[4]d) near
			where %[5]s and %[6]s order by id %[3]s limit %[7]s) found group by campaign_id`,
			side, b.arg(first), order, rowMost, in.whose(b, "near"), counted(""), b.arg(most))
		return each(ctx, s.db, text, b.args, func(scan func(...any) error) error {
			var campaign, low, high int64
			var n int
			if err := scan(&campaign, &low, &high, &n); err != nil {
				return err
			}
			row.low, row.high, row.Of = min(row.low, low), max(row.high, high), row.Of+n
			row.Campaigns[campaign] = Harmed{Of: row.Campaigns[campaign].Of + n}
			return nil
		})
	}
	if err := side(">=", "asc", in.Row); err != nil || row.Of == 0 || row.Of >= in.Row {
		return row, err
	}
	return row, side("<", "desc", in.Row-row.Of)
}
