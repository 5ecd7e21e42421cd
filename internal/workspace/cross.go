package workspace

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"rapport/campaigns"
	"rapport/internal/strict"
	"rapport/templates"
)

// cross checks what no single file shows.
func (r *reading) cross() {
	r.sends()
	r.surveys()
	r.referral()
	r.unusedTemplates()
	r.answers()
	r.website()
}

// sends checks each send step against the template that it names.
func (r *reading) sends() {
	for _, p := range r.campaigns {
		d := r.ws.Campaigns[p.name]
		if !p.ok || d == nil {
			continue
		}
		sendNodes(p.node, func(name string, at strict.Node) {
			t := r.ws.Templates.Template(name)
			if t == nil {
				return
			}
			if d.Kind == campaigns.Marketing && t.Kind() == templates.Transactional {
				at.Hintf(CodeContradiction, "leave kind: transactional out of the template, or write kind: transactional here",
					"%s is a transactional template and has no way to unsubscribe; a marketing campaign cannot send it", name)
			}
			if _, known := r.ws.Topics[d.Topic]; known && t.Topic() != "" && t.Topic() != d.Topic {
				at.Warnf(CodeContradiction, "", "the template %s is about the topic %s, this campaign about %s", name, t.Topic(), d.Topic)
			}
		})
	}
}

// surveys finds mail that leads to a survey when nobody can say to which, and
// surveys that tell a webhook that there is not.
func (r *reading) surveys() {
	if !r.main.ok {
		return
	}
	surveys := r.ws.Relationship.Programs.Surveys
	for _, p := range r.campaigns {
		d := r.ws.Campaigns[p.name]
		if !p.ok || d == nil || len(surveys) == 1 {
			continue
		}
		asks := map[string]bool{}
		for _, s := range d.Sends() {
			asks[s.Send.Template] = asks[s.Send.Template] || s.Survey != ""
		}
		sendNodes(p.node, func(name string, at strict.Node) {
			if t := r.ws.Templates.Template(name); t != nil && !asks[name] && t.Reads("survey_url") {
				at.Hintf(CodeMissing, "send it with the step survey: { nps: NAME, template: "+name+" }, where relationship.yaml has a survey of that name",
					"%s leads to a survey, and nothing says to which", name)
			}
		})
	}
	if !r.ladder.ok || !r.ladder.node.IsMap() {
		return
	}
	listed := r.ladder.node.Map().Get("programs")
	if !listed.IsMap() || !listed.Map().Get("survey").IsMap() {
		return
	}
	for _, p := range listed.Map().Get("survey").Map().Pairs() {
		if !p.Value.IsMap() || !p.Value.Map().Get("notify").IsMap() {
			continue
		}
		if at := p.Value.Map().Get("notify").Map().Get("webhook"); at.IsScalar() {
			r.name(at, "webhook", r.refs.Webhooks)
		}
	}
}

// referral finds mail with a link to pass on where there is no program for it, and
// a program whose links lead nowhere.
func (r *reading) referral() {
	if !r.main.ok || r.ladder.path != "" && !r.ladder.ok {
		return
	}
	if r.ws.Relationship.Programs.Referral != nil {
		if r.ws.Company.Website == "" {
			at := r.ladder.node.Map().Get("programs").Map().Key("referral")
			at.Hintf(CodeMissing, "add website: under company: in "+mainFile, "links of friends lead to the company's website, and it has none")
		}
		return
	}
	for _, p := range r.campaigns {
		if !p.ok {
			continue
		}
		sendNodes(p.node, func(name string, at strict.Node) {
			if t := r.ws.Templates.Template(name); t != nil && t.Reads("referral_url") {
				at.Hintf(CodeMissing, "add programs: referral: to relationship.yaml", "%s has a link for friends, and there is no referral program", name)
			}
		})
	}
}

// sendNodes visits the send steps of a campaign's file, misspelt ones too.
func sendNodes(n strict.Node, visit func(template string, at strict.Node)) {
	if !n.IsMap() {
		for _, item := range listOf(n) {
			sendNodes(item, visit)
		}
		return
	}
	for _, p := range n.Map().Pairs() {
		if p.Key.Raw().Value == "survey" && p.Value.IsMap() {
			at := p.Value.Map().Get("template")
			if !at.Present() {
				at = p.Value.Map().Get("nps") // the template of the survey's name
			}
			if at.IsScalar() {
				visit(at.Raw().Value, at)
			}
			continue
		}
		if key := p.Key.Raw().Value; key != "send" && strict.Suggest(key, []string{"send"}) == "" {
			sendNodes(p.Value, visit)
			continue
		}
		at := p.Value
		if at.IsMap() {
			at = at.Map().Get("template")
		}
		if at.IsScalar() {
			visit(at.Raw().Value, at)
		}
	}
}

func listOf(n strict.Node) []strict.Node {
	if !n.IsList() {
		return nil
	}
	return n.List()
}

