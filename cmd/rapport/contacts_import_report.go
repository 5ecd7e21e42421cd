package main

import (
	"strings"
)

// report says what became of the rows. A file without one good row is a failure.
func (r *importRun) report() error {
	rejected := int64(r.rejects.count())
	repeated := int64(r.from.Repeats())
	var failed error
	if r.rows > 0 && rejected == r.rows {
		failed = errFindings
	}
	if r.json {
		out := map[string]any{"rows": r.rows, "created": r.created, "updated": r.updated, "unchanged": r.unchanged,
			"repeated": repeated, "rejected": rejected, "consents": r.consented(), "refused_consents": r.refused, "columns": r.from.Columns(), "notes": append([]string{}, r.from.Notes()...)}
		if rejected > 0 {
			out["rejected_file"] = r.rejects.name
		}
		if r.dry {
			out["dry_run"] = true
		}
		if err := r.print(out); err != nil {
			return err
		}
		return failed
	}
	for _, n := range r.from.Notes() {
		if strings.HasSuffix(n, leftOutOnPurpose) {
			continue
		}
		r.note("%s %s", r.paint(r.stderr, styleYellow, "note:"), plain(n))
	}
	if r.dry {
		r.columnsTable()
	}
	r.summary(rejected, repeated)
	return failed
}

// leftOutOnPurpose ends the note about a column that --map leaves out: who said
// so knows it.
const leftOutOnPurpose = "left out by the mapping"

// columnsTable shows how the columns were understood.
func (r *importRun) columnsTable() {
	t := r.newTable("COLUMN", "BECOMES", "TYPE")
	for _, c := range r.from.Columns() {
		switch {
		case c.Field == "":
			t.row(plain(c.Header), r.faint("left out"), "")
		case c.Attribute:
			t.row(plain(c.Header), "attributes."+plain(c.Field), c.Type)
		default:
			t.row(plain(c.Header), c.Field, "")
		}
	}
	t.print()
	r.printf("\n")
}

func (r *importRun) summary(rejected, repeated int64) {
	t := r.newTable()
	t.row("rows", count(r.rows))
	if !r.dry {
		t.row("created", r.green(count(r.created)))
		t.row("updated", count(r.updated))
		t.row("unchanged", count(r.unchanged))
	}
	if n := r.consented(); n > 0 {
		t.row("consents", count(n))
	}
	if repeated > 0 {
		t.row("repeated", count(repeated))
	}
	if rejected > 0 {
		t.row("rejected", r.paint(r.stdout, styleRed, count(rejected)))
	} else {
		t.row("rejected", "0")
	}
	t.print()
	if rejected > 0 {
		r.printf("\nThe rejected rows, each with its reason, are in %s\n", r.rejects.name)
	}
	if r.refused > 0 {
		r.printf("\n%s not taken:\n", of(r.refused, "consent"))
		for _, e := range r.examples {
			r.printf("  %s\n", plain(e))
		}
		if more := r.refused - int64(len(r.examples)); more > 0 {
			r.printf("  and %s more\n", count(more))
		}
	}
	if r.dry {
		r.printf("\nNothing was stored: this was a dry run.\n")
	}
}
