package mjml

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// span is how wide a column or group wants to be: its own width, or its share.
func (e *element) span() (value float64, unit string) {
	if w := e.get("width"); w != "" {
		return measure(w)
	}
	return 100 / float64(e.count), "%"
}

// pixels is the span in pixels.
func (e *element) pixels() float64 {
	value, unit := e.span()
	if unit == "%" {
		value = e.width * value / 100
	}
	return value
}

// outlookCell are the declarations of the cell that Outlook sees round it.
func (e *element) outlookCell() []string {
	out := e.same("vertical-align")
	if e.tag == "mj-group" {
		return append(out, "width", px(e.pixels()))
	}
	out = append(out, "width", px(math.Round(e.pixels())))
	if e.gutter != "" {
		out = append(out, "padding", e.desktopPadding("px"))
	}
	return out
}

// inner is the width of the content.
func (e *element) inner(less float64) float64 {
	if w := e.get("width"); w != "" {
		value, unit := measure(w)
		if unit == "%" {
			value = e.width * value / 100
		}
		return value - less
	}
	return whole(number(e.width/float64(e.count))) - less
}

// column writes mj-column.
func (c *compiler) column(e *element) {
	class := c.columnClass(e) + " mj-outlook-group-fix"
	if own := e.get("css-class"); own != "" {
		class += " " + own
	}
	c.open("div", "class", class, "style", style(
		"font-size", "0px", "text-align", "left", "direction", e.get("direction"), "display", "inline-block",
		"vertical-align", e.get("vertical-align"), "width", e.mobileWidth(), "padding", e.mobilePadding()))
	frame := slices.Concat(e.same("background-color"), e.same(borders...), e.same("border-radius", "vertical-align"))
	collapse := e.collapse("border-radius")
	if e.hasPadding() {
		c.table("width", "100%", "style", style("border-collapse", collapse))
		c.WriteString("<tbody><tr>")
		c.open("td", "style", style(slices.Concat(frame, []string{"border-collapse", collapse}, e.padding())...))
		frame = []string{"background-color", e.get("inner-background-color")}
		for _, name := range append(slices.Clone(borders), "border-radius") {
			frame = append(frame, name, e.get("inner-"+name))
		}
		collapse = ""
	}
	c.table("style", style(append(frame, "border-collapse", cmp.Or(collapse, e.collapse("inner-border-radius")))...), "width", "100%")
	c.WriteString("<tbody>")
	in := e.scope
	in.width = e.inner(e.sides("padding") + e.borderSides("border") + e.borderSides("inner-border"))
	c.each(e, in, nil, func(child *element) { c.cell(child, "") })
	c.close("tbody", "table")
	if e.hasPadding() {
		c.close("td", "tr", "tbody", "table")
	}
	c.close("div")
}

// cell puts one element of the content into a row of its own.
func (c *compiler) cell(e *element, backgroundAttr string) {
	color := e.get("container-background-color")
	c.WriteString("<tr>")
	c.open("td", "align", e.get("align"), "background", backgroundAttr, "class", e.get("css-class"), "style", style(slices.Concat(
		[]string{"background", color, "font-size", "0px"}, e.padding(), []string{"word-break", "break-word"})...))
	c.write(e)
	c.close("td", "tr")
}

// collapse: the corners of a table are round only where its cells stand apart.
func (e *element) collapse(radius string) string {
	if e.get(radius) != "" {
		return "separate"
	}
	return ""
}

func (e *element) hasPadding() bool {
	return slices.ContainsFunc(paddings, func(name string) bool { return e.get(name) != "" })
}

// mobileWidth: columns stand below each other on a small screen, those of a
// group stay beside each other.
func (e *element) mobileWidth() string {
	if !e.inGroup {
		return "100%"
	}
	value, unit := e.span()
	switch {
	case e.gutter != "":
		value, unit = e.reduced()
	case e.get("width") == "":
		return number(math.Trunc(100/float64(e.count))) + "%"
	case unit == "%":
		return e.get("width")
	}
	if unit == "%" {
		return number(value) + "%"
	}
	return number(rounded(value/math.Trunc(e.width)*100)) + "%"
}

// columnClass notes how wide the column is on a large screen.
func (c *compiler) columnClass(e *element) string {
	value, unit := e.span()
	if e.gutter != "" {
		value, unit = e.reduced()
	}
	class := "mj-column-per-"
	if unit != "%" {
		value, class = math.Round(value), "mj-column-px-"
	}
	class += strings.Replace(number(value), ".", "-", 1)
	size := number(value) + unit
	c.queries.add(class, "width:"+size+" !important; max-width: "+size+";")
	if e.gutter == "" {
		return class
	}
	gutterClass := e.gutterClass(unit)
	if !e.inGroup {
		c.queries.add(gutterClass, "padding: "+e.desktopPadding(unit)+" !important;")
	}
	return class + " " + gutterClass
}

// group writes mj-group: columns that stay beside each other.
func (c *compiler) group(e *element) {
	value, unit := e.span()
	class := "mj-column-px-"
	if unit == "%" {
		class = "mj-column-per-"
	}
	class += number(math.Trunc(value))
	size := number(value) + unit
	c.queries.add(class, "width:"+size+" !important; max-width: "+size+";")
	class += " mj-outlook-group-fix"
	if own := e.get("css-class"); own != "" {
		class += " " + own
	}
	c.open("div", "class", class, "style", style("font-size", "0", "line-height", "0", "text-align", "left", "display", "inline-block",
		"width", "100%", "direction", e.get("direction"), "vertical-align", e.get("vertical-align"), "background-color", e.get("background-color")))
	c.outlook(func() {
		c.table("bgcolor", e.bgcolor())
		c.WriteString("<tr>")
	})
	in := e.scope
	in.width, in.inGroup, in.direction = e.inner(e.sides("padding")), true, e.get("direction")
	c.each(e, in, nil, func(child *element) {
		c.outlook(func() {
			c.open("td", "style", style("align", child.get("align"), "vertical-align", child.get("vertical-align"), "width", px(math.Round(child.pixels()))))
		})
		c.write(child)
		c.outlook(func() { c.close("td") })
	})
	c.outlook(func() { c.close("tr", "table") })
	c.close("div")
}
