package mjml

import (
	"slices"
	"strings"
)

// element is a tag of the body on its way to HTML.
type element struct {
	*node
	scope
	attrs map[string]string // with all defaults
	index int               // its place among the siblings that are no raw parts
	count int               // how many of those there are
}

// scope is what the parents say about the place of an element.
type scope struct {
	width         float64 // of the container, in pixels
	class         string  // the nearest mj-class of the parents
	gap           string  // between the sections of a wrapper
	gutter        string  // between the columns of a section
	direction     string  // in which those columns go
	inGroup       bool
	thumbnails    string // of a carousel
	carousel      string // its id
	accordionFont string // font-family of the accordion
	elementFont   string // and of its element
}

// compiler is the writing of one page.
type compiler struct {
	writer
	set     *settings
	queries queries
	heads   []string // tags that need a style sheet of their own, in order
	sheets  []string // style sheets of single elements
	ids     int
}

// element puts together the attributes of a tag: its own, those of its classes,
// those given by the parent (given), and the defaults.
func (c *compiler) element(n *node, in scope, given map[string]string) *element {
	e := &element{node: n, scope: in, attrs: map[string]string{}}
	set := func(values map[string]string) {
		for k, v := range values {
			e.attrs[k] = v
		}
	}
	t := vocab().tags[n.tag]
	set(t.values)
	set(c.set.all)
	set(given)
	set(c.set.tags[n.tag])
	classes := ""
	own := n.attr("mj-class")
	for _, name := range strings.Fields(own) {
		values := c.set.classes[name]
		set(values)
		if v := values["css-class"]; v != "" {
			classes = strings.TrimSpace(classes + " " + v)
			e.attrs["css-class"] = classes
		}
	}
	for _, name := range strings.Fields(in.class) {
		set(c.set.classTags[name][n.tag])
	}
	for _, a := range n.attrs {
		e.attrs[a.name] = a.value
	}
	if own != "" {
		e.class = own
	}
	for name, v := range e.attrs {
		if t.kinds[name].form == "color" {
			e.attrs[name] = longColor(v)
		}
	}
	return e
}

// longColor writes #abc as #aabbcc: not every mail program reads the former.
func longColor(v string) string {
	if len(v) == 4 && v[0] == '#' && isWord(v[1]) && isWord(v[2]) && isWord(v[3]) {
		return string([]byte{'#', v[1], v[1], v[2], v[2], v[3], v[3]})
	}
	return v
}

func (e *element) get(name string) string { return e.attrs[name] }

// same gives attributes as declarations of the same names.
func (e *element) same(names ...string) []string {
	out := make([]string, 0, 2*len(names))
	for _, name := range names {
		out = append(out, name, e.attrs[name])
	}
	return out
}

var (
	borders  = []string{"border", "border-bottom", "border-left", "border-right", "border-top"}
	paddings = []string{"padding", "padding-top", "padding-right", "padding-bottom", "padding-left"}
)

func (e *element) padding() []string { return e.same(paddings...) }

// side is the size of one side of an attribute such as padding.
func (e *element) side(name, side string) float64 {
	if v := e.get(name + "-" + side); v != "" {
		return whole(v)
	}
	return shorthand(e.get(name), side)
}

func (e *element) sides(name string) float64 { return e.side(name, "left") + e.side(name, "right") }

// borderSides is the width of the left and the right border together.
func (e *element) borderSides(name string) float64 {
	total := 0.0
	for _, side := range []string{"left", "right"} {
		border := e.get(name + "-" + side)
		if border == "" {
			border = e.get(name)
		}
		total += borderWidth(border)
	}
	return total
}

// box is the width inside of paddings and borders.
func (e *element) box() float64 {
	return whole(number(e.width)) - e.sides("padding") - e.borderSides("border")
}

func (e *element) wholeWidth() string { return number(whole(number(e.width))) }

// bgcolor is the colour for an attribute of that name.
func (e *element) bgcolor() string {
	if v := e.get("background-color"); v != "none" {
		return v
	}
	return ""
}

// outlookClass is the class that a part for Outlook has beside each css-class.
func (e *element) outlookClass(suffix string) string {
	var list []string
	for name := range strings.FieldsSeq(e.get("css-class")) {
		list = append(list, name+"-"+suffix)
	}
	return strings.Join(list, " ")
}

// each writes the children; raw parts as they are, the others by write.
func (c *compiler) each(e *element, in scope, given map[string]string, write func(*element)) {
	in.class = e.class
	count := len(slices.DeleteFunc(slices.Clone(e.children), isRaw))
	index := 0
	for _, child := range e.children {
		if isRaw(child) {
			c.WriteString(child.content)
			continue
		}
		el := c.element(child, in, given)
		el.index, el.count = index, count
		write(el)
		index++
	}
}

func isRaw(n *node) bool { return n.tag == "mj-raw" }

// needs notes that the page has to have the style sheet of a tag.
func (c *compiler) needs(tag string) {
	if !slices.Contains(c.heads, tag) {
		c.heads = append(c.heads, tag)
	}
}

// write writes one element of the body.
func (c *compiler) write(e *element) {
	switch e.tag {
	case "mj-section", "mj-wrapper":
		c.section(e)
	case "mj-hero":
		c.hero(e)
	case "mj-column":
		c.column(e)
	case "mj-group":
		c.group(e)
	case "mj-text":
		c.text(e)
	case "mj-button":
		c.button(e)
	case "mj-image":
		c.image(e)
	case "mj-divider":
		c.divider(e)
	case "mj-spacer":
		c.spacer(e)
	case "mj-table":
		c.dataTable(e)
	case "mj-social":
		c.social(e)
	case "mj-navbar":
		c.navbar(e)
	case "mj-accordion":
		c.accordion(e)
	case "mj-carousel":
		c.carousel(e)
	}
}
