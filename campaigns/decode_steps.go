package campaigns

import (
	"slices"
	"strings"

	"rapport/internal/calendar"
	"rapport/internal/strict"
	"rapport/segments"
	"rapport/templates"
)

var (
	stepHeads = []string{
		"send", "wait", "wait_for", "if", "branch", "split", "set", "exit", "award", "notify", "survey",
	}
	stepKeys = append(slices.Clone(stepHeads), "then", "else", "id")
)

// StepHeads lists the keys that a step begins with: each has exactly one.
func StepHeads() []string { return slices.Clone(stepHeads) }

func (d *decoder) steps(n strict.Node) []Step {
	if !n.Present() {
		return nil
	}
	var steps []Step
	items := n.List()
	for i, item := range items {
		s, ok := d.step(item)
		if !ok {
			continue
		}
		if s.Kind == StepExit && i < len(items)-1 {
			items[i+1].Warnf(CodeUnreachable, "", "nothing gets past the exit on line %d", s.Line)
		}
		steps = append(steps, s)
	}
	return steps
}

func (d *decoder) step(n strict.Node) (Step, bool) {
	m := n.Map(stepKeys...)
	head, value := m.ExactlyOne(stepHeads...)
	if head == "" {
		return Step{}, false
	}
	s := Step{Kind: StepKind(head), Line: n.Line(), Name: d.id(m.Get("id"))}
	if s.Kind != StepIf && s.Kind != StepWaitFor {
		d.only(m, "then", false, "if and wait_for")
		d.only(m, "else", false, "if and wait_for")
	}
	return s, d.stepOf(&s, m, value)
}

func (d *decoder) stepOf(s *Step, m strict.Map, value strict.Node) bool {
	switch s.Kind {
	case StepSend:
		return d.send(s, value)
	case StepWait:
		return d.wait(s, value)
	case StepWaitFor:
		return d.waitFor(s, m, value)
	case StepIf:
		cond, ok := segments.Decode(value, d.env)
		s.If = &If{When: cond, Then: d.steps(m.Require("then")), Else: d.steps(m.Get("else"))}
		return ok
	case StepBranch:
		return d.branch(s, value)
	case StepSplit:
		return d.split(s, value)
	case StepSet:
		return d.set(s, value)
	case StepExit:
		var ok bool
		s.Exit, ok = value.Text()
		return ok
	case StepAward:
		return d.award(s, m.Key("award"), value)
	case StepNotify:
		return d.notify(s, value)
	}
	return d.survey(s, value)
}

// id reads the identity that the author gives a step.
func (d *decoder) id(n strict.Node) string {
	id, ok := n.Name()
	if !ok {
		return ""
	}
	if d.ids[id] {
		n.Errorf(CodeDuplicateName, "another step has the id %q", id)
	}
	d.ids[id] = true
	return id
}

func (d *decoder) send(s *Step, n strict.Node) bool {
	d.sends++
	s.Send = &Send{}
	template := n
	if n.IsMap() {
		m := n.Map("template", "subject")
		template = m.Require("template")
		s.Send.Subject = d.subject(m.Get("subject"))
	}
	name, ok := template.Name()
	if !ok {
		return false
	}
	s.Send.Template = name
	if d.env != nil {
		d.known(template, "template", name, d.env.Templates)
	}
	return true
}

func (d *decoder) wait(s *Step, n strict.Node) bool {
	s.Wait = &Wait{}
	if !n.IsMap() {
		var ok bool
		s.Wait.Span, ok = n.Span()
		return ok
	}
	m := n.Map("until", "offset")
	until := m.Require("until")
	text, ok := until.Text()
	if !ok {
		return false
	}
	if name, isAttribute := strings.CutPrefix(text, "attribute."); isAttribute {
		s.Wait.Attribute = name
		d.dateAttribute(until, name)
		if m.Has("offset") {
			s.Wait.Offset, ok = m.Get("offset").Offset()
		}
		return ok
	}
	d.only(m, "offset", false, "until: attribute.…")
	u, err := parseUntil(text)
	if err != "" {
		until.Hintf(strict.CodeBadValue, `write a day and a time, as in "TUE 10:00", or attribute.NAME`, "%s", err)
		return false
	}
	s.Wait.Until = u
	return true
}

