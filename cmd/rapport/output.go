package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// color says whether a stream may carry colours: it is a terminal that can show
// them, and nobody has forbidden them (https://no-color.org).
func (a *app) color(stream io.Writer) bool {
	if no, _ := a.env("NO_COLOR"); no != "" {
		return false
	}
	if terminal, _ := a.env("TERM"); terminal == "dumb" {
		return false
	}
	return a.isTerminal(stream)
}

var (
	styleHead   = lipgloss.NewStyle().Bold(true)
	styleFaint  = lipgloss.NewStyle().Faint(true)
	styleRed    = lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true)
	styleGreen  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	styleYellow = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	styleCyan   = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
)

func (a *app) paint(stream io.Writer, style lipgloss.Style, text string) string {
	if text == "" || !a.color(stream) {
		return text
	}
	return style.Render(text)
}

func (a *app) red(stream io.Writer, text string) string { return a.paint(stream, styleRed, text) }
func (a *app) head(text string) string                  { return a.paint(a.stdout, styleHead, text) }
func (a *app) faint(text string) string                 { return a.paint(a.stdout, styleFaint, text) }
func (a *app) green(text string) string                 { return a.paint(a.stdout, styleGreen, text) }
func (a *app) yellow(text string) string                { return a.paint(a.stdout, styleYellow, text) }
func (a *app) cyan(text string) string                  { return a.paint(a.stdout, styleCyan, text) }

// note says something about the work on standard error. Programs that read JSON
// are spared it.
func (a *app) note(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// confirm asks before something that cannot be undone. Where nobody can answer,
// it takes --yes or refuses. The question is a statement in lower case.
func (a *app) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	if !a.isTerminal(a.stdin) || a.json {
		return usagef("%s: add --yes to do it without being asked", question)
	}
	fmt.Fprintf(a.stderr, "%s. Go on? [y/N] ", strings.ToUpper(question[:1])+question[1:])
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && answer == "" {
		return fmt.Errorf("nothing was done: there was no answer")
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return fmt.Errorf("nothing was done")
}

// plain takes out of a text what could command a terminal, and line breaks.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// wrapped breaks long lines of a text where a terminal would, between words.
func (a *app) wrapped(text string) string {
	text = strings.TrimRight(text, "\n")
	if !a.isTerminal(a.stdout) {
		return text
	}
	return wrap(ansi.Strip(text), min(a.columns(), 80))
}

// hung is a text whose lines go on below the place where they begin, so many
// characters from the left, when the terminal is too narrow for them. Elsewhere
// nothing is broken.
func (a *app) hung(text string, indent int) string {
	if !a.isTerminal(a.stdout) || a.columns()-indent < leastText {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if lipgloss.Width(line) <= a.columns() {
			continue
		}
		head, rest := ansi.Truncate(line, indent, ""), ansi.TruncateLeft(line, indent, "")
		lines[i] = head + strings.ReplaceAll(wrap(rest, a.columns()-indent), "\n", "\n"+strings.Repeat(" ", indent))
	}
	return strings.Join(lines, "\n")
}

// wrap breaks a text between words, and leaves names with dashes whole.
func wrap(text string, width int) string {
	const dash = "\uE000" // of the private use area: a character that breaks nothing
	return strings.ReplaceAll(ansi.Wrap(strings.ReplaceAll(text, "-", dash), width, ""), dash, "-")
}

// count writes a number with separators: 12,400.
func count[N int | int64](n N) string {
	text := strconv.FormatInt(int64(n), 10)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// of writes a number with its noun: "1 contact", "2,000 contacts". The noun
// takes an s.
func of[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// percent writes a share: "42 %", and "0.4 %" where whole numbers would lie.
func percent(part, whole int64) string {
	if whole == 0 {
		return ""
	}
	share := 100 * float64(part) / float64(whole)
	if part > 0 && share < 9.95 {
		return strconv.FormatFloat(share, 'f', 1, 64) + "%"
	}
	return strconv.FormatFloat(share, 'f', 0, 64) + "%"
}
