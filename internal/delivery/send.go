package delivery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/delivery/journal"
	"rapport/internal/delivery/mime"
	"rapport/internal/delivery/smtp"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/templates"
)

// providerPause is how long messages wait after their provider could not be
// reached, unless another one takes them sooner.
const providerPause = 30 * time.Second

var (
	errChanged = errors.New("taken back: something changed since it was claimed")
	errLease   = errors.New("taken back: the lease of this worker would not outlast the answer")
)

// send hands claimed messages to their providers, and makes each when a connection
// is there for it. Every claimed message has exactly one outcome. since is when, on
// the machine's watch, the claim began: whatever changed later takes back what has
// no intent.
func (w *Worker) send(ctx, finish context.Context, applied *catalog.Applied, claimed []store.Claimed, since time.Time) (outcomes []store.Outcome, bounces []store.Incoming) {
	outcomes = make([]store.Outcome, 0, len(claimed))
	byProvider := map[string][]outgoing{}
	for i := range claimed {
		m, err := w.plan(ctx, applied, &claimed[i])
		if err != nil {
			outcomes = append(outcomes, w.faulty(&claimed[i], err))
			continue
		}
		list := byProvider[m.route.Name]
		if list == nil {
			list = make([]outgoing, 0, len(claimed)) // hardly ever is there another one
		}
		byProvider[m.route.Name] = append(list, m)
	}
	for _, list := range byProvider {
		more, dead := w.sendThrough(ctx, finish, applied, list, since)
		outcomes, bounces = append(outcomes, more...), append(bounces, dead...)
	}
	return outcomes, bounces
}

// faulty is the outcome of a message that could not be made. A fault of the
// message passes its step; a fault of ours holds it back.
func (w *Worker) faulty(c *store.Claimed, err error) store.Outcome {
	now := w.Clock.Now()
	o := store.Outcome{Message: c.ID, Fence: c.Fence, Provider: c.Provider, At: now, State: campaigns.Failed, Reason: fault(err)}
	var ours *heldError
	if errors.As(err, &ours) && now.Before(c.Due.Add(patience)) {
		o.State, o.NotBefore, o.Untried = campaigns.Queued, now.Add(time.Minute), true
	}
	return o
}

// fault says what is wrong with a message, with the place in the workspace.
func fault(err error) string {
	var e *templates.RenderError
	if !errors.As(err, &e) || e.File == "" {
		return err.Error()
	}
	text := fmt.Sprintf("templates/%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// heldError is a fault that is not the message's.
type heldError struct{ error }

// outgoing is a message and the way it takes.
type outgoing struct {
	claimed  *store.Claimed
	campaign *campaigns.Definition
	sender   string
	route    Route

	// What compose makes:
	draft   *draft        // whose memory message and data are, until release
	message *mime.Message // of which only the header's values are there
	data    []byte
	hash    string
	subject string
	err     error // why it could not be made
}

// sendThrough sends messages through their one provider. What is under way when ctx
// ends is made until finish does.
func (w *Worker) sendThrough(ctx, finish context.Context, applied *catalog.Applied, list []outgoing, since time.Time) (outcomes []store.Outcome, bounces []store.Incoming) {
	provider := list[0].route.Name
	envelopes := make([]smtp.Envelope, len(list))
	for i := range list {
		m := &list[i]
		envelopes[i] = smtp.Envelope{
			Make: func(e *smtp.Envelope) error {
				if m.err = w.compose(finish, applied, m); m.err != nil {
					return m.err
				}
				e.From, e.To, e.UTF8 = mime.Envelope(m.message)
				e.Data, e.Ready, e.Roomy = m.data, !e.UTF8, true
				return nil
			},
			Intent: func() error { return w.intent(m, since) },
			Done: func(r smtp.Result) {
				w.noted(m, r)
				m.release() // answered: nobody writes it any more
			},
		}
	}
	results := list[0].route.Provider.SendAll(ctx, envelopes)
	now := w.Clock.Now()
	held := w.learn(provider, list, results, now)
	outcomes = make([]store.Outcome, len(list))
	for i, r := range results {
		if list[i].err != nil {
			outcomes[i] = w.faulty(list[i].claimed, list[i].err)
			continue
		}
		outcomes[i] = w.outcome(list[i].claimed, r, now)
		outcomes[i].Provider, outcomes[i].Entry = provider, &list[i].claimed.Entry // the way may have changed since the claim
		outcomes[i].TemplateHash, outcomes[i].Subject, outcomes[i].Mailbox = list[i].hash, list[i].subject, list[i].route.Mailbox
		if why, ours := held[i]; ours {
			w.holdOurs(&outcomes[i], *list[i].claimed, why, now)
		}
		if o := &outcomes[i]; o.Untried && o.NotBefore.After(now) && (r.Provider || r.Verb == smtp.VerbMail) &&
			w.elsewhere(provider, queue.Sender(list[i].claimed.Lane), now) {
			o.NotBefore = now
		}
		if dead(r) {
			bounces = append(bounces, bounce(list[i].claimed.ID, outcomes[i].Reply, r.Verb, now))
		}
	}
	return outcomes, bounces
}

// intent is the last look before the point of no return.
func (w *Worker) intent(m *outgoing, since time.Time) error {
	if !w.lease.holds(w.Watch.Now().Add(DataTime)) {
		return errLease
	}
	contact := strconv.FormatInt(int64(m.claimed.Entry.Enrolment.Contact), 10)
	if w.changes.since(since, w.Watch.Now(), queue.Notice{Kind: NoticeCampaign, Key: m.campaign.Name}, queue.Notice{Kind: NoticeContact, Key: contact}) {
		return errChanged
	}
	if now := w.Catalog.Current(); now != nil && now.States[m.route.Name].Closed && !m.route.Mailbox {
		return errChanged
	}
	if e, known := w.Journal.Has(m.claimed.ID); known && e.Fence >= m.claimed.Fence {
		return fmt.Errorf("the journal knows message %d already: %s", m.claimed.ID, e.State)
	}
	return w.Journal.Intent(m.claimed.ID, m.claimed.Fence)
}

// noted puts a server's answer in the journal as soon as it is there.
func (w *Worker) noted(m *outgoing, r smtp.Result) {
	if r.Verb == smtp.VerbIntent || r.Verb == "" {
		return
	}
	outcome := uint8(r.Outcome)
	if dead(r) {
		outcome = deadAddress
	}
	err := w.Journal.Reply(journal.Reply{Message: m.claimed.ID, Fence: m.claimed.Fence, Outcome: outcome,
		Code: r.Code, Enhanced: r.Enhanced, Text: r.Text, At: w.Clock.Now()})
	if err != nil {
		w.Log.Error("cannot write the send journal", "error", err) // the outcome is recorded in the database next
	}
}
