package templates

import (
	"strconv"
	"strings"
	"sync"

	"rapport/internal/quoted"
	"rapport/templates/liquid"
)

// Filling is a template that is being filled in for one contact. One goroutine
// uses it, up to Release.
type Filling struct {
	in        *Input
	t         *Template
	v         *variant
	links     Links
	numbered  NumberedLinks // links, where they are
	subject   string
	preheader string
	language  string
	urls      [ownURLs]string // what stands in the variables for addresses
	opt       liquid.Options
	buf       []byte
}

var fillings = sync.Pool{New: func() any {
	f := new(Filling)
	f.opt.Hook, f.opt.Numbered = f.hook, f.isNumbered
	return f
}}

// Fill begins to fill the template in: it makes the subject. in is read until
// Release. An error is a *RenderError, and then there is nothing to release.
func (t *Template) Fill(in *Input) (*Filling, error) {
	if t.broken != "" {
		return nil, t.fault(t.broken)
	}
	f := fillings.Get().(*Filling)
	f.begin(in, t, t.pick(in.Language))
	err := f.lines()
	if err != nil {
		f.Release()
		return nil, t.wrap(err)
	}
	return f, nil
}

// lines makes subject and preheader, which the parts may show.
func (f *Filling) lines() (err error) {
	if f.subject, err = f.render(f.v.subject, 0); err != nil {
		return err
	}
	f.preheader, err = f.render(f.v.preheader, 0)
	return err
}

func (f *Filling) begin(in *Input, t *Template, v *variant) {
	f.in, f.t, f.v = in, t, v
	f.links = in.Links
	if f.links == nil {
		f.links = noLinks{}
	}
	f.opt.Stem = ""
	if f.numbered, _ = f.links.(NumberedLinks); f.numbered != nil {
		f.opt.Stem = f.numbered.Stem()
	}
	f.opt.Now, f.opt.Zone, f.opt.Limits, f.opt.Strict = in.Now, in.Zone, in.Limits, true
}

// Release gives the Filling back. It must not be used afterwards.
func (f *Filling) Release() {
	*f = Filling{opt: liquid.Options{Hook: f.opt.Hook, Numbered: f.opt.Numbered}, buf: f.buf[:0]}
	fillings.Put(f)
}

// Subject is the filled-in subject.
func (f *Filling) Subject() string { return f.subject }

// AppendHTML appends the HTML part in quoted-printable: the bytes of
// Output.HTML after quoted.Append.
func (f *Filling) AppendHTML(dst []byte) ([]byte, error) {
	return f.encoded(dst, f.v.html, f.v.htmlSize)
}

// AppendText appends the text part likewise.
func (f *Filling) AppendText(dst []byte) ([]byte, error) {
	start := len(dst)
	dst, err := f.encoded(dst, f.v.text, f.v.textSize)
	blank := 0
	for strings.HasPrefix(string(dst[start+blank:min(len(dst), start+blank+2)]), "\r\n") {
		blank += 2
	}
	return append(dst[:start], dst[start+blank:]...), err
}

// encoded renders in quoted-printable. What cannot be done so is done in two
// steps: the plain text decides what is an error, and how it reads.
func (f *Filling) encoded(dst []byte, t *liquid.Template, size int) ([]byte, error) {
	out, err := t.AppendQuoted(dst, f, &f.opt)
	if err == nil {
		return out, nil
	}
	text, err := f.render(t, size)
	if err != nil {
		return dst, f.t.wrap(err)
	}
	return quoted.Append(dst, text), nil
}

// maxConstant keeps the limit of a rendering's output: subjects are far below it.
const maxConstant = 1000

func (f *Filling) render(t *liquid.Template, size int) (string, error) {
	if t == nil {
		return "", nil
	}
	if text, ok := t.Constant(); ok && len(text) <= maxConstant {
		return text, nil
	}
	if cap(f.buf) < size {
		f.buf = make([]byte, 0, size+size/2)
	}
	var err error
	f.buf, err = t.Append(f.buf[:0], f, &f.opt)
	return string(f.buf), err
}

// hook puts the tracked address in the place of a link's own.
func (f *Filling) hook(dst []byte, n int, inner []byte) []byte {
	l := &f.t.links[n-1]
	switch {
	case !l.Track:
		return append(dst, inner...)
	case f.isNumbered(n):
		return strconv.AppendInt(append(dst, f.opt.Stem...), int64(n), 10)
	}
	return f.links.AppendClick(dst, n, inner, l.Personal)
}

// isNumbered: the address of link n says nothing of what stands in it.
func (f *Filling) isNumbered(n int) bool {
	l := &f.t.links[n-1]
	return f.numbered != nil && l.Track && !l.Personal && f.numbered.Numbered(n)
}
