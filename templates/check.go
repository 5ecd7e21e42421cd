package templates

import (
	"slices"
	"strconv"
	"strings"

	"rapport/templates/liquid"
)

var (
	outerNames   = []string{"contact", "company", "campaign", "event", "unsubscribe_url", "preferences_url", "view_url", "referral_url", "survey_url", "confirm_url"}
	layoutNames  = []string{"content", "subject", "preheader", "language", "kind"}
	contactNames = []string{"id", "email", "first_name", "last_name", "name", "language", "timezone", "stage", "health", "created_at", "attributes", "points", "tier", "benefits"}
	companyNames = []string{"name", "address", "website", "timezone", "language"}
)

// check looks at the variables of a whole variant.
func (p *page) check(t *Template, v *variant) {
	var used []liquid.Var
	for _, part := range []*liquid.Template{v.subject, v.preheader, v.html, v.text} {
		if part != nil {
			used = append(used, part.Variables()...)
		}
	}
	for _, u := range used {
		p.checkVar(u)
	}
	if t.kind == Transactional {
		return
	}
	p.checkFooter(v.html.Variables())
}

// checkParts looks at what could still be read of a page with other findings:
// a missing layout must not hide a misspelt variable.
func (p *page) checkParts(v *variant, content []liquid.Token) {
	for _, part := range []*liquid.Template{v.subject, v.preheader} {
		if part != nil {
			for _, u := range part.Variables() {
				p.checkVar(u)
			}
		}
	}
	if t, errs := liquid.ParseTokens(p.file.path, content, liquid.Plain); len(errs) == 0 {
		for _, u := range t.Variables() {
			p.checkVar(u)
		}
	}
}

func (p *page) checkVar(u liquid.Var) {
	pos := liquid.Pos{Name: u.Name, Line: u.Line, Column: u.Column}
	root := u.Path[0]
	known := outerNames
	if strings.HasSuffix(u.Name, ".mjml") { // it is its own layout
		known = slices.Concat(outerNames, layoutNames[1:])
	} else if strings.HasPrefix(u.Name, "layouts/") || strings.HasPrefix(u.Name, "partials/") {
		known = slices.Concat(outerNames, layoutNames)
	}
	switch {
	case root == pixelVariable && u.Name == "":
	case !slices.Contains(known, root):
		hint := "known are " + strings.Join(known, ", ")
		if near := liquid.Closest(root, known); near != "" {
			hint = "did you mean " + near + "?"
		} else if slices.Contains(contactNames, root) || p.c.opts.Attributes[root] != "" {
			hint = "did you mean contact." + root + "?"
		}
		p.fail(pos, CodeVariable, "there is no variable "+strconv.Quote(root), hint)
	case root == "contact" && len(u.Path) > 1:
		p.checkContact(u, pos)
	case root == "company" && len(u.Path) > 1:
		p.checkField(u, pos, 1, companyNames)
	}
}

func (p *page) checkContact(u liquid.Var, pos liquid.Pos) {
	declared := p.c.opts.Attributes
	if u.Path[1] == "attributes" {
		if declared != nil && len(u.Path) > 2 {
			p.checkField(u, pos, 2, sortedKeys(declared))
		}
		return
	}
	if declared != nil {
		p.checkField(u, pos, 1, slices.Concat(contactNames, sortedKeys(declared)))
	}
}

// checkField refuses a field that cannot exist.
func (p *page) checkField(u liquid.Var, pos liquid.Pos, i int, known []string) {
	name := u.Path[i]
	if name == "*" || slices.Contains(known, name) {
		return
	}
	hint := "known are " + strings.Join(known, ", ")
	if near := liquid.Closest(name, known); near != "" {
		hint = "did you mean " + strings.Join(append(slices.Clone(u.Path[:i]), near), ".") + "?"
	}
	p.fail(pos, CodeVariable, "there is no "+strings.Join(u.Path[:i+1], "."), hint)
}

// checkFooter: whoever mails must say who he is and how to be left alone.
func (p *page) checkFooter(vars []liquid.Var) {
	has := func(path ...string) bool {
		return slices.ContainsFunc(vars, func(v liquid.Var) bool { return slices.Equal(v.Path, path) })
	}
	pos := liquid.Pos{Name: p.file.path, Line: 1, Column: 1}
	where := "into the layout"
	switch {
	case p.file.ext == ".mjml":
		where = `into the template or include the footer of the house, <mj-include path="footer.mjml" />`
	case p.meta.layout.set:
		pos = p.meta.layout.pos
	}
	for _, need := range []struct {
		what string
		path []string
	}{
		{"unsubscribe link", []string{"unsubscribe_url"}},
		{"link to the preferences", []string{"preferences_url"}},
		{"postal address", []string{"company", "address"}},
	} {
		if !has(need.path...) {
			p.fail(pos, CodeFooter, "the mail has no "+need.what,
				"write {{ "+strings.Join(need.path, ".")+" }} "+where+", or kind: transactional into the front matter if it is no marketing")
		}
	}
}
