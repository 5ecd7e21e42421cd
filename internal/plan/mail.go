package plan

import (
	"context"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// mail estimates what each campaign sends on the coming days: to those it
// enrols, to those on their way, and what waits to go.
func (m *maker) mail(ctx context.Context) error {
	if len(m.days) == 0 {
		return nil
	}
	waiting, err := m.Store.WaitingMail(ctx, m.ends)
	if err != nil {
		return err
	}
	for _, name := range m.names {
		f := m.of[name]
		if f.Status == string(store.Paused) || f.Status == string(store.Stopped) {
			continue
		}
		for day, n := range waiting[m.known[name].ID] {
			if day >= 0 && day < len(f.mail) {
				f.mail[day] += float64(n)
			}
		}
		for i, n := range f.enrol {
			if n > 0 {
				m.expect(f, f.def, leg{from: f.at[i], people: n})
			}
		}
	}
	return m.onTheirWay(ctx)
}

// leg is a number of people who come to a place in a campaign.
type leg struct {
	position string
	passed   bool // what they stand on is behind them
	from     time.Time
	people   float64
}

// expect adds the mail that people are going to get.
func (m *maker) expect(f *forecast, d *campaigns.Definition, l leg) {
	known := campaigns.Permit{}
	if q := m.Folder.Limits.QuietHours; q != nil {
		known.Quiet, known.QuietZone = &q.Quiet, q.Zone(nil, m.zone)
	}
	for _, x := range d.Outlook(l.position, l.passed, l.from, m.ends[len(m.ends)-1], known, m.zone) {
		day := m.dayOf(x.At)
		f.mail[day] += l.people * x.Share
		if x.Held {
			f.held[day] += l.people * x.Share
		}
	}
}

// onTheirWay adds what those are going to get who are enrolled already.
func (m *maker) onTheirWay(ctx context.Context) error {
	for _, s := range m.standing {
		f := m.of[m.nameOf(s.Campaign)]
		if f == nil || s.Day >= len(m.days) || f.Status == string(store.Paused) || f.Status == string(store.Stopped) {
			continue
		}
		d, position, err := m.steps(ctx, f, s)
		if err != nil {
			return err
		}
		if d == nil {
			continue
		}
		step := d.Step(position)
		l := leg{position: position, people: float64(s.Count), from: m.Now}
		l.passed = step != nil && (step.Kind == campaigns.StepWait || step.Kind == campaigns.StepWaitFor || s.State == campaigns.Parked && position == s.Position)
		if s.Day > 0 {
			l.from = m.ends[s.Day-1].Add(m.ends[s.Day].Sub(m.ends[s.Day-1]) / 2)
		}
		m.expect(f, d, l)
	}
	return nil
}

// steps are those that some go on with, and the place in them.
func (m *maker) steps(ctx context.Context, f *forecast, s store.Standing) (*campaigns.Definition, string, error) {
	old, err := m.versions.Read(ctx, s.Version)
	if err != nil {
		return nil, "", err
	}
	pinned := old.Campaigns[f.Name]
	if !m.Migrate || f.def == nil || pinned == nil {
		return pinned, s.Position, nil
	}
	if move, ok := m.versions.Moves(f.Name, s.Version, f.def).ByStep[s.Position]; ok {
		return f.def, move.To, nil
	}
	return f.def, s.Position, nil
}

func (m *maker) nameOf(campaign int64) string {
	for name, k := range m.known {
		if k.ID == campaign {
			return name
		}
	}
	return ""
}
