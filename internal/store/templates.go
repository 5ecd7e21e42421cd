package store

import (
	"context"
	"encoding/json"
	"fmt"
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
	Hash  string // of its content and its links: a message records it
	Name  string
	Links []Link
}

// SaveTemplate keeps a template's link table. Saving it again changes nothing.
func (s *Store) SaveTemplate(ctx context.Context, t CompiledTemplate) error {
	err := s.db.write(ctx, func(q querier) error {
		b := s.statement()
		_, err := q.exec(ctx, `insert into compiled_templates (hash, name, links) values (`+b.arg(t.Hash)+`, `+b.arg(t.Name)+`, `+
			b.json(b.arg(jsonText(t.Links)))+`) on conflict (hash) do nothing`, b.args...)
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
	found, err = one(ctx, s.db, `select hash, name, `+b.readJSON("links")+` from compiled_templates where hash = $1`, []any{hash}, &t.Hash, &t.Name, &links)
	if err != nil || !found {
		return t, found, err
	}
	return t, true, json.Unmarshal([]byte(links), &t.Links)
}

// TemplateHash is the hash of the template that a message was made from, ""
// before it was sent.
func (s *Store) TemplateHash(ctx context.Context, message int64) (hash string, found bool, err error) {
	found, err = one(ctx, s.db, `select template_hash from messages where id = $1`, []any{message}, &hash)
	return hash, found, err
}
