package delivery

import (
	"context"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// guard judges the messages of a claim, under the lock of their contacts: go,
// never, or not before a later moment. Everything that permitted the message
// when it was planned is asked again.
func (w *Worker) guard(ctx context.Context, applied *catalog.Applied, found []store.Candidate, a allowance, now time.Time) []store.Verdict {
	out := make([]store.Verdict, len(found))
	going := map[contacts.ID][]store.Went{} // earlier rows of this claim count too
	for i, c := range found {
		e := c.Entry.Enrolment
		out[i] = w.judge(ctx, applied, c, going[e.Contact], now)
		if out[i].Go {
			going[e.Contact] = append(going[e.Contact], store.Went{Campaign: e.Campaign, At: now})
		}
	}
	if a.full != "" {
		tomorrow(applied.Zone, found, out, a.full, now)
	}
	w.limitDomains(ctx, applied, found, out, now)
	for i, v := range out {
		if w.Held != nil && v.Reason != "" {
			w.Held(found[i].ID, found[i].Entry.Enrolment.Campaign, v.Reason)
		}
	}
	return out
}

// needs says which facts judge looks at.
func (w *Worker) needs(ctx context.Context, applied *catalog.Applied) func(campaigns.Enrolment) contacts.Needs {
	return func(e campaigns.Enrolment) contacts.Needs {
		d, _ := w.Catalog.Now(ctx, applied, e)
		if d == nil { // when it is judged it may be there, and nothing may be missing then
			return contacts.Everything
		}
		return applied.ClaimNeeds(d)
	}
}

func (w *Worker) judge(ctx context.Context, applied *catalog.Applied, c store.Candidate, before []store.Went, now time.Time) store.Verdict {
	e := c.Entry.Enrolment
	switch {
	case c.Entry.Status == store.Stopped:
		return store.Verdict{Skip: "the campaign was stopped"}
	case e.State == campaigns.Exited || e.State == campaigns.Control:
		return store.Verdict{Skip: orElse(e.Reason, "its enrolment has ended")}
	case !now.Before(c.Expires):
		return store.Verdict{Skip: "expired"}
	}
	d, _ := w.Catalog.Now(ctx, applied, e)
	if d == nil {
		return store.Verdict{Until: now.Add(time.Minute), Reason: "its version cannot be read"}
	}
	if reason, may := d.Mailable(c.Entry.Facts); !may {
		return store.Verdict{Skip: reason}
	}
	// An enrolment that went on past a message nobody was sure of, or has
	// finished meanwhile, still gets it when it is queued again.
	if reason, leaves := campaigns.ExitReason(applied.Input(d, c.Entry, now)); leaves {
		return store.Verdict{Skip: reason}
	}
	if v, held := w.holdBack(applied, d, c, slices.Concat(c.Entry.Sent, before), now); held {
		return v
	}
	route, err := w.Router.Route(applied, senderNow(applied, d, c.Lane), c.Entry.Facts.Contact.Email)
	if err != nil {
		return store.Verdict{Until: now.Add(time.Minute), Reason: err.Error()}
	}
	if route.Standing.Closed {
		until := now.Add(time.Minute)
		if until.After(c.Expires) {
			until = c.Expires
		}
		return store.Verdict{Until: until, Reason: route.Standing.Reason}
	}
	return store.Verdict{Go: true, Provider: route.Name}
}

// holdBack asks for the hour, the limits, and who goes first.
func (w *Worker) holdBack(applied *catalog.Applied, d *campaigns.Definition, c store.Candidate, went []store.Went, now time.Time) (store.Verdict, bool) {
	contact := &c.Entry.Facts.Contact
	permit := d.Permit(applied.Permit(contact, went), contact, applied.Zone)
	at, why := permit.Allowed(now)
	if at.IsZero() {
		at = c.Expires
	}
	if at.After(now) {
		// Never past its expiry: then it is looked at once more, and skipped.
		if at.After(c.Expires) {
			at = c.Expires
		}
		return store.Verdict{Until: at, Reason: why}, true
	}
	if d.Kind == campaigns.Transactional {
		return store.Verdict{}, false
	}
	return w.yield(applied, d, c, permit, now)
}

// yield lets more urgent messages of the same contact go first, where the
// limits leave no room for both.
func (w *Worker) yield(applied *catalog.Applied, d *campaigns.Definition, c store.Candidate, permit campaigns.Permit, now time.Time) (store.Verdict, bool) {
	mine := campaigns.Rank{Priority: d.Priority, Due: c.Due, ID: c.ID}
	var first time.Time
	var to string
	for _, other := range c.Entry.Waiting {
		rival := applied.Definition(other.Campaign)
		if other.ID == c.ID || rival == nil || rival.Kind == campaigns.Transactional || applied.Campaigns[rival.Name].Status != store.Running {
			continue
		}
		due := other.NotBefore
		if due.Before(other.Due) {
			due = other.Due
		}
		rank := campaigns.Rank{Priority: rival.Priority, Due: due, ID: other.ID}
		if !mine.Yields(rank, now, applied.Limits.LookAhead) {
			continue
		}
		permit.Sent = append(permit.Sent, now)
		if first.IsZero() || due.Before(first) {
			first, to = due, rival.Name
		}
	}
	if first.IsZero() {
		return store.Verdict{}, false
	}
	if at, _ := permit.Allowed(now); !at.IsZero() && !at.After(now) {
		return store.Verdict{}, false // there is room for all
	}
	if first.Before(now) {
		first = now
	}
	return store.Verdict{Until: first.Add(time.Minute), Reason: "lets campaign " + to + " go first"}, true
}

// senderNow is the sender of a campaign's mail as it is applied now: a lane keeps
// the one that the message was planned with.
func senderNow(applied *catalog.Applied, d *campaigns.Definition, lane string) string {
	if name := applied.SenderOf(d); name != "" {
		return name
	}
	return queue.Sender(lane)
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
