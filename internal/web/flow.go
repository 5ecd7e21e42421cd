package web

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"

	"rapport/internal/store"
)

// Sizes of the drawing, in its own units. It is as wide as a phone, and grows.
const (
	flowWidth  = 300
	flowRung   = 54 // from one rung to the next
	flowBox    = 128
	flowHeight = 34
	flowTop    = 10
)

// flow draws the moves between stages: the ladder in the middle, rises on its
// right and falls on its left, as thick as they are frequent.
func flow(stages []string, rungs []rung, moves []store.Move) template.HTML {
	if len(rungs) == 0 {
		return ""
	}
	row := map[string]int{}
	for i, r := range rungs {
		row[r.Stage] = i
	}
	height := flowTop*2 + flowRung*(len(rungs)-1) + flowHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="flow" viewBox="0 0 %d %d" role="img" aria-label="%s">`, flowWidth, height, html.EscapeString(inWords(stages, moves)))
	var labels strings.Builder // on top of every line
	var most int64 = 1
	for _, m := range moves {
		most = max(most, m.Count)
	}
	// The long ones first, so that the short ones lie on top of them.
	sorted := slices.Clone(moves)
	slices.SortStableFunc(sorted, func(a, b store.Move) int {
		return abs(row[b.From]-row[b.To]) - abs(row[a.From]-row[a.To])
	})
	for _, m := range sorted {
		from, ok1 := row[m.From]
		to, ok2 := row[m.To]
		if ok1 && ok2 && from != to {
			arc(&b, &labels, move{from, to, m.Count, most})
		}
	}
	left := (flowWidth - flowBox) / 2
	for i, r := range rungs {
		y := flowTop + i*flowRung
		name := r.Stage
		if name == "" {
			name = "not judged"
		}
		fmt.Fprintf(&b, `<rect class="rung" x="%d" y="%d" width="%d" height="%d" rx="7"/>`, left, y, flowBox, flowHeight)
		fmt.Fprintf(&b, `<text class="stage" x="%d" y="%d">%s</text>`, left+12, y+22, html.EscapeString(name))
		fmt.Fprintf(&b, `<text class="count" x="%d" y="%d">%s</text>`, left+flowBox-12, y+22, num(r.Count))
	}
	b.WriteString(labels.String())
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // every text in it is escaped above
}

// move is one arc of the drawing. Rows count from the top, so a rise goes to a
// smaller row.
type move struct {
	from, to    int
	count, most int64 // most is the count of the most frequent move
}

// arc draws a move, and its number.
func arc(b, labels *strings.Builder, m move) {
	from, to := m.from, m.to
	span := abs(from - to)
	edge, side, class := float64(flowWidth+flowBox)/2+3, 1.0, "up"
	if to > from {
		edge, side, class = float64(flowWidth-flowBox)/2-3, -1, "down"
	}
	middle := func(row int) float64 { return float64(flowTop+row*flowRung) + flowHeight/2 }
	// Where several arcs meet one rung they start and end a little apart.
	y1, y2 := middle(from)-8*sign(from-to), middle(to)+8*sign(from-to)
	bulge := side * min(22+16*float64(span-1), 58)
	width := 1.5 + 4*math.Sqrt(float64(m.count)/float64(m.most))
	head := 4.5 + width // the arrow's length, and half of its height
	fmt.Fprintf(b, `<path class="%s" d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f" stroke-width="%.1f"/>`,
		class, edge, y1, edge+bulge*1.3, y1, edge+bulge*1.3, y2, edge+side*(head-1), y2, width)
	fmt.Fprintf(b, `<path class="%s head" d="M%.1f %.1fl%.1f %.1fv%.1fz"/>`, class, edge, y2, side*head, -head*.62, head*1.24)
	anchor := "start"
	if side < 0 {
		anchor = "end"
	}
	fmt.Fprintf(labels, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, class, edge+bulge+side*4, (y1+y2)/2+4, anchor, num(m.count))
}

// inWords tells the drawing to those who do not see it.
func inWords(stages []string, moves []store.Move) string {
	if len(moves) == 0 {
		return "Nobody has moved between stages."
	}
	var out []string
	for _, m := range moves {
		verb := "rose"
		if slices.Index(stages, m.To) < slices.Index(stages, m.From) {
			verb = "fell"
		}
		out = append(out, fmt.Sprintf("%d %s from %s to %s", m.Count, verb, m.From, m.To))
	}
	return strings.Join(out, "; ") + "."
}

func abs(n int) int { return max(n, -n) }

func sign(n int) float64 {
	if n < 0 {
		return -1
	}
	return 1
}
