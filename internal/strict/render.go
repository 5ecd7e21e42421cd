package strict

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Colours of a terminal, as ANSI sequences.
const (
	plainText = "\x1b[0m"
	bold      = "\x1b[1m"
	red       = "\x1b[1;31m"
	yellow    = "\x1b[1;33m"
	green     = "\x1b[32m"
	faint     = "\x1b[2m"
)

// maxShown is how much of a line is shown around the caret, in characters.
const maxShown = 100

// Render writes a finding as a person reads it: the place and the message, the
// line with a caret below the column, and the hint.
//
//	campaigns/welcome.yaml:4:1: unknown key "purpsoe"
//	    purpsoe: acquire
//	    ^
//	  did you mean "purpose"?
func Render(f Finding, color bool) string {
	paint := func(code, text string) string {
		if !color {
			return text
		}
		return code + text + plainText
	}
	var b strings.Builder
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, max(f.Column, 1))
	}
	b.WriteString(paint(bold, place+":") + " ")
	switch {
	case f.Warning:
		b.WriteString(paint(yellow, "warning:") + " " + printable(f.Message))
	default:
		b.WriteString(paint(red, printable(f.Message)))
	}
	b.WriteByte('\n')
	if strings.TrimSpace(f.Source) != "" && f.Line > 0 {
		shown, pad := around(f.Source, f.Column)
		b.WriteString("    " + shown + "\n")
		b.WriteString("    " + pad + paint(green, "^") + "\n")
	}
	if f.Hint != "" {
		b.WriteString("  " + paint(faint, printable(f.Hint)) + "\n")
	}
	return b.String()
}

// around is the part of a line near a column, and the blanks that bring a caret
// below that column.
func around(line string, column int) (shown, pad string) {
	chars := []rune(printable(line))
	at := min(max(column-1, 0), len(chars))
	start, end := 0, len(chars)
	if len(chars) > maxShown {
		start = max(0, at-maxShown/2)
		end = min(len(chars), start+maxShown)
	}
	var blanks strings.Builder
	if start > 0 {
		shown = "…"
		blanks.WriteByte(' ')
	}
	for _, r := range chars[start:at] {
		blanks.WriteString(blank(r))
	}
	shown += string(chars[start:end])
	if end < len(chars) {
		shown += "…"
	}
	return shown, blanks.String()
}

// blank is as wide on a terminal as the character.
func blank(r rune) string {
	switch {
	case r == '\t':
		return "\t"
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return ""
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return "  "
	}
	return " "
}

// printable takes out what could command a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
