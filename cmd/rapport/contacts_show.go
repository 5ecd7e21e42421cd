package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

func (a *app) contactsShow() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "show EMAIL",
		Short: "Show all that is known of a contact",
		Long: `Show all that is known of a contact: the profile, what it has consented to, how
it moved on the ladder and why, and what happened, newest first.`,
		Example: `  rapport contacts show ana@example.com
  rapport contacts show ana@example.com --limit 200`,
		Args: args("EMAIL"),
		RunE: a.with(func(s *session, given []string) error {
			if err := fromOne(limit); err != nil {
				return err
			}
			c, err := s.contact(given[0])
			if err != nil {
				return err
			}
			facts, err := s.facts(c.ID)
			if err != nil {
				return err
			}
			list, _, more, err := s.store.Timeline(s.ctx, c.ID, store.Page{}, limit)
			if err != nil {
				return err
			}
			scores, tier := s.scores(facts)
			if s.json {
				out := contactJSON(facts, list, more)
				if out["scores"] = scores; tier != "" {
					out["tier"] = tier
				}
				return s.print(out)
			}
			s.showProfile(facts, scores, tier)
			s.showChanges(facts.Changes)
			s.showTimeline(list, more)
			return nil
		}),
	}
	c.Flags().IntVar(&limit, "limit", 30, "show at most this `many` entries of the timeline")
	return c
}

// scores are what has been added up of a contact by what was applied, and the
// tier of the loyalty program that it stands in.
func (s *session) scores(f *contacts.Facts) (scores map[string]float64, tier string) {
	scores = map[string]float64{}
	applied, err := catalog.New(s.store, s.env, nil).Refresh(s.ctx)
	if err != nil {
		s.note("the scores cannot be told: %v", err)
	}
	if err != nil || applied == nil {
		return scores, ""
	}
	scoring := applied.Relationship.Scoring()
	for _, v := range scoring.Values(f, s.now.Now()) {
		scores[v.Name] = v.Value
	}
	points, _ := f.Score(contacts.ScorePoints)
	return scores, scoring.TierOf(points.Value)
}

func (s *session) showProfile(f *contacts.Facts, scores map[string]float64, tier string) {
	c := &f.Contact
	title := s.head(c.Email)
	if name := nameOf(c); name != "" {
		title = s.head(plain(name)) + "  " + c.Email
	}
	s.printf("%s\n\n", title)
	t := s.newTable()
	add := func(name, value string) {
		if value != "" {
			t.row(s.faint(name), value)
		}
	}
	add("id", ident.Format(int64(c.ID)))
	add("stage", s.standing(c.Stage, c.StageSince))
	add("health", s.standing(c.Health, c.HealthSince))
	for _, name := range slices.Sorted(maps.Keys(scores)) {
		add(name, strconv.FormatFloat(scores[name], 'f', -1, 64))
	}
	add("tier", tier)
	add("language", c.Language)
	add("time zone", c.Timezone)
	add("since", s.when(c.CreatedAt))
	if x := c.Suppression; x != nil {
		add("suppressed", s.paint(s.stdout, styleRed, x.Reason)+" on "+s.when(x.At)+reasonIn(x.Source))
	}
	for _, topic := range topicsOf(f.Consents) {
		k := f.ConsentFor(topic)
		add("consent", topic+" "+s.consentState(k.State)+" on "+s.when(k.At)+reasonIn(k.Source))
	}
	for _, name := range attributesOf(c) {
		v, _ := contacts.Lookup(c.Attributes, name)
		add(plain(name), plain(valueText(v)))
	}
	t.print()
}

// standing is a stage or health with the day it began.
func (s *session) standing(name string, since time.Time) string {
	switch {
	case name == "":
		return s.faint("not judged yet")
	case since.IsZero():
		return s.cyan(name)
	}
	return s.cyan(name) + s.faint(" since "+s.when(since))
}

func (s *session) consentState(state string) string {
	switch state {
	case contacts.ConsentGiven:
		return s.green(state)
	case contacts.ConsentWithdrawn:
		return s.paint(s.stdout, styleRed, state)
	}
	return s.yellow(state)
}

func reasonIn(text string) string {
	if text == "" {
		return ""
	}
	return " (" + plain(text) + ")"
}

func topicsOf(list []contacts.Consent) []string {
	var topics []string
	for _, k := range list {
		if !slices.Contains(topics, k.Topic) {
			topics = append(topics, k.Topic)
		}
	}
	slices.Sort(topics)
	return topics
}

func attributesOf(c *contacts.Contact) []string {
	var names contacts.AttributeNames
	names.Add(c)
	return names.Sorted()
}

// valueText is the value of an attribute or property in one line.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			words[i] = valueText(item)
		}
		return strings.Join(words, ", ")
	}
	return jsonText(v)
}

func (s *session) showChanges(list []contacts.StageChange) {
	if len(list) == 0 {
		return
	}
	s.printf("\n%s\n", s.head("Ladder and health"))
	t := s.newTable()
	for _, c := range slices.Backward(list) {
		from := c.From
		if from == "" {
			from = "—"
		}
		t.row(s.faint(s.when(c.At)), from+" → "+s.cyan(c.To), s.faint(plain(c.Rule)))
	}
	t.print()
}
