package mjml

import (
	"math"
	"slices"
	"strings"
)

// hero writes mj-hero: content on a background picture.
func (c *compiler) hero(e *element) {
	url, width := e.get("background-url"), e.get("background-width")
	if width == "" {
		width = px(e.width)
	}
	c.outlook(func() {
		c.table("align", "center", "style", style("width", px(e.width)), "width", e.wholeWidth())
		c.WriteString(`<tr><td style="line-height:0;font-size:0;mso-line-height-rule:exactly;">`)
		c.void("v:image", "", "style", style("border", "0", "height", e.get("background-height"), "mso-position-horizontal", "center",
			"position", "absolute", "top", "0", "width", width, "z-index", "-3"), "src", url, "xmlns:v", "urn:schemas-microsoft-com:vml")
	})
	c.open("div", "align", e.get("align"), "class", e.get("css-class"), "style", style("margin", "0 auto", "max-width", px(e.width)))
	c.table("style", style("width", "100%"))
	c.WriteString(`<tbody><tr style="vertical-align:top;">`)
	picture := e.get("background-color")
	if url != "" {
		picture = strings.TrimSpace(picture + " url('" + url + "') no-repeat " + e.get("background-position") + " / cover")
	}
	cell := slices.Concat([]string{"background", picture, "background-position", e.get("background-position"), "background-repeat", "no-repeat"},
		e.same("border-radius"), e.padding(), e.same("vertical-align"))
	if e.get("mode") == "fluid-height" {
		ratio := math.Floor(whole(e.get("background-height"))/whole(e.get("background-width"))*100 + 0.5)
		side := style("width", "0.01%", "padding-bottom", number(ratio)+"%", "mso-padding-bottom-alt", "0")
		c.open("td", "style", side)
		c.close("td")
		c.open("td", "background", url, "style", style(cell...))
		c.heroContent(e)
		c.close("td")
		c.open("td", "style", side)
		c.close("td")
	} else {
		height := whole(e.get("height")) - e.side("padding", "top") - e.side("padding", "bottom")
		c.open("td", "background", url, "height", number(height), "style", style(append(cell, "height", px(height))...))
		c.heroContent(e)
		c.close("td")
	}
	c.close("tr", "tbody", "table", "div")
	c.outlook(func() { c.close("td", "tr", "table") })
}

func (c *compiler) heroContent(e *element) {
	in := e.scope
	in.width = e.width - e.sides("padding")
	inner := []string{"background-color", e.get("inner-background-color")}
	var pad []string
	for _, name := range paddings {
		pad = append(pad, name, e.get("inner-"+name))
	}
	c.outlook(func() {
		c.open("table", "align", e.get("align"), "border", "0", "cellpadding", "0", "cellspacing", "0",
			"style", style("width", px(in.width)), "width", number(math.Trunc(in.width)))
		c.WriteString("<tr>")
		c.open("td", "style", style(append(inner, pad...)...))
	})
	c.open("div", "align", e.get("align"), "class", "mj-hero-content",
		"style", style(slices.Concat(inner, []string{"float", e.get("align"), "margin", "0px auto", "width", e.get("width")}, pad)...))
	layout := style("width", "100%", "margin", "0px")
	c.table("style", layout)
	c.WriteString(`<tbody><tr><td style="">`)
	c.table("style", layout)
	c.WriteString("<tbody>")
	c.each(e, in, nil, func(child *element) { c.cell(child, child.get("container-background-color")) })
	c.close("tbody", "table", "td", "tr", "tbody", "table", "div")
	c.outlook(func() { c.close("td", "tr", "table") })
}
