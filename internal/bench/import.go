package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Import measures reading contacts from a file.
var Import = Bench{
	Name:  "import",
	Short: "how fast contacts come in from a file",
	Long: `Imports a CSV file with "rapport contacts import": addresses, names, languages,
four attributes, and the consent of everybody to a topic. Once into an empty
database, once more with every tenth contact changed, and once more as it is.
Every thousandth row is broken and must come back with its reason. When new
contacts are left of whom more follows than their stage, it starts "rapport serve"
and waits until it has looked at them.`,
	Example: `  rapport bench import
  rapport bench import --embedded --contacts 100000`,
	Size: 1_000_000,
	Run:  runImport,
}

// brokenRows is how many rows of the file have one that is rejected.
const brokenRows = 1000

func runImport(ctx context.Context, r *Run) error {
	in, err := r.install(ctx, shop{providers: []provider{{name: "none", port: 9, connections: 1}}}, 0)
	if err != nil {
		return err
	}
	broken := (r.Size + brokenRows - 1) / brokenRows
	good := r.Size - broken
	moved := int64(0) // who has moved is told by peopleFile
	for i := range r.Size {
		if i%brokenRows != 0 && i%10 == 1 {
			moved++
		}
	}
	for _, round := range []struct {
		name  string
		moved bool
		want  imported
	}{
		{"all are new", false, imported{Rows: r.Size, Created: good, Rejected: broken, Consents: good}},
		{"every tenth has changed", true, imported{Rows: r.Size, Updated: moved, Unchanged: good - moved, Rejected: broken, Consents: good}},
		{"nothing has changed", true, imported{Rows: r.Size, Unchanged: good, Rejected: broken, Consents: good}},
	} {
		file := filepath.Join(r.Dir, "people.csv")
		if err := peopleFile(file, r.Size, round.moved); err != nil {
			return err
		}
		if err := in.importFile(ctx, file, round.name, round.want); err != nil {
			return err
		}
		if round.want.Created > 0 {
			if err := in.meet(ctx, round.want.Created); err != nil {
				return err
			}
		}
	}
	contacts, err := in.store.CountContacts(ctx)
	if err == nil && contacts != good {
		err = fmt.Errorf("%d contacts are in the database, and the file has %d", contacts, good)
	}
	return err
}

// imported is what an import reports.
type imported struct {
	Rows      int64 `json:"rows"`
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Rejected  int64 `json:"rejected"`
	Consents  int64 `json:"consents"`
}

// importFile runs the command, writes down what it took, and compares what it
// reports.
func (in *mailHouse) importFile(ctx context.Context, file, name string, want imported) error {
	in.Step("import: "+name, 0, 0)
	before := treeUsage(in.postgresPid)
	report := filepath.Join(in.Dir, "report.json")
	out, err := os.Create(report)
	if err != nil {
		return err
	}
	defer out.Close()
	c := exec.Command(in.Program, "--dir", in.dir, "contacts", "import", file, "--json",
		"--type", "km=number", "--type", "newsletter=bool", "--topic", "offers", "--source", "bench")
	c.Env, c.Stdout = environment(in.variables()...), out
	begun := in.Clock.Now()
	p, err := start("rapport contacts import", c)
	if err != nil {
		return err
	}
	in.atEnd(p.stop)
	var peak int64
	err = poll(ctx, 10*time.Millisecond, func() (bool, error) {
		peak = max(peak, usageOf(p.pid()).peak)
		return p.ended() != nil, nil
	})
	if err != nil {
		return errors.Join(err, p.stop())
	}
	took := in.Clock.Now().Sub(begun)
	if p.err != nil {
		return p.ended()
	}
	text, err := os.ReadFile(report)
	if err != nil {
		return err
	}
	var got imported
	if err := json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("the import reports what cannot be read: %w", err)
	}
	if got != want {
		return fmt.Errorf("the import in which %s reports %+v, and the file holds %+v", name, got, want)
	}
	rows := float64(want.Rows)
	in.Figure("contacts, "+name, rows/took.Seconds(), "contacts/s")
	in.Figure("CPU of the import, "+name, float64((c.ProcessState.UserTime()+c.ProcessState.SystemTime()).Nanoseconds())/1000/rows, "µs/contact")
	if in.postgresPid != 0 {
		in.Figure("CPU of PostgreSQL, "+name, float64((treeUsage(in.postgresPid).cpu-before.cpu).Nanoseconds())/1000/rows, "µs/contact")
	}
	if measurable() {
		in.Figure("peak memory, "+name, megabytes(peak), "MB")
	}
	return nil
}

// meet lets the engine look at the new contacts who have no stage yet, and ends it.
func (in *mailHouse) meet(ctx context.Context, contacts int64) error {
	left, err := in.store.TouchedWaiting(ctx)
	if err != nil {
		return err
	}
	if in.Figure("new contacts to look at afterwards", float64(left), "contacts"); left == 0 {
		return nil
	}
	postgres := treeUsage(in.postgresPid)
	if err := in.serve(ctx, 1); err != nil {
		return err
	}
	begun := in.Clock.Now() // it has looked at a few by now, while it started
	waiting, err := in.store.TouchedWaiting(ctx)
	if err != nil {
		return err
	}
	if err := poll(ctx, askEvery, func() (bool, error) {
		left, err := in.store.TouchedWaiting(ctx)
		in.Step("looking at the contacts", contacts-left, contacts)
		return left == 0, errors.Join(err, in.alive())
	}); err != nil {
		return err
	}
	in.measured("new contacts looked at", float64(waiting)/in.Clock.Now().Sub(begun).Seconds(), "contacts/s")
	if measurable() {
		in.Figure("CPU of the engine for looking at one", float64(usageOf(in.pids()...).cpu.Microseconds())/float64(contacts), "µs/contact")
	}
	if in.postgresPid != 0 {
		in.Figure("CPU of PostgreSQL for looking at one", float64((treeUsage(in.postgresPid).cpu-postgres.cpu).Microseconds())/float64(contacts), "µs/contact")
	}
	stopped := in.engines[0].stop()
	in.engines = nil
	return stopped
}

// peopleFile writes a file of n rows whose addresses come in no order: a number
// times an odd one is different for each, and far from its neighbours.
func peopleFile(name string, n int64, moved bool) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "E-mail,First name,Last name,Language,Country,City,km,newsletter")
	for i := range n {
		at, city := "@", "Köln"
		if i%brokenRows == 0 {
			at = " at "
		}
		if moved && i%10 == 1 {
			city = "Aachen"
		}
		fmt.Fprintf(w, "person-%d%scustomers%d.example,%s,Ågren-%d,%s,%s,%s,%d.5,%t\n", uint32(i)*2654435761, at, i%97, firstNames[i%int64(len(firstNames))], i%5000,
			[]string{"de", "en", "pt-BR"}[i%3], []string{"DE", "GB", "BR"}[i%3], city, i%3000, i%2 == 0)
	}
	return errors.Join(w.Flush(), f.Close())
}
