package segments

import (
	"slices"
	"strings"
	"time"

	"rapport/internal/strict"
)

// Condition is a question about a contact, read from a workspace. It does not
// change and may be used by several goroutines at once.
type Condition struct {
	kind  kind
	parts []*Condition // of all and any; the one of not
	leaf  leaf         // of a single head
	node  strict.Node  // where it stands, for findings
}

type kind uint8

const (
	single kind = iota
	allOf
	anyOf
	notOf
)

// leaf is a condition with one head: an attribute, an event, a stage, …
//
// answer and sql are two of the three matchers, and must say the same.
type leaf interface {
	// String is the short text that reasons are made of.
	String() string
	answer(q *Question) bool
	// why gives the reason for the answer, in words with figures.
	why(q *Question) string
	// next is the earliest moment after q.Now at which time alone can change
	// the answer; zero is never.
	next(q *Question) time.Time
	uses(u *Uses)
	// sql is an expression over the alias c that is true or false, never null.
	sql(p *SQL) string
}

// Match answers the condition for one contact.
func (c *Condition) Match(q *Question) bool {
	switch c.kind {
	case allOf:
		for _, part := range c.parts {
			if !part.Match(q) {
				return false
			}
		}
		return true
	case anyOf:
		for _, part := range c.parts {
			if part.Match(q) {
				return true
			}
		}
		return false
	case notOf:
		return !c.parts[0].Match(q)
	}
	return c.leaf.answer(q)
}

// Not is the opposite of the condition.
func (c *Condition) Not() *Condition {
	return &Condition{kind: notOf, parts: []*Condition{c}, node: c.node}
}

// NextChange is the earliest moment after q.Now at which time alone can change
// the answer; zero when it never can. Until that moment the answer is sure to
// stay; at that moment it may turn out to be the same.
func (c *Condition) NextChange(q *Question) time.Time {
	if c.kind == single {
		return c.leaf.next(q)
	}
	var next time.Time
	for _, part := range c.parts {
		next = earlier(next, part.NextChange(q))
	}
	return next
}

// earlier is the first of two moments, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Uses lists what the condition refers to. Segments are named and not followed.
func (c *Condition) Uses() Uses {
	var u Uses
	c.collect(&u)
	for _, list := range []*[]string{&u.Events, &u.Emails, &u.Attributes, &u.Segments, &u.Topics, &u.Campaigns, &u.Templates, &u.Scores} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return u
}

func (c *Condition) collect(u *Uses) {
	if c.kind == single {
		c.leaf.uses(u)
		return
	}
	for _, part := range c.parts {
		part.collect(u)
	}
}

// String is the condition in a few words, as reasons show it: "event
// order.placed", "stage at_least customer".
func (c *Condition) String() string {
	switch c.kind {
	case single:
		return c.leaf.String()
	case notOf:
		return "not " + c.parts[0].bracketed()
	}
	word := " and "
	if c.kind == anyOf {
		word = " or "
	}
	texts := make([]string, len(c.parts))
	for i, part := range c.parts {
		texts[i] = part.bracketed()
	}
	return strings.Join(texts, word)
}

func (c *Condition) bracketed() string {
	if c.kind == single || c.kind == notOf || len(c.parts) == 1 {
		return c.String()
	}
	return "(" + c.String() + ")"
}

// Line is where the condition stands in its file, from 1.
func (c *Condition) Line() int { return c.node.Line() }
