package strict

import (
	"math"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"

	"rapport/internal/calendar"
)

// badScalar is a value that YAML versions read differently; it says what to do.
type badScalar string

var (
	wholeNumber   = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	decimalNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	paddedNumber  = regexp.MustCompile(`^[-+]?0[0-9_]+(\.[0-9]+)?$`)
	oddNumber     = regexp.MustCompile(`^[-+]?(0[xXoObB][0-9a-fA-F_]+|[0-9][0-9_]*_[0-9_]*|\.[0-9]+|[0-9]+\.|\.(inf|Inf|INF|nan|NaN|NAN))$`)
	datePattern   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// scalarOf gives a scalar its type: nil, bool, int64, float64, calendar.Date or
// string. The rules are those of YAML 1.2 less what is ambiguous: what stands in
// quotes is text, yes and no are text, 012 is neither a number nor text.
func scalarOf(n *yaml.Node) any {
	if n.Kind != yaml.ScalarNode || n.Style&^yaml.FlowStyle != 0 {
		return n.Value
	}
	switch s := n.Value; {
	case s == "" || s == "~" || s == "null" || s == "Null" || s == "NULL":
		return nil
	case s == "true" || s == "True" || s == "TRUE":
		return true
	case s == "false" || s == "False" || s == "FALSE":
		return false
	case wholeNumber.MatchString(s):
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
		return badScalar("is too large for a number; put it in quotes if it is text")
	case decimalNumber.MatchString(s):
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(f, 0) {
			return badScalar("is too large for a number; put it in quotes if it is text")
		}
		return f
	case paddedNumber.MatchString(s):
		return badScalar("starts with a zero: put it in quotes if it is text, leave the zero out if it is a number")
	case oddNumber.MatchString(s):
		return badScalar("can be read in two ways: put it in quotes if it is text, write plain digits if it is a number")
	case datePattern.MatchString(s):
		if d, err := calendar.ParseDate(s); err == nil {
			return d
		}
		return s
	default:
		return s
	}
}
