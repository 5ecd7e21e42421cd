package main

import (
	"time"

	"rapport/internal/measure"
	"rapport/internal/results"
)

// resultsJSON is what mailing was worth, for programs: of everything, or of the
// one campaign that was named.
func resultsJSON(all *results.Whole, list []results.Campaign, one bool) any {
	if one && len(list) == 1 {
		return resultJSON(list[0])
	}
	campaigns := []any{}
	for _, c := range list {
		campaigns = append(campaigns, resultJSON(c))
	}
	out := map[string]any{"workspace": nil, "campaigns": campaigns}
	if all != nil {
		w := upliftJSON(all.Uplift)
		w["share"], w["since"], w["event"], w["value"] = all.Share, moment(all.Since), all.Event, all.Value
		w["events"] = map[string]int64{"treated": all.Events[0], "control": all.Events[1]}
		w["reached"] = map[string]int64{"treated": all.Reached[0], "control": all.Reached[1]}
		out["workspace"] = w
	}
	return out
}

func resultJSON(c results.Campaign) map[string]any {
	out := map[string]any{"campaign": c.Name, "goal": c.Goal, "comparison": nil}
	if c.Control != nil {
		u := upliftJSON(c.Control.Uplift)
		u["share"], u["since"], u["value"] = c.Control.Share, moment(c.Control.Since), c.Value
		out["comparison"] = u
	}
	splits := []any{}
	for _, s := range c.Splits {
		splits = append(splits, splitJSON(s))
	}
	out["splits"] = splits
	return out
}

// moment is null before anything was noted.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

type groupJSON struct {
	measure.Group
	Share measure.Range  `json:"share"`
	Total *float64       `json:"value,omitempty"`
	Each  *measure.Range `json:"value_per_contact,omitempty"`
}

func upliftJSON(u measure.Uplift) map[string]any {
	treated, control, difference := u.Shares()
	a, b, d, ok := u.Values()
	out := map[string]any{"difference": difference, "value_difference": nil, "verdict": u.Verdict(), "sentence": u.Sentence()}
	if ok {
		out["value_difference"] = d
	}
	group := func(g measure.Group, share, each measure.Range) groupJSON {
		out := groupJSON{Group: g, Share: share}
		if u.Valued {
			out.Total = &g.Sum.Total
		}
		if ok {
			out.Each = &each
		}
		return out
	}
	out["treated"], out["control"] = group(u.Treated, treated, a), group(u.Control, control, b)
	return out
}

func splitJSON(s results.Split) map[string]any {
	type arm struct {
		measure.Arm
		Share measure.Range `json:"share"`
	}
	arms := []arm{}
	for _, a := range s.Arms {
		arms = append(arms, arm{a, a.Share()})
	}
	type look struct {
		measure.Evidence
		At any `json:"at"`
	}
	looks := []look{}
	for _, l := range s.Looks {
		looks = append(looks, look{l.Evidence, moment(l.At)})
	}
	return map[string]any{"split": s.Split, "by": s.By, "within": s.Within, "since": moment(s.Since), "rule": s.Rule,
		"arms": arms, "looks": looks, "winner": s.Winner(), "sentence": s.Sentence()}
}
