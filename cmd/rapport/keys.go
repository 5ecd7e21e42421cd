package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/ident"
	"rapport/internal/responses/api"
)

func (a *app) keysCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:   "keys",
		Short: "Make and revoke keys of programs and people",
		Example: `  rapport keys create shop --scope events:write
  rapport keys list`,
	}, a.keysCreate(), a.keysList(), a.keysRevoke())
}

// scopes are what a key may have: those of the HTTP interface and of the command line.
func scopes() []string { return append(slices.Clone(api.Scopes), scopeApply, scopeApprove) }

func (a *app) keysCreate() *cobra.Command {
	var wanted []string
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a key; it is shown this once",
		Long: `Make a key. It is shown this once: only a hash is stored.
The scopes are:
  ` + strings.Join(scopes(), "\n  ") + `
The last two are for the command line: who may apply, and who may approve, where
the workspace asks for an approval.`,
		Example: `  rapport keys create shop --scope events:write
  rapport keys create reports --scope reports:read --scope contacts:read`,
		Args: args("NAME"),
		RunE: a.with(func(s *session, given []string) error {
			name := strings.TrimSpace(given[0])
			switch {
			case name == "" || len(name) > 100 || name != plain(name):
				return usagef("the name of a key is one line of at most 100 characters")
			case len(wanted) == 0:
				return usagef("say what the key may do: --scope %s", strings.Join(scopes(), ", "))
			}
			for _, scope := range wanted {
				if !slices.Contains(scopes(), scope) {
					return usagef("there is no scope %q%s", scope, orOneOf(scope, scopes()))
				}
			}
			slices.Sort(wanted)
			k, secret, err := s.store.CreateKey(s.ctx, name, slices.Compact(wanted), s.now.Now())
			if err != nil {
				return err
			}
			if s.json {
				return s.print(map[string]any{"id": ident.Format(k.ID), "name": k.Name, "scopes": k.Scopes, "key": secret})
			}
			s.printf("%s\n", s.head(secret))
			s.note("this is the only time that it is shown; revoke it with: rapport keys revoke %s", ident.Format(k.ID))
			return nil
		}),
	}
	c.Flags().StringSliceVar(&wanted, "scope", nil, "what the key may do: "+strings.Join(scopes(), ", "))
	_ = c.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(scopes(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return c
}

func (a *app) keysList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all keys, oldest first",
		Example: `  rapport keys list`,
		RunE: a.with(func(s *session, _ []string) error {
			list, err := s.store.Keys(s.ctx)
			if err != nil {
				return err
			}
			if s.json {
				type key struct {
					ID      string     `json:"id"`
					Name    string     `json:"name"`
					Scopes  []string   `json:"scopes"`
					Created time.Time  `json:"created"`
					Revoked *time.Time `json:"revoked"`
				}
				out := []key{}
				for _, k := range list {
					out = append(out, key{ident.Format(k.ID), k.Name, k.Scopes, k.Created.UTC(), known(k.Revoked)})
				}
				return s.print(out)
			}
			if len(list) == 0 {
				s.printf("There are no keys: rapport keys create makes one.\n")
				return nil
			}
			t := s.newTable("KEY", "NAME", "CREATED", "SCOPES", "")
			for _, k := range list {
				gone := ""
				if !k.Revoked.IsZero() {
					gone = s.yellow("revoked " + s.when(k.Revoked))
				}
				t.row(ident.Format(k.ID), plain(k.Name), s.faint(s.when(k.Created)), strings.Join(k.Scopes, " "), gone)
			}
			t.print()
			return nil
		}),
	}
}

func (a *app) keysRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a key, at once and for good",
		Example: `  rapport keys revoke 067tcbg05r800`,
		Args:    args("ID"),
		RunE: a.with(func(s *session, given []string) error {
			id, err := ident.Parse(given[0])
			if err != nil {
				return usagef("%q is not the id of a key: it has 13 letters and digits, as keys list shows it", given[0])
			}
			revoked, err := s.store.RevokeKey(s.ctx, id, s.now.Now())
			if err != nil {
				return fmt.Errorf("cannot revoke the key: %w", err)
			}
			if !revoked {
				return fmt.Errorf("there is no good key %s; look at: rapport keys list", ident.Format(id))
			}
			if s.json {
				return s.print(map[string]any{"id": ident.Format(id), "revoked": true})
			}
			s.printf("%s is revoked\n", ident.Format(id))
			return nil
		}),
	}
}
