package contacts

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// RejectWriter writes rejected rows as CSV: the line in the file, the reason, and
// the columns as they were, so that the file can be corrected and imported again.
type RejectWriter struct {
	rows    *csv.Writer
	headers []string
	begun   bool
	count   int
}

// NewRejectWriter takes the headers of the imported file. Nothing is written
// before the first reject.
func NewRejectWriter(w io.Writer, headers []string) *RejectWriter {
	return &RejectWriter{rows: csv.NewWriter(w), headers: headers}
}

// Write adds one rejected row. Bytes that are not UTF-8 become U+FFFD.
func (r *RejectWriter) Write(reject *Reject) error {
	if !r.begun {
		r.begun = true
		if err := r.rows.Write(append([]string{"rejected_line", "rejected_reason"}, r.headers...)); err != nil {
			return err
		}
	}
	r.count++
	row := []string{strconv.Itoa(reject.Line), reject.Reason}
	for _, field := range reject.Record {
		row = append(row, strings.ToValidUTF8(field, "\uFFFD"))
	}
	for len(row) < len(r.headers)+2 {
		row = append(row, "")
	}
	return r.rows.Write(row)
}

// Count is how many rows were rejected.
func (r *RejectWriter) Count() int { return r.count }

// Close writes what is buffered and tells whether everything could be written.
func (r *RejectWriter) Close() error {
	r.rows.Flush()
	return r.rows.Error()
}
