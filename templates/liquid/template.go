package liquid

import (
	"errors"
	"io"
	"sync"
	"unicode/utf8"
)

// Mode says how outputs are escaped.
type Mode uint8

const (
	// Plain writes values as they are, as the Liquid language does by itself.
	Plain Mode = iota
	// Line removes line breaks from values: for subjects and text parts.
	Line
	// HTMLMode escapes each value for the place it stands in.
	HTMLMode
)

// Template is a parsed template; it does not change and may be used by many at once.
type Template struct {
	name  string
	mode  Mode
	nodes []node
	size  int // bytes of literal text, a first guess at the output's length

	constant   string
	isConstant bool
}

// Name is the name given to Parse.
func (t *Template) Name() string { return t.name }

// Parse reads a source in Plain mode. firstLine is the number of the source's
// first line in its file. All syntax errors are returned together; the
// template is nil when there is one.
func Parse(name, source string, firstLine int) (*Template, []Error) {
	return ParseMode(name, source, firstLine, Plain)
}

// ParseMode is Parse for any mode.
func ParseMode(name, source string, firstLine int, mode Mode) (*Template, []Error) {
	tokens, errs := Lex(source, Pos{Name: name, Line: firstLine, Column: 1})
	t, more := ParseTokens(name, tokens, mode)
	errs = append(errs, more...)
	if len(errs) > 0 {
		sortErrors(errs)
		return nil, errs
	}
	return t, nil
}

// ParseTokens parses tokens that may come from several sources.
func ParseTokens(name string, tokens []Token, mode Mode) (*Template, []Error) {
	p := parser{tokens: tokens, mode: mode, end: Pos{Name: name, Line: 1, Column: 1}}
	nodes := p.template()
	t := &Template{name: name, mode: mode, nodes: nodes}
	if len(p.errs) == 0 {
		switch mode {
		case HTMLMode:
			p.places(nodes)
		case Line:
			p.addresses(nodes)
		}
	}
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	for _, tok := range tokens {
		if tok.Kind == Text {
			t.size += len(tok.Markup)
		}
	}
	if len(nodes) == 1 {
		if text, ok := nodes[0].(*textNode); ok {
			t.constant, t.isConstant = string(text.text), true
		}
	}
	return t, nil
}

var states = sync.Pool{New: func() any { return new(state) }}

// Render writes the output for vars (a Map, a map[string]any wrapped in Map, or
// any Drop). An error is an *Error with the position; what was written before
// it is not sent to w.
func (t *Template) Render(w io.Writer, vars Drop, opt Options) error {
	out, err := t.Append(make([]byte, 0, t.size+t.size/4), vars, &opt)
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// Append renders onto dst and returns the longer slice. On an error dst comes
// back unchanged in length.
func (t *Template) Append(dst []byte, vars Drop, opt *Options) ([]byte, error) {
	return t.append(dst, vars, opt, false)
}

// ErrNotText says that a value is not UTF-8, so that a text that was encoded in
// pieces might not be what it is in one.
var ErrNotText = errors.New("a value is not UTF-8")

// AppendQuoted is Append in quoted-printable: the bytes that the package quoted
// makes of what Append gives. Limits.Output counts them. It is fast for a
// template that was prepared.
func (t *Template) AppendQuoted(dst []byte, vars Drop, opt *Options) ([]byte, error) {
	return t.append(dst, vars, opt, true)
}

func (t *Template) append(dst []byte, vars Drop, opt *Options, encode bool) ([]byte, error) {
	st := states.Get().(*state)
	st.opt, st.lim, st.vars, st.out, st.base, st.mode, st.encode = opt, opt.Limits.orDefault(), vars, dst, len(dst), t.mode, encode
	st.setStem()
	err := renderNodes(st, t.nodes)
	if encode {
		st.out = st.line.End(st.out)
		if err == nil && st.notText {
			err = ErrNotText
		}
	}
	out := st.out
	st.reset()
	states.Put(st)
	if err != nil {
		return out[:len(dst)], err
	}
	return out, nil
}

// reset forgets everything of the last rendering and keeps the buffers.
func (st *state) reset() {
	clear(st.inner)
	clear(st.assigned)
	clear(st.args[:cap(st.args)])
	clear(st.resume)
	clear(st.texts)
	*st = state{inner: st.inner[:0], assigned: st.assigned[:0], args: st.args[:0], scratch: st.scratch[:0], resume: st.resume[:0],
		texts: st.texts[:0], stemText: st.stemText[:0], stem: st.stem}
}

// Prepare encodes the literal texts for AppendQuoted. It is for one who has made
// a template and not given it to anybody yet.
func (t *Template) Prepare() {
	walk(t.nodes, func(n node) {
		if text, ok := n.(*textNode); ok && utf8.Valid(text.text) {
			text.piece.Set(text.text)
			text.prepared = true
		}
	})
}

// Constant is the output of a template that says the same to everybody; false
// where it may not.
func (t *Template) Constant() (string, bool) { return t.constant, t.isConstant }

// Size is the number of bytes of literal text.
func (t *Template) Size() int { return t.size }
