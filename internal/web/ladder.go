package web

import (
	"html/template"
	"slices"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/relationship"
	"rapport/internal/store"
	"rapport/segments"
)

// rung is one stage with who stands on it.
type rung struct {
	Stage    string
	Count    int64
	Of       int64 // all contacts
	Most     int64 // of any rung, so that bars compare
	Healths  []healthCount
	Up, Down int64 // moves into it from below and from above
}

type healthCount struct {
	Health string
	Count  int64
}

// healths in the order in which they are shown, the happiest first.
var healths = []string{"new", "active", "at-risk", "lapsed", "lost", "none"}

// stagesOf is the ladder, lowest first.
func stagesOf(a *catalog.Applied) []string {
	d := relationship.Default()
	if a != nil && a.Relationship != nil {
		d = a.Relationship
	}
	return d.Stages()
}

// scoringOf is what conditions on scores depend on; nil before the first apply.
func scoringOf(a *catalog.Applied) *segments.Scoring {
	if a == nil || a.Relationship == nil {
		return nil
	}
	return a.Relationship.Scoring()
}

// rungs puts the counts on the ladder, highest rung first. Contacts on a rung
// that the ladder no longer has, or on none yet, stand at the foot.
func rungs(stages []string, counts []store.LadderCount) []rung {
	order := slices.Clone(stages)
	slices.Reverse(order)
	for _, c := range counts {
		if !slices.Contains(order, c.Stage) {
			order = append(order, c.Stage)
		}
	}
	var all, most int64
	out := make([]rung, len(order))
	for i, stage := range order {
		r := rung{Stage: stage}
		for _, health := range healths {
			r.Healths = append(r.Healths, healthCount{Health: health})
		}
		for _, c := range counts {
			if c.Stage != stage {
				continue
			}
			r.Count += c.Count
			at := slices.IndexFunc(r.Healths, func(h healthCount) bool { return h.Health == c.Health })
			if at < 0 {
				at = len(r.Healths) - 1
			}
			r.Healths[at].Count += c.Count
		}
		all, most = all+r.Count, max(most, r.Count)
		out[i] = r
	}
	if all == 0 {
		return nil
	}
	for i := range out {
		out[i].Of, out[i].Most = all, most
	}
	return out
}

type ladderData struct {
	Rungs   []rung
	Healths []healthCount // over all rungs
	Days    int
	Flow    template.HTML
	Stages  []store.Move
	Moves   []store.Move // of health
	Rules   []rule
}

// rule is what a rung asks of a contact.
type rule struct{ Stage, When, Keep string }

func (w *Web) ladderRoom(q *request) (view, error) {
	d := ladderData{Days: 30}
	if q.URL.Query().Get("days") == "7" {
		d.Days = 7
	}
	counts, err := w.ladder.get(q.Context())
	if err != nil {
		return view{}, err
	}
	stages := stagesOf(q.applied)
	d.Rungs = rungs(stages, counts)
	if len(d.Rungs) > 0 {
		d.Healths = slices.Clone(d.Rungs[0].Healths)
		for i := range d.Healths {
			for _, r := range d.Rungs[1:] {
				d.Healths[i].Count += r.Healths[i].Count
			}
		}
	}
	moves, err := w.Store.Moves(q.Context(), q.now.Add(-time.Duration(d.Days)*24*time.Hour))
	if err != nil {
		return view{}, err
	}
	for _, m := range moves {
		switch {
		case m.Kind == "health":
			d.Moves = append(d.Moves, m)
		case m.From != "": // everybody's first stage is no move
			d.Stages = append(d.Stages, m)
		}
	}
	d.Flow = flow(stages, d.Rungs, d.Stages)
	if q.applied != nil {
		d.Rules = rules(q.applied.Relationship)
	}
	return view{page: "ladder", room: "ladder", title: "Ladder", data: d, live: 3}, nil
}

func rules(d *relationship.Definition) (out []rule) {
	if d == nil {
		return nil
	}
	for _, r := range slices.Backward(d.Ladder) {
		x := rule{Stage: r.Stage}
		if r.When != nil {
			x.When = r.When.String()
		}
		if r.Keep != nil {
			x.Keep = r.Keep.String()
		}
		out = append(out, x)
	}
	return out
}
