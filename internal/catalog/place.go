package catalog

import (
	"context"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/store"
)

// Stand is where a contact stands at now by the rules of this version. What is
// asked of f afterwards sees it; its scores are those of events alone.
func (a *Applied) Stand(f *contacts.Facts, now time.Time) store.StateChange {
	state := relationship.Fold(a.Relationship, f, now, a.Zone, a.Segments)
	f.Contact.Stage, f.Contact.StageSince = state.Stage, state.StageSince
	f.Contact.Health, f.Contact.HealthSince = state.Health, state.HealthSince
	f.Changes, f.Scores = state.Changes, state.Scores
	return store.StateChange{
		Contact: f.Contact.ID, Stage: state.Stage, StageSince: state.StageSince,
		Health: state.Health, HealthSince: state.HealthSince, Changes: state.Changes, NextChange: state.NextChange,
		Scores: state.Scores, Scored: len(state.Scores) > 0,
	}
}

// Rules give new contacts their place by this version. Who may be in a segment that
// a campaign starts from is looked at: who has entered it is not decided here.
func (a *Applied) Rules() *store.Rules {
	return &store.Rules{Version: a.ID, Meet: func(f *contacts.Facts, now time.Time) (state store.StateChange, more bool) {
		state = a.Stand(f, now)
		q := a.Question(f, now)
		for _, name := range a.EnterSegments() {
			if a.Segments[name].Where.Match(&q) {
				return state, true
			}
		}
		return state, false
	}}
}

// Rules are those of the version that runs now; nil before the first apply. They
// need none of the secrets that running it takes.
func (c *Catalog) Rules(ctx context.Context) (*store.Rules, error) {
	version, found, err := c.source.CurrentVersion(ctx)
	if err != nil || !found {
		return nil, err
	}
	applied, err := c.Version(ctx, version.ID)
	if err != nil {
		return nil, err
	}
	return applied.Rules(), nil
}
