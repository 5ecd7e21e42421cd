package store

import (
	"context"
	"errors"
	"io"

	"rapport/internal/clock"
	"rapport/internal/contacts"
)

// lift is how much of a file is in memory, and no more.
type lift struct {
	chunk int // rows that go into one transaction
	most  int // transactions under way
}

// An embedded file is written by one at a time, while the next is made ready; and
// what several rows of a transaction change of a page is written once.
var (
	liftServer   = lift{chunk: 1000, most: 3}
	liftEmbedded = lift{chunk: 2000, most: 2}
)

// Import says where rows come from, and who is told what became of them. Its
// functions are called one at a time.
type Import struct {
	// Next reads the next row, as contacts.Importer does: exactly one of the
	// three is set, and io.EOF is the end.
	Next   func() (*contacts.Row, *contacts.Reject, error)
	Reject func(*contacts.Reject) error
	// Stored gets the rows of each transaction with what became of them, in the
	// order of the file.
	Stored func([]*contacts.Row, []ContactResult) error
	// Rules are those that run now, by which new contacts are given their place;
	// nil: there are none that this process knows, and others look at them. It is
	// asked for each transaction, from several goroutines.
	Rules func(context.Context) *Rules
	Clock clock.Clock
}

// Import reads rows to their end and stores them by UpsertContacts. It reads on
// while transactions are under way, so that reading, checking and writing take
// the time of the slowest and not of all together. Rows of one address are
// stored in their order. When it fails or ctx ends, transactions under way are
// let finish, and Stored is told of them.
func (s *Store) Import(ctx context.Context, o Import) error {
	w := importing{Import: o, lift: liftServer, store: s, aloft: map[string]bool{}}
	if s.Embedded() {
		w.lift = liftEmbedded
	}
	err := w.read(ctx)
	for len(w.flights) > 0 {
		if failed := w.land(0); err == nil {
			err = failed
		}
	}
	return err
}

// importing is one Import at work.
type importing struct {
	Import
	lift
	store   *Store
	batch   []*contacts.Row
	flights []*flight       // the oldest first
	aloft   map[string]bool // the addresses of their rows
	// strangers says that in the last transaction hardly anybody was known.
	strangers bool
}

// flight is a transaction under way.
type flight struct {
	rows    []*contacts.Row
	results []ContactResult
	err     error
	done    chan struct{}
}

func (w *importing) read(ctx context.Context) error {
	for {
		row, reject, err := w.Next()
		switch {
		case errors.Is(err, io.EOF):
			return w.launch(ctx)
		case err != nil:
			return err
		case reject != nil:
			if err := w.Reject(reject); err != nil {
				return err
			}
			continue
		}
		if w.aloft[row.Contact.Email] { // the earlier row first
			if err := w.land(0); err != nil {
				return err
			}
		}
		if w.batch = append(w.batch, row); len(w.batch) == w.chunk {
			if err := w.launch(ctx); err != nil {
				return err
			}
		}
	}
}

// launch begins to store the batch, when there is room for another transaction.
func (w *importing) launch(ctx context.Context) error {
	if err := ctx.Err(); err != nil || len(w.batch) == 0 {
		return err
	}
	if err := w.land(w.most - 1); err != nil {
		return err
	}
	f := &flight{rows: w.batch, done: make(chan struct{})}
	in := make([]ContactInput, len(f.rows))
	for i, row := range f.rows {
		in[i] = ContactInput{Contact: row.Contact, Consents: row.Consents}
		w.aloft[row.Contact.Email] = true
	}
	w.flights, w.batch = append(w.flights, f), make([]*contacts.Row, 0, w.chunk)
	o := upsertOrder{in: in, now: w.Clock.Now(), strangers: w.strangers}
	go func() {
		defer close(f.done)
		ctx := context.WithoutCancel(ctx)
		if w.Rules != nil {
			o.rules = w.Rules(ctx)
		}
		f.results, f.err = w.store.upsertContacts(ctx, o)
	}()
	return nil
}

// land waits until so many transactions are under way at most.
func (w *importing) land(most int) error {
	for len(w.flights) > most {
		f := w.flights[0]
		<-f.done
		w.flights = w.flights[1:]
		for _, row := range f.rows {
			delete(w.aloft, row.Contact.Email)
		}
		if f.err != nil {
			return f.err
		}
		w.strangers = f.strange()
		if err := w.Stored(f.rows, f.results); err != nil {
			return err
		}
	}
	return nil
}

// strange reports whether hardly anybody of its rows was known: one in ten costs
// less to be met by chance than nine in ten to be looked for.
func (f *flight) strange() bool {
	created := 0
	for i := range f.results {
		if f.results[i].Created || f.rows[i].Repeated {
			created++
		}
	}
	return 10*created >= 9*len(f.rows)
}
