package strict

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"rapport/internal/calendar"
)

func parse(t *testing.T, in string) (Map, *Findings) {
	t.Helper()
	f := &Findings{}
	n, ok := Parse("f.yaml", []byte(in), f)
	if !ok {
		t.Fatal(lines(f))
	}
	return n.Map(), f
}

// Each reader on each kind of value: what it gives, or its one finding.
func TestReaders(t *testing.T) {
	text := func(n Node) (any, bool) { return wrap(n.Text()) }
	number := func(n Node) (any, bool) { return wrap(n.Int()) }
	float := func(n Node) (any, bool) { return wrap(n.Number()) }
	boolean := func(n Node) (any, bool) { return wrap(n.Bool()) }
	percent := func(n Node) (any, bool) { return wrap(n.Percent()) }
	name := func(n Node) (any, bool) { return wrap(n.Name()) }
	span := func(n Node) (any, bool) { return wrap(n.Span()) }
	offset := func(n Node) (any, bool) { return wrap(n.Offset()) }
	value := func(n Node) (any, bool) { return n.Value() }
	choice := func(n Node) (any, bool) { return wrap(n.Choice("marketing", "transactional")) }
	texts := func(n Node) (any, bool) { return wrap(n.Strings()) }
	tests := []struct {
		read func(Node) (any, bool)
		in   string
		want any // a finding when it is a string that starts with "!"
	}{
		{text, "hello", "hello"},
		{text, `"5"`, "5"},
		{text, "yes", "yes"},
		{text, "5", `!"k" must be text, but 5 is a number | write "5"`},
		{text, "true", `!"k" must be text, but true is true or false | write "true"`},
		{text, "2026-03-02", `!"k" must be text, but 2026-03-02 is a date | write "2026-03-02"`},
		{text, "01234", `!01234 starts with a zero: put it in quotes if it is text, leave the zero out if it is a number`},
		{text, "", `!"k" is empty; it must be text`},
		{text, `" "`, `!"k" must not be empty`},
		{text, "[a]", `!"k" must be text, but is a list`},
		{text, "{ a: b }", `!"k" must be text, but is a map`},
		{number, "5", int64(5)},
		{number, "-3", int64(-3)},
		{number, `"5"`, `!"k" must be a whole number, but "5" is text | leave the quotes out`},
		{number, "5.5", `!"k" must be a whole number, but 5.5 is a number`},
		{number, "five", `!"k" must be a whole number, but five is text`},
		{number, "0x1F", `!0x1F can be read in two ways: put it in quotes if it is text, write plain digits if it is a number`},
		{number, "1_000", `!1_000 can be read in two ways: put it in quotes if it is text, write plain digits if it is a number`},
		{number, "99999999999999999999", `!99999999999999999999 is too large for a number; put it in quotes if it is text`},
		{float, "0.5", 0.5},
		{float, "3", 3.0},
		{float, "1e3", 1000.0},
		{float, ".inf", `!.inf can be read in two ways: put it in quotes if it is text, write plain digits if it is a number`},
		{float, "half", `!"k" must be a number, but half is text`},
		{boolean, "true", true},
		{boolean, "yes", `!"k" must be true or false, not yes | write true`},
		{boolean, "Off", `!"k" must be true or false, not Off | write false`},
		{boolean, "1", `!"k" must be true or false, not 1`},
		{percent, "10%", 0.1},
		{percent, "0.1%", 0.001},
		{percent, `"5 %"`, 0.05},
		{percent, "10", `!"k" must be a percentage, as in 10%, not 10 | write 10%`},
		{percent, "110%", `!"k" must be from 0% to 100%, not 110%`},
		{percent, "-1%", `!"k" must be from 0% to 100%, not -1%`},
		{percent, "ten%", `!"k" must be a percentage, as in 10%, not ten%`},
		{name, "guide-fit", "guide-fit"},
		{name, "404", "404"},
		{name, "Guide Fit", `!a name is lower-case letters and digits with dashes between, not Guide Fit | write guide-fit`},
		{name, "guide_fit", `!a name is lower-case letters and digits with dashes between, not guide_fit | write guide-fit`},
		{name, `""`, `!"k" must not be empty`},
		{name, strings.Repeat("a", 65), `!a name has at most 64 characters, ` + strings.Repeat("a", 59) + `… has more`},
		{span, "3d", calendar.Span{Days: 3}},
		{span, `"2w"`, calendar.Span{Days: 14}},
		{span, "3", `!"3" is not a length of time: write a whole number and m, h, d or w, as in 30m, 12h, 3d or 2w`},
		{span, "3 days", `!"3 days" is not a length of time: write a whole number and m, h, d or w, as in 30m, 12h, 3d or 2w`},
		{span, "0d", `!"k" must be longer than nothing`},
		{span, "-1d", `!"k" must not be negative`},
		{span, "[3d]", `!"k" must be a length of time, as in 30m, 12h, 3d or 2w, but is a list`},
		{offset, "-14d", calendar.Span{Days: -14}},
		{offset, "0h", calendar.Span{}},
		{value, "5", int64(5)},
		{value, "0.5", 0.5},
		{value, "no", "no"},
		{value, "NO", "NO"},
		{value, "true", true},
		{value, "2026-03-02", calendar.Date{Year: 2026, Month: 3, Day: 2}},
		{value, `"2026-03-02"`, "2026-03-02"},
		{value, "50%", "50%"},
		{value, "[a, 1]", []any{"a", int64(1)}},
		{value, "[[a]]", `!a list inside a list is not a value`},
		{value, "07", `!07 starts with a zero: put it in quotes if it is text, leave the zero out if it is a number`},
		{choice, "marketing", "marketing"},
		{choice, "marketting", `!"k" must be one of marketing or transactional, not marketting | did you mean "marketing"?`},
		{choice, "1", `!"k" must be one of marketing or transactional, not 1`},
		{texts, "[a, b]", []string{"a", "b"}},
		{texts, "[]", []string{}},
		{texts, "a", `!"k" must be a list, but a is text | write [ a ]`},
		{texts, "[a, 1]", `!"k" must be text, but 1 is a number | write "1"`},
		{func(n Node) (any, bool) { return wrap(n.Duration()) }, "2d", 48 * time.Hour},
		{func(n Node) (any, bool) { return wrap(n.TimeOfDay()) }, `"09:00"`, calendar.TimeOfDay(540)},
		{func(n Node) (any, bool) { return wrap(n.TimeOfDay()) }, "21:30", calendar.TimeOfDay(1290)},
		{func(n Node) (any, bool) { return wrap(n.TimeOfDay()) }, "9", `!"9" is not a time of day: write hours and minutes, as in "09:00" or "18:30"`},
		{func(n Node) (any, bool) { return wrap(n.Date()) }, "2026-03-02", calendar.Date{Year: 2026, Month: 3, Day: 2}},
		{func(n Node) (any, bool) { return wrap(n.Date()) }, "2026-02-30", `!"2026-02-30" is not a date: there is no such day`},
		{func(n Node) (any, bool) { return wrap(n.DateTime()) }, "2026-12-01 09:00", calendar.DateTime{Date: calendar.Date{Year: 2026, Month: 12, Day: 1}, TimeOfDay: 540}},
		{func(n Node) (any, bool) { return wrap(n.Zone()) }, "Europe/Berlin", "Europe/Berlin"},
		{func(n Node) (any, bool) { return wrap(n.Zone()) }, "contact", "contact"},
		{func(n Node) (any, bool) { return wrap(n.Zone()) }, "Berlin", `!"Berlin" is not a time zone: write an IANA name, as in Europe/Berlin or America/New_York`},
		{func(n Node) (any, bool) { return wrap(n.Weekdays()) }, "MON-FRI", calendar.Weekdays(0b0111110)},
	}
	for _, tt := range tests {
		m, f := parse(t, "k: "+tt.in+"\n")
		got, ok := tt.read(m.Get("k"))
		message, fails := tt.want.(string)
		if message, fails = strings.CutPrefix(message, "!"); fails {
			if _, says, _ := strings.Cut(lines(f), ": "); ok || says != message {
				t.Errorf("%s: got %v, %q, want the finding %q", tt.in, got, says, message)
			}
			continue
		}
		if !ok || !reflect.DeepEqual(got, tt.want) || len(f.All()) > 0 {
			t.Errorf("%s: got %#v %v, want %#v; %s", tt.in, got, ok, tt.want, lines(f))
		}
	}
}