// parseUntil reads "TUE 10:00", "MON-FRI 09:00" or "10:00".
func parseUntil(text string) (*Until, string) {
	u := &Until{Days: calendar.EveryDay, Text: text}
	days, tod, both := strings.Cut(text, " ")
	if !both {
		tod = text
	} else {
		var err error
		if u.Days, err = calendar.ParseWeekdays(days); err != nil {
			return nil, err.Error()
		}
	}
	at, err := calendar.ParseTimeOfDay(strings.TrimSpace(tod))
	if err != nil {
		return nil, err.Error()
	}
	u.At = at
	return u, ""
}

// dateAttribute checks an attribute to wait for against what is declared.
func (d *decoder) dateAttribute(n strict.Node, name string) {
	if name == "created_at" || d.env == nil || d.env.Attributes == nil {
		return
	}
	var dates []string
	for attribute, kind := range d.env.Attributes {
		if kind == "date" {
			dates = append(dates, attribute)
		}
	}
	slices.Sort(dates)
	d.known(n, "date attribute", name, dates)
}

func (d *decoder) waitFor(s *Step, m strict.Map, n strict.Node) bool {
	cond, ok := segments.DecodePart(n, d.env, "up_to")
	s.WaitFor = &WaitFor{When: cond, Then: d.steps(m.Get("then")), Else: d.steps(m.Get("else"))}
	if !n.IsMap() {
		return false
	}
	upTo := beside(n, "up_to")["up_to"]
	if !upTo.Present() {
		n.Hintf(strict.CodeMissingKey, "say how long to wait at most, as in up_to: 4d", `"up_to" is missing`)
		return false
	}
	span, okSpan := upTo.Span()
	s.WaitFor.UpTo = span
	if ok {
		s.WaitFor.about = d.mailOf(n)
	}
	return ok && okSpan
}

func (d *decoder) branch(s *Step, n strict.Node) bool {
	items := n.List()
	if n.IsList() && len(items) == 0 {
		n.Errorf(strict.CodeBadValue, "a branch needs at least one case")
	}
	good := len(items) > 0
	for i, item := range items {
		m := item.Map("if", "then", "else")
		head, value := m.ExactlyOne("if", "else")
		switch head {
		case "if":
			cond, ok := segments.Decode(value, d.env)
			good = good && ok
			s.Branch = append(s.Branch, Case{When: cond, Steps: d.steps(m.Require("then"))})
		case "else":
			if i < len(items)-1 {
				m.Key("else").Errorf(strict.CodeBadValue, "the cases after else are never reached")
			}
			d.only(m, "then", false, "if")
			s.Branch = append(s.Branch, Case{Steps: d.steps(value)})
		default:
			good = false
		}
	}
	return good
}

func (d *decoder) split(s *Step, n strict.Node) bool {
	m := n.Map("name", "winner", "arms")
	s.Split = &Split{}
	name, ok := m.Require("name").Name()
	if ok {
		s.Split.Name = name
		if d.splits[name] {
			m.Get("name").Errorf(CodeDuplicateName, "another split is named %q", name)
		}
		d.splits[name] = true
	}
	if w := m.Get("winner"); w.Present() {
		d.winner(s.Split, w)
	}
	arms := m.Require("arms")
	total, seen := 0, map[string]bool{}
	for _, item := range arms.List() {
		arm, good := d.arm(item, seen)
		ok = ok && good
		total += arm.Weight
		s.Split.Arms = append(s.Split.Arms, arm)
	}
	if ok && arms.IsList() && len(s.Split.Arms) < 2 {
		arms.Errorf(strict.CodeBadValue, "a split needs at least two arms")
		return false
	}
	if ok && total == 0 {
		arms.Errorf(strict.CodeBadValue, "the weights of the arms are all 0")
		return false
	}
	return ok
}

func (d *decoder) arm(n strict.Node, seen map[string]bool) (Arm, bool) {
	m := n.Map("arm", "weight", "steps")
	a := Arm{Weight: 1}
	name, ok := m.Require("arm").Name()
	if ok {
		a.Name = name
		if seen[name] {
			m.Get("arm").Errorf(CodeDuplicateName, "another arm of this split is named %q", name)
		}
		seen[name] = true
	}
	if w, okWeight := m.Get("weight").Int(); okWeight {
		const most = 1_000_000
		if w < 0 || w > most {
			m.Get("weight").Errorf(strict.CodeBadValue, "a weight is from 0 to %d, not %d", most, w)
			w, ok = 1, false
		}
		a.Weight = int(w)
	}
	a.Steps = d.steps(m.Get("steps"))
	return a, ok
}

