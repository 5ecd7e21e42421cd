package liquid

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestVariables(t *testing.T) {
	source := `{{ contact.first_name | default: contact.nick }}
{% assign x = contact.age %}{{ x }}{{ y }}
{% for item in event.items limit: company.max %}{{ item.name }}{{ forloop.index }}{{ contact['last name'] }}{% endfor %}{{ item }}
{% if contact.stage == "a" and b[c].d %}{% endif %}{% capture cap %}{{ contact.zip }}{% endcapture %}{{ cap }}
{% cycle grp: one, 2 %}{% increment n %}{{ n }}{% case k %}{% when w %}{% endcase %}{{ (1..r) | join: sep }}
{% render 'p', a: contact.email %}{% tablerow z in rows cols: w2 %}{{ z }}{% endtablerow %}`
	tmpl, errs := Parse("t", source, 1)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got []string
	for _, v := range tmpl.Variables() {
		s := fmt.Sprintf("%d:%d %s", v.Line, v.Column, strings.Join(v.Path, "."))
		if v.HasDefault {
			s += " default"
		}
		if v.Output {
			s += " output"
		}
		got = append(got, s)
	}
	want := []string{
		"1:4 contact.first_name default output", "1:34 contact.nick",
		"2:15 contact.age", "2:39 y output",
		"3:16 event.items", "3:35 company.max", "3:86 contact.last name output", "3:124 item output",
		"4:7 contact.stage", "4:34 c", "4:32 b.*.d", "4:72 contact.zip output",
		"5:15 one", "5:56 k", "5:68 w", "5:92 r", "5:103 sep",
		"6:19 contact.email", "6:63 w2", "6:52 rows",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := tmpl.Partials(); len(p) != 1 || p[0] != (PartialUse{"p", "t", 6, 1}) {
		t.Errorf("partials: %+v", p)
	}
	origins := tmpl.Origins()
	for name, want := range map[string]string{"x": "contact", "item": "event", "cap": "contact", "a": "contact", "z": "rows"} {
		if got := strings.Join(origins[name], " "); got != want {
			t.Errorf("origin of %s: %s, want %s", name, got, want)
		}
	}
}

func TestOriginsThroughOthers(t *testing.T) {
	tmpl, errs := Parse("t", "{% assign a = contact.x %}{% assign b = a | upcase %}{% capture c %}x{{ b }}{% endcapture %}", 1)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if got := tmpl.Origins()["c"]; !reflect.DeepEqual(got, []string{"contact"}) {
		t.Errorf("c comes from %v", got)
	}
}
