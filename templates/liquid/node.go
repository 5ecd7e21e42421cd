package liquid

import (
	"bytes"

	"rapport/internal/quoted"
)

// node is one operation of a template.
type node interface {
	render(st *state) error
}

func renderNodes(st *state, nodes []node) error {
	for _, n := range nodes {
		if t, ok := n.(*textNode); ok {
			t.write(st)
			if len(st.out)-st.base > st.lim.Output {
				return st.checkOutput(t.pos)
			}
			continue
		}
		if err := n.render(st); err != nil {
			return err
		}
		if st.interrupt != none {
			return nil
		}
	}
	return nil
}

type textNode struct {
	text     []byte
	piece    quoted.Piece // the text, encoded
	prepared bool         // piece is made
	pos      Pos
}

func (n *textNode) render(st *state) error {
	n.write(st)
	return st.checkOutput(n.pos)
}

func (n *textNode) write(st *state) {
	if st.encode && n.prepared {
		st.out = st.line.Piece(st.out, &n.piece)
		return
	}
	mark := len(st.out)
	st.out = append(st.out, n.text...)
	st.encoded(mark)
}

// blank: only whitespace, which a block without output does not print.
func (n *textNode) blank() bool { return len(bytes.TrimSpace(n.text)) == 0 }

// outputNode is {{ … }} and echo.
type outputNode struct {
	value *filtered
	place Place
	pos   Pos
	echo  bool
}

func (n *outputNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	v, isVariable := n.value.base.(*variable)
	if !isVariable {
		return n.print(st, n.value.base.eval(st))
	}
	value := v.find(st)
	if f, ok := value.(float64); ok && st.mode != Plain {
		if i, whole := wholeNumber(f); whole {
			if len(n.value.filters) == 0 && st.writeWhole(i, n) {
				return st.checkOutput(n.pos)
			}
			value = i
		}
	}
	if value == nil && st.opt.Strict && !n.value.hasDefault {
		return v.undefined()
	}
	return n.print(st, value)
}

// print writes a value after its filters.
func (n *outputNode) print(st *state, value any) error {
	for i := range n.value.filters {
		var err error
		if value, err = n.value.filters[i].apply(st, value); err != nil {
			return err
		}
	}
	if err := st.write(value, n); err != nil {
		return err
	}
	return st.checkOutput(n.pos)
}

func (v *variable) undefined() *Error {
	return v.pos.errorf("give it a default: {{ "+v.String()+" | default: \"…\" }}", "%s has no value", v)
}

type assignNode struct {
	name  string
	value *filtered
	pos   Pos
}

func (n *assignNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	value, err := n.value.eval(st)
	if err != nil {
		return err
	}
	if err := st.charge(64, n.pos); err != nil {
		return err
	}
	st.assign(n.name, value)
	return nil
}

type captureNode struct {
	name string
	body []node
	pos  Pos
}

func (n *captureNode) render(st *state) error {
	text, err := st.capture(n.body, n.pos)
	if err != nil {
		return err
	}
	if st.mode == HTMLMode {
		st.assign(n.name, HTML(text))
	} else {
		st.assign(n.name, text)
	}
	return nil
}

// capture renders nodes aside and returns the text.
func (st *state) capture(body []node, pos Pos) (string, error) {
	if err := st.step(pos); err != nil {
		return "", err
	}
	mark := len(st.out)
	err := st.plainly(body)
	text := string(st.out[mark:])
	st.out = st.out[:mark]
	if err != nil {
		return "", err
	}
	return text, st.charge(len(text)+64, pos)
}

type ifBranch struct {
	cond condition // nil: else
	body []node
	pos  Pos
}

// ifNode is if and unless.
type ifNode struct {
	branches []ifBranch
	unless   bool // the first condition is turned round
	pos      Pos
}

