package workspace

import (
	"rapport/campaigns"
	"rapport/segments"
)

// headValues are the heads whose value is more than a text.
var headValues = map[string]schema{
	"segment":  def("name"),
	"campaign": def("name"),
	"sample":   def("percent"),
	"email":    enum("sent", "delivered", "opened", "clicked", "replied", "bounced", "complained"),
}

// axes are the heads whose value may be a map of operators: stage: { at_least:
// customer }.
var axes = map[string][]string{
	"stage": {"is", "at_least", "at_most", "in"}, "health": {"is", "in"}, "tier": {"is", "at_least"},
}

// propertyTests are what is asked of a property of an event: a value, or
// operators.
func propertyTests() schema {
	keys := map[string]schema{}
	for _, op := range segments.Operators("attribute") {
		keys[op] = operand(op)
	}
	return anyOf(def("value"), object(keys))
}

// operand is the form of what stands after an operator.
func operand(op string) schema {
	switch op {
	case "exists", "ever":
		return truth()
	case "contains", "starts_with", "ends_with", "matches", "salt", "link":
		return text()
	case "in_last", "in_next", "anniversary_in", "for":
		return def("span")
	case "campaign", "template":
		return def("name")
	case "pick":
		return enum("first", "last")
	case "where":
		return mapOf(def("tests"))
	case "count", "sum":
		return def(op)
	}
	return schema{}
}

// bounds is { at_least: 2 } and the like; further keys are texts.
func bounds(further ...string) schema {
	keys := map[string]schema{"between": schema{"type": "array"}}
	for _, name := range []string{"is", "above", "at_least", "below", "at_most"} {
		keys[name] = number()
	}
	for _, name := range further {
		keys[name+"!"] = text()
	}
	return object(keys)
}

// isCondition marks the schemas that are a condition, for those who walk them.
const isCondition = "condition"

// condition is the grammar of conditions. further are keys that stand beside
// the head: up_to of wait_for, within and value of a goal.
func condition(further map[string]schema) schema {
	nested := def("condition")
	options := []schema{listOfSchema(nested)}
	if further != nil {
		options = nil // a list has no room for further keys
	}
	add := func(keys map[string]schema) {
		for key, s := range further {
			keys[key] = s
		}
		options = append(options, object(keys))
	}
	for _, name := range []string{"all", "any"} {
		add(map[string]schema{name + "!": anyOf(listOfSchema(nested), nested)})
	}
	add(map[string]schema{"not!": nested})
	for _, head := range segments.Heads() {
		value := headValues[head]
		if value == nil {
			value = text()
		}
		if ops := axes[head]; ops != nil {
			inside := map[string]schema{}
			if head != "tier" {
				inside["for"] = def("span")
			}
			for _, op := range ops {
				inside[op] = anyOf(text(), listOfSchema(text()))
			}
			value = anyOf(value, object(inside))
		}
		keys := map[string]schema{head + "!": value}
		for _, op := range segments.Operators(head) {
			keys[op] = operand(op)
		}
		if head == "campaign" { // of which nothing holds by itself
			keys["is!"] = enum("in", "finished", "converted", "never")
			delete(keys, "is")
		}
		add(keys)
	}
	return schema{"anyOf": options, "$comment": isCondition}
}

// segmentSchema is the schema of segments/*.yaml.
func segmentSchema() schema {
	return object(map[string]schema{
		"segment!": def("name"), "description": text(), "where!": def("condition"),
	})
}

// campaignSchema is the schema of campaigns/*.yaml.
func campaignSchema() schema {
	window := object(map[string]schema{
		"days": anyOf(def("weekdays"), listOfSchema(def("weekdays"))), "from!": def("time"), "to!": def("time"), "timezone": def("zone"),
	})
	o := object(map[string]schema{
		"campaign!":   def("name"),
		"description": text(),
		"purpose":     enum("acquire", "grow", "retain", "win-back"),
		"kind":        enum("marketing", "transactional"),
		"sender":      text(),
		"topic":       text(),
		"priority":    whole(0),
		"audience":    object(map[string]schema{"segment": def("name"), "exclude": listOfSchema(def("name"))}),
		"start!":      startSchema(),
		"reentry":     anyOf(enum("never", "always", "restart"), object(map[string]schema{"after!": def("span")})),
		"deliver":     object(map[string]schema{"window": window, "send_time": enum("best", "as_planned"), "expire": def("span")}),
		"goal":        condition(map[string]schema{"within": def("span"), "value": text()}),
		"exit":        def("condition"),
		"control":     def("percent"),
		"on_unknown":  enum("keep", "resend"),
		"steps!":      def("steps"),
	})
	// Only a transactional campaign goes without a topic.
	o["if"] = schema{"properties": schema{"kind": schema{"const": campaigns.Transactional}}, "required": []string{"kind"}}
	o["else"] = schema{"required": []string{"topic"}}
	return o
}

