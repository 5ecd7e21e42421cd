package plan

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// limits says which limits would hold mail of the coming days back.
func (m *maker) limits(ctx context.Context) error {
	if len(m.days) == 0 {
		return nil
	}
	for _, name := range m.names {
		f := m.of[name]
		if f.def == nil || f.Status == string(store.Paused) || f.Status == string(store.Stopped) {
			continue
		}
		m.perContact(f)
		for i, n := range f.held {
			if count := rounded(n); count > 0 {
				m.bite(Bite{Limit: "window or quiet hours", Campaign: name, Date: m.days[i].String(), Count: count,
					Text: fmt.Sprintf("wait for the window or the end of quiet hours, and go on %s", m.days[i])})
			}
		}
	}
	firsts, err := m.Store.FirstDays(ctx)
	if err != nil {
		return err
	}
	m.providers(firsts)
	return nil
}

func (m *maker) bite(b Bite) { m.plan.Limits = append(m.plan.Limits, b) }

// perContact finds those who are at a limit when the campaign first starts, and
// a campaign that alone mails more than a limit allows.
func (m *maker) perContact(f *forecast) {
	if f.def.Kind == campaigns.Transactional {
		return
	}
	first := slices.IndexFunc(f.enrol, func(n float64) bool { return n > 0 })
	if first >= 0 && f.full > 0 {
		m.bite(Bite{Limit: "per_contact", Campaign: f.Name, Date: m.days[first].String(), Count: f.full,
			Text: "have been sent as much as a limit allows; their first mail waits for room"})
	}
	far := m.Now.AddDate(0, 2, 0)
	mails := f.def.Outlook("", false, m.Now, far, campaigns.Permit{}, m.zone)
	for _, l := range m.Folder.Limits.PerContact {
		most := 0
		for _, x := range mails {
			n := 0.0
			for _, y := range mails {
				if !y.At.Before(x.At) && y.At.Before(until(l, x.At, m.zone)) {
					n += y.Share
				}
			}
			most = max(most, int(n+1e-9))
		}
		if most > l.Max {
			m.bite(Bite{Limit: "per_contact", Campaign: f.Name, Count: int64(most),
				Text: fmt.Sprintf("mails within %s by its own steps, and the limit is %d: the others wait", l.Per, l.Max)})
		}
	}
}

// until is when a mail stops counting for a limit.
func until(l campaigns.Limit, t time.Time, zone *time.Location) time.Time {
	if l.Per.Days > 0 {
		return calendar.Of(t, zone).AddDays(l.Per.Days).At(0, zone)
	}
	return t.Add(l.Per.Clock)
}

// providers compares the mail of each sender with what its providers take: their
// ceilings while they warm up, and their rates.
func (m *maker) providers(firsts map[string]string) {
	bySender := map[string][]float64{}
	var senders []string
	for _, name := range m.names {
		f := m.of[name]
		if f.def == nil {
			continue
		}
		sender := m.Folder.SenderOf(f.def)
		if bySender[sender] == nil {
			bySender[sender] = make([]float64, len(m.days))
			senders = append(senders, sender)
		}
		for i, n := range f.mail {
			bySender[sender][i] += n
		}
	}
	slices.Sort(senders)
	for _, sender := range senders {
		m.ceiling(sender, bySender[sender], firsts)
		m.pace(sender, bySender[sender])
	}
}

// ceiling carries over what a warm-up does not let go on a day.
func (m *maker) ceiling(sender string, mail []float64, firsts map[string]string) {
	if !m.Folder.Delivery.Live {
		return // what is caught is not counted
	}
	late := 0.0
	for i, n := range mail {
		room, limited := m.room(sender, m.days[i], firsts)
		late = max(0, late+n-float64(room))
		if !limited {
			return
		}
		if count := rounded(late); count > 0 {
			m.bite(Bite{Limit: "warm_up", Date: m.days[i].String(), Count: count,
				Text: fmt.Sprintf("of sender %s wait for the next day: the warm-up lets %d go", sender, room)})
		}
	}
}

// room is how many the providers of a sender take on a day.
func (m *maker) room(sender string, day calendar.Date, firsts map[string]string) (room int, limited bool) {
	for _, name := range m.Folder.Senders[sender].Providers {
		up := m.Folder.Providers[name].WarmUp
		if up == nil {
			return 0, false
		}
		first, err := calendar.ParseDate(firsts[name])
		if err != nil {
			first = m.days[0]
		}
		ceiling := up.Ceiling(day.Sub(first) + 1)
		if ceiling < 0 {
			return 0, false
		}
		room += ceiling
		limited = true
	}
	return room, limited
}

// longPace is from when on it is worth saying how long the mail of a day takes.
const longPace = time.Hour

// pace says how long the mail of the fullest day takes to leave.
func (m *maker) pace(sender string, mail []float64) {
	day := 0
	for i, n := range mail {
		if n > mail[day] {
			day = i
		}
	}
	rate := rateOf(m.Folder, sender)
	if rate == 0 || len(mail) == 0 {
		return
	}
	if takes := time.Duration(mail[day] / rate * float64(time.Second)); takes >= longPace {
		m.bite(Bite{Limit: "rate", Date: m.days[day].String(), Count: rounded(mail[day]),
			Text: fmt.Sprintf("of sender %s take %s to leave at %g/s", sender, takes.Round(time.Minute), rate)})
	}
}

// rateOf is how many messages a second may leave for a sender; 0: no limit.
func rateOf(w *workspace.Workspace, sender string) float64 {
	s := w.Senders[sender]
	sum := 0.0
	for _, name := range s.Providers {
		if w.Providers[name].Rate == 0 {
			return s.Rate
		}
		sum += w.Providers[name].Rate
	}
	switch {
	case s.Rate == 0, sum > 0 && sum < s.Rate:
		return sum
	}
	return s.Rate
}
