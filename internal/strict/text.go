package strict

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxQuoted is how much of a value a message repeats, in characters.
const maxQuoted = 60

// quote repeats a value in a message: short, and safe for a terminal.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxQuoted {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == maxQuoted {
			return s[:i] + "…"
		}
	}
	return s
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// kindOf names what a node is, with its article.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch scalarOf(n).(type) {
	case nil:
		return "empty"
	case bool:
		return "true or false"
	case int64, float64:
		return "a number"
	case badScalar:
		return "a number"
	case string:
		return "text"
	default:
		return "a date"
	}
}

// list joins words for a sentence: "a, b or c".
func list(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