func startSchema() schema {
	return exactlyOne([]string{"schedule", "once", "event", "enter"}, map[string]schema{
		"schedule":        text(),
		"once":            def("datetime"),
		"event":           anyOf(text(), object(map[string]schema{"name!": text(), "where": mapOf(def("tests"))})),
		"enter":           enum("segment"),
		"timezone":        def("zone"),
		"catch_up":        def("span"),
		"include_current": truth(),
	})
}

func stepSchema() schema {
	send := anyOf(def("name"), object(map[string]schema{"template!": def("name"), "subject": text()}))
	wait := anyOf(def("span"), object(map[string]schema{"until!": text(), "offset": def("offset")}))
	arm := object(map[string]schema{"arm!": def("name"), "weight": whole(0), "steps": def("steps")})
	winner := object(map[string]schema{"by!": enum("goal", "clicked", "replied"), "after": whole(1), "certainty": def("percent"), "within": def("span")})
	way := exactlyOne([]string{"if", "else"}, map[string]schema{"if": def("condition"), "then": def("steps"), "else": def("steps")})
	way["dependentRequired"] = map[string][]string{"if": {"then"}}
	s := exactlyOne(campaigns.StepHeads(), map[string]schema{
		"id":       def("name"),
		"send":     send,
		"wait":     wait,
		"wait_for": condition(map[string]schema{"up_to!": def("span")}),
		"if":       def("condition"),
		"then":     def("steps"),
		"else":     def("steps"),
		"branch":   listOfSchema(way),
		"split":    object(map[string]schema{"name!": def("name"), "winner": winner, "arms!": listOfSchema(arm)}),
		"set":      mapOf(schema{}),
		"exit":     text(),
		"award":    object(map[string]schema{"points!": whole(0), "for": text()}),
		"notify":   object(map[string]schema{"webhook!": def("name"), "task": text()}),
		"survey":   object(map[string]schema{"nps!": def("name"), "template": def("name"), "subject": text()}),
	})
	s["dependentRequired"] = map[string][]string{"if": {"then"}}
	return s
}

// templateSchema is the schema of a template's front matter.
func templateSchema() schema {
	return object(map[string]schema{
		"subject!": text(), "preheader": text(), "layout": text(), "topic": text(),
		"kind": enum("marketing", "transactional"), "languages": mapOf(text()),
	})
}

// testsSchema is the schema of tests/*.yaml.
func testsSchema() schema {
	contact := object(map[string]schema{
		"email!": text(), "first_name": text(), "last_name": text(), "language": text(), "timezone": text(), "stage": def("name"),
		"health": text(), "consents": listOfSchema(text()), "attributes": mapOf(def("value")),
	})
	entry := exactlyOne([]string{"expect", "event"}, map[string]schema{
		"at!": def("datetime"), "expect": def("expectation"), "event": text(), "properties": mapOf(def("value")), "template": def("name"), "link": text(),
	})
	return object(map[string]schema{"scenarios!": listOfSchema(object(map[string]schema{
		"name!": text(), "campaign!": def("name"), "beside": listOfSchema(def("name")), "contact!": contact, "from!": def("datetime"), "steps!": listOfSchema(entry),
		"never": listOfSchema(def("expectation")), "unexpected": enum("fail", "allow"), "arms": mapOf(def("name")),
	}))})
}

// expectation is the schema of what a scenario expects.
func expectation() schema {
	return object(map[string]schema{"send": def("name"), "stage": def("name"), "health": text(), "exit": text(),
		"not_enrolled": text(), "attributes": mapOf(def("value"))})
}
