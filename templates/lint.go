package templates

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/templates/liquid"
)

// The codes of what Lint finds.
const (
	LintMissing  = "missing-value"   // a value that some contacts do not have
	LintLink     = "broken-link"     // an address that leads nowhere
	LintAlt      = "no-alt"          // a picture without words
	LintSize     = "too-large"       // mail that programs cut off
	LintText     = "no-text"         // no text part
	LintSubject  = "risky-subject"   // a subject that filters or people take amiss
	LintFooter   = "hidden-footer"   // the way out or the address does not show
	LintContrast = "low-contrast"    // text that is hard to read
	LintFailed   = "does-not-render" // all else that stops a mail
)

// clippedAt is how many bytes of HTML Gmail shows before it cuts the mail off.
const clippedAt = 102 << 10

// LintInput is whom Lint looks at a template for. Links of both are not read.
type LintInput struct {
	// Known is somebody of whom everything is known; Stranger somebody of whom
	// only that is known which is known of everybody.
	Known, Stranger Input
	// Source gives the text of a file, to find places in it.
	Source func(file string) string
}

// Lint looks at a template, which compiles, as its readers get it, in every
// language, and tells what they or their mail programs would mind.
func (t *Template) Lint(in LintInput) []Finding {
	if t.broken != "" {
		return nil // the findings of Compile say why
	}
	c := &compiler{}
	for _, language := range append([]string{""}, t.Languages()...) {
		l := t.linter(c, in, language)
		l.fill(l.in.Stranger, true)
		if out, ok := l.fill(l.in.Known, false); ok {
			l.lacking()
			l.subject(out)
			l.parts(out)
			l.page(out.HTML)
		}
	}
	return c.sorted()
}

// linter begins to look at the template in a language.
func (t *Template) linter(c *compiler, in LintInput, language string) *linter {
	v := t.pick(language)
	l := &linter{c: c, t: t, v: v, in: in, places: places{files: []string{v.file}, text: in.Source, taken: map[string]int{}}, missing: map[string]bool{}}
	for _, f := range t.files {
		if strings.Contains(f, "/") || strings.TrimSuffix(f, ".txt") == strings.TrimSuffix(v.file, path.Ext(v.file)) {
			l.places.files = append(l.places.files, f)
		}
	}
	for _, part := range []*liquid.Template{v.html, v.text, v.subject, v.preheader} {
		if part != nil {
			l.used = append(l.used, part.Variables()...)
		}
	}
	l.in.Known.Language, l.in.Stranger.Language = language, language
	return l
}

// linter looks at one template in one language.
type linter struct {
	c       *compiler
	t       *Template
	v       *variant
	in      LintInput
	places  places
	used    []liquid.Var
	missing map[string]bool // values that were found missing
}

// add reports something at the next place of a text, or at the top of the
// template.
func (l *linter) add(near, code, message, hint string) {
	if pos, isNew := l.places.next(near, nil); isNew || near == "" {
		l.c.addAt(pos, code, message, hint)
	}
}

// fill renders. A value that is missing is made up, so that the next one is
// found too; report tells whether it is a finding.
func (l *linter) fill(in Input, report bool) (Output, bool) {
	in.Links = lintLinks{}
	for range 1000 {
		out, err := l.t.Render(in)
		if err == nil {
			return out, true
		}
		e, isRender := err.(*RenderError)
		if !isRender {
			l.add("", LintFailed, err.Error(), "")
			return out, false
		}
		path := l.variableAt(e)
		if path == nil || !in.supply(path) {
			l.c.add(Finding{e.File, e.Line, e.Column, LintFailed, e.Message, e.Hint})
			return out, false
		}
		if report {
			l.lacks(e, path)
		}
	}
	return Output{}, false
}

// lacks reports a value that somebody does not have.
func (l *linter) lacks(e *RenderError, path []string) {
	name := strings.Join(path, ".")
	if path[0] == "event" || l.missing[name] { // whose values the campaign's event brings
		return
	}
	l.missing[name] = true
	l.c.add(Finding{e.File, e.Line, e.Column, LintMissing, "not everybody has a " + name + ": the mail of who has none fails",
		`give it a default, {{ ` + name + ` | default: "…" }}, or ask for it with {% if %}`})
}

