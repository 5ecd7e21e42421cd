package mjml

import (
	"fmt"
	"slices"
)

// navbar writes mj-navbar: links in a row, which a small screen folds behind a
// button where hamburger says so.
func (c *compiler) navbar(e *element) {
	c.needs(e.tag)
	if e.get("hamburger") == "hamburger" {
		c.hamburger(e)
	}
	c.open("div", "class", "mj-inline-links")
	c.outlook(func() {
		c.open("table", "role", "presentation", "border", "0", "cellpadding", "0", "cellspacing", "0", "align", e.get("align"))
		c.WriteString("<tr>")
	})
	c.each(e, e.scope, nil, func(link *element) {
		c.outlook(func() {
			c.open("td", "style", style(link.padding()...), "class", link.outlookClass("outlook"))
		})
		class := "mj-link"
		if own := link.get("css-class"); own != "" {
			class += " " + own
		}
		c.open("a", "class", class, "href", e.get("base-url")+link.get("href"), "rel", link.get("rel"), "target", link.get("target"), "name", link.get("name"),
			"style", style(slices.Concat([]string{"display", "inline-block"}, link.same("color", "font-family", "font-size", "font-style",
				"font-weight", "letter-spacing", "line-height", "text-decoration", "text-transform"), link.padding())...))
		c.WriteString(link.content + "</a>\n") // a blank between words, which the page shows in no size
		c.outlook(func() { c.close("td") })
	})
	c.outlook(func() { c.close("tr", "table") })
	c.close("div")
}

func (c *compiler) hamburger(e *element) {
	id := c.id()
	c.WriteString(ifNotMSO)
	c.void("input", "", "type", "checkbox", "id", id, "class", "mj-menu-checkbox", "style", "display:none !important; max-height:0; visibility:hidden;")
	c.WriteString(endIfNot)
	c.open("div", "class", "mj-menu-trigger", "style", style("display", "none", "max-height", "0px", "max-width", "0px", "font-size", "0px", "overflow", "hidden"))
	label := []string{"display", "block", "cursor", "pointer", "mso-hide", "all", "-moz-user-select", "none", "user-select", "none"}
	for _, name := range slices.Concat([]string{"color", "font-size", "font-family", "text-transform", "text-decoration", "line-height"}, paddings) {
		label = append(label, name, e.get("ico-"+name))
	}
	c.open("label", "for", id, "class", "mj-menu-label", "style", style(label...), "align", e.get("ico-align"))
	c.open("span", "class", "mj-menu-icon-open", "style", style("mso-hide", "all"))
	c.WriteString(e.get("ico-open") + "</span>")
	c.open("span", "class", "mj-menu-icon-close", "style", style("display", "none", "mso-hide", "all"))
	c.WriteString(e.get("ico-close") + "</span></label></div>")
}

// id names the next part of the page that is found by its name.
func (c *compiler) id() string {
	c.ids++
	return fmt.Sprintf("%016x", c.ids)
}
