package bench

import (
	"context"
	"fmt"
	"log/slog"
)

// Options say on what and how large to measure.
type Options struct {
	Database string // postgres://…, of a database that may be filled and emptied; "": one is started
	Redis    string // redis://…; "": one is started
	Embedded bool   // the embedded default instead: one file, the queue in the process
	Size     int64  // how many contacts; 0: what the bench was made for
	Dir      string // for files that are made on the way
	Log      *slog.Logger

	// Progress is told what is being done, and how much of it; total is 0 where
	// nobody knows. Nil: nobody looks.
	Progress func(what string, done, total int64)
}

// Bench is one measurement that a person can ask for.
type Bench struct {
	Name  string
	Short string // what it measures, in a few words
	Size  int64  // contacts, where Options.Size says nothing
	Run   func(ctx context.Context, r *Run) error
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

// Run is a bench at work: what it may use, and where it writes what it found.
type Run struct {
	Options
	Report Report
}

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
