package delivery

import (
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/templates"
)

// PreviewInput is what a template would be rendered with for a contact, now and
// in a campaign, so that a preview looks as the mail will. Links stay as they
// are written. A nil campaign stands for none.
func PreviewInput(applied *catalog.Applied, d *campaigns.Definition, f *contacts.Facts, origin campaigns.Origin, now time.Time) templates.Input {
	if d == nil {
		d = &campaigns.Definition{}
	}
	return renderInput(applied, d, f, origin, now)
}
