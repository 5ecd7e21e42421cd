package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"rapport/internal/contacts"
)

func (a *app) contactsExport() *cobra.Command {
	var format, output string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write all contacts as CSV or JSON lines",
		Long: `Write all contacts with attributes, consents, stage and health: as CSV, or as
JSON with one contact a line. What is written can be imported again; stage,
health and consents are left out then, because an import does not decide them.`,
		Example: `  rapport contacts export -o contacts.csv
  rapport contacts export --format jsonl | jq .stage`,
		RunE: a.with(func(s *session, _ []string) error {
			if s.json && !s.cmd.Flags().Changed("format") {
				format = "jsonl"
			}
			if format != "csv" && format != "jsonl" {
				return usagef("there is no format %q; there are csv and jsonl", format)
			}
			if output == "" || output == "-" {
				_, err := s.export(s.stdout, format)
				return err
			}
			n, err := s.exportTo(output, format)
			if err != nil {
				return err
			}
			s.note("%s written to %s", of(n, "contact"), output)
			return nil
		}),
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or jsonl")
	c.Flags().StringVarP(&output, "output", "o", "", "write to this `file` instead of standard output")
	return c
}

// exportTo writes a file that is there whole or not at all.
func (s *session) exportTo(name, format string) (n int64, err error) {
	part, err := os.CreateTemp(filepath.Dir(name), ".export-*")
	if err != nil {
		return 0, fmt.Errorf("cannot write %s: %w", name, cause(err))
	}
	defer os.Remove(part.Name()) // gone already when it was renamed
	n, err = s.export(part, format)
	if closing := part.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(part.Name(), name)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return n, nil
}

// export goes through all contacts; for CSV once more before, because the
// columns are the attributes that anybody has.
func (s *session) export(w io.Writer, format string) (n int64, err error) {
	o := contacts.ExportOptions{Format: "json"}
	if format == "csv" {
		o = contacts.ExportOptions{Format: "csv", Topics: slices.Sorted(maps.Keys(s.work.Topics))}
		var names contacts.AttributeNames
		for x, err := range s.store.Export(s.ctx) {
			if err != nil {
				return 0, err
			}
			names.Add(&x.Contact)
		}
		o.Attributes = names.Sorted()
	}
	total, err := s.store.CountContacts(s.ctx)
	if err != nil {
		return 0, err
	}
	bar := s.newBar(total, "exporting")
	defer bar.Finish()
	out := bufio.NewWriter(w)
	to, err := contacts.NewExporter(out, o)
	if err != nil {
		return 0, err
	}
	for x, err := range s.store.Export(s.ctx) {
		if err != nil {
			return n, err
		}
		if err := to.Write(&x.Contact, x.Consents); err != nil {
			return n, err
		}
		n++
		bar.Add(1)
	}
	if err := to.Close(); err != nil {
		return n, err
	}
	return n, out.Flush()
}
