package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"rapport/internal/calendar"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/workspace"
	"rapport/segments"
)

// rules are the definitions that questions are asked under: the version that
// was applied, because that is what runs; with draft, or before the first
// apply, the folder as it stands.
func (s *session) rules(draft bool) (*catalog.Applied, error) {
	if !draft {
		applied, err := s.applied()
		if err != nil || applied != nil {
			return applied, err
		}
	}
	applied, err := s.folder()
	if err == nil && !draft {
		s.note("nothing is applied yet: this is what the folder says")
	}
	return applied, err
}

// applied is the version that runs; nil before the first apply.
func (s *session) applied() (*catalog.Applied, error) {
	return catalog.New(s.store, s.env, nil).Refresh(s.ctx)
}

// folder is what would be applied: the folder as it stands, with the campaigns
// that the database knows.
func (s *session) folder() (*catalog.Applied, error) {
	w, findings := s.load()
	if err := s.findings(findings, isError); err != nil {
		return nil, err
	}
	status, err := s.store.Campaigns(s.ctx)
	if err != nil {
		return nil, err
	}
	zone, err := calendar.LoadZone(w.Company.Timezone)
	if err != nil {
		return nil, err
	}
	return &catalog.Applied{Workspace: w, Zone: zone, Campaigns: status}, nil
}

// asked is the question that the store asks of everybody.
func (s *session) asked(applied *catalog.Applied) store.Question {
	return store.Question{Now: s.now.Now(), Segments: applied.Segments, Zone: applied.Zone, Ladder: applied.Relationship.Stages(), Scoring: applied.Relationship.Scoring()}
}

// segment finds a segment by name.
func (s *session) segment(applied *catalog.Applied, name string) (*segments.Segment, error) {
	if found := applied.Segments[name]; found != nil {
		return found, nil
	}
	if s.work.Segments[name] != nil {
		return nil, fmt.Errorf("the segment %q is in the folder and not applied yet; --draft asks the folder", name)
	}
	return nil, fmt.Errorf("there is no segment %q%s", name, orOneOf(name, slices.Sorted(maps.Keys(applied.Segments))))
}

// noteEdited tells when the file of a segment says something else than what was
// applied, and so than what was answered.
func (s *session) noteEdited(applied *catalog.Applied, name string) {
	path := "segments/" + name + ".yaml"
	then, now := fileOf(applied.Files, path), fileOf(s.work.Files, path)
	if now != nil && !bytes.Equal(then, now) {
		s.note("%s has changed since it was applied; --draft asks the folder", path)
	}
}

func fileOf(files []workspace.File, path string) []byte {
	for _, f := range files {
		if f.Path == path {
			return f.Data
		}
	}
	return nil
}

// contact finds a contact by the address as somebody typed it.
func (s *session) contact(email string) (contacts.Contact, error) {
	address, err := contacts.ParseAddress(email)
	if err != nil {
		return contacts.Contact{}, usagef("%s", err)
	}
	c, found, err := s.store.ContactByEmail(s.ctx, address)
	if err != nil {
		return contacts.Contact{}, err
	}
	if !found {
		return contacts.Contact{}, fmt.Errorf("there is no contact %s", address)
	}
	return c, nil
}

// facts is everything that conditions are asked of one contact.
func (s *session) facts(id contacts.ID) (*contacts.Facts, error) {
	all, err := s.store.LoadFacts(s.ctx, []contacts.ID{id})
	if err != nil {
		return nil, err
	}
	if all[id] == nil {
		return nil, fmt.Errorf("the contact is gone: it was erased a moment ago")
	}
	return all[id], nil
}

// campaign finds what the store keeps of a campaign.
func (s *session) campaign(name string) (store.Campaign, error) {
	known, err := s.store.Campaigns(s.ctx)
	if err != nil {
		return store.Campaign{}, err
	}
	if k, ok := known[name]; ok {
		return k, nil
	}
	if s.work.Campaigns[name] != nil {
		return store.Campaign{}, fmt.Errorf("the campaign %q is in the folder and not applied yet: rapport apply stores it", name)
	}
	return store.Campaign{}, fmt.Errorf("there is no campaign %q in %s%s", name, s.store.Name(), orOneOf(name, slices.Sorted(maps.Keys(known))))
}

// completeNames completes an argument with names of the folder.
func (a *app) completeNames(of func(*workspace.Workspace) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(given) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		w, _ := a.load()
		return of(w), cobra.ShellCompDirectiveNoFileComp
	}
}

func segmentNames(w *workspace.Workspace) []string  { return slices.Sorted(maps.Keys(w.Segments)) }
func campaignNames(w *workspace.Workspace) []string { return slices.Sorted(maps.Keys(w.Campaigns)) }
func templateNames(w *workspace.Workspace) []string {
	if w.Templates == nil {
		return nil
	}
	return w.Templates.Names()
}
