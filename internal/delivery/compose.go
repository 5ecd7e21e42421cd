package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"rapport/internal/catalog"
	"rapport/internal/delivery/mime"
	"rapport/internal/store"
	"rapport/templates"
)

// draft is what one message is made in. The buffers are used again for others,
// which is why a draft must not be released before its message's result is known.
type draft struct {
	message mime.Message
	in      templates.Input
	person  person
	event   occasion
	links   links
	text    []byte // room for addresses
	field   []byte // room for the signature
	data    []byte
}

// ending is room for what goes out behind a message: its dot, and the envelope of
// the one that follows.
const ending = 1 << 10

var drafts = sync.Pool{New: func() any { return new(draft) }}

// release gives a message's memory back: message and data must not be looked at
// any more. Whoever got the outgoing calls it once, when the provider has
// answered and nobody can still be writing the data; without it nothing is
// wrong but that the next message takes new memory.
func (m *outgoing) release() {
	d := m.draft
	if d == nil {
		return
	}
	m.draft, m.message, m.data = nil, nil, nil
	*d = draft{text: d.text[:0], field: d.field[:0], data: d.data[:0]}
	drafts.Put(d)
}

// plan finds the way that a claimed message takes. An error is the message's own
// fault, unless it is a heldError.
func (w *Worker) plan(ctx context.Context, applied *catalog.Applied, c *store.Claimed) (outgoing, error) {
	d, _ := w.Catalog.Now(ctx, applied, c.Entry.Enrolment)
	if d == nil {
		return outgoing{}, &heldError{fmt.Errorf("its version cannot be read")}
	}
	sender := senderNow(applied, d, c.Lane)
	route, err := w.Router.Route(applied, sender, c.Entry.Facts.Contact.Email)
	if err != nil {
		return outgoing{}, &heldError{err}
	}
	return outgoing{claimed: c, campaign: d, sender: sender, route: route}, nil
}

// compose fills in a planned message and makes the bytes that go over the wire.
// An error is the message's own fault, unless it is a heldError.
func (w *Worker) compose(ctx context.Context, applied *catalog.Applied, out *outgoing) error {
	c, d := out.claimed, out.campaign
	e, facts := c.Entry.Enrolment, c.Entry.Facts
	t, err := w.template(ctx, applied, c)
	if err != nil {
		return err
	}
	now := w.Clock.Now()
	r, err := w.recipes.find(ctx, w, applied, recipeKey{t, d, out.sender, c.Subject}, now)
	if err != nil {
		// A message that cannot be filled in is at fault itself, however it is with us.
		var ours *heldError
		if _, own := t.Render(renderInput(applied, d, facts, e.Origin, now)); own != nil && errors.As(err, &ours) {
			return own
		}
		return err
	}
	m := drafts.Get().(*draft)
	m.person.contact, m.event.Origin = &facts.Contact, e.Origin
	m.person.loyal = loyaltyOf(applied, facts)
	r.address(m, w.Tokens, c.ID)
	m.in = templates.Input{Contact: &m.person, Company: r.company, Campaign: r.campaign, Event: &m.event, Links: &m.links, Now: now}
	m.in.Language, m.in.Zone = spoken(applied, &facts.Contact)
	out.message, out.hash, out.draft = &m.message, r.hash, m
	if out.data, err = m.write(r); err != nil {
		out.release()
		return err
	}
	out.subject = m.message.Subject
	return nil
}

// finished is a message planned and composed at once.
func (w *Worker) finished(ctx context.Context, applied *catalog.Applied, c store.Claimed) (outgoing, error) {
	m, err := w.plan(ctx, applied, &c)
	if err == nil {
		err = w.compose(ctx, applied, &m)
	}
	return m, err
}

// Compose makes the bytes of one message as the worker does before it sends, and
// shows them to use, which must not keep them. It is for those who measure.
func (w *Worker) Compose(ctx context.Context, applied *catalog.Applied, c store.Claimed, use func(data []byte)) error {
	m, err := w.finished(ctx, applied, c)
	if err != nil {
		return err
	}
	defer m.release()
	use(m.data)
	return nil
}

// write writes the message and, where its sender signs, the signature before it.
func (m *draft) write(r *recipe) ([]byte, error) {
	filling, err := r.template.Fill(&m.in)
	if err != nil {
		return nil, err
	}
	defer filling.Release()
	m.message.Subject, m.message.Date = filling.Subject(), m.in.Now
	before := 0
	if r.signer != nil {
		before = r.signer.Size()
	}
	m.data = slices.Grow(m.data[:0], before)[:before]
	if m.data, err = r.head.Append(m.data, &m.message, filling); err != nil {
		// The plain way says which of several faults comes first.
		if _, first := r.template.Render(m.in); first != nil {
			err = first
		}
		return nil, err
	}
	m.data = slices.Grow(m.data, ending)
	if r.signer == nil {
		return m.data, nil
	}
	m.field = r.signer.AppendField(m.field[:0], m.data[before:])
	start := before - len(m.field)
	copy(m.data[start:], m.field)
	return m.data[start:], nil
}

// template is the one that is applied now, else the one of the version the
// enrolment is pinned to.
func (w *Worker) template(ctx context.Context, applied *catalog.Applied, c *store.Claimed) (*templates.Template, error) {
	t, err := w.Catalog.Template(ctx, applied, c.Template, c.Entry.Enrolment)
	if err != nil {
		return nil, &heldError{err}
	}
	if t == nil {
		return nil, fmt.Errorf("template %s is in no version that this message knows", c.Template)
	}
	return t, nil
}
