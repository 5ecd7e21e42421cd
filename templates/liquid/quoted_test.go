package liquid

import (
	"bytes"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"rapport/internal/quoted"
)

// sameEncoded renders a template in both ways and fails where they read
// differently. It reports whether there was anything to compare.
func sameEncoded(t interface {
	Helper()
	Fatalf(string, ...any)
}, tmpl *Template, vars Drop, opt Options) bool {
	t.Helper()
	text, err := tmpl.Append(nil, vars, &opt)
	before := "Subject: x\r\n\r\n"
	got, fast := tmpl.AppendQuoted([]byte(before), vars, &opt)
	switch {
	case errors.Is(fast, ErrNotText):
		if utf8.Valid(text) {
			t.Fatalf("%q is text", text)
		}
		return false
	case err != nil || fast != nil:
		if err == nil || fast == nil || err.Error() != fast.Error() {
			t.Fatalf("plain says %v, encoded says %v", err, fast)
		}
		return false
	}
	if !strings.HasPrefix(string(got), before) {
		t.Fatalf("what stood before is gone: %q", got)
	}
	if got, want := read(t, got[len(before):]), read(t, quoted.Append(nil, string(text))); got != want {
		t.Fatalf("encoded while rendering\n%q\nencoded afterwards\n%q", got, want)
	}
	return true
}

// read is a text in quoted-printable as a mail program reads it.
func read(t interface {
	Helper()
	Fatalf(string, ...any)
}, encoded []byte) string {
	t.Helper()
	text, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(encoded)))
	if err != nil {
		t.Fatalf("%q cannot be read: %s", encoded, err)
	}
	return string(text)
}

// Every golden case reads the same in both ways, however its outputs are
// escaped.
func TestGoldenLiquidEncoded(t *testing.T) {
	suite := goldenSuite(t)
	compared := 0
	for _, c := range suite {
		for _, mode := range []Mode{Plain, Line, HTMLMode} {
			// What stands before moves every piece along its line.
			for _, before := range []string{"", strings.Repeat("x", 70)} {
				tmpl, errs := ParseMode("golden", before+c.Template, 1, mode)
				if len(errs) > 0 {
					continue
				}
				tmpl.Prepare()
				var vars Drop
				if len(c.Data) > 0 {
					vars, _ = decodeOrdered(t, c.Data).(Drop)
				}
				if sameEncoded(t, tmpl, vars, Options{
					Now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
					Partial: func(name string) (*Template, bool) {
						p, errs := ParseMode(name, c.Templates[name], 1, mode)
						return p, len(errs) == 0
					},
				}) {
					compared++
				}
			}
		}
	}
	if compared < 3500 {
		t.Errorf("only %d renderings could be compared", compared)
	}
}

// pieces of which templates are made at random.
var pieces = []string{
	"text ", "\n", " \n", "=", ".", "From ", "<p>", "</p>", "é", strings.Repeat("long ", 20), "<br>\r\n", "\t",
	"{{ a }}", "{{ b }}", "{{ c | upcase }}", "{{ a | raw }}", "{{ l | join: ' ' }}", "{{ b | append: c }}",
	"{% if a == b %}x {% else %}.y{% endif %}", "{% for x in l %}{{ x }} {% endfor %}", "{% for x in l %}\n{{ forloop.index }}. {{ x }}{% endfor %}",
	"{% capture d %}{{ a }} = {{ b }}\n{% endcapture %}", "{{ d }}", "{% assign e = d | upcase %}", "{{ e }}",
	"{% ifchanged %}{{ b }} {% endifchanged %}", "{% cycle 'From ', '.', a %}", "{% increment n %}",
	"{% tablerow x in l cols: 2 %}{{ x }}{% endtablerow %}", "<a href=\"https://x.example/?q={{ a }}\">", "</a>",
}

func TestAnyTemplateIsTheSameEncoded(t *testing.T) {
	value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", " ", "x ", ".", "\n", "\r", "\r\n", "=", "From ", "<b>&", "Ana", strings.Repeat("ä", 50), "a\xffb"}))
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 20).Draw(t, "source"), "")
		tmpl, errs := ParseMode("t", source, 1, rapid.SampledFrom([]Mode{Plain, Line, HTMLMode}).Draw(t, "mode"))
		if len(errs) > 0 {
			t.Skip()
		}
		if rapid.Bool().Draw(t, "prepared") {
			tmpl.Prepare()
		}
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		plain := Map{"a": a, "b": b, "c": 1.5, "l": []any{a, b}}
		text, _ := tmpl.Append(nil, plain, &Options{})
		plain["b"] = &b
		if pointed, _ := tmpl.Append(nil, plain, &Options{}); string(pointed) != string(text) {
			t.Fatalf("a *string makes it %q, a string %q", pointed, text)
		}
		if sameEncoded(t, tmpl, Map{"a": a, "b": &b, "c": 1.5, "l": []any{a, b, value.Draw(t, "l")}}, Options{}) {
			compared++
		}
	})
	if compared == 0 {
		t.Error("nothing could be compared")
	}
}

// links is an address in a hook, as the templates above this package make them.
func links(mode Mode) *Template {
	address := []Token{{Kind: Text, Markup: "https://x.example/"}, {Kind: Output, Markup: "a", Source: "{{ a }}"}}
	tokens := []Token{{Kind: Text, Markup: "<a href=\""}, {Kind: OpenHook, N: 17}}
	tokens = append(tokens, address...)
	tokens = append(tokens, Token{Kind: CloseHook}, Token{Kind: Text, Markup: "\">one</a> "},
		Token{Kind: Text, Markup: "<a href=\""}, Token{Kind: OpenHook, N: 3})
	tokens = append(tokens, address...)
	tokens = append(tokens, Token{Kind: CloseHook}, Token{Kind: Text, Markup: "\">two</a>\n"})
	t, errs := ParseTokens("t", tokens, mode)
	if len(errs) > 0 {
		panic(errs[0].Error())
	}
	t.Prepare()
	return t
}

func TestNumberedHooks(t *testing.T) {
	opt := Options{
		Stem: "https://go.example/c?a=1&t=", Numbered: func(n int) bool { return n == 17 },
		Hook: func(dst []byte, n int, inner []byte) []byte { return append(append(dst, "to:"...), inner...) },
	}
	for mode, want := range map[Mode]string{
		Line:     "<a href=\"https://go.example/c?a=1&t=17\">one</a> <a href=\"to:https://x.example/x%20y\">two</a>\n",
		HTMLMode: "<a href=\"https://go.example/c?a=1&amp;t=17\">one</a> <a href=\"to:https://x.example/x%20y\">two</a>\n",
	} {
		tmpl := links(mode)
		got, err := tmpl.Append(nil, Map{"a": "x y"}, &opt)
		if err != nil || string(got) != want {
			t.Errorf("got %q (%v)\nwant %q", got, err, want)
		}
		if !sameEncoded(t, tmpl, Map{"a": "x y"}, opt) {
			t.Error("nothing was compared")
		}
	}
}
