package workspace

import (
	"fmt"
	"slices"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// confirmation is the campaign that a topic with double opt-in brings along. Who
// asks for mail by an act of their own is asked to confirm it: while nothing was
// confirmed, and at most three times in 30 days (semantics.md, rule 11).
const confirmation = `
campaign: %[1]s
description: Asks to confirm the consent to %[2]s
kind: transactional
sender: %[3]s
start: { event: { name: ` + contacts.EventRequested + `, where: { topic: %[2]s } } }
reentry: always
exit: [ { not: { consent: %[2]s, is: pending } } ]
steps:
  - if: { email: sent, campaign: %[1]s, in_last: 30d, count: { at_most: 2 } }
    then: [ { send: %[4]s } ]
`

// ConfirmCampaign is the name of the campaign that asks to confirm the consent to
// a topic.
func ConfirmCampaign(topic string) string { return "confirm-" + topic }

// confirmations adds the campaigns of topics with double opt-in.
func (r *reading) confirmations() {
	for _, name := range r.ws.TopicOrder {
		t := r.ws.Topics[name]
		template := r.ws.Templates.Template(t.Confirm)
		if !t.Double || t.Sender == "" || template == nil {
			continue // a finding already, or nothing to do
		}
		if !template.Reads("confirm_url") {
			i := slices.IndexFunc(r.confirms, func(n strict.Node) bool { return n.Raw().Value == t.Confirm })
			r.confirms[i].Hintf(CodeMissing, "write {{ confirm_url }} into it", "the template %s has no link to confirm with", t.Confirm)
			continue
		}
		campaign := ConfirmCampaign(name)
		if i := slices.IndexFunc(r.campaigns, func(p parsed) bool { return p.name == campaign }); i >= 0 {
			about(r.findings, r.campaigns[i].path, CodeContradiction, "give the campaign another name",
				fmt.Sprintf("%s is the campaign that asks to confirm the consent to the topic %s", campaign, name))
			continue
		}
		var findings strict.Findings
		n, _ := strict.Parse(campaignsDir+"/"+campaign+".yaml", fmt.Appendf(nil, confirmation, campaign, name, t.Sender, t.Confirm), &findings)
		// Only a name that is a finding of its own spoils it.
		if d, ok := campaigns.Decode(n, nil, nil); ok && findings.Errors() == 0 {
			r.ws.Campaigns[campaign] = d
		}
	}
}