func (n *ifNode) render(st *state) error {
	for i := range n.branches {
		b := &n.branches[i]
		if err := st.step(b.pos); err != nil {
			return err
		}
		if b.cond != nil {
			ok, err := b.cond.holds(st)
			if err != nil {
				return err
			}
			if ok == (n.unless && i == 0) {
				continue
			}
		}
		return renderNodes(st, b.body)
	}
	return nil
}

type caseBranch struct {
	values []expr // nil: else
	body   []node
}

type caseNode struct {
	subject  expr
	branches []caseBranch
	pos      Pos
}

// render runs the body of a when once for each value that matches, and every
// else before the first match: so does the language's own implementation.
func (n *caseNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	subject := n.subject.eval(st)
	matched := false
	for i := range n.branches {
		b := &n.branches[i]
		if b.values == nil {
			if !matched {
				if err := renderNodes(st, b.body); err != nil || st.interrupt != none {
					return err
				}
			}
			continue
		}
		for _, v := range b.values {
			if err := st.step(n.pos); err != nil {
				return err
			}
			if !equal(subject, v.eval(st)) {
				continue
			}
			matched = true
			if err := renderNodes(st, b.body); err != nil || st.interrupt != none {
				return err
			}
		}
	}
	return nil
}

// counterNode is increment and decrement, which share their counters.
type counterNode struct {
	name string
	down bool
	pos  Pos
}

func (n *counterNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	if st.counters == nil {
		st.counters = map[string]int64{}
	}
	c := st.counters[n.name]
	if n.down {
		c--
		st.counters[n.name] = c
	} else {
		st.counters[n.name] = c + 1
	}
	mark := len(st.out)
	st.out = appendInt(st.out, c)
	st.encoded(mark)
	return nil
}

// cycleNode prints its values in turn.
type cycleNode struct {
	group expr   // the name given, or nil
	key   string // the values as written, where no name is given
	items []expr
	place Place
	pos   Pos
}

func (n *cycleNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	key := n.key
	if n.group != nil {
		key = "name:" + toText(n.group.eval(st))
	}
	if st.cycles == nil {
		st.cycles = map[string]int{}
	}
	i := st.cycles[key]
	var value any
	if i < len(n.items) {
		value = n.items[i].eval(st)
	}
	if i++; i >= len(n.items) {
		i = 0
	}
	st.cycles[key] = i
	return st.write(value, &outputNode{place: n.place, pos: n.pos})
}

// ifChangedNode prints its body when it differs from what ifchanged printed last.
type ifChangedNode struct {
	body []node
	pos  Pos
}

func (n *ifChangedNode) render(st *state) error {
	text, err := st.capture(n.body, n.pos)
	if err != nil {
		return err
	}
	if st.changed == nil || *st.changed != text {
		st.changed = &text
		mark := len(st.out)
		st.out = append(st.out, text...)
		st.encoded(mark)
	}
	return nil
}

type interruptNode struct{ kind interrupt }

func (n *interruptNode) render(st *state) error {
	st.interrupt = n.kind
	return nil
}

// hookNode hands its body, an address, to Options.Hook.
type hookNode struct {
	n     int
	body  []node
	place Place
	quiet bool // the body does nothing but print
	pos   Pos
}

func (n *hookNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	if n.quiet && st.opt.Numbered != nil && st.opt.Numbered(n.n) {
		st.appendNumbered(n.n)
		return st.checkOutput(n.pos)
	}
	mark := len(st.out)
	if err := st.plainly(n.body); err != nil {
		return err
	}
	// The body is copied aside: what replaces it goes where it stands now.
	st.scratch = append(st.scratch[:0], st.out[mark:]...)
	st.out = st.out[:mark]
	result := st.scratch
	if st.opt.Hook != nil {
		given := len(st.scratch)
		st.scratch = st.opt.Hook(st.scratch, n.n, st.scratch[:given:given])
		result = st.scratch[given:]
	}
	if st.mode == HTMLMode {
		st.out = appendHTML(st.out, result)
	} else {
		st.out = append(st.out, result...)
	}
	st.encoded(mark)
	return st.checkOutput(n.pos)
}
