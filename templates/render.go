package templates

import (
	"errors"
	"strings"
	"sync"

	"rapport/templates/liquid"
)

// rendering is the state of one Render, kept for the next one.
type rendering struct {
	in        *Input
	links     Links
	table     []Link
	subject   string
	preheader string
	language  string
	kind      string
	opt       liquid.Options
	buf       []byte
}

var renderings = sync.Pool{New: func() any {
	r := new(rendering)
	r.opt.Hook = r.hook
	return r
}}

// Render fills the template for one contact. An error is a *RenderError.
func (t *Template) Render(in Input) (Output, error) {
	if t.broken != "" {
		return Output{}, &RenderError{Template: t.name, File: t.file, Line: 1, Column: 1, Message: t.broken}
	}
	r := renderings.Get().(*rendering)
	defer r.release()
	v := t.pick(in.Language)
	r.begin(&in, t, v)

	var out Output
	var err error
	if out.Subject, err = r.render(v.subject, 0); err != nil {
		return Output{}, t.wrap(err)
	}
	r.subject = out.Subject
	if out.Preheader, err = r.render(v.preheader, 0); err != nil {
		return Output{}, t.wrap(err)
	}
	r.preheader = out.Preheader
	if out.HTML, err = r.render(v.html, v.htmlSize); err != nil {
		return Output{}, t.wrap(err)
	}
	if out.Text, err = r.render(v.text, v.textSize); err != nil {
		return Output{}, t.wrap(err)
	}
	// What was not shown at the beginning may have left its line breaks.
	out.Text = strings.TrimLeft(out.Text, "\n")
	return out, nil
}

func (r *rendering) begin(in *Input, t *Template, v *variant) {
	r.in, r.table = in, t.links
	r.links = in.Links
	if r.links == nil {
		r.links = noLinks{}
	}
	r.language, r.kind = v.language, t.kind
	r.opt.Now, r.opt.Zone, r.opt.Limits, r.opt.Strict = in.Now, in.Zone, in.Limits, true
}

func (r *rendering) release() {
	*r = rendering{opt: liquid.Options{Hook: r.opt.Hook}, buf: r.buf[:0]}
	renderings.Put(r)
}

func (r *rendering) render(t *liquid.Template, size int) (string, error) {
	if t == nil {
		return "", nil
	}
	if cap(r.buf) < size {
		r.buf = make([]byte, 0, size+size/2)
	}
	var err error
	r.buf, err = t.Append(r.buf[:0], r, &r.opt)
	return string(r.buf), err
}

// hook puts the tracked address in the place of a link's own.
func (r *rendering) hook(dst []byte, n int, inner []byte) []byte {
	l := &r.table[n-1]
	if !l.Track {
		return append(dst, inner...)
	}
	return append(dst, r.links.Click(n, string(inner), l.Personal)...)
}

// Get is the outermost scope of a template.
func (r *rendering) Get(key string) (any, bool) {
	var v any
	switch key {
	case "contact":
		v = r.in.Contact
	case "company":
		v = r.in.Company
	case "campaign":
		v = r.in.Campaign
	case "event":
		v = r.in.Event
	case "unsubscribe_url":
		v = r.links.Unsubscribe()
	case "preferences_url":
		v = r.links.Preferences()
	case "view_url":
		v = r.links.View()
	case "referral_url":
		if l, ok := r.links.(ReferralLinks); ok {
			v = l.Referral()
		}
	case "survey_url":
		if l, ok := r.links.(SurveyLinks); ok {
			v = l.Survey()
		}
	case "subject":
		v = r.subject
	case "preheader":
		v = r.preheader
	case "language":
		v = r.writtenIn()
	case "kind":
		v = r.kind
	case pixelVariable:
		if url := r.links.Open(); url != "" {
			v = url
		}
	}
	return v, v != nil
}

// writtenIn is the language of the text: the variant's, else the company's.
func (r *rendering) writtenIn() string {
	if r.language != "" {
		return r.language
	}
	var v any
	switch company := r.in.Company.(type) {
	case map[string]any:
		v = company["language"]
	case liquid.Drop:
		v, _ = company.Get("language")
	}
	if s, ok := v.(string); ok && s != "" {
		return s
	}
	return "en"
}

func (t *Template) wrap(err error) error {
	var e *liquid.Error
	if !errors.As(err, &e) {
		return &RenderError{Template: t.name, File: t.file, Line: 1, Column: 1, Message: err.Error()}
	}
	return &RenderError{Template: t.name, File: e.Name, Line: e.Line, Column: e.Column, Message: e.Message, Hint: e.Hint}
}

// LinkURL gives the address that link n leads to, for links that are not
// personal: only in.Company and in.Campaign are read. An unknown number and a
// personal link are errors.
func (t *Template) LinkURL(n int, in Input) (string, error) {
	if t.broken != "" {
		return "", &RenderError{Template: t.name, File: t.file, Line: 1, Column: 1, Message: t.broken}
	}
	if n < 1 || n > len(t.links) || t.targets[n-1] == nil {
		return "", &RenderError{Template: t.name, File: t.file, Line: 1, Column: 1, Message: "there is no such link"}
	}
	if t.links[n-1].Personal {
		return "", &RenderError{Template: t.name, File: t.file, Line: 1, Column: 1, Message: "a personal link carries its own address"}
	}
	r := renderings.Get().(*rendering)
	defer r.release()
	r.begin(&Input{Company: in.Company, Campaign: in.Campaign, Now: in.Now, Zone: in.Zone, Limits: in.Limits}, t, t.base)
	url, err := r.render(t.targets[n-1], 0)
	if err != nil {
		return "", t.wrap(err)
	}
	return url, nil
}

// noLinks leaves links as they are.
type noLinks struct{}

func (noLinks) Click(_ int, url string, _ bool) string { return url }
func (noLinks) Open() string                           { return "" }
func (noLinks) Unsubscribe() string                    { return "#unsubscribe" }
func (noLinks) Preferences() string                    { return "#preferences" }
func (noLinks) View() string                           { return "#view" }
func (noLinks) Referral() string                       { return "#referral" }
func (noLinks) Survey() string                         { return "#survey" }
