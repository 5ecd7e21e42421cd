package liquid

import (
	"strconv"
	"strings"
	"time"
)

// dateFilter writes a date by a strftime format. Dates are shown in the zone
// of the options; a text without a zone is taken to stand in it.
func dateFilter(c *call) (any, error) {
	format := c.arg(0)
	if format == "" || c.in == nil || isBlank(c.in) {
		return c.in, nil
	}
	zone := c.st.opt.Zone
	if _, isText := asText(c.in); isText {
		c.st.steps += 20 // many layouts are tried
	}
	t, ok := toTime(c.in, c.st.opt.Now, zone)
	if !ok {
		return c.in, nil
	}
	if zone != nil {
		t = t.In(zone)
	}
	return c.st.text(Strftime(t, format)), nil
}

func toTime(v any, now time.Time, zone *time.Location) (time.Time, bool) {
	if t, ok := v.(time.Time); ok {
		return t, true
	}
	if i, ok := asInt(v); ok {
		return time.Unix(i, 0).UTC(), true
	}
	if f, ok := asFloat(v); ok {
		return time.UnixMicro(int64(f * 1e6)).UTC(), true
	}
	if s, ok := asText(v); ok {
		return parseDate(s, now, zone)
	}
	return time.Time{}, false
}

var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02", "2006/01/02", "2006-01",
	"January 2, 2006 15:04", "January 2, 2006", "January 2 2006", "Jan 2, 2006 15:04", "Jan 2, 2006", "Jan 2 2006",
	"2 January 2006", "2 Jan 2006", "2. January 2006", "January 2006", "Jan 2006",
	"02.01.2006 15:04", "02.01.2006", "2.1.2006", "01/02/2006",
	time.RFC1123Z, time.RFC1123, time.RFC850, time.ANSIC, time.UnixDate, time.RubyDate,
}

// parseDate reads the usual ways to write a date, "now" and "today", and
// seconds since 1970.
func parseDate(s string, now time.Time, zone *time.Location) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if zone == nil {
		zone = time.UTC
	}
	switch strings.ToLower(s) {
	case "now", "today":
		return now, true
	}
	if allDigits(s) {
		i, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(i, 0).UTC(), err == nil
	}
	if len(s) == len(time.DateOnly) && s[4] == '-' && s[7] == '-' { // as most dates are written
		if t, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
			return t, true
		}
	}
	for _, layout := range dateLayouts {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Strftime formats a time by the directives of strftime(3), with the flags
// - (no padding), 0, _ (padding), ^ (upper case), # (other case) and a width.
func Strftime(t time.Time, format string) string {
	var room [64]byte
	b := room[:0]
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b = append(b, format[i])
			continue
		}
		d := directive{}
		end := d.read(format, i+1)
		if end >= len(format) {
			b = append(b, format[i:]...)
			break
		}
		if text, ok := d.text(t, format[end]); ok {
			b = append(b, text...)
		} else {
			b = append(b, format[i:end+1]...)
		}
		i = end
	}
	return string(b)
}

// directive is the part between % and the letter.
type directive struct {
	pad    byte // 0 as usual, '-' none, '0' or '_'
	upper  bool
	swap   bool
	colons int
	width  int
}

func (d *directive) read(format string, i int) int {
	for ; i < len(format); i++ {
		switch c := format[i]; c {
		case '-', '0', '_':
			d.pad = c
		case '^':
			d.upper = true
		case '#':
			d.swap = true
		default:
			for i < len(format) && isDigit(format[i]) {
				d.width = min(d.width*10+int(format[i]-'0'), 64)
				i++
			}
			for i < len(format) && format[i] == ':' {
				d.colons++
				i++
			}
			return i
		}
	}
	return i
}

func (d *directive) number(n, width int, pad byte) string {
	if d.width > 0 {
		width = d.width
	}
	switch d.pad {
	case '-':
		return strconv.Itoa(n)
	case '_':
		pad = ' '
	case '0':
		pad = '0'
	}
	s := strconv.Itoa(n)
	for len(s) < width {
		s = string(pad) + s
	}
	return s
}

