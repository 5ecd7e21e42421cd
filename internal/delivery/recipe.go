package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"sync"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/delivery/mime"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/token"
	"rapport/templates"
)

// recipe is what all messages have in common that one campaign makes of one
// template: made once, read by every goroutine.
type recipe struct {
	template *templates.Template // under the subject of its step, with all that is the same for everybody
	hash     string              // of all that is the same for everybody, on record
	numbered []bool              // links whose tracked address is their number, by number - 1
	company  map[string]any
	campaign map[string]any

	head    *mime.Head
	from    mail.Address
	domain  string // of from, for message ids
	bounces string // domain of signed return paths, or ""
	root    string // of our own addresses, without a slash at its end
	signer  mime.Signer
}

// recipeKey is what a recipe is made of, besides the applied version.
type recipeKey struct {
	template *templates.Template
	campaign *campaigns.Definition
	sender   string
	subject  string // of the send step; "": the template's own
}

// recipes remembers the recipes of the version that is applied, and of the one
// before, which batches at work may still use. A version is known by its number:
// it is read anew whenever a campaign's status has changed.
type recipes struct {
	mu          sync.RWMutex
	now, before edition
}

type edition struct {
	version int64
	made    map[recipeKey]*recipe
}

// find gives a recipe, and makes it where there is none. A heldError is no fault
// of the message.
func (r *recipes) find(ctx context.Context, w *Worker, applied *catalog.Applied, key recipeKey, now time.Time) (*recipe, error) {
	r.mu.RLock()
	found := r.known(applied.Version.ID, key)
	r.mu.RUnlock()
	if found != nil {
		return found, nil
	}
	made, err := w.recipe(ctx, applied, key, now)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.edition(applied.Version.ID)
	if e == nil {
		r.before, r.now = r.now, edition{applied.Version.ID, map[recipeKey]*recipe{}}
		e = &r.now
	}
	e.made[key] = made
	return made, nil
}

func (r *recipes) known(version int64, key recipeKey) *recipe {
	if e := r.edition(version); e != nil {
		return e.made[key]
	}
	return nil
}

func (r *recipes) edition(version int64) *edition {
	for _, e := range []*edition{&r.now, &r.before} {
		if e.version == version && e.made != nil {
			return e
		}
	}
	return nil
}

// recipe makes a recipe, and puts its links on record before anybody can click
// them.
func (w *Worker) recipe(ctx context.Context, applied *catalog.Applied, key recipeKey, now time.Time) (*recipe, error) {
	t, err := key.template, error(nil)
	if key.subject != "" {
		if t, err = t.WithSubject(key.subject); err != nil {
			return nil, err
		}
	}
	sender, ok := applied.Senders[key.sender]
	if !ok {
		return nil, &heldError{fmt.Errorf("sender %s is not in the applied workspace", key.sender)}
	}
	d := key.campaign
	r := &recipe{company: companyOf(applied), campaign: campaignOf(d), from: sender.From, bounces: sender.Bounces,
		root: strings.TrimRight(applied.PublicURL, "/")}
	r.template = t.For(r.company, r.campaign)
	_, r.domain, _ = strings.Cut(sender.From.Address, "@")
	r.head = mime.NewHead(&mime.Message{
		From:          sender.From,
		Transactional: d.Kind == campaigns.Transactional,
		ListID:        d.Topic + "." + r.domain,
		FeedbackID:    strings.Join([]string{d.Name, d.Topic, "rapport", key.sender}, ":"),
	})
	if r.signer, err = w.signers.of(sender.DKIM, w.Clock.Now); err != nil {
		return nil, &heldError{err}
	}
	if err := w.keep(ctx, r, applied, d.Name, now); err != nil {
		return nil, &heldError{err}
	}
	return r, nil
}

// keep makes sure that the store knows where the links of this template lead, and
// in which version it stands. What has one hash looks the same in every version.
func (w *Worker) keep(ctx context.Context, r *recipe, applied *catalog.Applied, campaign string, now time.Time) error {
	t := r.template
	kept := store.CompiledTemplate{Name: t.Name(), Campaign: campaign, Version: applied.Version.ID}
	r.numbered = make([]bool, len(t.LinkTable()))
	for i, l := range t.LinkTable() {
		if !l.Track {
			continue
		}
		link := store.Link{N: l.N, URL: l.URL, Label: l.Label, Personal: l.Personal}
		if !l.Personal {
			target, err := t.LinkURL(l.N, templates.Input{Company: r.company, Campaign: r.campaign, Now: now})
			if err != nil {
				return err
			}
			link.URL, r.numbered[i] = target, follows(target)
		}
		kept.Links = append(kept.Links, link)
	}
	same := []any{t.Hash(), kept.Links, r.company, r.campaign}
	if loyalty := &applied.Relationship.Programs.Loyalty; loyalty.Runs {
		same = append(same, loyalty.Tiers) // with their benefits
	}
	raw, err := json.Marshal(same)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	kept.Hash = hex.EncodeToString(sum[:16])
	r.hash = kept.Hash
	return w.Store.SaveTemplate(ctx, kept, now)
}

// The texts of one message that its recipe makes.
const (
	textID = iota // the Message-ID
	textBounce
	textClick
	textOpen
	textUnsubscribe
	textPreferences
	textView
	textName
	texts
)

// address says who a message is from and to, and makes its links. All texts are
// parts of one, because each would take memory of its own.
func (r *recipe) address(m *draft, tokens *token.Signer, id int64) {
	c := m.person.contact
	var ends [texts]int
	b := ident.Append(m.text[:0], id)
	local := len(b)
	b = append(append(b, '@'), r.domain...)
	ends[textID] = len(b)
	if r.bounces != "" {
		b = append(append(tokens.AppendBounce(b, id), '@'), r.bounces...)
	}
	ends[textBounce] = len(b)
	b = append(append(b, r.root...), "/c/"...)
	from := len(b)
	b = tokens.AppendMessage(b, id, int64(c.ID))
	sealed := b[from:]
	b = append(b, '/')
	ends[textClick] = len(b)
	for i, path := range [...]string{textOpen: "/o/", textUnsubscribe: "/u/", textPreferences: "/p/", textView: "/v/"} {
		if path != "" {
			b = append(append(append(b, r.root...), path...), sealed...)
			ends[i] = len(b)
		}
	}
	b = append(b, c.FirstName...)
	if c.FirstName != "" && c.LastName != "" {
		b = append(b, ' ')
	}
	b = append(b, c.LastName...)
	ends[textName] = len(b)
	m.text = b

	all, text, start := string(b), [texts]string{}, 0
	for i, end := range ends {
		text[i], start = all[start:end], end
	}
	m.person.name = strings.TrimSpace(text[textName])
	m.links = links{signer: tokens, message: id, contact: int64(c.ID), numbered: r.numbered, stem: text[textClick], open: text[textOpen],
		unsubscribe: text[textUnsubscribe], preferences: text[textPreferences], view: text[textView]}
	m.message = mime.Message{
		From: r.from, To: mail.Address{Name: m.person.name, Address: c.Email}, EnvelopeFrom: text[textBounce],
		MessageID: text[textID], ID: text[textID][:local], ListUnsubscribe: m.links.unsubscribe,
	}
}
