package templates

import (
	"rapport/templates/liquid"
)

// WithSubject is the template under another subject, in all its languages:
// what a campaign's send step says in its own words. The subject may hold
// Liquid. The link table and the hash stay those of the template.
func (t *Template) WithSubject(subject string) (*Template, error) {
	line, errs := subjectLine(newCompiler(CompileOptions{}), subject, liquid.Pos{Name: t.file, Line: 1, Column: 1})
	if line == nil {
		e := &RenderError{Template: t.name, File: t.file, Line: 1, Column: 1, Message: "the subject of the step cannot be read"}
		if len(errs) > 0 {
			e.Message, e.Hint = "the subject of the step: "+errs[0].Message, errs[0].Hint
		}
		return nil, e
	}
	out := *t
	out.base = t.base.withSubject(line)
	out.variants = map[string]*variant{}
	for language, v := range t.variants {
		out.variants[language] = v.withSubject(line)
	}
	return &out, nil
}

func (v *variant) withSubject(line *liquid.Template) *variant {
	if v == nil {
		return nil
	}
	out := *v
	out.subject = line
	return &out
}

// CheckSubject finds what is wrong with the subject of a send step that stands
// at a place in a file.
func CheckSubject(subject, file string, line, column int, o CompileOptions) []Finding {
	c := newCompiler(o)
	_, findings := subjectLine(c, subject, liquid.Pos{Name: file, Line: line, Column: column})
	return findings
}

func subjectLine(c *compiler, subject string, pos liquid.Pos) (*liquid.Template, []Finding) {
	p := &page{c: c, file: &source{path: pos.Name}}
	t := p.line(scalar{text: subject, set: true, pos: pos})
	if t != nil {
		for _, v := range t.Variables() {
			p.checkVar(v)
		}
	}
	return t, c.sorted()
}
