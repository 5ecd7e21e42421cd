package mjml

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What is written is the same, byte by byte; that it is right is for the oracle.
func TestGolden(t *testing.T) {
	names, texts := pages(t, "testdata/pages/*.mjml")
	for i, name := range names {
		file := "testdata/pages/" + strings.TrimSuffix(name, ".mjml") + ".golden.html"
		got := mustCompile(t, name, texts[i])
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: %s", name, firstDifference(got, string(want)))
		}
		if got != mustCompile(t, name, texts[i]) {
			t.Errorf("%s: a second time it is another page", name)
		}
	}
}

// The pages of these tests use every tag there is.
func TestThePagesUseEveryTag(t *testing.T) {
	_, texts := pages(t, "testdata/pages/*.mjml")
	all := strings.Join(texts, "")
	for _, name := range vocab().names {
		if name != "mj-include" && !strings.Contains(all, "<"+name) {
			t.Errorf("no page has <%s>", name)
		}
	}
}

func TestMistakes(t *testing.T) {
	column := func(inner string) string {
		return "<mjml><mj-body><mj-section><mj-column>\n" + inner + "\n</mj-column></mj-section></mj-body></mjml>"
	}
	for _, c := range []struct {
		title, page string
		want        []string
	}{
		{"nothing", "", []string{"p:1:1: there is no <mjml> (write <mjml><mj-body>…</mj-body></mjml>)"}},
		{"only text", "Hello", []string{"p:1:1: there is text outside of <mjml> (MJML begins with <mjml>)"}},
		{"no body", "<mjml>\n</mjml>", []string{"p:1:1: <mjml> has no <mj-body> (write <mj-body> into it)"}},
		{"two bodies", "<mjml><mj-body/><mj-body/></mjml>", []string{"p:1:17: there is a second <mj-body>"}},
		{"outside", "<mjml><mj-body/></mjml><mj-text>x</mj-text>", []string{"p:1:24: <mj-text> stands outside of <mjml> (a page is one <mjml> with <mj-head> and <mj-body> in it)"}},
		{"another root", "<mjlm><mj-body/></mjlm>", []string{"p:1:1: there is no tag <mjlm> (did you mean mjml?)"}},
		{"unknown tags", column("<mj-txt>x</mj-txt><p>y</p>"), []string{
			"p:2:1: there is no tag <mj-txt> (did you mean mj-text?)", "p:2:19: there is no tag <p>"}},
		{"the wrong place", column("<mj-section><mj-text>ä</mj-text></mj-section>"), []string{
			"p:2:1: <mj-section> cannot stand in <mj-column> (it stands in mj-body, mj-wrapper)", "p:2:13: <mj-text> cannot stand in <mj-section> (it stands in mj-column, mj-hero)"}},
		{"unknown attributes", column(`<mj-text colr="red" css-class="a">x</mj-text><mj-image scr="x" foo />`), []string{
			"p:2:10: <mj-text> has no attribute colr (did you mean color?)", "p:2:56: <mj-image> has no attribute scr (did you mean src?)",
			"p:2:64: <mj-image> has no attribute foo (known are align, alt, border, border-radius, container-background-color, fluid-on-mobile, font-size, height, href, max-height, name, padding, rel, sizes, src, srcset, target, title, usemap, width)"}},
		{"values", column(`<mj-image width="50%" fluid-on-mobile="yes" padding="1px 2px 3px 4px 5px" align="middle" height="x" />` +
			`<mj-text color="redd" letter-spacing="1">x</mj-text><mj-table cellpadding="2px" width="1em"></mj-table>`), []string{
			`p:2:11: width of <mj-image>: "50%" is no size that it takes (write it as 20px)`,
			`p:2:23: fluid-on-mobile of <mj-image>: "yes" is neither true nor false`,
			`p:2:45: padding of <mj-image>: "1px 2px 3px 4px 5px" is no size that it takes (write it as 20px or 20%, one to four of them)`,
			`p:2:75: align of <mj-image>: "middle" is none of its values (known are left, center, right)`,
			`p:2:90: height of <mj-image>: "x" is no size that it takes (write it as 20px or auto)`,
			`p:2:112: color of <mj-text>: "redd" is no colour (write a name such as navy, #rrggbb or rgb(…))`,
			`p:2:125: letter-spacing of <mj-text>: "1" is no size that it takes (write it as 20px or 0.1em)`,
			`p:2:165: cellpadding of <mj-table>: "2px" is no whole number`,
			`p:2:183: width of <mj-table>: "1em" is no size that it takes (write it as 20px or 20% or auto)`}},
		{"not closed", "<mjml>\n<mj-body>\n <mj-section>\n<mj-column>\n</mj-body></mjml>", []string{
			"p:3:2: <mj-section> is not closed (write </mj-section> before </mj-body>)", "p:4:1: <mj-column> is not closed (write </mj-column> before </mj-body>)"}},
		{"never closed", "<mjml><mj-body><mj-section><mj-divider/>", []string{
			"p:1:1: <mjml> is not closed (write </mjml> where it ends)", "p:1:7: <mj-body> is not closed (write </mj-body> where it ends)",
			"p:1:16: <mj-section> is not closed (write </mj-section> where it ends)", "p:1:28: <mj-divider> cannot stand in <mj-section> (it stands in mj-column, mj-hero)"}},
		{"a text without an end", "<mjml><mj-body><mj-section><mj-column><mj-text>x", []string{"p:1:39: <mj-text> is not closed (write </mj-text> where it ends)"}},
		{"closes nothing", column("</mj-group>"), []string{"p:2:1: </mj-group> closes nothing"}},
		{"incomplete tags", column(`<mj-text color="red`), []string{
			"p:2:10: the value of color in <mj-text> does not end (write the second quote)"}},
		{"an open comment", "<mjml><mj-body>\n<!-- x", []string{
			"p:2:1: this comment is not closed (write --> where it ends)"}},
		{"text among tags", column("ä < b &amp; <mj-divider/>"), []string{"p:2:1: text cannot stand in <mj-column> (text stands in tags such as <mj-text>)",
			"p:2:3: text cannot stand in <mj-column> (text stands in tags such as <mj-text>)", "p:2:5: text cannot stand in <mj-column> (text stands in tags such as <mj-text>)"}},
		{"defaults", `<mjml><mj-head><mj-attributes><mj-all colr="red"/><mj-class name="a" bogus="1"/><mj-text fnt-size="1px"/><mj-txt/></mj-attributes></mj-head><mj-body/></mjml>`, []string{
			"p:1:39: no tag has an attribute colr (did you mean color?)", "p:1:70: no tag has an attribute bogus",
			"p:1:90: <mj-text> has no attribute fnt-size (did you mean font-size?)", "p:1:106: there is no tag <mj-txt> (did you mean mj-text?)"}},
		{"classes", `<mjml><mj-head><mj-attributes><mj-class name="lead" color="red"/></mj-attributes></mj-head><mj-body mj-class="lead led"><mj-section mj-class="x"/></mj-body></mjml>`, []string{
			`p:1:101: there is no mj-class led (did you mean lead?)`, `p:1:133: there is no mj-class x (write <mj-class name="x" … /> into mj-attributes)`}},
		{"selectors", `<mjml><mj-head><mj-html-attributes><mj-selector path="a["><mj-html-attribute name="x">y</mj-html-attribute></mj-selector></mj-html-attributes></mj-head><mj-body/></mjml>`, []string{
			`p:1:36: "a[" is no selector (write it as in CSS, such as .hero img)`}},
		{"an include", column(`<mj-include path="x" /><mj-include/>`), []string{"p:2:13: nothing can be included here", `p:2:24: <mj-include> names no file (write <mj-include path="footer.mjml" />)`}},
		{"too deep", "<mjml><mj-body>" + strings.Repeat("<mj-section>", 101), []string{"p:1:1192: tags stand in each other more than 100 deep"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			html, errs := Compile(Source{Path: "p", Text: c.page}, Options{})
			var got []string
			for _, e := range errs {
				got = append(got, e.Error())
			}
			if c.title == "too deep" {
				got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "cannot stand in") })
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if html != "" {
				t.Error("there is HTML all the same")
			}
		})
	}
}

