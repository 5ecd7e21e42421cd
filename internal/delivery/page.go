package delivery

import (
	"context"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/token"
)

// PageOf is a message to be shown in the browser.
type PageOf struct {
	Message int64
	Mailed  store.Mailed
	Facts   *contacts.Facts
}

// Page renders a message as a page: the template, the company and the campaign
// of the version that it was sent with, whatever was applied since, at the time
// it was sent. Of the contact it says what is known now: what a mail was filled
// in with is not kept. It has no pixel, and its links are those of the mail.
func Page(ctx context.Context, versions *catalog.Catalog, applied *catalog.Applied, tokens *token.Signer, p PageOf, now time.Time) (string, error) {
	of := applied
	if v := p.Mailed.Version; v != 0 && v != applied.Version.ID {
		var err error
		if of, err = versions.Version(ctx, v); err != nil {
			return "", err
		}
	}
	t, err := templateOf(ctx, versions, of, p.Mailed.Template, p.Mailed.Enrolment.Version)
	if err != nil {
		return "", err
	}
	if p.Mailed.Subject != "" {
		if t, err = t.WithSubject(p.Mailed.Subject); err != nil {
			return "", err
		}
	}
	d := of.Workspace.Campaigns[p.Mailed.Campaign]
	if d == nil {
		if d = definition(ctx, versions, of, p.Mailed.Enrolment); d == nil {
			d = &campaigns.Definition{Name: p.Mailed.Campaign}
		}
	}
	if !p.Mailed.At.IsZero() {
		now = p.Mailed.At
	}
	in := renderInput(of, d, p.Facts, p.Mailed.Enrolment.Origin, now)
	in.Links = pageLinks{newLinks(tokens, applied.PublicURL, p.Message, int64(p.Facts.Contact.ID))}
	out, err := t.Render(in)
	return out.HTML, err
}

// pageLinks are a message's links without its pixel: who opens the page has
// come by a link, which counts already.
type pageLinks struct{ *links }

func (pageLinks) Open() string { return "" }
