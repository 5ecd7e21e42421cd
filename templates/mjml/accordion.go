package mjml

import (
	"cmp"
	"slices"
)

// icons are the attributes that an accordion hands down to its elements, and
// those to what is in them.
var icons = []string{"border", "icon-align", "icon-width", "icon-height", "icon-position",
	"icon-wrapped-url", "icon-wrapped-alt", "icon-unwrapped-url", "icon-unwrapped-alt"}

// accordion writes mj-accordion: titles that show their text when clicked.
func (c *compiler) accordion(e *element) {
	c.needs(e.tag)
	c.open("table", "cellspacing", "0", "cellpadding", "0", "class", "mj-accordion", "style", style("width", "100%", "border-collapse", "collapse",
		"border", e.get("border"), "border-bottom", "none", "font-family", e.get("font-family")))
	c.WriteString("<tbody>")
	in := e.scope
	in.accordionFont = e.get("font-family")
	c.each(e, in, e.given(icons...), c.accordionElement)
	c.close("tbody", "table")
}

func (c *compiler) accordionElement(e *element) {
	c.open("tr", "class", e.get("css-class"))
	c.open("td", "style", style("padding", "0px", "background-color", e.get("background-color")))
	c.open("label", "class", "mj-accordion-element", "style", style("font-size", "13px", "font-family", e.get("font-family")))
	c.WriteString(ifNotOutlook)
	c.void("input", "", "class", "mj-accordion-checkbox", "type", "checkbox", "style", style("display", "none"))
	c.WriteString(endIfNot + "<div>")
	in, given := e.scope, e.given(icons...)
	in.elementFont = e.get("font-family")
	has := func(tag string) bool {
		return slices.ContainsFunc(e.children, func(n *node) bool { return n.tag == tag })
	}
	if !has("mj-accordion-title") {
		c.accordionTitle(c.element(&node{tag: "mj-accordion-title"}, in, given))
	}
	c.each(e, in, given, func(child *element) {
		if child.tag == "mj-accordion-title" {
			c.accordionTitle(child)
		} else {
			c.accordionText(child)
		}
	})
	if !has("mj-accordion-text") {
		c.accordionText(c.element(&node{tag: "mj-accordion-text"}, in, given))
	}
	c.close("div", "label", "td", "tr")
}

// accordionFamily: a font that is written in the tag comes before those of the
// element and the accordion, those before all other defaults.
func (e *element) accordionFamily() string {
	return cmp.Or(e.attr("font-family"), e.elementFont, e.accordionFont)
}

func (c *compiler) accordionTitle(e *element) {
	title := func() {
		c.open("td", "class", e.get("css-class"), "style", style(slices.Concat([]string{"width", "100%"}, e.same("background-color", "color", "font-size"),
			[]string{"font-family", e.accordionFamily()}, e.same("font-weight"), e.padding())...))
		c.WriteString(e.content)
		c.close("td")
	}
	icon := func() {
		c.WriteString(ifNotOutlook)
		c.open("td", "class", "mj-accordion-ico", "style", style("padding", "16px", "background", e.get("background-color"), "vertical-align", e.get("icon-align")))
		css := style("display", "none", "width", e.get("icon-width"), "height", e.get("icon-height"))
		c.void("img", "alt", "src", e.get("icon-wrapped-url"), "alt", e.get("icon-wrapped-alt"), "class", "mj-accordion-more", "style", css)
		c.void("img", "alt", "src", e.get("icon-unwrapped-url"), "alt", e.get("icon-unwrapped-alt"), "class", "mj-accordion-less", "style", css)
		c.close("td")
		c.WriteString(endIfNot)
	}
	c.open("div", "class", "mj-accordion-title")
	c.open("table", "cellspacing", "0", "cellpadding", "0", "style", style("width", "100%", "border-bottom", e.get("border")))
	c.WriteString("<tbody><tr>")
	if e.get("icon-position") == "right" {
		title()
		icon()
	} else {
		icon()
		title()
	}
	c.close("tr", "tbody", "table", "div")
}

func (c *compiler) accordionText(e *element) {
	c.open("div", "class", "mj-accordion-content")
	c.open("table", "cellspacing", "0", "cellpadding", "0", "style", style("width", "100%", "border-bottom", e.get("border")))
	c.WriteString("<tbody><tr>")
	c.open("td", "class", e.get("css-class"), "style", style(slices.Concat([]string{"background", e.get("background-color"), "font-size", e.get("font-size"),
		"font-family", e.accordionFamily()}, e.same("font-weight", "letter-spacing", "line-height", "color"), e.padding())...))
	c.WriteString(e.content)
	c.close("td", "tr", "tbody", "table", "div")
}