func (d *decoder) winner(s *Split, n strict.Node) {
	m := n.Map("by", "after", "certainty", "within")
	s.Winner = &Winner{After: DefaultAfter, Certainty: DefaultCertainty}
	s.Winner.By, _ = m.Require("by").Choice(ByGoal, ByClicked, ByReplied)
	if after, ok := m.Get("after").Int(); ok {
		s.Winner.After = int(after)
		if after < 1 {
			m.Get("after").Errorf(strict.CodeBadValue, `"after" is a number of contacts of at least 1, not %d`, after)
		}
	}
	if share, ok := m.Get("certainty").Percent(); ok {
		s.Winner.Certainty = share
		if share < 0.5 || share >= 1 {
			m.Get("certainty").Refusef(strict.CodeBadValue, "", "a certainty is from 50%% to below 100%%, not %s", m.Get("certainty").Raw().Value)
		}
	}
	d.winnerTime(s.Winner, m)
}

// winnerTime reads how long an arm has to show what it is worth.
func (d *decoder) winnerTime(w *Winner, m strict.Map) {
	if w.By == ByGoal {
		if !d.root.Has("goal") {
			m.Get("by").Errorf(CodeConflict, "the campaign has no goal to choose a winner by")
		}
		if m.Has("within") {
			m.Get("within").Hintf(CodeConflict, "take it out", "the goal says itself within what time it counts")
		}
		return
	}
	w.Within = DefaultAnswerWithin
	if span, ok := m.Get("within").Span(); ok {
		w.Within = span
	}
}

// mostPoints bounds what one step may give.
const mostPoints = 1_000_000

func (d *decoder) award(s *Step, key, n strict.Node) bool {
	m := n.Map("points", "for")
	points, ok := m.Require("points").Int()
	if ok && (points < 1 || points > mostPoints) {
		m.Get("points").Errorf(strict.CodeBadValue, "an award is from 1 to %d points, not %d", mostPoints, points)
		ok = false
	}
	reason, _ := m.Get("for").Text()
	if d.refs != nil && !d.refs.Loyalty {
		key.Hintf(CodeUnknownName, "add programs: loyalty: to relationship.yaml", "there is no loyalty program, so nothing counts these points")
		return false
	}
	s.Award = &Award{Points: int(points), For: reason}
	return ok
}

func (d *decoder) notify(s *Step, n strict.Node) bool {
	m := n.Map("webhook", "task")
	webhook, ok := m.Require("webhook").Name()
	if ok && d.refs != nil {
		d.known(m.Get("webhook"), "webhook", webhook, d.refs.Webhooks)
	}
	task, _ := m.Get("task").Text()
	s.Notify = &Notify{Webhook: webhook, Task: task}
	return ok
}

// survey reads a step that asks a question by mail: a send step whose mail leads
// to the survey's page. Its template has the survey's name unless it is said.
func (d *decoder) survey(s *Step, n strict.Node) bool {
	d.sends++
	s.Kind = StepSend
	m := n.Map("nps", "template", "subject")
	at := m.Require("nps")
	name, ok := at.Name()
	if !ok {
		return false
	}
	if d.refs != nil {
		d.known(at, "survey", name, d.refs.Surveys)
	}
	s.Survey = name
	s.Send = &Send{Template: name, Subject: d.subject(m.Get("subject"))}
	if m.Has("template") {
		at = m.Get("template")
		if s.Send.Template, ok = at.Name(); !ok {
			return false
		}
		if d.env != nil {
			d.known(at, "template", s.Send.Template, d.env.Templates)
		}
		return true
	}
	if d.env != nil && !slices.Contains(d.env.Templates, name) && (d.refs == nil || slices.Contains(d.refs.Surveys, name)) {
		at.Hintf(CodeUnknownName, "write templates/"+name+".md with {{ survey_url }} in it, or name another with template:", "there is no template %q to ask the survey's question with", name)
	}
	return true
}

// subject reads the subject of a send step, which may hold Liquid.
func (d *decoder) subject(n strict.Node) string {
	text, ok := n.Text()
	if !ok || text == "" {
		return ""
	}
	var o templates.CompileOptions
	if d.env != nil {
		o.Attributes = d.env.Attributes
	}
	for _, f := range templates.CheckSubject(text, n.File(), n.Line(), n.Column(), o) {
		n.Hintf(f.Code, f.Hint, "in the subject: %s", f.Message)
	}
	return text
}
