package templates

import (
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"rapport/templates/liquid"
	"rapport/templates/mjml"
)

// mjmlTokens turns the MJML of a template into the tokens of an HTML page. As
// with Markdown, each piece of Liquid is a mark while it is read; what it fills
// in later may stand in the content, and in attributes that nothing is worked
// out from.
func (p *page) mjmlTokens() []liquid.Token {
	if !p.fitsMJML(p.file) {
		return nil
	}
	c := &mjmlPage{page: p, m: newMarks(p.c.mjmlTexts(p.file)...)}
	options := mjml.Options{
		Include: c.include, Expand: c.rendered, Waits: c.m.find.MatchString,
		Title: c.variable("subject"), Language: c.variable("language"),
	}
	if p.meta.preheader.set {
		options.Preview = c.variable("preheader")
	}
	html, found := mjml.Compile(c.source(p.file), options)
	for _, e := range found {
		p.fail(liquid.Pos{Name: e.Path, Line: e.Line, Column: e.Column}, CodeMJML, e.Message, e.Hint)
	}
	if p.failed {
		return c.read
	}
	return c.m.restore(html, liquid.Pos{Name: p.file.path, Line: p.file.bodyLine, Column: 1})
}

// mjmlTexts is everything that may come together in a page.
func (c *compiler) mjmlTexts(f *source) []string {
	list := []string{texts(f.tokens)}
	for _, name := range sortedKeys(c.partials) {
		list = append(list, texts(c.partials[name].tokens))
	}
	return list
}

// fitsMJML refuses Liquid in the tags of MJML themselves.
func (p *page) fitsMJML(f *source) bool {
	ok := true
	var before strings.Builder
	for i, site := range liquid.Sites(f.tokens) {
		t := f.tokens[i]
		if t.Kind == liquid.Text {
			before.WriteString(t.Markup)
			continue
		}
		if (site == liquid.SiteTag || site == liquid.SiteTagName) && strings.HasPrefix(openTag(before.String()), "mj") {
			p.fail(t.Pos, CodePlace, "Liquid cannot choose between the attributes of an MJML tag", "put it inside the quotes of an attribute, or write the tag twice")
			ok = false
		}
	}
	return ok
}

// mjmlPage is one page of MJML with its marks.
type mjmlPage struct {
	*page
	m    *marks
	read []liquid.Token // of all files, for those whose variables are to be checked whatever happens
}

// variable is the mark of a variable that the page shows by itself.
func (c *mjmlPage) variable(name string) string {
	pos := liquid.Pos{Name: c.file.path, Line: 1, Column: 1}
	return c.m.put(liquid.Token{Kind: liquid.Output, Markup: " " + name + " ", Source: "{{ " + name + " }}", Pos: pos, Inner: pos})
}

// segment is a part of a source with marks: where it begins there, and where in
// the file.
type segment struct {
	offset int
	pos    liquid.Pos
	text   string // "" for a mark
}

// Where marks are words: in what is text and no markup.
var textTag = regexp.MustCompile(`<(/?)mj-(?:style|title|preview|html-attribute)\b`)

// source writes a file with marks: among content they are comments, which the
// compiler keeps in their place.
func (c *mjmlPage) source(f *source) mjml.Source {
	tokens := c.c.bodyTokens(f)
	for _, t := range tokens {
		if name := t.TagName(); name != "render" && name != "include" {
			c.read = append(c.read, t)
		}
	}
	sites := liquid.Sites(tokens)
	inText := f.ext == ".css"
	var b strings.Builder
	var list []segment
	for i, t := range tokens {
		s := segment{offset: b.Len(), pos: t.Pos}
		switch {
		case t.Kind == liquid.Text:
			s.text = t.Markup
			if all := textTag.FindAllStringSubmatch(t.Markup, -1); all != nil {
				inText = all[len(all)-1][1] == ""
			}
			b.WriteString(t.Markup)
		case sites[i] == liquid.SiteText && !inText:
			b.WriteString("<!--" + c.m.put(t) + "-->")
		default:
			b.WriteString(c.m.put(t))
		}
		list = append(list, s)
	}
	return mjml.Source{Path: f.path, Text: b.String(), Position: func(offset int) (line, column int) { return place(list, offset) }}
}

// place finds the line and column in the file of an offset in the marked text.
func place(list []segment, offset int) (line, column int) {
	i := sort.Search(len(list), func(i int) bool { return list[i].offset > offset }) - 1
	if i < 0 {
		return 1, 1
	}
	s := list[i]
	before := s.text[:min(offset-s.offset, len(s.text))]
	if n := strings.Count(before, "\n"); n > 0 {
		return s.pos.Line + n, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n'):])
	}
	return s.pos.Line, s.pos.Column + utf8.RuneCountInString(before)
}

// include gives the partial that an mj-include names. Nothing else can be
// included: there is no way out of the folder of partials.
func (c *mjmlPage) include(path string, at mjml.Error) (mjml.Source, bool) {
	name := strings.TrimPrefix(strings.TrimPrefix(path, "./"), "partials/")
	f := c.c.partials[strings.TrimSuffix(strings.TrimSuffix(name, ".html"), ".md")]
	if f == nil {
		f = c.c.partials[name+".mjml"]
	}
	if f == nil {
		hint := "it must be a file in partials/"
		if near := liquid.Closest(name, sortedKeys(c.c.partials)); near != "" {
			hint = "did you mean " + near + "?"
		}
		c.fail(liquid.Pos{Name: at.Path, Line: at.Line, Column: at.Column}, CodePartial, "there is no partial \""+path+"\"", hint)
		return mjml.Source{}, false
	}
	c.files.add(f)
	if f.broken || f.ext == ".mjml" && !c.fitsMJML(f) {
		c.failed = true
		return mjml.Source{}, false
	}
	return c.source(f), true
}

// rendered puts a partial of MJML in the place of its {% render %}.
func (c *mjmlPage) rendered(comment string) (before string, src mjml.Source, after string, ok bool) {
	n := c.m.number(comment)
	if n < 0 {
		return "", src, "", false
	}
	t := c.m.token(n)
	name, quoted := partialName(t.Markup)
	if t.Kind != liquid.Tag || !quoted || t.TagName() != "render" && t.TagName() != "include" {
		return "", src, "", false
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "partials/"), ".mjml")
	f := c.c.partials[name+".mjml"]
	if f == nil {
		return "", src, "", false // HTML and Markdown are put in later
	}
	c.files.add(f)
	if f.broken || !c.fitsMJML(f) {
		c.failed = true
		return "", src, "", false
	}
	open, end := t, t
	open.Kind, end.Kind, end.Source = liquid.OpenPartial, liquid.ClosePartial, ""
	return "<!--" + c.m.put(open) + "-->", c.source(f), "<!--" + c.m.put(end) + "-->", true
}
