package campaigns

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Move says what becomes of those who stand on a step of the old version.
type Move struct {
	From    string // identity in the old version
	To      string // identity in the new one, or End
	Removed bool   // the step is gone: they go on at the next one that survives
	Changed bool   // it is a wait that now says something else: it is counted anew
	Number  int    // of the old step, when it is a send
}

// Moves is how enrolments get from one version of a campaign to another.
type Moves struct {
	ByStep    map[string]Move // for every step that an enrolment can stand on
	Ambiguous []Ambiguity     // while there are any, nobody is moved
}

// Ambiguity is a step of the old version that could be either of several of
// the new one, because it is known by its ordinal alone.
type Ambiguity struct {
	Step string
	Why  string
}

func (a Ambiguity) Error() string {
	return fmt.Sprintf("step %s: %s; give it an id: in both versions", a.Step, a.Why)
}

// PlanMoves compares two versions step by step identity.
func PlanMoves(from, to *Definition) Moves {
	m := Moves{ByStep: map[string]Move{}}
	doubtful := doubts(from, to)
	old, fresh := from.flow(), to.flow()
	for at := range old.nodes {
		s := old.nodes[at].step
		if !s.holds() {
			continue
		}
		move := Move{From: s.ID, To: End, Number: s.Number}
		for here := at; ; here = old.nodes[here].next {
			if here == ended {
				break
			}
			id := old.nodes[here].step.ID
			if why, ok := doubtful[id]; ok {
				m.Ambiguous = append(m.Ambiguous, Ambiguity{id, why})
				break
			}
			n, ok := fresh.byID[id]
			if ok && fresh.nodes[n].step.Kind == old.nodes[here].step.Kind {
				move.To = id
				move.Changed = here == at && s.Kind != StepSend && s.content() != fresh.nodes[n].step.content()
				break
			}
			move.Removed = true
		}
		m.ByStep[s.ID] = move
	}
	slices.SortFunc(m.Ambiguous, func(a, b Ambiguity) int { return strings.Compare(a.Step, b.Step) })
	m.Ambiguous = slices.Compact(m.Ambiguous)
	return m
}

// holds reports whether an enrolment can stand on the step between two runs.
func (s *Step) holds() bool {
	return s.Kind == StepSend || s.Kind == StepWait || s.Kind == StepWaitFor
}

// content is what a step known by its ordinal says, to tell whether it is
// still the same one.
func (s *Step) content() string {
	switch s.Kind {
	case StepWait:
		w := s.Wait
		switch {
		case w.Until != nil:
			return "until " + w.Until.Text
		case w.Attribute != "":
			return fmt.Sprintf("until attribute %s %s", w.Attribute, w.Offset)
		}
		return w.Span.String()
	case StepWaitFor:
		return s.WaitFor.When.String() + " up to " + s.WaitFor.UpTo.String()
	case StepIf:
		return s.If.When.String()
	case StepBranch:
		var all []string
		for _, c := range s.Branch {
			if c.When != nil {
				all = append(all, c.When.String())
			}
		}
		return strings.Join(all, "; ")
	}
	return ""
}

// doubts finds the old steps whose identity could mean another step in the
// new version: siblings of one kind without names, whose number or order changed.
func doubts(from, to *Definition) map[string]string {
	doubtful := map[string]string{}
	fresh := groups(to.Steps)
	olds := groups(from.Steps)
	for key, steps := range olds {
		others := fresh[key]
		if why := shifted(steps, others); why != "" {
			for _, s := range steps {
				doubtful[s.ID] = why
				for _, l := range s.lists() {
					walk(l.steps, func(inner *Step) {
						if strings.HasPrefix(inner.ID, s.ID+"/") {
							doubtful[inner.ID] = "it is inside " + s.ID + ", and " + why
						}
					})
				}
			}
		}
	}
	return doubtful
}

// groups are the siblings that only an ordinal tells apart.
func groups(steps []Step) map[string][]*Step {
	all := map[string][]*Step{}
	walk(steps, func(s *Step) {
		if s.Name != "" {
			return
		}
		key := s.ID
		label, _ := s.label()
		if i := strings.LastIndex(key, "#"); i > strings.LastIndex(key, "/") && strings.HasSuffix(key[:i], label) {
			key = key[:i]
		}
		all[key] = append(all[key], s)
	})
	return all
}

// shifted says why the steps of a group cannot be told apart, or "".
func shifted(old, fresh []*Step) string {
	if len(fresh) == 0 {
		return "" // all of them are gone
	}
	same := func(i int) bool { return old[i].content() == fresh[i].content() }
	if len(old) != len(fresh) {
		for i := range min(len(old), len(fresh)) {
			if !same(i) {
				return fmt.Sprintf("there were %d of its kind and now there are %d", len(old), len(fresh))
			}
		}
		return ""
	}
	for i := range old {
		if same(i) {
			continue
		}
		for j := range fresh {
			if j != i && old[i].content() == fresh[j].content() {
				return "it has changed its place among those of its kind"
			}
		}
	}
	return ""
}

// Migration is one enrolment that is to go on in another version.
type Migration struct {
	Enrolment Enrolment
	Moves     Moves
	To        *Definition
	Contact   *contacts.Contact
	Now       time.Time
	Zone      *time.Location // the company's
}

// Migrate pins an open enrolment to the steps of the new version. The caller
// sets the number of the version. withdraw is the message it was parked for
// when that step is gone: it becomes skipped, unless it is already on its way.
func Migrate(m Migration) (e Enrolment, withdraw int64, err error) {
	e = m.Enrolment
	if !e.State.Open() || e.Position == "" || e.Position == End {
		return e, 0, nil
	}
	if len(m.Moves.Ambiguous) > 0 {
		return e, 0, m.Moves.Ambiguous[0]
	}
	move, ok := m.Moves.ByStep[e.Position]
	if !ok {
		return e, 0, fmt.Errorf("enrolment %d stands on step %q, which its version does not have", e.ID, e.Position)
	}
	e.Position = move.To
	if e.WaitSince.IsZero() {
		e.WaitSince = e.StartedAt
	}
	switch {
	case move.Removed:
		if e.State == Parked {
			withdraw = ident.Message(e.ID, move.Number)
		}
		e.State, e.WaitSince, e.WaitUntil, e.DueAt = Active, m.Now, time.Time{}, m.Now
	case move.Changed:
		e.WaitUntil = m.recount(&e)
		e.DueAt = m.Now
	}
	return e, withdraw, nil
}

// recount is when a changed wait ends: counted from its own start, and not in
// the past.
func (m *Migration) recount(e *Enrolment) time.Time {
	zone := m.To.Zone(m.Contact, m.Zone)
	var until time.Time
	switch s := m.To.Step(e.Position); {
	case s.WaitFor != nil:
		until = s.WaitFor.UpTo.After(e.WaitSince, zone)
	case s.Wait.Attribute != "":
		return time.Time{} // asked anew each time
	case s.Wait.Until != nil:
		until = s.Wait.Until.next(e.WaitSince, zone)
	default:
		until = s.Wait.Span.After(e.WaitSince, zone)
	}
	if until.Before(m.Now) {
		return m.Now
	}
	return until
}