// lacking looks for what fails the mail of somebody who has all but one value:
// who has nothing does not come into the branch that asks for another one.
func (l *linter) lacking() {
	for _, u := range l.used {
		if u.Path[0] != "contact" || len(u.Path) < 2 || !u.Output || u.HasDefault || l.missing[strings.Join(u.Path, ".")] {
			continue
		}
		key := u.Path[1]
		if key == "attributes" && len(u.Path) > 2 {
			key = u.Path[2]
		}
		if _, always := field(l.in.Stranger.Contact, key); always {
			continue
		}
		in := l.in.Known
		in.Links = lintLinks{}
		in.Contact = &lackingOne{in.Contact, key}
		_, err := l.t.Render(in)
		if e, ok := err.(*RenderError); ok {
			if path := l.variableAt(e); path != nil && path[len(path)-1] == key {
				l.lacks(e, path)
			}
		}
	}
}

// lackingOne is a value without one of its fields.
type lackingOne struct {
	base any
	key  string
}

// Get gives a field, but for the one that is lacking.
func (o *lackingOne) Get(key string) (any, bool) {
	switch v, ok := field(o.base, key); {
	case key == o.key:
		return nil, false
	case key == "attributes":
		return &lackingOne{v, o.key}, ok
	default:
		return v, ok
	}
}

// variableAt finds the variable without a value that an error is about.
func (l *linter) variableAt(e *RenderError) []string {
	for _, u := range l.used {
		if u.Name == e.File && u.Line == e.Line && u.Column == e.Column && u.Output && !u.HasDefault && len(u.Path) > 1 && !slices.Contains(u.Path, "*") {
			return u.Path
		}
	}
	return nil
}

// supply makes up a value; false when that is not what was missing.
func (in *Input) supply(path []string) bool {
	root := map[string]*any{"contact": &in.Contact, "company": &in.Company, "campaign": &in.Campaign, "event": &in.Event}[path[0]]
	if root == nil {
		return false
	}
	m, ok := (*root).(*madeUp)
	if !ok {
		m = &madeUp{base: *root}
		*root = m
	}
	return m.set(path[1:])
}

// madeUp is a value in which some fields are made up.
type madeUp struct {
	base   any
	fields map[string]any
}

func (m *madeUp) set(path []string) bool {
	if m.fields == nil {
		m.fields = map[string]any{}
	}
	key := path[0]
	if len(path) == 1 {
		_, done := m.fields[key]
		m.fields[key] = key
		return !done
	}
	inner, ok := m.fields[key].(*madeUp)
	if !ok {
		base, _ := field(m.base, key)
		inner = &madeUp{base: base}
		m.fields[key] = inner
	}
	return inner.set(path[1:])
}

// Get gives a field that is made up, else that of the value.
func (m *madeUp) Get(key string) (any, bool) {
	if v, ok := m.fields[key]; ok {
		return v, true
	}
	return field(m.base, key)
}

func field(value any, key string) (any, bool) {
	switch value := value.(type) {
	case map[string]any:
		v, ok := value[key]
		return v, ok
	case liquid.Drop:
		return value.Get(key)
	}
	return nil, false
}

// lintLinks leave addresses as they are; those of our own are known by them.
type lintLinks struct{}

const lintUnsubscribe, lintPreferences = "https://unsubscribe.example/", "https://preferences.example/"

func (lintLinks) AppendClick(dst []byte, _ int, url []byte, _ bool) []byte {
	return append(dst, url...)
}
func (lintLinks) Open() string        { return "" }
func (lintLinks) Unsubscribe() string { return lintUnsubscribe }
func (lintLinks) Preferences() string { return lintPreferences }
func (lintLinks) View() string        { return "https://view.example/" }
func (lintLinks) Referral() string    { return "https://referral.example/" }
func (lintLinks) Survey() string      { return "https://survey.example/" }
func (lintLinks) Confirm() string     { return "https://confirm.example/" }

