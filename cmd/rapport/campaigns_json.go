package main

import (
	"maps"

	"rapport/internal/store"
)

// statusJSON is a campaign's standing for programs.
func statusJSON(k campaignStanding) any {
	messages := map[string]int64{}
	for state, n := range k.Messages {
		messages[string(state)] = n
	}
	type answers struct {
		Delivered    int64 `json:"delivered"`
		Opened       int64 `json:"opened"`
		Clicked      int64 `json:"clicked"`
		Replied      int64 `json:"replied"`
		Bounced      int64 `json:"bounced"`
		Complained   int64 `json:"complained"`
		Unsubscribed int64 `json:"unsubscribed"`
	}
	steps := []any{}
	for _, x := range k.Steps {
		states := map[string]int64{}
		for state, n := range x.Messages {
			states[string(state)] = n
		}
		steps = append(steps, map[string]any{"number": x.Number, "template": x.Template, "messages": states, "answers": answers(x.Answers)})
	}
	reasons := func(list []store.ReasonCount) map[string]int64 {
		return maps.Collect(func(yield func(string, int64) bool) {
			for _, r := range list {
				if !yield(r.Reason, r.Count) {
					return
				}
			}
		})
	}
	out := map[string]any{
		"campaign": k.Name, "status": k.Status, "enrolled": k.Enrolled, "active": k.Active, "parked": k.Parked, "finished": k.Finished,
		"exited": k.Exited, "control": k.Control, "converted": k.Converted, "converted_control": k.ConvertedControl,
		"exit_reasons": reasons(k.ExitReasons), "not_enrolled": k.Refused, "refusals": reasons(k.Refusals),
		"messages": messages, "answers": answers(k.Answers), "steps": steps, "waiting": waiting(k.Progress), "rate": k.rate,
	}
	if k.Reason != "" {
		out["reason"] = k.Reason
	}
	if k.shut != "" {
		out["held"] = k.shut
	}
	if k.result != nil {
		r := resultJSON(*k.result)
		out["comparison"], out["splits"] = r["comparison"], r["splits"]
	}
	if k.left > 0 {
		out["seconds_left"] = int64(k.left.Seconds())
	}
	return out
}
