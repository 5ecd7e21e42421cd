package contacts

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Column says what becomes of one column of a file.
type Column struct {
	Header string `json:"header"` // as the file has it
	// Field is the built-in field or the attribute that the column fills;
	// empty when it is left out, and then Why says why.
	Field     string `json:"field"`
	Attribute bool   `json:"attribute,omitempty"`
	Type      string `json:"type,omitempty"` // of an attribute: text, number, bool, date, list
	Why       string `json:"why,omitempty"`
}

// usualNames are the headers by which people name the built-in fields, folded,
// with everything between words as one space.
var usualNames = map[string][]string{
	"email": {"email", "e mail", "mail", "email address", "e mail address", "mail address", "emailadresse", "e mail adresse",
		"email adresse", "mailadresse", "mail adresse", "adresse email", "adresse e mail", "courriel", "correo",
		"correo electrónico", "correo electronico", "indirizzo email", "subscriber email", "contact email"},
	"first_name": {"first name", "firstname", "fname", "given name", "givenname", "forename", "vorname", "prénom", "prenom", "nombre", "nome"},
	"last_name": {"last name", "lastname", "lname", "surname", "family name", "familyname", "nachname", "familienname",
		"nom", "nom de famille", "apellido", "apellidos", "cognome"},
	"language":   {"language", "lang", "locale", "sprache", "langue", "idioma", "lingua"},
	"timezone":   {"timezone", "time zone", "tz", "zeitzone", "fuseau horaire", "zona horaria"},
	"created_at": {"created at", "signed up at", "signup date", "sign up date", "registered at", "registration date"},
}

// usual finds the built-in field that a header names.
func usual(header string) string {
	words := headerWords(header)
	for field, names := range usualNames {
		if slices.Contains(names, words) {
			return field
		}
	}
	return ""
}

// headerWords is a header folded, with single spaces between its words.
func headerWords(header string) string {
	return strings.Join(strings.FieldsFunc(Fold(header), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("_-./:", r)
	}), " ")
}

// attributeName is the name of the attribute that an unknown column fills: a
// declared one that is the same but for case and spaces, else the header in
// lower case with underscores for spaces and dashes. Dots stay: they name nested
// fields.
func attributeName(header string, declared map[string]string) string {
	words := headerWords(header)
	if _, ok := declared[strings.TrimSpace(header)]; ok {
		return strings.TrimSpace(header)
	}
	found := ""
	for name := range declared {
		if headerWords(name) == words && (found == "" || name < found) {
			found = name
		}
	}
	if found != "" {
		return found
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return '_'
		}
		return r
	}, strings.ToLower(strings.TrimSpace(header)))
}

// columnsOf decides what becomes of each column, or says why the file cannot be
// imported.
func columnsOf(header []string, o *ImportOptions) ([]Column, error) {
	for given := range o.Mapping {
		if !slices.ContainsFunc(header, func(h string) bool { return sameHeader(h, given) }) {
			return nil, fmt.Errorf("there is no column %q to map; the columns are %s", given, quotedList(header))
		}
	}
	columns := make([]Column, len(header))
	taken := map[string]string{}
	for i, text := range header {
		c, err := columnOf(strings.TrimSpace(text), o)
		if err != nil {
			return nil, err
		}
		columns[i] = c
		if c.Field == "" {
			continue
		}
		if other, twice := taken[c.Field]; twice {
			return nil, fmt.Errorf("the columns %q and %q are both %s: map one of them to - to leave it out", other, c.Header, c.Field)
		}
		taken[c.Field] = c.Header
	}
	if _, ok := taken["email"]; !ok {
		if slices.ContainsFunc(header, func(h string) bool { _, err := ParseAddress(h); return err == nil }) {
			return nil, fmt.Errorf("the first line must name the columns; it holds an address already")
		}
		return nil, fmt.Errorf("no column is the e-mail address: map one to email; the columns are %s", quotedList(header))
	}
	for name := range o.Types {
		if _, ok := taken[name]; !ok && o.strictTypes[name] {
			return nil, fmt.Errorf("there is no column for the attribute %q, whose type was given; the columns are %s", name, quotedList(header))
		}
	}
	return columns, nil
}

func sameHeader(a, b string) bool { return Fold(strings.TrimSpace(a)) == Fold(strings.TrimSpace(b)) }

func columnOf(header string, o *ImportOptions) (Column, error) {
	c := Column{Header: header}
	field, mapped := "", false
	for from, to := range o.Mapping {
		if sameHeader(from, header) {
			field, mapped = strings.TrimPrefix(strings.TrimSpace(to), "attributes."), true
		}
	}
	switch {
	case mapped && (field == "-" || field == ""):
		c.Why = "left out by the mapping"
		return c, nil
	case !mapped && header == "":
		c.Why = "it has no name"
		return c, nil
	case !mapped && strings.HasPrefix(Fold(header), "consent."):
		c.Why = "a consent needs a source and a time, so it is given for the whole import"
		return c, nil
	case !mapped:
		if field = usual(header); field == "" {
			field = attributeName(header, o.Types)
		}
	}
	switch field {
	case "stage", "health":
		c.Why = "the engine decides the " + field
		return c, nil
	case "suppressed":
		c.Why = "suppressions have an import of their own"
		return c, nil
	case "rejected_line", "rejected_reason":
		c.Why = "it tells why the row was rejected before"
		return c, nil
	}
	c.Field = field
	if Builtin(field) {
		return c, nil
	}
	if reason := badName(field); reason != "" {
		return c, fmt.Errorf("the column %q cannot be an attribute: %s; map it to another name, or to - to leave it out", header, reason)
	}
	c.Attribute, c.Type = true, "text"
	if typ, ok := o.Types[field]; ok {
		c.Type = typ
	}
	return c, nil
}

// badName tells why a text cannot be the name of an attribute, or "".
func badName(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "its name is not valid UTF-8"
	case len(name) > 200:
		return "its name has more than 200 characters"
	case strings.ContainsFunc(name, func(r rune) bool { return r == '"' || r == '\\' || unicode.IsControl(r) }):
		return "its name contains quotes, backslashes or control characters"
	}
	return ""
}

func quotedList(words []string) string {
	const most = 20
	texts := make([]string, 0, len(words))
	for i, w := range words {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(words)-most))
			break
		}
		texts = append(texts, fmt.Sprintf("%q", w))
	}
	return strings.Join(texts, ", ")
}
