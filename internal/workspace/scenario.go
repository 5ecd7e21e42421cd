package workspace

import (
	"slices"
	"strings"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// Scenario says what must happen to one contact, moment by moment. Times are in
// the company's zone.
type Scenario struct {
	Name     string
	Campaign string   // the only one that runs
	Beside   []string // but for these
	Contact  ScenarioContact
	From     calendar.DateTime // when the contact is created
	Entries  []Entry
	Never    []Expectation
	// AllowUnexpected lets mail pass that no entry expects.
	AllowUnexpected bool
	Arms            map[string]string // split → arm, instead of drawing lots
	File            string
	Line, Column    int
}

// ScenarioContact is the contact of a scenario.
type ScenarioContact struct {
	Email, FirstName, LastName, Language, Timezone string
	Stage, Health                                  string
	Consents                                       []string // topics
	Attributes                                     map[string]any
}

// Entry is one moment of a scenario: something happens, or is expected.
type Entry struct {
	At         calendar.DateTime
	Event      string
	Properties map[string]any
	Template   string // which message an e-mail event is about; "" means the latest
	Link       string
	Expect     *Expectation

	Line, Column int
}

// Expectation is what must, or must never, be so.
type Expectation struct {
	Send        string // a template
	Stage       string
	Health      string
	Exit        string         // the reason
	NotEnrolled string         // the reason
	Attributes  map[string]any // what they hold by then

	Line, Column int
}

var emailEvents = []string{
	"email.delivered", "email.opened", "email.clicked", "email.replied", "email.bounced", "email.complained", "email.unsubscribed",
}

func (r *reading) decodeScenarios() {
	for _, p := range r.tests {
		if !p.ok {
			continue
		}
		m := p.node.Map("scenarios")
		list := m.Require("scenarios")
		names := map[string]bool{}
		for _, item := range list.List() {
			s := r.scenario(item)
			s.File = p.path
			if names[s.Name] && s.Name != "" {
				item.Map().Get("name").Errorf(strict.CodeBadValue, "another scenario of this file has the same name")
			}
			names[s.Name] = true
			r.ws.Scenarios = append(r.ws.Scenarios, s)
		}
	}
}

func (r *reading) scenario(n strict.Node) Scenario {
	m := n.Map("name", "campaign", "beside", "contact", "from", "steps", "never", "unexpected", "arms")
	s := Scenario{Line: n.Line(), Column: n.Column()}
	s.Name, _ = m.Require("name").Text()
	s.Campaign = r.name(m.Require("campaign"), "campaign", r.names.Campaigns)
	for _, item := range m.Get("beside").List() {
		if name := r.name(item, "campaign", r.names.Campaigns); name != "" {
			s.Beside = append(s.Beside, name)
		}
	}
	s.Contact = r.scenarioContact(m.Require("contact"))
	from, okFrom := m.Require("from").DateTime()
	s.From = from
	last := from
	for _, item := range m.Require("steps").List() {
		e, ok := r.entry(item)
		if ok && okFrom && before(e.At, last) {
			item.Map().Get("at").Hintf(strict.CodeBadValue, "sort the steps by time", "%s is before %s, where the scenario has come to", e.At, last)
		} else if ok {
			last = e.At
		}
		s.Entries = append(s.Entries, e)
	}
	for _, item := range m.Get("never").List() {
		if e := r.expectation(item); e != nil {
			s.Never = append(s.Never, *e)
		}
	}
	unexpected, _ := m.Get("unexpected").Choice("fail", "allow")
	s.AllowUnexpected = unexpected == "allow"
	if arms := m.Get("arms"); arms.Present() {
		s.Arms = map[string]string{}
		for _, p := range arms.Map().Pairs() {
			r.arm(s.Campaign, p)
			s.Arms[p.Key.Raw().Value], _ = p.Value.Name()
		}
	}
	return s
}

func before(a, b calendar.DateTime) bool {
	c := a.Date.Compare(b.Date)
	return c < 0 || c == 0 && a.TimeOfDay < b.TimeOfDay
}

func (r *reading) scenarioContact(n strict.Node) ScenarioContact {
	m := n.Map("email", "first_name", "last_name", "language", "timezone", "stage", "health", "consents", "attributes")
	var c ScenarioContact
	if a, ok := mailbox(m.Require("email")); ok {
		c.Email = a.Address
	}
	c.FirstName, _ = m.Get("first_name").Text()
	c.LastName, _ = m.Get("last_name").Text()
	c.Language, _ = m.Get("language").Text()
	if c.Timezone, _ = m.Get("timezone").Zone(); c.Timezone == "contact" {
		m.Get("timezone").Errorf(strict.CodeBadValue, "this is the contact's own zone: name one, as in Europe/Berlin")
	}
	c.Stage = r.name(m.Get("stage"), "stage", r.names.Stages)
	c.Health = r.name(m.Get("health"), "health", r.names.Healths)
	for _, item := range m.Get("consents").List() {
		if topic := r.name(item, "topic", r.names.Topics); topic != "" {
			c.Consents = append(c.Consents, topic)
		}
	}
	c.Attributes = r.values(m.Get("attributes"), "attribute", r.ws.Attributes)
	return c
}

// values reads names with values; where names are declared, others are findings.
func (r *reading) values(n strict.Node, what string, declared map[string]string) map[string]any {
	m := n.Map()
	if !m.OK() {
		return nil
	}
	out := map[string]any{}
	for _, p := range m.Pairs() {
		name := p.Key.Raw().Value
		if declared != nil {
			r.name(p.Key, what, sortedKeys(declared))
		}
		if v, ok := p.Value.Value(); ok {
			out[name] = v
		}
	}
	return out
}

func (r *reading) entry(n strict.Node) (Entry, bool) {
	m := n.Map("at", "expect", "event", "properties", "template", "link")
	e := Entry{Line: n.Line(), Column: n.Column()}
	at, ok := m.Require("at").DateTime()
	e.At = at
	kind, value := m.ExactlyOne("expect", "event")
	switch kind {
	case "expect":
		e.Expect = r.expectation(value)
		for _, key := range []string{"properties", "template", "link"} {
			if m.Has(key) {
				m.Key(key).Errorf(CodeContradiction, "%q goes with event only", key)
			}
		}
	case "event":
		e.Event, _ = value.Text()
		r.eventName(value, e.Event)
		e.Properties = r.values(m.Get("properties"), "property", r.ws.Events[e.Event])
		if !strings.HasPrefix(e.Event, "email.") {
			for _, key := range []string{"template", "link"} {
				if m.Has(key) {
					m.Key(key).Errorf(CodeContradiction, "%q goes with email. events only", key)
				}
			}
		}
		e.Template = r.name(m.Get("template"), "template", r.names.Templates)
		e.Link, _ = m.Get("link").Text()
	}
	return e, ok
}

func (r *reading) eventName(n strict.Node, name string) {
	switch {
	case name == "":
	case strings.HasPrefix(name, "email."):
		r.name(n, "event", emailEvents)
	case r.ws.Events != nil && !slices.Contains(contacts.UndeclaredEvents, name):
		r.name(n, "event", sortedKeys(r.ws.Events))
	}
}

func (r *reading) expectation(n strict.Node) *Expectation {
	m := n.Map("send", "stage", "health", "exit", "not_enrolled", "attributes")
	if !m.OK() {
		return nil
	}
	if len(m.Keys()) == 0 {
		n.Errorf(strict.CodeBadValue, "there is nothing to expect")
	}
	e := &Expectation{
		Send:   r.name(m.Get("send"), "template", r.names.Templates),
		Stage:  r.name(m.Get("stage"), "stage", r.names.Stages),
		Health: r.name(m.Get("health"), "health", r.names.Healths),
		Line:   n.Line(), Column: n.Column(),
	}
	e.Exit, _ = m.Get("exit").Text()
	e.NotEnrolled, _ = m.Get("not_enrolled").Text()
	e.Attributes = r.values(m.Get("attributes"), "attribute", r.ws.Attributes)
	return e
}

// arm checks that a campaign has a split with an arm.
func (r *reading) arm(campaign string, p strict.Pair) {
	d := r.ws.Campaigns[campaign]
	if d == nil || r.faulty(d.File) {
		return // the split may be what is wrong there
	}
	splits := splitsOf(d.Steps, map[string][]string{})
	name := p.Key.Raw().Value
	arms, ok := splits[name]
	if !ok {
		p.Key.Unknownf(CodeUnknownName, name, sortedKeys(splits), "the campaign %s has no split %q", campaign, name)
		return
	}
	r.name(p.Value, "arm", arms)
}

// faulty says whether something is wrong in a file.
func (r *reading) faulty(file string) bool {
	return slices.ContainsFunc(r.findings.All(), func(f strict.Finding) bool { return f.File == file && !f.Warning })
}

// name reads a reference. What it refers to is not checked while names are
// unknown.
func (r *reading) name(n strict.Node, what string, known []string) string {
	text, ok := n.Text()
	if !ok {
		return ""
	}
	if r.known() && !slices.Contains(known, text) {
		n.Unknownf(CodeUnknownName, text, known, "there is no %s %q", what, text)
		return ""
	}
	return text
}
