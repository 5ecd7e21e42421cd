package mjml

import (
	"math"
	"strconv"
	"strings"
)

// number writes a number with as many digits as it takes.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func px(v float64) string { return number(v) + "px" }

// rounded keeps six digits, which is what a percentage needs.
func rounded(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// measure reads "50%" as 50 and "%". Pixels are whole.
func measure(s string) (value float64, unit string) {
	s = strings.TrimSpace(s)
	end := strings.LastIndexAny(s, "0123456789.,") + 1
	unit = s[end:]
	value = leading(s)
	if unit != "%" {
		value = math.Trunc(value)
	}
	if unit == "" {
		unit = "px"
	}
	return value, unit
}

// leading is the number that a text begins with, 0 where it begins with none.
func leading(s string) float64 {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.' || end == 0 && s[end] == '-') {
		end++
	}
	for end > 0 {
		if v, err := strconv.ParseFloat(s[:end], 64); err == nil {
			return v
		}
		end--
	}
	return 0
}

func whole(s string) float64 { return math.Trunc(leading(s)) }

// shorthand finds one side in one to four sizes.
func shorthand(value, side string) float64 {
	fields := strings.Fields(value)
	index := map[string][]int{"top": {0, 0, 0, 0}, "right": {0, 1, 1, 1}, "bottom": {0, 0, 2, 2}, "left": {0, 1, 1, 3}}[side]
	if len(fields) == 0 {
		return 0
	}
	return whole(fields[index[min(len(fields), 4)-1]])
}

// borderWidth is the first whole number of a border such as "1px solid red".
func borderWidth(border string) float64 {
	for f := range strings.FieldsSeq(border) {
		if f[0] >= '0' && f[0] <= '9' {
			return whole(f)
		}
	}
	return 0
}
