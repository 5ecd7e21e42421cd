package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// Link is one numbered link of a template, as it leads for one campaign.
type Link struct {
	N     int    `json:"n"`
	URL   string `json:"url"`
	Label string `json:"label,omitempty"`
	// Personal links carry their address in their own token; URL is how it was written.
	Personal bool `json:"personal,omitempty"`
}

// CompiledTemplate is what stays of a template that messages were made from:
// where its links lead, for as long as anybody may click them, and where the
// template itself is found.
type CompiledTemplate struct {
	Hash     string // of all that a message is made from but the contact: it records it
	Name     string
	Campaign string // by name: links may name it
	Version  int64  // the version that was applied when it was first made; 0: not known
	Links    []Link
}

// SaveTemplate keeps a template's link table. Saving it again changes nothing.
func (s *Store) SaveTemplate(ctx context.Context, t CompiledTemplate, now time.Time) error {
	err := s.db.write(ctx, func(q querier) error {
		b := s.statement()
		_, err := q.exec(ctx, `insert into compiled_templates (hash, name, campaign, version_id, links, created_at) values (`+b.arg(t.Hash)+`, `+b.arg(t.Name)+`, `+
			b.arg(t.Campaign)+`, `+b.arg(t.Version)+`, `+b.json(b.arg(jsonText(t.Links)))+`, `+b.arg(ms(now))+`) on conflict (hash) do nothing`, b.args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot keep the links of template %s: %w", t.Name, err)
	}
	return nil
}

// CompiledTemplate returns a template's link table by the hash that messages record.
func (s *Store) CompiledTemplate(ctx context.Context, hash string) (t CompiledTemplate, found bool, err error) {
	var links string
	b := s.statement()
	found, err = one(ctx, s.db, `select hash, name, campaign, version_id, `+b.readJSON("links")+` from compiled_templates where hash = $1`,
		[]any{hash}, &t.Hash, &t.Name, &t.Campaign, &t.Version, &links)
	if err != nil || !found {
		return t, found, err
	}
	return t, true, json.Unmarshal([]byte(links), &t.Links)
}

// TemplateHash is the hash of the template that a message was made from. Of a
// message whose record was lost with its worker it is the latest that its
// campaign has made of that template; "" when there is none.
func (s *Store) TemplateHash(ctx context.Context, message int64) (hash string, found bool, err error) {
	found, err = one(ctx, s.db, `select coalesce(nullif(m.template_hash, ''), (
			select t.hash from compiled_templates t join campaigns k on k.name = t.campaign
			where t.name = m.template and k.id = m.campaign_id order by t.created_at desc limit 1), '')
		from messages m where m.id = $1`, []any{message}, &hash)
	return hash, found, err
}

// Mailed is what a message was made from.
type Mailed struct {
	Enrolment campaigns.Enrolment
	Campaign  string // by name
	Template  string
	Subject   string    // as its step says it; "": the template's own
	At        time.Time // when it was sent; zero: it was not, or nobody knows
	Version   int64     // the version its template was taken from; 0: not known
}

// Mailed returns what a message was made from; found is false when there is no
// such message.
func (s *Store) Mailed(ctx context.Context, message int64) (m Mailed, found bool, err error) {
	var decided *int64
	var state campaigns.MessageState
	var contact int64
	found, err = one(ctx, s.db, `select m.contact_id, coalesce(k.name, ''), m.template, m.subject, m.state, m.decided_at
		from messages m left join campaigns k on k.id = m.campaign_id where m.id = $1`, []any{message},
		&contact, &m.Campaign, &m.Template, &m.Subject, &state, &decided)
	if err != nil || !found {
		return m, found, err
	}
	if state == campaigns.Sent {
		m.At = atNull(decided)
	}
	b := s.statement()
	list, err := s.readEnrolments(ctx, s.db, b, "e.id = "+b.arg(ident.Enrolment(message)), "", 1)
	if err != nil {
		return m, true, err
	}
	m.Enrolment = campaigns.Enrolment{ID: ident.Enrolment(message), Contact: contacts.ID(contact)}
	if len(list) > 0 {
		m.Enrolment = list[0].Enrolment
	}
	hash, _, err := s.TemplateHash(ctx, message)
	if err != nil || hash == "" {
		return m, true, err
	}
	kept, _, err := s.CompiledTemplate(ctx, hash)
	m.Version = kept.Version
	return m, true, err
}
