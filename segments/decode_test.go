package segments

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// northwind is what the example workspace of the language declares.
func northwind() *Env {
	return &Env{
		Segments: []string{"vips", "lapsing-clients"}, Stages: []string{"stranger", "prospect", "customer", "client"},
		Topics: []string{"guides", "offers"}, Campaigns: []string{"welcome"}, Templates: []string{"guide-fit", "welcome"},
		Attributes: map[string]string{"zip": "text", "likes": "list", "renewal_date": "date", "age": "number", "vip": "bool", "address.city": "text"},
		Events:     map[string]map[string]string{"order.placed": {"total": "number", "sku": "text", "due": "date"}, "review.written": nil},
		Scores:     []string{"engagement"}, Tiers: []string{"silver", "gold"}, Zone: time.UTC,
	}
}

// findings decodes a condition and gives line:column: message (hint) of all that
// is wrong with it.
func findings(text string, env *Env) []string {
	var f strict.Findings
	if n, ok := strict.Parse("x.yaml", []byte(text), &f); ok {
		Decode(n, env)
	}
	return listed(&f)
}

func listed(f *strict.Findings) []string {
	list := []string{}
	for _, x := range f.All() {
		line := fmt.Sprintf("%d:%d %s: %s", x.Line, x.Column, x.Code, x.Message)
		if x.Hint != "" {
			line += " (" + x.Hint + ")"
		}
		list = append(list, line)
	}
	return list
}

