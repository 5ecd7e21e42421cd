package delivery

import (
	"context"
	"time"

	"rapport/campaigns"
	"rapport/internal/delivery/journal"
	"rapport/internal/delivery/smtp"
	"rapport/internal/store"
)

// settle goes through what an earlier process with this journal had claimed
// and not recorded. What the journal has a reply for is that; what it has an
// intent for and no reply is unknown; what it has nothing for was never sent
// and is queued again; what it may have lost is unknown.
func (w *Worker) settle(ctx context.Context) error {
	doubtful, err := w.Store.InDoubt(ctx, w.ID)
	if err != nil {
		return err
	}
	recovered := w.Journal.Recovered()
	now := w.Clock.Now()
	outcomes := make([]store.Outcome, 0, len(doubtful))
	var bounces []store.Incoming
	for _, o := range doubtful {
		state, entry := recovered.Lookup(o.Message, o.Fence)
		switch state {
		case journal.Replied:
			outcomes = append(outcomes, fromReply(o, entry, now))
			if entry.Reply.Outcome == deadAddress {
				bounces = append(bounces, bounce(o.Message, replyText(entry.Reply.Code, entry.Reply.Enhanced, entry.Reply.Text), smtp.VerbRcpt, entry.Reply.At))
			}
		case journal.NoIntent:
			o.State, o.Reason, o.NotBefore, o.Untried = campaigns.Queued, "its worker stopped before sending it", now, true
			outcomes = append(outcomes, o)
		case journal.IntentOnly:
			o.State, o.Reason = campaigns.Unknown, "its worker stopped while the mail server was taking it"
			outcomes = append(outcomes, o)
		default:
			o.State, o.Reason = campaigns.Unknown, "the send journal is incomplete: "+recovered.Reason
			outcomes = append(outcomes, o)
		}
	}
	if _, err := w.Store.Ingest(ctx, bounces, now); err != nil {
		return err
	}
	ready, err := w.Store.Record(ctx, outcomes, campaigns.ByJournal, now)
	if err != nil {
		return err
	}
	unknown := 0
	for _, o := range outcomes {
		if o.State == campaigns.Unknown {
			unknown++
		}
	}
	if err := w.push(ctx, ready); err != nil {
		w.Log.Error("cannot queue", "error", err) // the sweep does
	}
	if err := w.Journal.Checkpoint(messages(outcomes)...); err != nil {
		return err
	}
	if err := w.Journal.Settled(); err != nil {
		return err
	}
	w.Log.Info("ready to send", "worker", w.ID, "in_doubt", len(outcomes), "unknown", unknown)
	return nil
}

// deadAddress stands in the journal for a permanent refusal of the address itself,
// which suppresses it.
const deadAddress = 255

// fromReply is the outcome that a reply in the journal stands for.
func fromReply(o store.Outcome, e journal.Entry, now time.Time) store.Outcome {
	o.Reply = replyText(e.Reply.Code, e.Reply.Enhanced, e.Reply.Text)
	o.At = e.Reply.At
	switch smtp.Outcome(e.Reply.Outcome) {
	case smtp.Sent:
		o.State = campaigns.Sent
	case smtp.Permanent, deadAddress:
		o.State, o.Reason = campaigns.Failed, "refused: "+o.Reply
	case smtp.Temporary, smtp.Throttled:
		o.State, o.Reason, o.NotBefore = campaigns.Queued, "deferred: "+o.Reply, now.Add(waits[0])
	default:
		o.State, o.Reason = campaigns.Unknown, o.Reply
	}
	return o
}

func messages(outcomes []store.Outcome) []int64 {
	ids := make([]int64, len(outcomes))
	for i, o := range outcomes {
		ids[i] = o.Message
	}
	return ids
}
