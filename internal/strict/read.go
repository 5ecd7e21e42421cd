package strict

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// value is the typed value of a scalar; what is none, or none that is clear, is
// a finding. want names what is asked for.
func (n Node) value(want string) (any, bool) {
	if !n.sound() {
		return nil, false
	}
	if n.y.Kind != yaml.ScalarNode {
		n.mustBe(want)
		return nil, false
	}
	v := scalarOf(n.y)
	if why, odd := v.(badScalar); odd {
		n.Errorf(CodeBadValue, "%s %s", n.shown(), string(why))
		return nil, false
	}
	if v == nil {
		n.mustBe(want)
		return nil, false
	}
	return v, true
}

// Text reads text that is not empty. A number or a date is a finding: it has to
// stand in quotes.
func (n Node) Text() (string, bool) {
	if n.IsScalar() && n.filled() {
		return n.y.Value, true // a variable is text whatever it looks like
	}
	v, ok := n.value("text")
	if !ok {
		return "", false
	}
	s, isText := v.(string)
	if !isText {
		n.Hintf(CodeWrongType, "write "+strconv.Quote(n.y.Value), "%s must be text, but %s is %s", n.Label(), n.shown(), kindOf(n.y))
		return "", false
	}
	if strings.TrimSpace(s) == "" {
		n.Errorf(CodeBadValue, "%s must not be empty", n.Label())
		return "", false
	}
	return s, true
}

// Int reads a whole number.
func (n Node) Int() (int64, bool) {
	v, ok := n.value("a whole number")
	if !ok {
		return 0, false
	}
	if i, isInt := v.(int64); isInt {
		return i, true
	}
	if i, err := strconv.ParseInt(n.y.Value, 10, 64); err == nil {
		if n.filled() {
			return i, true
		}
		n.Hintf(CodeWrongType, "leave the quotes out", "%s must be a whole number, but %s is text", n.Label(), n.shown())
		return 0, false
	}
	n.mustBe("a whole number")
	return 0, false
}

// Number reads a number.
func (n Node) Number() (float64, bool) {
	v, ok := n.value("a number")
	if !ok {
		return 0, false
	}
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	n.mustBe("a number")
	return 0, false
}

// Bool reads true or false.
func (n Node) Bool() (bool, bool) {
	v, ok := n.value("true or false")
	if !ok {
		return false, false
	}
	if b, isBool := v.(bool); isBool {
		return b, true
	}
	hint := ""
	switch strings.ToLower(n.y.Value) {
	case "yes", "on", "y":
		hint = "write true"
	case "no", "off", "n":
		hint = "write false"
	}
	n.Hintf(CodeWrongType, hint, "%s must be true or false, not %s", n.Label(), n.shown())
	return false, false
}

// Percent reads "10%" or "0.1%" as a share from 0 to 1.
func (n Node) Percent() (float64, bool) {
	v, ok := n.value("a percentage, as in 10%")
	if !ok {
		return 0, false
	}
	text, _ := v.(string)
	digits, found := strings.CutSuffix(text, "%")
	if digits = strings.TrimSpace(digits); !found || !decimalNumber.MatchString(digits) {
		hint := ""
		if number, err := strconv.ParseFloat(n.y.Value, 64); err == nil && kindOf(n.y) == "a number" {
			hint = "write " + n.y.Value + "%"
			if number > 0 && number <= 1 {
				hint = "write " + strconv.FormatFloat(number*100, 'f', -1, 64) + "%, or " + n.y.Value + "% if you mean so little"
			}
		}
		n.Hintf(CodeWrongType, hint, "%s must be a percentage, as in 10%%, not %s", n.Label(), n.shown())
		return 0, false
	}
	share, err := strconv.ParseFloat(digits, 64)
	if err != nil || share < 0 || share > 100 {
		n.Errorf(CodeBadValue, "%s must be from 0%% to 100%%, not %s", n.Label(), n.shown())
		return 0, false
	}
	return share / 100, true
}

// Strings reads a list of texts.
func (n Node) Strings() ([]string, bool) {
	if !n.IsList() {
		n.List()
		return nil, false
	}
	all := true
	texts := []string{}
	for _, item := range n.List() {
		text, ok := item.Text()
		if all = all && ok; ok {
			texts = append(texts, text)
		}
	}
	return texts, all
}

var namePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// maxName is the longest name, in characters.
const maxName = 64

// IsName says whether s is a name: lower case, digits and single dashes.
func IsName(s string) bool { return len(s) <= maxName && namePattern.MatchString(s) }

// Name reads a lower-case-with-dashes name.
func (n Node) Name() (string, bool) {
	v, ok := n.value("a name")
	if !ok {
		return "", false
	}
	text, isText := v.(string)
	switch {
	case !isText:
		text = n.y.Value
	case text == "":
		n.Errorf(CodeBadValue, "%s must not be empty", n.Label())
		return "", false
	}
	if IsName(text) {
		return text, true
	}
	if len(text) > maxName {
		n.Errorf(CodeBadValue, "a name has at most %d characters, %s has more", maxName, n.shown())
		return "", false
	}
	hint := ""
	if s := Slug(text); s != "" {
		hint = "write " + s
	}
	n.Hintf(CodeBadValue, hint, "a name is lower-case letters and digits with dashes between, not %s", n.shown())
	return "", false
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// Slug is the name that s would be: "Guide Fit" is guide-fit; "" when nothing of
// it can stand in a name.
func Slug(s string) string {
	return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(s), "-"), "-")
}

// Choice reads one of a few words.
func (n Node) Choice(options ...string) (string, bool) {
	want := "one of " + list(options)
	v, ok := n.value(want)
	if !ok {
		return "", false
	}
	text, _ := v.(string)
	if text == "" {
		text = n.y.Value
	}
	if slices.Contains(options, text) {
		return text, true
	}
	hint := ""
	if near := Suggest(text, options); near != "" {
		hint = didYouMean(near)
	}
	n.Hintf(CodeBadValue, hint, "%s must be %s, not %s", n.Label(), want, n.shown())
	return "", false
}

// Value reads a scalar as string, int64, float64, bool or calendar.Date, and a
// list as []any of those.
func (n Node) Value() (any, bool) {
	if !n.IsList() {
		return n.value("a value")
	}
	all, values := true, []any{}
	for _, item := range n.List() {
		if item.IsList() {
			item.Errorf(CodeWrongType, "a list inside a list is not a value")
			all = false
			continue
		}
		v, ok := item.value("a value")
		if all = all && ok; ok {
			values = append(values, v)
		}
	}
	return values, all
}
