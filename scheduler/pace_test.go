package scheduler

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// crowd is a database into which events come while React works on it.
type crowd struct {
	Store
	now     time.Time
	waiting int           // touched contacts
	turn    time.Duration // how long one takes
	comes   int           // touched contacts that come in a turn
	ordered int           // how often what waits was put in order
}

func (c *crowd) Now() time.Time { return c.now }

func (c *crowd) React(_ context.Context, in store.ReactInput, _ func([]store.TouchedContact) []store.Reaction) (int, error) {
	n := min(in.Limit, c.waiting)
	c.now = c.now.Add(c.turn)
	c.waiting += c.comes - n
	return n, nil
}

func (c *crowd) NewestTouched(context.Context) (int64, error)       { return 7, nil }
func (c *crowd) TouchedAfter(context.Context, int64) (int64, error) { return int64(c.comes), nil }
func (c *crowd) OrderTouched(context.Context, time.Time, int) (int, error) {
	c.ordered++
	return c.waiting, nil
}

func TestReactGivesWayToThoseWhoBringEventsIn(t *testing.T) {
	const ms = time.Millisecond
	for name, x := range map[string]struct {
		crowd crowd
		did   int           // in one tick
		rest  time.Duration // behind it
	}{
		"little comes, much waits":       {crowd{waiting: 100_000, turn: 100 * ms, comes: 900}, turns * reactSize, 0},
		"much comes, much waits":         {crowd{waiting: 100_000, turn: 100 * ms, comes: 1000}, reactSize, 400 * ms},
		"the machine is slow":            {crowd{waiting: 100_000, turn: 900 * ms, comes: 6000}, reactSize, restMost},
		"it is in time without a pause":  {crowd{waiting: 700, turn: 70 * ms, comes: 600}, 700, restInTime},
		"it is in time with many pauses": {crowd{waiting: 700, turn: 70 * ms, comes: 300}, 700, 0},
		"less comes than it promises":    {crowd{waiting: 100_000, turn: 300 * ms, comes: 1200}, turns * reactSize, 0},
		"hardly anything happens":        {crowd{waiting: 100, turn: 20 * ms, comes: 100}, 100, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := x.crowd
			c.now = time.Unix(1_800_000_000, 0)
			s := New(Config{Store: &c, Clock: &c, Watch: &c, Log: slog.New(slog.DiscardHandler)})
			m := moment{now: c.now, applied: &catalog.Applied{Workspace: &workspace.Workspace{}}, pending: store.Pending{Touched: true}}
			did, err := s.paced(t.Context(), m)
			if rest := max(0, s.pace.until.Sub(c.now)); err != nil || did != x.did || rest != x.rest {
				t.Errorf("it looks at %d and rests for %s (%v), want %d and %s", did, rest, err, x.did, x.rest)
			}
			if x.rest > 0 {
				c.now = c.now.Add(x.rest - ms)
				if did, err := s.paced(t.Context(), m); did != 0 || err != nil {
					t.Errorf("while it rests it looks at %d, %v", did, err)
				}
				c.now = c.now.Add(ms)
				if did, err := s.paced(t.Context(), m); did == 0 || err != nil {
					t.Errorf("afterwards it looks at %d, %v", did, err)
				}
			}
		})
	}
}

// A flood that does not end must not keep stages from moving for ever, and what
// waits is put in order once for all the turns that it is enough for.
func TestReactGivesWayForSomeTimeOnly(t *testing.T) {
	c := crowd{now: time.Unix(1_800_000_000, 0), waiting: 100_000, turn: 100 * time.Millisecond, comes: reactSize}
	s := New(Config{Store: &c, Clock: &c, Watch: &c, Log: slog.New(slog.DiscardHandler)})
	m := moment{now: c.now, applied: &catalog.Applied{Workspace: &workspace.Workspace{}}, pending: store.Pending{Touched: true}}
	began, ticks := c.now, 0
	for did := 0; did != turns*reactSize; ticks++ {
		if c.now.Sub(began) > time.Hour {
			t.Fatal("it gives way for an hour")
		}
		var err error
		if did, err = s.paced(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if s.pace.until.After(c.now) {
			c.now = s.pace.until
		}
	}
	if gaveWay := c.now.Sub(began); gaveWay < yieldFor || gaveWay > yieldFor+time.Minute {
		t.Errorf("it gave way for %s, want about %s", gaveWay, yieldFor)
	}
	if want := 1 + (ticks-1+turns)*reactSize/c.waiting; c.ordered != want {
		t.Errorf("what waits was put in order %d times in %d turns, want %d", c.ordered, ticks-1+turns, want)
	}
}
