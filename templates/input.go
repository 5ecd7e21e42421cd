package templates

import (
	"fmt"
	"time"

	"rapport/templates/liquid"
)

// Input is what a template is rendered with.
type Input struct {
	// Contact, Company, Campaign and Event are each a map[string]any or a
	// liquid.Drop; nil: there is none. A field without a value is absent or nil.
	Contact, Company, Campaign, Event any
	// Language chooses the variant: de-AT falls back to de, then to the
	// template itself.
	Language string
	// Links makes the addresses of this message; nil: links stay as written.
	Links Links
	Now   time.Time
	// Zone is where dates are shown; nil: UTC.
	Zone   *time.Location
	Limits Limits
}

// Limits bounds a rendering; zero fields take their defaults.
type Limits = liquid.Limits

// Links makes the addresses of one message.
type Links interface {
	// AppendClick appends the tracked address of link n. url is the address it
	// leads to, to be read only; personal: it holds data of this contact, so the
	// address must carry it.
	AppendClick(dst []byte, n int, url []byte, personal bool) []byte
	Open() string // the pixel's address, or "" for none
	Unsubscribe() string
	Preferences() string
	View() string
}

// NumberedLinks is implemented by Links whose tracked addresses are one text
// with the link's number behind it, but for those of personal links.
type NumberedLinks interface {
	// Stem is what stands before the number.
	Stem() string
	// Numbered reports whether link n, which is not personal, has such an
	// address; else AppendClick is asked.
	Numbered(n int) bool
}

// ReferralLinks is implemented by Links that know the contact's referral address.
type ReferralLinks interface{ Referral() string }

// SurveyLinks is implemented by Links that know the address of a survey.
type SurveyLinks interface{ Survey() string }

// ConfirmLinks is implemented by Links that know where a consent is confirmed.
type ConfirmLinks interface{ Confirm() string }

// Output is a rendered message.
type Output struct {
	Subject   string
	Preheader string
	HTML      string
	Text      string
}

// Link is one numbered link of a template.
type Link struct {
	N        int    // from 1, unique in the template with all its languages
	URL      string // as written, with its Liquid
	Personal bool   // depends on more than the company and the campaign
	Track    bool   // false: stays as it is
	Label    string // the text of the link as written
}

// RenderError says why a message could not be rendered. It concerns this
// message only.
type RenderError struct {
	Template string
	File     string // the source, as in Source.Path
	Line     int
	Column   int
	Message  string
	Hint     string
}

// Error gives "template NAME: file:line:column: message", and the hint in brackets.
func (e *RenderError) Error() string {
	s := fmt.Sprintf("template %s: ", e.Template)
	if e.File != "" {
		s += fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
	}
	s += e.Message
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}
