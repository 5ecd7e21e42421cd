package segments

import (
	"strings"
)

// rows are the rows of one table that a condition asks a contact for: what a
// contact did, was sent, agreed to, or took part in.
type rows struct {
	table string // with its alias: "events e"
	alias string
	where []string // besides whose they are
}

func (r *rows) and(parts ...string) { r.where = append(r.where, parts...) }

// contact is the column that names whose a row is.
func (r *rows) contact() string { return r.alias + "." + colContactID }

// owners selects the contacts that have such rows; a contact may come twice.
func (r *rows) owners(p *SQL) string {
	return "select " + r.contact() + " from " + r.table + " where " + strings.Join(r.bounded(p), " and ")
}

// bounded is what is asked of the rows of those whom the statement is about.
func (r *rows) bounded(p *SQL) []string {
	if p.Bound == nil {
		return r.where
	}
	return append([]string{p.Bound(r.contact())}, r.where...)
}

// any asks whether the contact has such a row.
func (r *rows) any(p *SQL) string { return p.owns(r.owners(p)) }

// owns asks whether c is among the contacts that a select finds. PostgreSQL
// joins the two when that is at the top, hashes what is found when it is one of
// several ways, and looks it up in an index when few are asked; SQLite finds
// all of them once.
func (p *SQL) owns(owners string) string {
	if p.Dialect == SQLite {
		return "(c." + colID + " in (" + owners + "))"
	}
	return "exists (select 1 from (" + owners + ") as o where o." + colContactID + " = c." + colID + ")"
}

// count asks whether the number of rows lies in an interval, and sum, where it
// is given, whether what they add up to lies in another. A contact without
// rows is in no group, so where none is enough the opposite is looked for.
func (r *rows) count(p *SQL, need interval, sum string, sumNeed interval) string {
	if sum != "" {
		found := p.owns(r.owners(p) + r.grouped(need, sum, sumNeed))
		if need.holds(0) && sumNeed.holds(0) {
			return not(found)
		}
		return found
	}
	group := r.owners(p) + " group by " + r.contact() + " having "
	switch {
	case need.low <= 0 && need.high == 0:
		return not(r.any(p))
	case need.low <= 0:
		return not(p.owns(group + interval{need.high + 1, unbounded}.sql("count(*)")))
	case need == interval{1, unbounded}:
		return r.any(p)
	}
	return p.owns(group + need.sql("count(*)"))
}

// grouped goes behind owners and leaves those whose number and sum lie in the
// intervals; where who has no rows counts too, it leaves the others.
func (r *rows) grouped(need interval, sum string, sumNeed interval) string {
	holds := need.sql("count(*)") + " and " + sumNeed.sql(sum)
	if need.holds(0) && sumNeed.holds(0) {
		holds = "not (" + holds + ")"
	}
	return " group by " + r.contact() + " having " + holds
}
