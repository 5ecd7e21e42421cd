package main

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

const (
	gap       = "  " // between two columns
	leastCell = 8    // a column never gets narrower than that
	leastText = 24   // nor the text at the end of a line
)

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

// drop leaves out those of the columns named that say nothing in any row.
func (t *table) drop(heads ...string) {
	for _, head := range heads {
		i := slices.Index(t.heads, head)
		if i < 0 || slices.ContainsFunc(t.rows, func(row []string) bool { return i < len(row) && row[i] != "" && row[i] != "0" }) {
			continue
		}
		t.heads = slices.Delete(slices.Clone(t.heads), i, i+1)
		for n, row := range t.rows {
			t.rows[n] = slices.Delete(row, i, i+1)
		}
	}
}

// print writes the table. On a terminal it fits the width: text in the last
// column goes on in the next line, wide columns before it are cut. The first
// one never is: it holds what a person types to name the row.
func (t *table) print() {
	right := t.numeric()
	widths := t.widths(right)
	if len(t.heads) > 0 {
		heads := make([]string, len(t.heads))
		for i, h := range t.heads {
			heads[i] = t.app.faint(h)
		}
		t.line(heads, widths, right)
	}
	for _, row := range t.rows {
		t.line(row, widths, right)
	}
}

func (t *table) columns() int {
	n := len(t.heads)
	for _, row := range t.rows {
		n = max(n, len(row))
	}
	return n
}

// widths of the columns, so that they fit where it matters.
func (t *table) widths(right []bool) []int {
	widths := make([]int, len(right))
	for _, row := range append([][]string{t.heads}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], lipgloss.Width(cell))
		}
	}
	if !t.app.isTerminal(t.app.stdout) || len(widths) == 0 {
		return widths
	}
	room := t.app.columns() - (len(widths)-1)*len(gap)
	last := len(widths) - 1
	if last == 0 {
		return widths
	}
	if right[last] {
		shrink(widths[1:], room-widths[0])
		return widths
	}
	text := min(widths[last], leastText)
	shrink(widths[1:last], room-widths[0]-text)
	widths[last] = max(text, min(widths[last], room-sum(widths[:last])))
	return widths
}

func sum(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

// shrink takes width from the widest columns, evenly, until they fit.
func shrink(widths []int, room int) {
	for len(widths) > 0 && sum(widths) > room {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] <= leastCell {
			return
		}
		widths[widest]--
	}
}

// numeric finds the columns that hold nothing but numbers.
func (t *table) numeric() []bool {
	right := make([]bool, t.columns())
	for i := range right {
		for _, row := range t.rows {
			if i >= len(row) || row[i] == "" {
				continue
			}
			if right[i] = isNumber(ansi.Strip(row[i])); !right[i] {
				break
			}
		}
	}
	return right
}

// isNumber says whether a cell is a count or a share.
func isNumber(cell string) bool {
	return strings.Trim(strings.TrimLeft(cell, "+−"), "0123456789,.%") == "" && strings.ContainsAny(cell, "0123456789")
}

// line writes one row, in several lines where its last cell is long.
func (t *table) line(cells []string, widths []int, right []bool) {
	var b strings.Builder
	indent := 0
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(gap)
		}
		if i == len(widths)-1 && !right[i] {
			lines := strings.Split(wrap(cell, widths[i]), "\n")
			b.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", indent)))
			break
		}
		cell = ansi.Truncate(cell, widths[i], "…")
		pad := strings.Repeat(" ", widths[i]-lipgloss.Width(cell))
		if right[i] {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
		indent += widths[i] + len(gap)
	}
	t.app.printf("%s\n", strings.TrimRight(b.String(), " "))
}
