package liquid

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sameFolded fails unless a template says the same when part of its variables was
// known before, in text and in errors.
func sameFolded(t interface {
	Helper()
	Fatalf(string, ...any)
}, tmpl *Template, vars, known Drop, opt Options) {
	t.Helper()
	want, wantErr := tmpl.Append(nil, vars, &opt)
	folded := tmpl.Fold(known, opt.Strict)
	got, err := folded.Append(nil, vars, &opt)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("folded says %v, unfolded %v", err, wantErr)
	}
	if string(got) != string(want) {
		t.Fatalf("folded\n%q\nunfolded\n%q", got, want)
	}
	if text, ok := folded.Constant(); ok && err == nil && text != string(want) {
		t.Fatalf("the constant %q is not %q", text, want)
	}
	if again, _ := tmpl.Append(nil, vars, &opt); string(again) != string(want) {
		t.Fatalf("folding has changed the template: %q, was %q", again, want)
	}
}

// some are every second one of the variables.
func some(all Drop, from int) Drop {
	m := Map{}
	keyed, ok := all.(Keyed)
	if !ok {
		return m
	}
	for i, name := range keyed.Keys() {
		if i%2 == from {
			m[name], _ = all.Get(name)
		}
	}
	return m
}

// Every golden case says the same whatever was known of its data.
func TestGoldenLiquidFolded(t *testing.T) {
	suite := goldenSuite(t)
	compared := 0
	for _, c := range suite {
		for _, mode := range []Mode{Plain, Line, HTMLMode} {
			tmpl, errs := ParseMode("golden", c.Template, 1, mode)
			if len(errs) > 0 {
				continue
			}
			var vars Drop = Map{}
			if len(c.Data) > 0 {
				vars, _ = decodeOrdered(t, c.Data).(Drop)
			}
			for _, known := range []Drop{Map{}, vars, some(vars, 0), some(vars, 1)} {
				for _, strict := range []bool{false, true} {
					sameFolded(t, tmpl, vars, known, Options{
						Now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Strict: strict,
						Partial: func(name string) (*Template, bool) {
							p, errs := ParseMode(name, c.Templates[name], 1, mode)
							return p, len(errs) == 0
						},
					})
					compared++
				}
			}
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d foldings were compared", compared)
	}
}

// foldable are pieces in which names come, go and hide each other.
var foldable = append(slices.Clone(pieces),
	"{% if a %}{% assign e = b %}{% endif %}", "{% assign a = 'mine' %}", "{% assign e = a | slice: 0, 2 %}", "{% if e == 'An' %}{{ e }}{% elsif b %}{{ b }}{% else %}-{% endif %}",
	"{% unless a == 'Ana' %}not{% elsif b %}b{% else %}she{% endunless %}", "{% case a %}{% when 'Ana', b %}1{% when c %}2{% else %}3{% endcase %}",
	"{% case b %}{% when a %}{{ a }}{% else %}{{ c }}{% when 'x ' %}x{% endcase %}", "{% for a in l %}{{ a }}{% if a == b %}{% break %}{% endif %}{% endfor %}",
	"{% for x in l %}{% if a == 'Ana' %}{% continue %}{% endif %}{{ x }}{% assign e = x %}{% else %}none{% endfor %}", "{% increment a %}", "{{ 'now' | date: '%Y' }}",
	"{{ (1..c) | join: a }}", "{{ l[c] }}", "{{ nobody }}", "{{ a.nothing | default: b }}", "{% liquid assign e = b\necho e %}",
)

func TestFoldingChangesNothing(t *testing.T) {
	value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", " ", "x ", ".", "\r\n", "=", "From ", "<b>&", "Ana", "a\xffb"}))
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(foldable), 1, 20).Draw(t, "source"), "")
		tmpl, errs := ParseMode("t", source, 1, rapid.SampledFrom([]Mode{Plain, Line, HTMLMode}).Draw(t, "mode"))
		if len(errs) > 0 {
			t.Skip()
		}
		tmpl.Prepare()
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		vars := Map{"a": a, "b": &b, "c": rapid.SampledFrom([]any{1.5, 1.0, true}).Draw(t, "c"), "l": []any{a, b, value.Draw(t, "l")}}
		known := Map{}
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			if rapid.Bool().Draw(t, "known "+name) {
				known[name] = vars[name]
			}
		}
		opt := Options{Strict: rapid.Bool().Draw(t, "strict"), Now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
		sameFolded(t, tmpl, vars, known, opt)
		folded := tmpl.Fold(known, opt.Strict)
		folded.Prepare()
		sameEncoded(t, folded, vars, opt)
	})
}

