package templates

import (
	"errors"
	"strings"

	"rapport/templates/liquid"
)

// Render fills the template in for one contact, as text that is not encoded. An
// error is a *RenderError.
func (t *Template) Render(in Input) (Output, error) {
	f, err := t.Fill(&in)
	if err != nil {
		return Output{}, err
	}
	defer f.Release()
	out := Output{Subject: f.subject, Preheader: f.preheader}
	if out.HTML, err = f.render(f.v.html, f.v.htmlSize); err != nil {
		return Output{}, t.wrap(err)
	}
	if out.Text, err = f.render(f.v.text, f.v.textSize); err != nil {
		return Output{}, t.wrap(err)
	}
	// What was not shown at the beginning may have left its line breaks.
	out.Text = strings.TrimLeft(out.Text, "\r\n")
	return out, nil
}

func (t *Template) wrap(err error) error {
	var e *liquid.Error
	if !errors.As(err, &e) {
		return t.fault(err.Error())
	}
	return &RenderError{Template: t.name, File: e.Name, Line: e.Line, Column: e.Column, Message: e.Message, Hint: e.Hint}
}

// fault is an error about the template as a whole.
func (t *Template) fault(message string) error {
	return &RenderError{Template: t.name, File: t.file, Line: 1, Column: 1, Message: message}
}

// LinkURL gives the address that link n leads to, for links that are not
// personal: only in.Company and in.Campaign are read. An unknown number and a
// personal link are errors.
func (t *Template) LinkURL(n int, in Input) (string, error) {
	if t.broken != "" {
		return "", t.fault(t.broken)
	}
	if n < 1 || n > len(t.links) || t.targets[n-1] == nil {
		return "", t.fault("there is no such link")
	}
	if t.links[n-1].Personal {
		return "", t.fault("a personal link carries its own address")
	}
	f := fillings.Get().(*Filling)
	defer f.Release()
	f.begin(&Input{Company: in.Company, Campaign: in.Campaign, Now: in.Now, Zone: in.Zone, Limits: in.Limits}, t, t.base)
	url, err := f.render(t.targets[n-1], 0)
	if err != nil {
		return "", t.wrap(err)
	}
	return url, nil
}

// noLinks leaves links as they are.
type noLinks struct{}

func (noLinks) AppendClick(dst []byte, _ int, url []byte, _ bool) []byte { return append(dst, url...) }
func (noLinks) Open() string                                             { return "" }
func (noLinks) Unsubscribe() string                                      { return "#unsubscribe" }
func (noLinks) Preferences() string                                      { return "#preferences" }
func (noLinks) View() string                                             { return "#view" }
func (noLinks) Referral() string                                         { return "#referral" }
func (noLinks) Survey() string                                           { return "#survey" }
func (noLinks) Confirm() string                                          { return "#confirm" }
