package segments

import (
	"strings"

	"rapport/internal/contacts"
)

// source is where a value stands in a row: an attribute of a contact or a
// property of an event, in each of its comparable forms.
type source struct {
	dialect Dialect
	alias   string // of the row: c or e
	path    string
	column  bool // path is a built-in field with a column of its own
}

func (p *SQL) attribute(path string) source {
	p.Own = true
	_, column := ownColumns[path]
	return source{dialect: p.Dialect, alias: "c", path: path, column: column}
}

func (p *SQL) property(path string) source {
	return source{dialect: p.Dialect, alias: "e", path: path}
}

// ownColumns are the built-in fields that change without contacts.folded being
// written, and the one form that each of them has.
var ownColumns = map[string]struct {
	name string
	kind contacts.Kind
}{
	"stage":      {colContactStage, contacts.KindText},
	"health":     {colContactHealth, contacts.KindText},
	"created_at": {colContactCreatedAt, contacts.KindInstant},
}

// of is the expression of one form; null when the value does not have it.
func (s source) of(k contacts.Kind) string {
	if s.column {
		own := ownColumns[s.path]
		if own.kind != k {
			return "null"
		}
		if k == contacts.KindText {
			return "nullif(" + s.alias + "." + own.name + ", '')"
		}
		return "nullif(" + s.alias + "." + own.name + ", 0)"
	}
	if s.dialect == SQLite {
		return "(" + s.alias + "." + colFolded + " ->> " + s.jsonPath(k) + ")"
	}
	text := "(" + s.alias + "." + colFolded + " -> '" + k.Key() + "' ->> " + quote(s.path) + ")"
	switch k {
	case contacts.KindText:
		return text
	case contacts.KindList:
		return strings.Replace(text, "->>", "->", 1)
	}
	return text + "::bigint"
}

// jsonPath is the path of a form in the folded column, as SQLite writes it. Paths
// of attributes hold neither quotes nor backslashes; reading them sees to it.
func (s source) jsonPath(k contacts.Kind) string {
	return quote("$." + k.Key() + `."` + s.path + `"`)
}

// has tells whether the value is a list with the element.
func (s source) has(p *SQL, element string) string {
	if s.column {
		return no
	}
	if s.dialect == SQLite {
		return "exists (select 1 from json_each(" + s.alias + "." + colFolded + ", " + s.jsonPath(contacts.KindList) + ") as j where j.value = " + p.text(element) + ")"
	}
	return "coalesce(" + s.of(contacts.KindList) + " ? " + p.text(element) + ", false)"
}

// exists tells whether there is a value at all.
func (s source) exists() string {
	if s.column {
		return "(" + s.of(ownColumns[s.path].kind) + " is not null)"
	}
	var parts []string
	for _, k := range []contacts.Kind{contacts.KindText, contacts.KindNumber, contacts.KindFloat, contacts.KindBool, contacts.KindList, contacts.KindMap} {
		parts = append(parts, s.of(k)+" is not null")
	}
	return "(" + strings.Join(parts, " or ") + ")"
}
