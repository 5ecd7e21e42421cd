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

var (
	worldTexts = []string{
		"DE", "de", "At", "Straße", "STRASSE", "strasse", "café", "cafe\u0301", "İstanbul", "ﬁnal", "K", "Ωmega",
		"O'Brien", "'; drop table contacts; --", "100%", "a_b", `back\slash`, `say "hi"`, "two\nlines", "😀 smile",
		"  padded ", "$1", "?", "2026-03-02", "2024-02-29", "1984-02-29", "1990-12-28", "2026-03-29 01:30",
		"2026-03-02T00:30:00+01:00", "2025-03-01T23:30:00Z", "1999-01-02T10:00:00Z", "12", "12.5", "true", "x",
	}
	worldNumbers = []float64{
		0, 1, -1, 5, 12, 49.99, 50, 50.000001, 50.0000001, 0.1, 0.3, 1e-6, 1e-7, -49.99, 100, 1_000_000,
		9_007_199_254.740992, 9_007_199_255, 1e15, -1e15, 1e300, -2.5e-9, 123456.789,
	}
	worldPaths  = []string{"country", "address.city", "age", "tags", "birthday", "it's", "x.y.z", "größe", "a<b>&c", "123"}
	worldEvents = []string{"order.placed", "cart.abandoned", "o'event", "contact.changed"}
	worldZones  = []string{"UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "America/St_Johns", "America/Havana", "Asia/Beirut"}
	worldLadder = []string{"stranger", "prospect", "customer", "client", "advocate"}
	worldTopics = []string{"guides", "offers"}
	campaignIDs = map[string]int64{"welcome": 11, "winback": 12}
	worldLinks  = []string{"https://northwind.example/guides/fit", "https://northwind.example/Guides/Fit"}
	worldDates  = []string{"2026-03-02", "2026-03-01", "2024-02-29", "1984-02-29", "2025-03-01", "1999-01-02", "2026-03-29", "2030-01-01"}
	worldNames  = []string{"welcome", "winback"}
	worldMails  = []string{"welcome", "guide-fit"}
	worldDays   = []int{1, 2, 7, 30, 60, 365}
)

const testEnrolment = 7 << 10

// world is one draw: people, a moment, and the company's zone.
type world struct {
	now    time.Time
	zone   *time.Location
	people []*contacts.Facts
	scope  Scope
}

// choose draws one of n evenly: rapid prefers small numbers, and would draw the
// last operators hardly ever.
func choose(t *rapid.T, label string, n int) int {
	x := rapid.Uint64().Draw(t, label)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // the finaliser of splitmix64
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int((x ^ x>>31) % uint64(n))
}

func pick[T any](t *rapid.T, label string, from []T) T { return from[choose(t, label, len(from))] }

func between(t *rapid.T, low, high int, label string) int { return low + choose(t, label, high-low+1) }

// one tells yes once in n.
func one(t *rapid.T, in int, label string) bool { return choose(t, label, in) == 0 }

func drawWorld(t *rapid.T, people int) world {
	zone, err := calendar.LoadZone(pick(t, "zone", worldZones))
	if err != nil {
		t.Fatal(err)
	}
	start := pick(t, "now", []string{"2026-03-02T09:00:00Z", "2026-03-01T23:30:00Z", "2024-02-28T12:00:00Z", "2025-12-29T12:00:00Z", "2026-03-29T00:30:00Z", "2027-02-28T10:00:00Z"})
	now, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	w := world{now: now.Add(time.Duration(between(t, 0, 2000, "ms")) * time.Millisecond), zone: zone}
	if one(t, 4, "scoped") {
		w.scope = Scope{Since: w.drawMoment(t), Enrolment: testEnrolment, Origin: int64(between(t, 0, 5, "origin")), Ever: one(t, 5, "ever")}
	}
	for i := range people {
		w.people = append(w.people, w.drawFacts(t, contacts.ID(i+1)))
	}
	return w
}

// drawMoment is a moment near an edge that conditions can have.
func (w *world) drawMoment(t *rapid.T) time.Time {
	now := w.now
	switch between(t, 0, 4, "moment") {
	case 0: // exactly N days ago, or a millisecond beside it
		edge := now.Add(-time.Duration(pick(t, "days", worldDays)) * 24 * time.Hour)
		return edge.Add(time.Duration(between(t, -1, 1, "beside")) * time.Millisecond)
	case 1:
		return now.Add(time.Duration(between(t, -1, 2, "beside now")) * time.Millisecond)
	case 2: // the beginning of a day, or a millisecond beside it
		date, _ := calendar.ParseDate(pick(t, "date", worldDates))
		return date.At(0, w.zone).Add(time.Duration(between(t, -1, 1, "beside")) * time.Millisecond)
	}
	return now.Add(-time.Duration(between(t, 0, 100*24*60, "minutes")) * time.Minute)
}

func (w *world) drawValue(t *rapid.T, depth int) any {
	switch between(t, 0, 12, "value") {
	case 12: // a date near an edge of in_last, in_next and anniversary_in
		days := pick(t, "days", []int{0, 1, 3, 7, 30, 60}) + between(t, -1, 1, "beside")
		if one(t, 2, "past") {
			days = -days
		}
		date := calendar.Of(w.now, w.zone).AddDays(days)
		date.Year -= pick(t, "years", []int{0, 0, 1, 20})
		if one(t, 3, "instant") {
			return date.At(0, w.zone).Add(time.Duration(between(t, -1, 1, "beside")) * time.Millisecond).Format(time.RFC3339Nano)
		}
		return date.At(0, time.UTC).Format(time.DateOnly) // 29 February of a common year is 1 March
	case 0, 1, 2, 3:
		return pick(t, "text", worldTexts)
	case 4, 5, 6:
		return pick(t, "number", worldNumbers)
	case 7:
		return one(t, 2, "bool")
	case 8, 9:
		list := []any{}
		for range between(t, 0, 4, "items") {
			list = append(list, pick(t, "item", []any{"gravel", "Gravel", "road", "Straße", 5.0, 0.1, 1e300, true, nil, "", "O'Brien", "2026-03-02", []any{"x"}}))
		}
		return list
	case 10:
		if depth > 0 {
			return map[string]any{"city": w.drawValue(t, depth-1), "y": map[string]any{"z": w.drawValue(t, 0)}}
		}
		return ""
	}
	return nil
}

func (w *world) drawValues(t *rapid.T) map[string]any {
	m := map[string]any{}
	for _, path := range append([]string{"address", "x", "x.y"}, worldPaths...) {
		if one(t, 2, "has "+path) {
			m[path] = w.drawValue(t, 2)
			if len(w.people) > 0 && one(t, 2, "as the first") {
				m[path] = w.people[0].Contact.Attributes[path]
			}
		}
	}
	m["email"] = "hidden by the built-in field"
	return m
}

func (w *world) drawFacts(t *rapid.T, id contacts.ID) *contacts.Facts {
	f := &contacts.Facts{Contact: contacts.Contact{
		ID: id, Email: fmt.Sprintf("p%d@example.com", id), Attributes: w.drawValues(t),
		FirstName: pick(t, "first", append([]string{""}, worldTexts...)), Language: pick(t, "language", []string{"", "de", "EN"}),
		CreatedAt: w.drawMoment(t), Seed: rapid.Uint32().Draw(t, "seed"),
		Stage: pick(t, "stage", append([]string{"", "gone"}, worldLadder...)), Health: pick(t, "health", healths),
	}}
	c := &f.Contact
	if one(t, 2, "stage since") {
		c.StageSince = w.drawMoment(t)
	}
	if one(t, 2, "health since") {
		c.HealthSince = w.drawMoment(t)
	}
	for i := range between(t, 0, 10, "events") {
		f.Events = append(f.Events, w.drawEvent(t, f, i))
	}
	order(f.Events)
	for _, topic := range worldTopics {
		if one(t, 2, "consent") {
			f.Consents = append(f.Consents, contacts.Consent{Topic: topic, State: pick(t, "state", []string{"given", "withdrawn", "pending"}), Source: "test", At: w.now})
		}
	}
	for _, campaign := range worldNames {
		for i := range between(t, 0, 2, "enrolments") {
			p := contacts.Participation{Campaign: campaign, Enrolment: int64(c.ID)<<20 + campaignIDs[campaign]<<12 + int64(i)<<10, StartedAt: w.now, State: pick(t, "state", []string{"finished", "exited"})}
			if i == 0 {
				p.State = pick(t, "running", []string{"active", "parked", "finished", "exited", "control"})
			}
			if one(t, 2, "converted") {
				p.ConvertedAt = w.now
			}
			f.Campaigns = append(f.Campaigns, p)
		}
	}
	return f
}

func (w *world) drawEvent(t *rapid.T, f *contacts.Facts, i int) contacts.Event {
	e := contacts.Event{
		ID: int64(f.Contact.ID)*100 - 100 + int64(i) + 1, Contact: f.Contact.ID, At: w.drawMoment(t),
		Key: pick(t, "key", []string{"a", "B", "é", "_"}) + strconv.Itoa(i),
	}
	if one(t, 2, "mail") {
		e.Name = "email." + pick(t, "kind", emailKinds)
		e.Campaign, e.Template = pick(t, "campaign", worldNames), pick(t, "template", worldMails)
		e.Message = pick(t, "message", []int64{testEnrolment, 6 << 10, 8 << 10}) + int64(between(t, 1, 1023, "step"))
		if e.Name == contacts.EventClicked {
			e.Link = pick(t, "link", worldLinks)
		}
		if e.Name == contacts.EventSent { // the message's own row, whose id is unique
			e.Message = e.Message>>10<<10 + e.ID%1000 + 1
			e.Key, e.ID = "sent", 0
			return e
		}
		e.Machine = one(t, 3, "machine")
		return e
	}
	e.Name = pick(t, "name", worldEvents)
	e.Properties = w.drawValues(t)
	if one(t, 2, "total") {
		e.Properties["total"] = pick(t, "total", worldNumbers)
	}
	return e
}

// YAML in flow form; text stands in quotes whose escapes YAML and Go share.

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
	switch between(t, 0, 13, "head") {
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
	}
	return pick(t, "rest", []string{"{segment: inner}", "{segment: missing}", "{score: nps, at_least: 9}", "{tier: gold}"})
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
