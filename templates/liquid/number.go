package liquid

import (
	"math"
	"strconv"
	"strings"
)

// toNumber reads a value as Liquid's arithmetic does: int64 or float64; what
// is no number counts as 0.
func toNumber(v any) any {
	if i, ok := asInt(v); ok {
		return i
	}
	if f, ok := asFloat(v); ok {
		return f
	}
	if s, ok := asText(v); ok {
		s = strings.TrimSpace(s)
		if isDecimal(s) {
			if f, err := strconv.ParseFloat(s, 64); err == nil {
				return f
			}
		}
		return leadingInt(s)
	}
	return int64(0)
}

func isDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, frac, ok := strings.Cut(s, ".")
	return ok && allDigits(whole) && allDigits(frac)
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// leadingInt reads the digits at the start of s, 0 where there are none.
func leadingInt(s string) int64 {
	end := 0
	if strings.HasPrefix(s, "-") {
		end = 1
	}
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	i, _ := strconv.ParseInt(s[:end], 10, 64)
	return i
}

// toInteger reads a value where only a whole number will do.
func toInteger(v any) (int64, bool) {
	if i, ok := asInt(v); ok {
		return i, true
	}
	if s, ok := asText(v); ok {
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		return i, err == nil
	}
	return 0, false
}

// whole turns a number into an integer, cutting the fraction off.
func whole(n any) int64 {
	if f, ok := n.(float64); ok {
		if f != f || f >= math.MaxInt64 || f <= math.MinInt64 {
			return 0
		}
		return int64(f)
	}
	i, _ := asInt(n)
	return i
}
