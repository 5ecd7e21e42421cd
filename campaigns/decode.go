package campaigns

import (
	"path"
	"slices"
	"strings"

	"rapport/internal/calendar"
	"rapport/internal/strict"
	"rapport/segments"
)

// References are the names of rapport.yaml and relationship.yaml that a
// campaign may use, beside those in segments.Env. A nil *References checks
// none of them.
type References struct {
	Senders      []string
	TopicSenders map[string]string // topic → its own sender, where it has one
	Webhooks     []string
	Surveys      []string
	Loyalty      bool // there is a loyalty program, which counts points
}

// Codes of the findings that this package adds to those of strict.
const (
	CodeUnknownName   = segments.CodeUnknownName
	CodeDuplicateName = "duplicate-name" // a name that must be unique and is not
	CodeConflict      = "conflict"       // two parts of a campaign that exclude each other
	CodeUnreachable   = "unreachable"    // steps that never run
	CodeMissing       = "missing-part"   // something that is needed, here or elsewhere in the workspace
)

var (
	purposes = []string{"acquire", "grow", "retain", "win-back"}
	keys     = []string{
		"campaign", "description", "purpose", "kind", "sender", "topic", "priority", "audience", "start",
		"reentry", "deliver", "goal", "exit", "control", "on_unknown", "steps",
	}
)

// Decode reads a campaign file. Everything that is wrong with it becomes a
// finding at its place, and reading goes on; the answer is false only when
// there is no campaign to speak of. A nil env checks no names.
func Decode(n strict.Node, env *segments.Env, refs *References) (*Definition, bool) {
	m := n.Map(keys...)
	if !m.OK() {
		return nil, false
	}
	d := &decoder{env: env, refs: refs, root: m, ids: map[string]bool{}, splits: map[string]bool{}}
	d.def = &Definition{
		Kind: Marketing, Priority: DefaultPriority, OnUnknown: KeepUnknown,
		Deliver: Deliver{SendTime: AsPlanned, Expire: DefaultExpire},
		Reentry: Reentry{Mode: ReentryNever},
		File:    n.File(), Line: n.Line(),
	}
	d.head()
	d.audience(m.Get("audience"))
	d.start(m.Require("start"))
	d.reentry(m.Get("reentry"))
	d.deliver(m.Get("deliver"))
	d.goal(m.Get("goal"))
	d.exits(m.Get("exit"))
	d.def.Steps = d.steps(m.Require("steps"))
	d.whole()
	d.def.Prepare()
	return d.def, true
}

type decoder struct {
	env  *segments.Env
	refs *References
	root strict.Map
	def  *Definition

	ids     map[string]bool // `id:` of steps
	splits  map[string]bool
	sends   int
	awaited []strict.Node // the templates whose mail a wait_for is about
}

func (d *decoder) head() {
	def, m := d.def, d.root
	name := m.Require("campaign")
	if text, ok := name.Name(); ok {
		def.Name = text
		if base := strings.TrimSuffix(path.Base(def.File), path.Ext(def.File)); def.File != "" && base != text {
			name.Hintf(strict.CodeBadValue, "rename one of them", "the campaign is named %q, but its file %q", text, path.Base(def.File))
		}
	}
	def.Description, _ = m.Get("description").Text()
	def.Purpose, _ = m.Get("purpose").Choice(purposes...)
	if kind, ok := m.Get("kind").Choice(Marketing, Transactional); ok {
		def.Kind = kind
	}
	if share, ok := m.Get("control").Percent(); ok {
		def.Control = share
		if share == 1 {
			m.Get("control").Errorf(strict.CodeBadValue, "a control group of 100%% leaves nobody to mail")
		}
	}
	if choice, ok := m.Get("on_unknown").Choice(KeepUnknown, ResendUnknown); ok {
		def.OnUnknown = choice
	}
	if p, ok := m.Get("priority").Int(); ok {
		def.Priority = int(p)
		if p < 0 || p > 100 {
			m.Get("priority").Errorf(strict.CodeBadValue, "priority must be from 0 to 100, not %d", p)
		}
	}
	d.topic()
}

func (d *decoder) topic() {
	def, m := d.def, d.root
	if topic, ok := m.Get("topic").Name(); ok {
		def.Topic = topic
		if d.env != nil {
			d.known(m.Get("topic"), "topic", topic, d.env.Topics)
		}
	}
	if def.Kind == Marketing && !m.Has("topic") {
		m.Node().Hintf(strict.CodeMissingKey, "name a topic of rapport.yaml: only contacts who consent to it are mailed",
			`"topic" is missing`)
	}
	if sender, ok := m.Get("sender").Name(); ok {
		def.Sender = sender
		if d.refs != nil {
			d.known(m.Get("sender"), "sender", sender, d.refs.Senders)
		}
	}
	if !m.Has("sender") && d.refs != nil && d.refs.TopicSenders[def.Topic] == "" {
		m.Node().Hintf(CodeMissing, "name a sender here or at the topic", `"sender" is missing`)
	}
}

// known reports a name that nothing has.
func (d *decoder) known(n strict.Node, what, name string, names []string) {
	if !slices.Contains(names, name) {
		n.Unknownf(CodeUnknownName, name, names, "there is no %s %q", what, name)
	}
}

func (d *decoder) audience(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map("segment", "exclude")
	d.def.Audience.Segment = d.segment(m.Get("segment"))
	if list := m.Get("exclude"); list.Present() {
		for _, item := range list.List() {
			if name := d.segment(item); name != "" {
				d.def.Audience.Exclude = append(d.def.Audience.Exclude, name)
			}
		}
	}
}

