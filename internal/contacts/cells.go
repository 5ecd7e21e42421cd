package contacts

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"rapport/internal/calendar"
)

// attributeTypes are the types that rapport.yaml can declare.
var attributeTypes = []string{"text", "number", "bool", "date", "list"}

// maxCell bounds the text of one field, in bytes.
const maxCell = 20_000

// fill puts one cell into the contact, or says why the row is rejected. An empty
// cell says nothing.
func (im *Importer) fill(c *Contact, column Column, text string) string {
	if !utf8.ValidString(text) {
		return fmt.Sprintf("the column %q is not UTF-8 text (byte 0x%02X): save the file as UTF-8, or name its encoding", column.Header, firstBroken(text))
	}
	text = strings.TrimSpace(text)
	switch {
	case column.Field == "" || text == "":
		return ""
	case strings.ContainsRune(text, 0):
		return fmt.Sprintf("the column %q contains the character U+0000", column.Header)
	case len(text) > maxCell:
		return fmt.Sprintf("the column %q has more than %d bytes", column.Header, maxCell)
	}
	if column.Attribute {
		v, err := ParseValue(text, column.Type)
		if err != nil {
			return fmt.Sprintf("the column %q: %v", column.Header, err)
		}
		setPath(c.Attributes, column.Field, v)
		return ""
	}
	if err := im.fillField(c, column.Field, text); err != nil {
		if column.Field == "email" {
			return err.Error()
		}
		return fmt.Sprintf("the column %q: %v", column.Header, err)
	}
	return ""
}

func firstBroken(text string) byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			return text[i]
		}
		i += size
	}
	return 0
}

func (im *Importer) fillField(c *Contact, field, text string) (err error) {
	if field != "email" && strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%q contains a line break or another control character", text)
	}
	switch field {
	case "email":
		c.Email, err = ParseAddress(text)
	case "first_name":
		c.FirstName = text
	case "last_name":
		c.LastName = text
	case "language":
		c.Language, err = im.language(text)
	case "timezone":
		if _, err = calendar.LoadZone(text); err == nil {
			c.Timezone = text
		}
	case "created_at":
		c.CreatedAt, err = parseMoment(text)
		if err == nil && c.CreatedAt.After(im.options.Now) {
			err = fmt.Errorf("%s lies in the future", text)
		}
	}
	return err
}

// mostLanguages bounds the tags that are remembered of a file, which has a few.
const mostLanguages = 100

// language is ParseLanguage for a file, in which the same ones come again.
func (im *Importer) language(text string) (string, error) {
	if tag, ok := im.languages[text]; ok {
		return tag, nil
	}
	tag, err := ParseLanguage(text)
	if err == nil && len(im.languages) < mostLanguages {
		im.languages[strings.Clone(text)] = tag // and not the line that it is part of
	}
	return tag, err
}

// ParseLanguage checks a language tag (BCP 47) and brings it into its usual
// form: "de_at" becomes "de-AT".
func ParseLanguage(s string) (string, error) {
	tag, err := language.Parse(strings.TrimSpace(s))
	if err != nil || tag == language.Und {
		return "", fmt.Errorf("%q is not a language: write a code, as in de, en or pt-BR", s)
	}
	return tag.String(), nil
}

// ParseValue reads the text of a cell as a value of a type: text, number, bool,
// date or list. Dates stay text in the form 2026-03-02, or with a time and zone
// as RFC 3339 has it.
func ParseValue(text, typ string) (any, error) {
	switch typ {
	case "number":
		return parseNumber(text)
	case "bool":
		switch strings.ToLower(text) {
		case "true", "yes", "1":
			return true, nil
		case "false", "no", "0":
			return false, nil
		}
		return nil, fmt.Errorf("%q is neither true nor false", text)
	case "date":
		return parseDate(text)
	case "list":
		return parseList(text)
	}
	return text, nil
}

func parseNumber(text string) (any, error) {
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "+")
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || digits == "" || !(digits[0] >= '0' && digits[0] <= '9') || strings.ContainsAny(digits, "_xXpP") || math.IsInf(f, 0) {
		if strings.ContainsRune(text, ',') {
			return nil, fmt.Errorf("%q is not a number: write 1234.5, with a point and without separators", text)
		}
		return nil, fmt.Errorf("%q is not a number", text)
	}
	return f, nil
}

// parseDate takes 2026-03-02, 02.03.2026 and RFC 3339. Dates with slashes mean
// two things and are refused.
func parseDate(text string) (any, error) {
	for _, layout := range []string{time.DateOnly, "2.1.2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	if c := Compare(text); c.Is(KindDay) || c.Is(KindInstant) {
		return text, nil
	}
	return nil, fmt.Errorf("%q is not a date: write it as 2026-03-02", text)
}

// parseMoment reads a date or a date with time; without a zone it is UTC.
func parseMoment(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if d, ok := dateOf(text); ok {
		t, err := time.Parse(time.DateTime, strings.Replace(text, "T", " ", 1))
		if err != nil {
			t = d.At(0, time.UTC)
		}
		return t, nil
	}
	if date, err := parseDate(text); err == nil {
		return time.Parse(time.DateOnly, date.(string))
	}
	return time.Time{}, fmt.Errorf("%q is not a date: write it as 2026-03-02, or 2026-03-02T09:00:00Z", text)
}

// parseList reads a JSON array, or values with semicolons or else commas between.
func parseList(text string) (any, error) {
	if strings.HasPrefix(text, "[") {
		var list []any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return nil, fmt.Errorf("%q is not a list: write values with ; between", text)
		}
		return list, nil
	}
	separator := ","
	if strings.ContainsRune(text, ';') {
		separator = ";"
	}
	list := []any{}
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list, nil
}

// setPath puts a value where its dotted path says: into nested maps, so that
// templates find it there too. Where something else stands in the way, the path
// becomes a key as it is, which Lookup finds as well.
func setPath(m map[string]any, path string, v any) {
	at := m
	rest := path
	for {
		key, below, nested := strings.Cut(rest, ".")
		if !nested {
			if _, taken := at[rest].(map[string]any); taken {
				break
			}
			at[rest] = v
			return
		}
		if key == "" || below == "" {
			break
		}
		next, ok := at[key]
		if !ok {
			next = map[string]any{}
			at[key] = next
		}
		deeper, ok := next.(map[string]any)
		if !ok {
			break
		}
		at, rest = deeper, below
	}
	m[path] = v
}
