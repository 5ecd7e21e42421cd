package contacts

import (
	"fmt"
	"strings"
	"time"
)

// MergeConsent decides what one statement about a topic does to what is known.
// The zero Consent is known of a topic without any statement. changed tells
// whether the statement counts now; where it does not, reason says why, and is
// empty when it only repeats what is known.
//
// A statement of the contact's own counts when it is later. An import counts for
// less (rule 27): it needs a source, it must be later, and it never turns a
// withdrawal into permission, however late it claims to be; only the contact can
// do that. A withdrawal counts whoever reports it, unless the contact gave
// permission later. In the same millisecond the withdrawal wins.
func MergeConsent(current, incoming Consent, imported bool) (result Consent, changed bool, reason string) {
	keep := func(reason string) (Consent, bool, string) { return current, false, reason }
	about := "consent to " + incoming.Topic + ": "
	switch incoming.State {
	case ConsentGiven, ConsentWithdrawn, ConsentPending:
	default:
		return keep(about + fmt.Sprintf("%q is not given, withdrawn or pending", incoming.State))
	}
	if incoming.At.IsZero() {
		return keep(about + "it has no time")
	}
	if imported && strings.TrimSpace(incoming.Source) == "" {
		return keep(about + "an import has to say where it was given")
	}
	if current.State == "" {
		return incoming, true, ""
	}
	if current.State == incoming.State {
		if imported || !incoming.At.After(current.At) {
			return keep("")
		}
		return incoming, true, "" // said again: the newer proof is the better one
	}
	withdrawal := incoming.State == ConsentWithdrawn
	was := current.State + " on " + current.At.UTC().Format(time.DateOnly)
	switch {
	case imported && current.State == ConsentWithdrawn:
		return keep(about + was + "; an import cannot give it back, only the contact can")
	case withdrawal && !incoming.At.Before(current.At):
		return incoming, true, ""
	case !incoming.At.After(current.At):
		return keep(about + was + ", which is not earlier than " + incoming.State + " on " + incoming.At.UTC().Format(time.DateOnly))
	case current.State == ConsentGiven && incoming.State == ConsentPending:
		return keep("") // who has confirmed need not confirm again
	}
	return incoming, true, ""
}
