package liquid

import (
	"context"
	"strings"
	"testing"
	"time"
)

// render gives the output, or the error's text.
func render(t *testing.T, source string, vars Map, mode Mode, opt Options) string {
	t.Helper()
	tmpl, errs := ParseMode("t", source, 1, mode)
	if len(errs) > 0 {
		t.Fatalf("%q: %v", source, errs)
	}
	var b strings.Builder
	if err := tmpl.Render(&b, vars, opt); err != nil {
		return "error: " + err.Error()
	}
	return b.String()
}

func TestBounds(t *testing.T) {
	limits := Limits{Steps: 10_000, Iterations: 1_000, Memory: 100_000, Output: 20_000}
	self, _ := Parse("self", "{% render 'self' %}", 1)
	for _, c := range []struct{ name, source, want string }{
		{"endless loop", "ok\n {% for i in (1..1000000000) %}{% assign a = i %}{% endfor %}",
			"error: t:2:2: the template's loops run more than 1,000 times in all (shorten the list or add limit:)"},
		{"loops in loops", "{% for i in (1..100) %}\n{% for j in (1..100) %}{% endfor %}{% endfor %}",
			"error: t:2:1: the template's loops run more than 1,000 times in all (shorten the list or add limit:)"},
		{"steps", "{% for i in (1..900) %}{{ i | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 }}{% endfor %}",
			"the template takes more than 10,000 steps"},
		{"doubling text", "{% assign s = '0123456789' %}{% for i in (1..100) %}{% assign s = s | append: s %}{% endfor %}",
			"error: t:1:71: append: the template's values take more than 100,000 bytes"},
		{"replacing by more", "{% capture s %}{% for i in (1..900) %}aaaaaaaaaa{% endfor %}{% endcapture %}{{ s | replace: 'a', s }}",
			"error: t:1:84: replace: the template's values take more than 100,000 bytes"},
		{"a range as a list", "{{ (1..99999999999) | join: ',' }}", "error: t:1:23: join: the template's values take more than 100,000 bytes"},
		{"the largest range", "{{ (-9223372036854775807..9223372036854775807) | size }}", "9223372036854775807"},
		{"doubling list", "{% assign l = 'a,b' | split: ',' %}{% for i in (1..100) %}{% assign l = l | concat: l %}{% endfor %}",
			"error: t:1:77: concat: the template's values take more than 100,000 bytes"},
		{"long output", "{% for i in (1..900) %}0123456789012345678901234567890123456789{% endfor %}",
			"error: t:1:24: the output is longer than 20,000 bytes"},
		{"a partial in itself", "{% render 'self' %}",
			"error: self:1:1: blocks and partials stand more than 100 deep in each other (does a partial include itself?)"},
		{"no partial", "a {% render 'nope' %}", `error: t:1:3: there is no partial "nope"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := render(t, c.source, nil, Plain, Options{Limits: limits, Partial: func(name string) (*Template, bool) {
				return self, name == "self"
			}})
			if got != c.want && (c.want[0] != 't' || !strings.HasSuffix(got, c.want)) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestContextEndsRendering(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got := render(t, "{% for i in (1..90000) %}{{ i }}{% endfor %}", nil, Plain, Options{Context: ctx})
	if !strings.HasPrefix(got, "error: t:1:") || !strings.HasSuffix(got, ": rendering was stopped: context canceled") {
		t.Error(got)
	}
}

func TestStrict(t *testing.T) {
	vars := Map{"contact": map[string]any{"first_name": nil, "city": "Hamburg"}, "list": []any{map[string]any{"a": 1}}}
	for _, c := range []struct{ source, want string }{
		{"{{ contact.city }}", "Hamburg"},
		{"Hi {{ contact.first_name }}", `error: t:1:7: contact.first_name has no value (give it a default: {{ contact.first_name | default: "…" }})`},
		{"Hi {{ contact.first_name | upcase }}", `error: t:1:7: contact.first_name has no value (give it a default: {{ contact.first_name | default: "…" }})`},
		{"Hi {{ contact['last name'] }}", `error: t:1:7: contact["last name"] has no value (give it a default: {{ contact["last name"] | default: "…" }})`},
		{"{{ contact.first_name | default: 'you' }}", "you"},
		{"{{ contact.first_name | default: contact.last_name }}|", "|"},
		{"{% if contact.first_name %}a{% else %}b{% endif %}", "b"},
		{"{% unless nope.at.all == 'x' %}b{% endunless %}", "b"},
		{"{% for x in nope %}a{% else %}b{% endfor %}", "b"},
		{"{% for x in list %}{{ x.a }}{{ x.b }}{% endfor %}", `error: t:1:32: x.b has no value (give it a default: {{ x.b | default: "…" }})`},
		{"{% assign n = contact.first_name | default: 'you' %}{{ n }}", "you"},
		{"{{ nil }}{{ '' }}", ""},
	} {
		if got := render(t, c.source, vars, HTMLMode, Options{Strict: true}); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.source, got, c.want)
		}
	}
}

func TestDate(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones on this machine")
	}
	at := time.Date(2026, 3, 2, 8, 5, 9, 123456789, time.UTC)
	vars := Map{"at": at, "iso": "2026-03-02T08:05:09Z", "day": "2026-03-02", "unix": int64(1772438709), "odd": "soon"}
	opt := Options{Now: at, Zone: berlin}
	for _, c := range []struct{ source, want string }{
		{"{{ at | date: '%Y-%m-%d %H:%M:%S' }}", "2026-03-02 09:05:09"},
		{"{{ iso | date: '%H:%M' }}", "09:05"},
		{"{{ day | date: '%d.%m.%Y %H:%M' }}", "02.03.2026 00:00"},
		{"{{ unix | date: '%H:%M' }}", "09:05"},
		{"{{ 'now' | date: '%-d. %B %Y' }}", "2. March 2026"},
		{"{{ odd | date: '%Y' }}", "soon"},
		{"{{ at | date: '%a %A %b %B %^a %y %C %j %u %w %U %W %V %G' }}", "Mon Monday Mar March MON 26 20 061 1 1 09 09 10 2026"},
		{"{{ at | date: '%e|%k|%l|%I|%p|%P|%-I|%_m|%3d' }}", " 2| 9| 9|09|AM|am|9| 3|002"},
		{"{{ at | date: '%L %N %3N %s %z %:z %Z %%' }}", "123 123456789 123 1772438709 +0100 +01:00 CET %"},
		{"{{ at | date: '%F %T %D %R %r %c %x %X' }}", "2026-03-02 09:05:09 03/02/26 09:05 09:05:09 AM Mon Mar  2 09:05:09 2026 03/02/26 09:05:09"},
		{"{{ at | date: '%Q %' }}", "%Q %"},
		{"{% if at > '2026-01-01' %}later{% endif %}", "later"},
	} {
		if got := render(t, c.source, vars, Plain, opt); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.source, got, c.want)
		}
	}
}

// A long value in a loop costs by its length, so that the bound on steps is one on time.
func TestLongValuesTakeMoreSteps(t *testing.T) {
	vars := Map{"s": strings.Repeat("ü", 500_000)}
	for _, source := range []string{
		"{% for i in (1..90000) %}{% assign n = s | size %}{% endfor %}",
		"{% for i in (1..90000) %}{% assign n = s.size %}{% endfor %}",
		"{% for i in (1..90000) %}{% if s contains 'x' %}{% endif %}{% endfor %}",
		"{% for i in (1..90000) %}{% assign n = s | strip_html | slice: 1 %}{% endfor %}",
	} {
		got := render(t, source, vars, Plain, Options{})
		if !strings.HasSuffix(got, "the template takes more than 1,000,000 steps") && !strings.HasSuffix(got, "bytes") {
			t.Errorf("%s: %.80s", source, got)
		}
	}
}

func TestConcurrentRendering(t *testing.T) {
	tmpl, errs := Parse("t", "a{% if x %}b{{ x }}{% else %}c{% endif %}{% for i in (1..2) %}d{% endfor %}", 1)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	tmpl.Prepare()
	done := make(chan string)
	for i := range 8 {
		go func() {
			var b strings.Builder
			for range 200 {
				b.Reset()
				_ = tmpl.Render(&b, Map{"x": i}, Options{})
			}
			done <- b.String()
		}()
	}
	seen := map[string]bool{}
	for range 8 {
		seen[<-done] = true
	}
	if len(seen) != 8 || !seen["ab3dd"] {
		t.Errorf("%v", seen)
	}
}
