package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/campaigns"
	"rapport/internal/results"
	"rapport/internal/store"
)

func (a *app) campaignsStatus() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show where campaigns stand",
		Long: `Show where campaigns stand: who is on the way, what was sent, how people
answered. With a name, also each step, why people left and why some were not
enrolled.

While mail is waiting to go, the rate is measured over one second, and the time
left is how long the mail that waits takes at that rate.`,
		Example: `  rapport campaigns status
  rapport campaigns status welcome
  rapport campaigns status welcome --watch`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeNames(campaignNames),
		RunE: a.with(func(s *session, given []string) error {
			if watch && s.json {
				return usagef("--watch is for people; programs ask again")
			}
			if watch {
				return s.watch(given)
			}
			list, err := s.stand(given)
			if err != nil {
				return err
			}
			return s.showStatus(given, list)
		}),
	}
	c.Flags().BoolVar(&watch, "watch", false, "show it again every two seconds, until interrupted")
	return c
}

// measured is how long a rate is measured.
const measured = time.Second

// watch repeats the status until the context ends: interrupting is no error.
func (s *session) watch(given []string) error {
	for s.ctx.Err() == nil {
		list, err := s.stand(given)
		switch {
		case s.ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if s.isTerminal(s.stdout) {
			s.printf("\x1b[H\x1b[2J")
		}
		if err := s.showStatus(given, list); err != nil {
			return err
		}
		_ = s.pause(s.ctx, 2*time.Second) // the loop asks the context itself
	}
	return nil
}

// pause waits; it ends early, with an error, with the context.
func (a *app) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// standing of a campaign: what is kept of it, its progress, and its speed.
type campaignStanding struct {
	store.Campaign
	*store.Progress
	rate float64       // messages a second
	left time.Duration // for what waits, at that rate; 0 when nothing does, or nothing moves
	shut string        // why no provider takes its mail; "" when one does
	// result is what it is worth, where it was asked about alone.
	result *results.Campaign
}

// waiting is how many messages have yet to go.
func waiting(p *store.Progress) int64 {
	return p.Messages[campaigns.Queued] + p.Messages[campaigns.Sending]
}

// decided is how many messages are final.
func decided(p *store.Progress) int64 {
	n := int64(0)
	for state, count := range p.Messages {
		if state.Settled() {
			n += count
		}
	}
	return n
}

// stand counts where campaigns stand: all, or the one that is named.
func (s *session) stand(given []string) ([]campaignStanding, error) {
	if len(given) > 0 {
		k, err := s.campaign(given[0])
		if err != nil {
			return nil, err
		}
		list, err := s.standings(map[string]store.Campaign{k.Name: k}, []int64{k.ID})
		if err != nil {
			return nil, err
		}
		_, of, err := s.results(given)
		if err == nil && len(of) == 1 {
			list[0].result = &of[0]
		}
		return list, err
	}
	known, err := s.store.Campaigns(s.ctx)
	if err != nil {
		return nil, err
	}
	return s.standings(known, nil)
}

func (s *session) showStatus(given []string, list []campaignStanding) error {
	switch {
	case s.json && len(given) > 0:
		return s.print(statusJSON(list[0]))
	case s.json:
		out := []any{}
		for _, k := range list {
			out = append(out, statusJSON(k))
		}
		return s.print(out)
	case len(list) == 0:
		s.printf("Nothing is applied yet: rapport apply stores the campaigns of this folder.\n")
	case len(given) > 0:
		return s.showCampaign(list[0])
	default:
		s.showCampaigns(list)
	}
	return nil
}

// standings counts, and counts again a moment later where mail is waiting.
func (s *session) standings(known map[string]store.Campaign, ids []int64) ([]campaignStanding, error) {
	progress, err := s.store.Progress(s.ctx, ids...)
	if err != nil {
		return nil, err
	}
	shut, err := s.shut()
	if err != nil {
		return nil, err
	}
	var list []campaignStanding
	moving := false
	for _, k := range known {
		p := progress[k.ID]
		if p == nil {
			p = &store.Progress{Messages: map[campaigns.MessageState]int64{}}
		}
		moving = moving || waiting(p) > 0 && k.Status != store.Paused && shut[k.Name] == ""
		list = append(list, campaignStanding{Campaign: k, Progress: p, shut: shut[k.Name]})
	}
	slices.SortFunc(list, func(a, b campaignStanding) int {
		return cmp.Or(cmp.Compare(order(a.Status), order(b.Status)), strings.Compare(a.Name, b.Name))
	})
	if !moving {
		return list, nil
	}
	began := s.now.Now()
	if err := s.pause(s.ctx, measured); err != nil {
		return nil, err
	}
	later, err := s.store.Progress(s.ctx, ids...)
	if err != nil {
		return nil, err
	}
	elapsed := max(s.now.Now().Sub(began), measured)
	for i := range list {
		k := &list[i]
		if now := later[k.ID]; now != nil {
			k.rate = float64(max(0, decided(now)-decided(k.Progress))) / elapsed.Seconds()
			k.Progress = now
			if n := waiting(now); n > 0 && k.rate > 0 {
				k.left = time.Duration(float64(n) / k.rate * float64(time.Second)).Round(time.Second)
			}
		}
	}
	return list, nil
}

// order is the order of the list: what runs first.
func order(status store.CampaignStatus) int {
	return slices.Index([]store.CampaignStatus{store.Running, store.Paused, store.Removed, store.Stopped}, status)
}

func (s *session) statusText(status store.CampaignStatus) string {
	switch status {
	case store.Running:
		return s.green(string(status))
	case store.Paused:
		return s.yellow(string(status))
	}
	return s.faint(string(status))
}

func (s *session) showCampaigns(list []campaignStanding) {
	t := s.newTable("CAMPAIGN", "STATUS", "ON THE WAY", "SENT", "OPENED", "CLICKED", "GOAL", "WAITING")
	for _, k := range list {
		sent := k.Messages[campaigns.Sent]
		t.row(k.Name, s.statusText(k.Status), count(k.Active+k.Parked), count(sent), percent(k.Answers.Opened, sent),
			percent(k.Answers.Clicked, sent), percent(k.Converted, k.Enrolled), s.pace(k))
	}
	t.print()
	for _, k := range list {
		if k.Reason != "" {
			s.printf("%s: %s\n", s.head(k.Name), s.yellow(k.Reason))
		}
		if k.shut != "" {
			s.printf("%s: %s\n", s.head(k.Name), s.yellow(k.shut))
		}
	}
}
