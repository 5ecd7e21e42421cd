package plan

import (
	"context"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/store"
	"rapport/internal/workspace"
	"rapport/segments"
)

// How whom a campaign enrols was estimated.
const (
	byAsking  = "asked of the database as of each start"
	byHistory = "as in the last 7 days"
	byEvents  = "as many as the event reached in the last 7 days"
)

// lookBack is the time whose newcomers and starts tell how many come each day.
const lookBack = 7

// starts estimates whom each campaign enrols on the coming days.
func (m *maker) starts(ctx context.Context) (err error) {
	if len(m.days) == 0 {
		return nil
	}
	if m.lately, err = m.Store.StartedSince(ctx, m.Now.AddDate(0, 0, -lookBack)); err != nil {
		return err
	}
	if m.samples, err = m.Store.SampleContacts(ctx, sampleMost, sampleFew, m.Now.AddDate(0, 0, -lookBack)); err != nil {
		return err
	}
	if m.Exact {
		m.samples.Most = nil
	}
	m.plan.Sampled = m.samples.Most != nil
	full, err := m.full(ctx)
	if err != nil {
		return err
	}
	for _, name := range m.names {
		f := m.of[name]
		if f.def == nil || f.Status == string(store.Paused) || f.Status == string(store.Stopped) {
			continue
		}
		if err := m.start(ctx, f, full); err != nil {
			return err
		}
	}
	return nil
}

