package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/workspace"
)

func (a *app) schemaCommand() *cobra.Command {
	var into string
	c := &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of a kind of file, for editors",
		Long: `Print the JSON Schema of a kind of file, or write all of them into a folder.
The kinds are ` + strings.Join(workspace.Kinds, ", ") + `.

Files made by init name their schema in the first line, so that an editor with a
YAML language server completes them. After an update, write the schemas again.`,
		Example: `  rapport schema campaign
  rapport schema --write .rapport/schema`,
		ValidArgs: workspace.Kinds,
		Args:      cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, given []string) error {
			switch {
			case into != "" && len(given) > 0:
				return usagef("--write writes all kinds: leave %q out", given[0])
			case into != "":
				return a.writeSchemas(into)
			case len(given) == 0 && a.json:
				return a.print(workspace.Kinds)
			case len(given) == 0:
				a.printf("%s\n", strings.Join(workspace.Kinds, "\n"))
				return nil
			case !slices.Contains(workspace.Kinds, given[0]):
				return usagef("there is no kind of file %q%s", given[0], orOneOf(given[0], workspace.Kinds))
			}
			data, err := workspace.Schema(given[0])
			if err != nil {
				return err
			}
			a.printf("%s", data)
			return nil
		},
	}
	c.Flags().StringVar(&into, "write", "", "write all schemas into this `folder`")
	return c
}

func (a *app) writeSchemas(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of the schemas: %w", err)
	}
	written := []string{}
	for _, kind := range workspace.Kinds {
		data, err := workspace.Schema(kind)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, kind+".json")
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return fmt.Errorf("cannot write the schema of %s: %w", kind, err)
		}
		written = append(written, name)
	}
	if a.json {
		return a.print(map[string][]string{"written": written})
	}
	a.printf("%s\n", strings.Join(written, "\n"))
	return nil
}

// orOneOf suggests the name that was meant, or names them all when they are few.
func orOneOf(word string, known []string) string {
	if hint := didYouMean(word, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return ""
	}
	const most = 12
	if len(known) > most {
		return fmt.Sprintf("; there are %s and %d more", strings.Join(known[:most], ", "), len(known)-most)
	}
	if len(known) == 1 {
		return "; there is " + known[0]
	}
	return "; there are " + strings.Join(known, ", ")
}
