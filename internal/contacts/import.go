package contacts

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/calendar"
)

// ImportOptions say how a CSV file becomes contacts. Only Now is needed.
type ImportOptions struct {
	// Delimiter is a comma, a semicolon or a tab; 0 finds out.
	Delimiter rune
	Encoding  string // one of the Encoding constants

	// Mapping names the field of a column where its header does not: header to
	// built-in field or attribute, "-" to leave it out.
	Mapping map[string]string

	// Types are the types of attributes, as rapport.yaml declares them: text,
	// number, bool, date, list. What is not named is text.
	Types map[string]string

	// GivenTypes are types for this import. They win over Types, and each must
	// belong to a column.
	GivenTypes map[string]string

	Consent  ImportConsent
	Defaults ImportDefaults
	Now      time.Time

	strictTypes map[string]bool
}

// ImportConsent is the permission that everybody in the file gave.
type ImportConsent struct {
	Topics []string // empty: the import says nothing about consent
	Source string   // where it was given; needed when there are topics
	At     time.Time
}

// ImportDefaults fill what a row leaves empty.
type ImportDefaults struct{ Language, Timezone string }

// Row is a contact of the file, with the consents that go with it.
type Row struct {
	Line     int // in the file, from 1
	Contact  Contact
	Consents []Consent // of every row the same, not to be written to
	// Repeated tells that the address came in one of the rows before, not further
	// back than 50,000 of them. Rows are merged in their order, so the later one
	// wins where both say something; one from further back was stored by then,
	// and this row changes it as it would anybody.
	Repeated bool
}

// Reject is a row that cannot be imported.
type Reject struct {
	Line   int
	Record []string // the fields as they stand; the whole line when it cannot be cut into fields
	Reason string
}

// Importer reads a CSV file row by row, in memory that does not grow with it.
type Importer struct {
	options ImportOptions
	columns []Column
	records *records
	notes   []string
	seed    maphash.Seed
	// consents are those of each row; nobody writes to them.
	consents  []Consent
	languages map[string]string // tags as they stood in the file, and what they mean
	// The addresses of the last rows, as hashes, and those of the rows before.
	seen, before map[uint64]struct{}
	repeated     int
}

// remembered is within how many rows an address that comes again is told to be
// repeated, at least; twice as many are in memory at most.
const remembered = 50_000

// NewImporter reads the header. An error says why the file as a whole cannot be
// imported, and what to do.
func NewImporter(r io.Reader, o ImportOptions) (*Importer, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	in, note, err := open(r, o.Encoding)
	if err != nil {
		return nil, err
	}
	im := &Importer{options: o, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, before: map[uint64]struct{}{}, languages: map[string]string{}}
	for _, topic := range im.options.Consent.Topics {
		source, at := im.options.Consent.Source, im.options.Consent.At
		im.consents = append(im.consents, Consent{Topic: topic, State: ConsentGiven, Source: source, At: at, Key: fmt.Sprintf("import:%s:%d", source, at.UnixMilli())})
	}
	im.consents = slices.Clip(im.consents)
	if note != "" {
		im.notes = append(im.notes, note)
	}
	delimiter := byte(o.Delimiter)
	if delimiter == 0 {
		sample, _ := in.Peek(sampleSize)
		delimiter = detectDelimiter(sample)
	}
	im.records = newRecords(in, delimiter)
	head, err := im.records.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the file is empty")
	case err != nil:
		return nil, fmt.Errorf("cannot read the file: %w", err)
	case head.fault != "":
		return nil, fmt.Errorf("line %d: %s", head.line, head.fault)
	case !utf8.ValidString(head.raw) || strings.ContainsRune(head.raw, 0):
		return nil, fmt.Errorf("line %d: the names of the columns are not UTF-8 text; save the file as CSV in UTF-8", head.line)
	}
	if im.columns, err = columnsOf(head.fields, &im.options); err != nil {
		return nil, fmt.Errorf("line %d: %w", head.line, err)
	}
	for _, c := range im.columns {
		if c.Field == "" {
			im.notes = append(im.notes, fmt.Sprintf("the column %q is left out: %s", c.Header, c.Why))
		}
	}
	return im, nil
}

