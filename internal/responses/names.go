package responses

import (
	"strings"

	"rapport/internal/contacts"
)

// emailEvents are the answers that a callback may tell of.
var emailEvents = map[string]bool{
	contacts.EventDelivered: true, contacts.EventOpened: true, contacts.EventClicked: true, contacts.EventReplied: true,
	contacts.EventBounced: true, contacts.EventComplained: true, contacts.EventUnsubscribed: true,
}

// ownName reports whether a company may call its own events so: words with dots
// between them, of letters a to z, digits, - and _, that begin with a letter or a
// digit, and the first one with a letter.
func ownName(name string) bool {
	begins := true // a word
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9' && i > 0:
			begins = false
		case begins:
			return false
		case c == '.':
			begins = true
		case c != '-' && c != '_':
			return false
		}
	}
	return !begins
}

// maxName is how long the name of an event may be, in bytes.
const maxName = 100

// CheckName says what is wrong with the name of an event that somebody
// reports, or "".
func CheckName(name string) string {
	switch {
	case name == "":
		return "event is missing: what happened, such as \"order.placed\""
	case emailEvents[name]:
		return ""
	case name == contacts.EventSent:
		return "event \"email.sent\" is the engine's own: it knows what it has sent"
	case strings.HasPrefix(name, "email."):
		return "event " + Quote(name) + " is not known: use email.delivered, opened, clicked, replied, bounced, complained or unsubscribed"
	case strings.HasPrefix(name, "consent."), strings.HasPrefix(name, "contact."), strings.HasPrefix(name, "score."):
		return "event " + Quote(name) + " is the engine's own: names that start with consent., contact. or score. are taken"
	case len(name) > maxName, !ownName(name):
		return "event " + Quote(name) + " is no name: lower-case words with dots between them, such as \"order.placed\""
	}
	return ""
}

// Quote shows a text of somebody else's, cut to a length that can be read.
func Quote(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return "\"" + strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == 0x7f {
			return '·'
		}
		return r
	}, s) + "\""
}
