package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/plan"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Scopes of keys that act on the command line; the HTTP interface knows none of
// them.
const (
	scopeApply   = "apply"
	scopeApprove = "approve"
)

// keyVariable names the environment variable with the key of whoever types.
const keyVariable = "RAPPORT_KEY"

// keyOf is the key of whoever types: the zero Key where there is none. One that is
// given has to be good, and to have the scope.
func (a *app) keyOf(ctx context.Context, s *store.Store, scope string) (store.Key, error) {
	secret, _ := a.env(keyVariable)
	if secret == "" {
		return store.Key{}, nil
	}
	k, found, err := s.FindKey(ctx, secret)
	switch {
	case err != nil:
		return store.Key{}, err
	case !found:
		return store.Key{}, fmt.Errorf("the key in %s is not known here, or was revoked", keyVariable)
	case !k.May(scope):
		return store.Key{}, fmt.Errorf("the key %s in %s does not have the scope %s", plain(k.Name), keyVariable, scope)
	}
	return k, nil
}

func (a *app) approveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "approve HASH",
		Short: "Let a content be applied, where the workspace asks for an approval",
		Long: `Approves the content of this folder, so that somebody else may apply it. HASH is
the content's, as plan shows it; the folder has to be of just this content. The
approval holds on top of the version that runs now: any change of the folder, and
any other apply, voids it.

Whoever approves is known by the key in RAPPORT_KEY, which needs the scope approve;
whoever applies needs a key of another name with the scope apply.`,
		Example: `  rapport keys create Bob --scope approve
  RAPPORT_KEY=rpk_… rapport approve 3f2a9c81d0e7`,
		Args: args("HASH"),
		RunE: func(cmd *cobra.Command, given []string) error {
			w, err := a.workspace()
			if err != nil {
				return err
			}
			s, err := a.openStore(cmd.Context(), w)
			if err != nil {
				return err
			}
			defer s.Close()
			return a.approve(cmd.Context(), s, w, given[0])
		},
	}
}

// leastHash is how many digits of a hash have to be typed.
const leastHash = 8

func (a *app) approve(ctx context.Context, s *store.Store, w *workspace.Workspace, hash string) error {
	hash = strings.ToLower(hash)
	if len(hash) < leastHash {
		return usagef("give at least %d digits of the content's hash, as rapport plan shows it", leastHash)
	}
	if !strings.HasPrefix(w.Hash, hash) {
		return fmt.Errorf("this folder is not what you approve: its content is %s; look at it with rapport plan", plan.Short(w.Hash))
	}
	k, err := a.keyOf(ctx, s, scopeApprove)
	if err != nil {
		return err
	}
	if k.ID == 0 {
		return fmt.Errorf("it is not known who approves: put your key into %s; rapport keys create NAME --scope %s makes one", keyVariable, scopeApprove)
	}
	current, found, err := s.CurrentVersion(ctx)
	if err != nil {
		return err
	}
	if found && current.Hash == w.Hash {
		return fmt.Errorf("there is nothing to approve: this content is what runs")
	}
	if err := s.Approve(ctx, store.Approval{Hash: w.Hash, Base: current.ID, Key: k.ID, Name: k.Name, At: a.now.Now()}); err != nil {
		return err
	}
	list, err := s.Approvals(ctx, w.Hash, current.ID)
	if err != nil {
		return err
	}
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = x.Name
	}
	if a.json {
		return a.print(map[string]any{"hash": w.Hash, "plan": plan.ID(w.Hash, current, found), "approved_by": slices.Compact(names)})
	}
	a.printf("%s has approved %s: somebody else may apply it now.\n", plain(k.Name), plan.Short(w.Hash))
	return nil
}