func wrap[T any](v T, ok bool) (any, bool) { return v, ok }

func TestAbsentNodesSayNothing(t *testing.T) {
	m, f := parse(t, "a: 1\n")
	for _, n := range []Node{{}, m.Get("b"), (Map{}).Get("a"), (Map{}).Require("a"), m.Get("b").Map("c").Require("d")} {
		n.Text()
		n.Int()
		n.Span()
		n.Value()
		n.Strings()
		n.Zone()
		n.Name()
		n.Errorf("x", "y")
		n.Warnf("x", "y", "z")
		if n.Present() || n.IsMap() || n.IsList() || n.IsNull() || len(n.List()) > 0 || n.Map().OK() || n.Line() != 0 || n.File() != "" {
			t.Errorf("an absent node is there: %+v", n)
		}
	}
	(Map{}).ExactlyOne("a", "b")
	if len(f.All()) > 0 {
		t.Error(lines(f))
	}
}

// Rule 29: one mistake, one finding; a misspelt key counts as the key meant.
func TestRule29MisspeltKeys(t *testing.T) {
	f := &Findings{}
	n, _ := Parse("f.yaml", []byte("purpsoe: acquire\nTopic: guides\nsteps: []\nsteps_: 1\nzzz: 1\n"), f)
	m := n.Map("purpose", "topic", "steps")
	purpose, _ := m.Require("purpose").Text()
	topic, _ := m.Require("topic").Text()
	if purpose != "acquire" || topic != "guides" || !m.Has("purpose") || m.Has("purpsoe") {
		t.Errorf("purpose %q, topic %q", purpose, topic)
	}
	want := `1:1: unknown key "purpsoe" | did you mean "purpose"?
2:1: unknown key "Topic" | did you mean "topic"?
4:1: unknown key "steps_" | known here: purpose, topic, steps
5:1: unknown key "zzz" | known here: purpose, topic, steps`
	if got := lines(f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMapChoices(t *testing.T) {
	m, f := parse(t, "start:\n  once: 2026-12-01 09:00\n  schedule: x\nempty: {}\nlist: [1]\nnull_:\n")
	if key, _ := m.Get("start").Map().ExactlyOne("schedule", "once", "event"); key != "" {
		t.Errorf("chose %q", key)
	}
	m.Get("empty").Map().ExactlyOne("schedule", "once", "event")
	if key, n := m.Get("empty").Map().AtMostOne("a", "b"); key != "" || n.Present() {
		t.Errorf("chose %q", key)
	}
	m.Get("list").Map("a")
	m.Get("null_").Map("a")
	m.Require("gone")
	want := `1:1: "gone" is missing
3:3: "once" and "schedule" exclude each other
4:8: one of these keys is missing: schedule, once or event
5:7: "list" must be a map (key: value), but is a list | leave out the dashes or brackets, and write name: value
6:7: "null_" is empty; it must be a map (key: value)`
	if got := lines(f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"HOST": "smtp.example.net", "PORT": "587", "PASSWORD": "hunter2", "EMPTY": ""}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	f := &Findings{}
	n, _ := Parse("rapport.yaml", []byte(`host: ${HOST}
port: ${PORT}
quoted: "${PORT}"
url: https://${HOST}/x
gone: ${GONE}
half: a-${GONE}-b
empty: ${EMPTY}
odd: ${not a name}
wrong: ${PASSWORD}
rate: ${PASSWORD}
keys: [ "${HOST}", "${GONE}" ]
plain: $HOST
`), f)
	unset := n.Expand(lookup)
	m := n.Map()
	for key, want := range map[string]string{"host": "smtp.example.net", "url": "https://smtp.example.net/x", "plain": "$HOST", "wrong": "hunter2"} {
		if got, _ := m.Get(key).Text(); got != want {
			t.Errorf("%s is %q", key, got)
		}
	}
	for _, key := range []string{"port", "quoted"} {
		if got, ok := m.Get(key).Int(); !ok || got != 587 {
			t.Errorf("%s is %d", key, got)
		}
	}
	for _, key := range []string{"gone", "half", "empty", "odd"} {
		if m.Require(key).Present() || !m.Has(key) {
			t.Errorf("%s is there", key)
		}
	}
	if keys, ok := m.Get("keys").Strings(); !ok || len(keys) != 1 {
		t.Errorf("keys are %v", keys)
	}
	m.Get("wrong").Int()
	m.Get("rate").Span()
	var names []string
	for _, u := range unset {
		names = append(names, u.Name+" "+u.Path)
	}
	if got := strings.Join(names, ", "); got != "GONE gone, GONE half, EMPTY empty, GONE keys" {
		t.Errorf("unset: %s", got)
	}
	want := `8:6: "not a name" is not the name of an environment variable | write ${NAME}, with letters, digits and _
9:8: "wrong" must be a whole number, but "${PASSWORD}" is text
10:7: "rate" must be a length of time, as in 30m, 12h, 3d or 2w; "${PASSWORD}" is not`
	if got := lines(f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, x := range f.All() {
		if strings.Contains(Render(x, false), "hunter2") {
			t.Error("a finding shows the value of a variable")
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"purpose", "priority", "topic", "steps", "in_last", "in_next", "guide-fit", "is"}
	for word, want := range map[string]string{
		"purpsoe": "purpose", "PURPOSE": "purpose", "inlast": "in_last", "in-next": "in_next", "guide_fit": "guide-fit",
		"step": "steps", "stpes": "steps", "si": "is", "x": "", "": "", "campaign": "", "topics": "topic", "purpose": "",
		strings.Repeat("p", 500): "",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestRender(t *testing.T) {
	f := Finding{File: "campaigns/a.yaml", Line: 4, Column: 3, Message: `unknown key "purpsoe"`, Hint: `did you mean "purpose"?`, Source: "\t purpsoe: x"}
	want := "campaigns/a.yaml:4:3: unknown key \"purpsoe\"\n    \t purpsoe: x\n    \t ^\n  did you mean \"purpose\"?\n"
	if got := Render(f, false); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	f = Finding{File: "a.yaml", Line: 1, Column: 5, Message: "m", Source: "日本: x\x1b[31m", Warning: true}
	if got, want := Render(f, false), "a.yaml:1:5: warning: m\n    日本: x\uFFFD[31m\n          ^\n"; got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	f = Finding{File: "a.yaml", Line: 1, Column: 301, Message: "m", Source: strings.Repeat("x", 300) + "!" + strings.Repeat("y", 300)}
	got := strings.Split(Render(f, false), "\n")
	if at := strings.IndexByte(got[2], '^'); []rune(got[1])[at] != '!' {
		t.Errorf("the caret misses:\n%s\n%s", got[1], got[2])
	}
	if coloured := Render(f, true); !strings.Contains(coloured, "\x1b[1;31m") {
		t.Error("no colour")
	}
}

func TestFindingsAreOrdered(t *testing.T) {
	var f Findings
	for _, x := range []Finding{
		{File: "b", Line: 1, Column: 1, Message: "5"}, {File: "a", Line: 2, Column: 1, Message: "4"}, {File: "a", Line: 1, Column: 9, Message: "3"},
		{File: "a", Line: 1, Column: 2, Message: "1"}, {File: "a", Line: 1, Column: 2, Message: "2", Warning: true}, {File: "a", Line: 1, Column: 2, Message: "1"},
	} {
		f.Add(x)
	}
	got := ""
	for _, x := range f.All() {
		got += x.Message
	}
	if got != "12345" || f.Errors() != 4 {
		t.Errorf("order %s, %d errors", got, f.Errors())
	}
}

func TestKeysAreHeard(t *testing.T) {
	f := &Findings{}
	var heard []string
	f.Keys = func(_, path string, keys []string) { heard = append(heard, path+"="+strings.Join(keys, ",")) }
	n, _ := Parse("f.yaml", []byte("limits: { per_contact: [ { maxx: 1 } ] }\n"), f)
	n.Map("limits").Get("limits").Map("per_contact").Get("per_contact").List()[0].Map("max", "per")
	if got := strings.Join(heard, " "); got != "=limits .limits=per_contact .limits.per_contact[]=max,per" {
		t.Error(got)
	}
}
