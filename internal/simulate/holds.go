package simulate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
)

type storeLine = store.LedgerLine

// hold is that a message waited for something.
type hold struct {
	message int64
	reason  string
}

// holds counts each message once for each reason that it waited for.
type holds struct {
	campaigns map[hold]int64 // whose message it was
}

func (h *holds) hear(message, campaign int64, reason string) {
	cause, _, _ := strings.Cut(reason, "; from ")
	for _, part := range strings.Split(cause, ", ") {
		h.campaigns[hold{message, reasonClass(part)}] = campaign
	}
}

// reasonClass is a reason without what is different for each message.
func reasonClass(reason string) string {
	reason, _, _ = strings.Cut(reason, "; from ")
	if rest, ok := strings.CutPrefix(reason, "lets campaign "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return "lets campaign " + name + " go first"
	}
	return reason
}

// pairs finds campaigns that mail the same contacts within a short time. Mail
// comes by contact and time.
type pairs struct {
	contact contacts.ID
	lately  []pairMail
	met     map[[2]string]bool // of this contact
	of      map[[2]string]int64
}

type pairMail struct {
	campaign string
	at       time.Time
}

func (p *pairs) add(contact contacts.ID, campaign string, at time.Time) {
	if contact != p.contact {
		p.contact, p.lately, p.met = contact, p.lately[:0], map[[2]string]bool{}
	}
	p.lately = slices.DeleteFunc(p.lately, func(m pairMail) bool { return at.Sub(m.at) > competingWithin })
	for _, m := range p.lately {
		if m.campaign == campaign {
			continue
		}
		pair := [2]string{min(m.campaign, campaign), max(m.campaign, campaign)}
		if !p.met[pair] {
			p.met[pair] = true
			p.of[pair]++
		}
	}
	p.lately = append(p.lately, pairMail{campaign, at})
}

// compare orders by a number, then by a text.
func compare(a, b int64, text, other string) int {
	return cmp.Or(cmp.Compare(a, b), strings.Compare(text, other))
}
