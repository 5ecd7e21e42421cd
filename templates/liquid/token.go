package liquid

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Pos is a place in a source: the name of the source, and line and column
// counted from 1 (columns in characters).
type Pos struct {
	Name   string
	Line   int
	Column int
}

// Error is a mistake in a template, found when parsing or when rendering.
type Error struct {
	Name    string // the source's name, as given to Parse
	Line    int    // from 1
	Column  int    // in characters, from 1
	Message string // what is wrong, in lower case
	Hint    string // what to do; may be empty
}

// Error gives "name:line:column: message", followed by the hint if there is one.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

func (p Pos) errorf(hint, format string, args ...any) *Error {
	return &Error{Name: p.Name, Line: p.Line, Column: p.Column, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// at returns the position n bytes into text, when text starts at p.
func (p Pos) at(text string, n int) Pos {
	for _, r := range text[:min(n, len(text))] {
		if r == '\n' {
			p.Line++
			p.Column = 1
		} else {
			p.Column++
		}
	}
	return p
}

// Kind says what a token is.
type Kind uint8

// The kinds of token. The last four are never read from a source: package
// templates puts them around parts that it has put together.
const (
	Text     Kind = iota
	Output        // {{ … }}
	Tag           // {% … %}
	OpenHook      // what follows, up to CloseHook, is handed to Options.Hook
	CloseHook
	OpenPartial // a partial put in place of its render or include tag
	ClosePartial
)

// Token is a piece of a template's source.
type Token struct {
	Kind   Kind
	Markup string // Text: the text itself; Output, Tag, OpenPartial: what stands between the delimiters
	Source string // Output and Tag: the piece as written, with its delimiters
	Pos    Pos    // where the piece starts
	Inner  Pos    // where Markup starts
	N      int    // OpenHook: the number handed to the hook
}

// TagName is the first word of a tag, "" for other kinds. A comment that
// starts with # has the name "#".
func (t Token) TagName() string {
	if t.Kind != Tag && t.Kind != OpenPartial {
		return ""
	}
	name, _ := splitTag(t.Markup)
	return name
}

// splitTag parts a tag's markup into its name and the offset of the rest.
func splitTag(markup string) (name string, rest int) {
	start := 0
	for start < len(markup) && isSpace(markup[start]) {
		start++
	}
	end := start
	if end < len(markup) && markup[end] == '#' {
		return "#", end + 1
	}
	for end < len(markup) && isWord(markup[end]) {
		end++
	}
	return markup[start:end], end
}

// Lex parts a source into tokens. Whitespace control ({{- and -%}) is applied
// here; raw sections become text and doc sections vanish. pos is where the
// source starts in its file.
func Lex(source string, pos Pos) ([]Token, []Error) {
	l := lexer{src: source, pos: pos}
	l.run()
	return l.tokens, l.errs
}

type lexer struct {
	src      string
	off      int // everything before is done
	pos      Pos // position of off
	tokens   []Token
	errs     []Error
	trimNext bool
}

// advance moves on to offset to and returns what was passed.
func (l *lexer) advance(to int) string {
	s := l.src[l.off:to]
	if n := strings.Count(s, "\n"); n > 0 {
		l.pos.Line += n
		l.pos.Column = 1 + utf8.RuneCountInString(s[strings.LastIndexByte(s, '\n')+1:])
	} else {
		l.pos.Column += utf8.RuneCountInString(s)
	}
	l.off = to
	return s
}

func (l *lexer) run() {
	for l.off < len(l.src) {
		open := nextOpen(l.src, l.off)
		if open < 0 {
			l.text(len(l.src))
			return
		}
		l.text(open)
		if l.src[open+1] == '{' {
			l.output()
		} else {
			l.tag()
		}
	}
}

func nextOpen(s string, from int) int {
	for i := from; ; {
		j := strings.IndexByte(s[i:], '{')
		if j < 0 || i+j+1 >= len(s) {
			return -1
		}
		i += j
		if s[i+1] == '{' || s[i+1] == '%' {
			return i
		}
		i++
	}
}

func (l *lexer) text(to int) {
	if to == l.off {
		return
	}
	pos := l.pos
	s := l.advance(to)
	if l.trimNext {
		s = strings.TrimLeft(s, whitespace)
		l.trimNext = false
	}
	if s != "" {
		l.tokens = append(l.tokens, Token{Kind: Text, Markup: s, Pos: pos, Inner: pos})
	}
}

func (l *lexer) trimBefore() {
	n := len(l.tokens)
	if n == 0 || l.tokens[n-1].Kind != Text {
		return
	}
	t := &l.tokens[n-1]
	t.Markup = strings.TrimRight(t.Markup, whitespace)
	if t.Markup == "" {
		l.tokens = l.tokens[:n-1]
	}
}

// markup cuts one delimited piece off the source; ok is false when it does not end.
func (l *lexer) markup(closer string) (t Token, ok bool) {
	l.trimNext = false
	end := strings.Index(l.src[l.off+2:], closer)
	if end < 0 {
		return t, false
	}
	end += l.off + 2
	t.Pos = l.pos
	start := l.off
	t.Source = l.src[start : end+2]
	in := start + 2
	if in < end && l.src[in] == '-' {
		in++
		l.trimBefore()
	}
	inEnd := end
	if inEnd > in && l.src[inEnd-1] == '-' {
		inEnd--
		l.trimNext = true
	}
	l.advance(in)
	t.Inner = l.pos
	t.Markup = l.src[in:inEnd]
	l.advance(end + 2)
	return t, true
}

func (l *lexer) fail(pos Pos, hint, message string) {
	l.errs = append(l.errs, *pos.errorf(hint, "%s", message))
}

func (l *lexer) output() {
	start := l.pos
	t, ok := l.markup("}}")
	if !ok {
		l.fail(start, "close it with }}", "this {{ is not closed")
		l.advance(len(l.src))
		return
	}
	if i := outsideQuotes(t.Markup, "{%"); i >= 0 {
		l.fail(start, "close it with }}", "this {{ is not closed before the next tag")
		return
	}
	t.Kind = Output
	l.tokens = append(l.tokens, t)
}

func (l *lexer) tag() {
	start := l.pos
	t, ok := l.markup("%}")
	if !ok {
		l.fail(start, "close it with %}", "this {% is not closed")
		l.advance(len(l.src))
		return
	}
	t.Kind = Tag
	switch name := t.TagName(); name {
	case "raw", "doc":
		l.verbatim(t, name)
	default:
		l.tokens = append(l.tokens, t)
	}
}

// verbatim reads a raw or doc section: everything up to its end tag, unread.
func (l *lexer) verbatim(open Token, name string) {
	from, to, trimLeft, trimRight := findEnd(l.src, l.off, "end"+name)
	if from < 0 {
		l.fail(open.Pos, "close it with {% end"+name+" %}", "this {% "+name+" %} is not closed")
		l.advance(len(l.src))
		return
	}
	pos := l.pos
	body := l.advance(from)
	l.advance(to)
	if name == "raw" {
		if l.trimNext {
			body = strings.TrimLeft(body, whitespace)
		}
		if trimLeft {
			body = strings.TrimRight(body, whitespace)
		}
		if body != "" {
			l.tokens = append(l.tokens, Token{Kind: Text, Markup: body, Pos: pos, Inner: pos})
		}
	} else if i := nestedTag(body, name); i >= 0 {
		l.fail(pos.at(body, i), "", "a doc section cannot hold another")
	}
	l.trimNext = trimRight
}

// findEnd finds the tag {% name %} from offset on.
func findEnd(s string, off int, name string) (from, to int, trimLeft, trimRight bool) {
	for i := off; i < len(s); {
		j := strings.Index(s[i:], "{%")
		if j < 0 {
			break
		}
		from = i + j
		k := from + 2
		trimLeft, trimRight = false, false
		if k < len(s) && s[k] == '-' {
			trimLeft = true
			k++
		}
		k = skipSpace(s, k)
		if strings.HasPrefix(s[k:], name) {
			k = skipSpace(s, k+len(name))
			if k < len(s) && s[k] == '-' {
				trimRight = true
				k++
			}
			if strings.HasPrefix(s[k:], "%}") {
				return from, k + 2, trimLeft, trimRight
			}
		}
		i = from + 2
	}
	return -1, -1, false, false
}

func nestedTag(s, name string) int {
	for i := 0; ; {
		j := strings.Index(s[i:], "{%")
		if j < 0 {
			return -1
		}
		i += j + 2
		if got, _ := splitTag(strings.TrimPrefix(s[i:], "-")); got == name {
			return i - 2
		}
	}
}

// outsideQuotes finds sub in s where it does not stand in a quoted text.
func outsideQuotes(s, sub string) int {
	for i := 0; i < len(s); i++ {
		if q := s[i]; q == '\'' || q == '"' {
			end := strings.IndexByte(s[i+1:], q)
			if end < 0 {
				return strings.Index(s, sub)
			}
			i += end + 1
			continue
		}
		if strings.HasPrefix(s[i:], sub) {
			return i
		}
	}
	return -1
}

const whitespace = " \t\r\n\v\f"

func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWord(c byte) bool {
	return c == '_' || isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}

func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}
