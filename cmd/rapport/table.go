package main

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// gap stands between two columns.
const gap = "  "

// table is aligned columns for people. Columns of numbers stand to the right.
type table struct {
	app   *app
	heads []string
	rows  [][]string
}

// newTable begins a table; no heads make one without a first line.
func (a *app) newTable(heads ...string) *table { return &table{app: a, heads: heads} }

// row adds a line; its cells may be coloured.
func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table. On a terminal it fits the width: the widest column
// gives way, so that a line is never broken.
func (t *table) print() {
	widths := make([]int, 0, 8)
	measure := func(cells []string) {
		for i, cell := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], lipgloss.Width(cell))
		}
	}
	measure(t.heads)
	for _, row := range t.rows {
		measure(row)
	}
	if t.app.isTerminal(t.app.stdout) {
		shrink(widths, t.app.columns())
	}
	right := t.numeric(len(widths))
	if len(t.heads) > 0 {
		heads := make([]string, len(t.heads))
		for i, h := range t.heads {
			heads[i] = t.app.faint(h)
		}
		t.app.printf("%s\n", line(heads, widths, right))
	}
	for _, row := range t.rows {
		t.app.printf("%s\n", line(row, widths, right))
	}
}

// numeric finds the columns that hold nothing but numbers.
func (t *table) numeric(columns int) []bool {
	right := make([]bool, columns)
	for i := range right {
		seen := false
		right[i] = true
		for _, row := range t.rows {
			if i >= len(row) || row[i] == "" {
				continue
			}
			cell := ansi.Strip(row[i])
			seen = true
			if strings.Trim(cell, "0123456789,.%/s-") != "" || !strings.ContainsAny(cell, "0123456789-") || strings.Count(cell, "-") > 1 {
				right[i] = false
			}
		}
		right[i] = right[i] && seen
	}
	return right
}

// shrink takes width from the widest columns until a line fits.
func shrink(widths []int, room int) {
	const least = 8
	for {
		total, widest := (len(widths)-1)*len(gap), 0
		for i, w := range widths {
			total += w
			if w > widths[widest] {
				widest = i
			}
		}
		if total <= room || len(widths) == 0 || widths[widest] <= least {
			return
		}
		widths[widest] = max(least, widths[widest]-(total-room), second(widths, widest))
	}
}

// second is one less than the widest column, or the width of the one that comes
// after it: columns give way evenly.
func second(widths []int, widest int) int {
	next := 0
	for i, w := range widths {
		if i != widest {
			next = max(next, w)
		}
	}
	return min(next, widths[widest]-1)
}

func line(cells []string, widths []int, right []bool) string {
	var b strings.Builder
	for i, cell := range cells {
		cell = ansi.Truncate(cell, widths[i], "…")
		pad := strings.Repeat(" ", widths[i]-lipgloss.Width(cell))
		if i > 0 {
			b.WriteString(gap)
		}
		if right[i] {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}
