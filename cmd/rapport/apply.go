package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/engine"
	"rapport/internal/ident"
	"rapport/internal/plan"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// applying are the flags of commands that store a version.
type applying struct {
	author string
	yes    bool
	ways   plan.Ways
	plan   string
}

func (o *applying) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.author, "author", "", "who applies it, a `name` (default: that of your key, else your user name)")
	c.Flags().BoolVar(&o.yes, "yes", false, "do it without being asked")
	c.Flags().BoolVar(&o.ways.Migrate, "migrate", false, "move those on their way to the new steps, step by step identity")
	c.Flags().BoolVar(&o.ways.Stop, "stop", false, "end those on their way who cannot go on without what is taken away")
}

func (a *app) applyCommand() *cobra.Command {
	var o applying
	c := &cobra.Command{
		Use:   "apply",
		Short: "Store the folder as the version that serve runs",
		Long: `Checks the folder and stores it as a new version. A running serve takes it up
within a second. Contacts who are on their way keep the steps they started with,
unless --migrate moves them; templates, senders, limits, exits, segments and the
ladder take effect at once.

On a terminal it shows the plan and asks. Elsewhere it does not ask; --plan makes
sure that what is applied is what was looked at. Applying a folder that has not
changed does nothing.`,
		Example: `  rapport apply
  rapport apply --plan plan.json --yes
  rapport apply --migrate
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
			return a.apply(cmd.Context(), s, w, o)
		},
	}
	o.flags(c)
	c.Flags().StringVar(&o.plan, "plan", "", "apply this `plan` only: its name, or the file of plan --out")
	return c
}

// apply stores a workspace as the version that runs, as it was told to.
func (a *app) apply(ctx context.Context, s *store.Store, w *workspace.Workspace, o applying) error {
	order := engine.Order{Author: o.author, Ways: o.ways}
	if o.plan != "" {
		base, err := a.asPlanned(ctx, s, w, &o)
		if err != nil {
			return err
		}
		order.On, order.Ways = &base, o.ways
	}
	var err error
	if order.Key, err = a.keyOf(ctx, s, scopeApply); err != nil {
		return err
	}
	if order.Author == "" {
		order.Author = cmp.Or(order.Key.Name, whoami()) // the key's name is the person
	}
	if err := a.agreed(ctx, s, w, o, &order); err != nil {
		return err
	}
	done, err := order.Apply(ctx, s, w, a.now.Now())
	switch {
	case errors.Is(err, engine.ErrNeedsApproval):
		return fmt.Errorf("%w: apply with your own key in RAPPORT_KEY; rapport keys create NAME --scope %s makes one", err, scopeApply)
	case errors.Is(err, store.ErrUnapproved):
		return fmt.Errorf("%w: somebody else than %s has to run: rapport approve %s", store.ErrUnapproved, plain(order.Key.Name), plan.Short(w.Hash))
	case err != nil:
		return err
	}
	return a.applied(w, done, o)
}

// agreed shows the plan on a terminal and asks.
func (a *app) agreed(ctx context.Context, s *store.Store, w *workspace.Workspace, o applying, order *engine.Order) error {
	if o.yes || a.json || !a.isTerminal(a.stdin) {
		return nil
	}
	p, err := plan.Make(ctx, plan.Input{Store: s, Folder: w, Now: a.now.Now(), Days: planDays, Ways: o.ways})
	if err != nil {
		return err
	}
	if p.Same() && !o.ways.Migrate && !o.ways.Stop {
		return nil
	}
	a.showPlan(p)
	if len(p.Refused) > 0 {
		return exitWith(exitFailed)
	}
	var base int64
	if p.Base != nil {
		if base, err = ident.Parse(p.Base.Version); err != nil {
			return err
		}
	}
	order.On = &base // what was looked at, and nothing that came in between
	return a.confirm("this becomes the version that runs", false)
}

// asPlanned makes sure that the folder and the database are what a plan was made
// of, and says what has changed where they are not. It gives the version that the
// plan was made on.
func (a *app) asPlanned(ctx context.Context, s *store.Store, w *workspace.Workspace, o *applying) (base int64, err error) {
	p, err := readPlan(o.plan)
	if err != nil {
		return 0, err
	}
	hash, on, _ := strings.Cut(p.ID, "-")
	if plan.Short(w.Hash) != hash {
		return 0, fmt.Errorf("the folder has changed since the plan was made: its content is %s, and the plan is of %s; make a new plan", plan.Short(w.Hash), hash)
	}
	o.ways.Migrate = o.ways.Migrate || p.Migrate // as it was planned
	o.ways.Stop = o.ways.Stop || p.Stop
	if on != "first" {
		if base, err = ident.Parse(on); err != nil {
			return 0, usagef("%q is no plan: rapport plan shows it in its last line", p.ID)
		}
	}
	current, _, err := s.CurrentVersion(ctx)
	if err != nil {
		return 0, err
	}
	known, err := s.Campaigns(ctx)
	if err != nil {
		return 0, err
	}
	var news []string
	if current.ID != base {
		if news, err = a.since(ctx, s, base, current); err != nil {
			return 0, err
		}
	} else if p.Base != nil {
		for _, name := range sortedNames(known) {
			if was := p.Base.Statuses[name]; was != string(known[name].Status) {
				news = append(news, fmt.Sprintf("campaign %s was %s and is %s", name, was, known[name].Status))
			}
		}
	}
	if len(news) > 0 {
		return 0, fmt.Errorf("what is applied has changed since the plan was made:\n  %s\nmake a new plan", strings.Join(news, "\n  "))
	}
	return base, nil
}

// since says what another version has brought.
func (a *app) since(ctx context.Context, s *store.Store, base int64, current store.Version) ([]string, error) {
	versions := plan.Versions{Store: s}
	var from *workspace.Workspace
	if base != 0 {
		var err error
		if from, err = versions.Read(ctx, base); err != nil {
			return nil, err
		}
	}
	if current.ID == 0 {
		return []string{"nothing is applied any more"}, nil
	}
	to, err := versions.Read(ctx, current.ID)
	if err != nil {
		return nil, err
	}
	news := []string{fmt.Sprintf("%s applied version %s at %s", plain(current.Author), ident.Format(current.ID), a.when(current.Applied))}
	for _, c := range workspace.Diff(from, to) {
		news = append(news, plain(strings.TrimSpace(c.Kind+" "+c.Name))+" "+c.What)
	}
	return news, nil
}

// applied says what was done.
func (a *app) applied(w *workspace.Workspace, done engine.Applied, o applying) error {
	if a.json {
		return a.print(map[string]any{"version": ident.Format(done.Version.ID), "hash": done.Version.Hash, "approved_by": done.Version.Approved,
			"changed": done.Changed, "moved": done.Version.Moved, "campaigns": len(w.Campaigns), "segments": len(w.Segments)})
	}
	if !done.Changed {
		a.printf("Nothing has changed: version %s of %s is what runs.\n", ident.Format(done.Version.ID), a.when(done.Version.Applied))
	} else {
		a.printf("%s version %s: %s, %s, %s. Mail goes to %s.\n", a.green("Applied"), ident.Format(done.Version.ID),
			of(len(w.Campaigns), "campaign"), of(len(w.Segments), "segment"), of(len(w.Templates.Names()), "template"), whither(w.Delivery.Live, w.Delivery.Only))
	}
	switch {
	case o.ways.Migrate && o.ways.Stop:
		a.printf("%s on their way moved to the new steps, or ended.\n", of(done.Version.Moved, "contact"))
	case o.ways.Migrate:
		a.printf("%s on their way moved to the new steps.\n", of(done.Version.Moved, "contact"))
	case o.ways.Stop:
		a.printf("%s on their way ended.\n", of(done.Version.Moved, "contact"))
	}
	return nil
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
