package templates

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"rapport/templates/liquid"
)

func itoa(n int) string { return strconv.Itoa(n) }

// pixelVariable holds the address of the pixel; no template can name it.
const pixelVariable = "__open"

// template compiles one template with its languages.
func (c *compiler) template(f *source) *Template {
	t := &Template{name: f.name, file: f.path, topic: f.meta.topic.text, kind: Marketing, variants: map[string]*variant{}}
	if f.meta.kind.set {
		t.kind = f.meta.kind.text
	}
	c.checkTopic(f)
	files := hashing{}
	ok := true
	if t.base = c.variant(t, f, f.meta, "", files); t.base == nil {
		ok = false
	}
	for _, l := range f.meta.languages {
		if v := c.language(t, f, l, files); v != nil {
			t.variants[normalLanguage(l.language.text)] = v
		} else {
			ok = false
		}
	}
	t.hash, t.files = files.sum(), sortedKeys(files)
	if !ok {
		t.broken = "this template has findings: see rapport validate"
	}
	return t
}

func (c *compiler) checkTopic(f *source) {
	topic := f.meta.topic
	if !topic.set || c.opts.Topics == nil || slices.Contains(c.opts.Topics, topic.text) {
		return
	}
	hint := "topics stand in rapport.yaml"
	if near := liquid.Closest(topic.text, c.opts.Topics); near != "" {
		hint = "did you mean " + near + "?"
	}
	c.addAt(topic.pos, CodeTopic, "there is no topic "+strconv.Quote(topic.text), hint)
}

// language compiles the file of one language.
func (c *compiler) language(t *Template, main *source, l languageFile, files hashing) *variant {
	f := c.templates[l.file.text]
	switch {
	case f == nil:
		hint := ""
		if near := liquid.Closest(l.file.text, sortedKeys(c.templates)); near != "" {
			hint = "did you mean " + near + "?"
		}
		c.addAt(l.file.pos, CodeFile, "there is no file "+strconv.Quote(l.file.text), hint)
		return nil
	case f == main:
		c.addAt(l.file.pos, CodeFrontMatter, "a template cannot be a language of itself", "")
		return nil
	case !languageForm(l.language.text):
		c.addAt(l.language.pos, CodeFrontMatter, strconv.Quote(l.language.text)+" is no language", "write it as de or de-AT")
		return nil
	case len(f.meta.languages) > 0:
		c.addAt(f.meta.languages[0].language.pos, CodeFrontMatter, "languages stand in "+main.path+" only", "")
		return nil
	case f.meta.kind.set:
		c.addAt(f.meta.kind.pos, CodeFrontMatter, "the kind stands in "+main.path+" only", "")
	}
	m := f.meta
	m.kind = main.meta.kind
	if !m.layout.set && f.ext != ".mjml" {
		m.layout = main.meta.layout
	}
	c.checkTopic(f)
	return c.variant(t, f, m, l.language.text, files)
}

func languageForm(s string) bool {
	parts := strings.Split(normalLanguage(s), "-")
	for i, p := range parts {
		if len(p) < 2 || len(p) > 8 || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || i == 0 && len(p) > 3 {
			return false
		}
	}
	return true
}

// variant compiles a template in one language; nil when it has findings that
// leave nothing to render.
func (c *compiler) variant(t *Template, f *source, m meta, language string, files hashing) *variant {
	files.add(f)
	if f.noText {
		return nil
	}
	p := &page{c: c, file: f, meta: m, files: files}
	p.failed = f.broken
	v := &variant{language: language, file: f.path}
	if !m.subject.set && !frontMatterFailed(c, f.path) {
		p.fail(liquid.Pos{Name: f.path, Line: 1, Column: 1}, CodeFrontMatter, "the template has no subject", "write subject: between --- lines at the top")
	}
	v.subject, v.preheader = p.line(m.subject), p.line(m.preheader)
	txt := p.textBeside()
	if f.broken {
		return nil
	}
	content := p.expand(p.content(), false, []string{f.path})
	tokens := p.withLayout(content)
	if p.failed {
		p.checkParts(v, content)
		return nil
	}
	doc, marks := p.document(tokens)
	if doc == nil {
		return nil
	}
	table := p.links(t, doc, marks)
	if f.ext != ".mjml" { // which says itself what is inlined
		inlineStyles(doc, marks)
	}
	if txt == nil {
		v.text = p.textProgram(textTokens(doc, marks, f.path))
	} else {
		v.text = p.textProgram(table.inText(p.expand(txt.tokens, true, []string{txt.path})))
	}
	addPixel(doc, marks)
	v.html = p.program(doc, marks)
	if v.html == nil || v.text == nil {
		return nil
	}
	p.check(t, v)
	if p.failed {
		return nil
	}
	v.htmlSize, v.textSize = v.html.Size(), v.text.Size()
	v.html.Prepare()
	v.text.Prepare()
	return v
}

// frontMatterFailed: the file's front matter has a finding already, so a
// missing subject may be that same mistake.
func frontMatterFailed(c *compiler, file string) bool {
	return slices.ContainsFunc(c.findings, func(f Finding) bool { return f.File == file && f.Code == CodeFrontMatter })
}

// line compiles the subject or the preheader.
func (p *page) line(s scalar) *liquid.Template {
	if !s.set {
		return nil
	}
	tokens, errs := liquid.Lex(s.text, s.pos)
	if len(errs) == 0 {
		before := len(p.c.findings)
		tokens = p.expand(tokens, true, nil)
		if len(p.c.findings) > before {
			return nil
		}
	}
	t, more := liquid.ParseTokens(p.file.path, tokens, liquid.Line)
	if errs = append(errs, more...); len(errs) > 0 {
		p.failed = true
		p.c.syntax(CodeSyntax, errs)
		return nil
	}
	return t
}

// textBeside finds the .txt of the same name, which takes the place of the
// text made from the HTML.
func (p *page) textBeside() *source {
	stem := strings.TrimSuffix(p.file.path, path.Ext(p.file.path))
	txt := p.c.templates[stem+".txt"]
	if txt == nil {
		return nil
	}
	txt.used = true
	p.files.add(txt)
	p.failed = p.failed || txt.broken
	return txt
}

func (p *page) textProgram(tokens []liquid.Token) *liquid.Template {
	t, errs := liquid.ParseTokens(p.file.path, tokens, liquid.Line)
	if len(errs) > 0 {
		p.failed = true
		p.c.syntax(CodeSyntax, errs)
		return nil
	}
	return t
}
