package strict

import (
	"fmt"
	"strings"
	"testing"
)

// lines shows findings as "line:column: message | hint".
func lines(f *Findings) string {
	var b strings.Builder
	for _, x := range f.All() {
		fmt.Fprintf(&b, "%d:%d: ", x.Line, x.Column)
		if x.Warning {
			b.WriteString("warning: ")
		}
		b.WriteString(x.Message)
		if x.Hint != "" {
			b.WriteString(" | " + x.Hint)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// What is not YAML, or more YAML than the language has: each has one finding,
// at the place where the writer has to act.
func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty file", "", "1:1: the file is empty"},
		{"only comments", "# nothing\n\n# here\n", "1:1: the file is empty"},
		{"only a separator", "---\n", "1:1: the file is empty"},
		{"byte-order mark", "\xef\xbb\xbfa: 1\n", `1:1: the file starts with a byte-order mark | save it as "UTF-8", not as "UTF-8 with BOM"`},
		{"UTF-16", "\xff\xfea\x00:\x00", "1:1: the file is in UTF-16, not in UTF-8 | save it as UTF-8"},
		{"Latin-1", "a: 1\nname: M\xfcller\n", "2:8: this is not UTF-8 | save the file as UTF-8"},
		{"control character", "a: b\x01c\n", "1:5: the file holds a control character (U+0001) | remove it"},
		{"escape sequence", "a: \x1b[31m\n", "1:4: the file holds a control character (U+001B) | remove it"},
		{"tab", "a:\n\tb: 1\n", "2:1: a tab is not allowed in the indentation | use spaces"},
		{"tab after spaces", "a:\n  b: 1\n \tc: 1\n", "3:2: a tab is not allowed in the indentation | use spaces"},
		{"second document", "a: 1\n---\nb: 1\n", "2:1: a second document starts here; a file holds one | put it into a file of its own"},
		{"second document, first one opened", "---\na: 1\n---\nb: 1\n", "3:1: a second document starts here; a file holds one | put it into a file of its own"},
		{"second document after dots", "a: 1\n...\nb: 2\n", "3:1: a second document starts here; a file holds one | put it into a file of its own"},
		{"second document, broken", "a: 1\n---\nb: [\n", "3:5: the file ends in the middle of something | look for a missing value, quote or bracket above"},
		{"doubled key", "a: 1\nb: 2\na: 3\n", `3:1: "a" is already given on line 1`},
		{"merge key", "a: &x { b: 1 }\nc:\n  <<: *x\n", `3:3: merge keys ("<<") are not part of the language | write the keys out`},
		{"tag", "a: !!str 5\n", `1:4: YAML tags such as "!!str" are not part of the language | leave it out`},
		{"own tag", "a: !env HOME\n", `1:4: YAML tags such as "!env" are not part of the language | leave it out`},
		{"list as key", "? [a]\n: b\n", "1:3: a key must be a word, not a list"},
		{"Liquid", "a: {{ contact.first_name }}\n", `1:4: a value with {{ }} must stand in quotes, or YAML reads it as a map | write "{{ contact.first_name }}"`},
		{"Liquid in a list", "- {{ x }}\n- {{ y }}\n", `1:3: a value with {{ }} must stand in quotes, or YAML reads it as a map | write "{{ x }}"` + "\n" +
			`2:3: a value with {{ }} must stand in quotes, or YAML reads it as a map | write "{{ y }}"`},
		{"Liquid and text", "subject: {{ name }}, hello\n", `1:10: a value with {{ }} must stand in quotes | put the whole value in quotes, as in "{{ contact.first_name }}"`},
		{"Liquid with a filter", "a: 1\nsubject: {{ n | default: 'x' }}\n", `2:10: a value with {{ }} must stand in quotes, or YAML reads it as a map | write "{{ n | default: 'x' }}"`},
		{"variable in braces", "smtp: { user: ${USER}, port: 5 }\n", `1:15: ${ } inside braces or brackets must stand in quotes | write "${USER}"`},
		{"variable in brackets", "secrets: [ ${A} ]\n", `1:12: ${ } inside braces or brackets must stand in quotes | write "${A}"`},
		{"schedule", "schedule: */5 * * * *\n", `1:11: what starts with * must stand in quotes | write "*/5 * * * *"`},
		{"schedule of stars", "schedule: * * * * *\n", `1:11: what starts with * must stand in quotes | write "* * * * *"`},
		{"descriptor", "schedule: @daily\n", `1:11: what starts with @ must stand in quotes | write "@daily"`},
		{"star as key", "per_domain: { *: 50/s }\n", `1:15: what starts with * must stand in quotes | write "*"`},
		{"percent sign", "a: %x\n", `1:4: what starts with % must stand in quotes | write "%x"`},
		{"unknown alias", "a: *b\n", `1:4: what starts with * must stand in quotes | write "*b"`},
		{"open quote", "a: \"abc\nb: 1\n", "1:4: a quote is opened and never closed"},
		{"open bracket", "a: [1, 2\nb: 3\n", "1:4: this [ is not closed, or a comma is missing after it"},
		{"open brace", "a: { b: 1\nc: 2\n", "1:4: this { is not closed, or a comma is missing after it"},
		{"apostrophe", "a: 'it's'\n", "1:8: the quoted text ends before this | write '' for a quote inside, or use double quotes around"},
		{"quote in quotes", `a: "say "hi" now"` + "\n", `1:10: the quoted text ends before this | write \" for a quote inside, or use single quotes around`},
		{"backslash", `a: "\q"` + "\n", "1:5: a backslash in double quotes starts an escape, and there is none like this | write two backslashes, or use single quotes"},
		{"colon in text", "a: b: c\n", `1:5: a colon does not fit here: the line is indented too far, or a text with ": " in it has no quotes | align the line with its neighbours, or put the text in quotes`},
		{"indented too far", "a: 1\n  b: 2\n", `2:4: a colon does not fit here: the line is indented too far, or a text with ": " in it has no quotes | align the line with its neighbours, or put the text in quotes`},
		{"indented too little", "a:\n  - b\n c\n", "3:2: this line does not fit what is above it | align it with its neighbours, and look for a missing quote or bracket above"},
		{"key among items", "- a\nb: 1\n", `2:1: this line does not fit the list above it | start it with "- ", or align it with the key that it belongs to`},
		{"contains itself", "a: &x [*x]\n", "1:8: *x contains itself"},
		{"columns count characters", "äöü: @x\n", `1:6: what starts with @ must stand in quotes | write "@x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f Findings
			if n, ok := Parse("f.yaml", []byte(tt.in), &f); ok {
				readAll(n)
			}
			if got := lines(&f); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	for name, in := range map[string]string{
		"Windows line ends":   "a: 1\r\nb:\r\n  - c\r\n",
		"separator":           "---\na: 1\n",
		"end mark":            "a: 1\n...\n",
		"comments":            "# x\na: 1 # y\n# z\n",
		"aliases":             "a: &x [1, 2]\nb: *x\nc: *x\n",
		"tab inside a text":   "a: |\n  x\n  \ty\n",
		"tab before a value":  "a:\t1\n",
		"Liquid in quotes":    `a: "{{ x }}"` + "\n",
		"Liquid inside text":  "a: Hello {{ x }}\n",
		"a list at the top":   "- 1\n",
		"no newline at end":   "a: 1",
		"emoji":               "a: 🚲\n",
		"variable":            "a: ${X}\n",
		"quoted variable":     `a: { b: "${X}" }` + "\n",
		"long block":          "a: >\n  " + strings.Repeat("word ", 10000) + "\n",
		"a few thousand keys": manyKeys(5000),
	} {
		var f Findings
		n, ok := Parse("f.yaml", []byte(in), &f)
		if readAll(n); !ok || len(f.All()) > 0 {
			t.Errorf("%s: %v, %s", name, ok, lines(&f))
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: %d\n", i, i)
	}
	return b.String()
}

// readAll visits every node as a reader would.
func readAll(n Node) {
	switch {
	case n.IsMap():
		for _, p := range n.Map().Pairs() {
			p.Key.Text()
			readAll(p.Value)
		}
	case n.IsList():
		for _, item := range n.List() {
			readAll(item)
		}
	default:
		n.Value()
	}
}

// Files made to exhaust a reader are refused in little time.
func TestParseIsBounded(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), ", "))
	}
	indented := ""
	for i := range 200 {
		indented += strings.Repeat(" ", i) + "a:\n"
	}
	deep := "1:65: nested more than 64 levels deep"
	tests := []struct{ name, in, want string }{
		{"10 MB of brackets", strings.Repeat("[", 10<<20), "1:1: the file has 10.0 MB; at most 1 MB is read | split it into several files"},
		{"1 MB of brackets", strings.Repeat("[", 1<<20), deep},
		{"1 MB of braces", strings.Repeat("{", 1<<20), deep},
		{"1 MB of dashes", strings.Repeat("- ", 1<<19), "1:129: nested more than 64 levels deep"},
		{"1 MB of question marks", strings.Repeat("? ", 1<<19), "1:129: nested more than 64 levels deep"},
		{"indentation", indented, "65:66: nested more than 64 levels deep"},
		{"alias bomb", bomb, "6:8: with its aliases the file grows to more than 100000 values | write the values out, or split the file"},
		{"items", "[" + strings.Repeat("a,", 500_000) + "]", "1:200000: with its aliases the file grows to more than 100000 values | write the values out, or split the file"},
		{"open quote", "a: \"" + strings.Repeat("x ", 500_000), "1:4: a quote is opened and never closed"},
		{"documents", strings.Repeat("---\n", 250_000), "1:1: the file is empty"},
		{"comments", strings.Repeat("#\n", 500_000), "1:1: the file is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f Findings
			Parse("f.yaml", []byte(tt.in), &f)
			if got := lines(&f); got != tt.want {
				t.Errorf("got\n%.300s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestParseAtCountsFromTheFirstLine(t *testing.T) {
	var f Findings
	n, _ := ParseAt("templates/a.md", []byte("subject: Hi\nlayot: letter\nsubject: again\n"), 2, &f)
	n.Map("subject", "layout")
	want := "3:1: unknown key \"layot\" | did you mean \"layout\"?\n4:1: \"subject\" is already given on line 2"
	if got := lines(&f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if f.All()[0].Source != "layot: letter" {
		t.Errorf("source is %q", f.All()[0].Source)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a: 1\n", "a: [1, {b: c}]\n", "a: &x 1\nb: *x\n", "{{ x }}", "a: |\n  b\n", "? a\n: b\n", "--- !!str a\n...\n---\n", "a: ${X}", "\t", "%YAML 1.2\n---\n", "a: \"\\u0041\"", "<<: *a",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var found Findings
		n, ok := Parse("f.yaml", data, &found)
		if !ok && found.Errors() == 0 {
			t.Fatal("refused without a reason")
		}
		n.Expand(func(name string) (string, bool) { return "x", name != "Y" })
		readAll(n)
		n.Map("a", "b").Get("a").Span()
		for _, x := range found.All() {
			if x.Line < 1 || x.Column < 1 || x.Message == "" || x.Code == "" {
				t.Fatalf("%+v", x)
			}
			Render(x, true)
		}
	})
}
