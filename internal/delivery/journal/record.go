package journal

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// A record is
//
//	magic 2 | kind 1 | length 2 | payload | CRC-32C of all before 4
//
// in little endian. After damage, the next record is found by its magic and
// believed by its sum.
const (
	magic0, magic1 = 0xA7, 0x4A
	headLen        = 5
	sumLen         = 4
	maxPayload     = 4096
	maxHeader      = 4 + 200
)

const (
	kindSegment = 1 // the first record of a file
	kindIntent  = 2
	kindReply   = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Reply is what a server answered, or that it did not.
type Reply struct {
	Message  int64
	Fence    int64
	Outcome  uint8 // the caller's own numbering
	Code     int   // SMTP's, 0 without a reply
	Enhanced string
	Text     string
	At       time.Time
}

// segmentHeader opens each file.
type segmentHeader struct {
	bootID string
	doubt  bool // earlier messages of this worker may have lost their records
}

func appendRecord(dst []byte, kind byte, payload func([]byte) []byte) []byte {
	start := len(dst)
	dst = append(dst, magic0, magic1, kind, 0, 0)
	dst = payload(dst)
	binary.LittleEndian.PutUint16(dst[start+3:], uint16(len(dst)-start-headLen))
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func appendHeader(dst []byte, h segmentHeader) []byte {
	return appendRecord(dst, kindSegment, func(b []byte) []byte {
		b = append(b, 1) // version of the format
		if h.doubt {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
		return appendString(b, h.bootID, 200)
	})
}

func appendIntent(dst []byte, message, fence int64, at time.Time) []byte {
	return appendRecord(dst, kindIntent, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint64(b, uint64(message))
		b = binary.LittleEndian.AppendUint64(b, uint64(fence))
		return binary.LittleEndian.AppendUint64(b, uint64(at.UnixMilli()))
	})
}

func appendReply(dst []byte, r Reply) []byte {
	return appendRecord(dst, kindReply, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Message))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Fence))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.At.UnixMilli()))
		b = append(b, r.Outcome)
		b = binary.LittleEndian.AppendUint16(b, uint16(r.Code))
		b = appendString(b, r.Enhanced, 32)
		return appendString(b, r.Text, 1000)
	})
}

func appendString(dst []byte, s string, limit int) []byte {
	s = s[:min(len(s), limit)]
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

// nextRecord finds the first sound record in data. skipped is how many bytes
// before it are none; with no record left, kind is 0 and skipped all of data.
func nextRecord(data []byte) (kind byte, payload, rest []byte, skipped int) {
	for at := 0; at+headLen+sumLen <= len(data); at++ {
		if data[at] != magic0 || data[at+1] != magic1 {
			continue
		}
		n := int(binary.LittleEndian.Uint16(data[at+3:]))
		end := at + headLen + n
		if n > maxPayload || end+sumLen > len(data) {
			continue
		}
		if binary.LittleEndian.Uint32(data[end:]) != crc32.Checksum(data[at:end], castagnoli) {
			continue
		}
		return data[at+2], data[at+headLen : end], data[end+sumLen:], at
	}
	return 0, nil, nil, len(data)
}

// reader takes a payload apart; after a short one ok is false and all else zero.
type reader struct {
	b  []byte
	ok bool
}

func (r *reader) take(n int) []byte {
	if !r.ok || len(r.b) < n {
		r.ok = false
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) int64() int64   { return int64(binary.LittleEndian.Uint64(r.take(8))) }
func (r *reader) uint16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }
func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) string() string {
	n := int(r.uint16())
	if !r.ok || len(r.b) < n {
		r.ok = false
		return ""
	}
	return string(r.take(n))
}

func parseHeader(payload []byte) (segmentHeader, bool) {
	r := reader{b: payload, ok: true}
	version, doubt, boot := r.byte(), r.byte(), r.string()
	return segmentHeader{bootID: boot, doubt: doubt != 0}, r.ok && version == 1
}

func parseIntent(payload []byte) (Reply, bool) {
	r := reader{b: payload, ok: true}
	e := Reply{Message: r.int64(), Fence: r.int64(), At: time.UnixMilli(r.int64()).UTC()}
	return e, r.ok
}

func parseReply(payload []byte) (Reply, bool) {
	r := reader{b: payload, ok: true}
	e := Reply{Message: r.int64(), Fence: r.int64(), At: time.UnixMilli(r.int64()).UTC(),
		Outcome: r.byte(), Code: int(r.uint16())}
	e.Enhanced, e.Text = r.string(), r.string()
	return e, r.ok
}
