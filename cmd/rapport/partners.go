package main

import (
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/store"
)

// partnerFigures are what came through one partner.
type partnerFigures struct {
	Partner  string  `json:"partner"`
	Title    string  `json:"title,omitempty"`
	Code     string  `json:"code,omitempty"`
	Contacts int64   `json:"contacts"`
	Buyers   int64   `json:"buyers"`
	Orders   int64   `json:"orders"`
	Value    float64 `json:"value"`
	Known    bool    `json:"known"` // it stands in relationship.yaml
}

func (a *app) partnersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "partners",
		Short: "What came through each partner",
		Long: `Show what came through each partner of relationship.yaml, as it was applied:
how many contacts, how many of them have bought, how many orders these were, and
what was paid. A contact came through the partner that its attribute partner
names.`,
		Example: `  rapport partners
  rapport partners --json`,
		RunE: a.with(func(s *session, _ []string) error {
			list, err := s.partners()
			if err != nil {
				return err
			}
			if s.json {
				return s.print(list)
			}
			if len(list) == 0 {
				s.printf("There are no partners: name them under programs in relationship.yaml.\n")
				return nil
			}
			t := s.newTable("PARTNER", "CODE", "CONTACTS", "BUYERS", "ORDERS", "VALUE", "")
			for _, p := range list {
				title := plain(p.Title)
				if !p.Known {
					title = "not in relationship.yaml"
				}
				t.row(plain(p.Partner), plain(p.Code), count(p.Contacts), count(p.Buyers), count(p.Orders), strconv.FormatFloat(p.Value, 'f', 2, 64), s.faint(title))
			}
			t.print()
			return nil
		}),
	}
}

// partners are those that were applied, in their order, and then those that
// contacts name and the workspace does not.
func (s *session) partners() ([]partnerFigures, error) {
	applied, err := catalog.New(s.store, s.env, nil).Refresh(s.ctx)
	if err != nil {
		return nil, err
	}
	list := []partnerFigures{}
	if applied == nil {
		s.note("nothing was applied yet: run rapport apply")
		return list, nil
	}
	h := applied.Relationship.Health
	found, err := s.store.BroughtBy(s.ctx, relationship.PartnerAttribute, store.Purchases{Event: h.Purchase, Value: h.Value, Now: s.now.Now()})
	if err != nil {
		return nil, err
	}
	for _, p := range applied.Relationship.Programs.Partners {
		figures := partnerFigures{Partner: p.Name, Title: p.Title, Code: p.Code, Known: true}
		found = slices.DeleteFunc(found, func(b store.Brought) bool {
			if b.Partner != contacts.Fold(p.Name) {
				return false
			}
			figures.Contacts, figures.Buyers, figures.Orders, figures.Value = b.Contacts, b.Buyers, b.Orders, b.Value
			return true
		})
		list = append(list, figures)
	}
	for _, b := range found {
		list = append(list, partnerFigures{Partner: b.Partner, Contacts: b.Contacts, Buyers: b.Buyers, Orders: b.Orders, Value: b.Value})
	}
	return list, nil
}
