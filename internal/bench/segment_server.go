package bench

import (
	"errors"
	"fmt"

	"rapport/internal/testenv"
)

// segmentDatabase is the database that was given, or one on a server that is
// started and ends with stop.
func segmentDatabase(r *Run) (dsn string, stop func(), err error) {
	if r.Database != "" {
		return r.Database, func() {}, nil
	}
	t := &starting{}
	defer func() {
		if failed := recover(); failed != nil {
			t.stop()
			if failed != any(t) {
				panic(failed)
			}
			err = t.err
		}
	}()
	return testenv.StartPostgres(t).DSN, t.stop, nil
}

// starting is a testenv.T outside a test: it ends the start, and not the program.
type starting struct {
	cleanups []func()
	err      error
}

func (t *starting) Helper()          {}
func (t *starting) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *starting) Skip(args ...any) {
	t.err = errors.New(fmt.Sprint(args...))
	panic(t)
}

func (t *starting) Fatalf(format string, args ...any) {
	t.err = fmt.Errorf(format, args...)
	panic(t)
}

func (t *starting) stop() {
	for _, f := range t.cleanups {
		f()
	}
}
