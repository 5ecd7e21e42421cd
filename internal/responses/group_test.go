package responses

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"rapport/internal/store"
)

// gate is a store whose commits wait until they are let go.
type gate struct {
	mu      sync.Mutex
	batches [][]store.Incoming
	begun   chan struct{}
	go_     chan struct{}
	refuse  string // the name of an event that spoils its transaction
}

func (g *gate) Ingest(_ context.Context, in []store.Incoming, _ time.Time) ([]store.Result, error) {
	g.begun <- struct{}{}
	<-g.go_
	g.mu.Lock()
	defer g.mu.Unlock()
	g.batches = append(g.batches, in)
	out := make([]store.Result, len(in))
	for i := range in {
		if in[i].Name == g.refuse {
			return nil, errors.New("refused")
		}
		out[i].Event = int64(len(in[i].Key))
	}
	return out, nil
}

func event(name, key string) []store.Incoming {
	in := make([]store.Incoming, 1)
	in[0].Name, in[0].Key = name, key
	return in
}

func (g *Group) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

func TestGroupStoresTogetherWhatCameMeanwhile(t *testing.T) {
	to := &gate{begun: make(chan struct{}, 100), go_: make(chan struct{}, 100), refuse: "bad"}
	g := NewGroup(to)
	var wait sync.WaitGroup
	bring := func(name, key string, want error) {
		wait.Go(func() {
			r, err := g.Ingest(context.Background(), event(name, key), time.Time{})
			if (err != nil) != (want != nil) || err == nil && r[0].Event != int64(len(key)) {
				t.Errorf("%s: got %v, %v", key, r, err)
			}
		})
	}
	bring("a", "x", nil)
	<-to.begun // the first commit runs
	for i := range 20 {
		bring("a", fmt.Sprintf("%0*d", i+1, 0), nil)
	}
	bring("bad", "bad", errors.New("refused"))
	for g.queued() < 21 { // until all of them stand in line
		<-time.After(time.Millisecond)
	}
	for range 100 {
		select {
		case to.go_ <- struct{}{}:
		default:
		}
	}
	wait.Wait()
	if n := len(to.batches); n != 1+1+21 || len(to.batches[1]) != 21 {
		t.Errorf("%d transactions: want the first, the group with the bad one, and each of the group by itself", n)
	}
}

func TestGroupLetsGoWhenTheCallerDoes(t *testing.T) {
	to := &gate{begun: make(chan struct{}, 1), go_: make(chan struct{})}
	g := NewGroup(to)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-to.begun; cancel() }()
	if _, err := g.Ingest(ctx, event("a", "a"), time.Time{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	to.go_ <- struct{}{} // the commit itself goes on
	for busy := true; busy; {
		g.mu.Lock()
		busy = g.busy
		g.mu.Unlock()
		<-time.After(time.Millisecond)
	}
	if len(to.batches) != 1 {
		t.Errorf("%d transactions", len(to.batches))
	}
}

func TestGroupTakesNoMoreThanFits(t *testing.T) {
	g := NewGroup(nil)
	for _, n := range []int{600, 300, 200, 1500, 1} {
		g.waiting = append(g.waiting, &request{in: make([]store.Incoming, n)})
	}
	var sizes []int
	for batch := g.take(); len(batch) > 0; batch = g.take() {
		sizes = append(sizes, len(batch))
	}
	if fmt.Sprint(sizes) != "[2 1 1 1]" {
		t.Errorf("got %v", sizes)
	}
}
