package relationship

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	_ "embed"

	"rapport/internal/calendar"
	"rapport/internal/strict"
	"rapport/segments"
)

// CodeNotOnLadder is the finding for a rule that asks what the ladder cannot
// see: itself, or what is computed from it.
const CodeNotOnLadder = "not-on-ladder"

// Defaults where the file is silent.
const (
	defaultPurchase = "order.placed"
	defaultValue    = "total"
)

var defaultNew = calendar.Span{Days: 30}

//go:embed default.yaml
var defaultFile []byte

// Default is the relationship of a workspace that has no relationship.yaml:
// the ladder of the language's own example. A contact becomes a prospect by a
// click, a reply or consent to any of the topics.
func Default(topics ...string) *Definition {
	var consents strings.Builder
	for _, topic := range topics {
		fmt.Fprintf(&consents, "{ consent: %s }, ", topic)
	}
	file := bytes.ReplaceAll(defaultFile, []byte("{ consent: any }, "), []byte(consents.String()))
	var findings strict.Findings
	n, _ := strict.Parse("default.yaml", file, &findings)
	def, ok := Decode(n, nil)
	if !ok || findings.Errors() > 0 {
		panic(fmt.Sprintf("the relationship that is built into the program is broken: %+v", findings.All()))
	}
	return def
}

// Decode reads relationship.yaml. Everything that is wrong becomes a finding
// at its place; the answer is false only when there is nothing to read. A nil
// env checks no names. The stages that rules may name are those of the file
// itself.
func Decode(n strict.Node, env *segments.Env) (*Definition, bool) {
	m := n.Map("ladder", "health", "signals", "programs")
	if !m.OK() {
		return nil, false
	}
	d := &decoder{def: &Definition{}, env: env}
	if env != nil {
		d.events = env.Events
	}
	d.signals(m.Get("signals"))
	d.programs(m.Get("programs"))
	if env != nil {
		own := *env
		own.Stages = stageNames(m.Get("ladder"))
		own.Healths = Healths
		for _, s := range d.def.Signals {
			own.Scores = append(slices.Clip(own.Scores), s.Name)
		}
		for _, t := range d.def.Programs.Loyalty.Tiers {
			own.Tiers = append(slices.Clip(own.Tiers), t.Name)
		}
		d.env = &own
	}
	if m.Has("ladder") {
		d.ladder(m.Get("ladder"))
	} else {
		d.def.Ladder = d.standard().Ladder
	}
	d.health(m.Get("health"))
	d.def.looks = newLooks(d.def)
	return d.def, true
}

type decoder struct {
	env    *segments.Env
	events map[string]map[string]string // that are declared; nil: any
	def    *Definition
}

// standard is what holds where the file leaves a part out.
func (d *decoder) standard() *Definition {
	if d.env == nil {
		return Default()
	}
	return Default(d.env.Topics...)
}

// stageNames reads the names of the rungs ahead of their rules, which may
// refer to them.
func stageNames(n strict.Node) []string {
	if !n.IsList() {
		return nil
	}
	var names []string
	for _, item := range n.List() {
		if !item.IsMap() {
			continue
		}
		if stage := item.Map().Get("stage"); stage.IsScalar() && strict.IsName(stage.Raw().Value) {
			names = append(names, stage.Raw().Value)
		}
	}
	return names
}

func (d *decoder) ladder(n strict.Node) {
	items := n.List()
	if n.IsList() && len(items) == 0 {
		n.Errorf(strict.CodeBadValue, `"ladder" needs at least one rung`)
	}
	for i, item := range items {
		m := item.Map("stage", "when", "keep")
		name, ok := m.Require("stage").Name()
		if !ok {
			continue
		}
		lower := d.def.Stages()
		if slices.Contains(lower, name) {
			m.Get("stage").Errorf(strict.CodeBadValue, "the ladder has a rung %q already", name)
			continue
		}
		r := Rung{Stage: name}
		if i == 0 {
			for _, key := range []string{"when", "keep"} {
				if m.Has(key) {
					m.Key(key).Hintf(strict.CodeBadValue, "put a rung without rules below it", "everybody stands on the lowest rung, so it has no %s", key)
				}
			}
		} else {
			r.When = d.rule(m.Require("when"), name, lower)
			if m.Has("keep") {
				r.Keep = d.rule(m.Get("keep"), name, lower)
			}
		}
		if i == 0 || r.When != nil {
			d.def.Ladder = append(d.def.Ladder, r)
		}
	}
}

