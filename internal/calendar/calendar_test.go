package calendar

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseSpan(t *testing.T) {
	good := map[string]Span{
		"30m": {Clock: 30 * time.Minute}, "12h": {Clock: 12 * time.Hour}, "3d": {Days: 3}, "2w": {Days: 14},
		"0d": {}, "-14d": {Days: -14}, "36500d": {Days: 36500}, "007d": {Days: 7},
	}
	for text, want := range good {
		if got, err := ParseSpan(text); err != nil || got != want {
			t.Errorf("ParseSpan(%q) = %v, %v", text, got, err)
		}
	}
	form := " is not a length of time: write a whole number and m, h, d or w, as in 30m, 12h, 3d or 2w"
	bad := map[string]string{
		"": `""` + form, "d": `"d"` + form, "3": `"3"` + form, "3 d": `"3 d"` + form, "3 days": `"3 days"` + form,
		"1.5h": `"1.5h"` + form, "1h30m": `"1h30m"` + form, "+3d": `"+3d"` + form, "--3d": `"--3d"` + form,
		"3D": `"3D"` + form, "90s": `"90s"` + form, "3y": `"3y"` + form,
		"36601d": `"36601d" is longer than a hundred years`, "99999999999999999999w": `"99999999999999999999w" is longer than a hundred years`,
	}
	for text, want := range bad {
		if _, err := ParseSpan(text); err == nil || err.Error() != want {
			t.Errorf("ParseSpan(%q): got %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{"2w": "14d", "90m": "90m", "120m": "2h", "0h": "0d", "-3h": "-3h"} {
		if s, _ := ParseSpan(text); s.String() != want {
			t.Errorf("%q is written %q, want %q", text, s, want)
		}
	}
}

// Rule 2: a day of a wait is a calendar day at the same wall time.
func TestRule2Days(t *testing.T) {
	tests := []struct{ zone, from, span, want string }{
		{"Europe/Berlin", "2026-03-28T09:00:00+01:00", "1d", "2026-03-29T09:00:00+02:00"},  // 23 hours
		{"Europe/Berlin", "2026-03-28T02:30:00+01:00", "1d", "2026-03-29T03:00:00+02:00"},  // does not exist
		{"Europe/Berlin", "2026-03-28T02:30:00+01:00", "24h", "2026-03-29T03:30:00+02:00"}, // a length
		{"Europe/Berlin", "2026-10-24T09:00:00+02:00", "1d", "2026-10-25T09:00:00+01:00"},  // 25 hours
		{"Europe/Berlin", "2026-10-24T02:30:00+02:00", "1d", "2026-10-25T02:30:00+02:00"},  // the first of two
		{"Europe/Berlin", "2026-10-25T02:30:00+01:00", "1d", "2026-10-26T02:30:00+01:00"},  // from the second
		{"Europe/Berlin", "2026-01-31T08:15:30+01:00", "2w", "2026-02-14T08:15:30+01:00"},
		{"Europe/Berlin", "2026-03-30T02:30:00+02:00", "-1d", "2026-03-29T03:00:00+02:00"},
		{"Africa/Cairo", "2026-04-23T00:00:00+02:00", "1d", "2026-04-24T01:00:00+03:00"},
		{"Pacific/Apia", "2011-12-29T09:00:00-10:00", "1d", "2011-12-31T00:00:00+14:00"},
		{"Pacific/Apia", "2011-12-29T09:00:00-10:00", "2d", "2011-12-31T09:00:00+14:00"},
		{"America/New_York", "2026-11-01T01:30:00-04:00", "30m", "2026-11-01T01:00:00-05:00"},
	}
	for _, tt := range tests {
		span, err := ParseSpan(tt.span)
		if err != nil {
			t.Fatal(err)
		}
		got := span.After(at(t, tt.from), zone(t, tt.zone))
		if !got.Equal(at(t, tt.want)) {
			t.Errorf("%s after %s in %s: got %s, want %s", tt.span, tt.from, tt.zone, got.Format(time.RFC3339), tt.want)
		}
	}
	if d := (Span{Days: 3}).Fixed(); d != 72*time.Hour {
		t.Errorf("three fixed days are %s", d)
	}
}

func TestSpanNeverGoesBackwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, from := anyZone(t), anyMoment(t, 1995, 40)
		n := rapid.IntRange(1, 400).Draw(t, "days")
		one, more := (Span{Days: n}).After(from, z), (Span{Days: n + 1}).After(from, z)
		if !one.After(from) || more.Before(one) {
			t.Fatalf("%s +%dd = %s, +%dd = %s", from.In(z), n, one, n+1, more)
		}
		back := Span{Days: n}.Before(from, z)
		if !back.Before(from) {
			t.Fatalf("%s -%dd = %s", from.In(z), n, back)
		}
	})
}

