package main

import (
	"github.com/spf13/cobra"

	"rapport/internal/contacts"
)

// recountSize is how many contacts are compared by one statement, of which those
// that are counted wrong are locked and counted again by another.
const recountSize = 1000

func (a *app) segmentsRecount() *cobra.Command {
	var checkOnly bool
	c := &cobra.Command{
		Use:   "recount",
		Short: "Compare what segments are asked of with the events, and mend it",
		Long: `PostgreSQL keeps how often each contact did what, and when, and asks segments of
that instead of all events. This compares it with the events, a thousand contacts at
a time, and counts again what differs. It may run while everything runs: nothing
waits for it but the contacts that are being mended, and what comes in meanwhile is
counted as always.

With --check nothing is changed, and the exit code is 1 when something differs.
rapport doctor makes this comparison for a sample.`,
		Example: `  rapport segments recount
  rapport segments recount --check`,
		Args: cobra.NoArgs,
		RunE: a.with(func(s *session, _ []string) error { return s.recount(checkOnly) }),
	}
	c.Flags().BoolVar(&checkOnly, "check", false, "only say whether something differs")
	return c
}

// recounted is what became of it.
type recounted struct {
	Contacts int64 `json:"contacts"` // that were looked at
	Wrong    int64 `json:"wrong"`    // of whom something else was counted
	Mended   int64 `json:"mended"`
}

func (s *session) recount(checkOnly bool) error {
	if !s.store.KeepsTallies() {
		if s.json {
			return s.print(recounted{})
		}
		s.printf("The embedded database is asked for the events themselves: there is nothing to count again.\n")
		return nil
	}
	everybody, err := s.store.CountContacts(s.ctx)
	if err != nil {
		return err
	}
	bar := s.newBar(everybody, "counting")
	var done recounted
	for after := contacts.ID(0); ; {
		c, err := s.store.CheckTallies(s.ctx, after, recountSize)
		if err != nil {
			return err
		}
		if c.Looked == 0 {
			break
		}
		after = c.Last
		done.Contacts, done.Wrong = done.Contacts+int64(c.Looked), done.Wrong+int64(len(c.Wrong))
		if !checkOnly {
			if err := s.store.MendTallies(s.ctx, c.Wrong); err != nil {
				return err
			}
			done.Mended += int64(len(c.Wrong))
		}
		_ = bar.Add(c.Looked) // drawing it does no harm
	}
	_ = bar.Finish()
	if err := s.showRecounted(done); err != nil {
		return err
	}
	if done.Wrong > done.Mended {
		return errFindings
	}
	return nil
}

func (s *session) showRecounted(done recounted) error {
	switch {
	case s.json:
		return s.print(done)
	case done.Wrong == 0:
		s.printf("What %s did is counted right.\n", of(done.Contacts, "contact"))
	case done.Mended == 0:
		s.printf("What %s of %s did is counted wrong. rapport segments recount counts it again.\n", s.head(count(done.Wrong)), of(done.Contacts, "contact"))
	default:
		s.printf("What %s of %s did was counted wrong, and is counted again.\n", s.head(count(done.Mended)), of(done.Contacts, "contact"))
	}
	return nil
}
