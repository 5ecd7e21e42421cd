package contacts

import (
	"cmp"
	"time"
)

// After reports whether a statement counts over another about the same topic:
// the later one does; in the same millisecond a withdrawal does, and otherwise
// the key decides, so that any order of arrival ends in the same consent.
func (c Consent) After(d Consent) bool { return c.compare(d) > 0 }

// CompareConsents orders a history: what counts comes last.
func CompareConsents(a, b Consent) int { return a.compare(b) }

func (c Consent) compare(d Consent) int {
	withdrawn := func(c Consent) int {
		if c.State == ConsentWithdrawn {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(c.At.UnixMilli(), d.At.UnixMilli()), cmp.Compare(withdrawn(c), withdrawn(d)), cmp.Compare(c.Key, d.Key))
}

// RefuseImport says why what a file tells of a topic does not count, or "". A
// file needs a source and a later time, and never gives back what was withdrawn:
// only the contact can (semantics.md, rule 27). known is the zero Consent of a
// topic without any statement.
func RefuseImport(known, file Consent) (reason string) {
	about := "consent to " + file.Topic + ": "
	switch {
	case file.State == ConsentWithdrawn:
		return ""
	case file.Source == "":
		return about + "an imported consent needs a source"
	case known.State == ConsentWithdrawn:
		return about + "withdrawn on " + known.At.Format(time.DateOnly) + "; only the contact can give it again"
	case known.State != "" && !file.At.After(known.At):
		return about + "what is known of " + known.At.Format(time.DateOnly) + " is as new"
	}
	return ""
}
