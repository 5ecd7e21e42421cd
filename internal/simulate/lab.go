package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"rapport/internal/clock"
	"rapport/internal/engine"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// lab is an engine by itself in virtual time: an embedded store that goes when it
// is closed, a clock that jumps, and mail that ends in the process.
type lab struct {
	*engine.Engine
	clock *clock.Manual
	dir   string
}

// labSetup says what a lab works with.
type labSetup struct {
	Ready *workspace.Workspace // applied at Start, as it stands: see engine.Options.Ready
	Start time.Time
	Env   func(string) (string, bool)
	Log   *slog.Logger
	Empty string // an embedded database with nothing but its tables to begin with a copy of; "": one in memory
	Take  func(to string, data []byte)
	Held  func(message, campaign int64, reason string)
}

// newLab opens an engine and applies the workspace.
func newLab(ctx context.Context, o labSetup) (*lab, error) {
	dir, err := os.MkdirTemp("", "rapport-virtual-")
	if err != nil {
		return nil, err
	}
	l := &lab{clock: clock.NewManual(o.Start), dir: dir}
	if err := l.open(ctx, o); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) open(ctx context.Context, o labSetup) (err error) {
	database := store.Memory
	if o.Empty != "" {
		database = filepath.Join(l.dir, "rapport.db")
		data, err := os.ReadFile(o.Empty)
		if err != nil {
			return err
		}
		if err := os.WriteFile(database, data, 0o600); err != nil {
			return err
		}
	}
	l.Engine, err = engine.Open(ctx, engine.Options{
		Database: database, DataDir: l.dir, Env: o.Env, Clock: l.clock, Log: o.Log, Fleeting: true, Lean: true,
		// Nobody falls silent and no queue loses anything here: a watch that ran would
		// make the sweep look for that, at a moment that is another one each time.
		Watch: clock.NewManual(o.Start),
		Roles: []string{engine.RoleScheduler, engine.RoleWorker}, Catcher: &catcher{take: o.Take}, Ready: o.Ready, Held: o.Held,
	})
	if err != nil {
		return err
	}
	if _, err := engine.Apply(ctx, l.Store, o.Ready, "virtual time", o.Start); err != nil {
		return fmt.Errorf("cannot apply the workspace: %w", err)
	}
	return l.Refresh(ctx)
}

func (l *lab) close() {
	if l.Engine != nil {
		l.Close()
	}
	os.RemoveAll(l.dir) // what is left of it is the system's to clean
}

// emptyDatabase makes an embedded database with nothing but its tables, so that
// many labs need not make them.
func emptyDatabase(ctx context.Context, dir string) (path string, err error) {
	path = filepath.Join(dir, "empty.db")
	s, err := store.Open(ctx, path, store.Options{Fleeting: true})
	if err != nil {
		return "", err
	}
	// What every database has of its own is made on first use.
	_, err = s.LinkSecret(ctx)
	s.Close()
	return path, err
}
