package web

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/campaigns"
)

// outlineRow is one line of a campaign's steps.
type outlineRow struct {
	Depth int
	Kind  string // of the step; "" is the head of a way
	Text  string
}

// outline writes steps as lines, what hangs on a condition further in.
func outline(steps []campaigns.Step, depth int) (out []outlineRow) {
	add := func(kind, text string) { out = append(out, outlineRow{depth, kind, text}) }
	into := func(head string, inner []campaigns.Step) {
		out = append(out, outlineRow{depth, "", head}) // a way has no kind of its own
		out = append(out, outline(inner, depth+1)...)
	}
	for i := range steps {
		s := &steps[i]
		switch s.Kind {
		case campaigns.StepSend:
			text := s.Send.Template
			if s.Send.Subject != "" {
				text += " — " + s.Send.Subject
			}
			if s.Survey != "" {
				add("survey", s.Survey+" with "+text)
				break
			}
			add("send", text)
		case campaigns.StepWait:
			add("wait", waitText(s.Wait))
		case campaigns.StepWaitFor:
			add("wait for", s.WaitFor.When.String()+", up to "+s.WaitFor.UpTo.String())
			if len(s.WaitFor.Then) > 0 {
				into("then", s.WaitFor.Then)
			}
			if len(s.WaitFor.Else) > 0 {
				into("else", s.WaitFor.Else)
			}
		case campaigns.StepIf:
			into("if "+s.If.When.String(), s.If.Then)
			if len(s.If.Else) > 0 {
				into("else", s.If.Else)
			}
		case campaigns.StepBranch:
			for _, c := range s.Branch {
				head := "else"
				if c.When != nil {
					head = "if " + c.When.String()
				}
				into(head, c.Steps)
			}
		case campaigns.StepSplit:
			add("split", s.Split.Name)
			for _, arm := range s.Split.Arms {
				into(fmt.Sprintf("%s, weight %d", arm.Name, arm.Weight), arm.Steps)
			}
		case campaigns.StepSet:
			add("set", strings.Join(slices.Sorted(maps.Keys(s.Set)), ", "))
		case campaigns.StepAward:
			add("award", strings.TrimSpace(fmt.Sprintf("%d points %s", s.Award.Points, s.Award.For)))
		case campaigns.StepNotify:
			add("notify", strings.TrimSuffix(s.Notify.Webhook+": "+s.Notify.Task, ": "))
		case campaigns.StepExit:
			add("exit", s.Exit)
		}
	}
	return out
}

func waitText(w *campaigns.Wait) string {
	switch {
	case w.Until != nil:
		return "until " + w.Until.Text
	case w.Attribute != "":
		text := "until " + w.Attribute
		if !w.Offset.IsZero() {
			text += ", moved by " + w.Offset.String()
		}
		return text
	}
	return w.Span.String()
}
