package delivery

import (
	"strings"
	"sync"
	"time"

	"rapport/campaigns"
	"rapport/internal/delivery/smtp"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Report is what sending a batch through a provider was like.
type Report struct {
	Provider string
	Sender   string
	Works    bool   // it took messages, or said what is wrong with them
	Fails    string // why any other message would have fared the same; "" when it would not
	Refuses  string // why it takes nothing from this sender; "" when it does
	Full     string // why it takes nothing more today; "" when it does

	Until time.Time // with Full: until when that is taken for granted
}

// report judges a provider by the results of a batch. What was taken back, or
// never came to a connection, says nothing.
func report(results []smtp.Result) (r Report) {
	failed, throttled, broken, refused, judged := 0, 0, 0, 0, 0
	reason, refusal := "", ""
	for _, x := range results {
		if x.Verb == smtp.VerbIntent || x.Verb == "" {
			continue
		}
		judged++
		switch {
		case x.Provider:
			failed, reason = failed+1, x.String()
		case x.Code == 421:
			throttled, reason = throttled+1, x.String()
		case x.Outcome == smtp.Temporary && (x.Err != nil || x.Verb == smtp.VerbMail):
			broken, reason = broken+1, x.String()
		case x.Verb == smtp.VerbMail && refusesUs(x):
			refused, refusal = refused+1, replyText(x.Code, x.Enhanced, x.Text)
		default:
			r.Works = true
		}
	}
	switch {
	case r.Works || judged == 0:
	case refused == judged:
		r.Refuses = refusal
	// Nobody is let in, or hardly a connection holds: not the fault of so many.
	case failed > 0, throttled+broken >= few:
		r.Fails = reason
	}
	return r
}

// few is how many messages must tell the same story before it is believed.
const few = 5

// refusesUs reports whether a permanent refusal is about who sends or what the
// server thinks of it, and not about the address or the form of this message: any
// other message would have fared the same.
func refusesUs(r smtp.Result) bool {
	if r.Outcome != smtp.Permanent || r.BadAddress || r.Code == 0 {
		return false
	}
	switch {
	case r.Code == 552 || strings.HasPrefix(r.Enhanced, "5.3.4") || strings.HasPrefix(r.Enhanced, "5.6.") || strings.HasPrefix(r.Enhanced, "5.2."):
		return false // its size, its form, its mailbox
	case r.Verb == smtp.VerbMail:
		return true // no recipient was named yet
	case strings.HasPrefix(r.Enhanced, "5.7."):
		return true // RFC 3463: security or policy
	}
	text := strings.ToLower(r.Text)
	for _, word := range []string{"spam", "blocked", "blacklist", "blocklist", "denylist", "reputation", "policy", "relay", "not permitted", "suspended", "quota"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// streaks count refusals of policy after the recipient was named, by provider and
// campaign, since a message of it was last taken. One may be about one recipient;
// so many in a row are not.
type streaks struct {
	mu sync.Mutex
	of map[string]int
}

// streak is how many refusals in a row are believed to be about us.
const streak = 10

// refusedContent is the key of a campaign that a provider refuses.
func refusedContent(provider, campaign string) string {
	return provider + " for campaign " + campaign
}

// blame finds the results that are refusals of us and not of the message, so that
// a fault of ours or of the provider fails nobody's mail. It returns why each is
// held, by its place in the batch.
func (w *Worker) blame(provider string, list []outgoing, results []smtp.Result, now time.Time) map[int]string {
	refused := map[string][]int{}
	taken := map[string]bool{}
	held := map[int]string{}
	for i, r := range results {
		campaign := list[i].campaign.Name
		switch {
		case r.Outcome == smtp.Sent:
			taken[campaign] = true
		case r.Verb == smtp.VerbMail && refusesUs(r):
			held[i] = provider + " takes nothing from this sender: " + replyText(r.Code, r.Enhanced, r.Text)
		case refusesUs(r):
			refused[campaign] = append(refused[campaign], i)
		}
	}
	w.streaks.mu.Lock()
	defer w.streaks.mu.Unlock()
	for campaign := range taken {
		key := refusedContent(provider, campaign)
		delete(w.streaks.of, key)
		w.refused.ok(key, now)
	}
	for campaign, places := range refused {
		if taken[campaign] {
			continue
		}
		key := refusedContent(provider, campaign)
		if w.streaks.of == nil {
			w.streaks.of = map[string]int{}
		}
		w.streaks.of[key] += len(places)
		if w.streaks.of[key] < streak {
			continue
		}
		r := results[places[0]]
		why := provider + " refuses this campaign: " + replyText(r.Code, r.Enhanced, r.Text)
		w.refused.fail(key, why, now)
		for _, i := range places {
			held[i] = why
		}
	}
	return held
}

// learn judges how a batch went: the provider, who asked for less, and what is
// not the fault of the messages. It returns why some of them are held.
func (w *Worker) learn(provider string, list []outgoing, results []smtp.Result, now time.Time) map[int]string {
	if list[0].route.Mailbox {
		return nil
	}
	bySender := map[string][]smtp.Result{}
	for i, r := range results {
		sender := queue.Sender(list[i].claimed.Lane)
		bySender[sender] = append(bySender[sender], r)
	}
	for sender, of := range bySender {
		r := report(of)
		r.Provider, r.Sender = provider, sender
		w.Router.Report(r, now)
	}
	w.slowDown(provider, list, results, now)
	return w.blame(provider, list, results, now)
}

// slowDown counts what went and notes who asked for less: one domain, or, when
// several did, the provider.
func (w *Worker) slowDown(provider string, list []outgoing, results []smtp.Result, now time.Time) {
	asked := map[string]bool{}
	whole := false
	for i, r := range results {
		group := w.group(domainOf(list[i].claimed.Entry.Facts.Contact.Email), now)
		switch r.Outcome {
		case smtp.Sent:
			w.slow.sent(slowKey{provider, group}, 1, now)
			w.slow.sent(slowKey{provider, ""}, 1, now)
		case smtp.Throttled:
			asked[group] = true
			// Before the recipient is named, it cannot be about him.
			whole = whole || r.Provider || r.Verb == smtp.VerbMail
		}
	}
	if whole || len(asked) > 1 {
		clear(asked)
		asked[""] = true
	}
	for group := range asked {
		key := slowKey{provider, group}
		if per, news := w.slow.ask(key, now); news {
			w.Log.Warn("asked for fewer messages", "provider", provider, "domain", orElse(group, "all"), "now", workspace.RateText(per))
		}
	}
}

// elsewhere reports whether another provider takes a sender's mail now, so that
// what this one did not take need not wait.
func (w *Worker) elsewhere(provider, sender string, now time.Time) bool {
	applied := w.Catalog.Current()
	if applied == nil {
		return false
	}
	route, err := w.Router.Route(applied, sender, "")
	return err == nil && route.Name != provider && !route.Standing.Until.After(now)
}

// holdOurs keeps a message that was refused for no fault of its own.
func (w *Worker) holdOurs(o *store.Outcome, c store.Claimed, why string, now time.Time) {
	if now.After(c.Due.Add(patience)) {
		o.Reason = "given up after 72h: " + why
		return
	}
	o.State, o.Reason, o.Untried, o.NotBefore = campaigns.Queued, why, true, now.Add(providerPause)
}
