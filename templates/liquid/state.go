package liquid

import (
	"context"
	"strconv"
	"time"
	"unicode/utf8"

	"rapport/internal/quoted"
)

// maxNesting is how deep blocks, conditions and partials may stand in each other.
const maxNesting = 100

// Limits bounds one rendering. A zero field takes its default.
type Limits struct {
	Steps      int // operations: nodes, filters, long comparisons; 1,000,000
	Iterations int // rounds of all loops together; 100,000
	Depth      int // blocks and partials in each other; 100
	Memory     int // bytes of all values made on the way; 32 MiB
	Output     int // bytes of output; 4 MiB
}

// DefaultLimits are the bounds that stand where Options gives none.
var DefaultLimits = Limits{Steps: 1_000_000, Iterations: 100_000, Depth: maxNesting, Memory: 32 << 20, Output: 4 << 20}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	for _, f := range []struct{ have, want *int }{
		{&l.Steps, &d.Steps}, {&l.Iterations, &d.Iterations}, {&l.Depth, &d.Depth},
		{&l.Memory, &d.Memory}, {&l.Output, &d.Output},
	} {
		if *f.have > 0 {
			*f.want = *f.have
		}
	}
	return d
}

// Options says how to render.
type Options struct {
	// Context ends a rendering early when it is done; nil: never. It only
	// cancels, no value is read from it.
	Context context.Context
	// Now is the time that "now" and "today" mean in the filter date.
	Now time.Time
	// Zone is where dates are shown; nil: UTC.
	Zone *time.Location
	// Strict makes an output of an undefined variable without the filter
	// default an error.
	Strict bool
	Limits Limits
	// Partial finds the template of a render or include tag; nil: there are none.
	Partial func(name string) (*Template, bool)
	// Hook receives what stands between the tokens OpenHook and CloseHook and
	// appends to dst what shall stand there instead, unescaped.
	Hook func(dst []byte, n int, inner []byte) []byte
	// Numbered reports whether hook n needs to know nothing of what stands in it:
	// then Stem and n stand there instead, and Hook is not asked. Nil: never.
	Numbered func(n int) bool
	Stem     string
}

type binding struct {
	name  string
	value any
}

// state is one rendering.
type state struct {
	opt  *Options
	lim  Limits
	vars Drop
	out  []byte
	base int // len(out) at the start

	inner     []binding // loop variables and a partial's arguments, innermost last
	innerBase int       // a rendered partial sees nothing below
	assigned  []binding // set by assign and capture
	counters  map[string]int64
	cycles    map[string]int
	resume    []resumption // where a loop with offset: continue goes on
	changed   *string      // what ifchanged wrote last
	loop      *forLoop     // the innermost for
	args      []any        // stack of filter arguments
	call      call         // the filter at work
	texts     []string     // what text has given out
	scratch   []byte

	encode   bool         // the output becomes quoted-printable as it is written
	notText  bool         // what was encoded was not UTF-8
	line     quoted.Line  // where the encoded output has got to
	stemText []byte       // Options.Stem, escaped for the mode
	stem     quoted.Piece // the same, encoded

	steps, iterations, memory, depth int
	interrupt                        interrupt
	mode                             Mode
}

// text gives a text as a value. It takes room among others, and none of its own
// as a string would.
func (st *state) text(s string) any {
	if len(st.texts) == cap(st.texts) {
		st.texts = make([]string, 0, 32) // those given out stay where they are
	}
	st.texts = append(st.texts, s)
	return &st.texts[len(st.texts)-1]
}

// setStem prepares what most links of a message begin with.
func (st *state) setStem() {
	if st.opt.Numbered == nil {
		return
	}
	if st.mode == HTMLMode {
		st.stemText = appendHTML(st.stemText[:0], st.opt.Stem)
	} else {
		st.stemText = append(st.stemText[:0], st.opt.Stem...)
	}
	if st.encode {
		st.stem.Set(st.stemText)
		st.notText = !utf8.Valid(st.stemText)
	}
}

// appendNumbered writes Options.Stem and a number.
func (st *state) appendNumbered(n int) {
	if st.encode {
		st.out = st.line.Piece(st.out, &st.stem)
	} else {
		st.out = append(st.out, st.stemText...)
	}
	mark := len(st.out)
	st.out = appendInt(st.out, int64(n))
	st.encoded(mark)
}

// encoded encodes what has been written since mark, where the output is to be
// encoded at all. Whoever writes to out calls it then.
func (st *state) encoded(mark int) {
	if st.encode {
		var isText bool
		st.out, isText = st.line.Encode(st.out, mark)
		st.notText = st.notText || !isText
	}
}

// plainly renders nodes at the end of out as they are: somebody reads or
// replaces the text there.
func (st *state) plainly(nodes []node) error {
	was := st.encode
	st.encode = false
	err := renderNodes(st, nodes)
	st.encode = was
	return err
}

type interrupt uint8

const (
	none interrupt = iota
	breakLoop
	continueLoop
)

func (st *state) lookup(name string) (any, bool) {
	for i := len(st.inner) - 1; i >= st.innerBase; i-- {
		if st.inner[i].name == name {
			return st.inner[i].value, true
		}
	}
	for i := range st.assigned {
		if st.assigned[i].name == name {
			return st.assigned[i].value, true
		}
	}
	if n, ok := st.counters[name]; ok {
		return n, true
	}
	if st.vars == nil {
		return nil, false
	}
	return st.vars.Get(name)
}

func (st *state) assign(name string, value any) {
	for i := range st.assigned {
		if st.assigned[i].name == name {
			st.assigned[i].value = value
			return
		}
	}
	st.assigned = append(st.assigned, binding{name, value})
}

func (st *state) push(name string, value any) { st.inner = append(st.inner, binding{name, value}) }

func (st *state) pop(to int) {
	clear(st.inner[to:])
	st.inner = st.inner[:to]
}

// step counts one operation and now and then looks whether time is up.
func (st *state) step(pos Pos) error {
	st.steps++
	if st.steps&511 == 0 || st.steps > st.lim.Steps {
		return st.work(0, pos)
	}
	return nil
}

func (st *state) work(n int, pos Pos) error {
	st.steps += n
	if st.steps > st.lim.Steps {
		return pos.errorf("", "the template takes more than %s steps", group(st.lim.Steps))
	}
	if ctx := st.opt.Context; ctx != nil && ctx.Err() != nil {
		return pos.errorf("", "rendering was stopped: %s", ctx.Err())
	}
	return nil
}

// charge counts bytes that a value takes. What has been dropped since counts
// too, so the bound also limits the work of filters.
func (st *state) charge(bytes int, pos Pos) error {
	st.memory += bytes
	if bytes < 0 || st.memory > st.lim.Memory {
		return pos.errorf("", "the template's values take more than %s bytes", group(st.lim.Memory))
	}
	return nil
}

func (st *state) iterate(pos Pos) error {
	st.iterations++
	if st.iterations > st.lim.Iterations {
		return pos.errorf("shorten the list or add limit:", "the template's loops run more than %s times in all", group(st.lim.Iterations))
	}
	return nil
}

func (st *state) enter(pos Pos) error {
	st.depth++
	if st.depth > st.lim.Depth {
		return pos.errorf("does a partial include itself?", "blocks and partials stand more than %d deep in each other", st.lim.Depth)
	}
	return nil
}

func (st *state) leave() { st.depth-- }

func (st *state) checkOutput(pos Pos) error {
	if len(st.out)-st.base > st.lim.Output {
		return pos.errorf("", "the output is longer than %s bytes", group(st.lim.Output))
	}
	return nil
}

// group writes 1000000 as 1,000,000.
func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
