package mjml

import (
	"fmt"
	"math"
	"strings"
)

// A gutter is the distance between the columns of a section. Each column gives
// up a part of its width, so that the row is as wide as it was.

// gutterIn is the gutter in a unit.
func (e *element) gutterIn(unit string) float64 {
	value, own := leading(e.gutter), "px"
	if strings.HasSuffix(e.gutter, "%") {
		own = "%"
	}
	switch {
	case own == unit:
		return value
	case unit == "%":
		return value / e.width * 100
	}
	return e.width * value / 100
}

// reduced is the column's width without its part of the gutters.
func (e *element) reduced() (value float64, unit string) {
	value, unit = e.span()
	n := float64(e.count)
	value = max(0, rounded(value-e.gutterIn(unit)*(n-1)/n))
	if unit != "%" {
		// Pixels are whole: the first columns get those that are left over.
		rest := math.Round(n * (value - math.Floor(value)))
		value = math.Floor(value)
		if float64(e.index) < rest {
			value++
		}
	}
	return value, unit
}

func (e *element) gutterClass(unit string) string {
	gutter, token, suffix := rounded(e.gutterIn(unit)), unit, ""
	if unit == "%" {
		token = "per"
	} else {
		gutter = math.Round(gutter)
	}
	if e.direction == "rtl" {
		suffix = "-rtl"
	}
	return fmt.Sprintf("mj-column-gutter-%d-%d-%s-%s%s", e.count, e.index+1, token, strings.Replace(number(gutter), ".", "-", 1), suffix)
}

// desktopPadding is half of the gutter on each side that has a neighbour.
func (e *element) desktopPadding(unit string) string {
	before, after := e.gutterIn(unit)/2, e.gutterIn(unit)/2
	if unit == "px" {
		gutter := math.Round(e.gutterIn(unit))
		before, after = math.Floor(gutter/2), math.Ceil(gutter/2)
	}
	if e.index == 0 {
		before = 0
	}
	if e.index == e.count-1 {
		after = 0
	}
	left, right := before, after
	if e.direction == "rtl" {
		left, right = after, before
	}
	return fourSides(0, right, 0, left, unit)
}

// mobilePadding: where columns stand below each other, the gutter is between
// the one above and the one below.
func (e *element) mobilePadding() string {
	switch {
	case e.gutter == "":
		return ""
	case e.inGroup:
		_, unit := e.span()
		return e.desktopPadding(unit)
	}
	half := e.gutterIn("%") / 2
	top, bottom := half, half
	if e.index == 0 {
		top = 0
	}
	if e.index == e.count-1 {
		bottom = 0
	}
	return fourSides(top, 0, bottom, 0, "%")
}

func fourSides(top, right, bottom, left float64, unit string) string {
	var list []string
	for _, v := range []float64{top, right, bottom, left} {
		if unit == "px" {
			v = math.Round(v)
		}
		list = append(list, number(rounded(v))+unit)
	}
	return strings.Join(list, " ")
}