func (d *directive) word(s string) string {
	if d.upper || d.swap {
		s = strings.ToUpper(s)
	}
	for len(s) < d.width {
		if d.pad == '0' {
			s = "0" + s
		} else {
			s = " " + s
		}
	}
	return s
}

func (d *directive) text(t time.Time, c byte) (string, bool) {
	if s, ok := d.clock(t, c); ok {
		return s, true
	}
	switch c {
	case 'a':
		return d.word(t.Weekday().String()[:3]), true
	case 'A':
		return d.word(t.Weekday().String()), true
	case 'b', 'h':
		return d.word(t.Month().String()[:3]), true
	case 'B':
		return d.word(t.Month().String()), true
	case 'C':
		return d.number(t.Year()/100, 2, '0'), true
	case 'd':
		return d.number(t.Day(), 2, '0'), true
	case 'e':
		return d.number(t.Day(), 2, ' '), true
	case 'j':
		return d.number(t.YearDay(), 3, '0'), true
	case 'm':
		return d.number(int(t.Month()), 2, '0'), true
	case 'y':
		return d.number(t.Year()%100, 2, '0'), true
	case 'Y':
		return d.number(t.Year(), 4, '0'), true
	case 'u':
		return d.number((int(t.Weekday())+6)%7+1, 1, '0'), true
	case 'w':
		return d.number(int(t.Weekday()), 1, '0'), true
	case 'U':
		return d.number((t.YearDay()+6-int(t.Weekday()))/7, 2, '0'), true
	case 'W':
		return d.number((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2, '0'), true
	case 'V', 'G', 'g':
		year, week := t.ISOWeek()
		switch c {
		case 'V':
			return d.number(week, 2, '0'), true
		case 'g':
			return d.number(year%100, 2, '0'), true
		}
		return d.number(year, 4, '0'), true
	}
	return composed(t, c, d)
}

// composed are the directives that stand for several others.
func composed(t time.Time, c byte, d *directive) (string, bool) {
	formats := map[byte]string{
		'c': "%a %b %e %H:%M:%S %Y", 'D': "%m/%d/%y", 'x': "%m/%d/%y", 'F': "%Y-%m-%d", 'r': "%I:%M:%S %p",
		'R': "%H:%M", 'T': "%H:%M:%S", 'X': "%H:%M:%S", 'v': "%e-%^b-%Y", '+': "%a %b %e %H:%M:%S %Z %Y",
		'n': "\n", 't': "\t", '%': "%",
	}
	f, ok := formats[c]
	if !ok {
		return "", false
	}
	if len(f) == 1 {
		return f, true
	}
	return d.word(Strftime(t, f)), true
}

func (d *directive) clock(t time.Time, c byte) (string, bool) {
	hour12 := (t.Hour()+11)%12 + 1
	switch c {
	case 'H':
		return d.number(t.Hour(), 2, '0'), true
	case 'k':
		return d.number(t.Hour(), 2, ' '), true
	case 'I':
		return d.number(hour12, 2, '0'), true
	case 'l':
		return d.number(hour12, 2, ' '), true
	case 'M':
		return d.number(t.Minute(), 2, '0'), true
	case 'S':
		return d.number(t.Second(), 2, '0'), true
	case 'L', 'N':
		digits := d.width
		if digits == 0 {
			digits = 3
			if c == 'N' {
				digits = 9
			}
		}
		s := strings.TrimPrefix(t.Format(".000000000"), ".")
		for len(s) < digits {
			s += "0"
		}
		return s[:digits], true
	case 'p':
		s := t.Format("PM")
		if d.swap {
			s = strings.ToLower(s)
		}
		return s, true
	case 'P':
		return t.Format("pm"), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'Z':
		return t.Format("MST"), true
	case 'z':
		if d.colons > 0 {
			return t.Format("-07:00"), true
		}
		return t.Format("-0700"), true
	}
	return "", false
}