// What filters and readers know from junk, in lower case.
var junkWords = []string{"100% free", "act now", "cash bonus", "click here", "earn money", "free money", "guaranteed", "limited time", "no obligation",
	"risk-free", "urgent", "winner", "you have won", "gratis!!", "jetzt zugreifen"}

const longSubject = 70 // characters that most programs show

// subject looks at the subject line.
func (l *linter) subject(out Output) {
	found := func(message, hint string) { l.addField("subject:", message, hint) }
	s := strings.TrimSpace(out.Subject)
	lower := strings.ToLower(s)
	if s == "" {
		found("the subject is empty", "")
		return
	}
	if n := utf8.RuneCountInString(s); n > longSubject {
		found(fmt.Sprintf("the subject has %d characters", n), fmt.Sprintf("most mail programs show up to %d, phones half of that", longSubject))
	}
	if strings.HasPrefix(lower, "re:") || strings.HasPrefix(lower, "fwd:") || strings.HasPrefix(lower, "fw:") || strings.HasPrefix(lower, "aw:") {
		found("the subject says that it answers or forwards a mail", "it does not, and laws on misleading subjects know the trick")
	}
	if shouts(s) {
		found("the subject is written in capitals", "write it as a sentence")
	}
	if n := strings.Count(s, "!"); n > 2 && !strings.Contains(s, "!!") {
		found(fmt.Sprintf("the subject has %d exclamation marks", n), "one is enough")
	}
	if strings.Contains(s, "!!") || strings.Contains(s, "??") || strings.Contains(s, "$$") || strings.Contains(s, "€€") {
		found("the subject repeats punctuation", "once is enough")
	}
	for _, words := range junkWords {
		if strings.Contains(lower, words) {
			found(fmt.Sprintf("the subject says %q, as junk mail does", words), "say what is in the mail")
		}
	}
	if strings.TrimSpace(out.Preheader) == s {
		l.addField("preheader:", "the preheader says the same as the subject", "it stands beside it: say what comes next")
	}
}

// addField reports something about a field of the front matter.
func (l *linter) addField(name, message, hint string) {
	pos := liquid.Pos{Name: l.v.file, Line: 1, Column: 1}
	for i, line := range strings.Split(l.in.Source(l.v.file), "\n") {
		if strings.HasPrefix(line, name) {
			pos.Line = i + 1
			break
		}
	}
	l.c.addAt(pos, LintSubject, message, hint)
}

// shouts: of at least two words hardly any letter is small.
func shouts(s string) bool {
	var upper, letters int
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
		}
		if unicode.IsUpper(r) {
			upper++
		}
	}
	return letters >= 8 && strings.Contains(s, " ") && upper*10 >= letters*8
}

// parts looks at the mail as a whole.
func (l *linter) parts(out Output) {
	if n := len(out.HTML); n > clippedAt {
		l.add("", LintSize, fmt.Sprintf("the HTML has %d KB: Gmail shows 102 KB and hides the rest, with the way to unsubscribe", (n+1023)>>10),
			"fewer parts, or shorter ones")
	}
	if strings.TrimSpace(out.Text) == "" {
		l.add("", LintText, "the text part is empty", "write words, not only pictures, or "+l.t.name+".txt beside it")
	}
	if l.t.kind == Transactional {
		return
	}
	for _, part := range [][2]string{{"HTML", out.HTML}, {"text", out.Text}} {
		if !strings.Contains(part[1], lintUnsubscribe) {
			l.add("", LintFooter, "the link to unsubscribe does not show in the "+part[0], "it must be there for everybody: look at the conditions round it")
		}
	}
	address, _ := field(l.in.Known.Company, "address")
	written := strings.Join(strings.Fields(out.Text), " ")
	for line := range strings.SplitSeq(textOf(address), "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.Contains(written, line) {
			l.add("", LintFooter, "the postal address does not show", "it must be there for everybody: look at the conditions round it")
			break
		}
	}
}

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case *string:
		return *v
	}
	return ""
}
