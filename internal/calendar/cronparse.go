package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// field is one of the five places of a schedule.
type field struct {
	what     string
	min, max int
	names    []string // names[i] stands for min+i
}

var fields = [5]field{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{"day of the week", 0, 6, weekdayNames[:]},
}

const (
	hourField    = 1
	dayField     = 2
	weekdayField = 4
)

var descriptors = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseCron reads a schedule such as "0 9 * * MON-FRI" or "@daily". Every item
// is checked here before the library sees it, because the library panics on
// some input, loops on some and accepts slips like "1,,2" or "*-5" in silence.
// A schedule that never fires is an error.
func ParseCron(expr string) (Cron, error) {
	written := strings.TrimSpace(expr)
	if err := refuse(written); err != nil {
		return Cron{}, err
	}
	plain := written
	if strings.HasPrefix(written, "@") {
		plain = descriptors[strings.ToLower(written)]
	}
	parts := strings.Fields(plain)
	if len(parts) != len(fields) {
		return Cron{}, fmt.Errorf("a schedule has five fields (minute, hour, day of the month, month, day of the week), this one has %d: %q", len(parts), expr)
	}
	for i, part := range parts {
		clean, err := fields[i].check(part, i)
		if err != nil {
			return Cron{}, err
		}
		parts[i] = clean
	}
	schedule, err := parser.Parse(strings.Join(parts, " "))
	if err != nil {
		return Cron{}, fmt.Errorf("%q is not a schedule: %w", expr, err)
	}
	c := Cron{expr: written, schedule: schedule}
	for _, item := range strings.Split(parts[hourField], ",") {
		c.follows = c.follows || item[0] == '*'
		c.every = c.every || item == "*" || item == "*/1"
	}
	if _, ok := c.nextWall(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
		return Cron{}, fmt.Errorf("%q never fires: there is no such day", expr)
	}
	return c, nil
}

// refuse names what other programs call a schedule and this one does not.
func refuse(expr string) error {
	upper := strings.ToUpper(expr)
	switch {
	case expr == "":
		return fmt.Errorf(`a schedule must not be empty: write five fields, as in "0 9 * * MON-FRI"`)
	case len(expr) > 200:
		return fmt.Errorf("a schedule may have 200 characters, this one has %d", len(expr))
	case strings.HasPrefix(upper, "TZ=") || strings.HasPrefix(upper, "CRON_TZ="):
		return fmt.Errorf("a schedule names no time zone: write it beside the schedule, as timezone: Europe/Berlin")
	case strings.HasPrefix(upper, "@EVERY"):
		return fmt.Errorf(`"@every" is not a schedule: write five fields, as in "*/30 * * * *" for every half hour`)
	case strings.HasPrefix(expr, "@") && descriptors[strings.ToLower(expr)] == "":
		return fmt.Errorf("%q is not a schedule: there are @hourly, @daily, @weekly, @monthly and @yearly", expr)
	}
	return nil
}

// check reads the comma-separated items of a field and gives them back as the
// library takes them.
func (f field) check(text string, place int) (string, error) {
	items := strings.Split(text, ",")
	for i, item := range items {
		if item == "" {
			return "", fmt.Errorf("the %s %q has an empty item between its commas", f.what, text)
		}
		clean, err := f.item(item, place)
		if err != nil {
			return "", err
		}
		items[i] = clean
	}
	return strings.Join(items, ","), nil
}

func (f field) item(item string, place int) (string, error) {
	span, stepText, hasStep := strings.Cut(item, "/")
	step := 1
	if hasStep {
		n, ok := number(stepText)
		if !ok || n < 1 {
			return "", fmt.Errorf("the %s %q needs a whole number of at least 1 after the slash", f.what, item)
		}
		if n > f.max-f.min {
			return "", fmt.Errorf("the %s %q steps by %d, but a %s goes from %d to %d only", f.what, item, n, f.what, f.min, f.max)
		}
		step = n
	}
	if span == "*" || span == "?" && (place == dayField || place == weekdayField) {
		return "*" + item[1:], nil
	}
	first, last, isRange := strings.Cut(span, "-")
	from, err := f.value(first, item, place)
	if err != nil {
		return "", err
	}
	to := from
	switch {
	case isRange:
		if to, err = f.value(last, item, place); err != nil {
			return "", err
		}
	case hasStep:
		to = f.max
	}
	if place == weekdayField {
		return weekdayItems(from, to, step), nil
	}
	if from > to {
		return "", fmt.Errorf("the %s %q ends before it begins", f.what, item)
	}
	return fmt.Sprintf("%d-%d/%d", from, to, step), nil
}

// value reads one number or name of a field.
func (f field) value(text, item string, place int) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, nil
		}
	}
	n, ok := number(text)
	if ok && n >= f.min && n <= f.max || place == weekdayField && n == 7 {
		return n, nil
	}
	if ok {
		return 0, fmt.Errorf("the %s %q is not between %d and %d", f.what, item, f.min, f.max)
	}
	names := ""
	if f.names != nil {
		names = " or a name such as " + f.names[1]
	}
	return 0, fmt.Errorf("the %s %q is not understood: write a number from %d to %d%s, a range, or *", f.what, item, f.min, f.max, names)
}

// weekdayItems spells out a range of days of the week. The library knows
// neither 7 for Sunday nor a range over the end of the week.
func weekdayItems(from, to, step int) string {
	if to < from {
		to += 7
	}
	var days []string
	for d := from; d <= to; d += step {
		days = append(days, strconv.Itoa(d%7))
	}
	return strings.Join(days, ",")
}

// number reads a short row of ASCII digits.
func number(s string) (int, bool) {
	if s == "" || len(s) > 4 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
