package delivery

import (
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/token"
)

// PageOf is a message to be shown in the browser.
type PageOf struct {
	Message  int64
	Campaign string // its name
	Template string
	Facts    *contacts.Facts
}

// Page renders a message as a page, as it would look today: the template that
// is applied now, and what is known of the contact now. It has no pixel, and
// its links are those of the mail.
func Page(applied *catalog.Applied, tokens *token.Signer, p PageOf, now time.Time) (string, error) {
	t := applied.Templates.Template(p.Template)
	if t == nil {
		return "", fmt.Errorf("template %s is not in the applied workspace", p.Template)
	}
	d := applied.Workspace.Campaigns[p.Campaign]
	if d == nil {
		d = &campaigns.Definition{Name: p.Campaign}
	}
	in := renderInput(applied, d, p.Facts, campaigns.Origin{}, now)
	in.Links = pageLinks{newLinks(tokens, applied.PublicURL, p.Message, int64(p.Facts.Contact.ID))}
	out, err := t.Render(in)
	return out.HTML, err
}

// pageLinks are a message's links without its pixel: who opens the page has
// come by a link, which counts already.
type pageLinks struct{ *links }

func (pageLinks) Open() string { return "" }