func TestFindings(t *testing.T) {
	legal := func(typ string) string { return "it takes " + joined(operatorsOf(typ)) }
	for text, want := range map[string]string{
		// heads
		"{}":                                   "1:1 no-head: this condition asks nothing (write one of attribute, event, email, stage, health, score, tier, consent, segment, campaign, sample, all, any or not)",
		"{colour: red}":                        "1:1 no-head: this condition asks nothing (write one of attribute, event, email, stage, health, score, tier, consent, segment, campaign, sample, all, any or not)",
		"[]":                                   "1:1 no-head: the list of conditions is empty (as in [ { event: order.placed } ])",
		"client":                               "1:1 wrong-type: a condition is a map with one head (attribute, event, email, stage, health, score, tier, consent, segment, campaign or sample) or a list of conditions (as in { event: order.placed })",
		"{atribute: zip, is: x}":               `1:2 unknown-key: unknown key "atribute" (did you mean "attribute"?)`,
		"{evnt: order.placed, in_last: 3d}":    `1:2 unknown-key: unknown key "evnt" (did you mean "event"?)`,
		"{stage: client, event: order.placed}": "1:17 two-heads: a condition asks one thing; stage and event stand in one map (make them two items of a list, or of all: or any:)",
		"{any: [{stage: client}], stage: client}": "1:26 two-heads: a condition asks one thing; any and stage stand in one map (make them two items of a list, or of all: or any:)",
		"{tier: silver, is: {at_least: gold}}":    "1:16 unknown-key: is goes into tier, and not beside it (write tier: { at_least: silver })",
		"{tier: silver, at_least: gold}":          "1:16 unknown-key: at_least goes into tier, and not beside it (write tier: { at_least: silver })",
		"{stage: client, at_most: client}":        "1:17 unknown-key: at_most goes into stage, and not beside it (write stage: { at_most: client })",
		"{stage: client, in: [client, customer]}": "1:17 unknown-key: in goes into stage, and not beside it (write stage: { in: [client] })",
		"{health: lapsed, is: true, for: 3d}":     "1:18 unknown-key: is goes into health, and not beside it (write health: { is: lapsed })",
		"{tier: silver, at_most: gold}":           `1:16 unknown-key: unknown key "at_most" (known here: tier)`,
		"{event: order.placed, in_lst: 3d}":       `1:23 unknown-key: unknown key "in_lst" (did you mean "in_last"?)`,
		"{not: }":                                 `1:7 wrong-type: "not" is empty; it must be a condition`,
		"{all: [{stage: client}, ]}":              "",
		"{all: 3}":                                `1:7 wrong-type: "all" must be a list, but 3 is a number`,
		strings.Repeat("{not: ", 21) + "{stage: client}" + strings.Repeat("}", 21): "1:121 too-many: conditions are nested more than 20 deep (give a part a name as a segment)",

		// names
		"{attribute: zpi, is: x}":                 `1:13 unknown-name: there is no attribute "zpi"; rapport.yaml declares what there is (did you mean "zip"?)`,
		"{attribute: adress.city, is: x}":         `1:13 unknown-name: there is no attribute "adress.city"; rapport.yaml declares what there is (did you mean "address.city"?)`,
		"{event: order.place}":                    `1:9 unknown-name: there is no event "order.place"; rapport.yaml declares what there is (did you mean "order.placed"?)`,
		"{event: email.clicked}":                  "1:9 wrong-operator: e-mails are asked for with email:, so that machines do not count (write email: clicked)",
		"{event: consent.given}":                  "1:9 wrong-operator: consents are asked for with consent: (write consent: and the topic)",
		"{event: order.placed, where: {totl: 3}}": `1:31 unknown-name: order.placed has no property "totl"; rapport.yaml declares what there is (did you mean "total"?)`,
		"{stage: custmer}":                        `1:9 unknown-name: there is no stage "custmer" (did you mean "customer"?)`,
		"{stage: {at_leat: client}}":              `1:10 unknown-key: unknown key "at_leat" (did you mean "at_least"?)`,
		"{stage: {is: client, in: [client]}}":     `1:22 bad-value: "is" and "in" exclude each other`,
		"{health: lapsd}":                         `1:10 unknown-name: there is no health "lapsd" (did you mean "lapsed"?)`,
		"{consent: guide}":                        `1:11 unknown-name: there is no topic "guide" (did you mean "guides"?)`,
		"{consent: guides, is: yes}":              `1:23 bad-value: "is" must be one of given, withdrawn, pending or none, not yes`,
		"{segment: vip}":                          `1:11 unknown-name: there is no segment "vip" (did you mean "vips"?)`,
		"{campaign: welcom, is: in}":              `1:12 unknown-name: there is no campaign "welcom" (did you mean "welcome"?)`,
		"{campaign: welcome}":                     "1:12 missing-key: what about the campaign welcome? (add is: in, finished, converted or never)",
		"{email: clickd}":                         `1:9 bad-value: "email" must be one of sent, delivered, opened, clicked, replied, bounced or complained, not clickd (did you mean "clicked"?)`,
		"{email: opened, link: https://x}":        "1:17 wrong-operator: link: goes with clicked, not with opened (ask for email: clicked)",
		"{email: opened, template: guid-fit}":     `1:27 unknown-name: there is no template "guid-fit" (did you mean "guide-fit"?)`,
		"{score: engagment, above: 3}":            "1:9 unknown-name: there is no score \"engagment\" (did you mean \"engagement\"?)",
		"{event: survey.answered}":                "",
		"{score: p_alive, below: 50%}":            "",
		"{score: p_alive, below: 50}":             "1:25 bad-value: p_alive goes from 0% to 100%, or from 0 to 1",
		"{score: rfm, at_least: 4}":               "1:24 bad-value: rfm has three digits from 1 to 5, as in 543",
		"{score: rfm, between: [411, 455]}":       "",
		"{score: nps, above: 8, below: 7}":        "1:9 always-same: the score nps above 8 below 7 can never be",
		"{score: nps, at_least: 9, below: 9}":     "1:9 always-same: the score nps at_least 9 below 9 can never be",
		"{score: points, above: 1e13}":            "1:24 bad-value: a score is compared with at most 1000000000000",
		"{score: nps}":                            "1:9 no-head: nothing is asked of the score nps (add above, at_least, below, at_most or between)",
		"{tier: golden}":                          "1:8 unknown-name: there is no tier \"golden\" (did you mean \"gold\"?)",

		// operators and types
		"{attribute: zip}":                                "1:13 no-head: nothing is asked of zip (add an operator, such as is:, or exists: true)",
		"{attribute: zip, above: 3}":                      "1:18 wrong-operator: above does not go with zip, which is text (" + legal("text") + ")",
		"{attribute: likes, is: gravel}":                  "1:20 wrong-operator: is does not go with likes, which is a list (" + legal("list") + ")",
		"{attribute: renewal_date, above: 2026-01-01}":    "1:27 wrong-operator: above does not go with renewal_date, which is a date (" + legal("date") + ")",
		"{attribute: age, has: 3}":                        "1:18 wrong-operator: has does not go with age, which is a number (" + legal("number") + ")",
		"{attribute: created_at, contains: x}":            "1:25 wrong-operator: contains does not go with created_at, which is a date (" + legal("date") + ")",
		"{attribute: zip, is: 20457}":                     `1:22 wrong-type: zip is text, but 20457 is a number (write "20457")`,
		`{attribute: age, is: "41"}`:                      "1:22 wrong-type: age is a number, but 41 is text (leave the quotes out)",
		"{attribute: age, is: old}":                       "1:22 wrong-type: age is a number, but old is text",
		`{attribute: renewal_date, is: soon}`:             "1:31 bad-value: renewal_date is a date; \"soon\" is not a date: write year, month and day, as in 2026-03-02",
		"{attribute: zip, in: []}":                        `1:22 always-same: "in" is an empty list`,
		"{attribute: zip, is: [a]}":                       `1:22 wrong-type: "is" must be one value (use in: for one of several values)`,
		"{attribute: zip, is: }":                          `1:22 wrong-type: "is" is empty (ask for what is missing with exists: false)`,
		`{attribute: zip, is: ""}`:                        `1:22 bad-value: "is" is empty text, which counts as missing (ask for what is missing with exists: false)`,
		"{attribute: zip, exists: yes}":                   `1:26 wrong-type: "exists" must be true or false, not yes (write true)`,
		"{attribute: age, between: [3]}":                  "1:27 bad-value: between takes two values, the least and the greatest, not 1 (as in between: [18, 30])",
		"{attribute: age, between: [30, 18]}":             "1:27 always-same: nothing lies between 30 and 18 (write the smaller one first)",
		"{attribute: renewal_date, before: 60d}":          "1:35 bad-value: 60d is not a date, and could be meant both ways (write -60d for the past and +60d for the future)",
		"{attribute: renewal_date, in_last: 12h}":         "1:36 bad-value: dates have no hours (write whole days, as in 7d)",
		"{attribute: renewal_date, in_next: 0d}":          `1:36 bad-value: "in_next" must be longer than nothing`,
		"{attribute: renewal_date, anniversary_in: 365d}": "1:43 always-same: every day has its anniversary within 365d",
		`{attribute: 'a"b', is: x}`:                       "1:13 bad-value: a field must not contain quotes, backslashes or control characters",
		"{attribute: zip, matches: 'a(?=b)'}":             "1:27 bad-pattern: \"a(?=b)\": groups with (? are outside the portable subset; upper and lower case are one anyway",
		"{attribute: zip, matches: '[a-'}":                `1:27 bad-pattern: "[a-": missing closing ]: [a-`,
		`{attribute: zip, matches: '\bx'}`:                `1:27 bad-pattern: "\\bx": \b and \B are outside the portable subset`,
		`{attribute: zip, matches: '\pL'}`:                `1:27 bad-pattern: "\\pL": \p is outside the portable subset; write the characters out as a class`,
		"{attribute: zip, matches: 'a{300}'}":             `1:27 bad-pattern: "a{300}": a repetition of more than 255 times is outside the portable subset`,
		"{attribute: zip, matches: '((a{50}){50}){50}'}":  `1:27 bad-pattern: "((a{50}){50}){50}": invalid repeat count: {50}`,
		"{attribute: zip, matches: '(abcdefghij){250}'}":  `1:27 bad-pattern: "(abcdefghij){250}": its repetitions make it too large`,
		"{attribute: zip, matches: '^*'}":                 `1:27 bad-pattern: "^*": a repetition of nothing is outside the portable subset`,

		// windows, counts and sums
		"{event: order.placed, in_last: 0d}":                           `1:32 bad-value: "in_last" must be longer than nothing`,
		"{event: order.placed, count: 2}":                              "1:30 wrong-type: count must be a map of operators (write count: { at_least: 2 })",
		"{event: order.placed, count: {}}":                             `1:30 no-head: "count" asks nothing (as in { at_least: 2 })`,
		"{event: order.placed, count: {at_least: 0}}":                  `1:30 always-same: "count" is always at_least 0`,
		"{event: order.placed, count: {below: 0}}":                     `1:30 always-same: "count" can never be below 0`,
		"{event: order.placed, count: {at_least: 1.5}}":                "1:41 bad-value: a count is a whole number, not 1.5",
		"{event: order.placed, sum: {above: 3}}":                       `1:28 missing-key: "of" is missing`,
		"{event: order.placed, sum: {of: sku, above: 3}}":              "1:33 wrong-operator: sku is text and cannot be summed",
		"{event: order.placed, sum: {of: total}}":                      `1:28 no-head: "sum" asks nothing (as in { at_least: 2 })`,
		"{event: order.placed, sum: {of: total, above: 2e12}}":         "1:47 bad-value: a sum is compared with at most 1000000000000",
		"{event: order.placed, pick: first, count: {at_least: 2}}":     "1:36 wrong-operator: pick chooses one event, so there is no count (leave one of the two out)",
		"{event: order.placed, since: 2026-02-01, before: 2026-01-01}": "1:50 always-same: nothing happened since 2026-02-01 00:00 and before 2026-01-01 00:00",
		"{event: order.placed, where: {}}":                             "1:30 no-head: where asks nothing (as in where: { total: { above: 50 } })",
		"{event: order.placed, where: {total: [3]}}":                   `1:38 wrong-type: "total" must be one value, or operators (write { in: [ … ] } for one of several values)`,
		"{event: order.placed, where: {total: {abov: 3}}}":             `1:39 unknown-key: unknown key "abov" (did you mean "above"?)`,
		"{event: order.placed, where: {total: {contains: x}}}":         "1:39 wrong-operator: contains does not go with total, which is a number (" + legal("number") + ")",
		"{sample: 10}":             `1:10 wrong-type: "sample" must be a percentage, as in 10%, not 10 (write 10%)`,
		"{sample: 0%}":             "1:10 always-same: a sample of 0% is empty",
		"{stage: client, for: 0d}": `1:22 bad-value: "for" must be longer than nothing`,
	} {
		if want == "" {
			continue
		}
		if diff := cmp.Diff(strings.Split(want, "\n"), findings(text, northwind())); diff != "" {
			t.Errorf("%s\n-want +got\n%s", text, diff)
		}
	}
}

