package strict

import (
	"errors"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// explain turns an error of the YAML library into a finding that a marketer can
// act on. It looks at the line first: most errors come from a handful of slips.
func (d *document) explain(err error) {
	line, column, message := 1, 1, err.Error()
	var le *yaml.LoadError
	if errors.As(err, &le) {
		line, column, message = max(le.Mark.Line, 1), max(le.Mark.Column, 1), le.Message
		if strings.Contains(message, errDepth.Error()) {
			d.add(line, column, CodeTooLarge, "", "nested more than %d levels deep", maxDepth)
			return
		}
		from := line
		if c := le.ContextMark.Line; c > 0 && c < line {
			from = max(c, line-1)
		}
		for l := from; l <= line; l++ {
			if d.slip(l) {
				return
			}
		}
		if strings.Contains(message, "did not find expected") && d.afterQuote(line, column) {
			return
		}
		// What was opened and never closed is found where it was opened.
		opened := strings.Contains(message, "did not find expected ','") || strings.Contains(message, "unexpected end of stream") ||
			strings.Contains(message, "unexpected document indicator")
		if c := le.ContextMark; c.Line > 0 && (opened || d.line(line) == "") {
			line, column = c.Line, max(c.Column, 1)
		}
		if last := d.lastLine(); line > last {
			d.add(last, runes(d.line(last))+1, CodeSyntax, "look for a missing value, quote or bracket above", "the file ends in the middle of something")
			return
		}
	}
	for _, k := range known {
		if strings.Contains(message, k.says) {
			d.add(line, column, CodeSyntax, k.hint, "%s", k.means)
			return
		}
	}
	d.add(line, column, CodeSyntax, "", "this is not YAML: %s", message)
}

// lastLine is the number of the last line that holds anything.
func (d *document) lastLine() int {
	for n := len(d.lines); n > 1; n-- {
		if strings.TrimSpace(d.line(n)) != "" {
			return n
		}
	}
	return 1
}

// slip recognises the usual mistakes on a line that could not be read.
func (d *document) slip(n int) bool {
	line := d.line(n)
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if i := strings.IndexByte(indent, '\t'); i >= 0 {
		d.add(n, i+1, CodeSyntax, "use spaces", "a tab is not allowed in the indentation")
		return true
	}
	if i := bare(line, "{{"); i >= 0 {
		d.add(n, runes(line[:i])+1, CodeSyntax, `put the whole value in quotes, as in "{{ contact.first_name }}"`,
			"a value with {{ }} must stand in quotes")
		return true
	}
	if i := bare(line, "${"); i >= 0 && strings.ContainsAny(line[:i], "{[") {
		name, _, _ := strings.Cut(line[i:], "}")
		d.add(n, runes(line[:i])+1, CodeSyntax, `write "`+shorten(name)+`}"`,
			"${ } inside braces or brackets must stand in quotes")
		return true
	}
	if m := reserved.FindStringSubmatchIndex(line); m != nil {
		start, end := m[2], m[3]
		d.add(n, runes(line[:start])+1, CodeSyntax, `write "`+shorten(reservedWord(line[start:]))+`"`,
			"what starts with %s must stand in quotes", line[start:end])
		return true
	}
	return false
}

// afterQuote recognises text that goes on after its closing quote, as in
// 'it's'.
func (d *document) afterQuote(n, column int) bool {
	chars := []rune(d.line(n))
	if column < 3 || column > len(chars) || chars[column-1] == ' ' {
		return false
	}
	switch chars[column-2] {
	case '\'':
		d.add(n, column, CodeSyntax, "write '' for a quote inside, or use double quotes around", "the quoted text ends before this")
	case '"':
		d.add(n, column, CodeSyntax, `write \" for a quote inside, or use single quotes around`, "the quoted text ends before this")
	default:
		return false
	}
	return true
}

// reserved is a value that starts with a character which YAML keeps for itself.
var reserved = regexp.MustCompile("^(?:[^\"'#]*?(?:[:-][ \t]+|[{\\[,][ \t]*)|[ \t]*)([@%`*])[^\"]*$")

// reservedWord is the text that should have quotes: inside braces up to the
// next mark, else the rest of the line.
func reservedWord(rest string) string {
	if i := strings.IndexAny(rest, ":}],"); i > 0 && strings.HasSuffix(strings.TrimSpace(rest), "}") {
		rest = rest[:i]
	}
	return strings.TrimSpace(rest)
}

// bare is the place of a mark outside of quotes and comments, or -1.
func bare(line, mark string) int {
	var quoted byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted != 0:
			if c == '\\' && quoted == '"' {
				i++
			} else if c == quoted {
				quoted = 0
			}
		case strings.HasPrefix(line[i:], mark):
			return i
		case c == '"' || c == '\'':
			if i == 0 || strings.IndexByte(" \t[{,:", line[i-1]) >= 0 {
				quoted = c
			}
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return -1
		}
	}
	return -1
}

// known maps what the library says to what it means for the writer.
var known = []struct{ says, means, hint string }{
	{"mapping values are not allowed", "a colon does not fit here: the line is indented too far, or a text with \": \" in it has no quotes", "align the line with its neighbours, or put the text in quotes"},
	{"found character that cannot start any token", "a value cannot start with this character", "put the value in quotes"},
	{"could not find expected ':'", "there is no colon after the key, or a text over several lines has no quotes", `write "key: value"`},
	{"did not find expected key", "this line does not fit what is above it", "align it with its neighbours, and look for a missing quote or bracket above"},
	{"did not find expected '-' indicator", "this line does not fit the list above it", "start it with \"- \", or align it with the key that it belongs to"},
	{"did not find expected ',' or '}'", "this { is not closed, or a comma is missing after it", ""},
	{"did not find expected ',' or ']'", "this [ is not closed, or a comma is missing after it", ""},
	{"did not find expected node content", "a value is missing here", ""},
	{"found unexpected end of stream", "a quote is opened and never closed", ""},
	{"unexpected document indicator", "a quote is opened and never closed", ""},
	{"unknown anchor", "no value with this anchor stands above; what starts with * must stand in quotes", "put the value in quotes"},
	{"unknown escape character", "a backslash in double quotes starts an escape, and there is none like this", "write two backslashes, or use single quotes"},
	{"control characters are not allowed", "the file holds a control character", "remove it"},
	{"while scanning an alias", "what starts with * must stand in quotes", "put the value in quotes"},
	{"while scanning a block scalar", "the text after | or > is not indented as its first line", ""},
}
