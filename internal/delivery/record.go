package delivery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// outcome is what a result means for a message.
func (w *Worker) outcome(c *store.Claimed, r smtp.Result, now time.Time) store.Outcome {
	o := store.Outcome{Message: c.ID, Fence: c.Fence, Provider: c.Provider, At: now, Reply: replyText(r.Code, r.Enhanced, r.Text)}
	switch r.Outcome {
	case smtp.Sent:
		o.State = campaigns.Sent
	case smtp.Permanent:
		o.State, o.Reason = campaigns.Failed, "refused at "+r.Verb+": "+o.Reply
	case smtp.Temporary, smtp.Throttled:
		o.State, o.Reason = campaigns.Queued, "deferred at "+orElse(r.Verb, "start")+": "+o.Reply
		switch {
		case r.Verb == smtp.VerbIntent || r.Verb == "":
			// Nothing was said about this message: it was taken back, or the
			// process is stopping. Whatever else stood in the way, a full disk
			// under the journal for one, would at once do so again.
			o.NotBefore, o.Untried = now.Add(providerPause), true
			if errors.Is(r.Err, errChanged) || errors.Is(r.Err, context.Canceled) {
				o.NotBefore = now
				return o // nothing stood in its way: its next claim says what becomes of it
			}
		case r.Provider:
			o.NotBefore, o.Untried = now.Add(providerPause), true
		}
		if o.Untried {
			// An outage delays and loses nothing, however long: but not for ever.
			if now.After(c.Due.Add(patience)) {
				o.State, o.Untried, o.Reason = campaigns.Failed, false, "given up after 72h: "+o.Reply
			}
			break
		}
		at, ok := nextTry(c.ID, c.Attempts+1, c.Due, now, r.Outcome)
		o.NotBefore = at
		if !ok {
			o.State, o.Reason = campaigns.Failed, "given up after 72h: "+o.Reply
		}
	default:
		o.State, o.Reason = campaigns.Unknown, orElse(o.Reply, "no answer to the final dot")
	}
	return o
}

// record writes outcomes until they are written: they are all that is known.
// When the process is to stop and the database does not answer, they stay in
// the journal, and the next start of this worker settles them.
func (w *Worker) record(ctx, finish context.Context, outcomes []store.Outcome, bounces []store.Incoming) error {
	if len(outcomes) == 0 {
		return nil
	}
	for try := 0; ; try++ {
		ready, err := w.write(finish, outcomes, bounces)
		if err == nil {
			if err := w.push(finish, ready); err != nil {
				w.Log.Error("cannot queue", "error", err) // the sweep does
			}
			return w.Journal.Checkpoint(messages(outcomes)...)
		}
		if ctx.Err() != nil && try > 0 {
			return fmt.Errorf("%d outcomes are in the journal only: %w", len(outcomes), err)
		}
		w.Log.Error("cannot record outcomes yet", "error", err)
		pause(ctx, min(time.Second<<min(try, 5), 30*time.Second))
	}
}

// write tells the database first of the addresses that do not exist: once the
// outcomes stand, nobody would ask for them again.
func (w *Worker) write(ctx context.Context, outcomes []store.Outcome, bounces []store.Incoming) ([]store.Batch, error) {
	now := w.Clock.Now()
	if _, err := w.Store.Ingest(ctx, bounces, now); err != nil {
		return nil, err
	}
	ready, failed := w.Store.RecordAndStep(ctx, outcomes, w.Step(ctx, w.Catalog.Current(), now), now)
	if failed == nil {
		return ready, nil
	}
	// What cannot be written may be what comes next, of one enrolment among many.
	// That is the scheduler's then, and what became of the messages stands.
	ready, err := w.Store.Record(ctx, outcomes, campaigns.ByWorker, now)
	if err == nil {
		w.Log.Error("outcomes are recorded, and what follows them is left to the scheduler", "error", failed)
	}
	return ready, err
}

// dead reports whether a mail server does not know the address.
func dead(r smtp.Result) bool { return r.Outcome == smtp.Permanent && r.BadAddress }

// bounce reports such an address as the hard bounce it is. Told twice, it counts once.
func bounce(message int64, reply, verb string, at time.Time) store.Incoming {
	return store.Incoming{Source: "mail server", Event: contacts.Event{
		Name: contacts.EventBounced, At: at, Message: message, Key: "bounce:" + ident.Format(message),
		Properties: map[string]any{"type": "hard", "reply": reply, "verb": verb},
	}}
}

// replyText is a server's answer in one line.
func replyText(code int, enhanced, text string) string {
	var room [256]byte
	line := room[:0]
	if code != 0 {
		line = strconv.AppendInt(line, int64(code), 10)
	}
	for _, part := range [...]string{enhanced, text} {
		if part != "" && len(line) > 0 {
			line = append(line, ' ')
		}
		line = append(line, part...)
	}
	return string(line)
}
