package faults

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"rapport/internal/testenv"
)

// ground is what a trial stands on: it ends, in the end, what was started.
type ground struct{ ends []func() }

var _ testenv.T = (*ground)(nil)

// ErrMissing is in the chain of the error of a scenario that needs what this
// machine has not got.
var ErrMissing = errors.New("it cannot be tried here")

// stopped carries an error out of what cannot return one.
type stopped struct{ error }

// Helper is for tests.
func (g *ground) Helper() {}

// Cleanup has f called in the end.
func (g *ground) Cleanup(f func()) { g.ends = append(g.ends, f) }

// Skip ends a scenario that cannot be tried.
func (g *ground) Skip(args ...any) {
	panic(stopped{fmt.Errorf("%w: %s", ErrMissing, fmt.Sprint(args...))})
}

// Fatalf ends a scenario.
func (g *ground) Fatalf(format string, args ...any) { panic(stopped{fmt.Errorf(format, args...)}) }

// try calls f and returns the error with which Skip or Fatalf ended it.
func try(f func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stopped:
			err = p.error
		default:
			panic(p)
		}
	}()
	f()
	return nil
}

// end ends everything, the latest first.
func (g *ground) end() (err error) {
	for _, f := range slices.Backward(g.ends) {
		err = errors.Join(err, try(f))
	}
	g.ends = nil
	return err
}

// server is a PostgreSQL database.
type server struct {
	dsn, addr string
	own       *testenv.PostgresServer // nil where it is shared with others
}

// openServer makes an empty database; own has it on a server that may be killed.
func (g *ground) openServer(own bool) (s *server, err error) {
	s = &server{}
	err = try(func() {
		if own {
			s.own = testenv.StartPostgres(g)
			s.dsn = s.own.DSN
		} else {
			s.dsn = testenv.Postgres(g)
		}
	})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.dsn)
	if err != nil {
		return nil, err
	}
	s.addr = u.Host
	return s, nil
}

// through is its address by way of a proxy.
func (s *server) through(addr string) string {
	u, err := url.Parse(s.dsn)
	if err != nil {
		return s.dsn // it was parsed when it was opened
	}
	u.Host = addr
	return u.String()
}
