package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/contacts"
	"rapport/segments"
)

// statement collects the arguments of one SQL statement and writes the parts
// in which the two dialects differ.
type statement struct {
	dialect segments.Dialect
	args    []any
}

func (s *Store) statement() *statement { return &statement{dialect: s.dialect} }

// arg adds an argument and returns its placeholder.
func (b *statement) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// in is true when an integer column is one of the ids.
func (b *statement) in(column string, ids []int64) string {
	if b.dialect == segments.Postgres {
		return column + " = any(" + b.arg(ids) + "::bigint[])"
	}
	return column + " in (select value from json_each(" + b.arg(jsonText(ids)) + "))"
}

// How close ids must lie together to be near: so many of them at least and at
// most, on so many places for each.
const (
	nearLeast  = 50
	nearMost   = 1000
	nearSpread = 4
)

// near is in for ids that may lie close together, as those of a list that is
// gone through in its order do. Then a part of an index is read from its
// beginning to its end, in each partition once: searching for each id in each of
// two dozen partitions costs more than what is found.
func (b *statement) near(column string, ids []int64) string {
	if b.dialect != segments.Postgres || len(ids) < nearLeast || len(ids) > nearMost {
		return b.in(column, ids)
	}
	first, last := slices.Min(ids), slices.Max(ids)
	if last-first >= nearSpread*int64(len(ids)) {
		return b.in(column, ids)
	}
	// The sum keeps PostgreSQL from searching for each id all the same; it goes
	// through the list for each row then, so this is for hundreds, not for
	// thousands. The bounds are arguments, so that the statement is the same each time.
	return "(" + column + " between " + b.arg(first) + " and " + b.arg(last) + " and " + b.in("("+column+" + 0)", ids) + ")"
}

// among is in for several columns that are compared with the same ids.
func (b *statement) among(ids []int64) func(column string) string {
	if b.dialect == segments.Postgres {
		list := b.arg(ids)
		return func(column string) string { return column + " = any(" + list + "::bigint[])" }
	}
	list := b.arg(jsonText(ids))
	return func(column string) string { return column + " in (select value from json_each(" + list + "))" }
}

// inKeys is in for the key of a table that is partitioned by it: the range spares
// PostgreSQL the other partitions, which a list that it does not know yet cannot.
func (b *statement) inKeys(column string, ids []int64) string {
	if b.dialect != segments.Postgres || len(ids) == 0 {
		return b.in(column, ids)
	}
	return b.in(column, ids) + ` and ` + column + ` between ` + b.arg(slices.Min(ids)) + ` and ` + b.arg(slices.Max(ids))
}

// inText is in for text.
func (b *statement) inText(column string, values []string) string {
	if b.dialect == segments.Postgres {
		return column + " = any(" + b.arg(values) + "::text[])"
	}
	return column + " in (select value from json_each(" + b.arg(jsonText(values)) + "))"
}

// column is one column of a table of values: a name, PostgreSQL's type for it,
// and a slice with a value for each row.
type column struct {
	name, kind string
	values     any
}

func bigints[T ~int64](name string, values []T) column {
	plain := make([]int64, len(values))
	for i, v := range values {
		plain[i] = int64(v)
	}
	return column{name, "bigint", plain}
}
func texts(name string, values []string) column { return column{name, "text", values} }
func bools(name string, values []bool) column   { return column{name, "boolean", values} }
func floats(name string, values []float64) column {
	return column{name, "double precision", values}
}
func blobs(name string, values [][]byte) column { return column{name, "bytea", values} }

// jsons are texts that are stored as JSON; only insertRows takes them.
func jsons(name string, values []string) column { return column{name, jsonKind, values} }

const jsonKind = "json"

// textsOrNull is texts in which some are missing.
func textsOrNull(name string, values []*string) column { return column{name, "text", values} }

// nullable is bigints in which a zero stands for null.
func nullable(name string, values []int64) column {
	out := make([]*int64, len(values))
	for i := range values {
		if values[i] != 0 {
			out[i] = &values[i]
		}
	}
	return column{name, "bigint", out}
}

