package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rapport/internal/contacts"
)

func (a *app) contactsCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:   "contacts",
		Short: "Import, export, show and erase contacts",
		Example: `  rapport contacts import people.csv
  rapport contacts show ana@example.com`,
	}, a.contactsImport(), a.contactsExport(), a.contactsShow(), a.contactsErase())
}

func (a *app) contactsErase() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "erase EMAIL",
		Short: "Make a person unrecognisable, for good",
		Long: `Make a person unrecognisable, for good: profile, attributes and the text of
events go; what only counts stays, so that reports do not change. A keyed hash
of the address is kept, so that no later import brings it back.`,
		Example: `  rapport contacts erase ana@example.com
  rapport contacts erase ana@example.com --yes`,
		Args: args("EMAIL"),
		RunE: a.with(func(s *session, given []string) error {
			c, err := s.contact(given[0])
			if err != nil {
				return err
			}
			if err := s.confirm(fmt.Sprintf("erasing %s cannot be undone", c.Email), yes); err != nil {
				return err
			}
			erased, err := s.store.Erase(s.ctx, c.Email, s.now.Now())
			if err != nil {
				return fmt.Errorf("cannot erase %s: %w", c.Email, err)
			}
			if !erased {
				return fmt.Errorf("there is no contact %s", c.Email)
			}
			s.tell(contactNotice(c.ID))
			if s.json {
				return s.print(map[string]any{"erased": true})
			}
			s.printf("%s is erased; what only counts has stayed\n", c.Email)
			return nil
		}),
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// nameOf is how people call a contact.
func nameOf(c *contacts.Contact) string {
	switch {
	case c.FirstName == "":
		return c.LastName
	case c.LastName == "":
		return c.FirstName
	}
	return c.FirstName + " " + c.LastName
}
