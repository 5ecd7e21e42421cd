package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/catalog"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

func (a *app) providersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "providers",
		Short: "See, close and open the providers that mail goes through",
		Long: `Show the providers that mail goes through: which are closed and why, their rate,
what has left today of a warm-up's ceiling, and who sends through them. The guard
of rapport.yaml closes a provider through which several campaigns do harm; a
person opens it.`,
		Example: `  rapport providers
  rapport providers open main
  rapport providers close main --reason "listed at a blocklist"`,
		Args: unknownCommand,
		RunE: a.with(func(s *session, _ []string) error {
			list, err := s.providers()
			if err != nil {
				return err
			}
			if s.json {
				return s.print(list)
			}
			s.showProviders(list)
			return nil
		}),
	}
	c.AddCommand(a.providersOpen(), a.providersClose())
	return c
}

// providerStanding is a provider for programs.
type providerStanding struct {
	Provider string     `json:"provider"`
	Status   string     `json:"status"` // open or closed
	Reason   string     `json:"reason,omitempty"`
	Since    *time.Time `json:"since,omitempty"` // when it was closed or opened last
	Rate     float64    `json:"rate,omitempty"`  // messages a second
	Today    *int       `json:"today,omitempty"` // left today, while it warms up
	Ceiling  *int       `json:"ceiling,omitempty"`
	Senders  []string   `json:"senders"`
}

// sending is what serve would send through: the applied version with the
// connections of the folder.
func (s *session) sending() (*catalog.Applied, error) {
	folder := s.work
	if len(folder.Providers) == 0 {
		folder = nil
	}
	return catalog.New(s.store, s.env, folder).Refresh(s.ctx)
}

func (s *session) providers() ([]providerStanding, error) {
	list := []providerStanding{}
	applied, err := s.sending()
	if err != nil {
		return nil, err
	}
	if applied == nil {
		s.note("nothing was applied yet: run rapport apply")
		return list, nil
	}
	day := applied.Day(s.now.Now())
	days, err := s.store.ProviderDays(s.ctx, day)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(applied.Providers)) {
		state := applied.States[name]
		p := providerStanding{Provider: name, Status: "open", Reason: state.Reason, Rate: applied.Providers[name].Rate, Senders: applied.SendersOf(name)}
		if state.Closed {
			p.Status = "closed"
		}
		if !state.Changed.IsZero() {
			p.Since = &state.Changed
		}
		if ceiling := applied.Ceiling(name, days[name], day); ceiling >= 0 {
			sent := days[name].Sent
			p.Today, p.Ceiling = &sent, &ceiling
		}
		list = append(list, p)
	}
	return list, nil
}

func (s *session) showProviders(list []providerStanding) {
	if len(list) == 0 {
		s.printf("There are no providers: name them in rapport.yaml and apply it.\n")
		return
	}
	t := s.newTable("PROVIDER", "STATUS", "SINCE", "RATE", "TODAY", "SENDERS")
	for _, p := range list {
		status, since, rate, today := s.green(p.Status), "", "", ""
		if p.Status == "closed" {
			status = s.yellow(p.Status)
		}
		if p.Since != nil {
			since = s.when(*p.Since)
		}
		if p.Rate > 0 {
			rate = workspace.RateText(p.Rate)
		}
		if p.Ceiling != nil {
			today = fmt.Sprintf("%s of %s", count(int64(*p.Today)), count(int64(*p.Ceiling)))
		}
		t.row(p.Provider, status, since, rate, today, strings.Join(p.Senders, ", "))
	}
	t.drop("SINCE", "RATE", "TODAY")
	t.print()
	for _, p := range list {
		if p.Reason != "" {
			s.printf("%s: %s\n", s.head(p.Provider), s.yellow(plain(p.Reason)))
		}
	}
}

func (a *app) providersOpen() *cobra.Command {
	return &cobra.Command{
		Use:   "open NAME",
		Short: "Let mail go through a closed provider again",
		Long: `Let mail go through a closed provider again. What waits for it goes, and the guard
counts anew from now on: find out first why it was closed.`,
		Example:           `  rapport providers open main`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(providerNames),
		RunE: a.with(func(s *session, given []string) error {
			name, _, err := s.provider(given[0])
			if err != nil {
				return err
			}
			opened, err := s.store.OpenProvider(s.ctx, name, s.now.Now())
			if err != nil {
				return err
			}
			return s.turnedProvider(name, "open", opened, "takes mail again")
		}),
	}
}

func (a *app) providersClose() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "close NAME",
		Short: "Let no mail go through a provider",
		Long: `Let no mail go through a provider until it is opened again. Senders that have
another provider go on with that one; the mail of the others waits, and expires as
mail of a paused campaign does.`,
		Example: `  rapport providers close main
  rapport providers close main --reason "listed at a blocklist"`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(providerNames),
		RunE: a.with(func(s *session, given []string) error {
			name, state, err := s.provider(given[0])
			if err != nil {
				return err
			}
			why := store.ClosedByHand
			if reason != "" {
				why += ": " + reason
			}
			closed, err := s.store.CloseProvider(s.ctx, name, why, state, s.now.Now())
			if err != nil {
				return err
			}
			return s.turnedProvider(name, "closed", closed, "is closed: nothing goes through it until it is opened")
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "why, in `words`")
	return c
}

// provider is one of what is applied, by its name.
func (s *session) provider(name string) (string, store.ProviderState, error) {
	applied, err := s.sending()
	if err != nil {
		return "", store.ProviderState{}, err
	}
	if applied == nil {
		return "", store.ProviderState{}, fmt.Errorf("nothing is applied yet: rapport apply stores what the folder says")
	}
	if _, known := applied.Providers[name]; !known {
		return "", store.ProviderState{}, fmt.Errorf("there is no provider %q%s", name, orOneOf(name, slices.Sorted(maps.Keys(applied.Providers))))
	}
	return name, applied.States[name], nil
}

// turnedProvider tells what became of a provider. Asking for what it is already is
// no error, so that a script can be run again.
func (s *session) turnedProvider(name, status string, changed bool, text string) error {
	if !changed {
		states, err := s.store.ProviderStates(s.ctx)
		if err != nil {
			return err
		}
		if states[name].Closed != (status == "closed") {
			return fmt.Errorf("somebody else changed the provider %s in this moment; look at: rapport providers", name)
		}
		text = "is " + status + " already"
	}
	if s.json {
		return s.print(map[string]any{"provider": name, "status": status, "changed": changed})
	}
	s.printf("%s %s\n", s.head(name), text)
	return nil
}

func providerNames(w *workspace.Workspace) []string { return slices.Sorted(maps.Keys(w.Providers)) }

// shut says for each campaign that has none why no provider takes its mail.
func (s *session) shut() (map[string]string, error) {
	states, err := s.store.ProviderStates(s.ctx)
	if err != nil || !slices.ContainsFunc(slices.Collect(maps.Values(states)), func(p store.ProviderState) bool { return p.Closed }) {
		return nil, err
	}
	applied, err := s.sending()
	if err != nil || applied == nil {
		return nil, err
	}
	out := map[string]string{}
	for name, d := range applied.Workspace.Campaigns {
		if why := applied.Shut(applied.SenderOf(d)); why != "" {
			out[name] = "its mail waits: " + why
		}
	}
	return out, nil
}
