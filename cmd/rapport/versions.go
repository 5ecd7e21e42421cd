package main

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/ident"
)

func (a *app) versionsCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "versions",
		Short: "List what was applied, and go back to an earlier version",
		Example: `  rapport versions
  rapport versions --limit 3 --json`,
		RunE: a.with(func(s *session, _ []string) error {
			if err := fromOne(limit); err != nil {
				return err
			}
			list, err := s.store.Versions(s.ctx, limit)
			if err != nil {
				return err
			}
			current, found, err := s.store.CurrentVersion(s.ctx)
			if err != nil {
				return err
			}
			if s.json {
				type version struct {
					ID       string    `json:"id"`
					Hash     string    `json:"hash"`
					Author   string    `json:"author"`
					Approved string    `json:"approved_by"`
					Applied  time.Time `json:"applied"`
					Current  bool      `json:"current"`
				}
				out := []version{}
				for _, v := range list {
					out = append(out, version{ident.Format(v.ID), v.Hash, v.Author, v.Approved, v.Applied, found && v.ID == current.ID})
				}
				return s.print(out)
			}
			if len(list) == 0 {
				s.printf("Nothing is applied yet: rapport apply stores this folder as the first version.\n")
				return nil
			}
			t := s.newTable("VERSION", "APPLIED", "BY", "APPROVED BY", "CONTENT", "")
			for _, v := range list {
				mark := ""
				if found && v.ID == current.ID {
					mark = s.green("running")
				}
				t.row(ident.Format(v.ID), s.when(v.Applied), plain(v.Author), plain(v.Approved), s.faint(v.Hash[:min(12, len(v.Hash))]), mark)
			}
			t.drop("APPROVED BY")
			t.print()
			return nil
		}),
	}
	c.Args = unknownCommand
	c.AddCommand(a.versionsShow(), a.versionsDiff(), a.versionsRestore())
	c.Flags().IntVar(&limit, "limit", 20, "show at most this `many`")
	return c
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which rapport this is",
		Example: `  rapport version`,
		RunE: func(*cobra.Command, []string) error {
			version, revision := buildOf(debug.ReadBuildInfo())
			if a.json {
				return a.print(map[string]string{"version": version, "revision": revision, "go": runtime.Version(),
					"platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			if revision != "" {
				version += " (" + revision + ")"
			}
			a.printf("rapport %s, %s, %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// buildOf reads what the Go tool has noted about the build.
func buildOf(info *debug.BuildInfo, ok bool) (version, revision string) {
	version = "development"
	if !ok {
		return version, ""
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value[:min(12, len(s.Value))]
		}
	}
	return version, revision
}
