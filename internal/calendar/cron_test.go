package calendar

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustCron(t testing.TB, expr string) Cron {
	t.Helper()
	c, err := ParseCron(expr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Rule 4, in tables: what a schedule does when the clocks change.
func TestRule4FiringsOverDaylightSaving(t *testing.T) {
	tests := []struct {
		name, zone, expr, from, until string
		want                          []string // key = moment in the zone
	}{
		{"missing hour fires once after it", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29T02:30=2026-03-29T03:00:00+02:00", "2026-03-30T02:30=2026-03-30T02:30:00+02:00"}},
		{"many times in the missing hour are one firing", "Europe/Berlin", "0,20,40 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T02:00=2026-03-29T03:00:00+02:00"}},
		{"the missing hour and the one after it are one firing", "Europe/Berlin", "0 2,3 * * *", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T02:00=2026-03-29T03:00:00+02:00"}},
		{"doubled hour fires once, at its first pass", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-25T02:30=2026-10-25T02:30:00+02:00", "2026-10-26T02:30=2026-10-26T02:30:00+01:00"}},
		{"every hour fires in both passes", "Europe/Berlin", "0 * * * *", "2026-10-24T22:30:00Z", "2026-10-25T02:30:00Z",
			[]string{"2026-10-25T01:00=2026-10-25T01:00:00+02:00", "2026-10-25T02:00=2026-10-25T02:00:00+02:00",
				"2026-10-25T02:00/2=2026-10-25T02:00:00+01:00", "2026-10-25T03:00=2026-10-25T03:00:00+01:00"}},
		{"every second hour fires in both passes", "Europe/Berlin", "0 */2 * * *", "2026-10-24T22:30:00Z", "2026-10-25T03:30:00Z",
			[]string{"2026-10-25T02:00=2026-10-25T02:00:00+02:00", "2026-10-25T02:00/2=2026-10-25T02:00:00+01:00",
				"2026-10-25T04:00=2026-10-25T04:00:00+01:00"}},
		{"every hour has nothing to make up for", "Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z",
			[]string{"2026-03-29T01:30=2026-03-29T01:30:00+01:00", "2026-03-29T03:30=2026-03-29T03:30:00+02:00"}},
		{"every second hour makes up for a missing one", "Europe/Berlin", "0 */2 * * *", "2026-03-28T22:30:00Z", "2026-03-29T02:30:00Z",
			[]string{"2026-03-29T00:00=2026-03-29T00:00:00+01:00", "2026-03-29T02:00=2026-03-29T03:00:00+02:00", "2026-03-29T04:00=2026-03-29T04:00:00+02:00"}},
		{"New York, spring", "America/New_York", "15 2 * * *", "2026-03-08T00:00:00Z", "2026-03-09T12:00:00Z",
			[]string{"2026-03-08T02:15=2026-03-08T03:00:00-04:00", "2026-03-09T02:15=2026-03-09T02:15:00-04:00"}},
		{"New York, autumn", "America/New_York", "15 1 * * *", "2026-11-01T00:00:00Z", "2026-11-02T12:00:00Z",
			[]string{"2026-11-01T01:15=2026-11-01T01:15:00-04:00", "2026-11-02T01:15=2026-11-02T01:15:00-05:00"}},
		{"Cairo has no midnight in spring", "Africa/Cairo", "0 0 * * *", "2026-04-23T12:00:00Z", "2026-04-25T12:00:00Z",
			[]string{"2026-04-24T00:00=2026-04-24T01:00:00+03:00", "2026-04-25T00:00=2026-04-25T00:00:00+03:00"}},
		{"Cairo has two eleven o'clocks in autumn", "Africa/Cairo", "30 23 * * *", "2026-10-29T12:00:00Z", "2026-10-30T22:00:00Z",
			[]string{"2026-10-29T23:30=2026-10-29T23:30:00+03:00", "2026-10-30T23:30=2026-10-30T23:30:00+02:00"}},
		{"Beirut has no midnight in spring", "Asia/Beirut", "@daily", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29T00:00=2026-03-29T01:00:00+03:00", "2026-03-30T00:00=2026-03-30T00:00:00+03:00"}},
		{"Beirut, every twelve hours", "Asia/Beirut", "0 */12 * * *", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T00:00=2026-03-29T01:00:00+03:00", "2026-03-29T12:00=2026-03-29T12:00:00+03:00"}},
		{"Apia leaves out a whole day", "Pacific/Apia", "0 9 * * *", "2011-12-29T12:00:00Z", "2012-01-01T12:00:00Z",
			[]string{"2011-12-29T09:00=2011-12-29T09:00:00-10:00", "2011-12-30T09:00=2011-12-31T00:00:00+14:00",
				"2011-12-31T09:00=2011-12-31T09:00:00+14:00", "2012-01-01T09:00=2012-01-01T09:00:00+14:00"}},
		{"Lord Howe misses half an hour", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z",
			[]string{"2026-10-04T02:15=2026-10-04T02:30:00+11:00", "2026-10-05T02:15=2026-10-05T02:15:00+11:00"}},
		{"Lord Howe doubles half an hour", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "2026-04-05T20:00:00Z",
			[]string{"2026-04-05T01:45=2026-04-05T01:45:00+11:00", "2026-04-06T01:45=2026-04-06T01:45:00+10:30"}},
		{"Lord Howe, every quarter", "Australia/Lord_Howe", "*/15 * * * *", "2026-04-04T14:20:00Z", "2026-04-04T15:35:00Z",
			[]string{"2026-04-05T01:30=2026-04-05T01:30:00+11:00", "2026-04-05T01:45=2026-04-05T01:45:00+11:00",
				"2026-04-05T01:30/2=2026-04-05T01:30:00+10:30", "2026-04-05T01:45/2=2026-04-05T01:45:00+10:30", "2026-04-05T02:00=2026-04-05T02:00:00+10:30"}},
		{"the last day of a leap year beyond the tables", "Europe/Berlin", "0 9 * * *", "2040-12-30T12:00:00Z", "2041-01-01T12:00:00Z",
			[]string{"2040-12-31T09:00=2040-12-31T09:00:00+01:00", "2041-01-01T09:00=2041-01-01T09:00:00+01:00"}},
		{"Havana has two midnights", "America/Havana", "0 0 * * *", "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z",
			[]string{"2026-11-01T00:00=2026-11-01T00:00:00-04:00", "2026-11-02T00:00=2026-11-02T00:00:00-05:00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, o := range mustCron(t, tt.expr).Between(at(t, tt.from), at(t, tt.until), zone(t, tt.zone), 50) {
				got = append(got, o.Wall+"="+o.At.Format(time.RFC3339))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "))
			}
		})
	}
}

func TestParseCronRefuses(t *testing.T) {
	tests := []struct{ expr, want string }{
		{"", `a schedule must not be empty: write five fields, as in "0 9 * * MON-FRI"`},
		{"   ", `a schedule must not be empty: write five fields, as in "0 9 * * MON-FRI"`},
		{"TZ=UTC", "a schedule names no time zone: write it beside the schedule, as timezone: Europe/Berlin"},
		{"CRON_TZ=", "a schedule names no time zone: write it beside the schedule, as timezone: Europe/Berlin"},
		{"tz=Europe/Berlin 0 9 * * *", "a schedule names no time zone: write it beside the schedule, as timezone: Europe/Berlin"},
		{"@every 0s", `"@every" is not a schedule: write five fields, as in "*/30 * * * *" for every half hour`},
		{"@every 1h", `"@every" is not a schedule: write five fields, as in "*/30 * * * *" for every half hour`},
		{"@reboot", `"@reboot" is not a schedule: there are @hourly, @daily, @weekly, @monthly and @yearly`},
		{"0 9 * *", `a schedule has five fields (minute, hour, day of the month, month, day of the week), this one has 4: "0 9 * *"`},
		{"0 0 9 * * *", `a schedule has five fields (minute, hour, day of the month, month, day of the week), this one has 6: "0 0 9 * * *"`},
		{"1,2,3,,4 * * * *", `the minute "1,2,3,,4" has an empty item between its commas`},
		{"1, * * * *", `the minute "1," has an empty item between its commas`},
		{"60 * * * *", `the minute "60" is not between 0 and 59`},
		{"0 24 * * *", `the hour "24" is not between 0 and 23`},
		{"0 0 0 * *", `the day of the month "0" is not between 1 and 31`},
		{"0 0 * 13 *", `the month "13" is not between 1 and 12`},
		{"0 0 * * 8", `the day of the week "8" is not between 0 and 6`},
		{"0 0 * * MONDAY", `the day of the week "MONDAY" is not understood: write a number from 0 to 6 or a name such as MON, a range, or *`},
		{"0 0 L * *", `the day of the month "L" is not understood: write a number from 1 to 31, a range, or *`},
		{"*-5 * * * *", `the minute "*-5" is not understood: write a number from 0 to 59, a range, or *`},
		{"5-1 * * * *", `the minute "5-1" ends before it begins`},
		{"1-2-3 * * * *", `the minute "1-2-3" is not understood: write a number from 0 to 59, a range, or *`},
		{"*/0 * * * *", `the minute "*/0" needs a whole number of at least 1 after the slash`},
		{"*/ * * * *", `the minute "*/" needs a whole number of at least 1 after the slash`},
		{"*/5/5 * * * *", `the minute "*/5/5" needs a whole number of at least 1 after the slash`},
		{"*/90 * * * *", `the minute "*/90" steps by 90, but a minute goes from 0 to 59 only`},
		{"+5 * * * *", `the minute "+5" is not understood: write a number from 0 to 59, a range, or *`},
		{"? 9 * * *", `the minute "?" is not understood: write a number from 0 to 59, a range, or *`},
		{"-1 * * * *", `the minute "-1" is not understood: write a number from 0 to 59, a range, or *`},
		{"99999999999999999999 * * * *", `the minute "99999999999999999999" is not understood: write a number from 0 to 59, a range, or *`},
		{"0 0 30 2 *", `"0 0 30 2 *" never fires: there is no such day`},
		{"0 0 31 4,6,9,11 *", `"0 0 31 4,6,9,11 *" never fires: there is no such day`},
		{strings.Repeat("1,", 200) + "1 * * * *", "a schedule may have 200 characters, this one has 409"},
	}
	for _, tt := range tests {
		if _, err := ParseCron(tt.expr); err == nil || err.Error() != tt.want {
			t.Errorf("ParseCron(%q):\n got %v\nwant %s", tt.expr, err, tt.want)
		}
	}
}

func TestCronForms(t *testing.T) {
	tests := []struct{ expr, from, want string }{
		{"0 9 * * MON-FRI", "2026-03-06T10:00:00Z", "2026-03-09T09:00"},
		{"0 9 * * mon", "2026-03-06T10:00:00Z", "2026-03-09T09:00"},
		{"0 9 * * FRI-MON", "2026-03-06T10:00:00Z", "2026-03-07T09:00"},
		{"0 9 * * 7", "2026-03-06T10:00:00Z", "2026-03-08T09:00"},
		{"0 9 * * 5-7", "2026-03-06T10:00:00Z", "2026-03-07T09:00"},
		{"0 9 * * 1-7", "2026-03-06T10:00:00Z", "2026-03-07T09:00"},
		{"0 9 1 JAN ?", "2026-03-06T10:00:00Z", "2027-01-01T09:00"},
		{"5/20 * * * *", "2026-03-06T10:30:00Z", "2026-03-06T10:45"},
		{"0 9-17/4 * * *", "2026-03-06T10:00:00Z", "2026-03-06T13:00"},
		{"@hourly", "2026-03-06T10:00:00Z", "2026-03-06T11:00"},
		{"@Monthly", "2026-03-06T10:00:00Z", "2026-04-01T00:00"},
		{"@weekly", "2026-03-06T10:00:00Z", "2026-03-08T00:00"},
		{"@yearly", "2026-03-06T10:00:00Z", "2027-01-01T00:00"},
		{"0 0 13 * FRI", "2026-03-07T10:00:00Z", "2026-03-13T00:00"}, // either day suffices
		{"0 0 13 * FRI", "2026-03-13T10:00:00Z", "2026-03-20T00:00"},
		{"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00"}, // 2100 is no leap year
		{"  0   9 * * *  ", "2026-03-06T10:00:00Z", "2026-03-07T09:00"},
	}
	for _, tt := range tests {
		o, ok := mustCron(t, tt.expr).Next(at(t, tt.from), time.UTC)
		if !ok || o.Wall != tt.want {
			t.Errorf("%q after %s: got %q %v, want %q", tt.expr, tt.from, o.Wall, ok, tt.want)
		}
	}
	if _, ok := (Cron{}).Next(at(t, "2026-03-06T10:00:00Z"), time.UTC); ok {
		t.Error("the zero schedule fired")
	}
}

func TestLast(t *testing.T) {
	c := mustCron(t, "0 9 * * *")
	last, n := c.Last(at(t, "2026-03-01T10:00:00Z"), at(t, "2026-03-05T10:00:00Z"), time.UTC)
	if n != 4 || last.Wall != "2026-03-05T09:00" {
		t.Errorf("got %d firings up to %q", n, last.Wall)
	}
	if _, n := c.Last(at(t, "2026-03-01T10:00:00Z"), at(t, "2026-03-01T11:00:00Z"), time.UTC); n != 0 {
		t.Errorf("got %d firings, want none", n)
	}
}

var someZones = []string{
	"UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Tehran",
	"Asia/Gaza", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns",
	"America/Nuuk", "Antarctica/Troll", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Africa/El_Aaiun",
}

func anyZone(t *rapid.T) *time.Location {
	z, err := LoadZone(rapid.SampledFrom(someZones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func anyMoment(t *rapid.T, from, years int) time.Time {
	start := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(rapid.Int64Range(0, int64(years)*365*86400).Draw(t, "second")) * time.Second)
}

// Each wall time of a schedule with one fixed hour fires exactly once in a year.
// Where a whole day is missing (Kiritimati 1994-12-31, Apia 2011-12-30), two of
// them can fall on one moment: they fire as one, under the earlier's name.
func TestEveryWallTimeFiresOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := anyZone(t)
		year := rapid.IntRange(1995, 2040).Draw(t, "year")
		everyWallTimeFiresOnce(t, z, year, rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"))
	})
}

func TestEveryWallTimeFiresOnceAcrossAMissingDay(t *testing.T) {
	for zone, year := range map[string]int{"Pacific/Kiritimati": 1995, "Pacific/Apia": 2011} {
		z, err := LoadZone(zone)
		if err != nil {
			t.Fatal(err)
		}
		everyWallTimeFiresOnce(t, z, year, 0, 0)
		everyWallTimeFiresOnce(t, z, year, 9, 30)
	}
}

func everyWallTimeFiresOnce(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, z *time.Location, year, hour, minute int) {
	t.Helper()
	c, err := ParseCron(fmt.Sprintf("%d %d * * *", minute, hour))
	if err != nil {
		t.Fatal(err)
	}
	first, last := Date{year, 1, 1}.At(0, z), Date{year, 12, 31}.At(23*60+59, z)
	var want []Occurrence
	for day := (Date{year - 1, 12, 28}); day.Year <= year; day = day.AddDays(1) {
		wall := DateTime{day, TimeOfDay(hour*60 + minute)}
		o := Occurrence{Wall: strings.Replace(wall.String(), " ", "T", 1), At: wall.In(z)}
		if n := len(want); n == 0 || !want[n-1].At.Equal(o.At) {
			want = append(want, o)
		}
	}
	want = slices.DeleteFunc(want, func(o Occurrence) bool { return o.At.Before(first) || o.At.After(last) })
	fired := c.Between(first.Add(-time.Minute), last, z, 400)
	fired = slices.DeleteFunc(fired, func(o Occurrence) bool { return o.At.Before(first) })
	if len(fired) != len(want) {
		t.Fatalf("%s %d: %d firings, want %d", z, year, len(fired), len(want))
	}
	for i := range want {
		if fired[i].Wall != want[i].Wall || !fired[i].At.Equal(want[i].At) {
			t.Fatalf("%s: firing %d is %v, want %v", z, i, fired[i], want[i])
		}
	}
}

var someSchedules = []string{
	"0 9 * * MON-FRI", "30 2 * * *", "0 0 * * *", "*/15 * * * *", "* * * * *", "0 * * * *", "0 */2 * * *", "45 */3 * * *",
	"0,30 1-3 * * *", "59 23 31 12 *", "0 0 29 2 *", "*/10 2 * * *", "0 */12 1 * MON",
}

// Next moves forward, does not depend on where in between it is asked, and its
// keys never repeat.
func TestNextIsStrictlyIncreasing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := anyZone(t)
		c, err := ParseCron(rapid.SampledFrom(someSchedules).Draw(t, "schedule"))
		if err != nil {
			t.Fatal(err)
		}
		after := anyMoment(t, 1995, 40)
		keys := map[string]bool{}
		for range 40 {
			o, ok := c.Next(after, z)
			if !ok || !o.At.After(after) {
				t.Fatalf("after %s came %v %v", after, o, ok)
			}
			if keys[o.Wall] {
				t.Fatalf("%s fired twice", o.Wall)
			}
			keys[o.Wall] = true
			between := after.Add(time.Duration(rapid.Int64Range(0, int64(o.At.Sub(after))-1).Draw(t, "between")))
			if again, _ := c.Next(between, z); !again.At.Equal(o.At) || again.Wall != o.Wall {
				t.Fatalf("after %s: %v, but after %s: %v", after, o, between, again)
			}
			after = o.At
		}
	})
}

// A following schedule fires at every minute whose clock shows its time.
func TestFollowingAgreesWithTheClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := anyZone(t)
		c, err := ParseCron("*/20 * * * *")
		if err != nil {
			t.Fatal(err)
		}
		from := anyMoment(t, 2000, 40).Truncate(time.Minute)
		fired := c.Between(from, from.Add(48*time.Hour), z, 1000)
		i := 0
		for m := from.Add(time.Minute); !m.After(from.Add(48 * time.Hour)); m = m.Add(time.Minute) {
			if m.In(z).Minute()%20 != 0 {
				continue
			}
			if i >= len(fired) || !fired[i].At.Equal(m) {
				t.Fatalf("no firing at %s", m.In(z))
			}
			i++
		}
		if i != len(fired) {
			t.Fatalf("%d firings too many", len(fired)-i)
		}
	})
}

func FuzzParseCron(f *testing.F) {
	for _, s := range append(someSchedules, "TZ=UTC", "CRON_TZ=", "@every 0s", "1,2,3,,4 * * * *", "@daily", "0 0 30 2 *") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		c, err := ParseCron(expr)
		if err != nil {
			return
		}
		start := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
		if o, ok := c.Next(start, time.UTC); !ok || !o.At.After(start) {
			t.Fatalf("%q was accepted and gives %v %v", expr, o, ok)
		}
	})
}