func (d *decoder) segment(n strict.Node) string {
	name, ok := n.Name()
	if !ok {
		return ""
	}
	if d.env != nil {
		d.known(n, "segment", name, d.env.Segments)
	}
	return name
}

func (d *decoder) reentry(n strict.Node) {
	r := &d.def.Reentry
	if n.IsMap() {
		m := n.Map("after")
		if span, ok := m.Require("after").Span(); ok {
			*r = Reentry{Mode: ReentryAfter, After: span}
		}
		return
	}
	if mode, ok := n.Choice(string(ReentryNever), string(ReentryAlways), string(ReentryRestart)); ok {
		r.Mode = ReentryMode(mode)
	}
}

func (d *decoder) deliver(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map("window", "send_time", "expire")
	out := &d.def.Deliver
	if choice, ok := m.Get("send_time").Choice(AsPlanned, BestTime); ok {
		out.SendTime = choice
	}
	if span, ok := m.Get("expire").Span(); ok {
		out.Expire = span
	}
	if w := m.Get("window"); w.Present() {
		d.window(w)
	}
}

func (d *decoder) window(n strict.Node) {
	m := n.Map("days", "from", "to", "timezone")
	if !m.OK() {
		return
	}
	w := calendar.Window{Days: calendar.EveryDay}
	if days, ok := weekdays(m.Get("days")); ok {
		w.Days = days
	}
	from, okFrom := m.Require("from").TimeOfDay()
	to, okTo := m.Require("to").TimeOfDay()
	zone, _ := m.Get("timezone").Zone()
	d.def.Deliver.Zone = zone
	switch {
	case !okFrom || !okTo:
		return
	case from == to:
		n.Hintf(strict.CodeBadValue, "leave the window out if mail may go at any hour", "the window is never open: it ends at %s, when it starts", to)
		return
	}
	w.From, w.To = from, to
	d.def.Deliver.Window = &w
}

// weekdays reads MON-FRI, or a list of such.
func weekdays(n strict.Node) (calendar.Weekdays, bool) {
	if !n.IsList() {
		return n.Weekdays()
	}
	var days calendar.Weekdays
	for _, item := range n.List() {
		some, ok := item.Weekdays()
		if !ok {
			return 0, false
		}
		days |= some
	}
	if days == 0 {
		n.Errorf(strict.CodeBadValue, "%s must not be empty", n.Label())
	}
	return days, days != 0
}

func (d *decoder) goal(n strict.Node) {
	if !n.Present() {
		return
	}
	cond, ok := segments.DecodePart(n, d.env, "within", "value")
	if !n.IsMap() {
		return
	}
	own := beside(n, "within", "value")
	g := &GoalRule{When: cond, Within: DefaultGoalWithin}
	if span, ok := own["within"].Span(); ok {
		g.Within = span
	}
	if value, ok := own["value"].Text(); ok {
		g.Value = value
		d.property(own["value"], cond, value)
	}
	if ok {
		d.def.Goal = g
	}
}

// property checks that an event of the condition declares a property.
func (d *decoder) property(n strict.Node, cond *segments.Condition, name string) {
	if cond == nil || d.env == nil || d.env.Events == nil {
		return
	}
	var names []string
	for _, event := range cond.Uses().Events {
		for property := range d.env.Events[event] {
			names = append(names, property)
		}
	}
	slices.Sort(names)
	d.known(n, "property", name, names)
}

// exits reads a list of conditions, each of which is an exit; a map is one.
func (d *decoder) exits(n strict.Node) {
	if !n.Present() {
		return
	}
	items := []strict.Node{n}
	if n.IsList() {
		items = n.List()
	}
	for _, item := range items {
		if cond, ok := segments.Decode(item, d.env); ok {
			d.def.Exit = append(d.def.Exit, cond)
		}
	}
}

// whole checks what only the whole campaign shows.
func (d *decoder) whole() {
	def, m := d.def, d.root
	if def.Kind == Transactional && def.Start.Kind == StartSchedule {
		m.Get("start").Hintf(CodeConflict, "start it by an event, or make it kind: marketing",
			"a transactional campaign cannot be started by a schedule")
	}
	if def.Start.Kind == StartEnter && def.Audience.Segment == "" && !m.Get("audience").Map().Has("segment") {
		m.Get("start").Hintf(CodeConflict, "name it under audience", "this start needs an audience with a segment to enter")
	}
	if steps := m.Get("steps"); steps.IsList() && len(steps.List()) == 0 {
		steps.Errorf(strict.CodeBadValue, `"steps" must not be empty`)
	}
	d.awaitedMail()
	if d.sends > MaxSends {
		m.Get("steps").Errorf(strict.CodeTooLarge, "a campaign has at most %d send steps, this one has %d", MaxSends, d.sends)
	}
}

// awaitedMail finds a wait_for about mail that the campaign does not send.
func (d *decoder) awaitedMail() {
	var sent []string
	walk(d.def.Steps, func(s *Step) {
		if s.Kind == StepSend {
			sent = append(sent, s.Send.Template)
		}
	})
	for _, n := range d.awaited {
		if name := scalar(n); name != "" && !slices.Contains(sent, name) {
			n.Unknownf(CodeUnknownName, name, sent, "no step of this campaign sends %q", name)
		}
	}
}

func notRunYet(n strict.Node, what, instead string) {
	n.Warnf(strict.CodeNotRunYet, "", "%s does not run yet: %s", what, instead)
}
