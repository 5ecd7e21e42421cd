package contacts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of one record of a CSV file. A quote that is never closed would
// otherwise make one record of the rest of the file.
const (
	maxRecordBytes = 1 << 20
	maxRecordLines = 200
)

// record is one record of a CSV file: the line on which it begins, from 1, and
// its fields; or why it cannot be read, with its first line as it stands.
type record struct {
	line   int
	fields []string
	fault  string
	raw    string
}

// records reads CSV (RFC 4180) record by record in constant memory. It differs
// from encoding/csv in that a fault costs one line and not the rest of the file.
type records struct {
	in        *bufio.Reader
	delimiter byte
	line      int      // lines taken so far
	pending   []string // lines that were read ahead for a quote that was never closed
	tooLong   bool     // the line that was read last was cut
}

func newRecords(r io.Reader, delimiter byte) *records {
	return &records{in: bufio.NewReaderSize(r, 64<<10), delimiter: delimiter}
}

// next gives the next record that is not an empty line; io.EOF ends it.
func (r *records) next() (record, error) {
	for {
		text, err := r.readLine()
		if err != nil {
			return record{}, err
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		rec := record{line: r.line, raw: text}
		if r.tooLong {
			rec.fault = fmt.Sprintf("the line has more than %d characters", maxRecordBytes)
			return rec, nil
		}
		if err := r.complete(&rec, text); err != nil {
			return record{}, err
		}
		return rec, nil
	}
}

// complete splits the text into fields and reads on while a quote is open.
func (r *records) complete(rec *record, text string) error {
	var ahead []string
	for {
		open := false
		rec.fields, rec.fault, open = split(text, r.delimiter)
		if !open {
			return nil
		}
		if len(ahead)+1 < maxRecordLines && len(text) < maxRecordBytes {
			line, err := r.readLine()
			if err == nil && !r.tooLong {
				ahead = append(ahead, line)
				text += "\n" + line
				continue
			}
			if err == nil {
				ahead = append(ahead, line)
			} else if !errors.Is(err, io.EOF) {
				return err
			}
		}
		rec.fields, rec.fault = nil, "a quote is opened and never closed"
		r.pending = append(ahead, r.pending...)
		r.line -= len(ahead)
		return nil
	}
}

// readLine gives the next line without its end. What is longer than a record may
// be is cut, and tooLong says so.
func (r *records) readLine() (string, error) {
	r.tooLong = false
	if len(r.pending) > 0 {
		line := r.pending[0]
		r.pending = r.pending[1:]
		r.line++
		return line, nil
	}
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if room := maxRecordBytes - len(line); len(part) > room {
			r.tooLong = true
			part = part[:room]
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !(errors.Is(err, io.EOF) && len(line) > 0):
			return "", err
		}
		r.line++
		return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), nil
	}
}

// split cuts a record into fields. open tells that its end is within quotes.
func split(text string, delimiter byte) (fields []string, fault string, open bool) {
	for {
		if !strings.HasPrefix(text, `"`) {
			end := strings.IndexByte(text, delimiter)
			if end < 0 {
				return append(fields, text), "", false
			}
			fields = append(fields, text[:end])
			text = text[end+1:]
			continue
		}
		field, rest, closed := quotedField(text[1:])
		if !closed {
			return nil, "", true
		}
		fields = append(fields, field)
		if rest == "" {
			return fields, "", false
		}
		if rest[0] != delimiter {
			return nil, fmt.Sprintf("text follows the closing quote of column %d", len(fields)), false
		}
		text = rest[1:]
	}
}

// quotedField reads up to the closing quote; a doubled quote is a quote.
func quotedField(text string) (field, rest string, closed bool) {
	var b strings.Builder
	for {
		end := strings.IndexByte(text, '"')
		if end < 0 {
			return "", "", false
		}
		b.WriteString(text[:end])
		text = text[end+1:]
		if !strings.HasPrefix(text, `"`) {
			return b.String(), text, true
		}
		b.WriteByte('"')
		text = text[1:]
	}
}
