package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Resettle is what an apply does with those on their way, by campaign. open are
// the places where they stand.
func (v *Versions) Resettle(ctx context.Context, open []store.OpenVersion, w *workspace.Workspace, ways Ways, now time.Time) ([]store.Resettle, error) {
	zone, err := calendar.LoadZone(w.Company.Timezone)
	if err != nil {
		return nil, err
	}
	versions := map[string]map[int64]bool{}
	for _, o := range open {
		if _, err := v.Read(ctx, o.Version); err != nil {
			return nil, err
		}
		if versions[o.Campaign] == nil {
			versions[o.Campaign] = map[int64]bool{}
		}
		versions[o.Campaign][o.Version] = true
	}
	var out []store.Resettle
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		r := resettling{versions: v, ctx: ctx, folder: w, to: w.Campaigns[name], name: name, now: now, zone: zone}
		switch {
		case ways.Migrate && r.to != nil:
			out = append(out, store.Resettle{Campaign: name, Pins: r.pins(versions[name]), Each: r.migrate})
		case ways.Stop:
			out = append(out, store.Resettle{Campaign: name, Each: r.stop})
		}
	}
	return out, nil
}

// resettling decides about those on their way in one campaign.
type resettling struct {
	ctx      context.Context // of the apply
	versions *Versions
	folder   *workspace.Workspace
	name     string
	to       *campaigns.Definition // nil: the folder does not have the campaign
	now      time.Time
	zone     *time.Location
}

// pins are the steps of each version on which nothing changes.
func (r *resettling) pins(versions map[int64]bool) map[int64][]string {
	out := map[int64][]string{}
	for version := range versions {
		moves := r.versions.Moves(r.name, version, r.to)
		out[version] = []string{""} // at the start
		old := r.versions.read[version].Campaigns[r.name]
		for from, m := range moves.ByStep {
			if !m.Removed && !m.Changed && m.To == from && !otherMail(old.Step(from), r.to.Step(from)) {
				out[version] = append(out[version], from)
			}
		}
		slices.Sort(out[version])
	}
	return out
}

// otherMail reports whether a step with an id of its own sends another template.
func otherMail(old, fresh *campaigns.Step) bool {
	return old != nil && fresh != nil && old.Send != nil && fresh.Send != nil && *old.Send != *fresh.Send
}

// old is the campaign as an enrolment is pinned to it. Nobody can be pinned to a
// version that was not read: the version before this one was.
func (r *resettling) old(e campaigns.Enrolment) (*campaigns.Definition, error) {
	w, err := r.versions.Read(r.ctx, e.Version)
	if err != nil {
		return nil, err
	}
	return w.Campaigns[r.name], nil
}

// migrate pins an enrolment to the new steps (semantics.md, rule 14).
func (r *resettling) migrate(e campaigns.Enrolment, c *contacts.Contact) (store.Resettled, error) {
	old, err := r.old(e)
	if err != nil || old == nil {
		return store.Resettled{Leave: true}, err
	}
	from := old.Step(e.Position)
	moved, withdraw, err := campaigns.Migrate(campaigns.Migration{
		Enrolment: e, Moves: r.versions.Moves(r.name, e.Version, r.to), To: r.to, Contact: c, Now: r.now, Zone: r.zone,
	})
	if err != nil {
		return store.Resettled{}, err
	}
	out := store.Resettled{Enrolment: moved, Withdraw: withdraw}
	if withdraw != 0 {
		out.Why = "its step was taken away"
	}
	if fresh := r.to.Step(moved.Position); moved.State == campaigns.Parked && otherMail(from, fresh) {
		out.Retarget, out.Template, out.Subject = ident.Message(e.ID, fresh.Number), fresh.Send.Template, fresh.Send.Subject
	}
	out.Enrolment.Version = 0
	return out, nil
}

// stop ends an enrolment that cannot go on: its campaign is gone, or a template
// or sender that it can still reach.
func (r *resettling) stop(e campaigns.Enrolment, _ *contacts.Contact) (store.Resettled, error) {
	old, err := r.old(e)
	if err != nil || old == nil {
		return store.Resettled{Leave: true}, err
	}
	reason := "the campaign was removed"
	if r.to != nil {
		missing := needed(r.folder, old, r.to, e.Position)
		if len(missing) == 0 {
			return store.Resettled{Leave: true}, nil
		}
		reason = fmt.Sprintf("removed: %s", strings.Join(missing, ", "))
	}
	out := store.Resettled{Why: reason}
	if step := old.Step(e.Position); e.State == campaigns.Parked && step != nil && step.Kind == campaigns.StepSend {
		out.Withdraw = ident.Message(e.ID, step.Number)
	}
	e.State, e.Reason, e.EndedAt, e.DueAt, e.WaitUntil = campaigns.Exited, reason, r.now, time.Time{}, time.Time{}
	out.Enrolment = e
	return out, nil
}
