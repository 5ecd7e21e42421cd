package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/store"
	"rapport/internal/workspace"
	"rapport/scheduler"
)

// Applied is what became of an Apply.
type Applied struct {
	Version store.Version
	Changed bool // false: this content is what runs already
}

// ErrReachable is in the chain of an error that refuses to take away what
// enrolments on their way still need.
var ErrReachable = errors.New("enrolments on their way still need it")

// Apply stores a workspace as the version that `serve` runs from now on.
// Enrolments keep the steps they started with. It refuses a workspace without a
// template or a sender that one of them can still reach.
func Apply(ctx context.Context, s *store.Store, w *workspace.Workspace, author string, now time.Time) (Applied, error) {
	known, err := s.Campaigns(ctx)
	if err != nil {
		return Applied{}, err
	}
	in := store.ApplyInput{Hash: w.Hash, Author: author, Numbers: map[string]map[string]int{}, Starts: map[string]string{}, Touch: true}
	for _, f := range w.Files {
		in.Files = append(in.Files, store.File{Path: f.Path, Data: f.Data})
	}
	for name, d := range w.Campaigns {
		in.Starts[name] = scheduler.StartKey(d)
		if in.Numbers[name], err = d.AssignNumbers(known[name].Numbers); err != nil {
			return Applied{}, fmt.Errorf("campaign %s: %w", name, err)
		}
	}
	if err := reachable(ctx, s, w); err != nil {
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

// reachable asks whether every template and sender that enrolments of older
// versions can still come to is there.
func reachable(ctx context.Context, s *store.Store, w *workspace.Workspace) error {
	open, err := s.OpenVersions(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, o := range open {
		files, err := s.VersionFiles(ctx, o.Version)
		if err != nil {
			return err
		}
		list := make([]workspace.File, len(files))
		for i, f := range files {
			list[i] = workspace.File{Path: f.Path, Data: f.Data}
		}
		old, _ := workspace.FromFiles(list, nil)
		d := old.Campaigns[o.Campaign]
		if d == nil {
			continue
		}
		for _, step := range d.Reaches(o.Position) {
			if step.Send != nil && w.Templates.Template(step.Send.Template) == nil {
				missing = append(missing, fmt.Sprintf("template %s (campaign %s)", step.Send.Template, o.Campaign))
			}
		}
		current := w.Campaigns[o.Campaign]
		if current == nil {
			current = d
		}
		if _, ok := w.Senders[w.SenderOf(current)]; !ok {
			missing = append(missing, fmt.Sprintf("sender %s (campaign %s)", w.SenderOf(current), o.Campaign))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("cannot remove %s: %w; keep it until they have passed, or stop the campaign",
		strings.Join(slices.Compact(missing), ", "), ErrReachable)
}