// A quote in a value or in the title ends no attribute of the page.
func TestQuotesAreKept(t *testing.T) {
	html := mustCompile(t, "p", `<mjml><mj-head><mj-title>A "b"</mj-title></mj-head><mj-body><mj-section><mj-column><mj-button href='https://x.example/?q="x"'>q</mj-button></mj-column></mj-section></mj-body></mjml>`)
	for _, want := range []string{`aria-label="A &quot;b&quot;"`, `href="https://x.example/?q=&quot;x&quot;"`, `<title>A "b"</title>`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// Files that include each other without end are given up, not followed.
func TestIncludesAreBounded(t *testing.T) {
	for _, c := range []struct{ title, text, want string }{
		{"more and more files", `<mj-include path="+" />`, "more than 1000 files are included"},
		{"twice as many each time", `<mj-include path="+" /><mj-include path="+" />`, "more than 1000 files are included"},
		{"large files", `<!--` + strings.Repeat("x", 1<<20) + `--><mj-include path="+" />`, "with all that is included the page is larger than 4 MiB"},
	} {
		t.Run(c.title, func(t *testing.T) {
			n := 0
			_, errs := Compile(Source{Path: "p", Text: "<mjml><mj-body>" + c.text + "</mj-body></mjml>"}, Options{
				Include: func(string, Error) (Source, bool) {
					n++
					return Source{Path: strings.Repeat("+", n), Text: c.text}, true
				},
			})
			if len(errs) != 1 || errs[0].Message != c.want || n > 1001 {
				t.Errorf("%d files, %d errors, %v", n, len(errs), errs[:min(3, len(errs))])
			}
		})
	}
}

// FuzzCompile: whatever is read, it ends, and gives HTML or says why not, at a
// place that is in the source.
func FuzzCompile(f *testing.F) {
	_, texts := pages(f, "testdata/pages/*.mjml")
	for _, text := range texts {
		f.Add(text)
	}
	for _, text := range []string{"", "<", "<mj", "<mjml", "<mjml><mj-body a=", "<mjml><mj-body a='", "</>", "<!---->", "<!-->", "<mjml><mj-body><!--", "<mj-text><mj-text></mj-text>", "<mjml/><mjml/>",
		"<mjml><mj-body><mj-section><mj-column width=\"\"><mj-image width=\"px\" padding=\" \"/></mj-column></mj-section></mj-body></mjml>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		html, errs := Compile(Source{Path: "p", Text: text}, Options{Waits: func(s string) bool { return strings.Contains(s, "lq") },
			Include: func(path string, _ Error) (Source, bool) { return Source{Path: path, Text: text}, path != "" }})
		if (html == "") == (len(errs) == 0) {
			t.Fatalf("%d bytes of HTML, %d errors", len(html), len(errs))
		}
		lines := strings.Split(text, "\n")
		for _, e := range errs {
			if e.Message == "" || e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len(lines[e.Line-1])+1 {
				t.Fatalf("%v", e)
			}
		}
	})
}

// BenchmarkCompile is one page with most of the tags, 3 kB of MJML.
func BenchmarkCompile(b *testing.B) {
	data, err := os.ReadFile("testdata/pages/welcome.mjml")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := Compile(Source{Path: "p", Text: string(data)}, Options{}); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}
