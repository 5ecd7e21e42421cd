package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"rapport/internal/clock"
)

// Options say on what and how large to measure.
type Options struct {
	Program  string // the rapport that is measured, by its path; "": the program that runs
	Database string // postgres://…, of a database that may be filled; "": one is started
	Redis    string // redis://…; "": one is started
	Embedded bool   // the embedded default instead: one file, the queue in the process
	Force    bool   // take a database that has contacts in it
	Size     int64  // how many contacts; 0: what the bench was made for
	Dir      string // for files that are made on the way
	Clock    clock.Clock

	Workers     int    // processes that send; 0: what the bench was made for
	Connections int    // to the receiving server; 0: what the bench was made for
	DKIM        string // ed25519: messages are signed; "": they are not
	OnlyEngine  bool   // leave out what it is compared with

	// Progress is told what is being done, and how much of it; total is 0 where
	// nobody knows. Nil: nobody looks.
	Progress func(what string, done, total int64)
}

// Bench is one measurement that a person can ask for.
type Bench struct {
	Name    string
	Short   string // what it measures, in a few words
	Long    string // the same for its page of help
	Example string // command lines
	Size    int64  // contacts, where Options.Size says nothing
	Alone   bool   // it needs neither a database nor Redis
	Run     func(ctx context.Context, r *Run) error
}

// Figure is one thing that was measured.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// Report is what a bench found.
type Report struct {
	Bench   string   `json:"bench"`
	Size    int64    `json:"size"`
	Machine Machine  `json:"machine"`
	Figures []Figure `json:"figures"`
	Notes   []string `json:"notes,omitempty"` // what the reader must know to believe the figures
}

// Machine is what the figures were taken on.
type Machine struct {
	System    string `json:"system"`
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Memory    int64  `json:"memory"` // bytes
	Go        string `json:"go"`
	Postgres  string `json:"postgres,omitempty"`
	Redis     string `json:"redis,omitempty"`
}

// All are the benches there are, in the order in which they are shown.
var All = []Bench{Send, Render, Memory, Growth, Control, Enrol, Segment, Callbacks, Import}

// Find is the bench of that name.
func Find(name string) (Bench, bool) {
	i := slices.IndexFunc(All, func(b Bench) bool { return b.Name == name })
	if i < 0 {
		return Bench{}, false
	}
	return All[i], true
}

// Do runs the bench and returns what it found. With an error the report holds
// what was found until then.
func (b Bench) Do(ctx context.Context, o Options) (report Report, err error) {
	if o.Size == 0 {
		o.Size = b.Size
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Program == "" {
		if o.Program, err = os.Executable(); err != nil {
			return report, err
		}
	}
	if o.Dir, err = os.MkdirTemp(o.Dir, "rapport-bench-"); err != nil {
		return report, err
	}
	r := &Run{Options: o, Report: Report{Bench: b.Name, Size: o.Size, Machine: thisMachine()}}
	r.atEnd(func() error { return os.RemoveAll(o.Dir) })
	if !measurable() {
		r.Note("this system does not tell what a process costs: there are no figures of CPU and memory")
	}
	if !b.Alone {
		err = r.services(ctx)
	}
	if err == nil {
		err = b.Run(ctx, r)
	}
	if ctx.Err() != nil { // whatever else failed came of it
		err = context.Cause(ctx)
	}
	for _, f := range slices.Backward(r.ends) {
		err = errors.Join(err, f())
	}
	return r.Report, err
}

// Run is a bench at work: what it may use, and where it writes what it found.
// Database and Redis name servers that answer, or with Embedded the file to use
// and no Redis.
type Run struct {
	Options
	Report Report

	postgresPid, redisPid int // 0: not on this machine, or none
	ends                  []func() error
}

// atEnd has f called when the bench is over, the last one first.
func (r *Run) atEnd(f func() error) { r.ends = append(r.ends, f) }

// Figure writes down what was measured.
func (r *Run) Figure(name string, value float64, unit string) {
	r.Report.Figures = append(r.Report.Figures, Figure{name, value, unit})
}

// Note writes down what a reader must know.
func (r *Run) Note(format string, args ...any) {
	r.Report.Notes = append(r.Report.Notes, fmt.Sprintf(format, args...))
}

// Step tells how far a part of the work is.
func (r *Run) Step(what string, done, total int64) {
	if r.Progress != nil {
		r.Progress(what, done, total)
	}
}
