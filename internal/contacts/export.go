package contacts

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ExportOptions say what an export holds.
type ExportOptions struct {
	Format string // csv or json (one object a line)

	// Attributes and Topics are the columns of a CSV file besides the built-in
	// fields; JSON holds whatever a contact has.
	Attributes []string
	Topics     []string
}

// Exporter writes contacts, one at a time.
type Exporter struct {
	options ExportOptions
	rows    *csv.Writer
	lines   *json.Encoder
}

// exportFields are the columns that every export begins with.
var exportFields = []string{"email", "first_name", "last_name", "language", "timezone", "created_at", "stage", "health", "suppressed"}

// NewExporter writes the header. An import reads what it writes: stage, health,
// suppression and consents are left out then, because an import cannot decide
// them.
func NewExporter(w io.Writer, o ExportOptions) (*Exporter, error) {
	e := &Exporter{options: o}
	switch o.Format {
	case "json":
		e.lines = json.NewEncoder(w)
		e.lines.SetEscapeHTML(false)
		return e, nil
	case "csv", "":
	default:
		return nil, fmt.Errorf("%q is not a format: write csv or json", o.Format)
	}
	e.rows = csv.NewWriter(w)
	header := slices.Clone(exportFields)
	header = append(header, o.Attributes...)
	for _, topic := range o.Topics {
		header = append(header, "consent."+topic)
	}
	return e, e.rows.Write(header)
}

// exported is a contact as a line of JSON.
type exported struct {
	Email      string                     `json:"email"`
	FirstName  string                     `json:"first_name,omitempty"`
	LastName   string                     `json:"last_name,omitempty"`
	Language   string                     `json:"language,omitempty"`
	Timezone   string                     `json:"timezone,omitempty"`
	CreatedAt  string                     `json:"created_at,omitempty"`
	Stage      string                     `json:"stage,omitempty"`
	Health     string                     `json:"health,omitempty"`
	Suppressed string                     `json:"suppressed,omitempty"`
	Attributes map[string]any             `json:"attributes,omitempty"`
	Consents   map[string]exportedConsent `json:"consents,omitempty"`
}

type exportedConsent struct {
	State  string `json:"state"`
	Source string `json:"source"`
	At     string `json:"at"`
}

// Write adds one contact with the consents that hold.
func (e *Exporter) Write(c *Contact, consents []Consent) error {
	suppressed := ""
	if c.Suppression != nil {
		suppressed = c.Suppression.Reason
	}
	if e.lines != nil {
		out := exported{
			Email: c.Email, FirstName: c.FirstName, LastName: c.LastName, Language: c.Language, Timezone: c.Timezone,
			CreatedAt: stamp(c.CreatedAt), Stage: c.Stage, Health: c.Health, Suppressed: suppressed, Attributes: c.Attributes,
			Consents: map[string]exportedConsent{},
		}
		for _, k := range consents {
			out.Consents[k.Topic] = exportedConsent{k.State, k.Source, stamp(k.At)}
		}
		return e.lines.Encode(out)
	}
	row := []string{c.Email, c.FirstName, c.LastName, c.Language, c.Timezone, stamp(c.CreatedAt), c.Stage, c.Health, suppressed}
	for _, name := range e.options.Attributes {
		v, _ := Lookup(c.Attributes, name)
		row = append(row, cellText(v))
	}
	for _, topic := range e.options.Topics {
		state := ""
		for _, k := range consents {
			if k.Topic == topic {
				state = k.State
			}
		}
		row = append(row, state)
	}
	return e.rows.Write(row)
}

// Close writes what is buffered and tells whether everything could be written.
func (e *Exporter) Close() error {
	if e.rows == nil {
		return nil
	}
	e.rows.Flush()
	return e.rows.Error()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999Z07:00")
}

// cellText writes a value so that ParseValue reads the same one: a list of plain
// words with semicolons, any other list and map as JSON.
func cellText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			word, ok := item.(string)
			if !ok || word == "" || word != strings.TrimSpace(word) || strings.ContainsAny(word, ",;") || strings.HasPrefix(word, "[") || len(v) == 1 && word == "" {
				return encodedJSON(v)
			}
			words[i] = word
		}
		return strings.Join(words, ";")
	}
	return encodedJSON(v)
}

func encodedJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// AttributeNames collects the attributes that contacts have, as the columns of
// an export: nested fields by their dotted paths.
type AttributeNames struct{ names map[string]bool }

// Add notes the attributes of one contact.
func (a *AttributeNames) Add(c *Contact) {
	if a.names == nil {
		a.names = map[string]bool{}
	}
	for _, path := range paths(c.Attributes) {
		if v, ok := Lookup(c.Attributes, path); ok && !Builtin(path) {
			if _, nested := v.(map[string]any); !nested {
				a.names[path] = true
			}
		}
	}
}

// Sorted lists what was noted.
func (a *AttributeNames) Sorted() []string {
	names := make([]string, 0, len(a.names))
	for name := range a.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
