package mjml

import (
	"regexp"
	"slices"
	"strings"
)

// section writes mj-section, and mj-wrapper, which is a section of sections.
func (c *compiler) section(e *element) {
	if e.get("full-width") != "full-width" {
		c.sectionFrame(e, func() { c.withBackground(e, func() { c.sectionBody(e) }) })
		return
	}
	table := style(append(background(e), "width", "100%")...)
	c.table("align", "center", "class", e.get("css-class"), "background", e.get("background-url"), "style", table)
	c.WriteString("<tbody><tr><td>")
	c.withBackground(e, func() { c.sectionFrame(e, func() { c.sectionBody(e) }) })
	c.close("td", "tr", "tbody", "table")
}

// sectionFrame puts a table of a fixed width round it, for Outlook.
func (c *compiler) sectionFrame(e *element, inner func()) {
	color, gap := e.get("background-color"), ""
	if e.gap != "" {
		color = ""
		if e.index > 0 {
			gap = e.gap
		}
	}
	c.outlook(func() {
		c.table("align", "center", "class", e.outlookClass("outlook"), "bgcolor", color,
			"style", style("width", px(e.width), "padding-top", gap), "width", e.wholeWidth())
		c.WriteString(`<tr><td style="line-height:0px;font-size:0px;mso-line-height-rule:exactly;">`)
	})
	inner()
	c.outlook(func() { c.close("td", "tr", "table") })
}

// background are the declarations for the background.
func background(e *element) []string {
	color, url := e.get("background-color"), e.get("background-url")
	if url == "" {
		return []string{"background", color, "background-color", color}
	}
	x, y := position(e)
	size, repeat := e.get("background-size"), e.get("background-repeat")
	return []string{
		"background", strings.TrimSpace(color + " url('" + url + "') " + x + " " + y + " / " + size + " " + repeat),
		"background-position", x + " " + y, "background-repeat", repeat, "background-size", size,
	}
}

// position is where the background stands. The two words may come in any order.
func position(e *element) (x, y string) {
	words := strings.Fields(e.get("background-position"))
	vertical := func(s string) bool { return s == "top" || s == "bottom" }
	switch {
	case len(words) == 1 && vertical(words[0]):
		x, y = "center", words[0]
	case len(words) == 1:
		x, y = words[0], "center"
	case len(words) != 2:
		x, y = "center", "top"
	case vertical(words[0]), words[0] == "center" && (words[1] == "left" || words[1] == "right"):
		x, y = words[1], words[0]
	default:
		x, y = words[0], words[1]
	}
	if v := e.get("background-position-x"); v != "" {
		x = v
	}
	if v := e.get("background-position-y"); v != "" {
		y = v
	}
	return x, y
}

// sectionBody writes the part that all mail programs read.
func (c *compiler) sectionBody(e *element) {
	full, url := e.get("full-width") == "full-width", e.get("background-url")
	class, back, pad := e.get("css-class"), background(e), ""
	if full {
		class, back = "", nil
	}
	round, hidden, collapse := e.get("border-radius"), "", e.collapse("border-radius")
	if round != "" {
		hidden = "hidden"
	}
	if e.index > 0 {
		pad = e.gap
	}
	c.open("div", "class", class, "style", style(slices.Concat(back, []string{
		"margin", "0px auto", "max-width", px(e.width), "border-radius", round, "overflow", hidden, "margin-top", pad})...))
	if url != "" {
		c.open("div", "style", style("line-height", "0", "font-size", "0"))
	}
	shown := url
	if full {
		shown = ""
	}
	c.table("align", "center", "background", shown, "style", style(append(back, "width", "100%", "border-collapse", collapse)...))
	c.WriteString("<tbody><tr>")
	c.open("td", "style", style(slices.Concat(e.same(borders...), e.same("border-radius", "direction"),
		[]string{"font-size", "0px"}, e.padding(), e.same("text-align"))...))
	c.outlook(func() { c.WriteString(`<table role="presentation" border="0" cellpadding="0" cellspacing="0">`) })
	c.sectionContent(e)
	c.outlook(func() { c.close("table") })
	c.close("td", "tr", "tbody", "table")
	if url != "" {
		c.close("div")
	}
	c.close("div")
}

func (c *compiler) sectionContent(e *element) {
	in := e.scope
	in.width = e.box()
	in.gap, in.gutter, in.direction = e.get("gap"), e.get("gutter"), e.get("direction")
	if e.tag == "mj-wrapper" {
		c.each(e, in, nil, func(child *element) {
			c.outlook(func() {
				c.WriteString("<tr>")
				c.open("td", "align", child.get("align"), "class", child.outlookClass("outlook"), "width", px(e.width))
			})
			c.write(child)
			c.outlook(func() { c.close("td", "tr") })
		})
		return
	}
	c.outlook(func() { c.WriteString("<tr>") })
	c.each(e, in, nil, func(child *element) {
		c.outlook(func() {
			c.open("td", "align", child.get("align"), "class", child.outlookClass("outlook"), "style", style(child.outlookCell()...))
		})
		c.write(child)
		c.outlook(func() { c.close("td") })
	})
	c.outlook(func() { c.close("tr") })
}

var percentage = regexp.MustCompile(`^\d+(\.\d+)?%$`)

// withBackground draws the background picture for Outlook, in VML.
func (c *compiler) withBackground(e *element, inner func()) {
	url := e.get("background-url")
	if url == "" {
		inner()
		return
	}
	shape := style("width", px(e.width))
	if e.get("full-width") == "full-width" {
		shape = style("mso-width-percent", "1000")
	}
	fill := vmlFill(e)
	c.outlook(func() {
		c.open("v:rect", "style", shape, "xmlns:v", "urn:schemas-microsoft-com:vml", "fill", "true", "stroke", "false")
		c.void("v:fill", "", append(fill[:4:4], append([]string{"src", url, "color", e.get("background-color")}, fill[4:]...)...)...)
		c.WriteString(`<v:textbox style="mso-fit-shape-to-text:true" inset="0,0,0,0">`)
	})
	inner()
	c.outlook(func() { c.close("v:textbox", "v:rect") })
}

// vmlFill gives origin, position, type, size and aspect of a VML fill. VML
// counts a repeated picture from its corner, another one from its middle.
func vmlFill(e *element) []string {
	x, y := position(e)
	repeats, size := e.get("background-repeat") == "repeat", e.get("background-size")
	kind, aspect, vsize := "tile", "", ""
	if !repeats {
		kind = "frame"
	}
	switch parts := strings.Fields(size); {
	case size == "auto":
		// Outlook cannot use the picture's own size in a frame.
		return []string{"origin", "0.5, 0", "position", "0.5, 0", "type", "tile"}
	case size == "cover":
		vsize, aspect = "1,1", "atleast"
	case size == "contain":
		vsize, aspect = "1,1", "atmost"
	case len(parts) == 1:
		vsize, aspect = size, "atmost"
	default:
		vsize = strings.Join(parts, ",")
	}
	at := vmlShare(x, map[string]string{"left": "0%", "center": "50%", "right": "100%"}, "50%", repeats) + ", " +
		vmlShare(y, map[string]string{"top": "0%", "center": "50%", "bottom": "100%"}, "0%", repeats)
	return []string{"origin", at, "position", at, "type", kind, "size", vsize, "aspect", aspect}
}

func vmlShare(position string, words map[string]string, otherwise string, repeats bool) string {
	if p, ok := words[position]; ok {
		position = p
	} else if !percentage.MatchString(position) {
		position = otherwise
	}
	share := whole(position) / 100
	if !repeats {
		share = (whole(position) - 50) / 100
	}
	return number(share)
}
