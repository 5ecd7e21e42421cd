package templates

import "rapport/templates/liquid"

// The variables that hold an address of our own.
const (
	unsubscribeURL = iota
	preferencesURL
	viewURL
	referralURL
	surveyURL
	confirmURL
	openURL
	ownURLs
)

// url gives the address under a name; nil where there is none.
func (f *Filling) url(i int) any {
	u := &f.urls[i]
	if *u != "" {
		return u
	}
	switch i {
	case unsubscribeURL:
		*u = f.links.Unsubscribe()
	case preferencesURL:
		*u = f.links.Preferences()
	case viewURL:
		*u = f.links.View()
	case referralURL:
		l, ok := f.links.(ReferralLinks)
		if !ok {
			return nil
		}
		*u = l.Referral()
	case surveyURL:
		l, ok := f.links.(SurveyLinks)
		if !ok {
			return nil
		}
		*u = l.Survey()
	case confirmURL:
		l, ok := f.links.(ConfirmLinks)
		if !ok {
			return nil
		}
		*u = l.Confirm()
	case openURL:
		if *u = f.links.Open(); *u == "" {
			return nil
		}
	}
	return u
}

// Get is the outermost scope of a template. Texts are given as pointers, which
// cost nothing.
func (f *Filling) Get(key string) (any, bool) {
	var v any
	switch key {
	case "contact":
		v = f.in.Contact
	case "company":
		v = f.in.Company
	case "campaign":
		v = f.in.Campaign
	case "event":
		v = f.in.Event
	case "unsubscribe_url":
		v = f.url(unsubscribeURL)
	case "preferences_url":
		v = f.url(preferencesURL)
	case "view_url":
		v = f.url(viewURL)
	case "referral_url":
		v = f.url(referralURL)
	case "survey_url":
		v = f.url(surveyURL)
	case "confirm_url":
		v = f.url(confirmURL)
	case "subject":
		v = &f.subject
	case "preheader":
		v = &f.preheader
	case "language":
		f.language = writtenIn(f.v, f.in.Company)
		v = &f.language
	case "kind":
		v = &f.t.kind
	case pixelVariable:
		v = f.url(openURL)
	}
	return v, v != nil
}

// writtenIn is the language of the text: the variant's, else the company's.
func writtenIn(variant *variant, company any) string {
	if variant.language != "" {
		return variant.language
	}
	var v any
	switch company := company.(type) {
	case map[string]any:
		v = company["language"]
	case liquid.Drop:
		v, _ = company.Get("language")
	}
	switch v := v.(type) {
	case string:
		if v != "" {
			return v
		}
	case *string:
		if *v != "" {
			return *v
		}
	}
	return "en"
}
