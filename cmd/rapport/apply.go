package main

import (
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"rapport/internal/engine"
	"rapport/internal/ident"
)

func (a *app) applyCommand() *cobra.Command {
	var author string
	c := &cobra.Command{
		Use:   "apply",
		Short: "Store the folder as the version that serve runs",
		Long: `Checks the folder and stores it as a new version. A running serve takes it up
within a second. Contacts who are on their way keep the steps they started with;
templates, senders, limits, exits, segments and the ladder take effect at once.

Applying a folder that has not changed does nothing.`,
		Example: `  rapport apply
  rapport -C acme apply --author "Ana" --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := a.workspace()
			if err != nil {
				return err
			}
			s, err := a.openStore(cmd.Context(), w)
			if err != nil {
				return err
			}
			defer s.Close()
			if author == "" {
				author = whoami()
			}
			done, err := engine.Apply(cmd.Context(), s, w, author, a.now.Now())
			if err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]any{"version": ident.Format(done.Version.ID), "hash": done.Version.Hash,
					"changed": done.Changed, "campaigns": len(w.Campaigns), "segments": len(w.Segments)})
			}
			if !done.Changed {
				a.printf("Nothing has changed: version %s of %s is what runs.\n", ident.Format(done.Version.ID), a.when(done.Version.Applied))
				return nil
			}
			a.printf("%s version %s: %s, %s, %s. Mail goes to %s.\n", a.green("Applied"), ident.Format(done.Version.ID),
				of(len(w.Campaigns), "campaign"), of(len(w.Segments), "segment"), of(len(w.Templates.Names()), "template"), whither(w.Delivery.Live, w.Delivery.Only))
			return nil
		},
	}
	c.Flags().StringVar(&author, "author", "", "who applies it (default: your user name)")
	return c
}

// whither says where mail goes, so that nobody has to guess.
func whither(live bool, only []string) string {
	switch {
	case live:
		return "the contacts"
	case len(only) > 0:
		return fmt.Sprintf("addresses like %s, all other is caught by the built-in mailbox", only[0])
	}
	return "the built-in mailbox, and nobody else"
}

func whoami() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