// rule reads a condition of a rung, which may see the rungs below only.
func (d *decoder) rule(n strict.Node, stage string, lower []string) *segments.Condition {
	cond, ok := segments.Decode(n, d.env)
	if !ok {
		return nil
	}
	leaves(n, func(head string, at, value strict.Node) {
		switch head {
		case "segment", "campaign", "health":
			at.Hintf(CodeNotOnLadder, "ask for events, e-mails, consents, attributes or lower rungs", "the ladder does not see %q", head)
		case "stage":
			for _, name := range namesIn(value) {
				if slices.Contains(d.stages(), name.Raw().Value) && !slices.Contains(lower, name.Raw().Value) {
					name.Errorf(CodeNotOnLadder, "the rung %s may ask for the rungs below it only, not for %s", stage, name.Raw().Value)
				}
			}
		}
	})
	return cond
}

func (d *decoder) stages() []string {
	if d.env == nil {
		return nil
	}
	return d.env.Stages
}

func (d *decoder) health(n strict.Node) {
	h := &d.def.Health
	h.Purchase, h.Value, h.New = defaultPurchase, defaultValue, defaultNew
	if !n.Present() {
		h.States = d.standard().Health.States
		return
	}
	m := n.Map("purchase", "value", "new", "states")
	if name, ok := m.Get("purchase").Text(); ok {
		h.Purchase = name
		d.purchase(m.Get("purchase"), name)
	}
	if value, ok := m.Get("value").Text(); ok {
		h.Value = value
		d.property(m.Get("value"), h.Purchase, value)
	}
	if span, ok := m.Get("new").Span(); ok {
		h.New = span
	}
	if !m.Has("states") {
		return
	}
	for _, item := range m.Get("states").List() {
		s := item.Map("health", "when")
		name, ok := s.Require("health").Choice(Healths[1:]...)
		when := s.Require("when")
		cond, okWhen := segments.Decode(when, d.env)
		if !ok || !okWhen {
			continue
		}
		leaves(when, func(head string, at, _ strict.Node) {
			if head == "segment" || head == "campaign" || head == "health" {
				at.Hintf(CodeNotOnLadder, "ask for events, e-mails, consents, attributes or stages", "health does not see %q", head)
			}
		})
		h.States = append(h.States, HealthState{name, cond})
	}
}

func (d *decoder) purchase(n strict.Node, name string) {
	if d.env == nil || d.env.Events == nil {
		return
	}
	known := make([]string, 0, len(d.env.Events))
	for event := range d.env.Events {
		known = append(known, event)
	}
	slices.Sort(known)
	if !slices.Contains(known, name) {
		n.Unknownf(segments.CodeUnknownName, name, known, "there is no event %q", name)
	}
}

// property checks the name of a property against those that its event declares.
func (d *decoder) property(n strict.Node, event, name string) {
	if d.env == nil || d.env.Events == nil {
		return
	}
	known := slices.Sorted(maps.Keys(d.env.Events[event]))
	if len(known) > 0 && !slices.Contains(known, name) {
		n.Unknownf(segments.CodeUnknownName, name, known, "the event %s has no property %q", event, name)
	}
}

// heads are the heads of conditions that matter here, and email, beside which
// campaign is an operator.
var heads = []string{"email", "segment", "campaign", "health", "stage"}

// leaves visits the single conditions of a condition that was read already.
func leaves(n strict.Node, visit func(head string, key, value strict.Node)) {
	if n.IsList() {
		for _, item := range n.List() {
			leaves(item, visit)
		}
		return
	}
	if !n.IsMap() {
		return
	}
	m := n.Map()
	for _, group := range []string{"all", "any", "not"} {
		if m.Has(group) {
			leaves(m.Get(group), visit)
			return
		}
	}
	for _, head := range heads {
		if m.Has(head) {
			visit(head, m.Key(head), n)
			return
		}
	}
}

// namesIn are the stages that a stage condition names, in either of its forms:
// `stage: customer` with operators beside, or `stage: { at_least: customer }`.
func namesIn(n strict.Node) []strict.Node {
	var names []strict.Node
	add := func(v strict.Node) {
		if v.IsScalar() {
			names = append(names, v)
			return
		}
		if v.IsList() {
			names = append(names, v.List()...)
		}
	}
	m := n.Map()
	at := m
	if stage := m.Get("stage"); stage.IsMap() {
		at = stage.Map()
	} else {
		add(stage)
	}
	for _, operator := range []string{"is", "at_least", "at_most", "in"} {
		add(at.Get(operator))
	}
	return names
}