// unusedTemplates warns about content that nothing sends. Where a campaign
// could not be read, nobody knows.
func (r *reading) unusedTemplates() {
	if !r.main.ok {
		return
	}
	used := map[string]bool{}
	for _, t := range r.ws.Topics {
		used[t.Confirm] = true
	}
	for _, p := range r.campaigns {
		if !p.ok {
			return
		}
		sendNodes(p.node, func(name string, _ strict.Node) {
			used[name] = true
			if r.ws.Templates.Template(name) == nil {
				used[strict.Suggest(name, r.names.Templates)] = true // the one that was meant
			}
		})
	}
	for _, name := range r.ws.Templates.Names() {
		if used[name] {
			continue
		}
		r.findings.Add(strict.Finding{
			File: templatesDir + "/" + r.ws.Templates.Template(name).File(), Line: 1, Column: 1, Code: CodeUnused, Warning: true,
			Message: "no campaign sends this template",
		})
	}
}

// answers is rule 26: a condition on answers or bounces needs somewhere for
// them to come from.
func (r *reading) answers() {
	if !r.main.ok {
		return
	}
	replies, bounces := r.hasSource()
	files := append(slices.Clone(r.segments), r.campaigns...)
	for _, p := range append(files, r.ladder) {
		if !p.ok {
			continue
		}
		emailHeads(p.node, func(kind string, at strict.Node) {
			switch {
			case kind == "replied" && !replies:
				at.Hintf(CodeNoSource, "in rapport.yaml, give a sender replies: and the workspace inbound:", "replies can never arrive: nothing receives them")
			case kind == "bounced" && !bounces:
				at.Hintf(CodeNoSource, "in rapport.yaml, give a provider a webhook:, or a sender bounces: and the workspace inbound:", "bounces can never arrive: nothing receives them")
			}
		})
	}
}

// hasSource says whether replies and bounces can arrive.
func (r *reading) hasSource() (replies, bounces bool) {
	inbound := r.ws.Inbound != nil
	for _, s := range r.ws.Senders {
		replies = replies || inbound && s.Replies != nil
		bounces = bounces || inbound && s.Bounces != ""
	}
	for _, p := range r.ws.Providers {
		if p.Callbacks == nil {
			continue
		}
		bounces = true
		// The generic kind carries every event that Rapport knows.
		replies = replies || p.Callbacks.Kind == "generic"
	}
	return replies, bounces
}

// websiteShown is a place in a template that prints the company's website.
var websiteShown = regexp.MustCompile(`\{\{-?\s*company\.website\b[^}]*\}\}`)

// website finds templates that print the company's website where it has none:
// every message would fail. One that asks for it first, or gives a default, is
// right.
func (r *reading) website() {
	if !r.main.ok || r.ws.Company.Website != "" || r.main.node.Map().Get("company").Map().Has("website") {
		return
	}
	for _, s := range r.sources {
		asked := bytes.Contains(s.Data, []byte("if company.website")) || bytes.Contains(s.Data, []byte("unless company.website"))
		for _, at := range websiteShown.FindAllIndex(s.Data, -1) {
			if asked || bytes.Contains(s.Data[at[0]:at[1]], []byte("default")) {
				continue
			}
			before := string(s.Data[:at[0]])
			line := strings.Count(before, "\n") + 1
			start := strings.LastIndexByte(before, '\n') + 1
			source, _, _ := strings.Cut(string(s.Data[start:]), "\n")
			r.findings.Add(strict.Finding{
				File: templatesDir + "/" + s.Path, Line: line, Column: utf8.RuneCountInString(before[start:]) + 1, Code: CodeMissing,
				Message: "the company has no website in " + mainFile, Hint: "add website: under company:", Source: strings.TrimSuffix(source, "\r"),
			})
		}
	}
}

// emailHeads visits the conditions on e-mails of a file.
func emailHeads(n strict.Node, visit func(kind string, at strict.Node)) {
	if !n.IsMap() {
		for _, item := range listOf(n) {
			emailHeads(item, visit)
		}
		return
	}
	for _, p := range n.Map().Pairs() {
		if p.Key.Raw().Value == "email" && p.Value.IsScalar() {
			visit(p.Value.Raw().Value, p.Value)
			continue
		}
		emailHeads(p.Value, visit)
	}
}

// splitsOf are the arms of every split below some steps.
func splitsOf(steps []campaigns.Step, found map[string][]string) map[string][]string {
	for _, s := range steps {
		switch {
		case s.Split != nil:
			for _, arm := range s.Split.Arms {
				found[s.Split.Name] = append(found[s.Split.Name], arm.Name)
				splitsOf(arm.Steps, found)
			}
		case s.WaitFor != nil:
			splitsOf(s.WaitFor.Then, found)
			splitsOf(s.WaitFor.Else, found)
		case s.If != nil:
			splitsOf(s.If.Then, found)
			splitsOf(s.If.Else, found)
		}
		for _, c := range s.Branch {
			splitsOf(c.Steps, found)
		}
	}
	return found
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), strings.Compare)
}
