package simulate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rapport/examples"
	"rapport/internal/clock"
	"rapport/internal/engine"
	"rapport/internal/responses/api"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// Options of a demo.
type Options struct {
	Example  string // its name; "" means Northwind
	Contacts int
	Days     int
	Seed     uint64
	// Day is how long a day takes; 0 means as fast as it goes.
	Day    time.Duration
	Dir    string // for the embedded database and the journal
	Listen string // of the dashboard; "" means none
	Start  time.Time
	Log    *slog.Logger
}

// Demo is an example with people in it.
type Demo struct {
	Options
	Engine    *engine.Engine
	World     *World
	Clock     clock.Clock
	Workspace *workspace.Workspace
	manual    *clock.Manual // with Day 0
}

// NewDemo opens an engine on a new embedded database, applies the example, and
// makes the people.
func NewDemo(ctx context.Context, o Options) (*Demo, error) {
	d := &Demo{Options: o}
	if o.Day == 0 {
		d.manual = clock.NewManual(o.Start)
		d.Clock = d.manual
	} else {
		d.Clock = clock.NewFast(o.Start, float64(24*time.Hour)/float64(o.Day))
	}
	// The callbacks of the demo are signed with a secret of its own, which is that of
	// whatever an example has a secret for.
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	secret := hex.EncodeToString(raw)
	env := func(name string) (string, bool) { return secret, strings.HasSuffix(name, "_SECRET") }

	w, err := example(cmp.Or(o.Example, examples.Northwind), o.Listen, env)
	if err != nil {
		return nil, err
	}
	d.Workspace = w
	d.Engine, err = engine.Open(ctx, engine.Options{
		Database: filepath.Join(o.Dir, "demo.db"), DataDir: o.Dir, Env: env, Clock: d.Clock, Wall: clock.System{}.Now, Log: o.Log, Listen: o.Listen, Fleeting: true,
		Note: d.note(), Idle: 10 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	if err := d.begin(ctx, w, secret); err != nil {
		d.Engine.Close()
		return nil, err
	}
	return d, nil
}

func (d *Demo) note() string {
	if d.Day == 0 {
		return "demo: time jumps from event to event"
	}
	return fmt.Sprintf("demo: a day takes %s, and the people are invented", d.Day)
}

func (d *Demo) begin(ctx context.Context, w *workspace.Workspace, secret string) error {
	e := d.Engine
	if _, err := engine.Apply(ctx, e.Store, w, "demo", d.Start); err != nil {
		return err
	}
	if err := e.Refresh(ctx); err != nil {
		return err
	}
	_, key, err := e.Store.CreateKey(ctx, "demo", api.Scopes, d.Start)
	if err != nil {
		return err
	}
	trade := TradeOf(w)
	model := NewModel(d.Seed, trade, trade.People(Crowd{Seed: d.Seed, Size: d.Contacts, Start: d.Start.Add(time.Minute), Days: d.Days, Later: 0.4}))
	web := &Web{Model: model, Handler: e.Handler(), Key: key, Secret: secret, Wall: clock.System{}, Provider: caller(w), Root: w.PublicURL}
	d.World = &World{Model: model, Hand: web}
	d.World.Start(d.Start)
	e.Box.Subscribe(web.Deliver)
	return nil
}

// Run runs the demo for its days, or until the context ends. tell is called
// from time to time with the demo's time.
func (d *Demo) Run(ctx context.Context, tell func(time.Time)) error {
	until := d.Start.AddDate(0, 0, d.Days)
	if d.manual != nil {
		v := virtual{Engine: d.Engine, World: d.World, Clock: d.manual, Grain: Grain, Until: until, Tell: tell}
		return v.run(ctx)
	}
	for ctx.Err() == nil {
		now := d.Clock.Now()
		if d.Days > 0 && !now.Before(until) {
			return nil
		}
		if _, err := d.World.Live(ctx, now); err != nil && ctx.Err() == nil {
			return err
		}
		tell(now)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// example reads one out of the program. Links in its mail lead to the address
// that the demo listens on.
func example(name, listen string, env func(string) (string, bool)) (*workspace.Workspace, error) {
	folder, err := examples.Open(name)
	if err != nil {
		return nil, err
	}
	files, err := workspace.ReadFS(folder)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		if listen != "" {
			files[i].Data = bytes.ReplaceAll(f.Data, []byte("http://127.0.0.1:8080"), []byte("http://"+listen))
		}
	}
	w, findings := workspace.FromFiles(files, env)
	for _, f := range findings {
		if !f.Warning {
			return nil, fmt.Errorf("the example inside this program is broken: %s", strict.Render(f, false))
		}
	}
	return w, nil
}

// caller is the provider of a workspace whose callbacks the people of a demo make.
func caller(w *workspace.Workspace) string {
	for _, name := range slices.Sorted(maps.Keys(w.Providers)) {
		if c := w.Providers[name].Callbacks; c != nil && c.Kind == "generic" {
			return name
		}
	}
	return ""
}
