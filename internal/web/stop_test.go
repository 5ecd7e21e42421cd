package web

import (
	"context"
	"testing"
	"time"
)

// A stop that breaks off is a stop: the workers hear of it, and who asks again finishes it.
func TestAStopThatBreaksOff(t *testing.T) {
	f := seeded(t)
	c := f.config()
	heard := 0
	c.Changed = func(context.Context, string) { heard++ }
	wakes := &brokenWake{Store: f.store, err: errAway}
	c.Store = wakes
	w := New(c)
	r := ask(w, "POST", "/campaigns/welcome/stop")
	want := "the campaign is stopped, but the database does not answer any more: who was not told exits within the hour, or at once with: rapport campaigns stop welcome\n"
	if r.Code != 503 || r.Body.String() != want || heard != 1 {
		t.Errorf("got %d %q, and workers heard of it %d times", r.Code, r.Body, heard)
	}
	wakes.err = nil
	if r := ask(w, "POST", "/campaigns/welcome/stop"); r.Code != 303 || wakes.asked != 2 {
		t.Errorf("asked again: got %d %q, woken %d times", r.Code, r.Body, wakes.asked)
	}
}

// brokenWake breaks off when those in a stopped campaign are told.
type brokenWake struct {
	Store
	err   error
	asked int
}

func (b *brokenWake) WakeStopped(context.Context, string, time.Time) error {
	b.asked++
	return b.err
}
