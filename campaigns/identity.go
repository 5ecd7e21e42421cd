package campaigns

import (
	"fmt"
	"strconv"

	"rapport/internal/ident"
)

// MaxSends is how many send steps one campaign can have in all its versions:
// the number of a step takes ten bits of a message's id, and 0 is none.
const MaxSends = ident.Steps - 1

// lists returns the lists of steps inside a step, each with the word that
// stands for it in identities. The order is the one the machine chooses by:
// then, else; the cases of a branch; the arms of a split.
func (s *Step) lists() []nested {
	switch {
	case s.WaitFor != nil:
		return []nested{{"then", s.WaitFor.Then}, {"else", s.WaitFor.Else}}
	case s.If != nil:
		return []nested{{"then", s.If.Then}, {"else", s.If.Else}}
	case s.Branch != nil:
		var all []nested
		for i, c := range s.Branch {
			word := strconv.Itoa(i + 1)
			if c.When == nil {
				word = "else"
			}
			all = append(all, nested{word, c.Steps})
		}
		return all
	case s.Split != nil:
		var all []nested
		for _, a := range s.Split.Arms {
			all = append(all, nested{a.Name, a.Steps})
		}
		return all
	}
	return nil
}

type nested struct {
	word  string
	steps []Step
}

// label is what a step is called among its siblings, without its ordinal,
// and whether it has a name of its own beside its kind.
func (s *Step) label() (text string, named bool) {
	switch {
	case s.Survey != "":
		return "survey:" + s.Survey, true
	case s.Send != nil:
		return "send:" + s.Send.Template, true
	case s.Split != nil:
		return "split:" + s.Split.Name, true
	}
	return string(s.Kind), false
}

// assignIDs gives every step its identity: its `id:` where there is one,
// else the path to its list, its kind, its name and its ordinal among the
// siblings of the same label ("send:welcome", "wait#1",
// "split:first-offer/discount/send:offer-discount").
func assignIDs(steps []Step, path string) {
	seen := map[string]int{}
	for i := range steps {
		s := &steps[i]
		if s.Name != "" {
			s.ID = s.Name
		} else {
			text, named := s.label()
			seen[text]++
			if n := seen[text]; n > 1 || !named {
				text += "#" + strconv.Itoa(n)
			}
			s.ID = path + text
		}
		for _, l := range s.lists() {
			assignIDs(l.steps, s.ID+"/"+l.word+"/")
		}
	}
}

// index is the flow of a definition: for each step the one that follows it.
type index struct {
	nodes []node
	byID  map[string]int
	head  int
}

// node is one step in the flow. Numbers are places in index.nodes; ended
// stands for the end.
type node struct {
	step  *Step
	next  int   // where to go on after the step and all that is inside it
	lists []int // the first step of each list inside it; next where a list is empty
}

const ended = -1

// Prepare gives the steps their identities and lays out the flow. Decode has
// done it; a definition that was put together by hand needs it before Next.
func (d *Definition) Prepare() {
	assignIDs(d.Steps, "")
	d.index = layOut(d.Steps)
}

// flow returns the laid-out steps without changing the definition.
func (d *Definition) flow() *index {
	if d.index != nil {
		return d.index
	}
	return layOut(d.Steps)
}

func layOut(steps []Step) *index {
	ix := &index{byID: map[string]int{}}
	ix.head = ix.add(steps, ended)
	return ix
}

// add lays out a list whose last step is followed by after, and returns its
// first step. A list stands in one piece, what is inside its steps behind it.
func (ix *index) add(steps []Step, after int) int {
	if len(steps) == 0 {
		return after
	}
	base := len(ix.nodes)
	for i := range steps {
		n := node{step: &steps[i], next: base + i + 1}
		if i == len(steps)-1 {
			n.next = after
		}
		ix.byID[steps[i].ID] = base + i
		ix.nodes = append(ix.nodes, n)
	}
	for i := range steps {
		for _, l := range steps[i].lists() {
			head := ix.add(l.steps, ix.nodes[base+i].next)
			ix.nodes[base+i].lists = append(ix.nodes[base+i].lists, head)
		}
	}
	return base
}

// id is the position that a place in the flow is stored as.
func (ix *index) id(at int) string {
	if at == ended {
		return End
	}
	return ix.nodes[at].step.ID
}

// find is the place a stored position stands for.
func (ix *index) find(position string) (int, bool) {
	switch position {
	case "":
		return ix.head, true
	case End:
		return ended, true
	}
	at, ok := ix.byID[position]
	return at, ok
}

// walk visits every step in the order of the file.
func walk(steps []Step, visit func(*Step)) {
	for i := range steps {
		visit(&steps[i])
		for _, l := range steps[i].lists() {
			walk(l.steps, visit)
		}
	}
}

// Step returns the step with this identity, or nil.
func (d *Definition) Step(id string) *Step {
	ix := d.flow()
	if at, ok := ix.byID[id]; ok {
		return ix.nodes[at].step
	}
	return nil
}

// Reaches returns the send steps that an enrolment at a position may still
// come to, the one that it stands on included. A position that the definition
// does not have reaches none.
func (d *Definition) Reaches(position string) []*Step {
	var sends []*Step
	d.ahead(position, func(s *Step) {
		if s.Kind == StepSend {
			sends = append(sends, s)
		}
	})
	return sends
}

// ahead visits the steps that an enrolment at a position may still come to, the
// one that it stands on first.
func (d *Definition) ahead(position string, look func(*Step)) {
	ix := d.flow()
	from, ok := ix.find(position)
	if !ok {
		return
	}
	seen := make([]bool, len(ix.nodes))
	var visit func(at int)
	visit = func(at int) {
		for at != ended && !seen[at] {
			seen[at] = true
			n := &ix.nodes[at]
			look(n.step)
			if n.step.Kind == StepExit {
				return
			}
			for _, head := range n.lists {
				visit(head)
			}
			at = n.next
		}
	}
	visit(from)
}

// Sends returns all send steps in the order of the file.
func (d *Definition) Sends() []*Step {
	var sends []*Step
	walk(d.Steps, func(s *Step) {
		if s.Kind == StepSend {
			sends = append(sends, s)
		}
	})
	return sends
}

// AssignNumbers gives each send step its number out of the campaign's
// registry, which maps the identity of every send step there ever was to its
// number. It returns the registry with what is new; known is not changed. A
// number is never used again, because the messages of running enrolments
// carry it.
func (d *Definition) AssignNumbers(known map[string]int) (map[string]int, error) {
	registry := make(map[string]int, len(known))
	last := 0
	for id, n := range known {
		registry[id] = n
		last = max(last, n)
	}
	for _, s := range d.Sends() {
		n, ok := registry[s.ID]
		if !ok {
			last++
			n = last
			registry[s.ID] = n
		}
		if n > MaxSends {
			return nil, fmt.Errorf("campaign %s: all its versions together have more than %d send steps: go on under a new name", d.Name, MaxSends)
		}
		s.Number = n
	}
	return registry, nil
}
