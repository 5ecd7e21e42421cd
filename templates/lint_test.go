package templates

import (
	"slices"
	"strings"
	"testing"
)

// lint gives what is found in files, for somebody of whom all that the
// templates use is known, and for one of whom only the address is.
func lint(t *testing.T, files ...string) []string {
	t.Helper()
	set := mustCompile(t, files...)
	in := LintInput{
		Known:    Input{Contact: ana(), Company: northwind()},
		Stranger: Input{Contact: map[string]any{"email": "b@example.com", "stage": "stranger"}, Company: northwind()},
		Source: func(file string) string {
			if i := slices.Index(files, file); i >= 0 {
				return files[i+1]
			}
			return ""
		},
	}
	var got []string
	for _, f := range set.Template("a").Lint(in) {
		got = append(got, f.Code+" "+f.String())
	}
	return got
}

func TestLint(t *testing.T) {
	front := "---\nsubject: Two rides\npreheader: And a bakery\n---\n"
	html := func(body string) []string {
		return []string{"a.html", "---\nsubject: Two rides\n---\n<html><body>\n" + body + "\n<p>{{ company.address }} <a href=\"{{ unsubscribe_url }}\">Unsubscribe</a> <a href=\"{{ preferences_url }}\">Change</a></p></body></html>"}
	}
	subject := func(s string) []string { return []string{"a.md", "---\nsubject: " + s + "\n---\nHi\n"} }
	for _, c := range []struct {
		title string
		files []string
		want  []string
	}{
		{"nothing", []string{"a.md", front + "Hi {{ contact.first_name | default: 'there' }} {% if contact.zip %}{{ contact.zip }}{% endif %}\n\n![a bike](https://x.example/a.png) [b](https://x.example/b)\n"}, nil},
		{"the built-in layouts", []string{"a.html", "---\nsubject: Two rides\nlayout: plain\n---\n<h1>Hi</h1><ul><li>a</li></ul>"}, nil},
		{"MJML", []string{"a.mjml", front + `<mjml><mj-body background-color="#fff"><mj-section background-color="#336"><mj-column><mj-text color="#fff">Hi</mj-text><mj-button href="https://x.example/">Go</mj-button></mj-column></mj-section><mj-include path="footer.mjml" /></mj-body></mjml>`}, nil},
		{"addresses of our own", []string{"a.md", front + "[a]({{ survey_url }}) [b]({{ referral_url }}) [c]({{ confirm_url }}) [d]({{ view_url }})\n"}, nil},
		{"missing values, all of them", []string{"a.md", "---\nsubject: Hi {{ contact.first_name }}\n---\n{{ contact.first_name }} {{ contact.zip | upcase }}\n{{ contact.attributes.city }}{{ event.total }}\n"}, []string{
			`missing-value a.md:2:16: not everybody has a contact.first_name: the mail of who has none fails (give it a default, {{ contact.first_name | default: "…" }}, or ask for it with {% if %})`,
			`missing-value a.md:4:29: not everybody has a contact.zip: the mail of who has none fails (give it a default, {{ contact.zip | default: "…" }}, or ask for it with {% if %})`,
			`missing-value a.md:5:4: not everybody has a contact.attributes.city: the mail of who has none fails (give it a default, {{ contact.attributes.city | default: "…" }}, or ask for it with {% if %})`,
		}},
		{"addresses that only some mail has", []string{"a.md", front + "[yes]({{ confirm_url }}) [how was it]({{ survey_url }}?score=5) [a friend]({{ referral_url }})\n"}, nil},
		{"links", html(`<a href="">one</a> <a href="#">two</a> <a href="#top">three</a>
<a href="/guides">four</a> <a href="https://">five</a>
<a href="javascript:x">six</a> <a href="mailto:nobody">seven</a> <a href="mailto:a@b.example?subject=x">eight</a>
<a href="https://x.example/a b">nine</a> <a href="tel:+49 40">ten</a> <a href="tel:+4940">eleven</a> <a href="http://localhost/x">twelve</a>
<a name="x">thirteen</a> <a href="https://x.example:99999999/%zz">fourteen</a>`), []string{
			`broken-link a.html:5:12: the link "one" leads nowhere`,
			`broken-link a.html:5:32: the link "two" leads nowhere`,
			`broken-link a.html:6:10: the address /guides has no https:// before it: a mail stands on no site`,
			`broken-link a.html:6:37: the address https:// has no host that a reader could reach`,
			`broken-link a.html:7:10: the address javascript:x begins with javascript:, which mail programs do not open`,
			`broken-link a.html:7:41: the address mailto:nobody has no @`,
			`broken-link a.html:8:10: the address https://x.example/a b is none`,
			`broken-link a.html:8:51: the address tel:+49 40 is none`,
			`broken-link a.html:8:111: the address http://localhost/x has no host that a reader could reach`,
			`broken-link a.html:9:35: the address https://x.example:99999999/%zz is none`,
		}},
		{"pictures", html(`<img src="https://x.example/a.png"><img src="https://x.example/b.png" alt="">
<a href="https://x.example/go"><img src="https://x.example/c.png" alt=""></a><div style="display:none"><img src="https://x.example/d.png"></div>`), []string{
			`no-alt a.html:5:11: the picture https://x.example/a.png has no alt (say what it shows, or write alt="" when it only decorates)`,
			`no-alt a.html:6:10: the link to https://x.example/go has no words: its picture has an empty alt (say in alt where it leads)`,
		}},
		{"contrast", html(`<p style="color:#777777">grey</p><p style="color:#767676">just enough</p>
<p style="font-size:24px;color:#949494">large</p><p style="font-size:24px;color:#999">large and grey</p>
<div style="background:#000000 url(x.png)"><p style="color:#111">a picture behind</p></div>
<table bgcolor="navy"><tr><td>black on navy</td><td style="color:white">white</td></tr></table>
<div style="background-color:#000;color:#fff"><a href="https://x.example/">a link without a colour</a></div>`), []string{
			`low-contrast a.html:5:26: "grey" is hard to read: #777777 on #ffffff has a contrast of 4.4 (it takes 4.5)`,
			`low-contrast a.html:6:87: "large and grey" is hard to read: #999999 on #ffffff has a contrast of 2.8 (it takes 3.0)`,
			`low-contrast a.html:8:31: "black on navy" is hard to read: #000000 on #000080 has a contrast of 1.3 (it takes 4.5)`,
			`low-contrast a.html:9:76: "a link without a colour" is hard to read: #0000ee on #000000 has a contrast of 2.2 (it takes 4.5)`,
		}},
		{"the same mistake in several places", []string{"a.html", "---\nsubject: Two rides\nlayout: l\n---\n<p><a href=\"/x\">one</a> <a href='/x'>two</a></p>\n{% for i in (1..3) %}<a href=\"/loop\">three</a>{% endfor %}\n{% render \"p\" %}<p><img src=\"https://x.example/a.png\" alt=\"a\"><img src=\"https://x.example/a.png\"></p>\n",
			"layouts/l.html", "<html><body><a href=\"/home\">Home</a>\n{{ content }}\n<a href=\"/x\">x</a> {{ company.address }} {{ unsubscribe_url }} {{ preferences_url }}</body></html>",
			"partials/p.html", "<b>\n<a href=\"{{ company.website }}:x/mine\">mine</a></b>"}, []string{
			`broken-link a.html:5:13: the address /x has no https:// before it: a mail stands on no site`,
			`broken-link a.html:5:34: the address /x has no https:// before it: a mail stands on no site`,
			`broken-link a.html:6:31: the address /loop has no https:// before it: a mail stands on no site`,
			`no-alt a.html:7:73: the picture https://x.example/a.png has no alt (say what it shows, or write alt="" when it only decorates)`,
			`broken-link layouts/l.html:1:22: the address /home has no https:// before it: a mail stands on no site`,
			`broken-link layouts/l.html:3:10: the address /x has no https:// before it: a mail stands on no site`,
			`broken-link partials/p.html:2:34: the address https://northwind.example:x/mine is none`,
		}},
		{"a value in the branch of another", []string{"a.md", front + "{% if contact.first_name %}{{ contact.first_name }} {{ contact.attributes.bike }}{% endif %}\n"}, []string{
			`missing-value a.md:5:56: not everybody has a contact.attributes.bike: the mail of who has none fails (give it a default, {{ contact.attributes.bike | default: "…" }}, or ask for it with {% if %})`,
		}},
		{"size", html(strings.Repeat("<p>word word</p>", 7000)), []string{
			`too-large a.html:1:1: the HTML has 110 KB: Gmail shows 102 KB and hides the rest, with the way to unsubscribe (fewer parts, or shorter ones)`}},
		{"no text", []string{"a.html", "---\nsubject: Two rides\nkind: transactional\n---\n<html><body><img src=\"https://x.example/a.png\" alt=\"\"></body></html>"}, []string{
			"no-text a.html:1:1: the text part is empty (write words, not only pictures, or a.txt beside it)"}},
		{"a hidden footer", []string{"a.html", "---\nsubject: Two rides\n---\n<html><body>Hi {% if contact.stage == \"never\" %}{{ company.address }} {{ unsubscribe_url }} {{ preferences_url }}{% endif %}</body></html>"}, []string{
			"hidden-footer a.html:1:1: the link to unsubscribe does not show in the HTML (it must be there for everybody: look at the conditions round it)",
			"hidden-footer a.html:1:1: the link to unsubscribe does not show in the text (it must be there for everybody: look at the conditions round it)",
			"hidden-footer a.html:1:1: the postal address does not show (it must be there for everybody: look at the conditions round it)"}},
		{"a text without the way out", []string{"a.md", front + "Hi\n", "a.txt", "Hi {{ company.address }}\n"}, []string{
			"hidden-footer a.md:1:1: the link to unsubscribe does not show in the text (it must be there for everybody: look at the conditions round it)"}},
		{"a long subject", subject(strings.Repeat("ride ", 15)), []string{
			"risky-subject a.md:2:1: the subject has 74 characters (most mail programs show up to 70, phones half of that)"}},
		{"a loud subject", subject(`"ACT NOW AND WIN!!"`), []string{
			"risky-subject a.md:2:1: the subject is written in capitals (write it as a sentence)",
			"risky-subject a.md:2:1: the subject repeats punctuation (once is enough)",
			`risky-subject a.md:2:1: the subject says "act now", as junk mail does (say what is in the mail)`}},
		{"an excited subject", subject(`"New! Blue! Fast!"`), []string{"risky-subject a.md:2:1: the subject has 3 exclamation marks (one is enough)"}},
		{"a false answer", subject(`"Re: your bike"`), []string{
			"risky-subject a.md:2:1: the subject says that it answers or forwards a mail (it does not, and laws on misleading subjects know the trick)"}},
		{"no subject", subject(`"{% if contact.zip == 1 %}x{% endif %}"`), []string{"risky-subject a.md:2:1: the subject is empty"}},
		{"the preheader", []string{"a.md", "---\nsubject: Two rides\npreheader: Two rides\n---\nHi\n"}, []string{
			"risky-subject a.md:3:1: the preheader says the same as the subject (it stands beside it: say what comes next)"}},
		{"another language", []string{"a.md", "---\nsubject: Two rides\nlanguages: { de: a.de.md }\n---\nHi\n", "a.de.md", "---\nsubject: Zwei Touren\n---\nHallo {{ contact.first_name }}\n"}, []string{
			`missing-value a.de.md:4:10: not everybody has a contact.first_name: the mail of who has none fails (give it a default, {{ contact.first_name | default: "…" }}, or ask for it with {% if %})`}},
		{"what cannot be rendered", []string{"a.md", front + `{% for i in (1..9999999) %}x{% endfor %}` + "\n"}, []string{
			"does-not-render a.md:5:1: the template's loops run more than 100,000 times in all (shorten the list or add limit:)"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			if got := lint(t, c.files...); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
