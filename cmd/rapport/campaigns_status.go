package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/campaigns"
	"rapport/internal/catalog"
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
			if !watch {
				_, err := s.status(given)
				return err
			}
			return s.watch(given)
		}),
	}
	c.Flags().BoolVar(&watch, "watch", false, "show it again every two seconds, until interrupted")
	return c
}

// measured is how long a rate is measured.
const measured = time.Second

// watch repeats the status until the context ends.
func (s *session) watch(given []string) error {
	for {
		if s.isTerminal(s.stdout) {
			s.printf("\x1b[H\x1b[2J")
		}
		if _, err := s.status(given); err != nil {
			return err
		}
		if s.pause(s.ctx, 2*time.Second) != nil {
			return nil // interrupting is how it ends
		}
	}
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

func (s *session) status(given []string) ([]campaignStanding, error) {
	known, err := s.store.Campaigns(s.ctx)
	if err != nil {
		return nil, err
	}
	var ids []int64
	if len(given) > 0 {
		k, err := s.campaign(given[0])
		if err != nil {
			return nil, err
		}
		known, ids = map[string]store.Campaign{k.Name: k}, []int64{k.ID}
	}
	list, err := s.standings(known, ids)
	if err != nil {
		return nil, err
	}
	switch {
	case s.json && len(given) > 0:
		return list, s.print(statusJSON(list[0]))
	case s.json:
		out := []any{}
		for _, k := range list {
			out = append(out, statusJSON(k))
		}
		return list, s.print(out)
	case len(list) == 0:
		s.printf("Nothing is applied yet: rapport apply stores the campaigns of this folder.\n")
	case len(given) > 0:
		return list, s.showCampaign(list[0])
	default:
		s.showCampaigns(list)
	}
	return list, nil
}

// standings counts, and counts again a moment later where mail is waiting.
func (s *session) standings(known map[string]store.Campaign, ids []int64) ([]campaignStanding, error) {
	progress, err := s.store.Progress(s.ctx, ids...)
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
		moving = moving || waiting(p) > 0 && k.Status != store.Paused
		list = append(list, campaignStanding{Campaign: k, Progress: p})
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
}

// pace is how much waits, how fast it goes, and how long it takes.
func (s *session) pace(k campaignStanding) string {
	n := waiting(k.Progress)
	switch {
	case n == 0:
		return "0"
	case k.rate == 0:
		return count(n)
	}
	return fmt.Sprintf("%s, %s/s, %s left", count(n), rateText(k.rate), leftText(k.left))
}

func rateText(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return count(int64(math.Round(rate)))
}

// leftText writes a length of time as its two largest parts: "2h 5m", "40s".
func leftText(d time.Duration) string {
	d = max(d.Round(time.Second), time.Second)
	units := []struct {
		name string
		long time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.long {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.long, u.name)
		if i+1 < len(units) {
			if rest := d % u.long / units[i+1].long; rest > 0 {
				text += fmt.Sprintf(" %d%s", rest, units[i+1].name)
			}
		}
		return text
	}
	return ""
}

func (s *session) showCampaign(k campaignStanding) error {
	s.printf("%s  %s\n", s.head(k.Name), s.statusText(k.Status))
	applied, err := catalog.New(s.store, s.env, nil).Refresh(s.ctx)
	if err != nil {
		return err
	}
	var d *campaigns.Definition
	if applied != nil {
		d = applied.Workspace.Campaigns[k.Name]
	}
	if d != nil && d.Description != "" {
		s.printf("%s\n", plain(d.Description))
	}
	s.printf("\n")
	t := s.newTable()
	fact := func(name, value string) { t.row(s.faint(name), value) }
	fact("enrolled", count(k.Enrolled))
	fact("on the way", count(k.Active+k.Parked))
	fact("finished", count(k.Finished))
	fact("left early", count(k.Exited))
	if k.Control > 0 {
		fact("control group", count(k.Control))
	}
	if d != nil && d.Goal != nil {
		goal := fmt.Sprintf("%s reached it %s", count(k.Converted), s.faint("("+cmp.Or(percent(k.Converted, k.Enrolled), "0%")+")"))
		if k.Control > 0 {
			goal += fmt.Sprintf(", of the control group %s %s", count(k.ConvertedControl), s.faint("("+percent(k.ConvertedControl, k.Control)+")"))
		}
		fact("goal", goal)
	}
	if n := waiting(k.Progress); n > 0 {
		fact("mail waiting", s.pace(k))
	}
	if d != nil && applied != nil && k.Status == store.Running {
		if next, ok := d.NextFiring(s.now.Now(), applied.Zone); ok {
			fact("next start", s.when(next.At))
		}
	}
	t.print()
	s.showSteps(k)
	s.showReasons("Left early", k.ExitReasons)
	s.showReasons("Not enrolled", k.Refusals)
	return nil
}

func (s *session) showSteps(k campaignStanding) {
	if len(k.Steps) == 0 {
		return
	}
	s.printf("\n%s\n", s.head("Mail"))
	t := s.newTable("TEMPLATE", "SENT", "WAITING", "SKIPPED", "FAILED", "UNKNOWN", "OPENED", "CLICKED", "REPLIED")
	for _, step := range k.Steps {
		m, sent := step.Messages, step.Messages[campaigns.Sent]
		t.row(step.Template, count(sent), count(m[campaigns.Queued]+m[campaigns.Sending]), count(m[campaigns.Skipped]), count(m[campaigns.Failed]),
			count(m[campaigns.Unknown]), percent(step.Answers.Opened, sent), percent(step.Answers.Clicked, sent), percent(step.Answers.Replied, sent))
	}
	t.drop("WAITING", "SKIPPED", "FAILED", "UNKNOWN")
	t.print()
	x := k.Answers
	if x.Bounced+x.Complained+x.Unsubscribed > 0 {
		s.printf("%s\n", s.faint(fmt.Sprintf("%s bounced, %s complained, %s unsubscribed", count(x.Bounced), count(x.Complained), count(x.Unsubscribed))))
	}
}

func (s *session) showReasons(title string, list []store.ReasonCount) {
	if len(list) == 0 {
		return
	}
	s.printf("\n%s\n", s.head(title))
	t := s.newTable()
	for _, r := range list {
		t.row(count(r.Count), plain(cmp.Or(r.Reason, "no reason recorded")))
	}
	t.print()
}

// statusJSON is a campaign's standing for programs.
func statusJSON(k campaignStanding) any {
	messages := map[string]int64{}
	for state, n := range k.Messages {
		messages[string(state)] = n
	}
	type answers struct {
		Delivered    int64 `json:"delivered"`
		Opened       int64 `json:"opened"`
		Clicked      int64 `json:"clicked"`
		Replied      int64 `json:"replied"`
		Bounced      int64 `json:"bounced"`
		Complained   int64 `json:"complained"`
		Unsubscribed int64 `json:"unsubscribed"`
	}
	steps := []any{}
	for _, x := range k.Steps {
		states := map[string]int64{}
		for state, n := range x.Messages {
			states[string(state)] = n
		}
		steps = append(steps, map[string]any{"number": x.Number, "template": x.Template, "messages": states, "answers": answers(x.Answers)})
	}
	reasons := func(list []store.ReasonCount) map[string]int64 {
		return maps.Collect(func(yield func(string, int64) bool) {
			for _, r := range list {
				if !yield(r.Reason, r.Count) {
					return
				}
			}
		})
	}
	out := map[string]any{
		"campaign": k.Name, "status": k.Status, "enrolled": k.Enrolled, "active": k.Active, "parked": k.Parked, "finished": k.Finished,
		"exited": k.Exited, "control": k.Control, "converted": k.Converted, "converted_control": k.ConvertedControl,
		"exit_reasons": reasons(k.ExitReasons), "not_enrolled": k.Refused, "refusals": reasons(k.Refusals),
		"messages": messages, "answers": answers(k.Answers), "steps": steps, "waiting": waiting(k.Progress), "rate": k.rate,
	}
	if k.left > 0 {
		out["seconds_left"] = int64(k.left.Seconds())
	}
	return out
}
