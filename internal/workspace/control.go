package workspace

import (
	"maps"
	"slices"

	"rapport/campaigns"
	"rapport/internal/strict"
)

// control reads the control group of the workspace, and tells every marketing
// campaign of it.
func (r *reading) control() {
	if !r.main.ok || !r.main.node.IsMap() {
		return
	}
	n := r.main.node.Map(settingsKeys...).Get("control")
	if !n.Present() {
		return
	}
	c := Control{Event: r.ws.Relationship.Health.Purchase}
	where := n
	if n.IsMap() {
		m := n.Map("share", "event", "value")
		where = m.Require("share")
		if event, ok := m.Get("event").Text(); ok {
			c.Event = event
		}
		c.Value, _ = m.Get("value").Text()
		r.counted(m, c)
	} else if c.Event == "" {
		n.Hintf(CodeMissing, "write { share: 5%, event: order.placed }", "there is nothing to compare: relationship.yaml names no purchase")
	}
	share, ok := where.Percent()
	switch {
	case !ok || share == 0:
		return
	case share > 0.5:
		where.Errorf(strict.CodeBadValue, "a control group of more than 50%% leaves no group of its size to compare it with")
		return
	}
	c.Share = share
	r.ws.Control = &c
	for _, d := range r.ws.Campaigns {
		if d.Kind != campaigns.Transactional {
			d.Apart = share
		}
	}
}

// counted checks what is counted against the events that are declared.
func (r *reading) counted(m strict.Map, c Control) {
	at := m.Get("event")
	if c.Event == "" {
		m.Key("share").Hintf(CodeMissing, "add event: order.placed", "there is nothing to compare: relationship.yaml names no purchase")
		return
	}
	if r.ws.Events == nil {
		return
	}
	properties, known := r.ws.Events[c.Event]
	if !known {
		if at.Present() {
			at.Unknownf(CodeUnknownName, c.Event, slices.Sorted(maps.Keys(r.ws.Events)), "the event %q is not declared", c.Event)
		}
		return
	}
	kind, known := properties[c.Value]
	switch {
	case c.Value == "" || properties == nil:
	case !known:
		m.Get("value").Unknownf(CodeUnknownName, c.Value, slices.Sorted(maps.Keys(properties)), "the event %s has no property %q", c.Event, c.Value)
	case kind != "number":
		m.Get("value").Errorf(CodeContradiction, "%s of %s is declared as %s: only a number is worth something", c.Value, c.Event, kind)
	}
}
