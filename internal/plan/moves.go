package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/campaigns"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Moves is how those who are pinned to an older version of a campaign, which was
// read before, get to another one.
func (v *Versions) Moves(campaign string, version int64, to *campaigns.Definition) campaigns.Moves {
	key := moveKey{campaign, version, to}
	moves, ok := v.moves[key]
	if !ok {
		if old := v.read[version]; old != nil && old.Campaigns[campaign] != nil {
			moves = campaigns.PlanMoves(old.Campaigns[campaign], to)
		}
		if v.moves == nil {
			v.moves = map[moveKey]campaigns.Moves{}
		}
		v.moves[key] = moves
	}
	return moves
}

type moveKey struct {
	campaign string
	version  int64
	to       *campaigns.Definition
}

// standings counts those on their way, and says what becomes of them.
func (m *maker) standings(ctx context.Context) (err error) {
	if m.standing, err = m.Store.Standings(ctx, m.ends); err != nil {
		return err
	}
	var open []store.OpenVersion
	for _, s := range m.standing {
		name := m.nameOf(s.Campaign)
		k := m.known[name]
		if k.Status == store.Stopped {
			continue
		}
		f := m.of[name]
		if f == nil {
			f = m.add(name)
			f.Status = string(k.Status)
		}
		old, err := m.versions.Read(ctx, s.Version)
		if err != nil {
			return err
		}
		open = append(open, store.OpenVersion{Version: s.Version, Campaign: name, Position: s.Position})
		f.OnTheirWay += s.Count
		if f.def != nil && otherSteps(old, m.Folder, name) {
			f.OldSteps += s.Count
			f.move(s, m.versions.Moves(name, s.Version, f.def))
		}
	}
	m.plan.Refused, err = m.versions.Refusals(ctx, open, m.Folder, m.Ways)
	return err
}

// otherSteps reports whether a campaign has other steps in the folder.
func otherSteps(old, folder *workspace.Workspace, campaign string) bool {
	for _, c := range workspace.Diff(old, folder) {
		if c.Kind == workspace.KindCampaign && c.Name == campaign {
			return slices.ContainsFunc(c.Fields, func(f workspace.Field) bool { return f.Takes == workspace.ForSteps })
		}
	}
	return false
}

// move adds what happens to those who stand on a step.
func (f *forecast) move(s store.Standing, moves campaigns.Moves) {
	move, ok := moves.ByStep[s.Position]
	out := Move{Version: ident.Format(s.Version), From: s.Position, To: s.Position, Contacts: s.Count}
	if ok {
		out.To = move.To
		switch {
		case move.Removed:
			out.Change = "removed"
		case move.Changed:
			out.Change = "wait counted anew"
		}
	}
	for i := range f.Moves {
		if x := &f.Moves[i]; x.Version == out.Version && x.From == out.From {
			x.Contacts += out.Contacts
			return
		}
	}
	f.Moves = append(f.Moves, out)
}

// Refusals says why an apply refuses a folder: what it takes away that those on
// their way can still reach, and steps that --migrate cannot tell apart.
func (v *Versions) Refusals(ctx context.Context, open []store.OpenVersion, w *workspace.Workspace, ways Ways) ([]string, error) {
	var missing, doubtful []string
	for _, o := range open {
		old, err := v.Read(ctx, o.Version)
		if err != nil {
			return nil, err
		}
		d, current := old.Campaigns[o.Campaign], w.Campaigns[o.Campaign]
		switch {
		case d == nil:
			continue
		case ways.Migrate && current != nil:
			for _, a := range v.Moves(o.Campaign, o.Version, current).Ambiguous {
				doubtful = append(doubtful, "campaign "+o.Campaign+": "+a.Error())
			}
			continue
		case ways.Stop:
			continue
		}
		missing = append(missing, needed(w, d, current, o.Position)...)
	}
	slices.Sort(doubtful)
	out := slices.Compact(doubtful)
	if slices.Sort(missing); len(missing) > 0 {
		out = append(out, fmt.Sprintf("cannot remove %s: %s", strings.Join(slices.Compact(missing), ", "), howToRemove))
	}
	return out, nil
}

const howToRemove = "enrolments on their way still need it; keep it until they have passed, move them on with --migrate, or end them with --stop"

// needed lists the templates and senders that somebody at a position can still
// reach and a workspace does not have. current is the campaign as it is there, or
// nil.
func needed(w *workspace.Workspace, pinned, current *campaigns.Definition, position string) (missing []string) {
	for _, step := range pinned.Reaches(position) {
		if w.Templates.Template(step.Send.Template) == nil {
			missing = append(missing, fmt.Sprintf("template %s (campaign %s)", step.Send.Template, pinned.Name))
		}
	}
	if current == nil {
		current = pinned
	}
	if _, ok := w.Senders[w.SenderOf(current)]; !ok {
		missing = append(missing, fmt.Sprintf("sender %s (campaign %s)", w.SenderOf(current), pinned.Name))
	}
	return missing
}
