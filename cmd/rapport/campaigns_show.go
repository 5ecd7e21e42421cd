package main

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

func (s *session) showCampaign(k campaignStanding) error {
	s.printf("%s  %s\n", s.head(k.Name), s.statusText(k.Status))
	if k.Reason != "" {
		s.printf("%s\n", s.yellow(k.Reason))
	}
	if k.shut != "" {
		s.printf("%s\n", s.yellow(k.shut))
	}
	applied, err := s.applied()
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
		fact("goal", fmt.Sprintf("%s reached it %s", count(k.Converted), s.faint("("+cmp.Or(percent(k.Converted, k.Enrolled), "0%")+")")))
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
	if k.result != nil && (k.result.Control != nil || len(k.result.Splits) > 0) {
		s.printf("\n%s\n", s.head("What it is worth"))
		s.showResult(*k.result)
	}
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