// table is a FROM item with the columns given, one row for each index. It is
// how many rows are written or joined in one statement.
func (b *statement) table(alias string, columns ...column) string {
	var names, parts []string
	if b.dialect == segments.Postgres {
		for _, c := range columns {
			names = append(names, c.name)
			parts = append(parts, b.arg(c.values)+"::"+c.kind+"[]")
		}
		return "unnest(" + strings.Join(parts, ", ") + ") as " + alias + "(" + strings.Join(names, ", ") + ")"
	}
	for i, c := range columns {
		value := fmt.Sprintf("value->>%d", i)
		if c.kind == "bytea" {
			value = "unhex(" + value + ")"
		}
		parts = append(parts, value+" as "+c.name)
	}
	return "(select " + strings.Join(parts, ", ") + " from json_each(" + b.arg(rowsJSON(columns)) + ")) as " + alias
}

// rowsJSON turns columns into a JSON array of rows, which SQLite can unfold.
func rowsJSON(columns []column) string {
	if len(columns) == 0 {
		return "[]"
	}
	var out []byte
	for row := range columns[0].len() {
		out = append(out, ',')
		for i, c := range columns {
			out = append(out, "[,"[min(i, 1)])
			out = c.appendJSON(out, row)
		}
		out = append(out, ']')
	}
	if len(out) == 0 {
		return "[]"
	}
	out[0] = '['
	return string(append(out, ']'))
}

func (c column) len() int { return reflect.ValueOf(c.values).Len() }

func (c column) appendJSON(out []byte, row int) []byte {
	switch v := c.values.(type) {
	case []int64:
		return strconv.AppendInt(out, v[row], 10)
	case []*int64:
		if v[row] == nil {
			return append(out, "null"...)
		}
		return strconv.AppendInt(out, *v[row], 10)
	case []bool:
		return strconv.AppendBool(out, v[row])
	case [][]byte:
		out = append(out, '"')
		return append(hex.AppendEncode(out, v[row]), '"')
	case []string:
		return contacts.AppendJSONText(out, v[row])
	}
	return append(out, jsonText(reflect.ValueOf(c.values).Index(row).Interface())...)
}

// at is the value of a row, as a driver takes it.
func (c column) at(row int) any {
	switch values := c.values.(type) {
	case []int64:
		return values[row]
	case []string:
		return values[row]
	case []*int64:
		if values[row] == nil {
			return nil
		}
		return *values[row]
	case []*string:
		if values[row] == nil {
			return nil
		}
		return *values[row]
	}
	return reflect.ValueOf(c.values).Index(row).Interface()
}

// json turns a text expression into the type that JSON is stored in.
func (b *statement) json(expression string) string {
	if b.dialect == segments.Postgres {
		return expression + "::jsonb"
	}
	return "jsonb(" + expression + ")"
}

// jsonText reads a stored JSON column as text.
func (b *statement) readJSON(column string) string {
	if b.dialect == segments.Postgres {
		return column + "::text"
	}
	return "json(" + column + ")"
}

// field is what stands in a stored JSON column under two keys, as text; the second
// is one that a person wrote.
func (b *statement) field(column, first, second string) string {
	if b.dialect == segments.Postgres {
		return "(" + column + "->'" + first + "'->>" + b.arg(second) + "::text)"
	}
	return "(" + column + "->>" + b.arg(`$.`+first+`."`+second+`"`) + ")"
}

// form is one comparable form of a property, as an integer; null without it.
func (b *statement) form(alias string, k contacts.Kind, path string) string {
	if b.dialect == segments.Postgres {
		return `(` + alias + `.folded -> '` + k.Key() + `' ->> ` + b.arg(path) + `)::bigint`
	}
	return `(` + alias + `.folded ->> ` + b.arg(`$.`+k.Key()+`."`+strings.ReplaceAll(path, `"`, "")+`"`) + `)`
}

// amount is contacts.Amount of a property, in millionths; 0 where there is none.
func (b *statement) amount(alias, path string) string {
	return `coalesce(` + b.form(alias, contacts.KindNumber, path) + `, ` + b.form(alias, contacts.KindAmount, path) + `, 0)`
}

// lock is a row lock where many write at once. SQLite has one writer, so there
// the transaction is the lock.
func (b *statement) lock(clause string) string {
	if b.dialect == segments.Postgres {
		return " " + clause
	}
	return ""
}

// least and greatest have other names in SQLite.
func (b *statement) greatest(a, c string) string {
	if b.dialect == segments.Postgres {
		return "greatest(" + a + ", " + c + ")"
	}
	return "max(" + a + ", " + c + ")"
}

func jsonText(v any) string {
	raw, err := json.Marshal(v)
	if err != nil { // only channels, functions and NaN do not marshal, and none comes here
		panic("store: " + err.Error())
	}
	return string(raw)
}
