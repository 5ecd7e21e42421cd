package contacts

import (
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

// Folded gives the comparable forms of a contact for the column
// contacts.folded. Its shape is one map per kind of value, keyed by dotted path:
//
//	{"t": {"email": "ana@example.com", "address.city": "köln"},
//	 "n": {"age": 41000000}, "l": {"likes": ["tgravel"]}}
//
// Stage, health and created_at are missing on purpose: they are columns that
// change by themselves, and conditions read them there.
func Folded(c *Contact) map[string]any {
	w := foldWriter{}
	for _, name := range foldedFields {
		if v, ok := c.builtin(name); ok {
			w.put(name, v)
		}
	}
	for _, path := range paths(c.Attributes) {
		if Builtin(path) {
			continue // the built-in field of that name hides it
		}
		if v, ok := Lookup(c.Attributes, path); ok {
			w.put(path, v)
		}
	}
	return w
}

// FoldedProperties gives the comparable forms of an event's properties for the
// column events.folded, in the same shape as Folded.
func FoldedProperties(e *Event) map[string]any {
	w := foldWriter{}
	for _, path := range paths(e.Properties) {
		if v, ok := Lookup(e.Properties, path); ok {
			w.put(path, v)
		}
	}
	return w
}

type foldWriter map[string]any

func (w foldWriter) put(path string, v any) {
	c := Compare(v)
	for _, kind := range allKinds {
		if !c.Is(kind) {
			continue
		}
		of, ok := w[kind.Key()].(map[string]any)
		if !ok {
			of = map[string]any{}
			w[kind.Key()] = of
		}
		of[path] = c.form(kind)
	}
}
