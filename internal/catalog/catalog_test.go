package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"rapport/internal/store"
)

// kept are versions, and how often files were read.
type kept struct {
	versions map[int64]string // what follows in rapport.yaml
	current  int64
	reads    atomic.Int64
	wait     chan struct{} // nil: at once
}

const settings = `
company: { name: Shop, address: "Street 1, 20095 Hamburg" }
public_url: https://go.shop.example
senders: { shop: { from: Shop <hello@shop.example> } }
topics: { guides: { title: Guides, sender: shop } }
`

func (k *kept) CurrentVersion(context.Context) (store.Version, bool, error) {
	return store.Version{ID: k.current}, true, nil
}

func (k *kept) Campaigns(context.Context) (map[string]store.Campaign, error) { return nil, nil }

func (k *kept) ProviderStates(context.Context) (map[string]store.ProviderState, error) {
	return nil, nil
}

func (k *kept) VersionFiles(ctx context.Context, id int64) ([]store.File, error) {
	k.reads.Add(1)
	if k.wait != nil {
		select {
		case <-k.wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	more, ok := k.versions[id]
	if !ok {
		return nil, errors.New("there is no such version")
	}
	return []store.File{{Path: "rapport.yaml", Data: []byte(settings + more)},
		{Path: "segments/likely.yaml", Data: []byte("segment: likely\nwhere: { score: rfm, at_least: 600 }\n")},
		{Path: "relationship.yaml", Data: []byte("programs: { partners: { one: { title: One, code: a b } } }\n")}}, nil
}

const secret = "delivery: live\nproviders: { main: { smtp: { host: mx.example, username: shop, password: \"${GONE}\" } } }\n"

// Checks of today and secrets of yesterday stop nothing that an older version began.
func TestAnOldVersionIsReadThoughItWouldNotBeApplied(t *testing.T) {
	k := &kept{versions: map[int64]string{1: secret, 2: "delivery: mailbox\n"}, current: 2}
	c := New(k, nil, nil)
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Fatalf("the current version: %v", err)
	}
	old, err := c.Version(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if old.Segments["likely"] == nil || len(old.Relationship.Programs.Partners) != 1 {
		t.Errorf("of the old version there is %v, %v", old.Segments, old.Relationship.Programs.Partners)
	}
	k.current = 1
	if _, err := c.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "the environment variable GONE is not set") {
		t.Errorf("what is to run without its secret: %v", err)
	}
}

func TestVersionsForPagesAreFewAndReadOnce(t *testing.T) {
	k := &kept{versions: map[int64]string{}, wait: make(chan struct{})}
	for id := range int64(10) {
		k.versions[id] = "delivery: mailbox\n"
	}
	c := New(k, nil, nil)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.Past(gone, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("who goes away hears %v", err)
	}
	done := make(chan error)
	for range 5 {
		go func() { _, err := c.Past(t.Context(), 1); done <- err }()
	}
	close(k.wait)
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := k.reads.Load(); n != 1 {
		t.Errorf("six readers made %d readings", n)
	}
	for id := range int64(10) {
		if _, err := c.Past(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if got := fmt.Sprint(len(c.past), len(c.old)); got != "4 0" {
		t.Errorf("kept are %s, want 4 0", got)
	}
	pinned, err := c.Version(t.Context(), 9)
	if again, _ := c.Past(t.Context(), 9); err != nil || again != pinned || len(c.past) != 3 {
		t.Errorf("one that somebody is pinned to: %v, %d others", err, len(c.past))
	}
}
