package contacts

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold brings text into the form in which conditions compare it: canonical
// caseless (Unicode 16, definition D145), composed. "STRASSE" and "straße" fold
// to the same text, and so do the two ways of writing "é". Bytes that are not
// UTF-8 become U+FFFD, and U+0000, which PostgreSQL cannot store, is left out.
// Folding twice changes nothing.
func Fold(s string) string {
	if plain(s) {
		return strings.ToLower(s)
	}
	if western(s) {
		return strings.Map(lowerWestern, s)
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "")
	// A Caser keeps state and may not be shared.
	return norm.NFC.String(strings.Map(cherokee, cases.Fold().String(norm.NFD.String(s))))
}

// cherokee folds the one script whose capitals are the older letters, so that
// Unicode folds to capitals; the library swaps the two cases instead.
func cherokee(r rune) rune {
	switch {
	case r >= 0xAB70 && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	case r >= 0x13F8 && r <= 0x13FD:
		return r - 8
	}
	return r
}

// plain tells whether s is ASCII without U+0000, which is most text.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// western tells whether s holds nothing but ASCII and the composed letters of
// Latin-1, as most European names do. They fold one by one, all but the ß.
func western(s string) bool {
	for _, r := range s {
		if r == 0 || r >= utf8.RuneSelf && (r < 'À' || r > 'ÿ' || r == 'ß') {
			return false
		}
	}
	return true
}

func lowerWestern(r rune) rune {
	if r >= 'A' && r <= 'Z' || r >= 'À' && r <= 'Þ' && r != '×' {
		return r + 'a' - 'A'
	}
	return r
}

// Folded gives the comparable forms of a contact for the column
// contacts.folded, as JSON. Its shape is one map per kind of value, keyed by
// dotted path:
//
//	{"l": {"likes": ["tgravel"]}, "n": {"age": 41000000},
//	 "t": {"email": "ana@example.com", "address.city": "köln"}}
//
// Stage, health and created_at are missing on purpose: they are columns that
// change by themselves, and conditions read them there.
func Folded(c *Contact) string {
	w := make(folder, 0, len(foldedFields)+len(c.Attributes))
	for _, name := range foldedFields {
		if v, ok := c.builtin(name); ok {
			w.put(name, v)
		}
	}
	w.putAll(c.Attributes, func(path string) bool {
		return Builtin(path) // the built-in field of that name hides it
	})
	return w.json()
}

// FoldedProperties gives the comparable forms of an event's properties for the
// column events.folded, in the same shape as Folded.
func FoldedProperties(e *Event) string {
	w := make(folder, 0, len(e.Properties))
	w.putAll(e.Properties, func(string) bool { return false })
	return w.json()
}

// folder collects what is to be folded. It writes its JSON itself: each import
// and each event comes through here, and maps of maps cost several times as much.
type folder []*folded

type folded struct {
	path string
	Comparable
}

func (w *folder) put(path string, v any) {
	if c := Compare(v); c.Kinds != 0 {
		*w = append(*w, &folded{path, c})
	}
}

func (w *folder) putAll(m map[string]any, hidden func(path string) bool) {
	if flat(m) {
		for path, v := range m {
			if !hidden(path) {
				w.put(path, v)
			}
		}
		return
	}
	for _, path := range paths(m) {
		if hidden(path) {
			continue
		}
		if v, ok := Lookup(m, path); ok {
			w.put(path, v)
		}
	}
}

// flat tells whether nothing in a map lies below something else.
func flat(m map[string]any) bool {
	for path, v := range m {
		if _, below := v.(map[string]any); below || strings.IndexByte(path, '.') >= 0 {
			return false
		}
	}
	return true
}

func (w folder) json() string {
	slices.SortFunc(w, func(a, b *folded) int { return strings.Compare(a.path, b.path) })
	var kinds Kind // of any of them
	for _, f := range w {
		kinds |= f.Kinds
	}
	out := make([]byte, 0, 64+64*len(w))
	out = append(out, '{')
	for _, kind := range allKinds {
		if kinds&kind == 0 {
			continue
		}
		begun := false
		for i := range w {
			if !w[i].Is(kind) {
				continue
			}
			if !begun {
				if len(out) > 1 {
					out = append(out, ',')
				}
				out = append(append(AppendJSONText(out, kind.Key()), ':'), '{')
				begun = true
			} else {
				out = append(out, ',')
			}
			out = append(AppendJSONText(out, w[i].path), ':')
			out = w[i].appendForm(out, kind)
		}
		if begun {
			out = append(out, '}')
		}
	}
	return string(append(out, '}'))
}

// AppendJSONText writes a text as JSON. What needs care is left to encoding/json.
func AppendJSONText(out []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < ' ' || b == '"' || b == '\\' || b >= utf8.RuneSelf && !utf8.ValidString(s) {
			raw, _ := json.Marshal(s) // texts always marshal
			return append(out, raw...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}

// AppendJSON writes a value of an attribute or a property as JSON, the keys of maps
// in their order. It writes itself what most of them are; encoding/json takes
// several times as long for them.
func AppendJSON(out []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return AppendJSONText(out, v)
	case bool:
		return strconv.AppendBool(out, v)
	case float64:
		if whole := int64(v); float64(whole) == v && whole > -1e15 && whole < 1e15 && (whole != 0 || !math.Signbit(v)) {
			return strconv.AppendInt(out, whole, 10)
		}
		if size := math.Abs(v); size >= 1e-6 && size < 1e15 { // beyond, encoding/json writes exponents
			return strconv.AppendFloat(out, v, 'f', -1, 64)
		}
	case map[string]any:
		keys := make([]string, 0, 16)
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		out = append(out, '{')
		for i, key := range keys {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(AppendJSONText(out, key), ':')
			out = AppendJSON(out, v[key])
		}
		return append(out, '}')
	}
	raw, err := json.Marshal(v)
	if err != nil { // only channels, functions and NaN do not marshal, and none is an attribute
		panic("contacts: " + err.Error())
	}
	return append(out, raw...)
}
