package liquid

import "strconv"

// sequence is what a loop walks over.
type sequence struct {
	list   []any
	span   span
	isSpan bool
}

func (s sequence) len() int64 {
	if s.isSpan {
		return s.span.len()
	}
	return int64(len(s.list))
}

func (s sequence) at(i int64) any {
	if s.isSpan {
		return s.span.from + i
	}
	return s.list[i]
}

// sequenceOf makes a sequence of any value: a map gives pairs, a text gives
// itself, what cannot be walked gives nothing.
func sequenceOf(v any) sequence {
	switch v := v.(type) {
	case nil:
		return sequence{}
	case span:
		return sequence{span: v, isSpan: true}
	}
	if list, ok := asList(v); ok {
		return sequence{list: list}
	}
	if s, ok := asText(v); ok {
		if s == "" {
			return sequence{}
		}
		return sequence{list: []any{v}}
	}
	if m, ok := asKeyed(v); ok {
		keys := m.Keys()
		list := make([]any, len(keys))
		for i, k := range keys {
			x, _ := m.Get(k)
			list[i] = []any{k, x}
		}
		return sequence{list: list}
	}
	return sequence{}
}

// forLoop is the variable forloop, and with cols set tablerowloop.
type forLoop struct {
	name          string
	index, length int64 // index from 0
	cols          int64
	parent        *forLoop
}

func (l *forLoop) Get(key string) (any, bool) {
	switch key {
	case "index":
		return l.index + 1, true
	case "index0":
		return l.index, true
	case "rindex":
		return l.length - l.index, true
	case "rindex0":
		return l.length - l.index - 1, true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == l.length-1, true
	case "length":
		return l.length, true
	case "name":
		return l.name, true
	case "parentloop":
		if l.parent == nil {
			return nil, false
		}
		return l.parent, true
	}
	if l.cols == 0 {
		return nil, false
	}
	col := l.index % l.cols
	switch key {
	case "col":
		return col + 1, true
	case "col0":
		return col, true
	case "col_first":
		return col == 0, true
	case "col_last":
		return col == l.cols-1 || l.index == l.length-1, true
	case "row":
		return l.index/l.cols + 1, true
	}
	return nil, false
}

// bounds are the arguments limit and offset of a loop.
type bounds struct {
	limit, offset expr
	resume        bool // offset: continue
	reversed      bool
}

// cut gives the part [from, to) of n elements.
func (b *bounds) cut(st *state, n int64, key string, pos Pos) (from, to int64, err error) {
	to = n
	switch {
	case b.resume:
		from = st.resumed(key)
	case b.offset != nil:
		if v := b.offset.eval(st); v != nil {
			var ok bool
			if from, ok = toInteger(v); !ok {
				return 0, 0, pos.errorf("", "offset is not a whole number")
			}
		}
	}
	from = min(max(from, 0), n)
	if b.limit != nil {
		if v := b.limit.eval(st); v != nil {
			limit, ok := toInteger(v)
			if !ok {
				return 0, 0, pos.errorf("", "limit is not a whole number")
			}
			if limit < n-from {
				to = from + max(limit, 0)
			}
		}
	}
	st.resumeAt(key, to)
	return from, to, nil
}

// resumption is how far a loop has come.
type resumption struct {
	loop string
	at   int64
}

func (st *state) resumed(loop string) int64 {
	for _, r := range st.resume {
		if r.loop == loop {
			return r.at
		}
	}
	return 0
}

func (st *state) resumeAt(loop string, at int64) {
	for i := range st.resume {
		if st.resume[i].loop == loop {
			st.resume[i].at = at
			return
		}
	}
	st.resume = append(st.resume, resumption{loop, at})
}

type forNode struct {
	variable  string
	source    expr
	name      string // "item-collection", as forloop.name shows it
	bounds    bounds
	body      []node
	otherwise []node // else: nothing to walk over
	pos       Pos
}

func (n *forNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	seq := sequenceOf(n.source.eval(st))
	from, to, err := n.bounds.cut(st, seq.len(), n.name, n.pos)
	if err != nil {
		return err
	}
	if from == to {
		return renderNodes(st, n.otherwise)
	}
	if err := st.enter(n.pos); err != nil {
		return err
	}
	loop := &forLoop{name: n.name, length: to - from, parent: st.loop}
	mark := len(st.inner)
	st.loop = loop
	st.push("forloop", loop)
	st.push(n.variable, nil)
	for i := from; i < to; i++ {
		if err = st.iterate(n.pos); err != nil {
			break
		}
		if err = st.step(n.pos); err != nil {
			break
		}
		at := i
		if n.bounds.reversed {
			at = to - 1 - (i - from)
		}
		st.inner[mark+1].value = seq.at(at)
		if err = renderNodes(st, n.body); err != nil {
			break
		}
		loop.index++
		was := st.interrupt
		st.interrupt = none
		if was == breakLoop {
			break
		}
	}
	st.pop(mark)
	st.loop = loop.parent
	st.leave()
	return err
}

type tableRowNode struct {
	variable string
	source   expr
	name     string
	bounds   bounds
	cols     expr
	body     []node
	pos      Pos
}

func (n *tableRowNode) render(st *state) error {
	if err := st.step(n.pos); err != nil {
		return err
	}
	seq := sequenceOf(n.source.eval(st))
	from, to, err := n.bounds.cut(st, seq.len(), "tablerow "+n.name, n.pos)
	if err != nil {
		return err
	}
	cols := to - from
	if n.cols != nil {
		if v := n.cols.eval(st); v != nil {
			cols = whole(toNumber(v))
		}
	}
	if err := st.enter(n.pos); err != nil {
		return err
	}
	loop := &forLoop{name: n.name, length: to - from, cols: max(cols, 1)}
	mark := len(st.inner)
	st.push("tablerowloop", loop)
	st.push(n.variable, nil)
	st.print("<tr class=\"row1\">\n")
	for i := from; i < to; i++ {
		if err = st.iterate(n.pos); err != nil {
			break
		}
		st.inner[mark+1].value = seq.at(i)
		col := loop.index % loop.cols
		st.print("<td class=\"col", strconv.FormatInt(col+1, 10), "\">")
		if err = renderNodes(st, n.body); err != nil {
			break
		}
		st.print("</td>")
		loop.index++
		was := st.interrupt
		st.interrupt = none
		if was == breakLoop {
			break
		}
		if col == loop.cols-1 && i < to-1 {
			st.print("</tr>\n<tr class=\"row", strconv.FormatInt(loop.index/loop.cols+1, 10), "\">")
		}
	}
	st.print("</tr>\n")
	st.pop(mark)
	st.leave()
	if err != nil {
		return err
	}
	return st.checkOutput(n.pos)
}

// print writes texts of our own.
func (st *state) print(texts ...string) {
	mark := len(st.out)
	for _, s := range texts {
		st.out = append(st.out, s...)
	}
	st.encoded(mark)
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
