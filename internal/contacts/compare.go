package contacts

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"rapport/internal/calendar"
)

// Kind is one comparable form of a value. A value has several: the text
// "2026-03-02" is a text and a date.
type Kind uint16

const (
	KindText    Kind = 1 << iota // folded text
	KindNumber                   // exact, in millionths
	KindFloat                    // a number that millionths cannot hold
	KindAmount                   // what a KindFloat adds to a sum, in millionths
	KindBool                     // 0 or 1
	KindDay                      // a date, in days since 1970-01-01
	KindYearDay                  // month × 100 + day of a date
	KindInstant                  // a moment, in Unix milliseconds
	KindList                     // its elements, each by Element
	KindMap                      // a map: there is something below it
)

var allKinds = []Kind{KindText, KindNumber, KindFloat, KindAmount, KindBool, KindDay, KindYearDay, KindInstant, KindList, KindMap}

// Key names the form in the folded column.
func (k Kind) Key() string {
	switch k {
	case KindText:
		return "t"
	case KindNumber:
		return "n"
	case KindFloat:
		return "f"
	case KindAmount:
		return "a"
	case KindBool:
		return "b"
	case KindDay:
		return "d"
	case KindYearDay:
		return "y"
	case KindInstant:
		return "i"
	case KindList:
		return "l"
	default:
		return "m"
	}
}

// Comparable holds the forms in which a value is compared.
type Comparable struct {
	Kinds   Kind
	Text    string
	Number  int64
	Float   int64 // orders as the numbers do, see FloatKey
	Amount  int64
	Bool    bool
	Day     int64
	YearDay int64
	Instant int64
	List    []string
}

// Is tells whether the value has this form.
func (c *Comparable) Is(k Kind) bool { return c.Kinds&k != 0 }

// appendForm writes one form as JSON.
func (c *Comparable) appendForm(out []byte, k Kind) []byte {
	number := int64(1) // of a map: it is there
	switch k {
	case KindText:
		return AppendJSONText(out, c.Text)
	case KindList:
		out = append(out, '[')
		for i, e := range c.List {
			if i > 0 {
				out = append(out, ',')
			}
			out = AppendJSONText(out, e)
		}
		return append(out, ']')
	case KindNumber:
		number = c.Number
	case KindFloat:
		number = c.Float
	case KindAmount:
		number = c.Amount
	case KindBool:
		if !c.Bool {
			number = 0
		}
	case KindDay:
		number = c.Day
	case KindYearDay:
		number = c.YearDay
	case KindInstant:
		number = c.Instant
	}
	return strconv.AppendInt(out, number, 10)
}

// Compare gives the comparable forms of a value. What is missing (null, empty
// text, an empty list or map, a number that is not finite) has none.
func Compare(v any) Comparable {
	switch v := v.(type) {
	case string:
		return compareText(v)
	case float64:
		return compareNumber(v)
	case int:
		return compareNumber(float64(v))
	case int64:
		return compareNumber(float64(v))
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return compareNumber(f)
		}
	case bool:
		return Comparable{Kinds: KindBool, Bool: v}
	case time.Time:
		if !v.IsZero() {
			return Comparable{Kinds: KindInstant, Instant: v.UnixMilli()}
		}
	case []any:
		return compareList(v)
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return compareList(list)
	case map[string]any:
		if len(v) > 0 {
			return Comparable{Kinds: KindMap}
		}
	}
	return Comparable{}
}

func compareText(s string) Comparable {
	folded := Fold(s)
	if folded == "" {
		return Comparable{}
	}
	c := Comparable{Kinds: KindText, Text: folded}
	if len(s) < len(time.DateOnly) || s[4] != '-' {
		return c
	}
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		c.Kinds |= KindInstant
		c.Instant = at.UnixMilli()
	} else if d, ok := dateOf(s); ok {
		c.Kinds |= KindDay | KindYearDay
		c.Day = DayNumber(d)
		c.YearDay = YearDay(d)
	}
	return c
}

// dateOf reads a date, alone or with a time of day that names no zone.
func dateOf(s string) (calendar.Date, bool) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", time.DateTime} {
		if len(layout) != len(s) {
			continue
		}
		if t, err := time.Parse(layout, s); err == nil {
			return calendar.Of(t, time.UTC), true
		}
	}
	return calendar.Date{}, false
}

// DayNumber counts the days since 1970-01-01.
func DayNumber(d calendar.Date) int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// YearDay is the day within any year, as month × 100 + day.
func YearDay(d calendar.Date) int64 { return int64(d.Month)*100 + int64(d.Day) }

// Million is how many of the units that numbers are compared in make one.
const Million = 1_000_000

// Amount is the number at a dotted path, to the millionth: what an order was worth,
// for instance. ok is false where there is none, or one too large to be added up.
// In the database it is the form KindNumber or else KindAmount of the path.
func Amount(properties map[string]any, path string) (amount float64, ok bool) {
	v, _ := Lookup(properties, path)
	switch c := Compare(v); {
	case c.Is(KindNumber):
		return float64(c.Number) / Million, true
	case c.Is(KindAmount):
		return float64(c.Amount) / Million, true
	}
	return 0, false
}

// exactLimit bounds what is compared in millionths: beyond it, a float64 no
// longer tells two neighbouring millionths apart.
const exactLimit = 1 << 53

func compareNumber(f float64) Comparable {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Comparable{}
	}
	if n, ok := Exact(f); ok {
		return Comparable{Kinds: KindNumber, Number: n}
	}
	c := Comparable{Kinds: KindFloat, Float: FloatKey(f)}
	if scaled := f * Million; math.Abs(scaled) <= exactLimit {
		c.Kinds |= KindAmount
		c.Amount = int64(math.Round(scaled))
	}
	return c
}

// Exact gives a number in millionths, if they hold it exactly: 0.1 is 100000
// because that is what was written, not the binary fraction next to it.
func Exact(f float64) (int64, bool) {
	scaled := math.Round(f * Million)
	if math.Abs(scaled) > exactLimit || scaled/Million != f {
		return 0, false
	}
	return int64(scaled), true
}

// FloatKey maps numbers to integers that order the same way, so that databases
// compare integers and not decimal renderings of binary fractions.
func FloatKey(f float64) int64 {
	bits := math.Float64bits(f)
	if bits>>63 == 1 {
		return -int64(bits &^ (1 << 63))
	}
	return int64(bits)
}

func compareList(list []any) Comparable {
	c := Comparable{Kinds: KindList}
	for _, v := range list {
		if e, ok := Element(v); ok {
			c.List = append(c.List, e)
		}
	}
	if len(c.List) == 0 {
		return Comparable{}
	}
	return c
}

// Element gives the form in which one element of a list is compared: a letter
// for its kind and the comparable form, so that 5 and "5" stay two things.
func Element(v any) (string, bool) {
	c := Compare(v)
	switch {
	case c.Is(KindText):
		return "t" + c.Text, true
	case c.Is(KindNumber):
		return "n" + strconv.FormatInt(c.Number, 10), true
	case c.Is(KindFloat):
		return "f" + strconv.FormatInt(c.Float, 10), true
	case c.Is(KindBool):
		if c.Bool {
			return "b1", true
		}
		return "b0", true
	}
	return "", false
}

// present tells whether a value is there at all, without folding it.
func present(v any) bool {
	if s, ok := v.(string); ok {
		return strings.Trim(s, "\x00") != ""
	}
	c := Compare(v)
	return c.Kinds != 0
}
