package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rapport/internal/store"
)

func (a *app) campaignsCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:   "campaigns",
		Short: "Watch, pause, resume and stop campaigns",
		Example: `  rapport campaigns status
  rapport campaigns pause welcome`,
	}, a.campaignsStatus(), a.campaignsPause(), a.campaignsResume(), a.campaignsStop())
}

// turn is a change of a campaign's status.
type turn struct {
	to   store.CampaignStatus
	from []store.CampaignStatus
	done string // what is true now: "is stopped for good"
}

func (a *app) campaignsPause() *cobra.Command {
	return &cobra.Command{
		Use:   "pause NAME",
		Short: "Hold a campaign: nothing leaves, nobody is lost",
		Long: `Hold a campaign: nobody is enrolled and nothing leaves until it is resumed.
Everybody keeps their place.`,
		Example:           `  rapport campaigns pause welcome`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(campaignNames),
		RunE: a.with(func(s *session, given []string) error {
			return s.turn(given[0], turn{to: store.Paused, from: []store.CampaignStatus{store.Running}, done: "is paused: nothing leaves until it is resumed"})
		}),
	}
}

func (a *app) campaignsResume() *cobra.Command {
	return &cobra.Command{
		Use:               "resume NAME",
		Short:             "Let a paused campaign go on",
		Long:              `Let a paused campaign go on where it stood.`,
		Example:           `  rapport campaigns resume welcome`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(campaignNames),
		RunE: a.with(func(s *session, given []string) error {
			return s.turn(given[0], turn{to: store.Running, from: []store.CampaignStatus{store.Paused}, done: "goes on"})
		}),
	}
}

func (a *app) campaignsStop() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "stop NAME",
		Short: "End a campaign for good",
		Long: `End a campaign for good: everybody on the way exits, what is queued is not sent.
To hold it for a while, pause it.`,
		Example: `  rapport campaigns stop spring-offer
  rapport campaigns stop spring-offer --yes`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(campaignNames),
		RunE: a.with(func(s *session, given []string) error {
			k, err := s.campaign(given[0])
			if err != nil {
				return err
			}
			progress, err := s.store.Progress(s.ctx, k.ID)
			if err != nil {
				return err
			}
			if k.Status != store.Stopped {
				way := int64(0)
				if p := progress[k.ID]; p != nil {
					way = p.Active + p.Parked
				}
				if err := s.confirm(fmt.Sprintf("stopping %s cannot be undone (%s on the way)", k.Name, of(way, "contact")), yes); err != nil {
					return err
				}
			}
			return s.turn(k.Name, turn{to: store.Stopped, from: []store.CampaignStatus{store.Running, store.Paused, store.Removed}, done: "is stopped for good"})
		}),
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// turn changes the status of a campaign. Asking for what it is already is no
// error, so that a script can be run again.
func (s *session) turn(name string, t turn) error {
	k, err := s.campaign(name)
	if err != nil {
		return err
	}
	switch {
	case k.Status == t.to:
		if err := s.wakeStopped(k.Name, t.to); err != nil { // a stop may have broken off
			return err
		}
		return s.turned(k.Name, t.to, false, fmt.Sprintf("is %s already", t.to))
	case k.Status == store.Stopped:
		return fmt.Errorf("the campaign %s was stopped for good on %s; to begin again, apply it under another name", k.Name, s.when(k.Changed))
	case k.Status == store.Removed && !slices.Contains(t.from, store.Removed):
		return fmt.Errorf("the campaign %s is no longer in the applied workspace; it can only be stopped", k.Name)
	}
	changed, err := s.store.SetCampaignStatus(s.ctx, k.Name, t.to, t.from, s.now.Now())
	if err != nil {
		return fmt.Errorf("cannot change the campaign %s: %w", k.Name, err)
	}
	if !changed {
		return fmt.Errorf("somebody else changed the campaign %s in this moment; look at: rapport campaigns status %s", k.Name, k.Name)
	}
	s.tell(campaignNotice(k.Name))
	if err := s.wakeStopped(k.Name, t.to); err != nil {
		return err
	}
	return s.turned(k.Name, t.to, true, t.done)
}

// wakeStopped tells everybody in a campaign to exit, if it was stopped.
func (s *session) wakeStopped(name string, status store.CampaignStatus) error {
	if status != store.Stopped {
		return nil
	}
	if err := s.store.WakeStopped(s.ctx, name, s.now.Now()); err != nil {
		return fmt.Errorf("the campaign %s is stopped, but not everybody in it was told: who was not exits within the hour, or at once when you stop it again: %w", name, err)
	}
	return nil
}

func (s *session) turned(name string, to store.CampaignStatus, changed bool, text string) error {
	if s.json {
		return s.print(map[string]any{"campaign": name, "status": to, "changed": changed})
	}
	s.printf("%s %s\n", s.head(name), text)
	return nil
}
