package css

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestColors(t *testing.T) {
	for value, want := range map[string]string{
		"navy": "true [0 0 128] true", "#ABC": "true [170 187 204] true", "#0b6b4f": "true [11 107 79] true", " Red ": "true [255 0 0] true",
		"rgb(1, 2, 3)": "true [0 0 0] false", "hsl(120deg 100% 50% / 0.5)": "true [0 0 0] false", "transparent": "true [0 0 0] false", "#12345678": "true [0 0 0] false",
		"#12": "false [0 0 0] false", "#ggg": "false [0 0 0] false", "redd": "false [0 0 0] false", "": "false [0 0 0] false", "url(x)": "false [0 0 0] false",
	} {
		rgb, ok := RGB(value)
		if got := fmt.Sprint(IsColor(value), rgb, ok); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestDeclarations(t *testing.T) {
	var got []string
	for property, value := range Declarations(`color: red; background:url("a;b.png"); ; width : 5PX !important; broken; --x: Y`) {
		got = append(got, property+"="+value)
	}
	if want := []string{"color=red", "background=url('a;b.png')", "width=5PX", "--x=Y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestApply(t *testing.T) {
	rules, kept := Read(`p { color: red; margin: 0 !important } p:hover { color: blue } @media print { p { color: black } }`)
	if !strings.Contains(kept, "@media print") || !strings.Contains(kept, "p:hover") || strings.Contains(kept, "red") {
		t.Errorf("kept %q", kept)
	}
	for _, c := range []struct {
		tag, style, want string
		keep             bool
		changed          bool
	}{
		{"p", "color:green;padding:1px", "color:green;padding:1px;margin:0", false, true},
		{"p", "KEEP", "color:red;margin:0;KEEP", true, true},
		{"b", "color:green", "color:green", false, false},
	} {
		n := &html.Node{Type: html.ElementNode, Data: c.tag, Attr: []html.Attribute{{Key: "style", Val: c.style}}}
		changed := Apply(n, rules, func(string) bool { return c.keep })
		if got := attr(n, "style"); got != c.want || changed != c.changed {
			t.Errorf("%s %q: got %q, %v", c.tag, c.style, got, changed)
		}
	}
}
