package workspace

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/strict"
)

// Kinds are the kinds of file that have a schema.
var Kinds = []string{"rapport", "relationship", "segment", "campaign", "template", "tests"}

// Schema is the JSON Schema (draft 2020-12) of a kind of file, for editors. It
// completes keys and finds most slips while typing; validate finds the rest.
func Schema(kind string) ([]byte, error) {
	build, ok := map[string]func() schema{
		"rapport": rapportSchema, "relationship": relationshipSchema, "segment": segmentSchema,
		"campaign": campaignSchema, "template": templateSchema, "tests": testsSchema,
	}[kind]
	if !ok {
		hint := ""
		if near := strict.Suggest(kind, Kinds); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, fmt.Errorf("there is no schema %q, there are %s%s", kind, strings.Join(Kinds, ", "), hint)
	}
	s := build()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Rapport: " + kind
	s["$defs"] = defs()
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var whole map[string]any // so that each place has its own words, also where parts are shared
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, err
	}
	explained(kind, whole)
	if data, err = json.MarshalIndent(whole, "", "  "); err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// schema is one JSON Schema, or a part of one.
type schema map[string]any

// says adds a description, which editors show beside the key.
func (s schema) says(text string) schema {
	c := maps.Clone(s)
	c["description"] = text
	return c
}

// def refers to one of defs.
func def(name string) schema { return schema{"$ref": "#/$defs/" + name} }

// object is a map with known keys; those that end in "!" must be there.
func object(keys map[string]schema) schema {
	props, required := schema{}, []string{}
	for name, s := range keys {
		plain := strings.TrimSuffix(name, "!")
		props[plain] = s
		if plain != name {
			required = append(required, plain)
		}
	}
	o := schema{"type": "object", "properties": props, "additionalProperties": false}
	if slices.Sort(required); len(required) > 0 {
		o["required"] = required
	}
	return o
}

// exactlyOne is an object that has one of some keys.
func exactlyOne(of []string, keys map[string]schema) schema {
	o := object(keys)
	var options []schema
	for _, key := range of {
		options = append(options, schema{"required": []string{key}})
	}
	o["oneOf"] = options
	return o
}

// mapOf is a map whose keys the writer chooses.
func mapOf(value schema) schema {
	return schema{"type": "object", "additionalProperties": value}
}

func listOfSchema(item schema) schema { return schema{"type": "array", "items": item} }

func enum(words ...string) schema { return schema{"type": "string", "enum": words} }

func anyOf(options ...schema) schema { return schema{"anyOf": options} }

func text() schema { return schema{"type": "string", "minLength": 1} }

func pattern(p string) schema { return schema{"type": "string", "pattern": p} }

func whole(least int) schema { return schema{"type": "integer", "minimum": least} }

func number() schema { return schema{"type": "number"} }

func truth() schema { return schema{"type": "boolean"} }

// variable is a value that may come from the environment.
func variable(s schema) schema { return anyOf(s, pattern(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)) }

// defs are the forms that all kinds share.
func defs() schema {
	return schema{
		"name":        pattern(`^[a-z0-9]+(-[a-z0-9]+)*$`),
		"span":        pattern(`^[0-9]+[mhdw]$`).says("a length of time: 30m, 12h, 3d or 2w"),
		"offset":      pattern(`^-?[0-9]+[mhdw]$`).says("a length of time, negative for before: -14d"),
		"time":        pattern(`^([01][0-9]|2[0-3]):[0-5][0-9]$`).says(`a time of day: "09:00"`),
		"datetime":    pattern(`^[0-9]{4}-[0-9]{2}-[0-9]{2} ([01][0-9]|2[0-3]):[0-5][0-9]$`).says("a date and time: 2026-12-01 09:00"),
		"date":        pattern(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`).says("a date: 2026-03-02"),
		"zone":        text().says("an IANA time zone, as in Europe/Berlin, or contact"),
		"percent":     pattern(`^[0-9]+(\.[0-9]+)? ?%$`).says("a percentage: 10%"),
		"rate":        variable(pattern(`^[0-9]+/[smhd]$`)).says("messages and a unit of time: 50/s"),
		"weekdays":    pattern(`^[A-Za-z]{3}(-[A-Za-z]{3})?( ?, ?[A-Za-z]{3}(-[A-Za-z]{3})?)*$`).says("days of the week: MON-FRI"),
		"type":        enum(types...),
		"value":       schema{"type": []string{"string", "number", "boolean", "array"}},
		"condition":   condition(nil),
		"tests":       propertyTests(),
		"count":       bounds(),
		"sum":         bounds("of"),
		"steps":       listOfSchema(def("step")),
		"step":        stepSchema(),
		"expectation": expectation(),
		"secret":      text().says(`from the environment: "${NAME}"`),
	}
}
