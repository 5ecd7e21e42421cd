package templates

import (
	"slices"
	"strings"
	"testing"
)

const goodFoot = "{{ unsubscribe_url }} {{ preferences_url }} {{ company.address }}"

func TestFindings(t *testing.T) {
	declared := CompileOptions{Topics: []string{"guides", "offers"}, Attributes: map[string]string{"zip": "text", "likes": "list"}}
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"nothing", []string{"a.md", "---\nsubject: Hi\n---\nHi\n"}, nil},
		{"no front matter", []string{"a.md", "Hi\n"}, []string{"a.md:1:1: the template has no subject (write subject: between --- lines at the top)"}},
		{"open front matter", []string{"a.md", "---\nsubject: Hi\n"}, []string{"a.md:1:1: the front matter is not closed (end it with a line of ---)"}},
		{"misspelt key", []string{"a.md", "---\nsubjct: Hi\n---\nHi\n"}, []string{`a.md:2:1: there is no key "subjct" (did you mean subject?)`}},
		{"unknown key", []string{"a.md", "---\nsubject: Hi\nwhatever: 1\n---\nHi\n"}, []string{`a.md:3:1: there is no key "whatever" (known are subject, preheader, layout, topic, languages, kind)`}},
		{"key twice", []string{"a.md", "---\nsubject: Hi\nsubject: Ho\n---\nHi\n"}, []string{"a.md:3:1: the key subject stands twice"}},
		{"wrong type", []string{"a.md", "---\nsubject: [a]\n---\nHi\n"}, []string{"a.md:2:10: subject is a text, not a list or map"}},
		{"a number", []string{"a.md", "---\nsubject: 2026\n---\nHi\n"}, []string{"a.md:2:10: subject is a text (put it into quotes)"}},
		{"no value", []string{"a.md", "---\nsubject:\n---\nHi\n"}, []string{"a.md:2:9: subject has no value"}},
		{"unquoted liquid", []string{"a.md", "---\nsubject: {{ contact.first_name }}\n---\nHi\n"}, []string{
			`a.md:2:10: subject is a map, not a text (YAML reads an unquoted {{ as a map: put the whole value into quotes, as in subject: "{{ contact.first_name }}")`}},
		{"unquoted liquid and more", []string{"a.md", "---\nsubject: {{ contact.first_name | default: 'Hello' }}, hi\n---\nHi\n"}, []string{
			`a.md:2:10: Liquid without quotes is no YAML (YAML reads an unquoted {{ as a map: put the whole value into quotes, as in subject: "{{ contact.first_name }}")`}},
		{"no YAML", []string{"a.md", "---\nsubject: a: b\n---\nHi\n"}, []string{"a.md:2:1: this is no YAML: mapping values are not allowed in this context"}},
		{"a tab", []string{"a.md", "---\nsubject: x\n\tlayout: y\n---\nHi\n"}, []string{"a.md:3:1: a tab in the front matter (YAML takes blanks only)"}},
		{"an alias", []string{"a.md", "---\nsubject: &s Hi\n---\nHi\n"}, []string{"a.md:2:10: no anchors and aliases in the front matter"}},
		{"no kind", []string{"a.md", "---\nsubject: Hi\nkind: transaction\n---\nHi\n"}, []string{`a.md:3:7: there is no kind "transaction" (marketing or transactional)`}},
		{"no topic", []string{"a.md", "---\nsubject: Hi\ntopic: guide\n---\nHi\n"}, []string{`a.md:3:8: there is no topic "guide" (did you mean guides?)`}},
		{"subject with a mistake", []string{"a.md", "---\nsubject: \"Hi {{ contact.first_nam }}\"\n---\nHi\n"}, []string{"a.md:2:17: there is no contact.first_nam (did you mean contact.first_name?)"}},
		{"subject with a syntax error", []string{"a.md", "---\nsubject: \"Hi {{ contact.first_name | upcas }}\"\n---\nHi\n"}, []string{`a.md:2:38: there is no filter "upcas" (did you mean upcase?)`}},
		{"syntax, all at once", []string{"a.md", "---\nsubject: Hi\n---\nHi {{ a | nope }}\n{% if %}\n"}, []string{
			`a.md:4:11: there is no filter "nope"`, "a.md:5:1: this {% if %} is not closed (close it with {% endif %})", "a.md:5:7: a value is missing"}},
		{"unknown variables", []string{"a.md", "---\nsubject: Hi\n---\n{{ contct.name }} {{ first_name }} {{ zip }} {{ whatever }}\n"}, []string{
			`a.md:4:4: there is no variable "contct" (did you mean contact?)`,
			`a.md:4:22: there is no variable "first_name" (did you mean contact.first_name?)`,
			`a.md:4:39: there is no variable "zip" (did you mean contact.zip?)`,
			`a.md:4:49: there is no variable "whatever" (known are contact, company, campaign, event, unsubscribe_url, preferences_url, view_url, referral_url, survey_url, confirm_url)`}},
		{"fields", []string{"a.md", "---\nsubject: Hi\n---\n{{ contact.zip }}{{ contact.attributes.like }}{{ contact.nam }}{{ company.adress }}{{ event.x.y }}{{ campaign.x }}\n"}, []string{
			"a.md:4:21: there is no contact.attributes.like (did you mean contact.attributes.likes?)",
			"a.md:4:50: there is no contact.nam (did you mean contact.name?)",
			"a.md:4:67: there is no company.adress (did you mean company.address?)"}},
		{"content in a template", []string{"a.md", "---\nsubject: Hi\n---\n{{ content }}\n"}, []string{`a.md:4:4: there is no variable "content" (did you mean contact?)`}},
		{"no partial", []string{"a.md", "---\nsubject: Hi\n---\nHi\n{% render 'foot' %}\n", "partials/foo.html", "x"}, []string{`a.md:5:1: there is no partial "foot" (did you mean foo?)`}},
		{"no partial at all", []string{"a.md", "---\nsubject: Hi\n---\nHi\n{% render 'foot' %}\n"}, []string{`a.md:5:1: there is no partial "foot" (write it as partials/foot.html)`}},
		{"partial by variable", []string{"a.md", "---\nsubject: Hi\n---\n{% include contact.name %}\n"}, []string{"a.md:4:1: the partial's name must be written in quotes (all partials are put together before anybody is mailed)"}},
		{"partial in itself", []string{"a.md", "---\nsubject: Hi\n---\n{% render 'p' %}\n", "partials/p.html", "x\n{% render 'q' %}", "partials/q.html", "{% render 'p' %}"}, []string{
			`partials/q.html:1:1: the partial "p" includes itself`}},
		{"variables in a partial", []string{"a.md", "---\nsubject: Hi\n---\n{% assign x = 1 %}{% render 'p', y: 2 %}\n", "partials/p.html", "{{ y }}\n{{ x }}{{ p }}"}, []string{
			`partials/p.html:2:4: there is no variable "x" (known are contact, company, campaign, event, unsubscribe_url, preferences_url, view_url, referral_url, survey_url, confirm_url, content, subject, preheader, language, kind)`,
			`partials/p.html:2:11: there is no variable "p" (known are contact, company, campaign, event, unsubscribe_url, preferences_url, view_url, referral_url, survey_url, confirm_url, content, subject, preheader, language, kind)`}},
		{"a partial's mistake counts once", []string{"a.md", "---\nsubject: Hi\n---\n{% render 'p' %}\n", "b.md", "---\nsubject: Hi\n---\n{% render 'p' %}\n", "partials/p.html", "{{ contact.x }}"}, []string{
			"partials/p.html:1:4: there is no contact.x (known are id, email, first_name, last_name, name, language, timezone, stage, health, created_at, attributes, points, tier, benefits, likes, zip)"}},
		{"rule 29: no layout, no footer findings", []string{"a.md", "---\nsubject: Hi\nlayout: leter\n---\nHi {{ contact.nme }}\n"}, []string{
			`a.md:3:9: there is no layout "leter" (did you mean letter?)`, "a.md:5:7: there is no contact.nme (did you mean contact.name?)"}},
		{"no content", []string{"a.md", "---\nsubject: Hi\nlayout: l\n---\nHi\n", "layouts/l.html", goodFoot}, []string{"layouts/l.html:1:1: the layout does not show the content (write {{ content }} where it belongs)"}},
		{"no footer", []string{"a.md", "---\nsubject: Hi\nlayout: l\n---\nHi\n", "layouts/l.html", "<p>{{ content }}</p>"}, []string{
			"a.md:3:9: the mail has no link to the preferences (write {{ preferences_url }} into the layout, or kind: transactional into the front matter if it is no marketing)",
			"a.md:3:9: the mail has no postal address (write {{ company.address }} into the layout, or kind: transactional into the front matter if it is no marketing)",
			"a.md:3:9: the mail has no unsubscribe link (write {{ unsubscribe_url }} into the layout, or kind: transactional into the front matter if it is no marketing)"}},
		{"no footer, transactional", []string{"a.md", "---\nsubject: Hi\nlayout: l\nkind: transactional\n---\nHi\n", "layouts/l.html", "<p>{{ content }}</p>"}, nil},
		{"footer in the body", []string{"a.html", "---\nsubject: Hi\nlayout: none\n---\n<p>Hi</p>" + goodFoot}, nil},
		{"rule 25: contact in the host", []string{"a.md", "---\nsubject: Hi\n---\n[a](https://{{ contact.zip }}.example/) [b]({{ contact.zip }}/x) [c](https://x.example/{{ contact.zip }}?{{ contact.zip }})\n"}, []string{
			"a.md:4:16: contact.zip stands in the scheme or host of a link (write the host out: contact data may stand in the path and the query only)",
			"a.md:4:48: contact.zip stands in the scheme or host of a link (write the host out: contact data may stand in the path and the query only)"}},
		{"rule 25: by a variable", []string{"a.md", "---\nsubject: Hi\n---\n{% assign u = contact.zip | downcase %}\n\n[a]({{ u }})\n"}, []string{
			"a.md:6:8: u stands in the scheme or host of a link (write the host out: contact data may stand in the path and the query only)"}},
		{"event's address", []string{"a.md", "---\nsubject: Hi\n---\n[a]({{ event.url }})\n"}, nil},
		{"MJML", []string{"a.mjml", "---\nsubject: Hi\n---\n<mjml></mjml>"}, []string{"a.mjml:4:1: <mjml> has no <mj-body> (write <mj-body> into it)"}},
		{"language that is not there", []string{"a.md", "---\nsubject: Hi\nlanguages: { de: a.d.md }\n---\nHi\n"}, []string{`a.md:3:18: there is no file "a.d.md" (did you mean a.md?)`}},
		{"no language", []string{"a.md", "---\nsubject: Hi\nlanguages: { german!: a.de.md }\n---\nHi\n", "a.de.md", "---\nsubject: Hi\n---\nHi\n"}, []string{`a.md:3:14: "german!" is no language (write it as de or de-AT)`}},
		{"forgotten language", []string{"a.md", "---\nsubject: Hi\n---\nHi\n", "a.de.md", "---\nsubject: Hi\n---\nHi\n"}, []string{`a.de.md:1:1: "a.de" is no name for a template (if this is a in another language, name it under languages there)`}},
		{"bad name", []string{"Hello_World.md", "---\nsubject: Hi\n---\nHi\n"}, []string{`Hello_World.md:1:1: "Hello_World" is no name for a template (a template's name has lower-case letters, digits and dashes)`}},
		{"same name", []string{"a.md", "---\nsubject: Hi\n---\nHi\n", "a.html", "---\nsubject: Hi\n---\nHi\n"}, []string{"a.md:1:1: there are two templates called a (the other is a.html)"}},
		{"orphan text", []string{"a.txt", "Hi\n"}, []string{"a.txt:1:1: no template stands beside this text (name it like its template: a.md, a.html or a.mjml)"}},
		{"other files", []string{"a.png", "x", "emails/a.md", "x", "layouts/a.md", "x", "partials/a.png", "x", ".DS_Store", "x"}, []string{
			"a.png:1:1: this is no template (templates end in .md, .html, .mjml or .txt)",
			"emails/a.md:1:1: there is no folder emails for templates (templates stand in the folder itself, layouts in layouts/, partials in partials/)",
			"layouts/a.md:1:1: this is no layout (layouts end in .html)",
			"partials/a.png:1:1: this is no partial (partials end in .html, .md, .mjml, .css or .txt)"}},
		{"byte-order mark", []string{"a.md", "\xef\xbb\xbf---\nsubject: Hi\n---\nHi\n"}, []string{"a.md:1:1: the file begins with a byte-order mark (save it as UTF-8 without one)"}},
		{"no UTF-8", []string{"a.md", "---\nsubject: Hi\n---\nH\xfc\n"}, []string{"a.md:4:2: this is no UTF-8 text (save the file as UTF-8)"}},
		{"too large", []string{"a.md", strings.Repeat("x", 1<<20+1)}, []string{"a.md:1:1: the file is larger than 1 MiB"}},
		{"value in a script", []string{"a.html", "---\nsubject: Hi\n---\n<script>var a = {{ contact.name }}</script>"}, []string{"a.html:4:17: a value cannot stand in a script (mail programs run no scripts: take it out)"}},
		{"torn element", []string{"a.html", "---\nsubject: Hi\n---\n{% if contact.name %}<div>{% else %}<div class='b'>{% endif %}x</div>"}, []string{
			"a.html:4:1: the parts of this {% if %} stand in different HTML elements (begin and end every element inside one branch; {% else %} is on line 4)"}},
		{"tag name", []string{"a.html", "---\nsubject: Hi\n---\n<{{ contact.name }}>x"}, []string{"a.html:4:2: Liquid cannot stand in the name of an HTML tag (write both tags and choose between them with if)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, findings := compile(declared, c.files...)
			var got []string
			for _, f := range findings {
				got = append(got, f.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func TestUndeclaredAttributesPass(t *testing.T) {
	mustCompile(t, "a.md", "---\nsubject: Hi\n---\n{{ contact.shoe_size }}{{ contact.attributes.zip }}\n")
}

func TestBrokenTemplatesDoNotRender(t *testing.T) {
	set, _ := compile(CompileOptions{}, "a.md", "---\nsubject: Hi\n---\n{{ nope }}\n", "b.mjml", "---\nsubject: Hi\n---\n<mjml/>")
	for name, want := range map[string]string{
		"a": "template a: a.md:1:1: this template has findings: see rapport validate",
		"b": "template b: b.mjml:1:1: this template has findings: see rapport validate",
	} {
		if _, err := set.Template(name).Render(Input{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if set.Template("c") != nil {
		t.Error("there is a template c")
	}
}
