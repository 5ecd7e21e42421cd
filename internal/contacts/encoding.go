package contacts

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Encodings that ImportOptions.Encoding takes.
const (
	EncodingAuto        = ""
	EncodingUTF8        = "utf-8"
	EncodingUTF16       = "utf-16"
	EncodingWindows1252 = "windows-1252"
)

// sampleSize is how much of a file is looked at before its form is decided.
const sampleSize = 64 << 10

// open decodes a file to UTF-8 with line ends of \n, and says in a note when it
// was something else.
func open(r io.Reader, encoding string) (in *bufio.Reader, note string, err error) {
	raw := bufio.NewReaderSize(r, sampleSize)
	sample, err := raw.Peek(sampleSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", fmt.Errorf("cannot read the file: %w", err)
	}
	if encoding == EncodingAuto {
		encoding = detect(sample)
	}
	var decoded io.Reader = raw
	switch encoding {
	case EncodingUTF8:
		if bytes.HasPrefix(sample, []byte("\xef\xbb\xbf")) {
			if _, err := raw.Discard(3); err != nil {
				return nil, "", err
			}
		}
	case EncodingUTF16:
		order := unicode.LittleEndian
		if len(sample) > 1 && sample[0] == 0 {
			order = unicode.BigEndian
		}
		decoded = unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(raw)
		note = "the file is UTF-16 and was converted"
	case EncodingWindows1252:
		decoded = charmap.Windows1252.NewDecoder().Reader(raw)
		note = "the file is not UTF-8; it was read as Windows-1252"
	default:
		return nil, "", fmt.Errorf("%q is not an encoding: write utf-8, utf-16 or windows-1252", encoding)
	}
	in = bufio.NewReaderSize(decoded, sampleSize)
	if sample, _ = in.Peek(sampleSize); bytes.IndexByte(sample, '\r') >= 0 && bytes.IndexByte(sample, '\n') < 0 {
		in = bufio.NewReaderSize(returns{in}, sampleSize)
	}
	return in, note, nil
}

// detect guesses an encoding. It takes Windows-1252 only on good evidence: at
// least three lines with letters of it and none with those of UTF-8. With less,
// lines that are not UTF-8 are rejected one by one, which loses nothing.
func detect(sample []byte) string {
	if bytes.HasPrefix(sample, []byte("\xff\xfe")) || bytes.HasPrefix(sample, []byte("\xfe\xff")) {
		return EncodingUTF16
	}
	if len(sample) >= 4 && (sample[0] == 0) != (sample[1] == 0) && (sample[2] == 0) == (sample[0] == 0) && (sample[3] == 0) == (sample[1] == 0) {
		return EncodingUTF16
	}
	lines := 0
	for line := range bytes.Lines(sample) {
		high := false
		for len(line) > 0 {
			r, size := utf8.DecodeRune(line)
			switch {
			case r != utf8.RuneError && size > 1:
				return EncodingUTF8
			case size == 1 && line[0] >= 0xC0:
				high = true
			case size == 1 && line[0] >= 0x80 && charmap.Windows1252.DecodeByte(line[0]) == utf8.RuneError:
				return EncodingUTF8 // not a character there either
			}
			line = line[size:]
		}
		if high {
			lines++
		}
	}
	if lines >= 3 {
		return EncodingWindows1252
	}
	return EncodingUTF8
}

// returns turns the line ends of old spreadsheets, \r alone, into \n.
type returns struct{ in io.Reader }

func (r returns) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}
