package liquid

import (
	"path"
	"strings"
)

// partialNode is render and include. render has a scope of its own and sees
// only its arguments and the outermost variables; include shares the scope.
type partialNode struct {
	name     string // "" where dynamic is set
	dynamic  expr   // include only: the name is worked out when rendering
	args     []namedArg
	bound    expr   // with or for
	each     bool   // for: once for each element
	alias    string // as
	isolated bool
	body     []node // the partial itself, where it was put in place
	inPlace  bool
	pos      Pos
}

func (n *partialNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	name := n.name
	if n.dynamic != nil {
		name = toText(n.dynamic.eval(st))
	}
	body := n.body
	if !n.inPlace {
		t, ok := (*Template)(nil), false
		if st.opt.Partial != nil {
			t, ok = st.opt.Partial(name)
		}
		if !ok {
			return n.pos.errorf("", "there is no partial %q", name)
		}
		body = t.nodes
	}
	if err := st.enter(n.pos); err != nil {
		return err
	}
	defer st.leave()
	key := n.alias
	if key == "" {
		key = BoundName(name)
	}
	if n.isolated {
		return n.renderIsolated(st, key, body)
	}
	return n.include(st, key, body)
}

// BoundName is the variable that a partial called by this name is given with
// "with" and "for": the name without folder and extension.
func BoundName(partial string) string {
	base := path.Base(partial)
	return strings.TrimSuffix(base, path.Ext(base))
}

func (n *partialNode) include(st *state, key string, body []node) error {
	var value any
	if n.bound != nil {
		value = n.bound.eval(st)
	} else {
		value, _ = st.lookup(key)
	}
	mark := len(st.inner)
	n.pushArgs(st)
	defer st.pop(mark)
	list, isList := asList(value)
	if !isList || n.bound == nil {
		if n.bound != nil || value != nil {
			st.push(key, value)
		}
		return renderNodes(st, body)
	}
	st.push(key, nil)
	slot := len(st.inner) - 1
	for _, x := range list {
		if err := st.iterate(n.pos); err != nil {
			return err
		}
		st.inner[slot].value = x
		if err := renderNodes(st, body); err != nil || st.interrupt != none {
			return err
		}
	}
	return nil
}

func (n *partialNode) renderIsolated(st *state, key string, body []node) error {
	var value any
	if n.bound != nil {
		value = n.bound.eval(st)
	}
	args := make([]binding, 0, len(n.args)+1)
	for _, a := range n.args {
		args = append(args, binding{a.name, a.value.eval(st)})
	}
	mark := len(st.inner)
	// Only what cannot be shared is put aside; limits count on.
	saved := isolation{st.innerBase, st.assigned, st.counters, st.cycles, st.resume, st.changed, st.loop}
	st.innerBase = mark
	err := n.renderEach(st, key, value, args, body)
	st.innerBase, st.assigned, st.counters, st.cycles, st.resume, st.changed, st.loop =
		saved.innerBase, saved.assigned, saved.counters, saved.cycles, saved.resume, saved.changed, saved.loop
	st.pop(mark)
	st.interrupt = none
	return err
}

type isolation struct {
	innerBase int
	assigned  []binding
	counters  map[string]int64
	cycles    map[string]int
	resume    []resumption
	changed   *string
	loop      *forLoop
}

// fresh begins a scope in which only args are set. They are assigned, not
// pushed: a partial may assign to its arguments anew.
func (st *state) fresh(args []binding) {
	st.assigned = append([]binding(nil), args...)
	st.counters, st.cycles, st.resume, st.changed, st.loop = nil, nil, nil, nil, nil
}

func (n *partialNode) renderEach(st *state, key string, value any, args []binding, body []node) error {
	if !n.each {
		if n.bound != nil {
			args = append(args, binding{key, value})
		}
		st.fresh(args)
		return renderNodes(st, body)
	}
	seq := sequenceOf(value)
	if isObject(value) {
		seq = sequence{list: []any{value}}
	}
	loop := &forLoop{name: n.name, length: seq.len()}
	st.push("forloop", loop)
	st.push(key, nil)
	slot := len(st.inner) - 1
	for i := int64(0); i < seq.len(); i++ {
		if err := st.iterate(n.pos); err != nil {
			return err
		}
		st.fresh(args)
		st.inner[slot].value = seq.at(i)
		if err := renderNodes(st, body); err != nil {
			return err
		}
		loop.index++
		was := st.interrupt
		st.interrupt = none
		if was == breakLoop {
			return nil
		}
	}
	return nil
}

// pushArgs works all arguments out before it names any of them: one may have
// the name of a variable that another reads.
func (n *partialNode) pushArgs(st *state) {
	mark := len(st.args)
	for _, a := range n.args {
		st.args = append(st.args, a.value.eval(st))
	}
	for i, a := range n.args {
		st.push(a.name, st.args[mark+i])
	}
	clear(st.args[mark:])
	st.args = st.args[:mark]
}
