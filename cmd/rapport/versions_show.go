package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"rapport/internal/ident"
	"rapport/internal/plan"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// everyVersion is more than anybody applies.
const everyVersion = 1_000_000

// version finds a version by its id, or by the beginning of its content's hash;
// of several with one content the latest counts.
func (s *session) version(given string) (store.Version, error) {
	list, err := s.store.Versions(s.ctx, everyVersion)
	if err != nil {
		return store.Version{}, err
	}
	id, _ := ident.Parse(given)
	for _, v := range list {
		if v.ID == id || len(given) >= leastHash && len(given) < len(v.Hash) && v.Hash[:len(given)] == given || v.Hash == given {
			return v, nil
		}
	}
	return store.Version{}, fmt.Errorf("there is no version %q; look at: rapport versions", plain(given))
}

func (s *session) read(given string) (store.Version, *workspace.Workspace, error) {
	v, err := s.version(given)
	if err != nil {
		return v, nil, err
	}
	versions := plan.Versions{Store: s.store}
	w, err := versions.Read(s.ctx, v.ID)
	return v, w, err
}

func (a *app) versionsShow() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "show VERSION",
		Short: "Show what a version was, and write its files into a folder",
		Example: `  rapport versions show 067tcbg05r800
  rapport versions show 067tcbg05r800 --out earlier`,
		Args: args("VERSION"),
		RunE: a.with(func(s *session, given []string) error {
			v, w, err := s.read(given[0])
			if err != nil {
				return err
			}
			if out != "" {
				if err := writeFiles(out, w.Files); err != nil {
					return err
				}
			}
			names := make([]string, len(w.Files))
			for i, f := range w.Files {
				names[i] = f.Path
			}
			if s.json {
				return s.print(map[string]any{"id": ident.Format(v.ID), "hash": v.Hash, "author": v.Author, "approved_by": v.Approved, "applied": v.Applied, "files": names})
			}
			by := plain(v.Author)
			if v.Approved != "" {
				by += ", approved by " + plain(v.Approved)
			}
			s.printf("%s\n", s.head(fmt.Sprintf("Version %s, applied %s by %s", ident.Format(v.ID), s.when(v.Applied), by)))
			for _, name := range names {
				s.printf("  %s\n", plain(name))
			}
			return nil
		}),
	}
	c.Flags().StringVar(&out, "out", "", "write the files into this `folder`, which must not be there yet")
	return c
}

// writeFiles writes a version into a folder of its own.
func writeFiles(dir string, files []workspace.File) error {
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s is there already: name a folder that is not", dir)
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) versionsDiff() *cobra.Command {
	return &cobra.Command{
		Use:     "diff VERSION VERSION",
		Short:   "Say what differs between two versions, field by field",
		Example: `  rapport versions diff 067tcbg05r800 067v2jm05r810`,
		Args:    args("VERSION", "VERSION"),
		RunE: a.with(func(s *session, given []string) error {
			_, from, err := s.read(given[0])
			if err != nil {
				return err
			}
			_, to, err := s.read(given[1])
			if err != nil {
				return err
			}
			changes := workspace.Diff(from, to)
			if s.json {
				if changes == nil {
					changes = []workspace.Change{}
				}
				return s.print(changes)
			}
			if len(changes) == 0 {
				s.printf("They are the same.\n")
			}
			s.showDiff(changes)
			return nil
		}),
	}
}

func (a *app) versionsRestore() *cobra.Command {
	var o applying
	c := &cobra.Command{
		Use:   "restore VERSION",
		Short: "Go back: apply the files of an earlier version again",
		Long: `Applies the files of an earlier version as a new one, by the rules of apply: what
somebody on the way still needs is kept, and an approval is asked for where the
workspace wants one. The folder stays as it is; versions show --out writes the
files of a version.`,
		Example: `  rapport versions restore 067tcbg05r800
  rapport versions restore 067tcbg05r800 --migrate --yes`,
		Args: args("VERSION"),
		RunE: a.with(func(s *session, given []string) error {
			v, err := s.version(given[0])
			if err != nil {
				return err
			}
			files, err := s.store.VersionFiles(s.ctx, v.ID)
			if err != nil {
				return err
			}
			list := make([]workspace.File, len(files))
			for i, f := range files {
				list[i] = workspace.File{Path: f.Path, Data: f.Data}
			}
			w, findings := workspace.FromFiles(list, s.env)
			if err := s.findings(findings, func(f strict.Finding) bool { return !f.Warning }); err != nil {
				return err
			}
			return s.apply(s.ctx, s.store, w, o)
		}),
	}
	o.flags(c)
	return c
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