func TestFindingsOfAllPartsComeTogether(t *testing.T) {
	text := "all:\n  - stage: clint\n  - event: order.placed\n    count: { at_least: two }\n  - any:\n      - attribute: zip\n        above: 3\n      - consnt: guides\n"
	want := []string{
		`2:12 unknown-name: there is no stage "clint" (did you mean "client"?)`,
		`4:24 wrong-type: "at_least" is a number, but two is text`,
		"7:9 wrong-operator: above does not go with zip, which is text (it takes " + joined(operatorsOf("text")) + ")",
		`8:9 unknown-key: unknown key "consnt" (did you mean "consent"?)`,
	}
	if diff := cmp.Diff(want, findings(text, northwind())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func decodeSegments(t *testing.T, files map[string]string) (Set, []string) {
	t.Helper()
	var f strict.Findings
	set := Set{}
	env := &Env{Zone: time.UTC}
	for name := range files {
		env.Segments = append(env.Segments, name)
	}
	for name, text := range files {
		n, ok := strict.Parse("segments/"+name+".yaml", []byte(text), &f)
		if !ok {
			continue
		}
		if s, ok := DecodeSegment(n, "segments/"+name+".yaml", env); ok {
			set[s.Name] = s
		}
	}
	set.Check()
	var list []string
	for _, x := range f.All() {
		list = append(list, fmt.Sprintf("%s:%d:%d: %s", x.File, x.Line, x.Column, x.Message))
	}
	return set, list
}

func TestCirclesBetweenSegmentsAreNamed(t *testing.T) {
	_, got := decodeSegments(t, map[string]string{
		"a": "segment: a\nwhere: { segment: b }\n",
		"b": "segment: b\nwhere:\n  - not: { any: [ { segment: c } ] }\n",
		"c": "segment: c\nwhere: { segment: a }\n",
		"d": "segment: d\nwhere: { segment: d }\n",
		"e": "segment: e\nwhere: { segment: a }\n",
	})
	want := []string{
		"segments/c.yaml:2:8: segments refer to each other in a circle: a → b → c → a",
		"segments/d.yaml:2:8: segments refer to each other in a circle: d → d",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSegmentsThatGrowWithoutMeasureAreFound(t *testing.T) {
	files := map[string]string{"s00": "segment: s00\nwhere: { sample: 10% }\n"}
	for i := 1; i <= 20; i++ {
		files[fmt.Sprintf("s%02d", i)] = fmt.Sprintf("segment: s%02d\nwhere: [ { segment: s%02d }, { segment: s%02d } ]\n", i, i-1, i-1)
	}
	_, got := decodeSegments(t, files)
	if len(got) != 1 || got[0] != "segments/s11.yaml:2:8: with all that it refers to, segment s11 has 6142 parts; at most 5000 are allowed" {
		t.Errorf("%q", got)
	}
}

func TestACircleThatWasNeverCheckedEnds(t *testing.T) {
	set := Set{}
	set["a"] = &Segment{Name: "a", Where: parse(t, "{any: [{segment: a}, {segment: a}, {segment: b}]}")}
	set["b"] = &Segment{Name: "b", Where: parse(t, "{any: [{segment: a}, {segment: b}, {segment: a}]}")}
	q := &Question{Facts: &contacts.Facts{}, Segments: set}
	if set["a"].Where.Match(q) || !set["a"].Where.NextChange(q).IsZero() {
		t.Error("a circle holds")
	}
	set["a"].Where.Explain(q)
	set["a"].Where.SQL(&SQL{Segments: set})
}

func TestSegmentFiles(t *testing.T) {
	set, got := decodeSegments(t, map[string]string{
		"good":      "segment: good\ndescription: Fine\nwhere: { sample: 10% }\n",
		"misnamed":  "segment: other\nwhere: { sample: 10% }\n",
		"empty":     "segment: empty\nwhere:\n",
		"no-where":  "segment: no-where\n",
		"with-ever": "segment: with-ever\nwhere: { event: x, ever: true }\n",
	})
	want := []string{
		`segments/empty.yaml:2:7: "where" is empty; it must be a condition`,
		"segments/misnamed.yaml:1:10: the segment other stands in a file called misnamed",
		`segments/no-where.yaml:1:1: "where" is missing`,
		"segments/with-ever.yaml:2:20: a segment sees everything anyway",
	}
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], "; ever")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if set["good"].Description != "Fine" {
		t.Errorf("%+v", set["good"])
	}
}

func TestPartsOfOtherMaps(t *testing.T) {
	var f strict.Findings
	n, _ := strict.Parse("x.yaml", []byte("{email: clicked, template: guide-fit, up_to: 4d, evr: true}"), &f)
	c, ok := DecodePart(n, northwind(), "up_to")
	if !ok || c.String() != "email clicked template guide-fit" {
		t.Errorf("%v %v", c, ok)
	}
	if diff := cmp.Diff([]string{`1:50 unknown-key: unknown key "evr" (did you mean "ever"?)`}, listed(&f)); diff != "" {
		t.Error(diff)
	}
}

func TestString(t *testing.T) {
	for text, want := range map[string]string{
		"{event: order.placed}":                                                 "event order.placed",
		"{stage: {at_least: customer}}":                                         "stage at_least customer",
		"{stage: client, for: 30d}":                                             "stage client for 30d",
		"{email: replied}":                                                      "email replied",
		"{not: {event: order.placed, in_last: 60d}}":                            "not event order.placed in_last 60d",
		"{not: [{consent: guides}, {segment: vips}]}":                           "not (consent guides and segment vips)",
		"{any: [{stage: client}, [{sample: 10%}, {health: lost}]]}":             "stage client or (sample 10% and health lost)",
		"{event: order.placed, count: {at_least: 2}, in_last: 365d}":            "event order.placed count at_least 2 in_last 365d",
		"{event: order.placed, where: {total: {above: 50}}, since: 2026-01-01}": "event order.placed where total above 50 since 2026-01-01",
		"{attribute: zip, in: [a, b]}":                                          "zip in a, b",
		"{campaign: welcome, is: never}":                                        "campaign welcome is never",
		"{score: nps, at_least: 9}":                                             "score nps at_least 9",
	} {
		if got := parse(t, text).String(); got != want {
			t.Errorf("%s: %q; want %q", text, got, want)
		}
	}
}

func TestUses(t *testing.T) {
	c := parse(t, `[{event: b, in_last: 3d}, {event: a}, {not: {event: a}}, {email: clicked, campaign: welcome, template: t},
  {attribute: stage, is: x}, {attribute: zip, is: x}, {segment: vips}, {consent: guides}, {score: nps, above: 3}, {tier: gold}, {sample: 10%}, {health: lost}]`)
	want := Uses{Events: []string{"a", "b"}, Emails: []string{"clicked"}, Attributes: []string{"stage", "zip"}, Segments: []string{"vips"}, Topics: []string{"guides"},
		Campaigns: []string{"welcome"}, Templates: []string{"t"}, Scores: []string{"nps"}, Bounds: []ScoreBound{{"nps", 3*contacts.Million + 1}}, Stage: true, Health: true, Tier: true, Sample: true, Time: true}
	if diff := cmp.Diff(want, c.Uses()); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"{event: order.placed, count: {at_least: 2}, sum: {of: total, above: 3}, where: {total: {above: 50}}}",
		"- stage: { at_least: client }\n- not: { event: order.placed, in_last: 60d }\n- any: [ { attribute: country, in: [DE, AT] }, { segment: vips } ]\n",
		"{attribute: x, matches: '^(a|b)*c{2,3}[^d-f]$'}", "{email: clicked, campaign: welcome, link: x}", "{sample: 10%, salt: 3}",
		"{attribute: x, between: [1, 2], before: -60d, anniversary_in: 7d, has_all: [1, true, x]}", "{score: nps, between: [1, 10%]}", "{tier: {at_least: gold}}",
	} {
		f.Add(seed)
	}
	facts := &contacts.Facts{Contact: contacts.Contact{Email: "a@b.cd", Attributes: map[string]any{"x": "abcc"}}, Events: []contacts.Event{{Name: "order.placed"}}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, env := range []*Env{nil, northwind()} {
			var found strict.Findings
			n, ok := strict.Parse("x.yaml", []byte(text), &found)
			if !ok {
				return
			}
			c, ok := Decode(n, env)
			if !ok {
				if found.Errors() == 0 {
					t.Fatal("refused without a finding")
				}
				continue
			}
			q := &Question{Facts: facts, Now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
			if e := c.Explain(q); e.Held != c.Match(q) {
				t.Fatalf("%s", c)
			}
			c.NextChange(q)
			c.Uses()
			c.SQL(&SQL{Dialect: Postgres, Now: q.Now})
			c.SQL(&SQL{Dialect: SQLite, Now: q.Now})
		}
	})
}

func TestRule21DeclaredNamesAreTheOnlyOnes(t *testing.T) {
	env := &Env{Attributes: map[string]string{"country": "text", "visits": "number"}, Events: map[string]map[string]string{"order.placed": {"total": "number"}}}
	for text, want := range map[string]string{
		`{ attribute: contry, is: DE }`:                           `did you mean "country"?`,
		`{ event: order.plced }`:                                  `did you mean "order.placed"?`,
		`{ event: order.placed, where: { totl: { above: 5 } } }`:  `did you mean "total"?`,
		`{ attribute: country, is: DE }`:                          "",
		`{ event: order.placed, where: { total: { above: 5 } } }`: "",
	} {
		var f strict.Findings
		n, _ := strict.Parse("segments/a.yaml", []byte(text), &f)
		Decode(n, env)
		switch found := f.All(); {
		case want == "" && len(found) > 0:
			t.Errorf("%s: %s", text, found[0].Message)
		case want != "" && (len(found) != 1 || found[0].Hint != want):
			t.Errorf("%s: %+v, want the hint %s", text, found, want)
		}
	}
	var f strict.Findings
	n, _ := strict.Parse("segments/a.yaml", []byte(`{ attribute: anything, is: DE }`), &f)
	if Decode(n, &Env{}); len(f.All()) > 0 {
		t.Errorf("nothing is declared, and a name is refused: %s", f.All()[0].Message)
	}
}
