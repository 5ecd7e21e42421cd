package main

import (
	"fmt"
	"math"
	"strconv"

	"rapport/internal/bench"
)

// benchReport prints what a bench found, for people.
func (a *app) benchReport(r bench.Report) {
	m := r.Machine
	a.printf("%s  %s\n", a.head("rapport bench "+r.Bench), of(r.Size, "contact"))
	a.printf("%s\n", a.faint(fmt.Sprintf("%s, %s, %s of memory, %s", orElse(m.Processor, "unknown processor"), of(m.Cores, "core"), gigabytes(m.Memory), m.System)))
	software := m.Go
	if m.Postgres != "" {
		software += ", PostgreSQL " + m.Postgres
	}
	if m.Redis != "" {
		software += ", Redis " + m.Redis
	}
	a.printf("%s\n\n", a.faint(software))
	t := a.newTable()
	for _, f := range r.Figures {
		t.row("  "+f.Name, figure(f.Value), a.faint(f.Unit))
	}
	t.print()
	for i, note := range r.Notes {
		if i == 0 {
			a.printf("\n")
		}
		a.printf("%s\n", a.wrapped("  * "+note))
	}
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func gigabytes(bytes int64) string {
	if bytes == 0 {
		return "unknown size"
	}
	return strconv.FormatFloat(float64(bytes)/(1<<30), 'f', 1, 64) + " GB"
}

// figure writes a measured value with three digits or more, and no more than
// were measured.
func figure(v float64) string {
	switch size := math.Abs(v); {
	case size >= 100 || v == math.Trunc(v):
		return count(int64(math.Round(v)))
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}
