package workspace

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rapport/docs"
	"rapport/segments"
)

// The words of a schema are those of the documentation: the tables of keys on
// the page of each kind of file.

// pageOf is where the keys of a kind are explained. A condition is a kind of its
// own, wherever it stands.
var pageOf = map[string]string{
	"rapport": "rapport-yaml", "relationship": "relationship", "segment": "segments", "campaign": "campaigns",
	"template": "templates", "tests": "scenarios", "condition": "conditions",
}

// startsAt are the definitions whose keys are explained once, with what their
// names on the page begin with.
var startsAt = map[string]string{"step": "steps.", "count": "count.", "sum": "sum.", "expectation": "expect."}

var (
	keyTable   = regexp.MustCompile(`(?m)^\| key \| unless said \| means \|\n\|[-| ]+\|\n((?:\|.*\n)+)`)
	keyRow     = regexp.MustCompile(`(?m)^\| (.*?) \| ?(.*?) ?\| ?(.*?) ?\|$`)
	namesInRow = regexp.MustCompile("`([^`]+)`")
	pageLinks  = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)
)

// wordsOf reads the tables of keys of a page: name → what it says.
func wordsOf(kind string) map[string]string {
	page, err := docs.Language.ReadFile("language/" + pageOf[kind] + ".md")
	if err != nil {
		panic(fmt.Sprintf("a page of the documentation is not in the program: %v", err))
	}
	words := map[string]string{}
	for _, table := range keyTable.FindAllStringSubmatch(string(page), -1) {
		for _, row := range keyRow.FindAllStringSubmatch(table[1], -1) {
			text := row[3]
			if unless := row[2]; unless != "" && unless != "needed" {
				text = strings.TrimPrefix(text+". Unless said: "+unless, ". ")
			}
			for _, name := range namesInRow.FindAllStringSubmatch(row[1], -1) {
				words[name[1]] = pageLinks.ReplaceAllString(text, "$1")
			}
		}
	}
	return words
}

// explained writes what the pages say beside each key of a schema.
func explained(kind string, whole map[string]any) {
	w := wording{own: wordsOf(kind), conditions: wordsOf("condition")}
	defs := whole["$defs"].(map[string]any)
	for name, def := range defs {
		start, apart := startsAt[name]
		switch {
		case name == "condition":
			w.walk(def, "")
		case name == "count" || name == "sum":
			wording{own: w.conditions, conditions: w.conditions}.walk(def, start)
		case apart:
			w.walk(def, start)
		}
	}
	delete(whole, "$defs")
	w.walk(whole, "")
	whole["$defs"] = defs
}

// wording is what the pages say of the keys of a kind, and of conditions.
type wording struct{ own, conditions map[string]string }

// walk goes down a schema. before is what the names of its keys begin with.
func (w wording) walk(at any, before string) {
	place, ok := at.(map[string]any)
	if !ok {
		return
	}
	if place["$comment"] == isCondition {
		w.condition(place, before)
		return
	}
	options, _ := place["anyOf"].([]any)
	for _, o := range options {
		w.walk(o, before)
	}
	w.walk(place["items"], before)
	w.walk(place["additionalProperties"], before+"NAME.")
	properties, _ := place["properties"].(map[string]any)
	for name, p := range properties {
		say(p, w.own[before+name])
		w.walk(p, before+name+".")
	}
}

// condition writes beside the heads of a condition and what goes with them, and
// beside what stands there besides, as up_to in wait_for.
func (w wording) condition(place map[string]any, before string) {
	for _, o := range place["anyOf"].([]any) {
		option := o.(map[string]any)
		properties, _ := option["properties"].(map[string]any)
		required, _ := option["required"].([]any)
		head := ""
		for _, name := range slices.Concat([]string{"all", "any", "not"}, segments.Heads()) {
			if slices.Contains(required, any(name)) {
				head = name
			}
		}
		for name, p := range properties {
			switch {
			case name == head:
				say(p, w.conditions[name])
				wording{own: w.conditions}.walk(p, name+".")
			case slices.Contains(segments.Operators(head), name):
				say(p, w.conditions[head+"."+name])
			default:
				say(p, w.own[before+name])
			}
		}
	}
}

// say writes a text beside a key.
func say(at any, text string) {
	if p, ok := at.(map[string]any); ok && text != "" {
		p["description"] = text
	}
}
