package segments

import "slices"

// heads is the table of language.md: what can be asked, with the keys that go
// with it.
var heads = map[string]head{
	"attribute": {"attribute", operatorNames, decodeAttribute},
	"event":     {"event", []string{"count", "sum", "in_last", "since", "before", "where", "pick", "ever"}, decodeEvent},
	"email":     {"email", []string{"campaign", "template", "link", "count", "in_last", "ever"}, decodeEmail},
	"stage":     {"stage", []string{"for"}, decodeStage},
	"health":    {"health", []string{"for"}, decodeHealth},
	"score":     {"score", []string{"above", "at_least", "below", "at_most", "between"}, decodeScore},
	"tier":      {"tier", nil, decodeTier},
	"consent":   {"consent", []string{"is"}, decodeConsent},
	"segment":   {"segment", nil, decodeSegmentHead},
	"campaign":  {"campaign", []string{"is"}, decodeCampaign},
	"sample":    {"sample", []string{"salt"}, decodeSample},
}

// Heads lists the heads of conditions, in the order of the language's table.
func Heads() []string { return slices.Clone(headNames) }

// Operators lists the keys that go with a head.
func Operators(name string) []string { return slices.Clone(heads[name].keys) }
