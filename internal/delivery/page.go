package delivery

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
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

// Pages shows messages in the browser.
type Pages struct {
	Catalog *catalog.Catalog
	Tokens  *token.Signer
	Log     *slog.Logger
}

// Page renders a message as a page: the template, the company and the campaign
// of the version that it was sent with, whatever was applied since, at the time
// it was sent. Where that version cannot be read, the page is made of what is
// applied now. Of the contact it says what is known now: what a mail was filled
// in with is not kept. It has no pixel, and its links are those of the mail.
func (s *Pages) Page(ctx context.Context, applied *catalog.Applied, p PageOf, now time.Time) (string, error) {
	of := s.version(ctx, applied, p.Mailed.Version)
	t, d := of.Templates.Template(p.Mailed.Template), of.Workspace.Campaigns[p.Mailed.Campaign]
	if t == nil || d == nil { // it was removed before the mail was sent
		began := s.version(ctx, applied, p.Mailed.Enrolment.Version)
		t, d = cmp.Or(t, began.Templates.Template(p.Mailed.Template)), cmp.Or(d, began.Workspace.Campaigns[p.Mailed.Campaign])
	}
	if d == nil {
		d = &campaigns.Definition{Name: p.Mailed.Campaign}
	}
	if t == nil {
		return "", fmt.Errorf("template %s is in no version that this message knows", p.Mailed.Template)
	}
	if p.Mailed.Subject != "" {
		var err error
		if t, err = t.WithSubject(p.Mailed.Subject); err != nil {
			return "", err
		}
	}
	if !p.Mailed.At.IsZero() {
		now = p.Mailed.At
	}
	in := renderInput(of, d, p.Facts, p.Mailed.Enrolment.Origin, now)
	in.Links = pageLinks{newLinks(s.Tokens, applied.PublicURL, p.Message, int64(p.Facts.Contact.ID))}
	out, err := t.Render(in)
	return out.HTML, err
}

// version is the one of a number, or the applied one where it cannot be read.
func (s *Pages) version(ctx context.Context, applied *catalog.Applied, id int64) *catalog.Applied {
	if id == 0 || id == applied.Version.ID {
		return applied
	}
	old, err := s.Catalog.Past(ctx, id)
	if err != nil {
		s.Log.Warn("a message is shown with what is applied now: its version cannot be read", "version", id, "error", err)
		return applied
	}
	return old
}

// pageLinks are a message's links without its pixel: who opens the page has
// come by a link, which counts already.
type pageLinks struct{ *links }

func (pageLinks) Open() string { return "" }
