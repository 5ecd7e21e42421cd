package templates

import "rapport/templates/liquid"

// For is the template for all messages of one campaign: what company and campaign
// say in it, which are as in Input, is worked out once. Links, hash and errors
// stay those of the template.
func (t *Template) For(company, campaign any) *Template {
	if t.broken != "" {
		return t
	}
	out := *t
	out.base = t.base.known(t, company, campaign)
	out.variants = make(map[string]*variant, len(t.variants))
	for language, v := range t.variants {
		out.variants[language] = v.known(t, company, campaign)
	}
	return &out
}

func (v *variant) known(t *Template, company, campaign any) *variant {
	facts := liquid.Map{"company": company, "campaign": campaign, "kind": t.kind, "language": writtenIn(v, company)}
	fold := func(part *liquid.Template) *liquid.Template {
		if part == nil {
			return nil
		}
		return part.Fold(facts, true)
	}
	out := *v
	out.subject, out.preheader = fold(v.subject), fold(v.preheader)
	for name, line := range map[string]*liquid.Template{"subject": out.subject, "preheader": out.preheader} {
		if line == nil {
			facts[name] = ""
		} else if text, ok := line.Constant(); ok {
			facts[name] = text
		}
	}
	out.html, out.text = fold(v.html), fold(v.text)
	out.htmlSize, out.textSize = out.html.Size(), out.text.Size()
	out.html.Prepare()
	out.text.Prepare()
	return &out
}
