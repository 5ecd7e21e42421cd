package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/schollz/progressbar/v3"

	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/store"
)

// A chunk is made and forgotten; what is kept is small. So the collector comes less
// often than in a program that holds on to what it makes, unless memory fills up.
const (
	importGarbage = 300      // how much may be garbage for what is in use, in percent
	importMemory  = 64 << 20 // bytes in use and garbage together
)

// importRun is one import under way.
type importRun struct {
	*session
	from    *contacts.Importer
	rejects *rejectFile
	bar     *progressbar.ProgressBar
	dry     bool

	rows, created, updated, unchanged int64
	said, refused                     int64    // consents
	examples                          []string // of refused consents
}

// all reads the file to its end.
func (r *importRun) all() error {
	if r.dry {
		return r.check()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(importGarbage))
	if given := debug.SetMemoryLimit(-1); given > importMemory {
		debug.SetMemoryLimit(importMemory)
		defer debug.SetMemoryLimit(given)
	}
	return r.store.Import(r.ctx, store.Import{Next: r.next, Reject: r.rejects.write, Stored: r.stored, Rules: r.rules(), Clock: r.now})
}

// rules reads the rules that run. A version that this program cannot read is the
// affair of the process that runs it: it looks at the new contacts then.
func (r *importRun) rules() func(context.Context) *store.Rules {
	versions := catalog.New(r.store, r.env, nil)
	return func(ctx context.Context) *store.Rules {
		rules, err := versions.Rules(ctx)
		if err != nil {
			return nil
		}
		return rules
	}
}

// check reads the file and stores nothing.
func (r *importRun) check() error {
	for r.ctx.Err() == nil {
		_, reject, err := r.next()
		if reject != nil {
			err = r.rejects.write(reject)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return r.ctx.Err()
}

func (r *importRun) next() (*contacts.Row, *contacts.Reject, error) {
	row, reject, err := r.from.Next()
	if err == nil {
		r.rows++
	}
	return row, reject, err
}

// stored counts what became of rows.
func (r *importRun) stored(rows []*contacts.Row, results []store.ContactResult) error {
	for i, result := range results {
		if err := r.count(rows[i], result); err != nil {
			return err
		}
	}
	r.bar.Describe(fmt.Sprintf("importing %s", of(r.rows, "row")))
	return nil
}

func (r *importRun) count(row *contacts.Row, result store.ContactResult) error {
	const examples = 5
	for _, reason := range result.Refused {
		if r.refused++; len(r.examples) < examples {
			r.examples = append(r.examples, row.Contact.Email+": "+reason)
		}
	}
	if result.Rejected == "" {
		r.said += int64(len(row.Consents))
	}
	switch {
	case result.Rejected != "":
		return r.rejects.write(r.rejectOf(row, result.Rejected))
	case row.Repeated: // merged into a row that was counted
	case result.Created:
		r.created++
	case result.Changed:
		r.updated++
	default:
		r.unchanged++
	}
	return nil
}

// consented is how many consents the file gave that were not refused.
func (r *importRun) consented() int64 { return r.said - r.refused }

// rejectOf is the reject of a row that the store did not take: the address
// stands in its column.
func (r *importRun) rejectOf(row *contacts.Row, reason string) *contacts.Reject {
	columns := r.from.Columns()
	record := make([]string, len(columns))
	for i, c := range columns {
		if c.Field == "email" {
			record[i] = row.Contact.Email
		}
	}
	return &contacts.Reject{Line: row.Line, Record: record, Reason: reason}
}

// stopped says how far an import came that did not reach the end.
func (r *importRun) stopped(name string, err error) error {
	n := r.created + r.updated + r.unchanged
	if errors.Is(err, context.Canceled) {
		err = errors.New("stopped before the end")
	}
	if n == 0 {
		return fmt.Errorf("cannot import %s: %w", name, err)
	}
	return fmt.Errorf("cannot import all of %s: %w\n  %s stored so far; importing it again does no harm", name, err, of(n, "contact"))
}

// rejectFile is made when the first row is rejected.
type rejectFile struct {
	name, source string
	headers      []string
	file         *os.File
	rows         *contacts.RejectWriter
}

func (f *rejectFile) write(reject *contacts.Reject) error {
	if f.rows == nil {
		if f.name == f.source {
			return fmt.Errorf("rejected rows cannot go into the file they come from: name another with --rejected")
		}
		file, err := os.Create(f.name)
		if err != nil {
			return fmt.Errorf("cannot write the rejected rows to %s: %w; name another file with --rejected", f.name, cause(err))
		}
		f.file, f.rows = file, contacts.NewRejectWriter(file, f.headers)
	}
	return f.rows.Write(reject)
}

func (f *rejectFile) count() int {
	if f.rows == nil {
		return 0
	}
	return f.rows.Count()
}

func (f *rejectFile) close() error {
	if f.rows == nil {
		return nil
	}
	err := errors.Join(f.rows.Close(), f.file.Close())
	if err != nil {
		return fmt.Errorf("cannot write the rejected rows to %s: %w", f.name, cause(err))
	}
	return nil
}
