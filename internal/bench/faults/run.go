package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/internal/clock"
	"rapport/internal/testenv"
)

// Options say how to try scenarios.
type Options struct {
	Program string // the rapport that is broken
	Dir     string // for files that are made on the way; those of broken scenarios stay
	Seed    uint64 // of all random moments and choices
	Short   bool   // a few faults each instead of many

	// Progress is told what happens in which scenario. Nil: nobody looks.
	Progress func(scenario, what string)
}

// Result is what came of a scenario.
type Result struct {
	Scenario string `json:"scenario"`
	Faults   int    `json:"faults"` // injected
	Contacts int    `json:"contacts"`
	Allowed  int    `json:"unknown_allowed"`
	verdict
	Seconds float64 `json:"seconds"`
	Broken  bool    `json:"broken"` // something that is promised does not hold
	Skipped string  `json:"skipped,omitempty"`
	Files   string  `json:"files,omitempty"` // logs and workspace of a broken one
}

// Run tries one scenario. An error is the context's alone: everything else that
// goes wrong is in the result.
func Run(ctx context.Context, o Options, s Scenario) (Result, error) {
	watch := clock.System{}
	begun := watch.Now()
	t := newTrial(o, s)
	v, err := t.run(ctx)
	err = errors.Join(err, t.end())
	r := Result{Scenario: s.Name, Faults: t.struck, Contacts: t.contacts, Allowed: t.allowed, verdict: v}
	r.Seconds = watch.Now().Sub(begun).Round(100 * time.Millisecond).Seconds()
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case errors.Is(err, ErrMissing):
		r.Skipped = err.Error()
	case err != nil:
		r.Notes = append([]string{err.Error()}, r.Notes...)
	}
	if v.Unknown > t.allowed {
		r.Notes = append(r.Notes, fmt.Sprintf("%d messages are unknown, and %d may be", v.Unknown, t.allowed))
	}
	r.Broken = len(r.Notes) > 0
	if !r.Broken {
		return r, os.RemoveAll(t.dir)
	}
	r.Files = t.dir
	return r, nil
}

// RunAll tries scenarios, some at the same time, and returns their results in
// their order; when the context ends, those that there are.
func RunAll(ctx context.Context, o Options, list []Scenario, parallel int) ([]Result, error) {
	results := make([]*Result, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, parallel))
	for i, s := range list {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			r, err := Run(ctx, o, s)
			if err != nil {
				return err
			}
			results[i] = &r
			return nil
		})
	}
	err := group.Wait()
	var out []Result
	for _, r := range results {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out, err
}

// Stop ends the servers that scenarios have shared.
func Stop() { testenv.Stop() }

// settleLimit is how long an installation may take, after the last fault, until
// everybody has come to the end.
const settleLimit = 10 * time.Minute

// run makes the installation, breaks it, waits for its end, and judges that.
func (t *trial) run(ctx context.Context) (v verdict, err error) {
	if err := t.open(ctx); err != nil {
		return v, err
	}
	if err := t.Break(ctx, t); err != nil {
		return v, errors.Join(err, t.dead())
	}
	if t.struck < t.planned {
		return v, fmt.Errorf("only %d of %d faults were injected", t.struck, t.planned)
	}
	t.receiver.pace(0)
	if t.caller != nil {
		t.caller.stop()
	}
	t.tell("waiting for the end")
	err = until(ctx, settleLimit, "everybody has come to the end", func() (bool, string) {
		state, err := t.ledger.totals(ctx)
		return err == nil && state.over(t.contacts), fmt.Sprint(state, " ", err)
	})
	v, judged := t.judge(ctx)
	if err := errors.Join(err, judged, t.dead(), t.complaints()); err != nil || v.Unknown == 0 {
		return v, err
	}
	return v, t.settle(ctx)
}

// dead names the processes that have ended by themselves.
func (t *trial) dead() (err error) {
	for _, m := range t.machines {
		if !m.gone {
			err = errors.Join(err, m.alive())
		}
	}
	return err
}

// complaints finds in the logs what nobody should ever see there.
func (t *trial) complaints() (err error) {
	for _, m := range t.machines {
		text, readErr := os.ReadFile(m.log())
		if readErr != nil {
			err = errors.Join(err, readErr)
		}
		for _, bad := range []string{"panic:", "DATA RACE", "fatal error:"} {
			if strings.Contains(string(text), bad) {
				err = errors.Join(err, fmt.Errorf("the log of %s has %q", m.name, bad))
			}
		}
	}
	return err
}

func (t *trial) judge(ctx context.Context) (v verdict, err error) {
	e := evidence{contacts: t.contacts, received: t.receiver.received(), refusals: int(t.receiver.no.Load())}
	if e.messages, err = t.ledger.messages(ctx); err != nil {
		return v, err
	}
	if e.ways, err = t.ledger.ways(ctx); err != nil {
		return v, err
	}
	if t.caller != nil {
		e.answered = t.caller.taken()
		if e.events, err = t.ledger.events(ctx, visited); err != nil {
			return v, err
		}
	}
	return judge(e), nil
}

// settle settles all that is unknown: by a callback about what has arrived, by
// a person's word for the rest.
func (t *trial) settle(ctx context.Context) error {
	list, err := t.ledger.messages(ctx)
	if err != nil {
		return err
	}
	callbacks := newCaller(t.url())
	defer callbacks.stop()
	received := t.receiver.received()
	for _, m := range list {
		l := letter{m.email, m.template}
		switch {
		case m.state != "unknown":
		case received[l] > 0:
			err = t.confirm(ctx, callbacks, l)
		default:
			_, err = output(t.machines[0].command("messages", "settle", fmt.Sprint(m.id), "--as", "failed", "--reason", "not in the log of the server"))
		}
		if err != nil {
			return fmt.Errorf("%q to %s cannot be settled: %w", l.subject, l.to, err)
		}
	}
	return until(ctx, time.Minute, "nothing is unknown", func() (bool, string) {
		state, err := t.ledger.totals(ctx)
		return err == nil && state.messages["unknown"] == 0 && state.messages["sending"] == 0, fmt.Sprint(state, " ", err)
	})
}

// confirm reports, as a provider does, that a letter has arrived.
func (t *trial) confirm(ctx context.Context, c *caller, l letter) error {
	t.receiver.mu.Lock()
	id := t.receiver.ids[l]
	t.receiver.mu.Unlock()
	status, text, err := c.post(ctx, []map[string]any{{"event": "email.delivered", "id": "delivered " + id, "message": id}})
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("the callback was answered with %d %s", status, text)
	}
	return err
}

// Folder makes the folder in which scenarios keep their files.
func Folder(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "rapport-faults-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}
