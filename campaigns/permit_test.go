package campaigns

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/calendar"
)

func TestProperty_TheEarliestAllowedMoment(t *testing.T) {
	zones := []*time.Location{berlin, time.UTC, mustZone("America/New_York"), mustZone("Asia/Kolkata")}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones)
		tod := rapid.IntRange(0, 95)
		now := at("2026-03-27 00:00").Add(time.Duration(rapid.IntRange(0, 5*24*60).Draw(t, "now")) * time.Minute)
		p := Permit{ContactZone: zone.Draw(t, "contact"), WindowZone: zone.Draw(t, "window zone"), QuietZone: zone.Draw(t, "quiet zone")}
		if rapid.Bool().Draw(t, "has window") {
			from := tod.Draw(t, "from")
			p.Window = &calendar.Window{
				Days: calendar.Weekdays(rapid.IntRange(1, 127).Draw(t, "days")),
				From: calendar.TimeOfDay(15 * from), To: calendar.TimeOfDay(15 * ((from + rapid.IntRange(1, 95).Draw(t, "length")) % 96)),
			}
		}
		if rapid.Bool().Draw(t, "has quiet") {
			from := tod.Draw(t, "quiet from")
			p.Quiet = &calendar.Quiet{From: calendar.TimeOfDay(15 * from), To: calendar.TimeOfDay(15 * ((from + rapid.IntRange(1, 60).Draw(t, "quiet")) % 96))}
		}
		for range rapid.IntRange(0, 2).Draw(t, "limits") {
			per := rapid.SampledFrom([]string{"12h", "1d", "3d", "7d", "90m"}).Draw(t, "per")
			span, _ := calendar.ParseSpan(per)
			p.Limits = append(p.Limits, Limit{Max: rapid.IntRange(1, 3).Draw(t, "max"), Per: span})
		}
		for range rapid.IntRange(0, 6).Draw(t, "sent") {
			p.Sent = append(p.Sent, now.Add(-time.Duration(rapid.IntRange(0, 7*24*60).Draw(t, "ago"))*time.Minute))
		}
		got, reason := p.Allowed(now)
		allowed := func(m time.Time) bool {
			if p.Window != nil && !p.Window.Contains(m, p.WindowZone) || p.Quiet != nil && p.Quiet.Contains(m, p.QuietZone) {
				return false
			}
			for _, l := range p.Limits {
				n := 0
				for _, s := range p.Sent {
					if l.Per.Days > 0 && calendar.Of(m, p.ContactZone).Sub(calendar.Of(s, p.ContactZone)) < l.Per.Days ||
						l.Per.Days == 0 && m.Sub(s) < l.Per.Clock {
						n++
					}
				}
				if n >= l.Max {
					return false
				}
			}
			return true
		}
		if got.IsZero() {
			for m := now.Truncate(15 * time.Minute); m.Before(now.Add(16 * 24 * time.Hour)); m = m.Add(15 * time.Minute) {
				if m.After(now) && allowed(m) {
					t.Fatalf("never (%s), but it may go at %s", reason, m)
				}
			}
			return
		}
		if !allowed(got) {
			t.Fatalf("may not go at %s (%s)", got, reason)
		}
		if (reason == "") != got.Equal(now) {
			t.Fatalf("%s after now for %q", got.Sub(now), reason)
		}
		for m := now; m.Before(got); m = m.Add(time.Minute) {
			if allowed(m) {
				t.Fatalf("may go at %s already, not only at %s (%s)", m, got, reason)
			}
		}
		if again, _ := p.Allowed(got); !again.Equal(got) {
			t.Fatalf("asked at %s it says %s", got, again)
		}
	})
}
