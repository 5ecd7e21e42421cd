package segments

import (
	"math"
	"strconv"
	"strings"

	"rapport/internal/contacts"
)

func (l *eventLeaf) sql(p *SQL) string {
	if l.pick != "" {
		if text, ok := l.picks(p); ok {
			return text
		}
	}
	r := l.rows(p)
	r.and(l.fitting(p)...)
	if l.pick != "" {
		r.and(l.pickedSQL(p)...)
		return r.any(p)
	}
	if l.sumOf == "" {
		return r.count(p, l.count, "", interval{})
	}
	return r.count(p, l.count, l.sumSQL(p), l.sum)
}

// fitting is what is asked of each event's properties.
func (l *eventLeaf) fitting(p *SQL) (parts []string) {
	for i := range l.where {
		s := p.property(l.where[i].path)
		for j := range l.where[i].tests {
			parts = append(parts, l.where[i].tests[j].sql(p, s))
		}
	}
	return parts
}

// rows are the events of the name that may be seen in the window.
func (l *eventLeaf) rows(p *SQL) *rows {
	b := l.window.bounds(p.clock())
	r := &rows{table: tableEvents + " e", alias: "e"}
	r.and(l.seenSQL(p, "e")...)
	r.and(b.sql("e." + colEventAt)...)
	r.and(b.stored(p, "e."+colID)...)
	return r
}

// summing are the rows and what stands behind them to find those with such a sum.
func (l *eventLeaf) summing(p *SQL) (r *rows, having string) {
	r = l.rows(p)
	return r, r.grouped(l.count, l.sumSQL(p), l.sum)
}

// sumSQL adds up a property. Whole units and the rest are summed apart: a sum of
// millionths could leave what 64 bits hold, which is an error in SQLite.
func (l *eventLeaf) sumSQL(p *SQL) string {
	s := p.property(l.sumOf)
	amount := "coalesce(" + s.of(contacts.KindNumber) + ", " + s.of(contacts.KindAmount) + ")"
	return "coalesce(sum(" + amount + " / 1000000) * 1000000 + sum(" + amount + " % 1000000), 0)"
}

// seenSQL is what is true of the events that the leaf may see at all.
func (l *eventLeaf) seenSQL(p *SQL, alias string) []string {
	parts := []string{alias + "." + colEventName + " = " + p.text(l.name), "not " + alias + "." + colEventMachine}
	v := p.Scope.visible(l.ever)
	if v.since != math.MinInt64 {
		parts = append(parts, alias+"."+colEventAt+" >= "+strconv.FormatInt(v.since, 10))
		parts = append(parts, bounds{after: math.MinInt64, since: v.since}.stored(p, alias+"."+colID)...)
	}
	if v.origin != 0 {
		parts = append(parts, alias+"."+colID+" <> "+strconv.FormatInt(v.origin, 10))
	}
	return parts
}

// pickedSQL is true of an event e when no other that may be seen comes before
// it, or after it. Those of another moment are asked about apart from those of
// the same: an index answers the first, and of the second there are few.
func (l *eventLeaf) pickedSQL(p *SQL) []string {
	sooner, collation := " < ", ""
	if l.pick == "last" {
		sooner = " > "
	}
	if p.Dialect == Postgres {
		collation = ` collate "C"`
	}
	other := append([]string{"o." + colContactID + " = e." + colContactID}, l.seenSQL(p, "o")...)
	other = append(other, "o."+colEventAt+" <= "+strconv.FormatInt(p.Now.UnixMilli(), 10))
	if p.Bound != nil {
		other = append(other, p.Bound("o."+colContactID))
	}
	none := "not exists (select 1 from " + tableEvents + " o where " + strings.Join(other, " and ")
	return []string{
		none + " and o." + colEventAt + sooner + "e." + colEventAt + ")",
		none + " and o." + colEventAt + " = e." + colEventAt + " and o." + colEventKey + collation + sooner + "e." + colEventKey + collation + ")",
	}
}
