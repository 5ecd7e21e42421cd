package quoted

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// plain is the encoding said as simply as it can be: byte by byte, greedily.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	var lines []string
	for text := range strings.SplitSeq(s, "\n") {
		line := ""
		for i := range len(text) {
			c := text[i]
			unit := string(c)
			last := i == len(text)-1
			if len(line)+1 > maxLine {
				lines, line = append(lines, line+"="), ""
			}
			if !literal[c] || last && (c == ' ' || c == '\t') || line == "" && (c == '.' || c == 'F') {
				unit = "=" + string(hexDigits[c>>4]) + string(hexDigits[c&15])
				if len(line)+3 > maxLine {
					lines, line = append(lines, line+"="), ""
				}
			}
			line += unit
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\r\n")
}

// texts are made of what goes wrong at the ends of lines and pieces.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom([]rune("aF .=\t\r\né€😀")), 0, 300, -1),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"word", " ", "  ", "\t", "From ", "Fr", "om ", ".", "..", "=", "\r\n", "\n", "\r",
			"é", "😀", "\u007f", "\x00", strings.Repeat("x", 71), strings.Repeat("x", 75), strings.Repeat("é", 40), " \n"}), 0, 12),
			func(s []string) string { return strings.Join(s, "") }),
	)
}

// However a text comes, in pieces that were encoded before and in values that
// were not, it reads the same, and each of them costs one line more at most.
func TestPiecesReadAsTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole strings.Builder
		pieces := 0
		var l Line
		var p Piece // one for all, as its memory is used again
		before := []byte("Header: x\r\n\r\n")
		got := bytes.Clone(before)
		for _, text := range rapid.SliceOfN(texts(), 0, 12).Draw(t, "texts") {
			if !utf8.ValidString(text) {
				continue
			}
			whole.WriteString(text)
			pieces++
			if rapid.Bool().Draw(t, "literal") {
				p.Set([]byte(text))
				got = l.Piece(got, &p)
			} else {
				mark, isText := len(got), false
				if got, isText = l.Encode(append(got, text...), mark); !isText {
					t.Fatalf("%q is text", text)
				}
			}
		}
		got = l.End(got)[len(before):]
		want := plain(whole.String())
		// What begins or ends a line may be written as three characters.
		if most := len(want) + pieces*len("=\r\n=20"); len(got) > most {
			t.Fatalf("%d pieces take %d bytes and not at most %d\n%q\n%q", pieces, len(got), most, got, want)
		}
		if one := Append(nil, whole.String()); string(one) != want {
			t.Fatalf("Append gives\n%q\nnot\n%q", one, want)
		}
		check(t, whole.String(), got)
	})
}

// check fails unless data is s as RFC 2045 wants it.
func check(t interface{ Fatalf(string, ...any) }, s string, data []byte) {
	for line := range bytes.SplitSeq(data, []byte("\r\n")) {
		switch {
		case len(line) > 76:
			t.Fatalf("%d characters in %q", len(line), line)
		case bytes.ContainsAny(line, "\r\n"):
			t.Fatalf("a bare CR or LF in %q", line)
		case bytes.HasPrefix(line, []byte(".")), bytes.HasPrefix(line, []byte("From ")):
			t.Fatalf("the beginning of %q", line)
		case bytes.HasSuffix(line, []byte(" ")), bytes.HasSuffix(line, []byte("\t")):
			t.Fatalf("a blank at the end of %q", line)
		case bytes.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }):
			t.Fatalf("not printable: %q", line)
		}
	}
	want := strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	want = strings.ReplaceAll(strings.ToValidUTF8(want, "\uFFFD"), "\n", "\r\n")
	back, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(data)))
	if err != nil || string(back) != want {
		t.Fatalf("%q became %q and %q (%v)", s, data, back, err)
	}
}

// What is not UTF-8 is said so, wherever in the text it stands.
func TestEncodeSaysWhatIsNoText(t *testing.T) {
	for _, s := range []string{"\xff", "Ana\xff", "é\xc3", strings.Repeat("x", 80) + "\xa0", "=\xff"} {
		var l Line
		if _, isText := l.Encode([]byte(s), 0); isText {
			t.Errorf("%q is text", s)
		}
	}
}

func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "a b ", ".x\r\n.", strings.Repeat("x", 76), strings.Repeat("é", 40), "=\t\r", "From \nFrom", "\r\r\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { check(t, s, Append(nil, s)) })
}

const paragraph = "<p style=\"margin:0 0 18px 0\">A paragraph with some words in it, a café and a <a href=\"https://x.example/\">link</a>.</p>\n"

func BenchmarkAppend(b *testing.B) {
	text := strings.Repeat(paragraph, 170)
	var dst []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst = Append(dst[:0], text)
	}
}

// BenchmarkPieces is the same text as a template has it: with a value every
// few words.
func BenchmarkPieces(b *testing.B) {
	var pieces [4]Piece
	for i, s := range strings.SplitAfterN(paragraph, " ", 4) {
		pieces[i].Set([]byte(s))
	}
	var dst []byte
	b.SetBytes(int64(170 * len(paragraph)))
	for b.Loop() {
		var l Line
		dst = dst[:0]
		for range 170 {
			for i := range pieces {
				dst = l.Piece(dst, &pieces[i])
				mark := len(dst)
				dst, _ = l.Encode(append(dst, "x"...), mark)
			}
		}
		dst = l.End(dst)
	}
}
