package mjml

import (
	"bytes"
	"strings"
)

// What only Outlook reads stands in conditional comments.
const (
	ifOutlook    = "<!--[if mso | IE]>"
	ifMSO        = "<!--[if mso]>"
	endIf        = "<![endif]-->"
	ifNotOutlook = "<!--[if !mso | IE]><!-->"
	ifNotMSO     = "<!--[if !mso]><!-->"
	endIfNot     = "<!--<![endif]-->"
)

// writer writes HTML. Attributes and styles are given as name, value, name,
// value …; those without a value are left out.
type writer struct {
	bytes.Buffer
	outlookEnd int // where the last part for Outlook ends
}

func (w *writer) open(name string, attrs ...string) {
	w.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			w.attr(attrs[i], attrs[i+1])
		}
	}
	w.WriteByte('>')
}

func (w *writer) attr(name, value string) { w.WriteString(" " + name + `="` + value + `"`) }

// void writes a tag that has no end. always names an attribute that is written
// even without a value, as alt is.
func (w *writer) void(name, always string, attrs ...string) {
	w.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" || attrs[i] == always {
			w.attr(attrs[i], attrs[i+1])
		}
	}
	w.WriteString(" />")
}

func (w *writer) close(names ...string) {
	for _, name := range names {
		w.WriteString("</" + name + ">")
	}
}

// outlook writes a part for Outlook. Two of them in a row become one comment.
func (w *writer) outlook(part func()) {
	if w.outlookEnd > 0 && w.outlookEnd == w.Len() {
		w.Truncate(w.Len() - len(endIf))
	} else {
		w.WriteString(ifOutlook)
	}
	part()
	w.WriteString(endIf)
	w.outlookEnd = w.Len()
}

// table opens a table that only lays things out.
func (w *writer) table(attrs ...string) {
	w.open("table", append([]string{"border", "0", "cellpadding", "0", "cellspacing", "0", "role", "presentation"}, attrs...)...)
}

// style writes declarations for a style attribute.
func style(declarations ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(declarations); i += 2 {
		if declarations[i+1] != "" {
			b.WriteString(declarations[i] + ":" + declarations[i+1] + ";")
		}
	}
	return b.String()
}
