package campaigns

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

// clicksAt are clicks at these times of the day, one a day before a moment.
func clicksAt(before time.Time, zone *time.Location, times ...string) (list []time.Time) {
	for i, text := range times {
		tod, _ := time.Parse("15:04", text)
		day := before.In(zone).AddDate(0, 0, -i-1)
		list = append(list, time.Date(day.Year(), day.Month(), day.Day(), tod.Hour(), tod.Minute(), 0, 0, zone))
	}
	return list
}

func TestTheBestHour(t *testing.T) {
	planned := at("2026-03-04 09:00") // a Wednesday
	evening := []string{"18:15", "18:45", "18:00", "19:30", "17:00"}
	office := &calendar.Window{Days: 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5, From: 9 * 60, To: 18 * 60}
	newYork := mustZone("America/New_York")
	for _, c := range []struct {
		name     string
		clicks   []time.Time
		permit   Permit
		expires  time.Duration
		want     string
		why      string
		nameless bool
	}{
		{name: "the hour with most clicks", clicks: clicksAt(planned, berlin, evening...),
			want: "2026-03-04 18:00", why: "waits until 18:00, the hour in which Ana clicks most"},
		{name: "without a name", clicks: clicksAt(planned, berlin, evening...), nameless: true,
			want: "2026-03-04 18:00", why: "waits until 18:00, the hour in which the contact clicks most"},
		{name: "too few days", clicks: clicksAt(planned, berlin, evening[:4]...),
			want: "2026-03-04 09:00", why: "as planned: clicks on 4 of the 5 days that a best hour needs"},
		{name: "many clicks of one day are one day", clicks: []time.Time{planned.Add(-2 * time.Hour), planned.Add(-3 * time.Hour), planned.Add(-4 * time.Hour), planned.Add(-5 * time.Hour), planned.Add(-6 * time.Hour)},
			want: "2026-03-04 09:00", why: "as planned: clicks on 1 of the 5 days that a best hour needs"},
		{name: "clicks of long ago", clicks: clicksAt(planned.AddDate(-2, 0, 0), berlin, evening...),
			want: "2026-03-04 09:00", why: "as planned: clicks on 0 of the 5 days that a best hour needs"},
		{name: "this is the hour", clicks: clicksAt(planned, berlin, "09:10", "09:20", "09:30", "09:40", "15:00"),
			want: "2026-03-04 09:00", why: "as planned: no hour in which it may go is better"},
		{name: "an hour between two is the middle of a habit", clicks: clicksAt(planned, berlin, "14:00", "14:30", "16:00", "16:30", "15:00", "20:00", "20:30"),
			want: "2026-03-04 15:00", why: "waits until 15:00, the hour in which Ana clicks most"},
		{name: "tomorrow morning", clicks: clicksAt(planned, berlin, "07:00", "07:10", "07:20", "07:30", "12:00"),
			want: "2026-03-05 07:00", why: "waits until 07:00, the hour in which Ana clicks most"},
		{name: "within the window", clicks: clicksAt(planned, berlin, evening...), permit: Permit{Window: office, WindowZone: berlin},
			want: "2026-03-04 17:00", why: "waits until 17:00, the hour in which Ana clicks most of those in which it may go"},
		{name: "outside quiet hours", clicks: clicksAt(planned, berlin, "23:00", "23:10", "23:20", "23:30", "20:00"), permit: Permit{Quiet: &calendar.Quiet{From: 21 * 60, To: 8 * 60}, QuietZone: berlin},
			want: "2026-03-04 20:00", why: "waits until 20:00, the hour in which Ana clicks most of those in which it may go"},
		{name: "before it expires", clicks: clicksAt(planned, berlin, evening...), expires: 9 * time.Hour,
			want: "2026-03-04 17:00", why: "waits until 17:00, the hour in which Ana clicks most of those in which it may go"},
		{name: "the whole hour before it expires", clicks: clicksAt(planned, berlin, evening...), expires: 9*time.Hour - time.Minute,
			want: "2026-03-04 16:00", why: "waits until 16:00, the hour in which Ana clicks most of those in which it may go"},
		{name: "by the contact's clock", clicks: clicksAt(planned, newYork, evening...), permit: Permit{ContactZone: newYork},
			want: "2026-03-05 00:00", why: "waits until 18:00, the hour in which Ana clicks most"},
		{name: "where clocks differ by half an hour", clicks: clicksAt(planned, mustZone("Asia/Kolkata"), evening...), permit: Permit{ContactZone: mustZone("Asia/Kolkata")},
			want: "2026-03-04 13:30", why: "waits until 18:00, the hour in which Ana clicks most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			who := &contacts.Contact{FirstName: "Ana"}
			if c.nameless {
				who = &contacts.Contact{}
			}
			if c.permit.ContactZone == nil {
				c.permit.ContactZone = berlin
			}
			if c.expires == 0 {
				c.expires = 72 * time.Hour
			}
			got, why, moved := bestTime(c.permit, who, c.clicks, planned, planned.Add(c.expires), planned)
			if text := got.In(berlin).Format("2006-01-02 15:04"); text != c.want || why != c.why || moved != !got.Equal(planned) {
				t.Errorf("%s %q %v\nwant %s %q", text, why, moved, c.want, c.why)
			}
		})
	}
}

// Whatever somebody's habit, a message goes within a day of its plan, an hour
// before it expires at the latest, and when it may.
func TestProperty_TheBestHourIsOneInWhichItMayGo(t *testing.T) {
	zones := []*time.Location{berlin, time.UTC, mustZone("America/New_York"), mustZone("Asia/Kolkata"), mustZone("Australia/Lord_Howe")}
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones)
		now := at("2026-03-27 00:00").Add(time.Duration(rapid.IntRange(0, 14*24*60).Draw(t, "now")) * time.Minute)
		p := Permit{ContactZone: zone.Draw(t, "contact"), WindowZone: zone.Draw(t, "window zone"), QuietZone: zone.Draw(t, "quiet zone")}
		if rapid.Bool().Draw(t, "has window") {
			p.Window = &calendar.Window{Days: calendar.Weekdays(rapid.IntRange(1, 127).Draw(t, "days")), From: 8 * 60, To: calendar.TimeOfDay(60 * rapid.IntRange(9, 23).Draw(t, "to"))}
		}
		if rapid.Bool().Draw(t, "has quiet") {
			p.Quiet = &calendar.Quiet{From: 21 * 60, To: calendar.TimeOfDay(60 * rapid.IntRange(5, 8).Draw(t, "quiet to"))}
		}
		var clicks []time.Time
		for range rapid.IntRange(0, 30).Draw(t, "clicks") {
			clicks = append(clicks, now.Add(-time.Duration(rapid.IntRange(0, 60*24*60).Draw(t, "ago"))*time.Minute))
		}
		planned, _ := p.Allowed(now)
		if planned.IsZero() {
			return
		}
		expires := planned.Add(time.Duration(rapid.IntRange(1, 72).Draw(t, "expires")) * time.Hour)
		got, why, did := bestTime(p, &contacts.Contact{}, clicks, planned, expires, now)
		if did {
			moved++
		}
		again, _ := p.Allowed(got)
		if got.Before(planned) || !got.Before(planned.Add(24*time.Hour)) || did && got.Add(time.Hour).After(expires) || !again.Equal(got) || did != strings.HasPrefix(why, "waits until") {
			t.Fatalf("planned %s, best %s (%s), allowed %s, expires %s", planned, got, why, again, expires)
		}
	})
	if moved == 0 {
		t.Error("nothing was ever moved: this says nothing")
	}
}
