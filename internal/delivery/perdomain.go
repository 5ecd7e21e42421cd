package delivery

import (
	"context"
	"math"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// crowd is the messages of a claim that go under one rate of their recipients.
type crowd struct {
	arrival queue.Arrival
	slow    slowKey // of one that asked for less
	reason  string
	again   []int // places in the claim
	fresh   []int
}

// crowds are those of one claim, in the order in which they were met.
type crowds struct {
	list []*crowd
	by   map[string]*crowd
}

// add puts a message under a rate. One that was held for this very reason has
// stood in the line.
func (c *crowds) add(i int, of crowd, waited string) {
	if c.by == nil {
		c.by = map[string]*crowd{}
	}
	k := c.by[of.arrival.Key]
	if k == nil {
		k = &of
		c.by[of.arrival.Key] = k
		c.list = append(c.list, k)
	}
	if waited == k.reason {
		k.again = append(k.again, i)
		k.arrival.Again++
		return
	}
	k.fresh = append(k.fresh, i)
	k.arrival.Fresh++
}

// admit lets go what the rates allow, and holds the others until their place in
// the line: each is touched once, and what is held together goes together.
func (c *crowds) admit(found []store.Candidate, verdicts []store.Verdict, admissions []queue.Admission, now time.Time) {
	for i, k := range c.list {
		a := admissions[i]
		at := now.Add(a.Wait)
		step := time.Duration(float64(time.Second) / k.arrival.Rate.Per)
		for _, place := range append(k.again[a.Again:len(k.again):len(k.again)], k.fresh[a.Fresh:]...) {
			until := at
			if until.After(found[place].Expires) {
				until = found[place].Expires
			}
			verdicts[place] = store.Verdict{Until: until, Reason: k.reason}
			at = at.Add(step)
		}
	}
}

// domainRate is the rate that the workspace sets for a recipient's domain: that
// of the domain itself, else of its operator, else of all others, who share it
// by operator.
func domainRate(per map[string]float64, domain, group string) (name string, rate float64) {
	if r := per[domain]; r > 0 {
		return domain, r
	}
	if r := per[group]; r > 0 {
		return group, r
	}
	return group, per["*"]
}

// limitDomains holds back what goes beyond the rates of recipient domains: those
// of the workspace, which all processes keep together, and those of a domain that
// asked this process for less.
func (w *Worker) limitDomains(ctx context.Context, applied *catalog.Applied, found []store.Candidate, verdicts []store.Verdict, now time.Time) {
	per := applied.Limits.PerDomain
	if len(per) == 0 && w.slow.none() {
		return
	}
	var asked, set crowds
	groups := make([]string, len(found))
	for i, c := range found {
		if !verdicts[i].Go || verdicts[i].Provider == Mailbox {
			continue
		}
		groups[i] = w.group(domainOf(c.Entry.Facts.Contact.Email), now)
		key := slowKey{verdicts[i].Provider, groups[i]}
		if rate, slowed := w.slow.rate(key, now); slowed {
			asked.add(i, crowd{arrival: queue.Arrival{Key: key.provider + " " + key.group, Rate: rate}, slow: key,
				reason: key.group + " asked " + key.provider + " for less"}, c.Reason)
		}
	}
	asked.admit(found, verdicts, w.slow.admit(asked.list, now), now)
	for i, c := range found {
		if !verdicts[i].Go || groups[i] == "" {
			continue
		}
		name, r := domainRate(per, domainOf(c.Entry.Facts.Contact.Email), groups[i])
		if r > 0 {
			set.add(i, crowd{arrival: queue.Arrival{Key: name, Rate: wholeSecond(r)}, reason: name + ": " + workspace.RateText(r)}, c.Reason)
		}
	}
	if len(set.list) == 0 {
		return
	}
	arrivals := make([]queue.Arrival, len(set.list))
	for i, k := range set.list {
		arrivals[i] = k.arrival
	}
	admissions, err := w.Queue.Admit(ctx, arrivals, now)
	if err != nil { // rule 19: nothing leaves while nobody can count it
		w.Log.Error("cannot ask for the rates of domains", "error", err)
		admissions = make([]queue.Admission, len(arrivals))
		for i := range admissions {
			admissions[i].Wait = inHand
		}
	}
	set.admit(found, verdicts, admissions, now)
}

// wholeSecond is a rate whose held messages go on the second: what is held goes
// in batches of a second's worth.
func wholeSecond(per float64) queue.Rate {
	return queue.Rate{Per: per, Burst: max(1, int(math.Ceil(per)))}
}