func (o *ImportOptions) check() error {
	if o.Delimiter != 0 && !strings.ContainsRune(",;\t|", o.Delimiter) {
		return fmt.Errorf("%q cannot separate columns: use a comma, a semicolon, a tab or |", o.Delimiter)
	}
	types := map[string]string{}
	for name, typ := range o.Types {
		types[name] = typ
	}
	o.strictTypes = map[string]bool{}
	for name, typ := range o.GivenTypes {
		if !slices.Contains(attributeTypes, typ) {
			return fmt.Errorf("the attribute %s cannot be of the type %q: write %s", name, typ, strings.Join(attributeTypes, ", "))
		}
		types[name] = typ
		o.strictTypes[name] = true
	}
	o.Types = types
	if len(o.Consent.Topics) > 0 {
		switch {
		case strings.TrimSpace(o.Consent.Source) == "":
			return fmt.Errorf("a consent needs a source: say where these people gave it")
		case o.Consent.At.After(o.Now):
			return fmt.Errorf("a consent cannot be given in the future (%s)", o.Consent.At.Format("2006-01-02 15:04"))
		}
		if o.Consent.At.IsZero() {
			o.Consent.At = o.Now
		}
	}
	if o.Defaults.Timezone != "" {
		if _, err := calendar.LoadZone(o.Defaults.Timezone); err != nil {
			return err
		}
	}
	if o.Defaults.Language != "" {
		language, err := ParseLanguage(o.Defaults.Language)
		if err != nil {
			return err
		}
		o.Defaults.Language = language
	}
	return nil
}

// detectDelimiter takes the separator that the first line has most of, outside
// of quotes.
func detectDelimiter(sample []byte) byte {
	sample = bytes.TrimLeft(sample, "\r\n \t")
	if end := bytes.IndexByte(sample, '\n'); end >= 0 {
		sample = sample[:end]
	}
	counts := map[byte]int{}
	inside := false
	for _, b := range sample {
		if b == '"' {
			inside = !inside
		} else if !inside {
			counts[b]++
		}
	}
	best := byte(',')
	for _, d := range []byte(";\t|") {
		if counts[d] > counts[best] {
			best = d
		}
	}
	return best
}

// Columns says what becomes of each column, in the order of the file.
func (im *Importer) Columns() []Column { return slices.Clone(im.columns) }

// Headers are the names of the columns as the file has them.
func (im *Importer) Headers() []string {
	headers := make([]string, len(im.columns))
	for i, c := range im.columns {
		headers[i] = c.Header
	}
	return headers
}

// Notes tell what a person should know about how the file was read.
func (im *Importer) Notes() []string { return slices.Clone(im.notes) }

// Repeats is how many rows were Repeated.
func (im *Importer) Repeats() int { return im.repeated }

// Next reads the next row. Exactly one of row, reject and err is set; io.EOF is
// the end of the file.
func (im *Importer) Next() (*Row, *Reject, error) {
	rec, err := im.records.next()
	if err != nil {
		if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("cannot read on after line %d: %w", im.records.line, err)
		}
		return nil, nil, err
	}
	row, reason := im.row(rec)
	if reason != "" {
		fields := rec.fields
		if fields == nil {
			fields = []string{rec.raw}
		}
		return nil, &Reject{Line: rec.line, Record: fields, Reason: reason}, nil
	}
	return row, nil, nil
}

func (im *Importer) row(rec record) (*Row, string) {
	if rec.fault != "" {
		return nil, rec.fault
	}
	if len(rec.fields) != len(im.columns) {
		return nil, fmt.Sprintf("it has %d fields, and the first line names %d columns", len(rec.fields), len(im.columns))
	}
	row := &Row{Line: rec.line, Contact: Contact{Attributes: map[string]any{}}}
	for i, text := range rec.fields {
		if reason := im.fill(&row.Contact, im.columns[i], text); reason != "" {
			return nil, reason
		}
	}
	c := &row.Contact
	if c.Email == "" {
		return nil, "the e-mail address is empty"
	}
	if c.Language == "" {
		c.Language = im.options.Defaults.Language
	}
	if c.Timezone == "" {
		c.Timezone = im.options.Defaults.Timezone
	}
	row.Consents = im.consents
	row.Repeated = im.note(c.Email)
	return row, ""
}

// note remembers an address and tells whether it came lately.
func (im *Importer) note(address string) bool {
	hash := maphash.String(im.seed, address)
	_, now := im.seen[hash]
	_, before := im.before[hash]
	if !now {
		if len(im.seen) == remembered {
			im.seen, im.before = im.before, im.seen
			clear(im.seen)
		}
		im.seen[hash] = struct{}{}
	}
	if now || before {
		im.repeated++
		return true
	}
	return false
}
