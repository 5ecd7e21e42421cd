package segments

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

// Random facts and conditions for the agreement of the matchers. Facts and the
// operands of conditions come from the same small worlds, so that they meet.

func quoted(s string) string { return strconv.QuoteToASCII(s) }

func drawLiteral(t *rapid.T) string {
	switch between(t, 0, 5, "literal") {
	case 0:
		return drawNumber(t)
	case 1:
		return pick(t, "bool", []string{"true", "false"})
	case 2:
		return pick(t, "date", worldDates)
	}
	return drawText(t)
}

func drawText(t *rapid.T) string {
	return quoted(pick(t, "text", append([]string{"STRAßE", "ΩMEGA", "ISTANBUL"}, worldTexts...)))
}

func drawNumber(t *rapid.T) string {
	return strconv.FormatFloat(pick(t, "number", worldNumbers), 'g', -1, 64)
}

func drawList(t *rapid.T, draw func(*rapid.T) string) string {
	var items []string
	for range between(t, 1, 12, "items") {
		items = append(items, draw(t))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func drawElement(t *rapid.T) string {
	return pick(t, "element", []string{"gravel", "ROAD", quoted("STRASSE"), "5", "0.1", "1e300", "true", quoted("o'brien"), "2026-03-02", "x"})
}

var testPatterns = []string{"^de$", "STRA(ss|ß)E", "[a-f]", "^[^a-z]+$", `\d{2}`, "a.b", "two.lines", "caf.$", "^(o|k)", `'`, `\S\s`, "(x|y)?z*", `\\`, "[😀-😂]", "^.{2,3}$", "[[:alpha:]]{4,}", `\$1|\?`, "^(a|b)*$|rk"}

func drawOperator(t *rapid.T) string {
	op := pick(t, "operator", operatorNames)
	return op + ": " + drawOperand(t, op)
}

func drawOperand(t *rapid.T, op string) string {
	switch op {
	case "is", "is_not":
		return drawLiteral(t)
	case "in", "not_in":
		return drawList(t, drawLiteral)
	case "contains", "starts_with", "ends_with":
		return quoted(pick(t, "part", []string{"s", "S", "st", "de", "é", "E\u0301", "'", "%", "_", `\`, "lines", "😀", "strasse", "-02", "x", "a much longer text than all"}))
	case "matches":
		return quoted(pick(t, "pattern", testPatterns))
	case "above", "at_least", "below", "at_most":
		return drawNumber(t)
	case "between":
		if one(t, 2, "dates") {
			return "[" + pick(t, "from", []string{"1980-01-01", "2024-02-29", "2026-03-02"}) + ", " + pick(t, "to", []string{"2026-03-02", "2030-01-01"}) + "]"
		}
		return "[" + pick(t, "low", []string{"-1e300", "-1", "0.1", "1e-7"}) + ", " + pick(t, "high", []string{"50", "49.99", "1e15", "50.0000001"}) + "]"
	case "exists":
		return pick(t, "exists", []string{"true", "false"})
	case "before", "after":
		if one(t, 2, "relative") {
			return quoted(pick(t, "sign", []string{"-", "+"}) + strconv.Itoa(pick(t, "days", worldDays)) + "d")
		}
		return pick(t, "date", worldDates)
	case "in_last", "in_next":
		return strconv.Itoa(pick(t, "days", worldDays)) + "d"
	case "anniversary_in":
		return pick(t, "anniversary", []string{"1d", "3d", "7d", "30d", "200d"})
	case "has":
		return drawElement(t)
	}
	return drawList(t, drawElement)
}

// drawValueTest is the operators of a value, whatever its type turns out to be.
func drawValueTest(t *rapid.T) string {
	text := drawOperator(t)
	if one(t, 4, "two operators") {
		if second := drawOperator(t); second[:strings.IndexByte(second, ':')] != text[:strings.IndexByte(text, ':')] {
			text += ", " + second
		}
	}
	return text
}

// builtinTests are tests of built-in fields, whose types are known.
func drawBuiltin(t *rapid.T) string {
	field := pick(t, "field", []string{"email", "first_name", "last_name", "language", "created_at", "stage", "health"})
	if field == "created_at" {
		op := pick(t, "operator", []string{"exists", "before", "after", "in_last", "in_next", "anniversary_in", "is", "is_not"})
		operand := ""
		if op == "is" || op == "is_not" {
			operand = pick(t, "date", worldDates)
		} else {
			operand = drawOperand(t, op)
		}
		return "{attribute: created_at, " + op + ": " + operand + "}"
	}
	op := pick(t, "operator", []string{"is", "is_not", "in", "not_in", "contains", "starts_with", "ends_with", "matches", "exists"})
	operand := ""
	switch op {
	case "is", "is_not":
		operand = drawText(t)
	case "in", "not_in":
		operand = drawList(t, func(t *rapid.T) string {
			return pick(t, "name", []string{"client", "lost", "DE", "en", quoted("strasse")})
		})
	default:
		operand = drawOperand(t, op)
	}
	return "{attribute: " + field + ", " + op + ": " + operand + "}"
}

func drawCount(t *rapid.T) string {
	return pick(t, "count", []string{"{at_least: 2}", "{at_least: 3}", "{above: 1}", "{below: 2}", "{at_most: 0}", "{between: [1, 2]}", "{is: 0}", "{is: 1}", "{at_least: 1, below: 4}"})
}

func drawLast(t *rapid.T) string { return strconv.Itoa(pick(t, "days", worldDays)) + "d" }

func (w *world) drawEventCondition(t *rapid.T) string {
	parts := []string{"event: " + quoted(pick(t, "name", worldEvents))}
	where := func() {
		path := pick(t, "path", append([]string{"total", "total"}, worldPaths...))
		if path == "total" {
			parts = append(parts, "where: {total: {"+pick(t, "op", []string{"above", "at_most"})+": "+drawNumber(t)+"}}")
			return
		}
		properties := func(f *contacts.Facts) map[string]any {
			if len(f.Events) == 0 {
				return nil
			}
			return pick(t, "which", f.Events).Properties
		}
		parts = append(parts, "where: {"+quoted(path)+": {"+w.drawTest(t, path, properties)+"}}")
	}
	if one(t, 3, "where") {
		where()
	}
	if one(t, 4, "pick") {
		parts = append(parts, "pick: "+pick(t, "which", []string{"first", "last"}))
	} else {
		if one(t, 3, "count") {
			parts = append(parts, "count: "+drawCount(t))
		}
		if one(t, 3, "sum") {
			parts = append(parts, "sum: {of: "+pick(t, "of", []string{"total", "age", "country"})+", "+
				pick(t, "bound", []string{"above: 50", "at_least: 99.98", "below: 1", "at_most: 1e9", "above: -1e-7", "between: [-100, 100]", "is: 50", "above: 0", "below: 100"})+"}")
		}
	}
	if one(t, 3, "in_last") {
		parts = append(parts, "in_last: "+drawLast(t))
	}
	if one(t, 5, "since") {
		parts = append(parts, "since: "+pick(t, "since", []string{"2026-01-01", `"2026-03-01 23:30"`, "2024-02-28"}))
	}
	if one(t, 5, "before") {
		parts = append(parts, "before: "+pick(t, "before", []string{"2026-03-02", "2027-01-01"}))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func drawEmailCondition(t *rapid.T) string {
	kind := pick(t, "kind", emailKinds)
	parts := []string{"email: " + kind}
	if one(t, 3, "campaign") {
		parts = append(parts, "campaign: "+pick(t, "campaign", append([]string{"never-applied"}, worldNames...)))
	}
	if one(t, 4, "template") {
		parts = append(parts, "template: "+pick(t, "template", worldMails))
	}
	if kind == "clicked" && one(t, 2, "link") {
		parts = append(parts, "link: "+quoted(pick(t, "link", worldLinks)))
	}
	if one(t, 3, "count") {
		parts = append(parts, "count: "+drawCount(t))
	}
	if one(t, 3, "in_last") {
		parts = append(parts, "in_last: "+drawLast(t))
	}
	if one(t, 5, "ever") {
		parts = append(parts, "ever: true")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// drawFitting is an operator that goes with a value, with an operand near it.
func (w *world) drawFitting(t *rapid.T, v any) string {
	c := contacts.Compare(v)
	switch {
	case isDate(&c) && one(t, 2, "as date"):
		date := dateOf(c.Day)
		if c.Is(contacts.KindInstant) {
			date = calendar.Of(time.UnixMilli(c.Instant), w.zone)
		}
		date = date.AddDays(between(t, -1, 1, "beside"))
		op := pick(t, "operator", []string{"is", "is_not", "in", "before", "after", "between", "in_last", "in_next", "anniversary_in"})
		switch op {
		case "is", "is_not", "before", "after":
			return op + ": " + date.String()
		case "in":
			return "in: [" + date.String() + ", 2001-01-01]"
		case "between":
			return "between: [" + date.String() + ", " + date.AddDays(1).String() + "]"
		}
		return op + ": " + drawOperand(t, op)
	case c.Is(contacts.KindText):
		runes := []rune(v.(string))
		from := between(t, 0, len(runes)-1, "from")
		to := between(t, from+1, len(runes), "to")
		op := pick(t, "operator", []string{"is", "is_not", "in", "not_in", "contains", "starts_with", "ends_with", "matches"})
		switch op {
		case "is", "is_not":
			return op + ": " + quoted(v.(string))
		case "in", "not_in":
			return op + ": [" + quoted(strings.ToUpper(v.(string))) + ", " + drawLiteral(t) + "]"
		case "starts_with":
			runes = runes[:to]
		case "ends_with":
			runes = runes[from:]
		default:
			runes = runes[from:to]
		}
		part := string(runes)
		if strings.TrimSpace(part) == "" {
			return "exists: true"
		}
		if op == "matches" {
			part = regexp.QuoteMeta(part)
		}
		return op + ": " + quoted(part)
	case c.Is(contacts.KindNumber), c.Is(contacts.KindFloat):
		text := strconv.FormatFloat(v.(float64), 'g', -1, 64)
		op := pick(t, "operator", []string{"is", "is_not", "in", "above", "at_least", "below", "at_most", "between"})
		switch op {
		case "in":
			return "in: [" + text + ", 77]"
		case "between":
			return pick(t, "ends", []string{"between: [" + text + ", 1e301]", "between: [-1e301, " + text + "]", "between: [" + text + ", " + text + "]"})
		}
		return op + ": " + text
	case c.Is(contacts.KindBool):
		return fmt.Sprintf("is: %v", v)
	case c.Is(contacts.KindList):
		op := pick(t, "operator", []string{"has", "has_any", "has_all"})
		var elements []string
		for _, e := range v.([]any) {
			if text, ok := elementText(e); ok {
				elements = append(elements, text)
			}
		}
		if op == "has" {
			return "has: " + pick(t, "element", elements)
		}
		if one(t, 2, "another") {
			elements = append(elements, drawElement(t))
		}
		return op + ": [" + strings.Join(elements, ", ") + "]"
	}
	return drawOperator(t)
}

// elementText writes an element of a list that can be asked for.
func elementText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return quoted(v), v != ""
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// drawTest is a test of a value that somebody has, or of any.
func (w *world) drawTest(t *rapid.T, path string, of func(*contacts.Facts) map[string]any) string {
	if !one(t, 5, "any") {
		f := pick(t, "whose", w.people)
		if v, ok := contacts.Lookup(of(f), path); ok {
			return w.drawFitting(t, v)
		}
	}
	return drawValueTest(t)
}

func (w *world) drawAttribute(t *rapid.T) string {
	path := pick(t, "path", worldPaths)
	return "{attribute: " + quoted(path) + ", " + w.drawTest(t, path, func(f *contacts.Facts) map[string]any { return f.Contact.Attributes }) + "}"
}

func (w *world) drawLeaf(t *rapid.T) string {
	switch between(t, 0, 15, "head") {
	case 0, 1, 2:
		return w.drawAttribute(t)
	case 3:
		return drawBuiltin(t)
	case 4, 5:
		return w.drawEventCondition(t)
	case 6, 7:
		return drawEmailCondition(t)
	case 8:
		text := "stage: " + pick(t, "stage", []string{"customer", "client", "{at_least: prospect}", "{at_most: customer}", "{in: [stranger, advocate]}", "{at_least: gone}"})
		if one(t, 2, "for") {
			text += ", for: " + drawLast(t)
		}
		return "{" + text + "}"
	case 9:
		text := "health: " + pick(t, "health", append([]string{"{in: [none, lapsed, lost]}"}, healths...))
		if one(t, 3, "for") {
			text += ", for: " + drawLast(t)
		}
		return "{" + text + "}"
	case 10:
		return "{consent: " + pick(t, "topic", worldTopics) + ", is: " + pick(t, "is", []string{"given", "withdrawn", "pending", "none"}) + "}"
	case 11:
		return "{campaign: " + pick(t, "campaign", append([]string{"never-applied"}, worldNames...)) + ", is: " + pick(t, "is", []string{"in", "finished", "converted", "never"}) + "}"
	case 12:
		return "{sample: " + pick(t, "share", []string{"10%", "50%", "0.1%", "99.9999%", "100%"}) + ", salt: " + pick(t, "salt", []string{"a", "b", "3"}) + "}"
	case 13, 14:
		if one(t, 3, "tier") {
			return "{tier: " + pick(t, "tier", []string{"bronze", "silver", "gold", "{at_least: silver}", "{at_least: gold}"}) + "}"
		}
		return drawScoreCondition(t)
	}
	return pick(t, "rest", []string{"{segment: inner}", "{segment: missing}", "{score: nobodys, at_least: 9}", "{tier: nobodys}"})
}

// drawScoreCondition asks for one or two ends of a score, among them those that
// people have exactly.
func drawScoreCondition(t *rapid.T) string {
	text := "{score: " + pick(t, "score", []string{"engagement", "engagement", "lifetime_value", "nps", "points"})
	bound := strconv.FormatFloat(pick(t, "bound", worldScores), 'f', -1, 64)
	switch between(t, 0, 5, "ends") {
	case 0:
		return text + ", between: [" + bound + ", 3000]}"
	case 1:
		return text + ", above: -200, at_most: " + bound + "}"
	}
	return text + ", " + pick(t, "operator", []string{"above", "at_least", "below", "at_most"}) + ": " + bound + "}"
}

func (w *world) drawCondition(t *rapid.T, depth int) string {
	if depth == 0 || one(t, 2, "leaf") {
		return w.drawLeaf(t)
	}
	kind := pick(t, "group", []string{"all", "any", "not", "list"})
	if kind == "not" {
		return "{not: " + w.drawCondition(t, depth-1) + "}"
	}
	var parts []string
	for range between(t, 1, 4, "parts") {
		parts = append(parts, w.drawCondition(t, depth-1))
	}
	list := "[" + strings.Join(parts, ", ") + "]"
	if kind == "list" {
		return list
	}
	return "{" + kind + ": " + list + "}"
}
