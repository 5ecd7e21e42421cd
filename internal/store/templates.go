package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
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
// where its links lead, for as long as anybody may click them.
type CompiledTemplate struct {
	Hash     string // of its content and its links: a message records it
	Name     string
	Campaign string // by name: links may name it
	Links    []Link
}

// SaveTemplate keeps a template's link table. Saving it again changes nothing.
func (s *Store) SaveTemplate(ctx context.Context, t CompiledTemplate, now time.Time) error {
	err := s.db.write(ctx, func(q querier) error {
		b := s.statement()
		_, err := q.exec(ctx, `insert into compiled_templates (hash, name, campaign, links, created_at) values (`+b.arg(t.Hash)+`, `+b.arg(t.Name)+`, `+
			b.arg(t.Campaign)+`, `+b.json(b.arg(jsonText(t.Links)))+`, `+b.arg(ms(now))+`) on conflict (hash) do nothing`, b.args...)
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
	found, err = one(ctx, s.db, `select hash, name, campaign, `+b.readJSON("links")+` from compiled_templates where hash = $1`, []any{hash}, &t.Hash, &t.Name, &t.Campaign, &links)
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
