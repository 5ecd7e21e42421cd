package campaigns

import (
	"time"

	"rapport/internal/calendar"
)

// Firing is one moment at which a schedule or a `once` enrols its audience.
// A firing is unique by campaign, start and Wall.
type Firing struct {
	Wall   string    // local wall time, see calendar.Occurrence
	At     time.Time // `now` for everything the firing decides
	Run    bool      // false: it is recorded and does not run
	Reason string    // why it does not run
}

// firingsKept bounds how many missed firings are recorded after a downtime.
const firingsKept = 1000

// firingsBack bounds how far back missed firings are looked for.
const firingsBack = 90 * 24 * time.Hour

// Firings returns the firings after last and until now, oldest first. Only
// the latest one runs, and only when it is not later than the start's
// catch-up; the others are to be recorded. last is the latest firing on
// record, or when the campaign was first applied. A `once` in the past is
// always returned: its row says whether it has fired.
func (d *Definition) Firings(last, now time.Time, company *time.Location) []Firing {
	zone := zoneOf(d.Start.Timezone, nil, company)
	var all []Firing
	switch d.Start.Kind {
	case StartOnce:
		if o := d.Start.once(zone); !o.At.After(now) {
			all = append(all, Firing{Wall: o.Wall, At: o.At})
		}
	case StartSchedule:
		if back := now.Add(-firingsBack); last.Before(back) {
			last = back
		}
		for {
			some := d.Start.Cron.Between(last, now, zone, firingsKept)
			for _, o := range some {
				all = append(all, Firing{Wall: o.Wall, At: o.At})
			}
			if len(all) > firingsKept {
				all = all[len(all)-firingsKept:]
			}
			if len(some) < firingsKept {
				break
			}
			last = some[len(some)-1].At
		}
	}
	d.Start.judge(all, now, zone)
	return all
}

// once is the only firing of a `once`.
func (s *Start) once(zone *time.Location) calendar.Occurrence {
	return calendar.Occurrence{
		Wall: s.Once.Date.String() + "T" + s.Once.TimeOfDay.String(),
		At:   s.Once.In(zone),
	}
}

func (s *Start) judge(all []Firing, now time.Time, zone *time.Location) {
	catchUp := s.CatchUp
	if catchUp.IsZero() {
		catchUp = DefaultCatchUp
	}
	for i := range all {
		f := &all[i]
		switch {
		case i < len(all)-1:
			f.Reason = "missed: a later firing runs instead"
		case catchUp.After(f.At, zone).Before(now):
			f.Reason = "missed by more than " + catchUp.String()
		default:
			f.Run = true
		}
	}
}

// NextFiring is the first firing after a moment, if there is one.
func (d *Definition) NextFiring(after time.Time, company *time.Location) (Firing, bool) {
	zone := zoneOf(d.Start.Timezone, nil, company)
	var o calendar.Occurrence
	switch d.Start.Kind {
	case StartOnce:
		if o = d.Start.once(zone); !o.At.After(after) {
			return Firing{}, false
		}
	case StartSchedule:
		var ok bool
		if o, ok = d.Start.Cron.Next(after, zone); !ok {
			return Firing{}, false
		}
	default:
		return Firing{}, false
	}
	return Firing{Wall: o.Wall, At: o.At, Run: true}, true
}

// StartKey names the schedule: a changed one begins a new series, and a `once`
// that has fired fires again only when its time changes. Other starts have none.
func (d *Definition) StartKey() string {
	switch d.Start.Kind {
	case StartSchedule:
		return "schedule " + d.Start.Expr + " " + d.Start.Timezone
	case StartOnce:
		return "once " + d.Start.Once.String() + " " + d.Start.Timezone
	default:
		return ""
	}
}
