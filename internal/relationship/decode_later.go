package relationship

import (
	"rapport/internal/strict"
)

// What this file reads is checked and kept; nothing acts on it yet, and a
// warning says so.

func notRunYet(key strict.Node, what string) {
	key.Warnf(strict.CodeNotRunYet, "", "%s do not run yet: they are read and checked, and change nothing", what)
}

func (d *decoder) signals(n strict.Node) {
	if !n.Present() {
		return
	}
	for _, p := range n.Map().Pairs() {
		name, ok := p.Key.Name()
		if !ok {
			continue
		}
		notRunYet(p.Key, "signals")
		s := Signal{Name: name, Weights: map[string]float64{}}
		m := p.Value.Map()
		if !m.OK() {
			continue
		}
		s.HalfLife, _ = m.Require("half_life").Span()
		for _, w := range m.Pairs() {
			event := w.Key.Raw().Value
			if event == "half_life" {
				continue
			}
			if weight, ok := w.Value.Number(); ok {
				s.Weights[event] = weight
			}
		}
		d.def.Signals = append(d.def.Signals, s)
	}
}

func (d *decoder) programs(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map("loyalty", "referral", "survey", "partners")
	for _, key := range m.Keys() {
		notRunYet(key, "programs")
	}
	d.loyalty(m.Get("loyalty"))
	referral(m.Get("referral"))
	d.surveys(m.Get("survey"))
	if partners := m.Get("partners"); partners.Present() {
		for _, p := range partners.Map().Pairs() {
			if name, ok := p.Key.Name(); ok {
				d.def.Programs.Partners = append(d.def.Programs.Partners, name)
			}
			partner := p.Value.Map("title", "code")
			partner.Require("title").Text()
			partner.Require("code").Text()
		}
	}
}

func (d *decoder) loyalty(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map("points", "expire", "tiers")
	m.Get("expire").Span()
	if points := m.Get("points"); points.Present() {
		for _, p := range points.Map().Pairs() {
			if !p.Value.IsMap() {
				p.Value.Number()
				continue
			}
			rule := p.Value.Map("per", "rate")
			rule.Require("per").Text()
			rule.Require("rate").Number()
		}
	}
	tiers := m.Get("tiers")
	if !tiers.Present() {
		return
	}
	for _, item := range tiers.List() {
		t := item.Map("tier", "from", "benefits")
		tier := Tier{}
		var ok bool
		if tier.Name, ok = t.Require("tier").Name(); !ok {
			continue
		}
		tier.From, _ = t.Require("from").Number()
		if benefits := t.Get("benefits"); benefits.Present() {
			tier.Benefits, _ = benefits.Strings()
		}
		if all := d.def.Programs.Tiers; len(all) > 0 && tier.From <= all[len(all)-1].From {
			t.Get("from").Errorf(strict.CodeBadValue, "tiers rise: %s must start above %s", tier.Name, all[len(all)-1].Name)
		}
		d.def.Programs.Tiers = append(d.def.Programs.Tiers, tier)
	}
}

func referral(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map("reward", "friend")
	if reward := m.Get("reward"); reward.Present() {
		reward.Map("points").Require("points").Number()
	}
	if friend := m.Get("friend"); friend.Present() {
		for _, p := range friend.Map().Pairs() {
			p.Value.Value()
		}
	}
}

func (d *decoder) surveys(n strict.Node) {
	if !n.Present() {
		return
	}
	for _, p := range n.Map().Pairs() {
		if name, ok := p.Key.Name(); ok {
			d.def.Programs.Surveys = append(d.def.Programs.Surveys, name)
		}
		m := p.Value.Map("question", "scale", "notify")
		m.Require("question").Text()
		m.Get("scale").Text()
		if notify := m.Get("notify"); notify.Present() {
			w := notify.Map("below", "webhook")
			w.Get("below").Number()
			w.Require("webhook").Name()
		}
	}
}
