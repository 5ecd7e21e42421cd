package delivery

import (
	"rapport/internal/catalog"
	"rapport/internal/contacts"
)

// loyalty is where a contact stands in the loyalty program, as templates see it.
type loyalty struct {
	points   int64 // whole ones
	tier     string
	benefits []any // of the tier and those below
}

// loyaltyOf is nil where there is no such program: then fields of these names are
// the company's own attributes.
func loyaltyOf(applied *catalog.Applied, f *contacts.Facts) *loyalty {
	program := &applied.Relationship.Programs.Loyalty
	if !program.Runs {
		return nil
	}
	score, _ := f.Score(contacts.ScorePoints)
	l := &loyalty{points: score.Value / contacts.Million, tier: applied.Relationship.Scoring().TierOf(score.Value)}
	for _, t := range program.Tiers {
		if l.tier == "" {
			break
		}
		for _, b := range t.Benefits {
			l.benefits = append(l.benefits, b)
		}
		if t.Name == l.tier {
			break
		}
	}
	return l
}

// loyaltyFields are those of a contact that come from the program.
var loyaltyFields = []string{"points", "tier", "benefits"}

// get is the field of a name; a tier that there is none of is absent.
func (l *loyalty) get(key string) (v any, ok bool) {
	switch key {
	case "points":
		return l.points, true
	case "tier":
		return l.tier, l.tier != ""
	case "benefits":
		return l.benefits, true
	}
	return nil, false
}
