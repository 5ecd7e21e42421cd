package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/relationship/buying"
	"rapport/internal/store"
)

// predictionsReport is what predictions rest on.
type predictionsReport struct {
	LearntAt time.Time          `json:"learnt_at,omitzero"`
	Predicts []string           `json:"predicts"` // the scores that there are
	Missing  string             `json:"missing,omitempty"`
	Evidence *buying.Evidence   `json:"evidence,omitempty"`
	Orders   *buying.BGNBD      `json:"orders,omitempty"`
	Amounts  *buying.GammaGamma `json:"amounts,omitempty"`
}

func (a *app) predictionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "predictions",
		Short: "What the predicted scores rest on, and how right they were",
		Long: `Show when p_alive, expected_orders, lifetime_value and rfm were learnt, from how
many customers, and how right such a prediction was: one that knew only what was
known some months ago is compared with what has come since. Where there is too
little to learn from, it says what is missing.`,
		Example: `  rapport predictions
  rapport predictions --json`,
		RunE: a.with(func(s *session, _ []string) error {
			learnt, found, err := s.store.LastLearnt(s.ctx)
			if err != nil {
				return err
			}
			r := reportOf(learnt, found)
			if s.json {
				return s.print(r)
			}
			s.showPredictions(r)
			return nil
		}),
	}
}

func reportOf(l store.Learnt, found bool) predictionsReport {
	r := predictionsReport{Predicts: []string{}, Missing: "nothing was learnt yet: rapport serve does it at three in the night, and when it starts for the first time"}
	if !found {
		return r
	}
	m := &l.Model
	r.LearntAt, r.Missing, r.Evidence, r.Orders, r.Amounts = l.MadeAt.UTC(), m.Evidence.Missing, &m.Evidence, m.Orders, m.Amounts
	if m.Orders != nil {
		r.Predicts = append(r.Predicts, "p_alive", "expected_orders")
	}
	if m.Amounts != nil {
		r.Predicts = append(r.Predicts, "lifetime_value")
	}
	if m.Ranks != nil {
		r.Predicts = append(r.Predicts, "rfm")
	}
	return r
}

func (s *session) showPredictions(r predictionsReport) {
	if r.Evidence == nil {
		s.printf("%s\n", r.Missing)
		return
	}
	e := r.Evidence
	t := s.newTable()
	t.row(s.faint("learnt"), fmt.Sprintf("on %s from %s customers, %s of whom bought on more than one day, over %s days", s.when(r.LearntAt), count(e.Customers), count(e.Repeat), count(e.Days)))
	predicts := strings.Join(r.Predicts, ", ")
	if predicts == "" {
		predicts = "nothing"
	}
	t.row(s.faint("predicts"), predicts)
	if r.Missing != "" {
		t.row(s.faint("missing"), r.Missing)
	}
	if e.Held > 0 {
		t.row(s.faint("check"), fmt.Sprintf("knowing only what was known %s days ago, it foresaw %s days with a purchase since; there were %s", count(e.Held), count(int(e.Foreseen)), count(e.Came)))
	}
	if o := r.Orders; o != nil {
		t.row(s.faint("orders"), fmt.Sprintf("BG/NBD r %.4g, alpha %.4g weeks, a %.4g, b %.4g", o.R, o.Alpha, o.A, o.B))
	}
	if g := r.Amounts; g != nil {
		t.row(s.faint("amounts"), fmt.Sprintf("gamma-gamma p %.4g, q %.4g, v %.4g", g.P, g.Q, g.V))
	}
	t.print()
}
