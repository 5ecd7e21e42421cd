package mjml

import (
	"math"
	"slices"
	"strings"
)

// text writes mj-text.
func (c *compiler) text(e *element) {
	height := e.get("height")
	if height != "" {
		c.outlook(func() {
			c.WriteString(`<table role="presentation" border="0" cellpadding="0" cellspacing="0"><tr>`)
			c.open("td", "height", height, "style", style("vertical-align", "top", "height", height))
		})
	}
	c.open("div", "style", style(slices.Concat(
		e.same("font-family", "font-size", "font-style", "font-weight", "letter-spacing", "line-height"),
		[]string{"text-align", e.get("align")}, e.same("text-decoration", "text-transform", "color", "height"))...))
	c.WriteString(e.content)
	c.close("div")
	if height != "" {
		c.outlook(func() { c.close("td", "tr", "table") })
	}
}

// button writes mj-button: a link that looks like a button, without a link a
// paragraph that does.
func (c *compiler) button(e *element) {
	c.table("style", style("border-collapse", "separate", "width", e.get("width"), "line-height", "100%"))
	c.WriteString("<tbody><tr>")
	c.open("td", "align", "center", "bgcolor", e.bgcolor(), "role", "presentation", "valign", e.get("vertical-align"),
		"style", style(slices.Concat(e.same(borders...), []string{"border-radius", e.get("border-radius"), "cursor", "auto"},
			e.same("font-style", "height"), []string{"mso-padding-alt", e.get("inner-padding"), "text-align", e.get("text-align"),
				"background", e.get("background-color")})...))
	tag, target := "p", ""
	if e.get("href") != "" {
		tag, target = "a", e.get("target")
	}
	c.open(tag, "href", e.get("href"), "name", e.get("name"), "rel", e.get("rel"), "title", e.get("title"), "target", target,
		"style", style(slices.Concat([]string{"display", "inline-block", "width", e.buttonWidth(), "background", e.get("background-color")},
			e.same("color", "font-family", "font-size", "font-style", "font-weight", "line-height", "letter-spacing"),
			[]string{"margin", "0"}, e.same("text-decoration", "text-transform"),
			[]string{"padding", e.get("inner-padding"), "mso-padding-alt", "0px", "border-radius", e.get("border-radius")})...))
	c.WriteString(e.content)
	c.close(tag, "td", "tr", "tbody", "table")
}

// buttonWidth is the width inside of the button; a share of something depends
// on the text, and nobody can say it.
func (e *element) buttonWidth() string {
	width := e.get("width")
	if value, unit := measure(width); width != "" && unit == "px" {
		return px(value - e.sides("inner-padding") - e.borderSides("border"))
	}
	return ""
}

// image writes mj-image.
func (c *compiler) image(e *element) {
	c.needs(e.tag)
	width := e.box()
	if w := e.get("width"); w != "" {
		width = min(width, whole(w))
	}
	class := ""
	if e.get("fluid-on-mobile") == "true" {
		class = "mj-full-width-mobile"
	}
	c.table("style", style("border-collapse", "collapse", "border-spacing", "0px"), "class", class)
	c.WriteString("<tbody><tr>")
	c.open("td", "style", style("width", px(width)), "class", class)
	href := e.get("href")
	if href != "" {
		c.open("a", "href", href, "target", e.get("target"), "rel", e.get("rel"), "name", e.get("name"), "title", e.get("title"))
	}
	height := e.get("height")
	if height != "auto" && height != "" {
		height = number(whole(height))
	}
	c.void("img", "alt", "alt", e.get("alt"), "src", e.get("src"), "srcset", e.get("srcset"), "sizes", e.get("sizes"),
		"style", style(slices.Concat(e.same(borders...), e.same("border-radius"), []string{"display", "block", "outline", "none",
			"text-decoration", "none", "height", e.get("height")}, e.same("max-height"), []string{"width", "100%", "font-size", e.get("font-size")})...),
		"title", e.get("title"), "width", number(width), "usemap", e.get("usemap"), "height", height)
	if href != "" {
		c.close("a")
	}
	c.close("td", "tr", "tbody", "table")
}

// divider writes mj-divider.
func (c *compiler) divider(e *element) {
	margin := "0px auto"
	switch e.get("align") {
	case "left":
		margin = "0px"
	case "right":
		margin = "0px 0px 0px auto"
	}
	line := []string{"border-top", strings.Join([]string{e.get("border-style"), e.get("border-width"), e.get("border-color")}, " "),
		"font-size", "1px", "margin", margin}
	c.open("p", "style", style(append(line, "width", e.get("width"))...))
	c.close("p")
	width := e.get("width")
	if value, unit := measure(width); unit == "%" {
		width = px((math.Trunc(e.width) - e.sides("padding")) * (math.Trunc(value) / 100))
	}
	c.outlook(func() {
		c.table("align", e.get("align"), "style", style(append(line, "width", width)...), "width", width)
		c.WriteString(`<tr><td style="height:0;line-height:0;">&nbsp;</td></tr></table>`)
	})
}

// spacer writes mj-spacer.
func (c *compiler) spacer(e *element) {
	c.open("div", "style", style("height", e.get("height"), "line-height", e.get("height")))
	c.WriteString("&#8202;</div>")
}

// dataTable writes mj-table: a table of the author's own rows.
func (c *compiler) dataTable(e *element) {
	width := e.get("width")
	if value, unit := measure(width); width != "auto" && unit != "%" {
		width = number(value)
	}
	collapse := ""
	if leading(e.get("cellspacing")) > 0 {
		collapse = "separate"
	}
	c.open("table", "cellpadding", e.get("cellpadding"), "cellspacing", e.get("cellspacing"), "role", e.get("role"), "width", width, "border", "0",
		"style", style(append(e.same("color", "font-family", "font-size", "line-height", "table-layout", "width", "border"), "border-collapse", collapse)...))
	c.WriteString(e.content)
	c.close("table")
}
