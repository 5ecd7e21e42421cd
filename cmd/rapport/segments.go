package main

import (
	"strings"

	"github.com/spf13/cobra"

	"rapport/segments"
)

func (a *app) segmentsCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:   "segments",
		Short: "Count segments, and explain who is in",
		Example: `  rapport segments list
  rapport segments explain vips ana@example.com`,
	}, a.segmentsList(), a.segmentsCount(), a.segmentsExplain(), a.segmentsRecount())
}

const draftHelp = "ask the folder as it stands, not the version that was applied"

func (a *app) segmentsList() *cobra.Command {
	var draft bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List all segments with their sizes",
		Example: `  rapport segments list
  rapport segments list --draft`,
		RunE: a.with(func(s *session, _ []string) error {
			applied, err := s.rules(draft)
			if err != nil {
				return err
			}
			sizes, err := s.store.SegmentSizes(s.ctx, s.asked(applied))
			if err != nil {
				return err
			}
			everybody, err := s.store.CountContacts(s.ctx)
			if err != nil {
				return err
			}
			if s.json {
				type segment struct {
					Name        string `json:"name"`
					Description string `json:"description"`
					Size        int64  `json:"size"`
				}
				out := []segment{}
				for _, x := range sizes {
					out = append(out, segment(x))
				}
				return s.print(out)
			}
			if len(sizes) == 0 {
				s.printf("There are no segments.\n")
				return nil
			}
			t := s.newTable("SEGMENT", "SIZE", "SHARE", "DESCRIPTION")
			for _, x := range sizes {
				t.row(x.Name, count(x.Size), s.faint(percent(x.Size, everybody)), plain(x.Description))
			}
			t.print()
			s.printf("\n%s\n", s.faint("of "+of(everybody, "contact")))
			return nil
		}),
	}
	c.Flags().BoolVar(&draft, "draft", false, draftHelp)
	return c
}

func (a *app) segmentsCount() *cobra.Command {
	var draft bool
	c := &cobra.Command{
		Use:   "count NAME",
		Short: "Count who is in a segment now",
		Long: `Count who is in a segment now. The segment is asked as it was applied, which is
what the engine does; --draft asks the folder, so that a segment can be tried
while it is written.`,
		Example: `  rapport segments count vips
  rapport segments count vips --draft`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(segmentNames),
		RunE: a.with(func(s *session, given []string) error {
			applied, err := s.rules(draft)
			if err != nil {
				return err
			}
			segment, err := s.segment(applied, given[0])
			if err != nil {
				return err
			}
			n, err := s.store.CountSegment(s.ctx, segment.Where, s.asked(applied))
			if err != nil {
				return err
			}
			everybody, err := s.store.CountContacts(s.ctx)
			if err != nil {
				return err
			}
			if s.json {
				return s.print(map[string]any{"segment": segment.Name, "size": n, "contacts": everybody})
			}
			s.noteEdited(applied, segment.Name)
			share := ""
			if everybody > 0 {
				share = s.faint(" (" + percent(n, everybody) + ")")
			}
			s.printf("%s of %s%s\n", s.head(count(n)), of(everybody, "contact"), share)
			return nil
		}),
	}
	c.Flags().BoolVar(&draft, "draft", false, draftHelp)
	return c
}

func (a *app) segmentsExplain() *cobra.Command {
	var draft bool
	c := &cobra.Command{
		Use:   "explain NAME EMAIL",
		Short: "Say why a contact is in a segment, or is not",
		Long: `Say why a contact is in a segment, or is not: every condition, whether it holds,
and what it found.`,
		Example: `  rapport segments explain vips ana@example.com
  rapport segments explain vips ana@example.com --draft`,
		Args:              args("NAME", "EMAIL"),
		ValidArgsFunction: a.completeNames(segmentNames),
		RunE: a.with(func(s *session, given []string) error {
			applied, err := s.rules(draft)
			if err != nil {
				return err
			}
			segment, err := s.segment(applied, given[0])
			if err != nil {
				return err
			}
			c, err := s.contact(given[1])
			if err != nil {
				return err
			}
			facts, err := s.facts(c.ID)
			if err != nil {
				return err
			}
			q := applied.Question(facts, s.now.Now())
			why := segment.Where.Explain(&q)
			if s.json {
				return s.print(map[string]any{"segment": segment.Name, "contact": c.Email, "in": why.Held, "why": why})
			}
			s.noteEdited(applied, segment.Name)
			if why.Held {
				s.printf("%s is %s %s\n\n", c.Email, s.green("in"), s.head(segment.Name))
			} else {
				s.printf("%s is %s %s\n\n", c.Email, s.paint(s.stdout, styleRed, "not in"), s.head(segment.Name))
			}
			s.explain(why, "")
			return nil
		}),
	}
	c.Flags().BoolVar(&draft, "draft", false, draftHelp)
	return c
}

// explain prints the tree of an explanation: a mark, the condition, and below a
// long one its reason.
func (a *app) explain(e segments.Explanation, indent string) {
	mark := a.green("✓")
	if !e.Held {
		mark = a.paint(a.stdout, styleRed, "✗")
	}
	text, why := plain(e.Text), plain(e.Why)
	line := indent + "  " + text
	switch {
	case why == "":
		a.printf("%s%s %s\n", indent, mark, text)
	case len([]rune(line))+3+len([]rune(why)) <= a.columns():
		a.printf("%s%s %s %s\n", indent, mark, text, a.faint("— "+why))
	default:
		a.printf("%s%s %s\n%s    %s\n", indent, mark, text, indent, a.faint(why))
	}
	for _, child := range e.Children {
		a.explain(child, indent+strings.Repeat(" ", 2))
	}
}