// What is known is text afterwards: the tags are gone.
func TestFold(t *testing.T) {
	known := Map{"company": map[string]any{"name": "Bikes & Co", "language": "de-AT"}, "kind": "marketing"}
	for source, want := range map[string]string{
		"{{ company.name }}, {{ name }}": "[Bikes &amp; Co, ] output",
		"a{% if company.name != blank %}b{{ company.name }}{% else %}{{ name }}{% endif %}c":                                                                                                        "[abBikes &amp; Coc]",
		"{% assign lang = company.language | slice: 0, 2 %}{% unless kind == 'transactional' %}{% case lang %}{% when 'de' %}Abmelden {{ mail }}{% else %}Unsubscribe{% endcase %}{% endunless %}.": "assign [Abmelden ] output [.]",
		"{% if name %}{{ company.name }}{% elsif kind == 'marketing' %}m{% else %}{{ name }}{% endif %}":                                                                                            "if([Bikes &amp; Co] else [m])",
		"{% unless kind == 'marketing' %}x{% elsif name %}y{% endunless %}":                                                                                                                         "if([y])",
		"{% for kind in list %}{{ kind }}{{ company.name }}{% endfor %}":                                                                                                                            "for(output [Bikes &amp; Co])",
		"{{ company.nothing }}":                  "output",
		"{{ company.nothing | default: 'one' }}": "[one]",
		"{{ company.name | date: '%Y' }}":        "output",
		"{% for x in list %}{% assign lang = 'de' %}{% endfor %}{{ lang | default: 'none' }}": "for(assign) output",
		"{% capture c %}{{ company.name }}{% endcapture %}":                                   "capture([Bikes &amp; Co])",
		"{{ other }}":                "output",
		"{% if kind %}{% endif %}":   "",
		"{% if false %}x{% endif %}": "",
	} {
		tmpl, errs := ParseMode("t", source, 1, HTMLMode)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", source, errs)
		}
		if got := shape(tmpl.Fold(known, true).nodes); got != want {
			t.Errorf("%s became\n%s\nwant\n%s", source, got, want)
		}
	}
}

// A name of the template's own hides a known one, wherever it is set, and is not
// seen where the language does not show it.
func TestFoldKnowsScopes(t *testing.T) {
	known := Map{"kind": "marketing"}
	partial := func(source string) (*Template, bool) {
		p, _ := Parse("p", source, 1)
		return p, true
	}
	render := func(args string, body ...Token) []Token {
		markup := "render 'p'" + args
		return append(append([]Token{{Kind: OpenPartial, Markup: markup, Source: "{% " + markup + " %}"}}, body...), Token{Kind: ClosePartial})
	}
	for name, c := range map[string]struct {
		tokens []Token
		want   string
	}{
		"a partial that is not there yet":      {lexed("{% include 'p' %}{{ kind }}"), "p"},
		"a partial does not see what is set":   {append(lexed("{% assign mine = kind %}"), render("", lexed("{{ mine | default: 'none' }} {{ kind }}")...)...), "none marketing"},
		"a partial's argument hides":           {render(", kind: 'argument'", lexed("{{ kind }}")...), "argument"},
		"what a partial sets is its own":       {append(render("", lexed("{% assign kind = 'own' %}{{ kind }} ")...), lexed("{{ kind }}")...), "own marketing"},
		"else is not shown behind a match":     {lexed("{% case kind %}{% when 'marketing' %}1{% else %}2{% endcase %}"), "1"},
		"else before the match is shown":       {lexed("{% case kind %}{% else %}2{% when 'marketing' %}1{% endcase %}"), "21"},
		"a name is not known before it is set": {lexed("{{ mine | default: 'none' }}{% assign mine = kind %}{{ mine }}"), "nonemarketing"},
	} {
		tmpl, errs := ParseTokens("t", c.tokens, Plain)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", name, errs)
		}
		opt := Options{Partial: func(string) (*Template, bool) { return partial("{% assign kind = 'p' %}") }}
		if got, err := tmpl.Fold(known, false).Append(nil, known, &opt); err != nil || string(got) != c.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
		}
		if got, err := tmpl.Append(nil, known, &opt); err != nil || string(got) != c.want {
			t.Errorf("%s, unfolded: %q (%v), want %q", name, got, err, c.want)
		}
	}
}

func lexed(source string) []Token {
	tokens, errs := Lex(source, Pos{Name: "t", Line: 1, Column: 1})
	if len(errs) > 0 {
		panic(errs[0].Error())
	}
	return tokens
}

// shape names the nodes, and shows their texts.
func shape(nodes []node) string {
	var out []string
	for _, n := range nodes {
		switch n := n.(type) {
		case *textNode:
			out = append(out, "["+string(n.text)+"]")
		case *outputNode:
			out = append(out, "output")
		case *assignNode:
			out = append(out, "assign")
		case *forNode:
			out = append(out, "for("+shape(n.body)+")")
		case *captureNode:
			out = append(out, "capture("+shape(n.body)+")")
		case *ifNode:
			var parts []string
			for _, b := range n.branches {
				if b.cond == nil {
					parts = append(parts, "else")
				}
				parts = append(parts, shape(b.body))
			}
			out = append(out, "if("+strings.Join(parts, " ")+")")
		}
	}
	return strings.Join(out, " ")
}
