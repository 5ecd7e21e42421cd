package workspace

import "rapport/internal/strict"

// notYet are the parts of rapport.yaml that are read and checked, but that
// nothing acts on in this version: what stands in a warning about them.
var notYet = map[string]string{
	"webhook.kind": "callbacks of this kind are refused; generic ones are taken",
	"replies":      "answers go to the address in from, and are not seen",
	"bounces":      "mail carries the signed return path, and nothing here receives what comes to it",
	"inbound":      "nothing listens for bounces and replies",
}

// notRunYet warns about a part by its name in notYet.
func notRunYet(n strict.Node, part, called string) {
	n.Warnf(strict.CodeNotRunYet, "", "%s does not run yet: %s", called, notYet[part])
}
