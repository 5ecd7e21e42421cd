package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/plan"
	"rapport/internal/results"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Applied is what became of an Apply.
type Applied struct {
	Version store.Version
	Changed bool // false: this content is what runs already
}

// Order is how a workspace is to be applied.
type Order struct {
	Author string
	plan.Ways
	// On is the version it was decided on top of, 0 for none; nil: whatever runs.
	On *int64
	// Key is who applies, where the workspace or the version that runs asks for
	// an approval; the zero Key is nobody, and is refused there.
	Key store.Key
}

// ErrNeedsApproval says that a workspace asks for an approval, and that it is not
// known who applies.
var ErrNeedsApproval = errors.New("this workspace asks for an approval (require_approval)")

// Apply stores a workspace as the version that `serve` runs from now on.
// Enrolments keep the steps they started with. It refuses a workspace without a
// template or a sender that one of them can still reach.
func Apply(ctx context.Context, s *store.Store, w *workspace.Workspace, author string, now time.Time) (Applied, error) {
	return Order{Author: author}.Apply(ctx, s, w, now)
}

// Apply stores a workspace as the order says.
func (o Order) Apply(ctx context.Context, s *store.Store, w *workspace.Workspace, now time.Time) (Applied, error) {
	in, err := o.input(ctx, s, w, now)
	if err != nil {
		return Applied{}, err
	}
	version, changed, err := s.Apply(ctx, in, now)
	if err != nil {
		return Applied{}, err
	}
	if w.Delivery.Live {
		// Of a restored copy too: who applies there means it.
		if err := s.SetLive(ctx); err != nil {
			return Applied{}, err
		}
	}
	if !changed {
		return Applied{Version: version}, nil
	}
	return Applied{Version: version, Changed: true}, baselines(ctx, s, w, version, now)
}

// input is what the store is told.
func (o Order) input(ctx context.Context, s *store.Store, w *workspace.Workspace, now time.Time) (in store.ApplyInput, err error) {
	known, err := s.Campaigns(ctx)
	if err != nil {
		return in, err
	}
	in = store.ApplyInput{Hash: w.Hash, Author: o.Author, Numbers: map[string]map[string]int{}, Starts: map[string]string{}, Tests: results.Tests(w), Touch: true, Base: o.On}
	for _, f := range w.Files {
		in.Files = append(in.Files, store.File{Path: f.Path, Data: f.Data})
	}
	for name, d := range w.Campaigns {
		in.Starts[name] = d.StartKey()
		if in.Numbers[name], err = d.AssignNumbers(known[name].Numbers); err != nil {
			return in, fmt.Errorf("campaign %s: %w", name, err)
		}
	}
	if err := o.approval(ctx, s, w, &in); err != nil {
		return in, err
	}
	open, err := s.OpenVersions(ctx)
	if err != nil {
		return in, err
	}
	versions := &plan.Versions{Store: s}
	reasons, err := versions.Refusals(ctx, open, w, o.Ways)
	if err != nil {
		return in, err
	}
	if len(reasons) > 0 {
		return in, errors.New(strings.Join(reasons, "; "))
	}
	if o.Migrate || o.Stop {
		in.Resettle, err = versions.Resettle(ctx, open, w, o.Ways, now)
	}
	return in, err
}

// approval asks for one where the workspace or the version that runs does: who
// takes the rule away needs one as well.
func (o Order) approval(ctx context.Context, s *store.Store, w *workspace.Workspace, in *store.ApplyInput) error {
	needed := w.RequireApproval
	current, found, err := s.CurrentVersion(ctx)
	if err != nil {
		return err
	}
	if found && !needed {
		versions := plan.Versions{Store: s}
		base, err := versions.Read(ctx, current.ID)
		if err != nil {
			return err
		}
		needed = base.RequireApproval
	}
	if !needed || found && current.Hash == w.Hash {
		return nil
	}
	if o.Key.ID == 0 {
		return ErrNeedsApproval
	}
	in.Approved = &o.Key
	if in.Base == nil {
		in.Base = &current.ID // the rule of the version that was looked at
	}
	return nil
}

// baselines notes who is in the segments that campaigns start from: they have
// not entered, and are not enrolled (semantics.md, rule 5).
func baselines(ctx context.Context, s *store.Store, w *workspace.Workspace, v store.Version, now time.Time) error {
	status, err := s.Campaigns(ctx)
	if err != nil {
		return err
	}
	applied, err := catalog.Of(v, w, status)
	if err != nil {
		return err
	}
	for _, name := range applied.EnterSegments() {
		if _, err := s.RefreshSegment(ctx, applied.Followed(name, now), now, baselineTouches); err != nil {
			return err
		}
	}
	return nil
}

// baselineTouches is how many contacts of a segment that has not changed are
// touched in one transaction.
const baselineTouches = 10_000
