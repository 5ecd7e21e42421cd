package segments

import (
	"strconv"
	"strings"
	"time"
)

// Dialect is one of the two databases.
type Dialect uint8

const (
	Postgres Dialect = iota
	SQLite
)

// SQL collects the arguments while conditions are compiled. The same SQL serves
// several conditions of one statement; placeholders go on counting.
type SQL struct {
	Dialect     Dialect
	Now         time.Time
	Segments    Set
	Scope       Scope
	Zone        *time.Location // the company's; nil is UTC
	Ladder      []string       // stage names, lowest first
	Scoring     *Scoring       // nil: no signals and no tiers
	CampaignIDs func(name string) int64
	Args        []any

	// Bound says of the column that names a row's contact which contacts the
	// statement is about: "e.contact_id = any($1)". What conditions look up is
	// then looked up for those alone, few or many. Nil: it is about everybody.
	Bound func(column string) string

	// Tallied lets PostgreSQL ask the tallies of what contacts did instead of the
	// events, where they know the answer. The statement must then be about contacts
	// of whom they know everything up to Now. Relied is set when they are asked.
	Tallied, Relied bool

	// Own is set when a condition looks at the contact's own row, and not only at its
	// id: else an index of ids is enough to find contacts.
	Own bool

	within  *path  // the segments that led here, so that a circle ends
	row     string // the event whose tally t is at hand
	rowUsed bool   // it was asked
}

// Arg adds an argument and gives its placeholder.
func (p *SQL) Arg(v any) string {
	p.Args = append(p.Args, v)
	return "$" + strconv.Itoa(len(p.Args))
}

// text adds a text argument whose type PostgreSQL need not guess.
func (p *SQL) text(s string) string {
	if p.Dialect == Postgres {
		return p.Arg(s) + "::text"
	}
	return p.Arg(s)
}

// SQL compiles the condition to an expression over the row alias c of contacts
// that is true or false and never null. It has its own brackets.
func (c *Condition) SQL(p *SQL) string { return c.compile(p, true) }

// compile is SQL, or its opposite. What is denied is denied at the leaves:
// PostgreSQL turns a bare "not exists" into a join, and one that is wrapped
// into a search for each contact.
func (c *Condition) compile(p *SQL, want bool) string {
	switch c.kind {
	case single:
		if o, ok := c.often(p, want); ok && o.name == p.row {
			p.rowUsed, p.Relied = true, true
			return o.held()
		} else if ok {
			return p.asks([]often{o})[0]
		}
		if inner, ok := c.leaf.(*segmentLeaf); ok {
			return inner.compile(p, want)
		}
		if want {
			return c.leaf.sql(p)
		}
		return not(c.leaf.sql(p))
	case notOf:
		return c.parts[0].compile(p, !want)
	}
	if (c.kind == allOf) == want {
		return join(p.together(c.parts, want), "and")
	}
	parts := make([]string, len(c.parts))
	for i, part := range c.parts {
		parts[i] = part.compile(p, want)
	}
	return join(parts, "or")
}

// not denies an expression that has its own brackets. What it denied itself it
// gives back as it was.
func not(expression string) string {
	if inner, denied := strings.CutPrefix(expression, "(not "); denied {
		return strings.TrimSuffix(inner, ")")
	}
	return "(not " + expression + ")"
}

// join connects expressions as a balanced tree, because SQLite refuses
// expressions that are nested deeper than 1,000.
func join(parts []string, word string) string {
	switch len(parts) {
	case 0:
		if word == "and" {
			return yes
		}
		return no
	case 1:
		return parts[0]
	}
	half := len(parts) / 2
	return "(" + join(parts[:half], word) + " " + word + " " + join(parts[half:], word) + ")"
}

// Constants that both dialects read.
const (
	yes = "(1=1)"
	no  = "(1=0)"
)

// quote writes a text as a literal. Keys of attributes are written this way and
// not as arguments, so that an index on the expression can serve.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// integers writes a list for `in (…)`.
func integers(list []int64) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(texts, ", ")
}

// orFalse makes what may be null false then. PostgreSQL knows of "is true" how often
// that is to be expected, and of a coalesce it does not.
func orFalse(expression string) string { return "((" + expression + ") is true)" }
