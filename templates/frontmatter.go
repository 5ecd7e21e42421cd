package templates

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"rapport/templates/liquid"
)

// maxFrontMatter bounds what is given to the YAML parser.
const maxFrontMatter = 64 << 10

// scalar is a text of the front matter with its place. text is the value, pos
// where it begins in the file.
type scalar struct {
	text string
	pos  liquid.Pos
	set  bool
}

// meta is the front matter of a template.
type meta struct {
	subject, preheader, layout, topic, kind scalar
	languages                               []languageFile
}

type languageFile struct {
	language, file scalar
}

var metaKeys = []string{"subject", "preheader", "layout", "topic", "languages", "kind"}

// splitFrontMatter parts a file into front matter and body. bodyLine is the
// line of the file on which the body begins. ok is false when there is none.
func splitFrontMatter(src string) (front, body string, bodyLine int, ok, closed bool) {
	if !strings.HasPrefix(src, "---\n") && src != "---" {
		return "", src, 1, false, true
	}
	rest := strings.TrimPrefix(src, "---\n")
	line, off := 2, 0
	for l := range strings.SplitAfterSeq(rest, "\n") {
		line++
		if strings.TrimRight(l, " \t\n") == "---" {
			return rest[:off], rest[off+len(l):], line, true, true
		}
		off += len(l)
	}
	return rest, "", line, true, false
}

var yamlLine = regexp.MustCompile(`line (\d+)(?:, column (\d+))?`)

// readFrontMatter reads the YAML strictly; mistakes become findings.
func (c *compiler) readFrontMatter(file, front string) (m meta) {
	report := func(line, column int, hint, message string) {
		c.add(Finding{file, line, column, CodeFrontMatter, message, hint})
	}
	if len(front) > maxFrontMatter {
		report(2, 1, "", "the front matter is longer than 64 KiB")
		return m
	}
	if i := strings.IndexByte(front, '\t'); i >= 0 {
		pos := posIn(front, i)
		report(pos.Line+1, pos.Column, "YAML takes blanks only", "a tab in the front matter")
		return m
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(front), &doc); err != nil {
		if line, column := unquotedLiquid(front); line > 0 {
			report(line+1, column, quoteLiquid, "Liquid without quotes is no YAML")
			return m
		}
		line, column, message := yamlMistake(err)
		report(line+1, column, "", message)
		return m
	}
	if len(doc.Content) == 0 {
		return m
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		report(root.Line+1, root.Column, "", "the front matter is a list of keys and values, such as subject: Hello")
		return m
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		name := key.Value
		if !slices.Contains(metaKeys, name) {
			hint := ""
			if near := liquid.Closest(name, metaKeys); near != "" {
				hint = "did you mean " + near + "?"
				name = near // one mistake, one finding: it counts as the key meant
			} else {
				hint = "known are " + strings.Join(metaKeys, ", ")
			}
			report(key.Line+1, key.Column, hint, "there is no key "+strconv.Quote(key.Value))
			if name == key.Value || seen[name] {
				continue
			}
		}
		if seen[name] {
			report(key.Line+1, key.Column, "", "the key "+name+" stands twice")
			continue
		}
		seen[name] = true
		c.metaValue(&m, file, name, value, front)
	}
	return m
}

func (c *compiler) metaValue(m *meta, file, name string, value *yaml.Node, front string) {
	if name == "languages" {
		m.languages = c.languageFiles(file, value, front)
		return
	}
	s, ok := c.scalar(file, name, value, front)
	if !ok {
		return
	}
	switch name {
	case "subject":
		m.subject = s
	case "preheader":
		m.preheader = s
	case "layout":
		m.layout = s
	case "topic":
		m.topic = s
	case "kind":
		if s.text != Marketing && s.text != Transactional {
			c.add(Finding{file, s.pos.Line, s.pos.Column, CodeFrontMatter, "there is no kind " + strconv.Quote(s.text), "marketing or transactional"})
			return
		}
		m.kind = s
	}
}

func (c *compiler) languageFiles(file string, value *yaml.Node, front string) (list []languageFile) {
	if value.Kind != yaml.MappingNode {
		c.add(Finding{file, value.Line + 1, value.Column, CodeFrontMatter, "languages is a map of languages and files, such as { de: guide.de.md }", ""})
		return nil
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		lang, okLang := c.scalar(file, "language", value.Content[i], front)
		f, ok := c.scalar(file, "languages."+value.Content[i].Value, value.Content[i+1], front)
		if okLang && ok {
			list = append(list, languageFile{lang, f})
		}
	}
	return list
}

// scalar reads one text.
func (c *compiler) scalar(file, name string, n *yaml.Node, front string) (scalar, bool) {
	f := Finding{File: file, Line: n.Line + 1, Column: n.Column, Code: CodeFrontMatter}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		f.Message = "no anchors and aliases in the front matter"
	case n.Kind == yaml.MappingNode && looksLikeLiquid(n):
		f.Message, f.Hint = name+" is a map, not a text", quoteLiquid
	case n.Kind != yaml.ScalarNode:
		f.Message = name + " is a text, not a list or map"
	case n.Tag == "!!null":
		f.Message = name + " has no value"
	case n.Tag != "!!str":
		f.Message, f.Hint = name+" is a text", "put it into quotes"
	default:
		return scalar{text: n.Value, pos: scalarPos(file, n), set: true}, true
	}
	c.add(f)
	return scalar{}, false
}

const quoteLiquid = `YAML reads an unquoted {{ as a map: put the whole value into quotes, as in subject: "{{ contact.first_name }}"`

// scalarPos is where a scalar's text begins: behind the quote, or on the line
// after | and >.
func scalarPos(file string, n *yaml.Node) liquid.Pos {
	pos := liquid.Pos{Name: file, Line: n.Line + 1, Column: n.Column}
	switch n.Style {
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		pos.Column++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		pos.Line++
		pos.Column = 3
	}
	return pos
}

// looksLikeLiquid: {{ x }} without quotes is a map whose key is a map.
func looksLikeLiquid(n *yaml.Node) bool {
	return len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode
}

// unquotedLiquid finds a value that holds Liquid and has no quotes. It is asked
// only of what is no YAML.
func unquotedLiquid(front string) (line, column int) {
	for l := range strings.SplitSeq(front, "\n") {
		line++
		key, value, ok := strings.Cut(l, ":")
		trimmed := strings.TrimLeft(value, " ")
		quoted := strings.HasPrefix(trimmed, `"`) || strings.HasPrefix(trimmed, "'")
		if ok && !quoted && (strings.Contains(trimmed, "{{") || strings.HasPrefix(trimmed, "{%")) {
			return line, len(key) + 2 + len(value) - len(trimmed)
		}
	}
	return 0, 0
}

// yamlMistake takes line and message out of the parser's error.
func yamlMistake(err error) (line, column int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	line, column = 1, 1
	if m := yamlLine.FindStringSubmatchIndex(message); m != nil {
		line, _ = strconv.Atoi(message[m[2]:m[3]])
		if m[4] >= 0 {
			column, _ = strconv.Atoi(message[m[4]:m[5]])
		}
	}
	if i := strings.LastIndex(message, ": "); i >= 0 {
		message = message[i+2:]
	}
	return line, column, "this is no YAML: " + message
}

// posIn gives line and column of an offset.
func posIn(s string, off int) liquid.Pos {
	before := s[:off]
	return liquid.Pos{Line: 1 + strings.Count(before, "\n"), Column: off - strings.LastIndexByte(before, '\n')}
}