func TestTimesAndDates(t *testing.T) {
	for text, want := range map[string]TimeOfDay{"00:00": 0, "09:00": 540, "23:59": 1439} {
		if got, err := ParseTimeOfDay(text); err != nil || got != want || got.String() != text {
			t.Errorf("ParseTimeOfDay(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "9:00", "24:00", "12:60", "0900", "09:00:00", "ab:cd", "-1:00"} {
		if _, err := ParseTimeOfDay(text); err == nil {
			t.Errorf("ParseTimeOfDay(%q) was accepted", text)
		}
	}
	for text, want := range map[string]string{
		"2026-02-30": `"2026-02-30" is not a date: there is no such day`,
		"2026-13-01": `"2026-13-01" is not a date: there is no such day`,
		"2.3.2026":   `"2.3.2026" is not a date: write year, month and day, as in 2026-03-02`,
		"2026-3-2":   `"2026-3-2" is not a date: write year, month and day, as in 2026-03-02`,
	} {
		if _, err := ParseDate(text); err == nil || err.Error() != want {
			t.Errorf("ParseDate(%q): got %v, want %s", text, err, want)
		}
	}
	d := Date{2026, 2, 27}
	if got := d.AddDays(3); got != (Date{2026, 3, 2}) || got.Sub(d) != 3 || !d.Before(got) || !got.After(d) || got.Weekday() != time.Monday {
		t.Errorf("three days after %s is %s", d, got)
	}
	dt, err := ParseDateTime("2026-12-01 09:00")
	if err != nil || dt.String() != "2026-12-01 09:00" || !dt.In(zone(t, "Europe/Berlin")).Equal(at(t, "2026-12-01T08:00:00Z")) {
		t.Errorf("got %v, %v", dt, err)
	}
	for _, text := range []string{"2026-12-01", "2026-12-01T09:00", "2026-12-01 9:00", "2026-12-32 09:00"} {
		if _, err := ParseDateTime(text); err == nil {
			t.Errorf("ParseDateTime(%q) was accepted", text)
		}
	}
}

func TestStartOfDay(t *testing.T) {
	tests := []struct{ zone, at, want string }{
		{"Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00+01:00"},
		{"Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-24T01:00:00+03:00"},
		{"America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T00:00:00-04:00"}, // in the second midnight hour
		{"Pacific/Apia", "2011-12-31T09:00:00Z", "2011-12-31T00:00:00+14:00"},
	}
	for _, tt := range tests {
		if got := StartOfDay(at(t, tt.at), zone(t, tt.zone)); !got.Equal(at(t, tt.want)) {
			t.Errorf("%s in %s: got %s, want %s", tt.at, tt.zone, got, tt.want)
		}
	}
}

func TestWindow(t *testing.T) {
	days, err := ParseWeekdays("MON-FRI")
	if err != nil {
		t.Fatal(err)
	}
	office := Window{days, 9 * 60, 18 * 60}
	night := Window{1 << time.Friday, 22 * 60, 2 * 60}
	tests := []struct {
		name     string
		window   Window
		zone     string
		at, want string
	}{
		{"inside", office, "Europe/Berlin", "2026-03-02T09:00:00+01:00", "2026-03-02T09:00:00+01:00"},
		{"its end is outside", office, "Europe/Berlin", "2026-03-02T18:00:00+01:00", "2026-03-03T09:00:00+01:00"},
		{"a second before its end is inside", office, "Europe/Berlin", "2026-03-02T17:59:59+01:00", "2026-03-02T17:59:59+01:00"},
		{"over the weekend", office, "Europe/Berlin", "2026-03-06T18:30:00+01:00", "2026-03-09T09:00:00+01:00"},
		{"before it", office, "Europe/Berlin", "2026-03-02T03:12:00+01:00", "2026-03-02T09:00:00+01:00"},
		{"over midnight belongs to its first day", night, "Europe/Berlin", "2026-03-07T01:59:00+01:00", "2026-03-07T01:59:00+01:00"},
		{"the night before does not", night, "Europe/Berlin", "2026-03-06T01:00:00+01:00", "2026-03-06T22:00:00+01:00"},
		{"a start that does not exist", Window{EveryDay, 150, 240}, "Europe/Berlin", "2026-03-29T00:30:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"all of it does not exist", Window{EveryDay, 120, 150}, "Europe/Berlin", "2026-03-29T00:30:00+01:00", "2026-03-30T02:00:00+02:00"},
		{"again in the doubled hour", Window{EveryDay, 120, 150}, "Europe/Berlin", "2026-10-25T02:45:00+02:00", "2026-10-25T02:00:00+01:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.window.Next(at(t, tt.at), zone(t, tt.zone)); !got.Equal(at(t, tt.want)) {
				t.Errorf("got %s, want %s", got.Format(time.RFC3339), tt.want)
			}
		})
	}
	quiet := Quiet{21 * 60, 8 * 60}
	for from, want := range map[string]string{
		"2026-03-02T21:00:00Z": "2026-03-03T08:00:00Z",
		"2026-03-02T20:59:59Z": "2026-03-02T20:59:59Z",
		"2026-03-03T07:59:00Z": "2026-03-03T08:00:00Z",
		"2026-03-03T08:00:00Z": "2026-03-03T08:00:00Z",
	} {
		if got := quiet.Next(at(t, from), time.UTC); !got.Equal(at(t, want)) {
			t.Errorf("quiet at %s: got %s, want %s", from, got, want)
		}
	}
}

// Next gives the first minute at which the window holds.
func TestWindowNextIsTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := anyZone(t)
		w := Window{
			Weekdays(rapid.IntRange(0, 127).Draw(t, "days")),
			TimeOfDay(rapid.IntRange(0, 47).Draw(t, "from") * 30),
			TimeOfDay(rapid.IntRange(0, 47).Draw(t, "to") * 30),
		}
		from := anyMoment(t, 2000, 40).Truncate(time.Minute)
		got := w.Next(from, z)
		if got.Before(from) || !w.Contains(got, z) {
			t.Fatalf("%v after %s gives %s", w, from.In(z), got)
		}
		for m := from; m.Before(got); m = m.Add(5 * time.Minute) {
			if w.Contains(m, z) {
				t.Fatalf("%v holds at %s already, not only at %s", w, m.In(z), got)
			}
		}
	})
}

func TestParseWeekdays(t *testing.T) {
	for text, want := range map[string]string{
		"MON-FRI": "MON,TUE,WED,THU,FRI", "SAT,SUN": "SAT,SUN", "fri-mon": "MON,FRI,SAT,SUN", "WED": "WED", "MON, WED": "MON,WED",
	} {
		if got, err := ParseWeekdays(text); err != nil || got.String() != want {
			t.Errorf("ParseWeekdays(%q) = %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "MONDAY", "MON-", "MON,,TUE", "MON-TUE-WED", "1-5"} {
		if _, err := ParseWeekdays(text); err == nil || !strings.Contains(err.Error(), "is not a day of the week") {
			t.Errorf("ParseWeekdays(%q): %v", text, err)
		}
	}
}

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"", "Local", "Berlin", "../etc/passwd", "Europe/Berlin ", "contact"} {
		if _, err := LoadZone(name); err == nil {
			t.Errorf("zone %q was accepted", name)
		}
	}
	a, b := zone(t, "Asia/Tokyo"), zone(t, "Asia/Tokyo")
	if a != b {
		t.Error("a zone is loaded twice")
	}
}
