package responses

import (
	"context"
	"sync"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/store"
)

// sent is what answers need to know of a message.
type sent struct {
	contact  contacts.ID
	campaign string
	at       time.Time // when it was sent; zero when nobody knows yet
	hash     string    // of its template; "" until its worker has recorded it
	going    bool      // it is on its way at this moment
}

// lookup finds messages and their links, and remembers them: neither changes
// once a message was sent.
type lookup struct {
	store    Store
	mu       sync.Mutex
	messages memory[int64, sent]
	tables   memory[string, map[int]store.Link]
}

func newLookup(s Store) *lookup {
	return &lookup{store: s,
		messages: memory[int64, sent]{limit: 50_000},
		tables:   memory[string, map[int]store.Link]{limit: 2_000}}
}

func (l *lookup) message(ctx context.Context, id int64) (s sent, found bool, err error) {
	l.mu.Lock()
	s, found = l.messages.get(id)
	l.mu.Unlock()
	if found {
		return s, true, nil
	}
	m, found, err := l.store.Message(ctx, id)
	if err != nil || !found {
		return sent{}, false, err
	}
	hash, _, err := l.store.TemplateHash(ctx, id)
	if err != nil {
		return sent{}, false, err
	}
	s = sent{contact: m.Contact, campaign: m.Campaign, hash: hash, going: m.State == campaigns.Sending}
	if m.State == campaigns.Sent {
		s.at = m.Decided
	}
	if !s.at.IsZero() && hash != "" { // else it may still change
		l.mu.Lock()
		l.messages.put(id, s)
		l.mu.Unlock()
	}
	return s, true, nil
}

// links is the link table of a template, by number; empty when there is none.
func (l *lookup) links(ctx context.Context, hash string) (map[int]store.Link, error) {
	if hash == "" {
		return nil, nil
	}
	l.mu.Lock()
	table, found := l.tables.get(hash)
	l.mu.Unlock()
	if found {
		return table, nil
	}
	t, found, err := l.store.CompiledTemplate(ctx, hash)
	if err != nil || !found {
		return nil, err
	}
	table = make(map[int]store.Link, len(t.Links))
	for _, link := range t.Links {
		table[link.N] = link
	}
	l.mu.Lock()
	l.tables.put(hash, table)
	l.mu.Unlock()
	return table, nil
}

// memory remembers at least the limit latest of what was asked for, and at
// most twice as much: when the young half is full, the old half goes.
type memory[K comparable, V any] struct {
	limit      int
	young, old map[K]V
}

func (m *memory[K, V]) get(k K) (V, bool) {
	if v, ok := m.young[k]; ok {
		return v, true
	}
	v, ok := m.old[k]
	if ok {
		m.put(k, v)
	}
	return v, ok
}

func (m *memory[K, V]) put(k K, v V) {
	if m.young == nil || len(m.young) >= m.limit {
		m.old, m.young = m.young, make(map[K]V)
	}
	m.young[k] = v
}
