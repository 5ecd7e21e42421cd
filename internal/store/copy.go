package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
)

// copier is a transaction of PostgreSQL, which reads rows that are written into a
// table from COPY for half of what they cost as arrays.
type copier interface {
	copyIn(ctx context.Context, text string, data []byte) (int64, error)
}

// copyHead begins the binary form of COPY: the signature, no flags, and nothing more
// (PostgreSQL, "COPY", File Formats, Binary Format).
const copyHead = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// copyData is the rows of some columns in the binary form of COPY.
func copyData(columns []column) []byte {
	rows := columns[0].len()
	out := make([]byte, 0, len(copyHead)+2+rows*(2+16*len(columns)))
	out = append(out, copyHead...)
	for row := range rows {
		out = binary.BigEndian.AppendUint16(out, uint16(len(columns)))
		for _, c := range columns {
			out = c.appendBinary(out, row)
		}
	}
	return append(out, 0xff, 0xff)
}

// appendBinary adds the length of a value and the value, as PostgreSQL receives it.
func (c column) appendBinary(out []byte, row int) []byte {
	switch v := c.values.(type) {
	case []int64:
		return appendBigint(out, v[row])
	case []*int64:
		if v[row] == nil {
			return appendNull(out)
		}
		return appendBigint(out, *v[row])
	case []string:
		if c.kind == jsonKind {
			out = binary.BigEndian.AppendUint32(out, uint32(len(v[row])+1))
			return append(append(out, 1), v[row]...) // the version of jsonb's form
		}
		return append(binary.BigEndian.AppendUint32(out, uint32(len(v[row]))), v[row]...)
	case []*string:
		if v[row] == nil {
			return appendNull(out)
		}
		return append(binary.BigEndian.AppendUint32(out, uint32(len(*v[row]))), *v[row]...)
	case [][]byte:
		return append(binary.BigEndian.AppendUint32(out, uint32(len(v[row]))), v[row]...)
	case []float64:
		out = binary.BigEndian.AppendUint32(out, 8)
		return binary.BigEndian.AppendUint64(out, math.Float64bits(v[row]))
	case []bool:
		if v[row] {
			return append(out, 0, 0, 0, 1, 1)
		}
		return append(out, 0, 0, 0, 1, 0)
	}
	panic(fmt.Sprintf("store: a column of %T", c.values))
}

func appendBigint(out []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(out, 8), uint64(v))
}

func appendNull(out []byte) []byte { return append(out, 0xff, 0xff, 0xff, 0xff) }
