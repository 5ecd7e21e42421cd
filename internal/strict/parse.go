package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Bounds of a file. Real files of a workspace use a few per cent of them.
const (
	maxBytes  = 1 << 20
	maxDepth  = 64
	maxNodes  = 100_000 // after aliases are followed
	bom       = "\xef\xbb\xbf"
	utf16LE   = "\xff\xfe"
	utf16BE   = "\xfe\xff"
	wholeFile = 1
)

// document is what all nodes of a file share.
type document struct {
	file      string
	lines     []string
	firstLine int // the line of the file on which lines[0] stands
	findings  *Findings
	bad       map[*yaml.Node]bool   // their fault is reported: say nothing more
	unset     map[*yaml.Node]bool   // a variable in them has no value
	written   map[*yaml.Node]string // what stood there before variables were filled in
}

// Parse reads exactly one YAML document. It answers false when there is nothing
// to read; the reason is among the findings.
func Parse(file string, data []byte, f *Findings) (Node, bool) {
	return ParseAt(file, data, 1, f)
}

// ParseAt is Parse for a piece of a file whose first line is firstLine of the
// whole, such as front matter.
func ParseAt(file string, data []byte, firstLine int, f *Findings) (Node, bool) {
	d := &document{
		file: file, firstLine: firstLine, findings: f,
		bad: map[*yaml.Node]bool{}, unset: map[*yaml.Node]bool{}, written: map[*yaml.Node]string{},
	}
	data, ok := d.readable(data)
	if !ok {
		return Node{}, false
	}
	d.lines = strings.Split(string(data), "\n")
	root, ok := d.load(data)
	if !ok {
		return Node{}, false
	}
	if !d.inspect(root) {
		return Node{}, false
	}
	return Node{y: resolve(root), doc: d}, true
}

// readable checks what has to hold before YAML is looked at.
func (d *document) readable(data []byte) ([]byte, bool) {
	switch {
	case len(data) > maxBytes:
		d.add(wholeFile, 1, CodeTooLarge, "split it into several files",
			"the file has %.1f MB; at most 1 MB is read", float64(len(data))/(1<<20))
		return nil, false
	case bytes.HasPrefix(data, []byte(utf16LE)), bytes.HasPrefix(data, []byte(utf16BE)):
		d.add(wholeFile, 1, CodeEncoding, "save it as UTF-8", "the file is in UTF-16, not in UTF-8")
		return nil, false
	case bytes.HasPrefix(data, []byte(bom)):
		data = data[len(bom):]
		d.add(wholeFile, 1, CodeEncoding, `save it as "UTF-8", not as "UTF-8 with BOM"`, "the file starts with a byte-order mark")
	}
	line, column := 1, 0
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		column++
		switch {
		case r == utf8.RuneError && size == 1:
			d.lines = strings.Split(strings.ToValidUTF8(string(data), "\uFFFD"), "\n")
			d.add(line, column, CodeEncoding, "save the file as UTF-8", "this is not UTF-8")
			return nil, false
		case r == '\n':
			line, column = line+1, 0
		case r != '\t' && r != '\r' && unicode.IsControl(r):
			d.lines = strings.Split(string(data), "\n")
			d.add(line, column, CodeEncoding, "remove it", "the file holds a control character (%U)", r)
			return nil, false
		}
		rest = rest[size:]
	}
	return data, true
}

// load turns bytes into one tree. A panic of the library becomes a finding: a
// strange file must not take the program down.
func (d *document) load(data []byte) (root *yaml.Node, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			d.add(wholeFile, 1, CodeSyntax, "", "the file cannot be read as YAML: %v", r)
			root, ok = nil, false
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(
		loaderlimits.DepthFunc(func(depth int, _ *yaml.DepthContext) error {
			if depth > maxDepth {
				return errDepth
			}
			return nil
		}),
		loaderlimits.AliasNone(), // inspect counts what aliases grow to
	)))
	if err != nil {
		d.add(wholeFile, 1, CodeSyntax, "", "the file cannot be read as YAML: %v", err)
		return nil, false
	}
	var first, second yaml.Node
	switch err := loader.Load(&first); {
	case errors.Is(err, io.EOF):
		d.empty()
		return nil, false
	case err != nil:
		d.explain(err)
		return nil, false
	}
	if len(first.Content) == 0 || first.Content[0].ShortTag() == "!!null" && first.Content[0].Value == "" {
		d.empty()
		return nil, false
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.explain(err)
		return nil, false
	default:
		line, column := second.Line, second.Column
		if len(second.Content) > 0 {
			line, column = d.separatorAbove(second.Content[0].Line), 1
		}
		d.add(line, column, CodeSyntax, "put it into a file of its own", "a second document starts here; a file holds one")
		return nil, false
	}
	return first.Content[0], true
}

var errDepth = fmt.Errorf("nested more than %d levels deep", maxDepth)

// separatorAbove is the line of the "---" that opened the document on a line.
func (d *document) separatorAbove(line int) int {
	for l := min(line, len(d.lines)); l > 0; l-- {
		if strings.HasPrefix(d.lines[l-1], "---") {
			return l
		}
	}
	return line
}

func (d *document) empty() {
	d.lines = nil // no line to show
	d.add(wholeFile, 1, CodeSyntax, "", "the file is empty")
}

// add makes a finding at a line and column of the piece that was parsed.
func (d *document) add(line, column int, code, hint, format string, a ...any) {
	d.report(line, column, Finding{Code: code, Hint: hint, Message: fmt.Sprintf(format, a...)})
}

func (d *document) report(line, column int, f Finding) {
	line = max(line, 1)
	f.File, f.Line, f.Column, f.Source = d.file, line+d.firstLine-1, max(column, 1), d.line(line)
	d.findings.Add(f)
}

func (d *document) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return strings.TrimSuffix(d.lines[n-1], "\r")
}
