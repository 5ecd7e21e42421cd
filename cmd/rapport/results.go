package main

import (
	"github.com/spf13/cobra"

	"rapport/internal/results"
)

func (a *app) resultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "results [CAMPAIGN]",
		Short: "Show what mailing was worth, beside those who were held out",
		Long: `Show what mailing was worth: all marketing together beside the control group of
the workspace, each campaign beside its own, and how the arms of splits stand.

Everybody counts in the group that chance gave them, whatever they were sent, and
once. Ranges are of 95 %. docs/results.md says how to read them.`,
		Example: `  rapport results
  rapport results welcome
  rapport results --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeNames(campaignNames),
		RunE: a.with(func(s *session, given []string) error {
			all, list, err := s.results(given)
			if err != nil {
				return err
			}
			if s.json {
				return s.print(resultsJSON(all, list, len(given) > 0))
			}
			s.showResults(all, list)
			return nil
		}),
	}
}

// results are what can be said of the workspace and its campaigns, or of the one
// that is named.
func (s *session) results(given []string) (all *results.Whole, list []results.Campaign, err error) {
	if len(given) > 0 {
		if _, err := s.campaign(given[0]); err != nil {
			return nil, nil, err
		}
	}
	applied, err := s.applied()
	if err != nil || applied == nil {
		return nil, nil, err
	}
	if len(given) == 0 {
		return results.Everything(s.ctx, s.store, applied, s.now.Now())
	}
	c, err := results.Of(s.ctx, s.store, applied, given[0], s.now.Now())
	return nil, []results.Campaign{c}, err
}