// full lists the contacts who are at a limit now. Transactional mail takes no
// room in the limits.
func (m *maker) full(ctx context.Context) ([]int64, error) {
	var all, without []int64
	for name, d := range m.Folder.Campaigns {
		if k, ok := m.known[name]; ok && d.Kind == campaigns.Transactional {
			without = append(without, k.ID)
		}
	}
	for _, l := range m.Folder.Limits.PerContact {
		some, err := m.Store.AtLimit(ctx, l.Max, m.counted(l), without)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// counted is since when messages count for a limit, for a contact in the
// company's zone.
func (m *maker) counted(l campaigns.Limit) time.Time {
	if l.Per.Days > 0 {
		return calendar.Of(m.Now, m.zone).AddDays(1-l.Per.Days).At(0, m.zone)
	}
	return m.Now.Add(-l.Per.Clock)
}

func (m *maker) start(ctx context.Context, f *forecast, full []int64) error {
	d := f.def
	moments, err := m.moments(ctx, f)
	if err != nil {
		return err
	}
	audience := segmentOf(m.Folder, d.Audience.Segment)
	if d.Start.Kind == campaigns.StartEvent {
		audience = m.Folder.StartedWithin(d.Name, "7d")
	}
	if len(moments) == 0 || audience == nil && d.Start.Kind != campaigns.StartSchedule && d.Start.Kind != campaigns.StartOnce {
		return nil
	}
	reached, err := m.ask(ctx, m.reach(f, moments, audience, full), d.Start.Kind == campaigns.StartEvent)
	if err != nil {
		return err
	}
	return m.count(ctx, f, moments, reached)
}

// How many contacts are asked where there are many more: about the first start of
// a campaign, and about the later ones and events.
const (
	sampleMost = 50_000
	sampleFew  = 20_000
)

// ask asks about everybody, or where there are many contacts about samples.
func (m *maker) ask(ctx context.Context, in store.StartInput, events bool) (out []store.Reached, err error) {
	if m.samples.Few == nil {
		return m.Store.Reach(ctx, in)
	}
	if events { // how many it reached lately is an estimate already
		in.Sample = m.samples.Few
		return m.Store.Reach(ctx, in)
	}
	add := func(in store.StartInput, counts func(store.Reached) bool) {
		if err != nil {
			return
		}
		var some []store.Reached
		some, err = m.Store.Reach(ctx, in)
		for _, r := range some {
			if counts(r) {
				out = append(out, r)
			}
		}
	}
	first := in
	first.Moments, first.Before, first.Sample = in.Moments[:1], in.Before[:min(1, len(in.Before))], m.samples.Most
	newest := m.samples.Newest
	add(first, func(r store.Reached) bool { return first.Sample == nil || newest == nil || r.Age < 0 })
	if len(in.Moments) > 1 {
		in.Sample = m.samples.Few
		add(in, func(r store.Reached) bool { return r.Moment > 0 })
	}
	if first.Sample != nil && newest != nil {
		first.Sample = newest
		add(first, func(r store.Reached) bool { return r.Age >= 0 })
	}
	return out, err
}

// moments are when a campaign starts on the coming days: at most once a day, at
// the first of the day's firings. A campaign that follows a segment starts now
// and at the end of each day.
func (m *maker) moments(ctx context.Context, f *forecast) ([]time.Time, error) {
	d, end := f.def, m.ends[len(m.ends)-1]
	switch d.Start.Kind {
	case campaigns.StartEvent:
		return []time.Time{m.Now}, nil
	case campaigns.StartEnter:
		return append([]time.Time{m.Now}, m.ends...), nil
	}
	if k, ok := m.known[d.Name]; ok && d.Start.Kind == campaigns.StartOnce {
		if _, fired, err := m.Store.LastFiring(ctx, k.ID, d.StartKey()); err != nil || fired {
			return nil, err
		}
	}
	var out []time.Time
	for after := m.Now; ; {
		next, ok := d.NextFiring(after, m.zone)
		if !ok || !next.At.Before(end) {
			return out, nil
		}
		out = append(out, next.At)
		if after = calendar.Of(next.At, m.zone).AddDays(1).At(0, m.zone).Add(-1); after.Before(next.At) {
			after = next.At
		}
	}
}

func segmentOf(w *workspace.Workspace, name string) *segments.Condition {
	if s := w.Segments[name]; s != nil {
		return s.Where
	}
	return nil
}

func (m *maker) reach(f *forecast, moments []time.Time, audience *segments.Condition, full []int64) store.StartInput {
	d, w := f.def, m.Folder
	in := store.StartInput{
		Campaign: m.known[d.Name].ID, Moments: moments, Audience: audience, Topic: d.Topic,
		Control: d.ControlSalt(), Share: d.Control, Apart: d.Apart, Reentry: d.Reentry.Mode,
		SQL: segments.SQL{Segments: w.Segments, Zone: m.zone, Ladder: w.Relationship.Stages(), Scoring: w.Relationship.Scoring(),
			CampaignIDs: func(name string) int64 { return m.known[name].ID }},
		Since: m.Now.AddDate(0, 0, -lookBack), Full: full,
	}
	if d.Kind == campaigns.Transactional {
		in.Topic, in.Full = "", nil
	}
	for _, name := range d.Audience.Exclude {
		if c := segmentOf(w, name); c != nil {
			in.Exclude = append(in.Exclude, c)
		}
	}
	if d.Reentry.Mode == campaigns.ReentryAfter {
		zone := d.Zone(nil, m.zone)
		for _, t := range moments {
			in.Before = append(in.Before, d.Reentry.After.Before(t, zone))
		}
	}
	return in
}

// count spreads whom the starts reach over the days.
func (m *maker) count(ctx context.Context, f *forecast, moments []time.Time, reached []store.Reached) error {
	d := f.def
	f.Audience = map[string]int64{}
	enrols := make([]float64, len(moments)) // by the moment
	var permitted float64
	var came [lookBack]float64 // newcomers, by the day on which they came
	for _, r := range reached {
		n := float64(r.Count)
		if r.Moment == 0 {
			f.Audience[r.Verdict] += r.Count
		}
		switch r.Verdict {
		case store.ReachEnrols:
			enrols[r.Moment] += n
			if r.Moment == 0 && r.Full {
				f.full += r.Count
			}
		case store.ReachIn, store.ReachBefore:
		default:
			continue
		}
		permitted += n
		if r.Age >= 0 {
			came[min(r.Age, lookBack-1)] += n
		}
	}
	// As many come each day as on the middle one of the last seven: an import is
	// no stream.
	slices.Sort(came[:])
	perDay := came[lookBack/2]
	f.Method = byAsking
	k, applied := m.known[d.Name]
	settled := applied && m.Now.Sub(k.Applied) >= lookBack*24*time.Hour && m.base != nil && m.base.Campaigns[d.Name] != nil &&
		startText(m.base.Campaigns[d.Name]) == f.Start
	switch d.Start.Kind {
	case campaigns.StartEvent:
		f.Method, perDay = byEvents, permitted/lookBack
		if settled {
			f.Method, perDay = byHistory, float64(m.lately[k.ID])/lookBack
		}
		m.everyDay(f, perDay)
	case campaigns.StartEnter:
		_, fired, err := m.Store.LastFiring(ctx, k.ID, "enter")
		if err != nil {
			return err
		}
		m.entering(f, enrols, perDay, settled, fired, k.ID)
	default:
		m.firing(f, moments, enrols, perDay)
	}
	return nil
}

// everyDay enrols the same number each day; of today what is left of it.
func (m *maker) everyDay(f *forecast, perDay float64) {
	began := m.Now
	for i, end := range m.ends {
		f.enrol[i] += perDay * end.Sub(began).Hours() / 24
		f.at[i] = began.Add(end.Sub(began) / 2)
		began = end
	}
}

// entering enrols who comes into the segment; who is in it now is the baseline.
func (m *maker) entering(f *forecast, enrols []float64, perDay float64, settled, fired bool, id int64) {
	f.Baseline = f.Audience[store.ReachEnrols] + f.Audience[store.ReachControl]
	if settled {
		f.Method = byHistory
		m.everyDay(f, float64(m.lately[id])/lookBack)
	} else {
		m.everyDay(f, perDay)
		for i := range m.ends {
			f.enrol[i] += enrols[i+1]
		}
	}
	if f.def.Start.IncludeCurrent && !fired {
		f.enrol[0] += enrols[0]
		f.at[0] = m.Now
		f.Baseline = 0
	}
}

// firing enrols at each start who has come into the audience since the one before.
func (m *maker) firing(f *forecast, moments []time.Time, enrols []float64, perDay float64) {
	for i, t := range moments {
		day := m.dayOf(t)
		n := enrols[i]
		if i > 0 {
			n += perDay * t.Sub(moments[i-1]).Hours() / 24
			if f.def.Reentry.Mode == campaigns.ReentryAlways || f.def.Reentry.Mode == campaigns.ReentryRestart {
				n += enrols[i-1] // who is still in the audience comes again
				enrols[i] += enrols[i-1]
			}
		}
		f.enrol[day] += n
		f.at[day] = t
	}
}

// dayOf is the number of the day that a moment lies in; len(m.ends) is after all.
func (m *maker) dayOf(t time.Time) int {
	for i, end := range m.ends {
		if t.Before(end) {
			return i
		}
	}
	return len(m.ends)
}
